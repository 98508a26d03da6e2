"""Yahoo's chart API, v8: bars, splits and dividends.

Yahoo rewrites the past: its prices, volumes and dividends are as if every later split had always been. Here
they are turned back into what was traded and paid, with the splits up to now.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from fractions import Fraction
from urllib.parse import quote

import msgspec

from traderbot.infra.clock import Clock, WallClock
from traderbot.market.bars import SECOND, TimeFrame
from traderbot.market.readers.wanted import Fetched, Row, Wanted, frame_of_rows
from traderbot.market.readers.web import Web
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.border import price_from_float
from traderbot.model.errors import NotFound, Unavailable
from traderbot.model.symbols import Symbol

URL = "https://query1.finance.yahoo.com"
_DIGITS = 7  # Yahoo keeps prices as single-precision numbers, which hold about as many
_INTERVALS = {TimeFrame.HOUR: "60m"}

Numbers = list[float | None]


class _Quote(msgspec.Struct):
    open: Numbers = []
    high: Numbers = []
    low: Numbers = []
    close: Numbers = []
    volume: Numbers = []


class _Indicators(msgspec.Struct):
    quote: list[_Quote] = []


class _Dividend(msgspec.Struct):
    date: int
    amount: float


class _Split(msgspec.Struct):
    date: int
    numerator: float
    denominator: float


class _Events(msgspec.Struct):
    dividends: dict[str, _Dividend] = {}
    splits: dict[str, _Split] = {}


class _Result(msgspec.Struct):
    timestamp: list[int] = []
    events: _Events = msgspec.field(default_factory=_Events)
    indicators: _Indicators = msgspec.field(default_factory=_Indicators)


class _Fault(msgspec.Struct):
    description: str = ""


class _Chart(msgspec.Struct):
    result: list[_Result] | None = None
    error: _Fault | None = None


class _Answer(msgspec.Struct):
    chart: _Chart


class _Splits(msgspec.Struct, frozen=True):
    """Splits by ex-date."""

    by_day: tuple[tuple[date, Fraction], ...]

    def after(self, day: date) -> Fraction:
        """New shares per share of that day, by every split since."""
        ratio = Fraction(1)
        for ex_date, each in self.by_day:
            if ex_date > day:
                ratio *= each
        return ratio


def fetch(web: Web, wanted: Wanted, clock: Clock | None = None) -> Fetched:
    """Bars and actions of the days asked for. Errors: those of the web."""
    now = (clock or WallClock()).now()
    rows: list[Row] = []
    actions: list[CorporateAction] = []
    for symbol in wanted.symbols:
        told = _chart(web, symbol, wanted.first, max(now, wanted.last), "1d").events
        splits = _splits(told, wanted)
        interval = _INTERVALS.get(wanted.time_frame, wanted.time_frame.value)
        rows += _rows(_chart(web, symbol, wanted.first, wanted.last, interval), symbol, wanted, splits)
        actions += _actions(told, symbol, wanted, splits)
    note = f"prices are turned back into those traded, to {_DIGITS} digits, by the splits known to Yahoo now"
    return Fetched(frame_of_rows(rows, wanted), tuple(actions), "Yahoo chart", (note,))


def _chart(web: Web, symbol: Symbol, first: int, last: int, interval: str) -> _Result:
    parameters: dict[str, str | int] = {
        "period1": first // SECOND,
        "period2": last // SECOND,
        "interval": interval,
        "events": "div,split",
        "includePrePost": "false",
    }
    chart = web.get(f"/v8/finance/chart/{quote(symbol)}", parameters, _Answer).chart
    if chart.error is not None or not chart.result:
        raise NotFound(f"{web.host}: {symbol}: {chart.error.description if chart.error else 'no data'}")
    return chart.result[0]


def _rows(result: _Result, symbol: Symbol, wanted: Wanted, splits: _Splits) -> Iterator[Row]:
    """Rows as traded. Errors: Unavailable when columns are not as long as the times."""
    if not result.timestamp:
        return
    given = result.indicators.quote[0] if result.indicators.quote else _Quote()
    columns = (given.open, given.high, given.low, given.close, given.volume)
    if any(len(column) != len(result.timestamp) for column in columns):
        raise Unavailable(f"{symbol}: the answer was cut: {len(result.timestamp)} times with fewer prices")
    for moment, *prices, volume in zip(result.timestamp, *columns, strict=True):
        if volume is None and prices == [None] * 4:
            continue  # a time at which nothing traded
        micros = moment * SECOND
        ratio = splits.after(wanted.day_of(micros))
        traded = [_rounded(one * ratio) if one is not None else None for one in prices]
        yield symbol, micros, *traded, None if volume is None else round(volume / ratio)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _splits(events: _Events, wanted: Wanted) -> _Splits:
    found = [
        (wanted.day_of(split.date * SECOND), Fraction(split.numerator) / Fraction(split.denominator))
        for split in events.splits.values()
    ]
    return _Splits(tuple(sorted(found)))


def _actions(events: _Events, symbol: Symbol, wanted: Wanted, splits: _Splits) -> Iterable[CorporateAction]:
    """Those with an ex-date within the days asked for. A dividend before a split is an estimate: it was told
    a share of today.
    """
    within = wanted.end + timedelta(days=1)
    for day, ratio in splits.by_day:
        if wanted.start <= day < within:
            new, old = ratio.limit_denominator(10_000).as_integer_ratio()
            yield CorporateAction(symbol, day, ActionKind.SPLIT, new=new, old=old)
    for paid in events.dividends.values():
        day = wanted.day_of(paid.date * SECOND)
        ratio = splits.after(day)
        if wanted.start <= day < within and paid.amount > 0:
            amount = price_from_float(round(paid.amount * ratio, 6), "amount")
            yield CorporateAction(symbol, day, ActionKind.DIVIDEND, amount, estimated=ratio != 1)
