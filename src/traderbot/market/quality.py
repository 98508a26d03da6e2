"""Quality of bars from elsewhere: every fault named by row, symbol and time, nothing faulty used silently.

The frame examined has one line for each row of the file, in the file's order, with the columns
row:        Int64, as counted in the file.
symbol:     String.
key:        Int64, the row's own time in microseconds UTC; for daily bars midnight of their day.
same:       Int64, rows of a symbol with the same one contradict or repeat each other.
session:    Int64, index into the sessions, null when the exchange does not trade on that day.
outside:    Boolean, not within the session's hours.
open .. volume: Float64, null when missing.
understood: Boolean, false when the reader of the file has already reported the row.
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec
import polars as pl

from traderbot.market.bars import AMOUNT_LIMIT, PRICE_MIN, TimeFrame
from traderbot.market.calendars import Sessions

PRICES = ("open", "high", "low", "close")
VALUES = (*PRICES, "volume")
ROUNDING = (
    1e-6  # open or close may lie outside low to high by this part: prices adjusted with rounded factors do
)
JUMP = 1.5  # a close this many times the one before, or the other way round, deserves a look


class Severity(StrEnum):
    """What a finding does: refuse the file, leave the row out, or only say so."""

    REFUSE = "refuse"
    QUARANTINE = "quarantine"
    WARN = "warn"


class Check(StrEnum):
    """What was looked for."""

    UNREADABLE = "unreadable"
    COLUMNS = "columns"
    UNSORTED = "unsorted"
    TIMEFRAME = "timeframe"
    NOTHING_USABLE = "nothing_usable"
    NOT_A_TIME = "not_a_time"
    NOT_A_NUMBER = "not_a_number"
    NOT_A_SYMBOL = "not_a_symbol"
    MISSING_VALUE = "missing_value"
    OUT_OF_RANGE = "out_of_range"
    HIGH_BELOW_LOW = "high_below_low"
    OPEN_OUTSIDE = "open_outside_high_low"
    CLOSE_OUTSIDE = "close_outside_high_low"
    DUPLICATE = "duplicate"
    CONFLICT = "conflicting_duplicate"
    NOT_A_SESSION = "not_a_session"
    OUTSIDE_HOURS = "outside_hours"
    ZERO_VOLUME = "zero_volume"
    MISSING_SESSIONS = "missing_sessions"
    WILD_JUMP = "wild_jump"

    @property
    def severity(self) -> Severity:
        """A fault of the whole file refuses it, of a row quarantines it, and what may be true only warns."""
        if self in _REFUSES:
            return Severity.REFUSE
        return Severity.WARN if self in _WARNS else Severity.QUARANTINE


_REFUSES = {Check.UNREADABLE, Check.COLUMNS, Check.UNSORTED, Check.TIMEFRAME, Check.NOTHING_USABLE}
_WARNS = {Check.ZERO_VOLUME, Check.MISSING_SESSIONS, Check.WILD_JUMP}

FINDINGS = {
    "row": pl.Int64,
    "symbol": pl.String,
    "time": pl.String,
    "check": pl.String,
    "severity": pl.String,
    "what": pl.String,
}


class Finding(msgspec.Struct, frozen=True):
    """One fault. row: as counted in the file, its header being row 1; None when about the whole file."""

    row: int | None
    symbol: str | None
    time: str | None
    check: Check
    severity: Severity
    what: str


class QualityReport(msgspec.Struct, frozen=True, eq=False):
    """What became of a file: how much was used, what was left out and why.

    timeframe: None when the file was refused before its bars' spacing was known.
    table: the findings as a frame of the columns FINDINGS, by row.
    refusal: why the file was refused as a whole, None when it was not.
    """

    file: str
    rows: int
    used: int
    quarantined: int
    symbols: int
    timeframe: TimeFrame | None
    notes: tuple[str, ...]
    refusal: str | None
    table: pl.DataFrame

    def counts(self) -> dict[Check, int]:
        """Number of findings of each check that found something, the most serious first."""
        grouped = dict(self.table.group_by("check").len().iter_rows())
        return {check: grouped[check.value] for check in Check if check.value in grouped}

    def findings(self, limit: int | None = None, severity: Severity | None = None) -> list[Finding]:
        """The findings by row, at most `limit`, of one severity when it is given."""
        table = self.table if severity is None else self.table.filter(pl.col("severity") == severity.value)
        rows = (table if limit is None else table.head(limit)).iter_rows()
        return [Finding(r, s, t, Check(check), Severity(level), what) for r, s, t, check, level, what in rows]

    def lines(self, each: int | None = 5) -> list[str]:
        """The report as lines of text: outcome, notes, how many of each check and from when to when, then the
        first `each` of every check, the gravest first: a check that found many hides no other.
        """
        outcome = (
            f"refused: {self.refusal}"
            if self.refusal
            else f"{self.used} used, {self.quarantined} quarantined"
        )
        lines = [f"{self.file}: {self.rows} rows of {self.symbols} symbols, {outcome}"]
        lines += [f"note: {note}" for note in self.notes]
        counts = self.counts()
        lines += [
            f"{check.severity.value}: {count} x {check.value}{self._span(check)}"
            for check, count in counts.items()
        ]
        for check, count in counts.items():
            lines += [_line(finding) for finding in self._of(check, each)]
            if each is not None and count > each:
                lines.append(f"{check.severity.value}: and {count - each} more of {check.value}")
        return lines

    def _of(self, check: Check, limit: int | None) -> list[Finding]:
        table = self.table.filter(pl.col("check") == check.value)
        rows = (table if limit is None else table.head(limit)).iter_rows()
        return [Finding(r, s, t, check, check.severity, what) for r, s, t, _, _, what in rows]

    def _span(self, check: Check) -> str:
        """The first and the last time of several findings."""
        times = self.table.filter(pl.col("check") == check.value)["time"].drop_nulls().sort().to_list()
        return f", {times[0]} to {times[-1]}" if len(times) > 1 else ""


class Examined(msgspec.Struct, frozen=True, eq=False):
    """Outcome of `examine`: the rows fit for use by symbol and key, and what was found, by row."""

    clean: pl.DataFrame
    findings: pl.DataFrame


def no_findings() -> pl.DataFrame:
    """An empty frame of findings."""
    return pl.DataFrame(schema=FINDINGS)


def file_finding(check: Check, what: str, row: int | None = None) -> pl.DataFrame:
    """One finding about the whole file."""
    return pl.DataFrame(
        [(row, None, None, check.value, check.severity.value, what)], schema=FINDINGS, orient="row"
    )


def row_findings(rows: pl.DataFrame, check: Check, what: pl.Expr, time: pl.Expr) -> pl.DataFrame:
    """A finding for each line of a frame with the columns row and symbol."""
    return rows.select(
        pl.col("row").cast(pl.Int64),
        pl.col("symbol").cast(pl.String),
        time.cast(pl.String).alias("time"),
        pl.lit(check.value).alias("check"),
        pl.lit(check.severity.value).alias("severity"),
        what.alias("what"),
    )


def together(findings: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Several frames of findings as one, by row; findings about the whole file come first."""
    return pl.concat([no_findings(), *findings]).sort("row", nulls_last=False, maintain_order=True)


def out_of_order(frame: pl.DataFrame, timeframe: TimeFrame) -> pl.DataFrame:
    """The first row older than the row of its symbol before it, as a finding that refuses the file."""
    before = pl.col("key").shift(1).over("symbol")
    known = frame.filter("understood").with_columns(
        before.alias("before"), pl.col("row").shift(1).over("symbol").alias("at")
    )
    wrong = known.filter(pl.col("key") < pl.col("before")).sort("row").head(1)
    what = pl.format(
        "older than row {} of the same symbol ({}): expected times oldest first, or ask for sorting",
        "at",
        time_text(timeframe, "before"),
    )
    return row_findings(wrong, Check.UNSORTED, what, time_text(timeframe))


def examine(frame: pl.DataFrame, sessions: Sessions, timeframe: TimeFrame) -> Examined:
    """Find every fault of rows and the gaps between them; rows not quarantined are fit for use."""
    known = frame.filter("understood")
    faults = [*_values(known, timeframe), *_ranges(known, timeframe), *_duplicates(known, timeframe)]
    faults += _sessions(known, timeframe)
    bad = pl.concat([no_findings(), *faults])["row"].unique()
    clean = known.filter(~pl.col("row").is_in(bad.implode())).sort("symbol", "key")
    clean = clean.with_columns(pl.max_horizontal("open", "high", "close").alias("high"))
    clean = clean.with_columns(pl.min_horizontal("open", "low", "close").alias("low"))
    warnings = [*_unusual(clean, timeframe), _gaps(known, sessions, timeframe)]
    return Examined(clean, together([*faults, *warnings]))


def time_text(timeframe: TimeFrame, column: str = "key") -> pl.Expr:
    """A time as people read it: the day of a daily bar, else RFC 3339."""
    moment = pl.from_epoch(column, time_unit="us")
    return moment.dt.strftime("%Y-%m-%d" if timeframe is TimeFrame.DAY else "%Y-%m-%dT%H:%M:%SZ")


def _values(known: pl.DataFrame, timeframe: TimeFrame) -> list[pl.DataFrame]:
    """Values that are missing, or that no price or volume can have."""
    absent = [pl.when(pl.col(name).is_null()).then(pl.lit(name)) for name in VALUES]
    named = pl.concat_str(absent, separator=", ", ignore_nulls=True)
    missing = known.filter(pl.any_horizontal(pl.col(name).is_null() for name in VALUES))
    found = [
        row_findings(missing, Check.MISSING_VALUE, pl.format("no value for {}", named), time_text(timeframe))
    ]
    for name in VALUES:
        least, expected = (0.0, "zero or more") if name == "volume" else (PRICE_MIN, "a positive price")
        wrong = known.filter((pl.col(name) < least) | (pl.col(name) > AMOUNT_LIMIT))
        what = pl.format(f"{name} is {{}}: expected {expected}, up to {AMOUNT_LIMIT:g}", name)
        found.append(row_findings(wrong, Check.OUT_OF_RANGE, what, time_text(timeframe)))
    return found


def _ranges(known: pl.DataFrame, timeframe: TimeFrame) -> list[pl.DataFrame]:
    """Bars whose high is below their low, or whose open or close lies outside of both."""
    high, low, when = pl.col("high"), pl.col("low"), time_text(timeframe)
    crossed = known.filter(high < low)
    found = [
        row_findings(crossed, Check.HIGH_BELOW_LOW, pl.format("high {} is below low {}", high, low), when)
    ]
    for name, check in (("open", Check.OPEN_OUTSIDE), ("close", Check.CLOSE_OUTSIDE)):
        price = pl.col(name)
        above, below = price > high * (1 + ROUNDING), price < low * (1 - ROUNDING)
        crossing = (high < low).fill_null(False)
        outside = known.filter((above.fill_null(False) | below.fill_null(False)) & ~crossing)
        what = pl.format(
            f"{name} {{}} is outside low {{}} to high {{}}",
            price,
            low.fill_null(float("nan")),
            high.fill_null(float("nan")),
        )
        found.append(row_findings(outside, check, what, when))
    return found


def _duplicates(known: pl.DataFrame, timeframe: TimeFrame) -> list[pl.DataFrame]:
    """Rows of the same symbol and time: of equal ones the first is kept, of differing ones none."""
    twice = known.filter(pl.struct("symbol", "same").is_duplicated())
    if twice.is_empty():
        return []
    same = ("symbol", "same")
    twice = twice.with_columns(
        pl.col("row").min().over(same).alias("first"),
        pl.struct(*VALUES).n_unique().over(same).alias("kinds"),
    )
    equal = twice.filter((pl.col("kinds") == 1) & (pl.col("row") != pl.col("first")))
    conflicts = twice.filter(pl.col("kinds") > 1)
    listed = conflicts.group_by(same).agg(
        pl.col("row").sort().cast(pl.String).head(10).str.join(", ").alias("rows")
    )
    conflicts = conflicts.join(listed, on=same, how="left", maintain_order="left")
    when = time_text(timeframe)
    return [
        row_findings(equal, Check.DUPLICATE, pl.format("repeats row {}, which is kept", "first"), when),
        row_findings(
            conflicts,
            Check.CONFLICT,
            pl.format("rows {} have the same time and differ: none is used", "rows"),
            when,
        ),
    ]


def _sessions(known: pl.DataFrame, timeframe: TimeFrame) -> list[pl.DataFrame]:
    """Bars of days or hours in which the exchange does not trade."""
    when = time_text(timeframe)
    closed = known.filter(pl.col("session").is_null())
    late = known.filter(pl.col("session").is_not_null() & pl.col("outside"))
    return [
        row_findings(closed, Check.NOT_A_SESSION, pl.lit("the exchange does not trade on this day"), when),
        row_findings(late, Check.OUTSIDE_HOURS, pl.lit("not within the session's opening hours"), when),
    ]


def _unusual(clean: pl.DataFrame, timeframe: TimeFrame) -> list[pl.DataFrame]:
    """Bars that are kept although they look odd: without volume, or far from the bar before."""
    when = time_text(timeframe)
    still = clean.filter(pl.col("volume") == 0)
    moved = clean.with_columns(pl.col("close").shift(1).over("symbol").alias("before"))
    moved = moved.with_columns((pl.col("close") / pl.col("before")).alias("times"))
    moved = moved.filter((pl.col("times") >= JUMP) | (pl.col("times") <= 1 / JUMP))
    what = pl.format(
        "close {} after {}: a move this large is often a split that is not accounted for", "close", "before"
    )
    return [
        row_findings(
            still, Check.ZERO_VOLUME, pl.lit("no volume: it marks positions, no order can fill on it"), when
        ),
        row_findings(moved, Check.WILD_JUMP, what, when),
    ]


def _gaps(known: pl.DataFrame, sessions: Sessions, timeframe: TimeFrame) -> pl.DataFrame:
    """Sessions without a row between two rows of a symbol, named at the row after the gap."""
    present = known.filter(pl.col("session").is_not_null()).sort("symbol", "key")
    present = present.with_columns(
        (pl.col("session") - pl.col("session").shift(1).over("symbol") - 1).alias("missing")
    )
    gaps = present.filter(pl.col("missing") > 0)
    dates = pl.Series("date", sessions.dates).cast(pl.String)
    first = dates.gather(gaps["session"] - gaps["missing"]) if len(gaps) else dates.head(0)
    last = dates.gather(gaps["session"] - 1) if len(gaps) else dates.head(0)
    gaps = gaps.with_columns(first.alias("from"), last.alias("to"))
    what = pl.format("{} sessions without a bar before this one, {} to {}", "missing", "from", "to")
    return row_findings(gaps, Check.MISSING_SESSIONS, what, time_text(timeframe))


def _line(finding: Finding) -> str:
    where = "file" if finding.row is None else f"row {finding.row}"
    what_of = " ".join(part for part in (finding.symbol, finding.time) if part)
    return f"{finding.severity.value}: {where}{' ' + what_of if what_of else ''}: {finding.what}"
