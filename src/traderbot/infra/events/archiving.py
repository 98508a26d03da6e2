"""Move old events from the table into Parquet files, while the system runs.

Safe against a crash at any moment: the file and its signed manifest are written, synced and read back; then
one transaction says that they count; then the rows are removed in small steps. What was cut short before the
transaction is written again, what was cut short after it is gone on with by `remove`.
"""

import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.events.archives import (
    SCHEMA,
    Archive,
    Row,
    all_archives,
    archived_until,
    archives,
    digest_of,
    rows_of,
)
from traderbot.infra.events.journal import events, last_position
from traderbot.infra.events.seals import Seal, is_signed
from traderbot.infra.storage.database import Database
from traderbot.infra.storage.partitions import Part, drop_part, parts_of
from traderbot.model.errors import Conflict, InvalidValue, InvariantBroken

AT_ONCE = 5_000
"""Rows removed in one transaction, so that no order waits long for it."""
GROUP = 50_000
"""Rows of a row group: as many as are ever held in memory."""
LOCK_NOT_AVAILABLE = "55P03"

Note = Callable[[Connection, Archive], None]


class Manifest(msgspec.Struct, frozen=True):
    """Lies beside an archive's file. heads: of the streams in it, version and hash of their last event there;
    signature: over the other fields as JSON, in this order.
    """

    first: int
    last: int
    sha256: str
    heads: dict[str, tuple[int, str]]
    public_key: str
    signature: str = ""


def archive(
    database: Database, home: Path, before: int, now: int, note: Note, *, keep: bool = False
) -> Archive | None:
    """Write the events below a position that no file has yet to one, and verify it. The rows stay until
    `remove`, and for good with keep. note: appends, in the transaction from which the file counts, that it
    does. Returns: None where there is nothing to archive. Errors: InvalidValue; InvariantBroken where what
    was written is not what is stored.
    """
    with database.read() as connection:
        newest, begin = last_position(connection), archived_until(connection)
        if not 1 <= before <= newest:
            raise InvalidValue(
                "before-position", f"a position up to {newest}; the newest event stays", before
            )
        if before - 1 <= begin:
            return None
        found = _write(_rows(connection, begin, before), (begin + 1, before - 1), home)._replace(keep=keep)
    row = found._asdict() | {"first_position": found.first, "last_position": found.last, "archived_at": now}
    with database.write() as connection:
        if database.shared:
            connection.execute(sa.text("LOCK TABLE archives IN SHARE ROW EXCLUSIVE MODE"))
        if archived_until(connection) != begin:
            raise Conflict("Another process archived events meanwhile; nothing was removed.")
        connection.execute(
            sa.insert(archives).values({column.name: row[column.name] for column in archives.c})
        )
        note(connection, found)
    return found


def _rows(connection: Connection, begin: int, before: int) -> Iterator[Row]:
    place = events.c.position
    query = sa.select(events).where(place > begin, place < before).order_by(place)
    for row in connection.execution_options(yield_per=5000).execute(query):
        yield Row(*row)


class _Seen:
    """What is remembered of rows that go by: their heads and one hash over all their bytes."""

    def __init__(self) -> None:
        self.heads: dict[str, tuple[int, str]] = {}
        self.count = self.first_recorded_at = self.last_recorded_at = 0
        self._hash = sha256()
        self._encode = msgspec.msgpack.Encoder().encode

    def look(self, row: Row) -> Row:
        self.heads[row.stream] = row.version, row.hash.hex()
        self.first_recorded_at = min(row.recorded_at, self.first_recorded_at or row.recorded_at)
        self.last_recorded_at = max(row.recorded_at, self.last_recorded_at)
        self.count += 1
        self._hash.update(self._encode(row))
        return row

    @property
    def digest(self) -> bytes:
        return self._hash.digest()


def _write(rows: Iterator[Row], places: tuple[int, int], home: Path) -> Archive:
    """The file in its final place, synced and read back, with its manifest."""
    first, last = places
    folder = (home / "archive").resolve()
    folder.mkdir(exist_ok=True, mode=0o700)
    path = folder / f"events-{first}-{last}.parquet"
    written, back = _Seen(), _Seen()
    with TemporaryDirectory(dir=folder, prefix=".writing-") as name:
        part = Path(name) / "whole"
        _write_groups(map(written.look, rows), part)
        if written.count != last - first + 1:
            raise InvariantBroken(f"events {first} to {last}: some are missing; run `traderbot audit verify`")
        for row in rows_of(pl.scan_parquet(part), first - 1, last):
            back.look(row)
        if back.digest != written.digest:
            raise InvariantBroken(f"{path}: what was read back is not what was written; nothing was removed")
        digest = _digest(part)
        manifest = _signed(Manifest(first, last, digest.hex(), written.heads, ""), Seal(home))
        _sync(part)
        beside = Path(name) / "manifest"
        beside.write_bytes(msgspec.json.encode(manifest))
        _sync(beside)
        beside.replace(path.with_suffix(".json"))
        part.replace(path)
    _sync(folder)
    return Archive(first, last, written.first_recorded_at, written.last_recorded_at, str(path), digest)


def write_file(rows: Iterator[Row], path: Path) -> None:
    """Rows in the journal's own columns, without holding them all in memory."""
    with TemporaryDirectory(dir=path.parent, prefix=".writing-") as name:
        part = Path(name) / "whole"
        _write_groups(rows, part)
        if not part.exists():
            pl.DataFrame(schema=SCHEMA).write_parquet(part)
        part.replace(path)


def _write_groups(rows: Iterator[Row], path: Path) -> None:
    """A Parquet file made of as many rows at a time as a row group has."""
    groups: list[Path] = []
    while group := list(islice(rows, GROUP)):
        groups.append(path.with_name(f"group-{len(groups)}"))
        pl.DataFrame(group, schema=SCHEMA, orient="row").write_parquet(groups[-1])
    if groups:
        pl.scan_parquet(groups).sink_parquet(
            path, compression="zstd", row_group_size=GROUP, maintain_order=True
        )


def _signed(manifest: Manifest, seal: Seal) -> Manifest:
    manifest = msgspec.structs.replace(manifest, public_key=seal.public_key)
    return msgspec.structs.replace(manifest, signature=seal.sign(msgspec.json.encode(manifest)).hex())


def remove(database: Database) -> int:
    """Remove the rows that files have and that are not to be kept, some at a time; also those that a removal
    cut short left behind. Returns: how many there were. Errors: ArchivesMissing; InvariantBroken where a file
    is not the one that was written.
    """
    with database.read() as connection:
        ranges = _removable(connection)
        parts = [one for one in parts_of(connection) if _covers(ranges, one)]
    removed = sum(_drop(database, part) for part in parts)
    for kept in ranges:
        with database.read() as connection:
            left = _first_left(connection, kept)
        if left is None:
            continue
        kept.scan()
        for begin in range(left, kept.last + 1, AT_ONCE):
            end = min(begin + AT_ONCE - 1, kept.last)
            with database.write() as connection:
                removed += connection.execute(
                    sa.delete(events).where(events.c.position.between(begin, end))
                ).rowcount
    return removed


def _removable(connection: Connection) -> list[Archive]:
    return [kept for kept in all_archives(connection) if not kept.keep]


def _covers(ranges: list[Archive], part: Part) -> bool:
    """Whether files without a gap have every position of a part of the table; each is opened."""
    begin = max(1, part.start or 1)
    for kept in ranges:
        if kept.first <= begin <= kept.last:
            kept.scan()
            begin = kept.last + 1
    return part.end is not None and begin >= part.end


def _drop(database: Database, part: Part) -> int:
    """Drop a whole part where nobody reads the journal for long just now; else its rows go in steps, and a
    later removal drops it.
    """
    try:
        with database.write() as connection:
            return drop_part(connection, part.name)
    except sa.exc.OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
            raise
        return 0


def _first_left(connection: Connection, kept: Archive) -> int | None:
    place = events.c.position
    query = sa.select(place).where(place.between(kept.first, kept.last)).order_by(place).limit(1)
    return connection.execute(query).scalar()


def check(archive: Archive, public_key: str) -> None:
    """Errors: ArchivesMissing; InvariantBroken where the file is not the one that was written, or its
    manifest is not there, not signed by this key, or of another file.
    """
    archive.scan()
    path = Path(archive.file)
    digest = _digest(path)
    beside = path.with_suffix(".json")
    try:
        manifest = msgspec.json.decode(beside.read_bytes(), type=Manifest)
        signature = bytes.fromhex(manifest.signature)
    except (FileNotFoundError, msgspec.MsgspecError, ValueError):
        raise InvariantBroken(f"{beside} is no manifest; restore it from a backup") from None
    content = msgspec.json.encode(msgspec.structs.replace(manifest, signature=""))
    if not is_signed(content, signature, public_key):
        raise InvariantBroken(f"{beside} is not signed by the key {public_key}")
    if (manifest.first, manifest.last, manifest.sha256) != (archive.first, archive.last, digest.hex()):
        raise InvariantBroken(f"{beside} is not the manifest of {path.name}: one of them was replaced")


def damaged_archive(connection: Connection, public_key: str) -> str | None:
    """The first archive that is not what was written and signed, in words. Errors: ArchivesMissing."""
    for kept in all_archives(connection):
        try:
            check(kept, public_key)
        except InvariantBroken as error:
            return error.detail
    return None


def _digest(path: Path) -> bytes:
    """Read anew, whatever the file's times say."""
    return digest_of.__wrapped__(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
