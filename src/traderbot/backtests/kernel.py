"""The compiled path: targets played over raw bars in whole numbers, with the fills of the engine.

Prices are in billionths, money in millionths, quantities in shares. Every rounding is the one of
model.rounding that it names. All compiled functions stand in this one file, as numba looks at a function's
own file alone to tell whether its copy on disk is out of date.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from traderbot.model.bars import Floats
from traderbot.model.errors import InvalidValue

Whole = NDArray[np.int64]

PLAYED, TOO_LARGE, NOT_WHOLE = 0, 1, 2
DIVIDEND, SPLIT = 0, 1
# places in `terms`, and what `_play` keeps after them
CASH, LOT, UNITS_NUM, UNITS_DEN, SLIP_NUM, SLIP_DEN, FEE_NUM, FEE_DEN, HELD_NUM, HELD_DEN = range(10)
COLLAR_NUM, COLLAR_DEN, MOST, SET_ASIDE, DIVIDENDS, COUNT, WAITING, KEPT = range(10, 18)
# columns of a table of bars, of fills, and of what is known of an instrument
OPEN, MARK, ROOM, LAST = range(4)
ROW, OWNER, QTY, PRICE, VALUE, FEE = range(6)
HELD, WANTED, WEIGHT, FRESH, ASKED, HIGHEST, HOLD, UNTIL, QUEUED, KNOWN = range(10)
_LIMIT = 9.0e18
_BILLION = 1_000_000_000
compiled = njit(cache=True, nogil=True, error_model="numpy")
within = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)


class Played(NamedTuple):
    """status: PLAYED, or why the whole numbers do not hold the run. fills: int64 (k, 6), oldest first: row of
    the step, column of the instrument, shares (negative: sold), price, value and fee. paid: int64 (d, 3), the
    dividends: row, column and cash. cash, equity: at the end. held: shares at the end (N,).
    """

    status: int
    fills: Whole
    paid: Whole
    cash: int
    equity: int
    held: Whole


@within
def fits(one, other):  # type: ignore[no-untyped-def]
    """Whether a product of two whole numbers fits 64 bits, with room for what is added to it."""
    return abs(float(one) * float(other)) < _LIMIT


@within
def half_even(value, unit):  # type: ignore[no-untyped-def]
    """value / unit rounded half-even; neither negative."""
    whole = value // unit
    rest = value - whole * unit
    if 2 * rest > unit or (2 * rest == unit and whole % 2 == 1):
        whole += 1
    return whole


@within
def share(value, num, den):  # type: ignore[no-untyped-def]
    """value x num / den as a whole part and the rest of the division by den."""
    whole = value // den
    rest = (value - whole * den) * num
    part = rest // den
    return whole * num + part, rest - part * den


@within
def price_at(price, num, den, up):  # type: ignore[no-untyped-def]
    """rounding.price_at for a factor of 1 plus or minus num / den."""
    if num == 0:
        return price
    whole, rest = share(price, num, den)
    if up:
        whole += price
    else:
        whole = price - whole
        if rest:
            whole, rest = whole - 1, den - rest
    if 2 * rest > den or (2 * rest == den and whole % 2 == 1):
        whole += 1
    return max(whole, 1)


@within
def fee_of(value, num, den):  # type: ignore[no-untyped-def]
    """rounding.fee."""
    return share(value, num, den)[0]


@within
def hold_of(qty, price, num, den):  # type: ignore[no-untyped-def]
    """rounding.hold."""
    value = qty * price
    whole, rest = share(value, num, den)
    whole += value
    up = 1 if rest or whole % 1000 else 0
    return whole // 1000 + up + 1


@within
def affordable(cash, price, num, den, lot):  # type: ignore[no-untyped-def]
    """rounding.affordable in lots of whole shares; the guess in floats is put right in whole numbers."""
    spend = (cash - 1) * 1000
    if spend <= 0:
        return 0
    each = price * lot
    lots = int(float(spend) / (float(each) * (1.0 + float(num) / float(den))) * (1.0 + 2e-15)) + 1
    while lots > 0:
        value = lots * each
        whole, rest = share(value, num, den)
        whole += value
        if whole < spend or (whole == spend and rest == 0):
            break
        lots -= 1
    return lots * lot


@compiled
def _changes(targets, column, found):  # type: ignore[no-untyped-def]
    """The changes of one column, written over `found`; how many; -1 where a target is infinite."""
    count, last, exact = 0, 0.0, np.int64(0)
    for row in range(len(targets)):
        weight = targets[row, column]
        if weight == last or weight != weight:
            continue
        if not abs(weight) < 9.0e9:
            return -1
        last = weight
        scaled = np.int64(np.rint(weight * 1e9))
        if scaled != exact:
            exact = scaled
            if count < len(found):
                found[count, 0], found[count, 1], found[count, 2] = row, column, scaled
            count += 1
    return count


def changes_of(targets: Floats) -> Whole:
    """Where a target differs from the last one that was given: int64 (k, 3), row, column and weight in
    billionths, in the order of the rows.

    targets: float64 (T, N), NaN for no opinion. Errors: InvalidValue for a weight that is infinite.
    """
    parts = []
    for column in range(targets.shape[1]):
        found = np.empty((4096, 3), np.int64)
        count = _changes(targets, column, found)
        if count > len(found):
            found = np.empty((count, 3), np.int64)
            count = _changes(targets, column, found)
        if count < 0:
            raise InvalidValue("signal", "finite weights, NaN for no opinion", "an infinite one")
        parts.append(found[:count])
    if len(parts) == 1:
        return parts[0]
    changes = np.concatenate(parts)
    return changes[np.argsort(changes[:, 0], kind="stable")]


@within
def _equity(row, table, state, cash):  # type: ignore[no-untyped-def]
    """Cash and positions at their marks; -1 where a value does not fit."""
    total = cash
    for column in range(len(state)):
        held = state[column, HELD]
        if held:
            if not fits(held, table[row, column, MARK]):
                return -1
            total += half_even(held * table[row, column, MARK], 1000)
    return total


@within
def _shares(weight, num, den, lot, equity, close):  # type: ignore[no-untyped-def]
    """Shares that a target asks for, in whole lots; -1 where they cannot be counted."""
    if den:
        if not fits(weight, num):
            return -1
        return weight * num // (_BILLION * den * lot) * lot
    thousands = equity // _BILLION
    budget = thousands * weight + (equity - thousands * _BILLION) * weight // _BILLION
    if not fits(budget, 1000):
        return -1
    return budget * 1000 // (close * lot) * lot


@within
def _end(column, state, book):  # type: ignore[no-untyped-def]
    """Close an order and give back its hold."""
    book[SET_ASIDE] -= state[column, HOLD]
    state[column, ASKED] = state[column, HOLD] = 0


@compiled
def _act(action, state, book):  # type: ignore[no-untyped-def]
    """A dividend or split on its ex-date."""
    column, kind, one, other = action[1], action[2], action[3], action[4]
    held, asked, highest = state[column, HELD], state[column, ASKED], state[column, HIGHEST]
    if not fits(held, one) or not fits(asked, one) or not fits(highest, other):
        return TOO_LARGE
    if kind == DIVIDEND:
        book[DIVIDENDS] = half_even(held * one, 1000)
        book[CASH] += book[DIVIDENDS]
        return PLAYED
    if held * one % other:
        return NOT_WHOLE
    state[column, HELD] = held * one // other
    if asked and one < other:
        _end(column, state, book)
    elif asked * one % other:
        return NOT_WHOLE
    elif asked:
        state[column, ASKED] = asked * one // other
        state[column, HIGHEST] = max(highest * other // one, 1)
    return PLAYED


@within
def _execute(row, column, table, state, book, fills):  # type: ignore[no-untyped-def]
    """An order against a bar: slippage, the collar, participation. False where a value does not fit."""
    asked, room = state[column, ASKED], table[row, column, ROOM]
    price = price_at(table[row, column, OPEN], book[SLIP_NUM], book[SLIP_DEN], asked > 0)
    qty = min(abs(asked), room)
    if asked > 0 and price > state[column, HIGHEST]:
        qty = min(qty, affordable(state[column, HOLD], price, book[FEE_NUM], book[FEE_DEN], 1))
    if qty <= 0:
        return True
    if not fits(qty, price):
        return False
    value = half_even(qty * price, 1000)
    fee = fee_of(value, book[FEE_NUM], book[FEE_DEN])
    signed = qty if asked > 0 else -qty
    count = book[COUNT]
    fills[count, ROW], fills[count, OWNER], fills[count, QTY] = row, column, signed
    fills[count, PRICE], fills[count, VALUE], fills[count, FEE] = price, value, fee
    book[COUNT] = count + 1
    state[column, HELD] += signed
    book[CASH] -= (value if asked > 0 else -value) + fee
    return True


@compiled
def _meet(row, table, state, book, fills):  # type: ignore[no-untyped-def]
    """The bars of a step against the open orders, oldest first. No order outlives a bar of its instrument."""
    waiting, kept = book[WAITING], 0
    for place in range(waiting):
        column = state[place, QUEUED]
        if state[column, ASKED] == 0:
            continue
        if table[row, column, OPEN] != 0 and row <= state[column, UNTIL]:
            if not _execute(row, column, table, state, book, fills):
                return TOO_LARGE
            _end(column, state, book)
        elif row >= state[column, UNTIL]:
            _end(column, state, book)
        else:
            state[kept, QUEUED] = column
            kept += 1
    book[WAITING] = kept
    return PLAYED


@within
def _place(row, column, qty, table, state, book):  # type: ignore[no-untyped-def]
    """Place a market order of the day, unless it is refused or not paid for; False where it does not fit."""
    size, mark, hold = abs(qty), table[row, column, MARK], 0
    highest = mark
    if qty > 0:
        highest = price_at(mark, book[COLLAR_NUM], book[COLLAR_DEN], True)
        spare = book[CASH] - book[SET_ASIDE]
        if not fits(spare, 2000) or not fits(size, highest):
            return False
        hold = hold_of(size, highest, book[HELD_NUM], book[HELD_DEN])
        if hold > spare:
            size = affordable(spare, highest, book[HELD_NUM], book[HELD_DEN], book[LOT])
            hold = hold_of(size, highest, book[HELD_NUM], book[HELD_DEN])
    if not fits(size, mark):
        return False
    if size <= 0 or size * mark > book[MOST]:
        return True
    book[SET_ASIDE] += hold
    state[column, ASKED] = size if qty > 0 else -size
    state[column, HIGHEST], state[column, HOLD], state[column, UNTIL] = highest, hold, table[row, 0, LAST]
    state[book[WAITING], QUEUED] = column
    book[WAITING] += 1
    return True


@within
def _want(row, table, state, book):  # type: ignore[no-untyped-def]
    """Set anew what is wanted of the instruments of this step whose target changed, and end all orders of
    the step's instruments.
    """
    equity = np.int64(-2)
    for column in range(len(state)):
        if table[row, column, OPEN] == 0:
            continue
        if state[column, FRESH]:
            if equity == -2:
                equity = _equity(row, table, state, book[CASH])
                if equity < 0:
                    return False
            close = table[row, column, MARK]
            num, den, lot = book[UNITS_NUM], book[UNITS_DEN], book[LOT]
            wanted = _shares(state[column, WEIGHT], num, den, lot, equity, close)
            if wanted < 0:
                return False
            state[column, WANTED], state[column, FRESH] = wanted, 0
        if state[column, ASKED] != 0:
            _end(column, state, book)
    return True


@compiled
def _decide(row, table, state, book):  # type: ignore[no-untyped-def]
    """Orders for what is missing: sales first, then buys, in the order of the instruments. Whether something
    is still missing, or -1 where a value does not fit.
    """
    if not _want(row, table, state, book):
        return -1
    missing = 0
    for selling in (True, False):
        for column in range(len(state)):
            short = state[column, WANTED] - state[column, HELD]
            if short == 0 or (short < 0) != selling:
                missing += state[column, FRESH]
                continue
            missing += 1
            if table[row, column, OPEN] == 0 or row == len(table) - 1:
                continue
            if not _place(row, column, short, table, state, book):
                return -1
    return missing


@compiled
def _pay(row, place, actions, paid, state, book):  # type: ignore[no-untyped-def]
    """The actions due in a row: how it went, and the place of the next one."""
    status = PLAYED
    while place < len(actions) and actions[place, 0] == row and status == PLAYED:
        book[DIVIDENDS] = 0
        status = _act(actions[place], state, book)
        paid[place, 0], paid[place, 1], paid[place, 2] = row, actions[place, 1], book[DIVIDENDS]
        place += 1
    return status, place


@compiled
def _play(table, changes, actions, terms):  # type: ignore[no-untyped-def]
    """Visit the rows where something is due: a change of target, an action, an order or a share missing."""
    rows, columns = table.shape[0], table.shape[1]
    state, book = np.zeros((columns, KNOWN), np.int64), np.zeros(KEPT, np.int64)
    book[: len(terms)] = terms
    fills, paid = np.empty((256 + columns, 6), np.int64), np.zeros((len(actions), 3), np.int64)
    change = action = missing = 0
    row, status = -1, PLAYED
    while True:
        following = row + 1 if missing or book[WAITING] else rows
        if change < len(changes):
            following = min(following, changes[change, 0])
        if action < len(actions):
            following = min(following, actions[action, 0])
        row = following
        if row >= rows or status != PLAYED:
            break
        if action < len(actions) and actions[action, 0] == row:
            status, action = _pay(row, action, actions, paid, state, book)
        if book[WAITING] and status == PLAYED:
            if len(fills) < book[COUNT] + columns:
                more = np.empty((4 * len(fills), 6), np.int64)
                more[: len(fills)] = fills
                fills = more
            status = _meet(row, table, state, book, fills)
        while change < len(changes) and changes[change, 0] == row:
            column = changes[change, 1]
            state[column, WEIGHT], state[column, FRESH] = changes[change, 2], 1
            change += 1
        if status == PLAYED:
            missing = _decide(row, table, state, book)
            status = TOO_LARGE if missing < 0 else PLAYED
    equity = _equity(rows - 1, table, state, book[CASH])
    status = TOO_LARGE if equity < 0 else status
    return status, fills[: book[COUNT]], paid[:action], book[CASH], equity, state[:, HELD].copy()


def play(table: Whole, changes: Whole, actions: Whole, terms: Whole) -> Played:
    """Play changes of targets over bars. table, actions: as in tape.Tape; terms: of tape.terms_of."""
    status, fills, paid, *rest = _play(table, changes, actions, terms)
    return Played(status, fills.copy(), paid, *rest)  # what was set aside to grow into is let go
