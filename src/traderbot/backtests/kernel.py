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

PLAYED, TOO_LARGE, NOT_WHOLE = 0, 1, 2
DIVIDEND, SPLIT = 0, 1
# places in `terms`
CASH, LOT, UNITS_NUM, UNITS_DEN, SLIP_NUM, SLIP_DEN, FEE_NUM, FEE_DEN, HELD_NUM, HELD_DEN = range(10)
COLLAR_NUM, COLLAR_DEN, MOST, TERMS = range(10, 14)
# columns of fills
ROW, OWNER, QTY, PRICE, VALUE, FEE = range(6)
_LIMIT = 9.0e18
_BILLION = 1_000_000_000


class Played(NamedTuple):
    """status: PLAYED, or why the whole numbers do not hold the run. fills: int64 (k, 6), oldest first: row of
    the step, column of the instrument, shares (negative: sold), price, value and fee. cash: at the end.
    held: shares at the end (N,).
    """

    status: int
    fills: Whole
    cash: int
    held: Whole


@njit(cache=True, nogil=True)
def fits(one, other):  # type: ignore[no-untyped-def]
    """Whether a product of two whole numbers fits 64 bits, with room for what is added to it."""
    return abs(float(one) * float(other)) < _LIMIT


@njit(cache=True, nogil=True)
def half_even(value, unit):  # type: ignore[no-untyped-def]
    """value / unit rounded half-even; neither negative."""
    whole, rest = value // unit, value % unit
    if 2 * rest > unit or (2 * rest == unit and whole % 2 == 1):
        whole += 1
    return whole


@njit(cache=True, nogil=True)
def share(value, num, den):  # type: ignore[no-untyped-def]
    """value x num / den as a whole part and the rest of the division by den."""
    rest = (value % den) * num
    return (value // den) * num + rest // den, rest % den


@njit(cache=True, nogil=True)
def price_at(price, num, den, up):  # type: ignore[no-untyped-def]
    """rounding.price_at for a factor of 1 plus or minus num / den."""
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


@njit(cache=True, nogil=True)
def fee_of(value, num, den):  # type: ignore[no-untyped-def]
    """rounding.fee."""
    return share(value, num, den)[0]


@njit(cache=True, nogil=True)
def hold_of(qty, price, num, den):  # type: ignore[no-untyped-def]
    """rounding.hold."""
    value = qty * price
    whole, rest = share(value, num, den)
    whole += value
    up = 1 if rest or whole % 1000 else 0
    return whole // 1000 + up + 1


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def changes_of(targets):  # type: ignore[no-untyped-def]
    """Rows, columns and weights in billionths where a target differs from the last one that was given.

    targets: float64 (T, N), NaN for no opinion.
    """
    rows, columns = targets.shape
    size, count = 64, 0
    found = np.empty((size, 3), np.int64)
    last = np.zeros(columns)
    exact = np.zeros(columns, np.int64)
    for row in range(rows):
        for column in range(columns):
            weight = targets[row, column]
            if weight == last[column] or weight != weight:
                continue
            last[column] = weight
            scaled = np.int64(np.rint(weight * 1e9))
            if scaled == exact[column]:
                continue
            exact[column] = scaled
            if count == size:
                size *= 4
                more = np.empty((size, 3), np.int64)
                more[:count] = found
                found = more
            found[count, 0], found[count, 1], found[count, 2] = row, column, scaled
            count += 1
    return found[:count]


@njit(cache=True, nogil=True)
def _equity(cash, held, marks, row):  # type: ignore[no-untyped-def]
    """Cash and positions at their marks; -1 where a value does not fit."""
    total = cash
    for column in range(len(held)):
        if held[column]:
            if not fits(held[column], marks[row, column]):
                return -1
            total += half_even(held[column] * marks[row, column], 1000)
    return total


@njit(cache=True, nogil=True)
def _wanted(weight, equity, close, terms):  # type: ignore[no-untyped-def]
    """Shares that a target asks for, in whole lots; -1 where they cannot be counted."""
    lot = terms[LOT]
    if terms[UNITS_DEN]:
        if not fits(weight, terms[UNITS_NUM]):
            return -1
        return weight * terms[UNITS_NUM] // (_BILLION * terms[UNITS_DEN] * lot) * lot
    budget = (equity // _BILLION) * weight + (equity % _BILLION) * weight // _BILLION
    if not fits(budget, 1000):
        return -1
    return budget * 1000 // (close * lot) * lot


@njit(cache=True, nogil=True)
def _grown(fills):  # type: ignore[no-untyped-def]
    more = np.empty((4 * len(fills), 6), np.int64)
    more[: len(fills)] = fills
    return more


@njit(cache=True, nogil=True)
def _match(row, opening, room, asked, price_max, hold, terms):  # type: ignore[no-untyped-def]
    """Shares of an order that trade at an open, and the price: slippage, participation, the collar."""
    buying = asked > 0
    price = price_at(opening, terms[SLIP_NUM], terms[SLIP_DEN], buying)
    wanted = abs(asked)
    if buying and price > price_max:
        wanted = min(wanted, affordable(hold, price, terms[FEE_NUM], terms[FEE_DEN], 1))
    return min(wanted, room), price


@njit(cache=True, nogil=True)
def _act(action, orders, held, purse):  # type: ignore[no-untyped-def]
    """A dividend or split on its ex-date. purse: cash and what is held of it."""
    column, kind, one, other = action[1], action[2], action[3], action[4]
    if kind == DIVIDEND:
        if not fits(held[column], one):
            return TOO_LARGE
        purse[0] += half_even(held[column] * one, 1000)
        return PLAYED
    if not fits(held[column], one):
        return TOO_LARGE
    if held[column] * one % other:
        return NOT_WHOLE
    held[column] = held[column] * one // other
    if orders[column, 0] == 0:
        return PLAYED
    if one < other:
        _end(column, orders, purse)
        return PLAYED
    if not fits(orders[column, 0], one) or not fits(orders[column, 1], other):
        return TOO_LARGE
    if orders[column, 0] * one % other:
        return NOT_WHOLE
    orders[column, 0] = orders[column, 0] * one // other
    orders[column, 1] = max(orders[column, 1] * other // one, 1)
    return PLAYED


@njit(cache=True, nogil=True)
def _end(column, orders, purse):  # type: ignore[no-untyped-def]
    """Close an order and give back its hold. orders (N, 4): shares, highest price, hold, last row."""
    purse[1] -= orders[column, 2]
    orders[column, 0] = orders[column, 2] = 0


@njit(cache=True, nogil=True)
def _place(row, column, qty, mark, last_row, orders, purse, terms):  # type: ignore[no-untyped-def]
    """Place a market order of the day: 1; 0 where it is refused or not paid for, -1 where it does not fit."""
    size = abs(qty)
    price_max, hold = mark, 0
    if qty > 0:
        price_max = price_at(mark, terms[COLLAR_NUM], terms[COLLAR_DEN], True)
        spare = purse[0] - purse[1]
        if not fits(spare, 2000):
            return -1
        size = min(size, affordable(spare, price_max, terms[HELD_NUM], terms[HELD_DEN], terms[LOT]))
    if size <= 0:
        return 0
    if not fits(size, price_max):
        return -1
    if size * mark > terms[MOST]:
        return 0
    if qty > 0:
        hold = hold_of(size, price_max, terms[HELD_NUM], terms[HELD_DEN])
        purse[1] += hold
    orders[column, 0] = size if qty > 0 else -size
    orders[column, 1], orders[column, 2], orders[column, 3] = price_max, hold, last_row
    return 1


@njit(cache=True, nogil=True)
def _meet(row, opens, room, orders, queue, waiting, held, purse, fills, count, terms):  # type: ignore[no-untyped-def]
    """The bars of a step against the open orders, oldest first. No order outlives a bar of its instrument."""
    kept = 0
    for place in range(waiting):
        column = queue[place]
        asked = orders[column, 0]
        if asked == 0:
            continue
        if opens[row, column] == 0 or row > orders[column, 3]:
            if orders[column, 3] <= row:
                _end(column, orders, purse)
            else:
                queue[kept] = column
                kept += 1
            continue
        if room[row, column] > 0:
            opening = opens[row, column]
            qty, price = _match(
                row, opening, room[row, column], asked, orders[column, 1], orders[column, 2], terms
            )
            if qty > 0:
                if not fits(qty, price):
                    return fills, -1, kept
                value = half_even(qty * price, 1000)
                fee = fee_of(value, terms[FEE_NUM], terms[FEE_DEN])
                if count == len(fills):
                    fills = _grown(fills)
                qty = qty if asked > 0 else -qty
                fills[count, 0], fills[count, 1], fills[count, 2] = row, column, qty
                fills[count, 3], fills[count, 4], fills[count, 5] = price, value, fee
                count += 1
                held[column] += qty
                purse[0] -= (value if qty > 0 else -value) + fee
        _end(column, orders, purse)
    return fills, count, kept


@njit(cache=True, nogil=True)
def _want(row, opens, marks, fresh, weights, wanted, held, orders, purse, terms):  # type: ignore[no-untyped-def]
    """Set anew what is wanted of the instruments of this step whose target changed, and end the orders that
    are not for it.
    """
    equity = np.int64(-2)
    for column in range(len(held)):
        if opens[row, column] == 0:
            continue
        if fresh[column]:
            if equity == -2 and terms[UNITS_DEN] == 0:
                equity = _equity(purse[0], held, marks, row)
                if equity < 0:
                    return TOO_LARGE
            wanted[column] = _wanted(weights[column], equity, marks[row, column], terms)
            fresh[column] = 0
            if wanted[column] < 0:
                return TOO_LARGE
        if orders[column, 0] != 0:
            _end(column, orders, purse)
    return PLAYED


@njit(cache=True, nogil=True)
def _decide(row, opens, marks, wanted, held, orders, queue, waiting, last_row, purse, terms):  # type: ignore[no-untyped-def]
    """Orders for what is missing: sales first, then buys, in the order of the instruments."""
    for selling in (True, False):
        for column in range(len(held)):
            missing = wanted[column] - held[column]
            if opens[row, column] == 0 or missing == 0 or (missing < 0) != selling:
                continue
            done = _place(row, column, missing, marks[row, column], last_row, orders, purse, terms)
            if done < 0:
                return -1
            if done:
                queue[waiting] = column
                waiting += 1
    return waiting


@njit(cache=True, nogil=True)
def _unmet(wanted, held, fresh):  # type: ignore[no-untyped-def]
    missing = 0
    for column in range(len(held)):
        missing += wanted[column] != held[column] or fresh[column] != 0
    return missing > 0


@njit(cache=True, nogil=True)
def _play(opens, marks, room, last_rows, changes, actions, terms):  # type: ignore[no-untyped-def]
    """Visit the rows where something is due: a change of target, an action, an order or a share missing."""
    rows, columns = opens.shape
    held, wanted = np.zeros(columns, np.int64), np.zeros(columns, np.int64)
    weights, fresh = np.zeros(columns, np.int64), np.zeros(columns, np.int64)
    queue = np.zeros(columns, np.int64)
    orders, fills = np.zeros((columns, 4), np.int64), np.empty((256, 6), np.int64)
    purse = np.array([terms[CASH], 0])
    count = change = action = waiting = row = 0
    status, more = PLAYED, False
    while status == PLAYED:
        following = row + 1 if more or waiting else rows
        if change < len(changes):
            following = min(following, changes[change, 0])
        if action < len(actions):
            following = min(following, actions[action, 0])
        row = following
        if row >= rows:
            break
        while action < len(actions) and actions[action, 0] == row and status == PLAYED:
            status = _act(actions[action], orders, held, purse)
            action += 1
        if waiting:
            fills, count, waiting = _meet(
                row, opens, room, orders, queue, waiting, held, purse, fills, count, terms
            )
            if count < 0:
                status, count = TOO_LARGE, 0
        while change < len(changes) and changes[change, 0] == row:
            weights[changes[change, 1]], fresh[changes[change, 1]] = changes[change, 2], 1
            change += 1
        if status == PLAYED:
            status = _want(row, opens, marks, fresh, weights, wanted, held, orders, purse, terms)
        if status == PLAYED and row < rows - 1:
            waiting = _decide(
                row, opens, marks, wanted, held, orders, queue, waiting, last_rows[row], purse, terms
            )
            if waiting < 0:
                status, waiting = TOO_LARGE, 0
        more = _unmet(wanted, held, fresh)
    return status, fills[:count], purse[0], held


def play(
    opens: Whole,
    marks: Whole,
    room: Whole,
    last_rows: Whole,
    changes: Whole,
    actions: Whole,
    terms: Whole,
) -> Played:
    """Play changes of targets over bars; what an array holds is told in tape.Tape."""
    return Played(*_play(opens, marks, room, last_rows, changes, actions, terms))
