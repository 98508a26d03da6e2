"""Turns a file of prices into a data set and a report on its quality: bad rows are left out by name, never
used silently.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from traderbot.market.bars import Bars, TimeFrame, make_bars
from traderbot.market.calendars import Sessions, sessions_between, zone_of
from traderbot.market.datasets import Dataset, Instrument, dataset_name, make_dataset, save
from traderbot.market.quality import (
    VALUES,
    Check,
    QualityReport,
    Severity,
    examine,
    no_findings,
    out_of_order,
    together,
)
from traderbot.market.quarantine import quarantine_csv
from traderbot.market.tabular import Parsed, Refused, Stamped, Table, parse, read_table
from traderbot.model.actions import CorporateAction
from traderbot.model.errors import InvalidValue
from traderbot.model.membership import Membership
from traderbot.model.symbols import Symbol

LEFT_OUT = "faulty and left out"
_NAMED_MAX = 25  # rows left out that a data set's note names
Progress = Callable[[str, float], None]  # what is being done, and the fraction of the whole that is done


class ImportResult(msgspec.Struct, frozen=True, eq=False):
    """What an import made.

    dataset: None when the file was refused. quarantined: the rows left out, as in the file, with reasons.
    """

    dataset: Dataset | None
    report: QualityReport
    quarantined: pl.DataFrame


class Origin(msgspec.Struct, frozen=True):
    """Where rows come from. what: their name in the report.

    until: leave out bars that are not complete by then, and those outside the sessions' hours; microseconds.
    """

    what: str
    source: str
    licence: str = "as given by the file's source"
    actions: tuple[CorporateAction, ...] | None = None
    until: int | None = None
    membership: Membership | None = None


def import_file(
    path: Path,
    *,
    name: str,
    symbol: str | None = None,
    calendar: str = "XNYS",
    sort: bool = False,
    stamped: Stamped = "open",
    membership: Membership | None = None,
    columns: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> ImportResult:
    """Read a CSV or Parquet file of bars and check every row of it.

    symbol:  of all rows, for a file without a column of symbols; else the file's name is taken.
    sort:    take rows in any order, rather than refuse what is not oldest first.
    stamped: whether intraday times are each bar's open or its close; a daily bar's is its session's close.
    membership: who belonged to the index when; kept with the data set.
    columns: the file's names for time, symbol, open, high, low, close and volume, where they say too little.
    Errors:  NotFound (file), InvalidValue (its kind, name, symbol, calendar). A file that is not understood
             is no error: the result has no data set, and the report's refusal says why.
    """
    say = progress or (lambda _what, _fraction: None)
    dataset_name(name)
    zone_of(calendar)
    if stamped not in ("open", "close"):
        raise InvalidValue("stamped", "open or close", stamped)
    say("reading", 0.0)
    table: Table | None = None
    parsed: Parsed | None = None
    try:
        table = read_table(path)
        say("parsing", 0.3)
        stem = path.name.split(".")[0]
        parsed = parse(table, symbol=symbol, stem=stem, calendar=calendar, named=columns)
        if not sort:
            _refuse_unsorted(parsed)
        say("checking", 0.6)
        result = _accept(_file(path, membership), table, parsed, name, calendar, stamped)
    except Refused as refusal:
        result = _refusal(path.name, table, parsed, refusal)
    say("done", 1.0)
    return result


def accepted(
    origin: Origin,
    table: Table,
    parsed: Parsed,
    name: str,
    calendar: str,
    stamped: Stamped,
    refusal: Refused | None = None,
) -> ImportResult:
    """Examine rows that were understood, wherever they come from; refusal: why they are not examined."""
    try:
        if refusal is not None:
            raise refusal
        return _accept(origin, table, parsed, name, calendar, stamped)
    except Refused as found:
        return _refusal(origin.what, table, parsed, found)


def store_import(result: ImportResult, folder: Path) -> None:
    """Store an import's data set, with quarantine.csv beside it when rows were left out.

    Errors: InvalidValue for a refused import, Conflict when the folder is there already.
    """
    if result.dataset is None:
        raise InvalidValue("file", f"a file that can be used; refused: {result.report.refusal}")
    rows = result.quarantined
    save(result.dataset, folder, {"quarantine.csv": quarantine_csv(rows)} if len(rows) else None)


def place(frame: pl.DataFrame, sessions: Sessions, timeframe: TimeFrame, stamped: Stamped) -> pl.DataFrame:
    """Add to each row its key, its session, whether it lies outside its hours, and when it became known."""
    dates = frame["date"].to_numpy().astype("datetime64[D]")
    index = np.minimum(sessions.dates.searchsorted(dates), max(len(sessions) - 1, 0))
    trades = sessions.dates[index] == dates if len(sessions) else np.zeros(len(dates), bool)
    opens, closes = (sessions.opens[index], sessions.closes[index]) if len(sessions) else (index, index)
    day = pl.col("date").cast(pl.Datetime("us")).to_physical()
    if timeframe is TimeFrame.DAY:
        key, known, outside, same = day, closes, np.zeros(len(dates), bool), day
    else:
        moment = frame["moment"].fill_null(0).to_numpy()
        start = moment if stamped == "open" else moment - timeframe.micros
        outside = (start < opens) | (start >= closes)
        ends = start + timeframe.micros
        known = np.where(
            trades & ~outside, np.minimum(ends, closes), ends
        )  # the close may cut a last bar short
        key, same = pl.col("moment"), pl.col("time")
    placed = frame.with_columns(
        key.alias("key"),
        pl.when(pl.Series(trades)).then(pl.Series(index.astype(np.int64))).otherwise(None).alias("session"),
        pl.Series("outside", outside),
        pl.Series("time", known),
    )
    return placed.with_columns(same.alias("same"))


def bars_by_symbol(clean: pl.DataFrame) -> dict[Symbol, Bars]:
    """Bars of each symbol from rows that passed examination, which are ordered by symbol and time."""
    clean = clean.select("symbol", "time", *VALUES).rechunk()
    columns = [clean[name].to_numpy() for name in ("time", *VALUES)]
    found: dict[Symbol, Bars] = {}
    start = 0
    for length, name in clean["symbol"].rle().struct.unnest().iter_rows():
        found[Symbol(name)] = make_bars(Symbol(name), *(column[start : start + length] for column in columns))
        start += length
    return found


def _refuse_unsorted(parsed: Parsed) -> None:
    daily = parsed.timeframe is TimeFrame.DAY
    key = pl.col("date").cast(pl.Datetime("us")).to_physical() if daily else pl.col("moment")
    wrong = out_of_order(parsed.frame.with_columns(key.alias("key")), parsed.timeframe)
    if len(wrong):
        row, symbol, time, what = wrong.select("row", "symbol", "time", "what").row(0)
        raise Refused(Check.UNSORTED, f"{symbol} {time} is {what}", row)


def _file(path: Path, membership: Membership | None) -> Origin:
    return Origin(path.name, f"imported from {path.name}", membership=membership)


def _accept(
    origin: Origin, table: Table, parsed: Parsed, name: str, calendar: str, stamped: Stamped
) -> ImportResult:
    """Examine rows that were understood and make the data set of the good ones. Errors: Refused."""
    sessions = _sessions_of(parsed, calendar)
    frame = place(parsed.frame, sessions, parsed.timeframe, stamped)
    frame, left_out = _complete(frame, origin.until)
    examined = examine(frame, sessions, parsed.timeframe)
    findings = together([parsed.findings, examined.findings])
    faulty = _left_out(findings, len(parsed.frame))
    notes = [*parsed.notes, *left_out, *faulty, *_remarks(examined.clean, frame, parsed.timeframe, stamped)]
    if origin.actions is None:
        notes.append("no splits or dividends come with the file: its prices are taken as traded")
    if examined.clean.is_empty():
        why = findings["what"][0] if len(findings) else "; ".join(left_out)
        raise Refused(Check.NOTHING_USABLE, f"none of the {len(parsed.frame)} rows can be used: {why}")
    bars = bars_by_symbol(examined.clean)
    dataset = make_dataset(
        name,
        calendar,
        parsed.timeframe,
        [Instrument(symbol, symbol, calendar) for symbol in bars],
        bars,
        [action for action in origin.actions or () if action.symbol in bars],
        sessions,
        source=origin.source,
        licence=origin.licence,
        notes=notes,
        membership=origin.membership,
    )
    quarantined = _quarantined(table.raw, findings)
    report = QualityReport(
        origin.what,
        len(frame),
        len(examined.clean),
        len(quarantined),
        parsed.frame["symbol"].n_unique(),
        parsed.timeframe,
        tuple(notes),
        None,
        findings,
    )
    return ImportResult(dataset, report, quarantined)


def _sessions_of(parsed: Parsed, calendar: str) -> Sessions:
    """Those from the first row's day to the last one's. Errors: Refused where no row was understood."""
    dates = parsed.frame.filter("understood")["date"]
    if dates.is_empty():
        raise Refused(Check.NOTHING_USABLE, "no row could be understood")
    return sessions_between(calendar, dates.min(), dates.max())  # type: ignore[arg-type]


def _complete(frame: pl.DataFrame, until: int | None) -> tuple[pl.DataFrame, list[str]]:
    """The rows without bars that are still growing or belong to no session's hours, and what was left out."""
    if until is None:
        return frame, []
    known = frame.filter(pl.col("time") <= until)
    kept = known.filter(~pl.col("outside"))
    notes = []
    if len(known) < len(frame):
        notes.append(f"{len(frame) - len(known)} bars that had not closed yet are left out")
    if len(kept) < len(known):
        notes.append(f"{len(known) - len(kept)} bars outside the sessions' hours are left out")
    return kept, notes


def _remarks(clean: pl.DataFrame, frame: pl.DataFrame, timeframe: TimeFrame, stamped: Stamped) -> list[str]:
    """What the reader of a report should know about how the file was taken."""
    before = clean.select("row").join(
        frame.select("row", "high", "low"), on="row", how="left", maintain_order="left"
    )
    widened = int(((before["high"] < clean["high"]) | (before["low"] > clean["low"])).sum())
    notes = []
    if widened:
        notes.append(
            f"{widened} bars: high or low widened by less than one part in a million to hold open and close"
        )
    if timeframe is not TimeFrame.DAY:
        notes.append(f"times are taken as each bar's {stamped}; a bar is known when it closes")
    return notes


def _left_out(findings: pl.DataFrame, rows: int) -> list[str]:
    """The rows that are not in the data set, for whoever uses it later; none where none were faulty."""
    bad = findings.filter(pl.col("severity") == Severity.QUARANTINE.value).unique("row", maintain_order=True)
    if bad.is_empty():
        return []
    named = [
        " ".join(part for part in (symbol, when) if part) or f"row {row}"
        for row, symbol, when in bad.select("row", "symbol", "time").head(_NAMED_MAX).iter_rows()
    ]
    more = f" and {len(bad) - len(named)} more" if len(bad) > len(named) else ""
    return [f"{len(bad)} of {rows} rows were {LEFT_OUT}: {', '.join(named)}{more}"]


def _quarantined(raw: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """The rows left out as they stood in the file, with the number and the reasons of each."""
    bad = findings.filter(pl.col("severity") == Severity.QUARANTINE.value)
    reasons = bad.group_by("row").agg(pl.col("what").str.join("; ").alias("reason"))
    return raw.join(reasons, on="row", how="inner").sort("row")


def _refusal(what: str, table: Table | None, parsed: Parsed | None, refusal: Refused) -> ImportResult:
    """The result of a file that is refused as a whole."""
    raw = table.raw.head(0) if table else pl.DataFrame(schema={"row": pl.Int64})
    findings = together([refusal.findings, parsed.findings if parsed else no_findings()])
    report = QualityReport(
        what,
        len(table.raw) if table else 0,
        0,
        0,
        parsed.frame["symbol"].n_unique() if parsed else 0,
        parsed.timeframe if parsed else None,
        tuple(parsed.notes if parsed else ()),
        str(refusal),
        findings,
    )
    return ImportResult(None, report, raw.with_columns(pl.lit("").alias("reason")))
