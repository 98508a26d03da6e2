"""A stretch of an account's closes, its money in it, and the days, weeks and months it is made of."""

import re
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

import numpy as np

from traderbot.analytics.flows import Returns, time_weighted
from traderbot.engine import ledger
from traderbot.model.errors import InvalidValue
from traderbot.portfolios.track import LEDGERS
from traderbot.portfolios.tracks import Book, Whole

_DAY = 86_400_000_000
_MILLIONTH = 1e-6
_EPOCH = date(1970, 1, 1)
_MONDAY = 3  # days from the Monday before 1970-01-01 to it


class Every(StrEnum):
    """How long the periods are that a span is told in."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


_LABELS = {
    Every.DAY: r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    Every.WEEK: r"[0-9]{4}-W[0-9]{2}",
    Every.MONTH: r"[0-9]{4}-(0[1-9]|1[0-2])",
    Every.QUARTER: r"[0-9]{4}-Q[1-4]",
    Every.YEAR: r"[0-9]{4}",
}


def money(millionths: int | np.int64) -> Decimal:
    """An amount counted in millionths."""
    return Decimal(int(millionths)).scaleb(-6)


class Span:
    """The closes of a book from index `first` to `last`, both in it; empty where last is below first. The
    money at its start is that of the close before, nothing before the first close of all.
    """

    def __init__(self, book: Book, first: int, last: int) -> None:
        self.book, self.first, self.last = book, first, last

    @classmethod
    def between(cls, book: Book, begin: int | None = None, end: int | None = None) -> "Span":
        """The closes from begin to end, market times in microseconds, both included."""
        first = 0 if begin is None else book.close_at(begin - 1) + 1
        return cls(book, first, len(book.times) - 1 if end is None else book.close_at(end))

    def part(self, first: int, last: int) -> "Span":
        """Some of its closes, by their places in it."""
        return Span(self.book, self.first + first, self.first + last)

    def __len__(self) -> int:
        return max(0, self.last - self.first + 1)

    @cached_property
    def times(self) -> Whole:
        return self.book.times[self.first : self.last + 1]

    @cached_property
    def equity(self) -> Whole:
        return self.book.equity[self.first : self.last + 1]

    @property
    def start_equity(self) -> int:
        return int(self.book.equity[self.first - 1]) if self.first else 0

    @cached_property
    def starts(self) -> int:
        """When it begins: the close before, or the first flow, or the opening of the account."""
        if self.first:
            return int(self.book.times[self.first - 1])
        times = self.book.flow_time
        return min(int(times[0]) if len(times) else self.book.opened_at, int(self.book.times[0]))

    def inside(self, closes: Whole) -> slice:
        """Which of the rows, in order of their closes, belong to it."""
        low, high = np.searchsorted(closes, (self.first, self.last + 1))
        return slice(int(low), int(high))

    def at(self, closes: Whole, close: int) -> slice:
        """Which of the rows are of one close."""
        low, high = np.searchsorted(closes, (close, close + 1))
        return slice(int(low), int(high))

    @cached_property
    def flows(self) -> Whole:
        """Sum of the flows that count from each close on, millionths, (closes,)."""
        rows = self.inside(self.book.flow_close)
        sums = np.zeros(len(self), dtype=np.int64)
        np.add.at(sums, self.book.flow_close[rows] - self.first, self.book.flow_amount[rows])
        return sums

    @cached_property
    def gains(self) -> Whole:
        """What was gained from close to close, millionths, (closes,)."""
        return np.diff(self.equity, prepend=self.start_equity) - self.flows

    @cached_property
    def returns(self) -> Returns:
        """Time-weighted, from close to close."""
        values = self.equity.astype(np.float64) * _MILLIONTH
        flows = self.flows.astype(np.float64) * _MILLIONTH
        return time_weighted(values, flows, self.start_equity * _MILLIONTH)

    def entered(self, name: str) -> int:
        """Sum of what was entered in one ledger, a gain positive, millionths."""
        rows = self.inside(self.book.entry_close)
        chosen = self.book.entry_ledger[rows] == LEDGERS.index(name)
        return int(self.book.entry_amount[rows][chosen].sum())

    def unrealised(self, close: int) -> int:
        """Value over cost of all that is held at a close, millionths."""
        if close < 0:
            return 0
        rows = self.at(self.book.value_close, close)
        return int((self.book.value[rows] - self.book.value_cost[rows]).sum())

    @cached_property
    def costs(self) -> int:
        """Fees, interest and borrow fees, millionths."""
        return -sum(self.entered(name) for name in (ledger.FEES, ledger.INTEREST, ledger.BORROW))

    def undefined(self) -> str | None:
        """Why there is no return over it, None where there is one."""
        if not len(self):
            return "no close of the account lies in this span"
        broken = np.flatnonzero(~np.isfinite(self.returns.change))
        if len(broken):
            day = label_of(int(self.times[broken[0]]), Every.DAY)
            if self.returns.capital[broken[0]] < 0:
                return f"equity was below zero before {day}, and a return on it means nothing"
            if self.equity[broken[0]] < 0:
                return f"more was lost than there was on {day}"
            return f"there was no capital on {day} to earn a return"
        if not (self.returns.capital > 0).any():
            return "the account had no money"
        return None

    def parts(self, every: Every) -> list[tuple[str, int, int]]:
        """(label, first, last) of each period with a close, places in this span."""
        if not len(self):
            return []
        numbers = _numbers(self.times, every)
        ends = np.append(np.flatnonzero(np.diff(numbers)), len(numbers) - 1)
        begins = np.concatenate(([0], ends[:-1] + 1))
        return [
            (label_of(int(self.times[end]), every), int(begin), int(end))
            for begin, end in zip(begins, ends, strict=True)
        ]


def _numbers(times: Whole, every: Every) -> Whole:
    """The number of the period that each close is in; one at midnight UTC belongs to the day before."""
    days = -(-times // _DAY) - 1
    if every is Every.DAY:
        return days
    if every is Every.WEEK:
        return (days + _MONDAY) // 7
    months = days.astype("M8[D]").astype("M8[M]").astype(np.int64)
    return months // {Every.MONTH: 1, Every.QUARTER: 3, Every.YEAR: 12}[every]


def day_of(time: int) -> date:
    """The day that a moment is in, UTC; midnight belongs to the day before."""
    return _EPOCH + timedelta(days=-(-time // _DAY) - 1)


def stretch_of(label: str) -> tuple[int, int]:
    """The first and the last market time of a period by its label, such as 2005-01-03, 2005-W01, 2005-01,
    2005-Q1 or 2005. Errors: InvalidValue.
    """
    every = next((one for one, pattern in _LABELS.items() if re.fullmatch(pattern, label)), None)
    try:
        if every is None:
            raise ValueError(label)
        begin, end = _days_of(label, every)
    except (ValueError, OverflowError):
        expected = "a period such as 2005-01-03, 2005-W01, 2005-01, 2005-Q1 or 2005"
        raise InvalidValue("period", expected, label) from None
    return (begin - _EPOCH).days * _DAY + 1, (end - _EPOCH).days * _DAY


def _days_of(label: str, every: Every) -> tuple[date, date]:
    """Its first day, and the day after its last."""
    if every is Every.DAY:
        return date.fromisoformat(label), date.fromisoformat(label) + timedelta(days=1)
    if every is Every.WEEK:
        monday = date.fromisoformat(f"{label}-1")
        return monday, monday + timedelta(days=7)
    months = {Every.MONTH: 1, Every.QUARTER: 3, Every.YEAR: 12}[every]
    number = int(label[6:]) if every is Every.QUARTER else int(label[5:] or 1)
    first = int(label[:4]) * 12 + (number - 1) * (months % 12)
    after = first + months
    return date(first // 12, first % 12 + 1, 1), date(after // 12, after % 12 + 1, 1)


def label_of(time: int, every: Every) -> str:
    """The name of the period that a close is in, such as 2005-W01 (ISO 8601) or 2005-Q1."""
    day = day_of(time)
    if every is Every.DAY:
        return str(day)
    if every is Every.WEEK:
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02d}"
    if every is Every.MONTH:
        return f"{day.year}-{day.month:02d}"
    return f"{day.year}-Q{(day.month + 2) // 3}" if every is Every.QUARTER else str(day.year)
