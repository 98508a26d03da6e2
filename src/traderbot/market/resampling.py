"""Bars of a coarser time frame from finer ones, without a look ahead.

A session is cut into spans from its open; the last one ends with the session, half days included. A week
(from Monday) and a month end with their last session; those that the sessions end in, with the calendar. A
coarse bar is stamped with the end of its span, which is when it is known, and is made from the fine bars that
closed in it.
"""

from enum import StrEnum
from typing import NamedTuple

import numpy as np

from traderbot.market.bars import DAY, Bars, TimeFrame
from traderbot.market.calendars import Sessions
from traderbot.market.datasets import Dataset
from traderbot.model.bars import Bar, Columns, Times
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol


class Period(StrEnum):
    """How much market time a bar covers that is made of whole sessions; no data set is stored in one."""

    WEEK = "1w"
    MONTH = "1mo"

    @property
    def micros(self) -> int:
        """The least length in microseconds."""
        return (7 if self is Period.WEEK else 28) * DAY


Coarse = TimeFrame | Period
_MONDAY = 4  # days from the epoch, a Thursday, to the first one


def time_frame_of(text: str) -> Coarse:
    """A time frame by its name, such as 1h or 1w. Errors: InvalidValue."""
    for kind in (TimeFrame, Period):
        if text in list(kind):
            return kind(text)
    raise InvalidValue("time_frame", f"one of {', '.join([*TimeFrame, *Period])}", text)


def span_ends(times: Times, sessions: Sessions, time_frame: Coarse) -> Times:
    """End of the span that each bar belongs to by its close, int64 (n,), microseconds UTC.

    Errors: InvalidValue for a time outside every session.
    """
    if not len(times):
        return times
    places = np.minimum(sessions.closes.searchsorted(times, "left"), max(len(sessions) - 1, 0))
    if not len(sessions):
        raise InvalidValue("sessions", "sessions that span the bars")
    opens, closes = sessions.opens[places], sessions.closes[places]
    outside = (times <= opens) | (times > closes)
    if outside.any():
        first = np.datetime64(int(times[int(outside.argmax())]), "us")
        raise InvalidValue("bars", "bars that close within a session of the calendar", f"{first} UTC")
    if isinstance(time_frame, Period):
        return _period_ends(sessions, time_frame)[places]
    if time_frame is TimeFrame.DAY:
        return closes
    ends: Times = opens - (opens - times) // time_frame.micros * time_frame.micros
    return np.minimum(ends, closes)


def _period_ends(sessions: Sessions, period: Period) -> Times:
    """For each session the end of its week or month, int64 (n,), microseconds UTC."""
    days = sessions.dates.astype("datetime64[D]")
    if period is Period.WEEK:
        number = (days.astype(np.int64) - _MONDAY) // 7
        after = (int(number[-1]) + 1) * 7 + _MONDAY
    else:
        months = days.astype("datetime64[M]")
        number = months.astype(np.int64)
        after = int((months[-1] + 1).astype("datetime64[D]").astype(np.int64))
    lasts = np.searchsorted(number, number, "right") - 1
    ends: Times = sessions.closes[lasts]
    # whether another session follows in the last one is not known, so it is over when nothing more can
    ends[number == number[-1]] = max(after * DAY, int(sessions.closes[-1]))
    return ends


def resample(bars: Bars, sessions: Sessions, time_frame: Coarse, until: int | None = None) -> Bars:
    """The coarser bars known at `until`, by default at the last fine bar: an unfinished one is left out.

    Errors: InvalidValue for a bar outside every session.
    """
    last = until if until is not None else int(bars.times[-1]) if len(bars) else 0
    known = bars.until(last)
    ends = span_ends(known.times, sessions, time_frame)
    count = int(ends.searchsorted(last, "right"))
    known, ends = known.slice(0, count), ends[:count]
    if not count:
        return known
    starts = np.append(0, np.flatnonzero(np.diff(ends)) + 1)
    lasts = np.append(starts[1:], count) - 1
    columns = (
        ends[starts],
        known.open[starts],
        np.maximum.reduceat(known.high, starts),
        np.minimum.reduceat(known.low, starts),
        known.close[lasts],
        np.add.reduceat(known.volume, starts),
    )
    for column in columns:
        column.setflags(write=False)
    return Bars(bars.symbol, *columns)


class _Made(NamedTuple):
    source: Times
    columns: Columns


class CoarserBars:
    """Coarser columns of running instruments, each made once when it is first asked for.

    They are made from all of a run's fine bars, so whoever shows them cuts them at the time of now.
    """

    def __init__(self, sessions: Sessions, fine: TimeFrame) -> None:
        self._sessions, self._fine = sessions, fine
        self._made: dict[tuple[Symbol, str], _Made] = {}

    def __call__(self, bar: Bar, time_frame: str) -> Columns:
        """The columns of the instrument in that time frame, stamped with when each bar is known.

        Errors: InvalidValue for no time frame, or one finer than the bars.
        """
        columns = bar.whole()
        found = self._made.get((bar.symbol, time_frame))
        if found is not None and found.source is columns[0]:
            return found.columns
        coarse = time_frame_of(time_frame)
        if coarse.micros < self._fine.micros:
            raise InvalidValue("time_frame", f"{self._fine}, as the bars are, or coarser", time_frame)
        made = self._resampled(bar.symbol, columns, coarse)
        self._made[bar.symbol, time_frame] = _Made(columns[0], made)
        return made

    def _resampled(self, symbol: Symbol, columns: Columns, coarse: Coarse) -> Columns:
        if coarse is self._fine:
            return columns
        fine = Bars(symbol, *columns)
        last = int(span_ends(fine.times[-1:], self._sessions, coarse)[0]) if len(fine) else 0
        whole = resample(fine, self._sessions, coarse, until=last)
        return whole.times, whole.open, whole.high, whole.low, whole.close, whole.volume


def coarser_of(dataset: Dataset) -> CoarserBars:
    """Coarser bars of a data set's own sessions."""
    return CoarserBars(dataset.sessions, dataset.timeframe)
