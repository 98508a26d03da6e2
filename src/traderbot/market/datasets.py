"""Data sets: named collections of bars and corporate actions, stored as Parquet, identified by the hash of
their content.

A folder holds dataset.json (everything small, and the hash), bars.parquet, actions.parquet and
sessions.parquet, the exchange's sessions over the span, so that reading a data set needs no calendar library.
The hash covers every value in those files; a folder whose content no longer matches is refused. Folders are
written aside and renamed, never changed.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np
import polars as pl

from traderbot.market.bars import Bars, TimeFrame
from traderbot.market.calendars import Sessions
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.errors import ConfigurationError, Conflict, InvalidValue, NotFound
from traderbot.model.symbols import Symbol

FORMAT = 1
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_COLUMNS = ("open", "high", "low", "close", "volume")
_FILES = ("bars.parquet", "actions.parquet", "sessions.parquet")
_UNREADABLE = (
    OSError,
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,  # what polars raises on some broken files
    msgspec.MsgspecError,
    ArithmeticError,
    TypeError,
    ValueError,
)
_ACTIONS = {
    "symbol": pl.String,
    "ex_date": pl.Date,
    "kind": pl.String,
    "amount": pl.String,  # exact, as digits
    "new": pl.Int64,
    "old": pl.Int64,
    "estimated": pl.Boolean,
}


class DamagedDataset(ConfigurationError):  # noqa: N818 - what the data set is
    """A stored data set whose files are missing, unreadable or changed since they were written."""

    code = "damaged_data_set"


class Instrument(msgspec.Struct, frozen=True):
    """What can be traded: its symbol, its name for people, and the exchange it is listed on."""

    symbol: Symbol
    name: str
    exchange: str


class Dataset(msgspec.Struct, frozen=True, eq=False):
    """Bars and corporate actions of some instruments on one exchange's calendar; `make_dataset` builds it.

    instruments: by symbol, each with at least one bar in `bars`.
    actions:     by ex-date, then symbol, then kind.
    sessions:    every session of the calendar from the first bar's to the last bar's.
    sha256:      hex, over all of the content.
    """

    name: str
    calendar: str
    timeframe: TimeFrame
    instruments: tuple[Instrument, ...]
    bars: Mapping[Symbol, Bars]
    actions: tuple[CorporateAction, ...]
    sessions: Sessions
    source: str
    licence: str
    notes: tuple[str, ...]
    sha256: str

    @property
    def first_time(self) -> int:
        """When the first bar of all became known, microseconds UTC."""
        return min(int(bars.times[0]) for bars in self.bars.values())

    @property
    def last_time(self) -> int:
        """When the last bar of all became known, microseconds UTC."""
        return max(int(bars.times[-1]) for bars in self.bars.values())

    def bars_of(self, symbol: str) -> Bars:
        """Bars of one instrument. Errors: NotFound."""
        found = self.bars.get(Symbol(symbol))
        if found is None:
            raise NotFound(f"no instrument {symbol[:15]} in the data set {self.name}")
        return found


class DatasetSummary(msgspec.Struct, frozen=True):
    """What dataset.json says about a stored data set, without reading its bars or checking its hash."""

    name: str
    calendar: str
    timeframe: TimeFrame
    instruments: int
    bars: int
    first: date
    last: date
    source: str
    licence: str
    sha256: str


class _Header(msgspec.Struct, frozen=True):
    """dataset.json."""

    format: int
    name: str
    calendar: str
    timeframe: TimeFrame
    instruments: tuple[Instrument, ...]
    bars: int
    first: date
    last: date
    source: str
    licence: str
    notes: tuple[str, ...]
    sha256: str = ""  # over the content
    files: dict[str, str] = {}  # SHA-256 of each file's bytes, checked before a file is parsed


def dataset_name(text: str) -> str:
    """A name that is safe as a folder's: a-z, 0-9, - and _, at most 64. Errors: InvalidValue."""
    if not isinstance(text, str) or _NAME.fullmatch(text) is None:
        raise InvalidValue("name", "up to 64 of a-z, 0-9, - and _, such as my-stocks", text)
    return text


def make_dataset(
    name: str,
    calendar: str,
    timeframe: TimeFrame,
    instruments: Iterable[Instrument],
    bars: Mapping[Symbol, Bars],
    actions: Iterable[CorporateAction],
    sessions: Sessions,
    *,
    source: str,
    licence: str,
    notes: Iterable[str] = (),
) -> Dataset:
    """A data set in its one canonical order, with its hash; sessions are cut to the span of the bars.

    Errors: InvalidValue when an instrument has no bars, bars no instrument, or a bar's time no session.
    """
    listed = tuple(sorted(instruments, key=lambda instrument: instrument.symbol))
    symbols = [instrument.symbol for instrument in listed]
    if not symbols or set(symbols) != set(bars) or len(set(symbols)) != len(symbols):
        raise InvalidValue("instruments", "exactly one instrument for each symbol that has bars")
    for symbol in symbols:
        if not len(bars[symbol]) or bars[symbol].symbol != symbol:
            raise InvalidValue("bars", f"at least one bar for {symbol}, under its own symbol")
    ordered = {symbol: bars[symbol] for symbol in symbols}
    first, last = _span(ordered, sessions)
    acted = tuple(sorted(actions, key=lambda action: (action.ex_date, action.symbol, action.kind)))
    unsigned = Dataset(
        dataset_name(name),
        calendar,
        timeframe,
        listed,
        MappingProxyType(ordered),
        acted,
        sessions.between(first, last),
        source,
        licence,
        tuple(notes),
        "",
    )
    return msgspec.structs.replace(unsigned, sha256=_digest(unsigned))


def save(dataset: Dataset, folder: Path, beside: Mapping[str, bytes] | None = None) -> None:
    """Store a data set in a new folder: complete or not at all, whatever happens in between.

    beside: further files to put into the folder, by name; they are not part of the hash.
    Errors: Conflict when the folder is there already.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        raise Conflict(
            f"{folder} exists already: a data set is never changed, choose another name or remove it first"
        )
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        _bars_frame(dataset).write_parquet(aside / "bars.parquet", compression="zstd")
        _actions_frame(dataset).write_parquet(aside / "actions.parquet", compression="zstd")
        _sessions_frame(dataset.sessions).write_parquet(aside / "sessions.parquet", compression="zstd")
        files = {file_name: _file_hash(aside / file_name) for file_name in _FILES}
        header = msgspec.structs.replace(_header(dataset), files=files)
        (aside / "dataset.json").write_bytes(msgspec.json.format(msgspec.json.encode(header), indent=2))
        for file_name, content in (beside or {}).items():
            (aside / file_name).write_bytes(content)
        aside.chmod(0o755)
        for path in (*aside.iterdir(), aside):
            _flush(path)
        aside.rename(folder)
        _flush(folder.parent)
    except OSError as error:
        if folder.exists():  # somebody else finished the same one first
            raise Conflict(f"{folder} was written by somebody else in the meantime") from error
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def load(folder: Path) -> Dataset:
    """Read a stored data set and verify its hash. Errors: NotFound, DamagedDataset naming the fault."""
    if not folder.is_dir():
        raise NotFound(f"no data set at {folder}")
    try:
        header = _read_header(folder)
        changed = [name for name in _FILES if _file_hash(folder / name) != header.files.get(name)]
        if changed:
            raise ValueError(f"{' and '.join(changed)} changed since it was written")
        sessions = _read_sessions(pl.read_parquet(folder / "sessions.parquet"))
        bars = _read_bars(pl.read_parquet(folder / "bars.parquet"))
        actions = _read_actions(pl.read_parquet(folder / "actions.parquet"))
    except _UNREADABLE as error:
        fault = str(error).splitlines() or [type(error).__name__]
        raise DamagedDataset(f"the data set at {folder} cannot be read: {fault[0][:200]}") from error
    if header.format != FORMAT:
        raise DamagedDataset(
            f"the data set at {folder} has format {header.format}, expected {FORMAT}: import it again"
        )
    found = Dataset(
        header.name,
        header.calendar,
        header.timeframe,
        header.instruments,
        MappingProxyType(bars),
        actions,
        sessions,
        header.source,
        header.licence,
        header.notes,
        header.sha256,
    )
    if not _is_whole(found, header):
        raise DamagedDataset(
            f"the data set at {folder} was changed after it was written: its content does not match its hash "
            f"{header.sha256[:12]}; restore it, or remove the folder and import it again"
        )
    return found


def list_datasets(home: Path) -> list[DatasetSummary]:
    """The data sets stored under HOME/data, by name; folders without a readable dataset.json are left out."""
    found = []
    for path in sorted((home / "data").glob("[!.]*/dataset.json")):
        try:
            header = _read_header(path.parent)
        except (OSError, msgspec.MsgspecError):
            continue
        found.append(
            DatasetSummary(
                path.parent.name,
                header.calendar,
                header.timeframe,
                len(header.instruments),
                header.bars,
                header.first,
                header.last,
                header.source,
                header.licence,
                header.sha256,
            )
        )
    return found


def _read_header(folder: Path) -> _Header:
    return msgspec.json.decode((folder / "dataset.json").read_bytes(), type=_Header)


def _header(dataset: Dataset) -> _Header:
    first, last = _span(dataset.bars, dataset.sessions)
    return _Header(
        FORMAT,
        dataset.name,
        dataset.calendar,
        dataset.timeframe,
        dataset.instruments,
        sum(len(bars) for bars in dataset.bars.values()),
        first,
        last,
        dataset.source,
        dataset.licence,
        dataset.notes,
        dataset.sha256,
    )


def _span(bars: Mapping[Symbol, Bars], sessions: Sessions) -> tuple[date, date]:
    """Days of the first and the last bar. Errors: InvalidValue when the sessions do not reach that far."""
    first = min(int(one.times[0]) for one in bars.values())
    last = max(int(one.times[-1]) for one in bars.values())
    if not len(sessions) or first < sessions.opens[0] or last > sessions.closes[-1]:
        raise InvalidValue("sessions", "sessions that span all of the bars")
    return sessions.date_of(first), sessions.date_of(last)


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_whole(dataset: Dataset, header: _Header) -> bool:
    """Whether the content is the one that the header tells of and its hash was made of."""
    try:
        told = bool(dataset.bars) and msgspec.structs.replace(_header(dataset), files=header.files) == header
        return told and _digest(dataset) == dataset.sha256
    except InvalidValue:  # the sessions no longer span the bars
        return False


def _digest(dataset: Dataset) -> str:
    """SHA-256 over the header without its hash, the actions, and every array as little-endian bytes."""
    small = msgspec.structs.replace(_header(dataset), sha256="")
    digest = hashlib.sha256(msgspec.json.encode([small, _action_rows(dataset)]))
    sessions = dataset.sessions
    digest.update(sessions.dates.astype("<M8[D]").astype("<i8").tobytes())
    digest.update(sessions.opens.astype("<i8").tobytes() + sessions.closes.astype("<i8").tobytes())
    for symbol, bars in dataset.bars.items():
        digest.update(f"{symbol}:{len(bars)};".encode())
        digest.update(bars.times.astype("<i8").tobytes())
        for column in _COLUMNS:
            digest.update(getattr(bars, column).astype("<f8").tobytes())
    return digest.hexdigest()


def _bars_frame(dataset: Dataset) -> pl.DataFrame:
    parts = list(dataset.bars.values())
    columns: dict[str, Any] = {"time": np.concatenate([bars.times for bars in parts])}
    for column in _COLUMNS:
        columns[column] = np.concatenate([getattr(bars, column) for bars in parts])
    names = pl.Series("symbol", [bars.symbol for bars in parts], pl.String)
    owners = np.repeat(np.arange(len(parts)), [len(bars) for bars in parts])
    return pl.DataFrame({"symbol": names.gather(owners), **columns}).with_columns(
        pl.col("time").cast(pl.Datetime("us", "UTC"))
    )


def _read_bars(frame: pl.DataFrame) -> dict[Symbol, Bars]:
    """Bars by symbol as views into whole columns; the frame is ordered by symbol and time as written."""
    frame = frame.rechunk()
    arrays = [frame["time"].cast(pl.Datetime("us", "UTC")).to_physical().to_numpy()]
    arrays += [frame[column].cast(pl.Float64).to_numpy() for column in _COLUMNS]
    for array in arrays:
        array.setflags(write=False)
    found: dict[Symbol, Bars] = {}
    start = 0
    for length, name in frame["symbol"].rle().struct.unnest().iter_rows():
        found[Symbol(name)] = Bars(Symbol(name), *(array[start : start + length] for array in arrays))
        start += length
    return found


def _action_rows(dataset: Dataset) -> list[tuple[Any, ...]]:
    """Actions as plain values; amounts as digits, since they are exact, and null for splits."""
    return [
        (a.symbol, a.ex_date, a.kind, None if a.amount is None else str(a.amount), a.new, a.old, a.estimated)
        for a in dataset.actions
    ]


def _actions_frame(dataset: Dataset) -> pl.DataFrame:
    return pl.DataFrame(_action_rows(dataset), schema=_ACTIONS, orient="row")


def _read_actions(frame: pl.DataFrame) -> tuple[CorporateAction, ...]:
    return tuple(
        CorporateAction(
            Symbol(name),
            day,
            ActionKind(kind),
            None if amount is None else Decimal(amount),
            new,
            old,
            estimated,
        )
        for name, day, kind, amount, new, old, estimated in frame.select(*_ACTIONS).iter_rows()
    )


def _sessions_frame(sessions: Sessions) -> pl.DataFrame:
    utc = pl.Datetime("us", "UTC")
    return pl.DataFrame(
        {"date": sessions.dates, "open": sessions.opens, "close": sessions.closes}
    ).with_columns(pl.col("date").cast(pl.Date), pl.col("open").cast(utc), pl.col("close").cast(utc))


def _read_sessions(frame: pl.DataFrame) -> Sessions:
    opens, closes = (frame[name].to_physical().to_numpy() for name in ("open", "close"))
    return Sessions(frame["date"].to_numpy().astype("datetime64[D]"), opens, closes)


def _flush(path: Path) -> None:
    """Force a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
