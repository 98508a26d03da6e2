"""Reads anybody's CSV or Parquet of prices into the frame that quality.py examines, without guessing what is
ambiguous.

Column names are matched whatever their case or punctuation, with common synonyms. Times may be dates, ISO
8601 date-times or epoch numbers (seconds to nanoseconds, told apart by their size); date-times without a zone
are the exchange's time.
"""

import csv
import gzip
import io
import re
import zlib
from pathlib import Path
from typing import Literal

import msgspec
import polars as pl

from traderbot.market.bars import DAY, SECOND, TimeFrame
from traderbot.market.calendars import FIRST_DATE, LAST_DATE, zone_of
from traderbot.market.quality import VALUES, Check, file_finding, row_findings
from traderbot.model.errors import InvalidValue, NotFound
from traderbot.model.symbols import PATTERN

FILE_MAX = 1 << 30  # bytes, unpacked: with ROWS_MAX, a bound on memory
ROWS_MAX = 5_000_000  # examined at well under 1 kB each
SYNONYMS: dict[str, tuple[str, ...]] = {
    "time": (
        "datetime",
        "timestamp",
        "date",
        "time",
        "ts",
        "day",
        "dateandtime",
        "datetimeutc",
        "timeutc",
        "t",
    ),
    "symbol": ("symbol", "ticker", "name", "instrument", "sym", "stock", "code", "s"),
    "open": ("open", "openprice", "o", "1open"),
    "high": ("high", "highprice", "h", "2high"),
    "low": ("low", "lowprice", "l", "3low"),
    "close": ("close", "closeprice", "c", "4close", "last", "closelast"),
    "volume": ("volume", "vol", "v", "5volume", "shares"),
}
ADJUSTED = ("adjclose", "adjustedclose", "closeadj", "closeadjusted", "adjcloseprice")
_FALLBACKS = {"name", "stock", "code", "s", "last"}  # taken only when no plainer synonym is there
_UNREADABLE = (
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,  # what polars raises on some broken files
    OSError,
    EOFError,
    zlib.error,
    ValueError,
)
_MISSING = ["", "nan", "null", "none", "n/a", "na", "-"]
_ISO = (
    r"^(\d{4})[-/](\d{1,2})[-/](\d{1,2})"
    r"(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|z|UTC|[+-]\d{2}:?\d{2}|[+-]\d{2})?)?$"
)
_EARLIEST = (FIRST_DATE.toordinal() - 719_163) * DAY  # 719163 is 1970-01-01
_LATEST = (LAST_DATE.toordinal() - 719_163) * DAY
Stamped = Literal["open", "close"]


class Refused(Exception):  # noqa: N818 - what happened to the file
    """The file cannot be understood as a whole; carries the finding that says why."""

    def __init__(self, check: Check, what: str, row: int | None = None) -> None:
        super().__init__(what if row is None else f"row {row}: {what}")
        self.findings = file_finding(check, what, row)


class Table(msgspec.Struct, frozen=True, eq=False):
    """A file as read. raw: its own columns after `row`, as counted in the file, its header being row 1."""

    raw: pl.DataFrame
    notes: list[str]


class Parsed(msgspec.Struct, frozen=True, eq=False):
    """A file as understood.

    frame: row, symbol, naive (exchange's wall clock, us), moment (us UTC), date, open .. volume, understood.
    findings: the cells that could not be understood.
    """

    frame: pl.DataFrame
    findings: pl.DataFrame
    timeframe: TimeFrame
    notes: list[str]


def read_table(path: Path) -> Table:
    """Read a .csv, .csv.gz, .tsv, .txt or .parquet file. Errors: NotFound, InvalidValue, Refused."""
    if not path.is_file():
        raise NotFound(f"no file at {path}")
    kind = path.name.lower()
    if not kind.endswith((".csv", ".csv.gz", ".tsv", ".txt", ".parquet")):
        raise InvalidValue("file", "a .csv, .csv.gz, .tsv, .txt or .parquet file", path.name)
    if path.stat().st_size > FILE_MAX:
        raise Refused(
            Check.UNREADABLE, f"larger than {FILE_MAX >> 20} MiB: expected a smaller file, split it by symbol"
        )
    try:
        if kind.endswith(".parquet"):
            _check_rows(int(pl.scan_parquet(path).select(pl.len()).collect().item()))
            raw = pl.read_parquet(path, row_index_name="row").sort("row")
        else:
            raw = _read_text(_content(path))
    except _UNREADABLE as error:
        what = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise Refused(
            Check.UNREADABLE, f"expected {'Parquet' if kind.endswith('.parquet') else 'CSV'}: {what}"
        ) from error
    offset = 1 if kind.endswith(".parquet") else 2  # Parquet has no header line: its first row is row 1
    raw = raw.with_columns(pl.col("row").cast(pl.Int64) + offset)
    own = [name for name in raw.columns if name != "row"]
    blank = pl.all_horizontal(pl.col(name).is_null() for name in own) if own else pl.lit(True)
    kept = raw.filter(~blank)
    notes = [f"{len(raw) - len(kept)} blank lines skipped"] if len(kept) < len(raw) else []
    if kept.is_empty():
        raise Refused(Check.UNREADABLE, "no rows: expected a header and at least one bar")
    return Table(kept, notes)


def parse(table: Table, *, symbol: str | None, stem: str, calendar: str) -> Parsed:
    """Understand a table's columns, symbols, numbers and times. Errors: InvalidValue, Refused."""
    columns, notes = _columns([name for name in table.raw.columns if name != "row"])
    frame, findings = _numbers(table.raw, columns)
    frame = frame.with_columns(_symbols(table.raw, columns, symbol, stem))
    wrong = frame.filter(~pl.col("symbol").str.contains(PATTERN).fill_null(False))
    valid = pl.format(
        "expected a ticker such as AAPL or BRK.B, got '{}'", pl.col("symbol").fill_null("").str.head(20)
    )
    findings.append(row_findings(wrong, Check.NOT_A_SYMBOL, valid, pl.lit(None)))
    text = _time_column(table.raw, columns)
    frame = frame.with_columns(_times(text, calendar))
    lost = frame.with_columns(text.cast(pl.String).str.head(40).alias("text")).filter(
        pl.col("naive").is_null()
    )
    expected = pl.format("expected a date such as 2013-02-08, got '{}'", pl.col("text").fill_null(""))
    findings.append(row_findings(lost, Check.NOT_A_TIME, expected, pl.col("text")))
    _refuse_mostly_lost(lost, frame, columns["time"])
    bad = pl.concat(findings)["row"].unique()
    frame = frame.with_columns(
        (~pl.col("row").is_in(bad.implode())).alias("understood"),
        (pl.col("naive") - pl.col("naive") % DAY).cast(pl.Datetime("us")).dt.date().alias("date"),
    )
    timeframe = _timeframe(frame.filter("understood"))
    return Parsed(frame, pl.concat(findings), timeframe, [*table.notes, *notes])


def _check_rows(count: int) -> None:
    if count > ROWS_MAX:
        raise Refused(Check.UNREADABLE, f"{count} rows, expected at most {ROWS_MAX}: split it by year")


def _content(path: Path) -> bytes:
    if path.name.lower().endswith(".gz"):
        with gzip.open(path) as packed:
            content = packed.read(FILE_MAX + 1)
    else:
        content = path.read_bytes()
    if len(content) > FILE_MAX:
        raise Refused(Check.UNREADABLE, f"larger than {FILE_MAX >> 20} MiB when unpacked: split it by symbol")
    return content


def _read_text(content: bytes) -> pl.DataFrame:
    """All cells of a CSV as text. Errors: Refused naming the row that has too many cells."""
    _check_rows(content.count(b"\n"))
    header = content.split(b"\n", 1)[0].decode("utf-8-sig")
    separator = max(",;\t|", key=header.count)
    try:
        return pl.read_csv(content, infer_schema=False, separator=separator, row_index_name="row").sort("row")
    except pl.exceptions.ComputeError as error:
        lines = csv.reader(io.StringIO(content.decode()), delimiter=separator)
        count = len(next(lines))
        for cells in lines:
            if len(cells) > count:
                what = f"{len(cells)} cells, the header has {count}: expected as many as the header"
                raise Refused(Check.UNREADABLE, what, lines.line_num) from error
        raise


def _columns(names: list[str]) -> tuple[dict[str, str], list[str]]:
    """Which column holds what, and notes on what is not used. Errors: Refused naming the column."""
    plain = {name: re.sub(r"[^a-z0-9]", "", name.strip().lower()) for name in names}
    found: dict[str, str] = {}
    for wanted, synonyms in SYNONYMS.items():
        matches = [name for name in names if plain[name] in synonyms]
        if len(matches) > 1:
            matches = [name for name in matches if plain[name] not in _FALLBACKS] or matches
        if wanted == "time" and {plain[name] for name in matches} == {"date", "time"} and len(matches) == 2:
            found["date part"] = next(name for name in matches if plain[name] == "date")
            matches = [name for name in matches if plain[name] == "time"]
        if len(matches) > 1:
            raise Refused(
                Check.COLUMNS,
                f"columns {' and '.join(map(repr, matches))} could both be the {wanted}: keep one",
            )
        if matches:
            found[wanted] = matches[0]
    missing = [wanted for wanted in SYNONYMS if wanted not in found and wanted != "symbol"]
    if missing:
        have = ", ".join(names)[:200]
        raise Refused(
            Check.COLUMNS,
            f"no column for {', '.join(missing)}: expected date, open, high, low, close, volume; got {have}",
        )
    unused = [name for name in names if name not in found.values()]
    adjusted = [name for name in unused if plain[name] in ADJUSTED]
    notes = [
        f"column {name!r} is not used: bars are kept as traded, adjustments come from actions"
        for name in adjusted
    ]
    others = [name for name in unused if name not in adjusted]
    if others:
        notes.append(f"columns not used: {', '.join(others)[:200]}")
    return found, notes


def _numbers(raw: pl.DataFrame, columns: dict[str, str]) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """The five number columns as Float64, null where missing, and findings on cells that are no numbers."""
    frame = raw.select("row")
    findings = []
    symbol = (
        pl.col(columns["symbol"]).cast(pl.String, strict=False)
        if "symbol" in columns
        else pl.lit(None, pl.String)
    )
    for name in VALUES:
        cell = pl.col(columns[name])
        if raw[columns[name]].dtype == pl.String:
            text = cell.str.strip_chars()
            given = pl.when(~text.str.to_lowercase().is_in(_MISSING)).then(text).otherwise(None)
        else:
            given = cell
        number = given.cast(pl.Float64, strict=False)
        number = pl.when(number.is_finite()).then(number).otherwise(None)
        if raw[columns[name]].dtype.is_float():
            given = given.fill_nan(None)
        both = raw.select("row", symbol.alias("symbol"), given.alias("given"), number.alias(name))
        lost = both.filter(pl.col("given").is_not_null() & pl.col(name).is_null())
        what = pl.format(
            f"{columns[name]}: expected a number, got '{{}}'", pl.col("given").cast(pl.String).str.head(20)
        )
        findings.append(row_findings(lost, Check.NOT_A_NUMBER, what, pl.lit(None)))
        _refuse_mostly_lost(lost, both, columns[name])
        frame = frame.with_columns(both[name])
    return frame, findings


def _refuse_mostly_lost(lost: pl.DataFrame, frame: pl.DataFrame, column: str) -> None:
    """A column of which more than half cannot be read is not what its name says."""
    if len(lost) * 2 > len(frame):
        first = "given" if "given" in lost.columns else "text"
        kind = "a number" if first == "given" else "a time such as 2013-02-08 or 2013-02-08T14:30:00Z"
        got = str(lost[first][0])[:40]
        more = f", and {len(lost) - 1} more rows like it" if len(lost) > 1 else ""
        what = f"column {column!r}: expected {kind}, got {got!r}{more}"
        raise Refused(Check.COLUMNS, what, int(lost["row"][0]))


def _symbols(raw: pl.DataFrame, columns: dict[str, str], given: str | None, stem: str) -> pl.Series:
    """The symbol of each row: its column's, the option or the file's name. Errors: InvalidValue, Refused."""
    if "symbol" in columns:
        if given is not None:
            raise InvalidValue(
                "symbol", f"no symbol, since the file names them in its column {columns['symbol']!r}", given
            )
        return (
            raw[columns["symbol"]]
            .cast(pl.String, strict=False)
            .str.strip_chars()
            .str.to_uppercase()
            .alias("symbol")
        )
    name = stem.upper() if given is None else given
    if re.fullmatch(PATTERN, name, re.ASCII) is None:
        if given is not None:
            raise InvalidValue("symbol", "a ticker such as AAPL or BRK.B", given)
        raise Refused(
            Check.COLUMNS,
            f"no column for the symbol, and the file's name {stem[:40]!r} is none: say which it is",
        )
    return pl.Series("symbol", [name], pl.String).new_from_index(0, len(raw)).alias("symbol")


def _time_column(raw: pl.DataFrame, columns: dict[str, str]) -> pl.Series:
    """The column of times; a date and a time of day in two columns are put together."""
    if "date part" in columns:
        day = raw[columns["date part"]].cast(pl.String, strict=False).str.strip_chars()
        return (day + " " + raw[columns["time"]].cast(pl.String, strict=False).str.strip_chars()).alias(
            "text"
        )
    return raw[columns["time"]].alias("text")


def _times(given: pl.Series, calendar: str) -> list[pl.Series]:
    """`naive` (the exchange's wall clock) and `moment` (UTC) in microseconds, null where there is no time."""
    kind = given.dtype
    if kind == pl.Date:
        parts = pl.DataFrame({"naive": given.cast(pl.Datetime("us")).to_physical(), "utc": None})
    elif isinstance(kind, pl.Datetime):
        physical = given.cast(pl.Datetime("us", kind.time_zone)).to_physical()
        parts = pl.DataFrame(
            {"naive": None, "utc": physical} if kind.time_zone else {"naive": physical, "utc": None}
        )
    elif kind.is_numeric():
        parts = _numeric_times(given.cast(pl.Float64 if kind.is_float() else pl.Int64, strict=False))
    else:
        text = given.cast(pl.String, strict=False).str.strip_chars()
        digits = text.str.contains(r"^\d{8,19}(\.\d+)?$").fill_null(False)
        parts = _numeric_times(_digits(text)) if digits.sum() * 2 > len(text) else _iso_times(text)
    parts = parts.select(pl.col("naive", "utc").cast(pl.Int64))
    known = parts["utc"].drop_nulls()
    if len(known) and not (known % DAY != 0).any():  # days marked by midnight in UTC, not moments
        parts = parts.select(pl.coalesce("naive", "utc").alias("naive"), pl.lit(None, pl.Int64).alias("utc"))
    zone = zone_of(calendar)
    inside = pl.coalesce("naive", "utc").is_between(_EARLIEST, _LATEST)
    parts = parts.select(pl.when(inside).then(pl.col(name)).alias(name) for name in ("naive", "utc"))
    local = pl.col("utc").cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(zone).dt.replace_time_zone(None)
    there = (
        pl.col("naive")
        .cast(pl.Datetime("us"))
        .dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    )
    both = parts.select(
        pl.coalesce(pl.col("naive"), local.to_physical()).alias("naive"),
        pl.coalesce(pl.col("utc"), there.dt.convert_time_zone("UTC").to_physical()).alias("moment"),
    )
    return [both["naive"], both["moment"].fill_null(both["naive"])]


def _digits(text: pl.Series) -> pl.Series:
    """Digits as whole numbers, so that nanoseconds stay exact; as floats where there are fractions."""
    return (
        text.cast(pl.Float64, strict=False)
        if text.str.contains(r"\.").any()
        else text.cast(pl.Int64, strict=False)
    )


def _numeric_times(numbers: pl.Series) -> pl.DataFrame:
    """Numbers as days written YYYYMMDD, or as an epoch in the unit that puts them between 1973 and 2100."""
    value = pl.col("value")
    frame = pl.DataFrame({"value": numbers})
    if numbers.drop_nulls().is_between(19_000_101, 21_001_231).all():
        day = value.cast(pl.Int64).cast(pl.String).str.to_date("%Y%m%d", strict=False)
        return frame.select(
            day.cast(pl.Datetime("us")).to_physical().alias("naive"), pl.lit(None, pl.Int64).alias("utc")
        )
    size = value.abs()
    micros = (
        pl.when(size < 1e11)
        .then(value * SECOND)
        .when(size < 1e14)
        .then(value * 1000)
        .when(size < 1e17)
        .then(value)
        .otherwise(value // 1000)
    )
    return frame.select(
        pl.lit(None, pl.Int64).alias("naive"), micros.cast(pl.Int64, strict=False).alias("utc")
    )


def _iso_times(text: pl.Series) -> pl.DataFrame:
    """ISO 8601 dates and date-times; day-first and month-first dates are ambiguous and not taken."""
    parts = (
        pl.DataFrame({"text": text}).select(pl.col("text").str.extract_groups(_ISO).alias("p")).unnest("p")
    )
    parts.columns = ["year", "month", "day", "hour", "minute", "second", "fraction", "zone"]
    whole = [pl.col(name).cast(pl.Int64, strict=False) for name in ("hour", "minute", "second")]
    hour, minute, second = (part.fill_null(0) for part in whole)
    year, month, number = (pl.col(name).cast(pl.Int32, strict=False) for name in ("year", "month", "day"))
    calendar_day = pl.concat_str(
        year.cast(pl.String),
        pl.lit("-"),
        month.cast(pl.String).str.zfill(2),
        pl.lit("-"),
        number.cast(pl.String).str.zfill(2),
    ).str.to_date("%Y-%m-%d", strict=False)
    fraction = pl.col("fraction").str.pad_end(9, "0").cast(pl.Int64, strict=False).fill_null(0) // 1000
    valid = (hour <= 23) & (minute <= 59) & (second <= 59)
    wall = (
        calendar_day.cast(pl.Datetime("us")).to_physical()
        + ((hour * 60 + minute) * 60 + second) * SECOND
        + fraction
    )
    wall = pl.when(valid).then(wall)
    zone = pl.col("zone").str.replace_all(":", "")
    sign = pl.when(zone.str.starts_with("-")).then(-1).otherwise(1)
    away = zone.str.slice(1, 2).cast(pl.Int64, strict=False) * 60 + zone.str.slice(3, 2).replace(
        "", "0"
    ).cast(pl.Int64, strict=False)
    shift = (sign * away.fill_null(0)) * 60 * SECOND
    return parts.select(
        pl.when(pl.col("zone").is_null()).then(wall).alias("naive"),
        pl.when(pl.col("zone").is_not_null()).then(wall - shift).alias("utc"),
    )


def _timeframe(known: pl.DataFrame) -> TimeFrame:
    """How far apart the bars of a symbol usually are. Errors: Refused for a spacing that is no time frame."""
    distinct = known.select("symbol", "moment").unique().sort("symbol", "moment")
    spacing = distinct.select(pl.col("moment").diff().over("symbol").alias("gap")).drop_nulls()["gap"]
    if spacing.is_empty():
        return TimeFrame.DAY
    usual = int(spacing.mode().sort()[0])
    if 20 * 3600 * SECOND <= usual <= 4 * DAY:
        return TimeFrame.DAY
    for timeframe in TimeFrame:
        if timeframe.micros == usual:
            return timeframe
    allowed = ", ".join(TimeFrame)
    raise Refused(
        Check.TIMEFRAME, f"bars are usually {usual / SECOND / 60:g} minutes apart: expected one of {allowed}"
    )
