"""The past of some symbols as a session knows it by now: daily total returns side by side, no later bar seen.

A return belongs to the day its bar became known and holds the splits and dividends that took effect by then,
so what is cut off at a market time is what was known at it. Prices of several bars a day count by the last of
the day.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.returns import total_returns
from traderbot.market.calendars import Dates
from traderbot.market.datasets import Dataset
from traderbot.model.actions import ActionKind
from traderbot.model.bars import Times
from traderbot.model.border import to_float
from traderbot.model.symbols import Symbol
from traderbot.risk import index

RETURNS_MIN = 60
_OVERLAP_MIN = 100
_INDEX_FUNDS = ("SPY", "VOO", "IVV", "VTI", "^GSPC", "SPX")
_STALE_DAYS = 5


class Reason(msgspec.Struct, frozen=True):
    """Why a figure is missing or means less. figure: which, or "all". code: stable, for programs."""

    figure: str
    code: str
    detail: str
    symbol: str | None = None


class Daily(NamedTuple):
    """One symbol's days. known: when each became known, microseconds; returns: into it, the first NaN."""

    days: Dates
    known: Times
    returns: Floats
    volumes: Floats


class History(NamedTuple):
    """days (n,); returns (n, d) of `symbols`, finite; volumes: mean shares a day of the last 20, (d,)."""

    symbols: tuple[Symbol, ...]
    days: Dates
    returns: Floats
    volumes: Floats
    reasons: tuple[Reason, ...]


class Market(NamedTuple):
    """What betas are measured against. returns: by day, (m,)."""

    name: str
    days: Dates
    returns: Floats


@lru_cache(maxsize=16_384)
def daily(dataset: Dataset, symbol: Symbol) -> Daily:
    """All of a symbol's days; `known` says from when on each may be used."""
    bars = dataset.bars[symbol]
    days = dataset.sessions.dates_of(bars.times)
    ends = np.append(days[1:] != days[:-1], True)
    starts = np.flatnonzero(np.append(True, ends[:-1]))
    days, known, closes = days[ends], bars.times[ends], bars.close[ends]
    ratios, dividends = np.ones(len(days)), np.zeros(len(days))
    for action in dataset.actions:
        at = int(days.searchsorted(np.datetime64(action.ex_date, "D"), "left"))
        if action.symbol != symbol or at >= len(days):
            continue
        if action.kind is ActionKind.SPLIT:
            ratios[at] *= action.new / action.old
        elif action.kind is ActionKind.DIVIDEND and action.amount is not None:
            dividends[at] += to_float(action.amount)
    volumes = np.add.reduceat(bars.volume, starts)
    return Daily(days, known, total_returns(closes, ratios, dividends), volumes)


def history_of(dataset: Dataset, time: int, symbols: Iterable[Symbol], days: int) -> History:
    """The last `days` returns that all of the symbols have, known at a market time.

    A session without a bar counts as an unchanged price, the next return spanning it. A symbol with fewer
    than 60 returns, or none at all, is left out; all that was left out or filled has its reason.
    """
    sessions = dataset.sessions
    known = int(sessions.closes.searchsorted(time, "right"))
    calendar = sessions.dates[max(0, known - days) : known]
    found: list[tuple[Symbol, Floats, float]] = []
    reasons: list[Reason] = []
    first = 0
    shortest: Symbol | None = None
    for symbol in symbols:
        made = _known(dataset, symbol, time)
        if made is None or len(made.returns) <= RETURNS_MIN:
            count = 0 if made is None else max(0, len(made.returns) - 1)
            detail = f"{count} daily returns are known, {RETURNS_MIN} are needed"
            reasons.append(Reason("all", "too_little_history", detail, symbol))
            continue
        column, start = _on(calendar, made)
        gaps = int(np.isnan(column[start:]).sum())
        if gaps:
            reasons.append(_gap(symbol, column, gaps))
        if start > first:
            first, shortest = start, symbol
        found.append((symbol, np.nan_to_num(column), float(made.volumes[-20:].mean())))
    if shortest is not None:
        detail = f"the window begins with its first return, {calendar[first]}"
        reasons.append(Reason("all", "shortened", detail, shortest))
    returns = np.column_stack([column[first:] for _, column, _ in found]) if found else np.empty((0, 0))
    volumes = np.array([volume for _, _, volume in found])
    return History(tuple(name for name, _, _ in found), calendar[first:], returns, volumes, tuple(reasons))


def _known(dataset: Dataset, symbol: Symbol, time: int) -> Daily | None:
    """The days known at a time; None for a symbol without bars."""
    if symbol not in dataset.bars:
        return None
    whole = daily(dataset, symbol)
    count = int(whole.known.searchsorted(time, "right"))
    if not count:
        return None
    return Daily(whole.days[:count], whole.known[:count], whole.returns[:count], whole.volumes[:count])


def _on(calendar: Dates, made: Daily) -> tuple[Floats, int]:
    """Returns by the days of the calendar, NaN without a bar; and the place of the first that has one."""
    places = calendar.searchsorted(made.days[1:])
    inside = (places < len(calendar)) & (made.days[1:] >= calendar[0])
    column = np.full(len(calendar), np.nan)
    column[places[inside]] = made.returns[1:][inside]
    start = 0 if made.days[0] < calendar[0] else int(calendar.searchsorted(made.days[0], "right"))
    return column, start


def _gap(symbol: Symbol, column: Floats, gaps: int) -> Reason:
    last = int(np.flatnonzero(~np.isnan(column))[-1]) if not np.isnan(column).all() else -1
    silent = len(column) - 1 - last
    if silent > _STALE_DAYS:
        return Reason("all", "stale_price", f"no bar for the last {silent} sessions", symbol)
    return Reason("all", "missing_days", f"{gaps} sessions without a bar count as an unchanged price", symbol)


@lru_cache(maxsize=64)
def market_of(dataset: Dataset, time: int, benchmark: Symbol | None = None) -> Market | None:
    """What to measure betas against: the symbol that is asked for, a fund on the index where the data set has
    one, the stored index where 100 of its days are known, else the mean of all the data set's instruments.

    None where nothing is known yet. Errors: NotFound for a benchmark that the data set does not have.
    """
    wanted = benchmark or next((name for name in map(Symbol, _INDEX_FUNDS) if name in dataset.bars), None)
    if wanted is not None:
        dataset.bars_of(wanted)
        made = _known(dataset, wanted, time)
        return None if made is None else Market(wanted, made.days[1:], made.returns[1:])
    sessions = dataset.sessions
    until = int(sessions.closes.searchsorted(time, "right"))
    calendar = sessions.dates[:until]
    days, levels = index.returns()
    inside = np.isin(days, calendar[-1000:])
    if int(inside.sum()) >= _OVERLAP_MIN:
        return Market(index.NAME, days[inside], levels[inside])
    known = [made for symbol in dataset.bars if (made := _known(dataset, symbol, time)) is not None]
    if not len(calendar) or not known:
        return None
    columns = np.column_stack([_on(calendar, made)[0] for made in known])
    counts = (~np.isnan(columns)).sum(axis=1)
    with_any = counts > 0
    means = np.nansum(columns[with_any], axis=1) / counts[with_any]
    return Market("mean of all instruments", calendar[with_any], means)


def own_move(dataset: Dataset, time: int, symbol: Symbol, crisis: index.Crisis) -> float | None:
    """What a holding of the symbol made over a crisis, dividends included; None where its prices of all of it
    are not known by now.
    """
    made = _known(dataset, symbol, time)
    if made is None:
        return None
    first = int(made.days.searchsorted(np.datetime64(crisis.first, "D")))
    last = int(made.days.searchsorted(np.datetime64(crisis.last, "D")))
    if last >= len(made.days) or made.days[first] != np.datetime64(crisis.first, "D"):
        return None
    return float(np.prod(1 + made.returns[first + 1 : last + 1]) - 1)
