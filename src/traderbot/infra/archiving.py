"""Move old events from the table into Parquet files, while the system runs: written, read back and verified
before a row is removed.
"""

import os
from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path

import msgspec
import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.archives import SCHEMA, Archive, Row, all_archives, archived_until, archives
from traderbot.infra.database import Database
from traderbot.infra.journal import events, last_position
from traderbot.infra.seals import Seal
from traderbot.model.errors import Conflict, InvalidValue, InvariantBroken

AT_ONCE = 5_000
"""Rows removed in one transaction, so that no order waits long for it."""


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


def archive(database: Database, home: Path, before: int, now: int) -> Archive | None:
    """Write the events below a position that no file has yet to one, and verify it. The rows stay until
    `remove`. Returns: None where there is nothing to archive. Errors: InvalidValue; InvariantBroken where
    what was written is not what is stored.
    """
    with database.read() as connection:
        newest, begin = last_position(connection), archived_until(connection)
        if not 1 <= before <= newest:
            raise InvalidValue(
                "before-position", f"a position up to {newest}; the newest event stays", before
            )
        if before - 1 <= begin:
            return None
        frame = pl.DataFrame(list(_rows(connection, begin, before)), schema=SCHEMA, orient="row")
    found = _write(frame, home, Seal(home))
    row = found._asdict() | {"first_position": found.first, "last_position": found.last, "archived_at": now}
    with database.write() as connection:
        if archived_until(connection) != begin:
            raise Conflict("Another process archived events meanwhile; nothing was removed.")
        connection.execute(
            sa.insert(archives).values({column.name: row[column.name] for column in archives.c})
        )
    return found


def _rows(connection: Connection, begin: int, before: int) -> Iterator[Row]:
    place = events.c.position
    query = sa.select(events).where(place > begin, place < before).order_by(place)
    for row in connection.execution_options(yield_per=5000).execute(query):
        yield Row(*row)


def _write(frame: pl.DataFrame, home: Path, seal: Seal) -> Archive:
    """The file in its final place, synced and read back, with its manifest."""
    first, last = frame["position"][0], frame["position"][-1]
    if last - first + 1 != len(frame):
        raise InvariantBroken(f"events {first} to {last}: some are missing; run `traderbot audit verify`")
    folder = (home / "archive").resolve()
    folder.mkdir(exist_ok=True, mode=0o700)
    path = folder / f"events-{first}-{last}.parquet"
    part = path.with_suffix(".part")
    frame.write_parquet(part, compression="zstd")
    if not pl.read_parquet(part).equals(frame):
        raise InvariantBroken(f"{part}: what was read back is not what was written; nothing was removed")
    digest = _digest(part)
    ends = frame.group_by("stream", maintain_order=True).last()
    heads = {
        stream: (version, content.hex())
        for stream, version, content in ends.select("stream", "version", "hash").iter_rows()
    }
    manifest = Manifest(first, last, digest.hex(), heads, seal.public_key)
    signature = seal.sign(msgspec.json.encode(manifest)).hex()
    _sync(part)
    part.replace(path)
    beside = path.with_suffix(".json")
    beside.write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, signature=signature)))
    _sync(beside)
    _sync(folder)
    times = frame["recorded_at"]
    return Archive(first, last, int(times.min()), int(times.max()), str(path), digest)  # type: ignore[arg-type]


def remove(database: Database, archive: Archive) -> int:
    """Remove the rows of an archive from the table, some at a time. Returns: how many were left. Errors:
    ArchivesMissing; InvariantBroken where the file is not the one that was written.
    """
    check(archive)
    place, removed = events.c.position, 0
    for begin in range(archive.first, archive.last + 1, AT_ONCE):
        end = min(begin + AT_ONCE - 1, archive.last)
        with database.write() as connection:
            removed += connection.execute(sa.delete(events).where(place.between(begin, end))).rowcount
    return removed


def check(archive: Archive) -> None:
    """Errors: ArchivesMissing; InvariantBroken where the file is not the one that was written."""
    archive.scan()
    if _digest(Path(archive.file)) != archive.sha256:
        raise InvariantBroken(f"{archive.file} is not the file that was written; restore it from a backup")


def damaged_archive(connection: Connection) -> str | None:
    """The first archive that is not what was written, in words. Errors: ArchivesMissing."""
    for kept in all_archives(connection):
        try:
            check(kept)
        except InvariantBroken as error:
            return error.detail
    return None


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return file_digest(file, "sha256").digest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
