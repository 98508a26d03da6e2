"""What a compiled run comes to, bar by bar, in floats: its equity, and the figures a sweep compares by."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from traderbot.model.bars import Floats

Whole = NDArray[np.int64]

compiled = njit(cache=True, nogil=True, error_model="numpy")


class Measured(NamedTuple):
    """mean, variance: of the returns from row to row (variance with divisor n - 1). drawdown: the deepest
    fall from a peak, a fraction. exposure: mean share of the equity that was in the market. traded: value
    bought and sold. average: equity on average. fees: in all. trades: from flat to flat, an instrument each,
    one that is still open included. equity: float64 (T,), empty unless asked for.
    """

    mean: float
    variance: float
    drawdown: float
    exposure: float
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
        if before == 0 or (before > 0) != (held[column] > 0 or held[column] == 0):
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
def _span(first, last, cash, held, flat, closes, sums, curve):  # type: ignore[no-untyped-def]
    """Rows in which nothing but prices moves. sums: equity before, its inverse, returns, their squares, peak,
    drawdown, exposure, equity in all.
    """
    before, inverse, returns, squares, peak, drawdown, exposure, total = sums
    keep = len(curve) > 0
    single = closes.shape[1] == 1
    for row in range(first, last):
        value = 0.0
        if not flat:
            value = held[0] * closes[row, 0] if single else _value(held, closes, row)
        equity = cash + value
        moved = equity * inverse - 1.0
        inverse = 1.0 / equity if equity > 0.0 else 0.0
        returns += moved
        squares += moved * moved
        exposure += value * inverse
        total += equity
        if equity > peak:
            peak = equity
        elif equity < peak * (1.0 - drawdown):
            drawdown = 1.0 - equity / peak
        if keep:
            curve[row] = equity
        before = equity
        if flat and not keep and row > first:  # nothing moves any more
            total += equity * (last - 1 - row)
            break
    return before, inverse, returns, squares, peak, drawdown, exposure, total


@compiled
def _measure(closes, fills, paid, actions, cash, keep):  # type: ignore[no-untyped-def]
    rows, columns = closes.shape
    held, curve = np.zeros(columns, np.int64), np.empty(rows if keep else 0)
    purse = cash
    fill = action = payment = trades = traded = fees = row = 0
    start = cash * 1e-6
    sums = (start, 1.0 / start if start > 0.0 else 0.0, 0.0, 0.0, start, 0.0, 0.0, 0.0)
    while row < rows:
        action = _act(row, held, actions, action)
        while payment < len(paid) and paid[payment, 0] == row:
            purse += paid[payment, 2]
            payment += 1
        fill, trades, moved, more, charged = _book(row, held, fills, fill, trades)
        purse, traded, fees = purse + moved, traded + more, fees + charged
        following = _next(row, rows, fills, fill, actions, action, paid, payment)
        flat = not held.any()
        sums = _span(row, following, purse * 1e-6, held, flat, closes, sums, curve)
        row = following
    count = max(rows - 1, 1)
    mean = sums[2] / count
    variance = max(sums[3] - count * mean * mean, 0.0) / max(count - 1, 1)
    return mean, variance, sums[5], sums[6] / rows, traded * 1e-6, sums[7] / rows, fees * 1e-6, trades, curve


def measure(closes: Floats, fills: Whole, paid: Whole, actions: Whole, cash: int, keep: bool) -> Measured:
    """Measure a run. closes, actions: as in tape.Tape; fills, paid: as in kernel.Played; keep: the curve."""
    return Measured(*_measure(closes, fills, paid, actions, cash, keep))
