"""What is asked of a vendor, and what it gave."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
import polars as pl

from traderbot.market.bars import SECOND, TimeFrame
from traderbot.market.quality import VALUES
from traderbot.market.tabular import ROWS_MAX
from traderbot.model.actions import CorporateAction
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol

Row = tuple[str, int, float | None, float | None, float | None, float | None, float | None]
"""(symbol, start of the bar in microseconds UTC, open, high, low, close, volume); None: it is missing."""

_SCHEMA = {"symbol": pl.String, "moment": pl.Int64, **dict.fromkeys(VALUES, pl.Float64)}


class Wanted(msgspec.Struct, frozen=True):
    """Bars of these symbols for the days from start to end, both included, by the clock of `zone`.

    Errors: InvalidValue.
    """

    symbols: tuple[Symbol, ...]
    start: date
    end: date
    time_frame: TimeFrame
    zone: str

    def __post_init__(self) -> None:
        if not self.symbols or len(set(self.symbols)) < len(self.symbols):
            raise InvalidValue("symbols", "at least one symbol, each of them once", ",".join(self.symbols))
        if self.start > self.end:
            raise InvalidValue("start, end", "a start that is not after the end", f"{self.start}, {self.end}")

    @property
    def first(self) -> int:
        """Start of the first day, microseconds UTC."""
        return self._midnight(self.start)

    @property
    def last(self) -> int:
        """End of the last day, microseconds UTC."""
        return self._midnight(self.end + timedelta(days=1))

    def day_of(self, micros: int) -> date:
        """The day of a moment where the exchange is."""
        return datetime.fromtimestamp(micros // SECOND, UTC).astimezone(ZoneInfo(self.zone)).date()

    def _midnight(self, day: date) -> int:
        return int(datetime.combine(day, time(), ZoneInfo(self.zone)).timestamp()) * SECOND


class Fetched(msgspec.Struct, frozen=True, eq=False):
    """rows: symbol, moment (start of the bar, microseconds UTC), open .. volume, in the vendor's order.

    notes: what a reader of the import's report should know. Prices are raw.
    """

    rows: pl.DataFrame
    actions: tuple[CorporateAction, ...]
    source: str
    notes: tuple[str, ...] = ()


def frame_of_rows(rows: Iterable[Row], wanted: Wanted) -> pl.DataFrame:
    """The rows that start within the days asked for. Errors: InvalidValue for more than can be examined."""
    frame = pl.DataFrame(list(rows), schema=_SCHEMA, orient="row", strict=False)
    frame = frame.filter((pl.col("moment") >= wanted.first) & (pl.col("moment") < wanted.last))
    if len(frame) > ROWS_MAX:
        raise InvalidValue("symbols, start, end", f"at most {ROWS_MAX} bars at once", len(frame))
    return frame
