"""What a compiled run comes to, bar by bar, in floats: its equity, and the figures a sweep compares by."""

from typing import NamedTuple

import numpy as np
from numba import njit

from traderbot.backtests.sweeping.prices import Played
from traderbot.backtests.sweeping.tape import Tape
from traderbot.model.bars import Floats

compiled = njit(cache=True, nogil=True, error_model="numpy")


class Measured(NamedTuple):
    """closes: equity at the end of each day, float64 (D,). drawdown: the deepest fall from a peak.
    in_market: rows with a position. traded: value bought and sold. average: equity on average. fees: in all.
    trades: from flat to flat, an instrument each, that ended. equity: float64 (T,),
    empty unless asked for.
    """

    closes: Floats
    drawdown: float
    in_market: int
    traded: float
    average: float
    fees: float
    trades: int
    equity: Floats


@compiled
def _value(held, closes, row):  # type: ignore[no-untyped-def]
    total = 0.0
    for column in range(len(held)):
        if held[column]:
            total += held[column] * closes[row, column]
    return total


@compiled
def _book(row, held, fills, place, trades):  # type: ignore[no-untyped-def]
    """Take over the executions of a row; the cash they moved, value traded and fees."""
    moved, traded, fees = 0, 0, 0
    while place < len(fills) and fills[place, 0] == row:
        column, qty, value, fee = fills[place, 1], fills[place, 2], fills[place, 4], fills[place, 5]
        before = held[column]
        held[column] = before + qty
        if before != 0 and (held[column] == 0 or (before > 0) != (held[column] > 0)):
            trades += 1
        moved += (-value if qty > 0 else value) - fee
        traded, fees, place = traded + value, fees + fee, place + 1
    return place, trades, moved, traded, fees


@compiled
def _act(row, held, actions, place):  # type: ignore[no-untyped-def]
    """Rescale what is held by the splits of a row."""
    while place < len(actions) and actions[place, 0] == row:
        if actions[place, 2] == 1:
            held[actions[place, 1]] = held[actions[place, 1]] * actions[place, 3] // actions[place, 4]
        place += 1
    return place


@compiled
def _next(row, rows, fills, fill, actions, action, paid, payment):  # type: ignore[no-untyped-def]
    """The next row in which something but prices moves."""
    following = rows
    if fill < len(fills):
        following = min(following, fills[fill, 0])
    if action < len(actions):
        following = min(following, actions[action, 0])
    if payment < len(paid):
        following = min(following, paid[payment, 0])
    return following


@compiled
def _span(first, last, cash, held, closes, ends, sums, days, curve):  # type: ignore[no-untyped-def]
    """Rows in which nothing but prices moves. ends: last row of each day; days: equity there, written here.
    sums: peak, drawdown, equity in all, place among the days.
    """
    peak, drawdown, total, day = sums
    floor = peak * (1.0 - drawdown)
    keep = len(curve) > 0
    single = closes.shape[1] == 1
    shares = float(held[0])
    for row in range(first, last):
        value = shares * closes[row, 0] if single else _value(held, closes, row)
        equity = cash + value
        total += equity
        if equity > peak:
            peak = equity
            floor = peak * (1.0 - drawdown)
        elif equity < floor:
            floor, drawdown = equity, 1.0 - equity / peak
        if row == ends[day]:
            days[day] = equity
            day += 1
        if keep:
            curve[row] = equity
    return peak, drawdown, total, day


@compiled
def _still(first, last, cash, ends, sums, days, curve):  # type: ignore[no-untyped-def]
    """Rows in which nothing is held: as `_span`, without a look at each."""
    peak, drawdown, total, day = sums
    if cash > peak:
        peak = cash
    elif cash < peak * (1.0 - drawdown):
        drawdown = 1.0 - cash / peak
    while day < len(ends) and ends[day] < last:
        days[day] = cash
        day += 1
    if len(curve):
        curve[first:last] = cash
    return peak, drawdown, total + cash * (last - first), day


@compiled
def _measure(closes, fills, paid, actions, ends, cash, keep):  # type: ignore[no-untyped-def]
    rows, columns = closes.shape
    held, curve, days = np.zeros(columns, np.int64), np.empty(rows if keep else 0), np.empty(len(ends))
    purse = cash
    fill = action = payment = trades = traded = fees = row = invested = 0
    sums = (cash * 1e-6, 0.0, 0.0, 0)
    while row < rows:
        action = _act(row, held, actions, action)
        while payment < len(paid) and paid[payment, 0] == row:
            purse += paid[payment, 2]
            payment += 1
        fill, trades, moved, more, charged = _book(row, held, fills, fill, trades)
        purse, traded, fees = purse + moved, traded + more, fees + charged
        following = _next(row, rows, fills, fill, actions, action, paid, payment)
        if held.any():
            sums = _span(row, following, purse * 1e-6, held, closes, ends, sums, days, curve)
            invested += following - row
        else:
            sums = _still(row, following, purse * 1e-6, ends, sums, days, curve)
        row = following
    return days, sums[1], invested, traded * 1e-6, sums[2] / rows, fees * 1e-6, trades, curve


def measure(tape: Tape, played: Played, cash: int, keep: bool = False) -> Measured:
    """Measure a run that began with some cash, in millionths. keep: the curve as well."""
    return Measured(*_measure(tape.closes, played.fills, played.paid, tape.actions, tape.ends, cash, keep))
