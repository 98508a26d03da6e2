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
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec
import polars as pl

from traderbot.market.bars import DAY, SECOND, TimeFrame
from traderbot.market.file_times import times_of
from traderbot.market.quality import VALUES, Check, file_finding, row_findings
from traderbot.model.errors import InvalidValue, NotFound
from traderbot.model.symbols import PATTERN

FILE_MAX = 1 << 30  # bytes, unpacked: with ROWS_MAX, a bound on memory
ROWS_MAX = 5_000_000  # examined at well under 1 kB each
_CELL = 8  # bytes of a number
_UNPACKED = f"larger than {FILE_MAX >> 20} MiB when unpacked: expected a smaller file, split it by symbol"
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
_WITH_COMMAS = re.compile(r"[+-]?[\d. ]*(,\d+)+(\.\d+)?")
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
            plain, left = _plain_columns(path)
            raw = pl.read_parquet(path, columns=plain, row_index_name="row").sort("row")
        else:
            raw, left = _read_text(_content(path)), []
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
    notes = [f"column {name!r} is not read: its cells are lists" for name in left]
    notes += [f"{len(raw) - len(kept)} blank lines skipped"] if len(kept) < len(raw) else []
    if kept.is_empty():
        raise Refused(Check.UNREADABLE, "no rows: expected a header and at least one bar")
    return Table(kept, notes)


def parse(
    table: Table,
    *,
    symbol: str | None,
    stem: str,
    calendar: str,
    named: Mapping[str, str] | None = None,
) -> Parsed:
    """Understand a table's columns, symbols, numbers and times. named: which column holds what, where its
    name does not say. Errors: InvalidValue, Refused.
    """
    columns, notes = _columns([name for name in table.raw.columns if name != "row"], named or {})
    frame, findings = _numbers(table.raw, columns)
    frame = frame.with_columns(_symbols(table.raw, columns, symbol, stem))
    wrong = frame.filter(~pl.col("symbol").str.contains(PATTERN).fill_null(False))
    valid = pl.format(
        "expected a ticker such as AAPL or BRK.B, got '{}'", pl.col("symbol").fill_null("").str.head(20)
    )
    findings.append(row_findings(wrong, Check.NOT_A_SYMBOL, valid, pl.lit(None)))
    text = _time_column(table.raw, columns)
    frame = frame.with_columns(times_of(text, calendar))
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


def _plain_columns(path: Path) -> tuple[list[str], list[str]]:
    """The columns of a Parquet file that can be read, and those whose cells are lists or structures.

    A file of some kilobytes may hold gigabytes: it is measured before it is read. Errors: Refused.
    """
    file = pl.scan_parquet(path)
    rows = int(file.select(pl.len()).collect().item())
    _check_rows(rows)
    kinds = file.collect_schema()
    left = [name for name, kind in kinds.items() if kind.is_nested()]
    plain = [name for name in kinds if name not in left]
    texts = [pl.col(name).str.len_bytes().sum() for name in plain if kinds[name] == pl.String]
    texts += [pl.col(name).bin.size().sum() for name in plain if kinds[name] == pl.Binary]
    size = rows * len(plain) * _CELL
    if texts:
        size += sum(file.select(texts).collect(engine="streaming").row(0))
    if size > FILE_MAX:
        raise Refused(Check.UNREADABLE, _UNPACKED)
    return plain, left


def _content(path: Path) -> bytes:
    if path.name.lower().endswith(".gz"):
        with gzip.open(path) as packed:
            content = packed.read(FILE_MAX + 1)
    else:
        content = path.read_bytes()
    if len(content) > FILE_MAX:
        raise Refused(Check.UNREADABLE, _UNPACKED)
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


def _columns(names: list[str], named: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Which column holds what, and notes on what is not used. Errors: Refused naming the column."""
    plain = {name: re.sub(r"[^a-z0-9]", "", name.strip().lower()) for name in names}
    found = _as_named(names, named)
    for wanted, synonyms in SYNONYMS.items():
        if wanted in named:
            continue
        matches = [name for name in names if plain[name] in synonyms and name not in named.values()]
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


def _as_named(names: list[str], named: Mapping[str, str]) -> dict[str, str]:
    """Errors: InvalidValue for what no column can be, Refused for a column that is not there."""
    for wanted, name in named.items():
        if wanted not in SYNONYMS:
            raise InvalidValue("columns", f"names for {', '.join(SYNONYMS)}", wanted)
        if name not in names:
            have = ", ".join(names)[:200]
            raise Refused(Check.COLUMNS, f"no column {name!r}, which was to be the {wanted}; got {have}")
    return dict(named)


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
        if first == "given" and _WITH_COMMAS.fullmatch(got):
            kind = "a number with a decimal point and without commas"
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
