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
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType

import msgspec
import polars as pl

from traderbot.market.bars import Bars, TimeFrame
from traderbot.market.calendars import Sessions
from traderbot.market.parquet import (
    action_rows,
    actions_frame,
    content_of,
    digest_of,
    read_actions,
    read_bars,
    read_sessions,
    read_spells,
    sessions_frame,
    some_bars,
    spells_frame,
    write_bars,
)
from traderbot.model.actions import CorporateAction
from traderbot.model.errors import ConfigurationError, Conflict, InvalidValue, NotFound
from traderbot.model.meant import meant
from traderbot.model.membership import Membership
from traderbot.model.symbols import Symbol

FORMAT = 1
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_BARS, _MEMBERS = "bars.parquet", "membership.parquet"
_FILES = (_BARS, "actions.parquet", "sessions.parquet")
_UNREADABLE = (
    OSError,
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,  # what polars raises on some broken files
    msgspec.MsgspecError,
    ArithmeticError,
    TypeError,
    ValueError,
)


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
    sha256:      over the whole that is stored, also where only some instruments of it were read.
    membership:  who belonged to the index when; None where nobody said.
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
    membership: Membership | None = None

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
            near = meant(symbol, self.bars)
            raise NotFound(f"no instrument {symbol[:15]} in the data set {self.name}{near}")
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
    files: dict[str, str] = {}  # SHA-256 of each file's bytes, and of each instrument's bars


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
    membership: Membership | None = None,
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
        membership,
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
        write_bars(list(dataset.bars.values()), aside / _BARS)
        actions_frame(dataset.actions).write_parquet(aside / "actions.parquet", compression="zstd")
        sessions_frame(dataset.sessions).write_parquet(aside / "sessions.parquet", compression="zstd")
        if dataset.membership is not None:
            spells_frame(dataset.membership).write_parquet(aside / _MEMBERS, compression="zstd")
        files = {path.name: _file_hash(path) for path in sorted(aside.iterdir())}
        files |= {_part(bars.symbol): digest_of(bars) for bars in dataset.bars.values()}
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


def load(folder: Path, symbols: Collection[str] | None = None) -> Dataset:
    """Read a stored data set and verify its hash.

    symbols: read these only, and verify what is read of them. Errors: NotFound, DamagedDataset naming the
    fault.
    """
    if not folder.is_dir():
        raise NotFound(f"no data set at {folder}")
    try:
        header = _read_header(folder)
        wanted = _wanted(header, symbols)
        _check_files(folder, header, wanted)
        found = _read(folder, header, wanted)
    except _UNREADABLE as error:
        fault = str(error).splitlines() or [type(error).__name__]
        raise DamagedDataset(f"the data set at {folder} cannot be read: {fault[0][:200]}") from error
    if header.format != FORMAT:
        raise DamagedDataset(
            f"the data set at {folder} has format {header.format}, expected {FORMAT}: import it again"
        )
    if not _is_whole(found, header, wanted):
        raise DamagedDataset(
            f"the data set at {folder} was changed after it was written: its content does not match its hash "
            f"{header.sha256[:12]}; restore it, or remove the folder and import it again"
        )
    return found if symbols is None else _only(found, symbols)


def _wanted(header: _Header, symbols: Collection[str] | None) -> list[Symbol] | None:
    """The instruments to read by themselves; None to read all. Errors: NotFound."""
    if symbols is None:
        return None
    if isinstance(symbols, str) or not symbols:
        raise InvalidValue("symbols", "at least one, in a list", symbols)
    known = [instrument.symbol for instrument in header.instruments]
    for name in symbols:
        if name not in known:
            raise NotFound(f"no instrument {name[:15]} in the data set {header.name}{meant(name, known)}")
    wanted = [name for name in known if name in symbols]
    return wanted if all(_part(name) in header.files for name in wanted) else None


def _check_files(folder: Path, header: _Header, wanted: list[Symbol] | None) -> None:
    """Refuse files that changed, but for the bars of which only a part is read. Errors: ValueError."""
    files = [*_FILES, *([_MEMBERS] if _MEMBERS in header.files else [])]
    if wanted is not None:
        files.remove(_BARS)
    changed = [name for name in files if _file_hash(folder / name) != header.files.get(name)]
    if changed:
        raise ValueError(f"{' and '.join(changed)} changed since it was written")


def _read(folder: Path, header: _Header, wanted: list[Symbol] | None) -> Dataset:
    path = folder / _BARS
    bars = read_bars(pl.read_parquet(path)) if wanted is None else some_bars(path, wanted)
    return Dataset(
        header.name,
        header.calendar,
        header.timeframe,
        header.instruments,
        MappingProxyType(bars),
        read_actions(pl.read_parquet(folder / "actions.parquet")),
        read_sessions(pl.read_parquet(folder / "sessions.parquet")),
        header.source,
        header.licence,
        header.notes,
        header.sha256,
        read_spells(pl.read_parquet(folder / _MEMBERS)) if _MEMBERS in header.files else None,
    )


def _only(whole: Dataset, symbols: Collection[str]) -> Dataset:
    """What belongs to these instruments."""
    return msgspec.structs.replace(
        whole,
        instruments=tuple(one for one in whole.instruments if one.symbol in symbols),
        bars=MappingProxyType({name: bars for name, bars in whole.bars.items() if name in symbols}),
        actions=tuple(action for action in whole.actions if action.symbol in symbols),
    )


def _part(symbol: Symbol) -> str:
    """Name of an instrument's bars among the files' hashes."""
    return f"{_BARS}/{symbol}"


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


def _is_whole(dataset: Dataset, header: _Header, wanted: list[Symbol] | None) -> bool:
    """Whether the content is the one that the header tells of and its hashes were made of."""
    if wanted is not None:
        parts = {name: digest_of(bars) for name, bars in dataset.bars.items()}
        return parts == {name: header.files[_part(name)] for name in wanted}
    try:
        told = bool(dataset.bars) and msgspec.structs.replace(_header(dataset), files=header.files) == header
        return told and _digest(dataset) == dataset.sha256
    except InvalidValue:  # the sessions no longer span the bars
        return False


def _digest(dataset: Dataset) -> str:
    """SHA-256 over the header without its hash, the actions, and every array as little-endian bytes."""
    small = msgspec.structs.replace(_header(dataset), sha256="")
    digest = hashlib.sha256(msgspec.json.encode([small, action_rows(dataset.actions)]))
    sessions = dataset.sessions
    digest.update(sessions.dates.astype("<M8[D]").astype("<i8").tobytes())
    digest.update(sessions.opens.astype("<i8").tobytes() + sessions.closes.astype("<i8").tobytes())
    for symbol, bars in dataset.bars.items():
        digest.update(f"{symbol}:{len(bars)};".encode())
        for content in content_of(bars):
            digest.update(content)
    if dataset.membership is not None:
        digest.update(msgspec.json.encode(dataset.membership))
    return digest.hexdigest()


def _flush(path: Path) -> None:
    """Force a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
