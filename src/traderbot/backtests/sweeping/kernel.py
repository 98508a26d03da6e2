"""The compiled path: targets played over raw bars in whole numbers, with the fills of the engine.

Prices are in billionths, money in millionths, quantities in shares. Every rounding is the one of
model.rounding that it names. To tell whether a copy on disk is out of date, numba looks at a function's own
file alone: who changes sweeping.arithmetic has to save this file as well.
"""

import numpy as np
from numba import njit

from traderbot.backtests.sweeping.arithmetic import (
    affordable,
    fee_of,
    fits,
    half_even,
    hold_of,
    price_at,
    within,
)
from traderbot.backtests.sweeping.prices import Played, Prices, Whole

PLAYED, TOO_LARGE, NOT_WHOLE, SHORT, UNPRICED = range(5)
DIVIDEND, SPLIT = 0, 1
# places in `terms`, and what `_play` keeps after them
CASH, LOT, UNITS_NUM, UNITS_DEN, SLIP_NUM, SLIP_DEN, FEE_NUM, FEE_DEN, HELD_NUM, HELD_DEN = range(10)
COLLAR_NUM, COLLAR_DEN, MOST, SET_ASIDE, DIVIDENDS, COUNT, WAITING, NAMED = range(10, 18)
LAST, DAY, STALE, PART_NUM, PART_DEN, ORDERED, KEPT = range(18, 25)
# columns of a table of bars, of fills, and of what is known of an instrument
OPEN, MARK, VOLUME = range(3)
ROW, OWNER, QTY, PRICE, VALUE, FEE = range(6)
HELD, WANTED, SET, ASKED, SPENT, CHARGED, HIGHEST, HOLD, UNTIL, QUEUED, RANKED, KNOWN = range(12)
_SURE = 9.0e15  # below it a float tells every whole number
_BILLION = 1_000_000_000
compiled = njit(cache=True, nogil=True, error_model="numpy")


@within
def _billionths(value):  # type: ignore[no-untyped-def]
    """A float as model.border reads it, and whether that takes its digits. It takes no branch, so that a loop
    over a column reads several in one instruction.
    """
    whole, scaled = np.int64(value), value * 1e9
    nearest, parted = np.int64(scaled + 0.5), value != float(whole)
    far = (scaled >= _SURE) | (abs(scaled - float(nearest)) >= 0.5 - 1e-9 - scaled * 5e-16)
    return nearest if parted else whole * _BILLION, parted & far


@within
def _room(volume, num, den):  # type: ignore[no-untyped-def]
    """Whole shares of the part of a volume, in billionths, that may be taken; -1 of no volume."""
    if volume == 0:
        return np.int64(-1)
    shares = volume // _BILLION
    return (shares * num + (volume - shares * _BILLION) * num // _BILLION) // den


@compiled
def lay(values, rows, column, kind, table):  # type: ignore[no-untyped-def]
    """Write an instrument's opens, closes or volumes into its column of a table. rows: of its bars; none
    where it has one in each. The places of the values that only their digits tell.
    """
    count = 0
    for place in range(len(values)):
        row = rows[place] if len(rows) else place
        table[row, column, kind], far = _billionths(values[place])
        count += far
    unsure, found = np.empty(count, np.int64), 0
    for place in range(len(values) if count else 0):
        if _billionths(values[place])[1]:
            unsure[found] = place
            found += 1
    return unsure


@within
def _equity(row, table, state, book):  # type: ignore[no-untyped-def]
    """Cash and positions at their marks; -1 where a value does not fit."""
    total = book[CASH]
    for column in range(len(state)):
        held = state[column, HELD]
        if held:
            mark = table[row, column, MARK]
            if not fits(held, mark):
                return -1
            total += half_even(held * mark, 1000)
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
def _execute(row, column, price, room, state, book, fills):  # type: ignore[no-untyped-def]
    """An order against a bar: slippage, the collar, participation. False where a value does not fit."""
    asked = state[column, ASKED]
    price = price_at(price, book[SLIP_NUM], book[SLIP_DEN], asked > 0)
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
        price = table[row, column, OPEN]
        room = _room(table[row, column, VOLUME], book[PART_NUM], book[PART_DEN])
        works = price != 0 and room >= 0 and row <= state[column, UNTIL]
        if works and not _execute(row, column, price, room, state, book, fills):
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
def _place(row, column, qty, mark, highest, hold, stale, state, book):  # type: ignore[no-untyped-def]
    """Place a market order of the day, signed, unless the gate refuses it; False where it does not fit."""
    if not fits(qty, mark):
        return False
    if stale or abs(qty) * mark > book[MOST] or book[LAST] < 0:
        return True
    book[ORDERED] += abs(qty)
    book[SET_ASIDE] += hold
    state[column, ASKED], state[column, SPENT], state[column, CHARGED] = qty, 0, 0
    state[column, HIGHEST], state[column, HOLD], state[column, UNTIL] = highest, hold, book[LAST]
    state[book[WAITING], QUEUED] = column
    book[WAITING] += 1
    return True


@within
def _buy(row, column, qty, spare, mark, stale, state, book):  # type: ignore[no-untyped-def]
    """Buy what the spare cash surely pays for: the hold, or -1 where a value does not fit."""
    highest = price_at(mark, book[COLLAR_NUM], book[COLLAR_DEN], True)
    if not fits(spare, 2000) or not fits(qty, highest):
        return -1
    hold = hold_of(qty, highest, book[HELD_NUM], book[HELD_DEN])
    if hold > spare:
        qty = affordable(spare, highest, book[HELD_NUM], book[HELD_DEN], book[LOT])
        hold = hold_of(qty, highest, book[HELD_NUM], book[HELD_DEN])
    if qty <= 0:
        return 0
    return hold if _place(row, column, qty, mark, highest, hold, stale, state, book) else -1


@within
def _want(row, first, last, changes, table, state, book):  # type: ignore[no-untyped-def]
    """Set anew what is wanted of the instruments whose target changed."""
    equity = 0
    if book[UNITS_DEN] == 0:
        equity = _equity(row, table, state, book)
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
def _trade(row, table, ages, state, book):  # type: ignore[no-untyped-def]
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
            if short == 0 or (short > 0) != buying:
                continue
            mark = table[row, column, MARK]
            stale = len(ages) > 0 and ages[row, column] > book[STALE]
            if not buying:
                if not _place(row, column, short, mark, mark, 0, stale, state, book):
                    return -1
            else:
                hold = _buy(row, column, short, spare, mark, stale, state, book)
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
def _play(table, ages, ends, limits, changes, actions, terms):  # type: ignore[no-untyped-def]
    """Visit the rows where something is due: a change of target, an action, an order or a share missing."""
    rows, columns = table.shape[0], table.shape[1]
    state, book = np.zeros((columns, KNOWN), np.int64), np.zeros(KEPT, np.int64)
    book[: len(terms)] = terms
    book[STALE], book[PART_NUM], book[PART_DEN] = limits[0], limits[1], limits[2]
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
        while ends[book[DAY]] < min(row + 1, rows - 1):
            book[DAY] += 1
        book[LAST] = ends[book[DAY]] if row < rows - 1 else -1
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
            missing = _trade(row, table, ages, state, book)
            status = TOO_LARGE if missing < 0 else PLAYED
    equity = _equity(rows - 1, table, state, book)
    status = TOO_LARGE if equity < 0 else status
    return status, fills[: book[COUNT]], paid[:action], book[CASH], equity, state[:, HELD], book[ORDERED]


def play(prices: Prices, changes: Whole, actions: Whole, terms: Whole) -> Played:
    """Play changes of targets over bars. actions: as in tape.Tape; terms: of tape.terms_of."""
    status, fills, paid, *rest = _play(*prices, changes, actions, terms)
    return Played(status, fills.copy(), paid, *rest)  # what was set aside to grow into is let go
