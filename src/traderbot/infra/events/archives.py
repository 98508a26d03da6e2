"""Old events kept as Parquet files in place of rows: which there are, and reading them.

A file holds a whole range of positions in the table's columns, byte for byte. What reads the journal from its
beginning goes on through these files as if they were the table.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import file_digest
from pathlib import Path
from typing import NamedTuple

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.storage.columns import HASH, POSITION, TIME, metadata
from traderbot.model.errors import InvariantBroken, Unavailable

archives = sa.Table(
    "archives",
    metadata,
    sa.Column("first_position", POSITION, primary_key=True, autoincrement=False),
    sa.Column("last_position", sa.BigInteger, nullable=False),
    sa.Column("first_recorded_at", TIME, nullable=False),
    sa.Column("last_recorded_at", TIME, nullable=False),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("sha256", HASH, nullable=False),
    sa.Column("archived_at", TIME, nullable=False),
    sa.Column("keep", sa.Boolean, nullable=False),  # the rows stay in the table as well
)

SCHEMA = {
    "position": pl.Int64, "stream": pl.String, "version": pl.Int64, "type": pl.String,
    "schema_version": pl.Int64, "data": pl.String, "metadata": pl.String, "effective_at": pl.Int64,
    "recorded_at": pl.Int64, "prev_hash": pl.Binary, "hash": pl.Binary, "correlation": pl.String,
}  # fmt: skip
_PAGE = 20_000


class ArchivesMissing(Unavailable):
    """Events that are asked for are in a file that is not where it was put."""

    def __init__(self, archive: "Archive") -> None:
        super().__init__(
            f"Events {archive.first} to {archive.last} are archived in {archive.file}, which is not there;"
            " put the file back."
        )


class Archive(NamedTuple):
    """A range of positions and its file. first_recorded_at, last_recorded_at: of its events; keep: whether
    the rows are to stay in the table.
    """

    first: int
    last: int
    first_recorded_at: int
    last_recorded_at: int
    file: str
    sha256: bytes
    keep: bool = False

    def scan(self) -> pl.LazyFrame:
        """The file's rows, to be filtered before they are read. Errors: ArchivesMissing; InvariantBroken
        where the file is not the one that was written.
        """
        path = Path(self.file)
        try:
            found = path.stat()
        except FileNotFoundError:
            raise ArchivesMissing(self) from None
        if digest_of(path, found.st_ino, found.st_size, found.st_mtime_ns) != self.sha256:
            raise InvariantBroken(f"{path} is not the file that was written; restore it from a backup")
        return pl.scan_parquet(path)


@lru_cache(maxsize=1000)
def digest_of(path: Path, *what: int) -> bytes:
    """SHA-256 of a file, read again where inode, size or time of change are other ones."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").digest()


_ALL = sa.select(*(archives.c[name] for name in (
    "first_position", "last_position", "first_recorded_at", "last_recorded_at", "file", "sha256", "keep",
))).order_by(archives.c.first_position)  # fmt: skip
_UNTIL = sa.select(sa.func.max(archives.c.last_position))


def all_archives(connection: Connection) -> list[Archive]:
    """The archives in the order of their positions, without a gap between them."""
    return [Archive(*row) for row in connection.execute(_ALL)]


def archived_until(connection: Connection) -> int:
    """The last position that is in a file, whether or not its row is gone; 0 where none is."""
    return connection.execute(_UNTIL).scalar() or 0


class Wanted(NamedTuple):
    """Which archived events. after, before: positions, both excluded; containing: what the data has in it;
    recorded_after, recorded_until: the wall clock, both excluded.
    """

    after: int = 0
    before: int | None = None
    streams: Sequence[str] | None = None
    types: Sequence[str] | None = None
    correlation: str | None = None
    from_version: int = 1
    containing: str | None = None
    recorded_after: int | None = None
    recorded_until: int | None = None

    def touches(self, archive: Archive) -> bool:
        """Whether any event of a file can be wanted, told without opening it."""
        return (
            archive.last > self.after
            and (self.before is None or archive.first < self.before)
            and (self.recorded_after is None or archive.last_recorded_at > self.recorded_after)
            and (self.recorded_until is None or archive.first_recorded_at < self.recorded_until)
        )

    def condition(self) -> pl.Expr:
        """As polars filters by it."""
        found = pl.col("position") > self.after
        if self.before is not None:
            found &= pl.col("position") < self.before
        for column, values in (("stream", self.streams), ("type", self.types)):
            if values is not None:
                found &= pl.col(column).is_in(list(values))
        if self.correlation is not None:
            found &= pl.col("correlation") == self.correlation
        if self.from_version > 1:
            found &= pl.col("version") >= self.from_version
        if self.containing is not None:
            found &= pl.col("data").str.contains(self.containing, literal=True)
        if self.recorded_after is not None:
            found &= pl.col("recorded_at") > self.recorded_after
        if self.recorded_until is not None:
            found &= pl.col("recorded_at") < self.recorded_until
        return found


class Row(NamedTuple):
    """A stored event, from a file as from the table."""

    position: int
    stream: str
    version: int
    type: str
    schema_version: int
    data: str
    metadata: str
    effective_at: int | None
    recorded_at: int
    prev_hash: bytes
    hash: bytes
    correlation: str | None


def archived(
    connection: Connection, wanted: Wanted, *, limit: int | None = None, newest_first: bool = False
) -> list[Row]:
    """Archived events in order of position. Errors: ArchivesMissing."""
    found: list[Row] = []
    kept = all_archives(connection)
    for archive in reversed(kept) if newest_first else kept:
        if not wanted.touches(archive):
            continue
        rows = archive.scan().filter(wanted.condition()).sort("position", descending=newest_first)
        if limit is not None:
            rows = rows.head(limit - len(found))
        found += [Row(*row) for row in rows.collect().iter_rows()]
        if limit is not None and len(found) >= limit:
            break
    return found


def archived_rows(connection: Connection, after: int = 0) -> Iterator[Row]:
    """Every archived event in order, a page at a time. Errors: ArchivesMissing."""
    for archive in all_archives(connection):
        if archive.last > after:
            yield from rows_of(archive.scan(), max(after, archive.first - 1), archive.last)


def rows_of(file: pl.LazyFrame, begin: int, end: int) -> Iterator[Row]:
    """The rows of a file above a position up to another, a page at a time."""
    place = pl.col("position")
    while begin < end:
        page = file.filter(place > begin, place <= begin + _PAGE).collect()
        yield from (Row(*row) for row in page.iter_rows())
        begin += _PAGE
