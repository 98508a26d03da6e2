"""How much of a limit was used at each close so far: of what the closes say, without the orders then open.

float64 throughout, as a picture of the past; what counts for an order is the gate's own figure (`status`).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.engine import baselines
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol
from traderbot.portfolios.spans import Span
from traderbot.portfolios.tracks import Book, Whole
from traderbot.risk.status import Unit

_MILLIONTH = 1e-6
_LOSSES = ("daily_loss", "weekly_loss", "monthly_loss", "drawdown")
USES: dict[str, Unit] = {
    "position_value": "usd",
    "concentration": "share of equity",
    "sector": "share of equity",
    "gross": "share of equity",
    "net": "share of equity",
    **dict.fromkeys(_LOSSES, "share lost"),
}
"""The limits that closes tell the use of."""


class UseHistory(NamedTuple):
    """times: int64 (closes,), microseconds. used: float64 (closes,), in `unit`; NaN where there was no equity
    to measure by.
    """

    name: str
    unit: Unit
    times: Whole
    used: Floats


def use_history(
    book: Book,
    name: str,
    sectors: Mapping[Symbol, str],
    *,
    begin: int | None = None,
    end: int | None = None,
) -> UseHistory:
    """A limit's use at the closes from begin to end, market times, both included. Errors: InvalidValue."""
    if name not in USES:
        raise InvalidValue("limit", f"one of {', '.join(USES)}", name)
    used = _lost(book, _LOSSES.index(name)) if name in _LOSSES else _exposed(book, name, sectors)
    span = Span.between(book, begin, end)
    inside = slice(span.first, span.first + len(span))
    return UseHistory(name, USES[name], book.times[inside], used[inside])


def _exposed(book: Book, name: str, sectors: Mapping[Symbol, str]) -> Floats:
    """(closes,)"""
    groups: dict[str, int] = {}
    column = np.zeros(len(book.slices), dtype=np.int64)
    for place, slice_ in enumerate(book.slices):
        group = slice_.symbol
        if name == "sector":
            group = sectors.get(Symbol(group), group)
        column[place] = groups.setdefault(group, len(groups))
    symbols = np.array([_place(book, place) for place in range(len(book.slices))], dtype=np.int64)
    values = np.zeros((len(book.times), len(book.slices)))
    np.add.at(values, (book.value_close, symbols[book.value_slice]), book.value * _MILLIONTH)
    if name == "net":
        amount = np.abs(values.sum(axis=1))
    elif name == "gross":
        amount = np.abs(values).sum(axis=1)
    else:
        grouped = np.zeros((len(book.times), max(len(groups), 1)))
        for place, group_place in enumerate(column.tolist()):
            grouped[:, group_place] += np.abs(values[:, place])
        amount = grouped.max(axis=1, initial=0.0)
    if name == "position_value":
        return np.asarray(amount)
    equity = book.equity * _MILLIONTH
    return np.where(equity > 0, amount / np.where(equity > 0, equity, 1.0), np.nan)


def _place(book: Book, place: int) -> int:
    """The first slice of the same symbol, so that what two strategies hold of it counts together."""
    symbol = book.slices[place].symbol
    return next(one for one, slice_ in enumerate(book.slices) if slice_.symbol == symbol)


def _lost(book: Book, which: int) -> Floats:
    """The share lost since the day, week or month began, or the highest close, as `engine.baselines` has it:
    (closes,).
    """
    flows = np.zeros(len(book.times))
    counted = book.flow_close < len(book.times)
    np.add.at(flows, book.flow_close[counted], book.flow_amount[counted] * _MILLIONTH)
    found = np.full(len(book.times), np.nan)
    starts, periods, last = np.zeros(4), (0, 0, 0), 0.0
    worth = (book.equity * _MILLIONTH).tolist()
    for close, (time, equity) in enumerate(zip(book.times.tolist(), worth, strict=True)):
        starts, last = starts + flows[close], last + flows[close]
        now = baselines.periods(time)
        for place in range(3):
            if close and now[place] != periods[place]:
                starts[place] = last
        if starts[which] > 0:
            found[close] = max(0.0, (starts[which] - equity) / starts[which])
        starts[3] = max(starts[3], equity)
        periods, last = now, equity
    return found
