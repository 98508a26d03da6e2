"""Days, weeks and months of a signal's frame, aligned so that no row sees one that is not over."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from traderbot.analytics.arrays import Floats
from traderbot.model.bars import Times
from traderbot.model.errors import InvalidValue
from traderbot.model.membership import EVERYBODY
from traderbot.strategies.signals import Frame

_DAY = 86_400_000_000
_MONDAY = 4  # days from the epoch, a Thursday, to the first one
SPANS = ("1d", "1w", "1mo")


class Coarser(NamedTuple):
    """frame: a row for each whole span, its time that of the span's last row. known: int64 (T,), of each row
    of the finer frame the newest row of `frame` that it may go by; -1 for none.
    """

    frame: Frame
    known: NDArray[np.int64]

    def back(self, values: Floats) -> Floats:
        """Values of the coarser rows, float64 (spans, N), at the rows of the finer frame (T, N); NaN before
        there are any.
        """
        if not len(values):
            return np.full((len(self.known), len(self.frame.symbols)), np.nan)
        found: Floats = np.where((self.known >= 0)[:, None], values[np.maximum(self.known, 0)], np.nan)
        return found


def coarser(frame: Frame, time_frame: str) -> Coarser:
    """The frame in days, weeks (from Monday) or months, by UTC; a bar at midnight is of the day before.

    A span is over once a row of the next one is there: row t goes by the spans before its own, so what is
    cut off after t changes nothing. The first span of a frame is left out, as it may have begun before; a
    strategy that goes by n weeks of daily bars declares a warm_up of 5 (n + 2) rows, or of 7 (n + 2).
    Errors: InvalidValue.
    """
    if time_frame not in SPANS:
        raise InvalidValue("time_frame", f"one of {', '.join(SPANS)}", time_frame)
    number = _numbers(frame.times, time_frame)
    firsts = np.flatnonzero(np.diff(number, prepend=number[:1] - 1))
    whole = firsts[1:-1], firsts[2:]  # the last one may go on
    made = _made(frame, *whole)
    span = np.cumsum(np.diff(number, prepend=number[:1]) != 0)
    return Coarser(made, span - 2)


def _numbers(times: Times, time_frame: str) -> NDArray[np.int64]:
    """A number for the span of each row."""
    days = (times - 1) // _DAY
    if time_frame == "1d":
        return days
    if time_frame == "1w":
        return (days - _MONDAY) // 7
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _made(frame: Frame, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> Frame:
    """A row for each span of rows; NaN where an instrument has no bar in it."""
    width = len(frame.symbols)
    columns = np.full((6, len(starts), width), np.nan)
    for row, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        here = ~np.isnan(frame.close[start:end])
        held = np.flatnonzero(here.any(axis=0))
        first, last = here[:, held].argmax(axis=0), here[::-1, held].argmax(axis=0)
        columns[0, row, held] = frame.open[start + first, held]
        columns[1, row, held] = np.nanmax(frame.high[start:end, held], axis=0)
        columns[2, row, held] = np.nanmin(frame.low[start:end, held], axis=0)
        columns[3, row, held] = frame.close[end - 1 - last, held]
        columns[4, row, held] = np.nansum(frame.volume[start:end, held], axis=0)
        columns[5, row, held] = np.nanprod(frame.growth[start:end, held], axis=0)
    columns.flags.writeable = False
    lasts = ends - 1
    member = frame.member if frame.member is EVERYBODY else frame.member[lasts]
    opens, highs, lows, closes, volumes, growth = columns
    return Frame(frame.symbols, frame.times[lasts], opens, highs, lows, closes, volumes, growth, member)
