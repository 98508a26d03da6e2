"""The compiled path: targets played over raw bars in whole numbers, with the fills of the engine.

Prices are in billionths, money in millionths, quantities in shares. Every rounding is the one of
model.rounding that it names. All compiled functions stand in this one file, as numba looks at a function's
own file alone to tell whether its copy on disk is out of date.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Whole = NDArray[np.int64]

PLAYED, TOO_LARGE, NOT_WHOLE, SHORT, UNPRICED = range(5)
DIVIDEND, SPLIT = 0, 1
# places in `terms`, and what `_play` keeps after them
CASH, LOT, UNITS_NUM, UNITS_DEN, SLIP_NUM, SLIP_DEN, FEE_NUM, FEE_DEN, HELD_NUM, HELD_DEN = range(10)
COLLAR_NUM, COLLAR_DEN, MOST, SET_ASIDE, DIVIDENDS, COUNT, WAITING, NAMED, KEPT = range(10, 19)
# columns of a table of bars, of fills, and of what is known of an instrument
OPEN, MARK, ROOM, LAST, FRESH = range(5)
ROW, OWNER, QTY, PRICE, VALUE, FEE = range(6)
HELD, WANTED, SET, ASKED, SPENT, CHARGED, HIGHEST, HOLD, UNTIL, QUEUED, RANKED, KNOWN = range(12)
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
    wanted = state[column, WANTED]
    if not fits(wanted, one):
        return TOO_LARGE
    if held * one % other or wanted * one % other:
        return NOT_WHOLE
    state[column, HELD], state[column, WANTED] = held * one // other, wanted * one // other
    if asked and one < other:
        _end(column, state, book)
    elif asked * one % other:
        return NOT_WHOLE
    elif asked:
        state[column, ASKED] = asked * one // other
        state[column, HIGHEST] = max(highest * other // one, 1)
    return PLAYED


@within
def _record(row, column, qty, price, state, book, fills):  # type: ignore[no-untyped-def]
    """Book an execution, signed, of an open order; what it leaves of the hold is that of holds.hold_left."""
    value = half_even(abs(qty) * price, 1000)
    spent, charged = state[column, SPENT] + value, state[column, CHARGED]
    fee = max(fee_of(spent, book[FEE_NUM], book[FEE_DEN]) - charged, 0)
    count, hold = book[COUNT], state[column, HOLD]
    fills[count, ROW], fills[count, OWNER], fills[count, QTY] = row, column, qty
    fills[count, PRICE], fills[count, VALUE], fills[count, FEE] = price, value, fee
    book[COUNT] = count + 1
    state[column, HELD] += qty
    state[column, SPENT], state[column, CHARGED] = spent, charged + fee
    state[column, ASKED] -= qty
    book[CASH] -= (value if qty > 0 else -value) + fee
    purse = book[CASH] - book[SET_ASIDE] + hold
    rest = 0
    if hold and state[column, ASKED]:
        worst = hold_of(state[column, ASKED], state[column, HIGHEST], book[HELD_NUM], book[HELD_DEN])
        rest = max(0, min(worst, hold - value - fee + 1, purse))
    book[SET_ASIDE] += rest - hold
    state[column, HOLD] = rest
    return purse >= 0


@within
def _execute(row, column, table, state, book, fills):  # type: ignore[no-untyped-def]
    """An order against a bar: slippage, the collar, participation. False where a value does not fit."""
    asked, room = state[column, ASKED], table[row, column, ROOM]
    price = price_at(table[row, column, OPEN], book[SLIP_NUM], book[SLIP_DEN], asked > 0)
    remaining = abs(asked)
    most = remaining
    if asked > 0 and price > state[column, HIGHEST]:
        most = min(most, affordable(state[column, HOLD], price, book[FEE_NUM], book[FEE_DEN], 1))
    qty = min(most, room)
    if qty > 0:
        if not fits(qty, price):
            return False
        if not _record(row, column, qty if asked > 0 else -qty, price, state, book, fills):
            return False
    if most < remaining and qty == most:
        _end(column, state, book)
    return True


@compiled
def _meet(row, table, state, book, fills):  # type: ignore[no-untyped-def]
    """The bars of a step against the open orders, oldest first; then those whose day is over end."""
    waiting, kept = book[WAITING], 0
    for place in range(waiting):
        column = state[place, QUEUED]
        if state[column, ASKED] == 0:
            continue
        seen = table[row, column, OPEN] != 0 and table[row, column, ROOM] >= 0
        works = seen and row <= state[column, UNTIL]
        if works and not _execute(row, column, table, state, book, fills):
            return TOO_LARGE
        if state[column, ASKED] == 0:
            continue
        if row >= state[column, UNTIL]:
            _end(column, state, book)
        else:
            state[kept, QUEUED] = column
            kept += 1
    book[WAITING] = kept
    return PLAYED


@within
def _place(row, column, qty, highest, hold, table, state, book):  # type: ignore[no-untyped-def]
    """Place a market order of the day, signed, unless the gate refuses it; False where it does not fit."""
    if not fits(qty, table[row, column, MARK]):
        return False
    refused = abs(qty) * table[row, column, MARK] > book[MOST] or not table[row, column, FRESH]
    if refused or row == len(table) - 1:
        return True
    book[SET_ASIDE] += hold
    state[column, ASKED], state[column, SPENT], state[column, CHARGED] = qty, 0, 0
    state[column, HIGHEST], state[column, HOLD], state[column, UNTIL] = highest, hold, table[row, 0, LAST]
    state[book[WAITING], QUEUED] = column
    book[WAITING] += 1
    return True


@within
def _buy(row, column, qty, spare, table, state, book):  # type: ignore[no-untyped-def]
    """Buy what the spare cash surely pays for: the hold, or -1 where a value does not fit."""
    highest = price_at(table[row, column, MARK], book[COLLAR_NUM], book[COLLAR_DEN], True)
    if not fits(spare, 2000) or not fits(qty, highest):
        return -1
    hold = hold_of(qty, highest, book[HELD_NUM], book[HELD_DEN])
    if hold > spare:
        qty = affordable(spare, highest, book[HELD_NUM], book[HELD_DEN], book[LOT])
        hold = hold_of(qty, highest, book[HELD_NUM], book[HELD_DEN])
    if qty <= 0:
        return 0
    return hold if _place(row, column, qty, highest, hold, table, state, book) else -1


@within
def _want(row, first, last, changes, table, state, book):  # type: ignore[no-untyped-def]
    """Set anew what is wanted of the instruments whose target changed."""
    equity = 0
    if book[UNITS_DEN] == 0:
        equity = _equity(row, table, state, book[CASH])
        if equity < 0:
            return TOO_LARGE
    for place in range(first, last):
        column, weight = changes[place, 1], changes[place, 2]
        close = table[row, column, MARK]
        wanted = 0
        if weight < 0:
            return SHORT
        if weight > 0:
            if close == 0:
                return UNPRICED
            wanted = _shares(weight, book[UNITS_NUM], book[UNITS_DEN], book[LOT], equity, close)
        if wanted < 0:
            return TOO_LARGE
        state[column, WANTED] = wanted
        if not state[column, SET]:
            state[column, SET] = 1
            state[book[NAMED], RANKED] = column
            book[NAMED] += 1
    return PLAYED


@compiled
def _trade(row, table, state, book):  # type: ignore[no-untyped-def]
    """Orders for what is missing, as SignalStrategy: those open of the same instruments end, sales come
    first, and a buy takes of the cash that was free before. How many instruments miss something, or -1.
    """
    missing, spare = 0, book[CASH] - book[SET_ASIDE]
    for place in range(book[NAMED]):
        column = state[place, RANKED]
        missing += state[column, WANTED] != state[column, HELD]
        if state[column, ASKED] != 0:
            _end(column, state, book)
    if missing == 0 and book[WAITING] == 0:
        return 0
    kept = 0
    for place in range(book[WAITING]):
        if state[state[place, QUEUED], ASKED] != 0:
            state[kept, QUEUED] = state[place, QUEUED]
            kept += 1
    book[WAITING] = kept
    for buying in (False, True):
        for place in range(book[NAMED]):
            column = state[place, RANKED]
            short = state[column, WANTED] - state[column, HELD]
            if short < 0 and not buying:
                mark = table[row, column, MARK]
                if not _place(row, column, short, mark, 0, table, state, book):
                    return -1
            elif short > 0 and buying:
                hold = _buy(row, column, short, spare, table, state, book)
                if hold < 0:
                    return -1
                spare -= hold
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
        first = change
        while change < len(changes) and changes[change, 0] == row:
            change += 1
        if change > first and status == PLAYED:
            status = _want(row, first, change, changes, table, state, book)
        if status == PLAYED:
            missing = _trade(row, table, state, book)
            status = TOO_LARGE if missing < 0 else PLAYED
    equity = _equity(rows - 1, table, state, book[CASH])
    status = TOO_LARGE if equity < 0 else status
    return status, fills[: book[COUNT]], paid[:action], book[CASH], equity, state[:, HELD].copy()


def play(table: Whole, changes: Whole, actions: Whole, terms: Whole) -> Played:
    """Play changes of targets over bars. table, actions: as in tape.Tape; terms: of tape.terms_of."""
    status, fills, paid, *rest = _play(table, changes, actions, terms)
    return Played(status, fills.copy(), paid, *rest)  # what was set aside to grow into is let go
