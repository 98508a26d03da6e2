"""The database: one set of tables for SQLite and PostgreSQL, connections for one writer and many readers."""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.storage.backend import USUAL, Backend, Limits, Trouble
from traderbot.infra.storage.bulk import (
    Bulk,
    Cursor,
    Lookup,
    cursor_of,
    insert_into,
    lookup_of,
    update_of,
    upsert_into,
)
from traderbot.infra.storage.columns import (
    HASH,
    ID,
    MONEY,
    POSITION,
    PRICE,
    QUANTITY,
    TIME,
    Digest,
    Identifier,
    Scaled,
    metadata,
)
from traderbot.infra.storage.latches import APPENDS
from traderbot.infra.storage.postgres import Postgres
from traderbot.infra.storage.slow import SlowQueries
from traderbot.infra.storage.sqlite import Sqlite
from traderbot.model.errors import ConfigurationError, Unavailable

__all__ = [
    "HASH", "ID", "MONEY", "POSITION", "PRICE", "QUANTITY", "TIME",
    "Bulk", "Cursor", "Database", "DatabaseUnavailable", "Digest", "Identifier", "Limits", "Lookup",
    "Scaled", "Trouble", "Writer", "cursor_of", "insert_into", "lock_home", "lookup_of", "metadata",
    "update_of", "upsert_into",
]  # fmt: skip

T = TypeVar("T")
_BACKENDS: dict[str, Callable[[sa.URL, Limits], Backend]] = {"sqlite": Sqlite, "postgresql": Postgres}


class Writer(Protocol):
    """The one place that writes: runs a job inside a transaction of the process's single writer and waits for
    its commit.
    """

    def write(self, job: Callable[[Connection], T]) -> T: ...


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached at the moment, or does not do what is asked; nothing was done."""

    retry_after_s = 1


class Database:
    """Connections to one database, `sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/NAME`.

    shared: whether other processes may write to it at the same time. slow_query_ms: reading statements that
    take longer are logged with their plan; None: none is.
    """

    def __init__(self, url: str, *, limits: Limits = USUAL, slow_query_ms: float | None = None) -> None:
        try:
            self.url = sa.make_url(url)
        except sa.exc.ArgumentError:
            raise ConfigurationError(f"database_url: expected {_EXPECTED}") from None
        kind = self.url.get_backend_name()
        if kind not in _BACKENDS:
            why = _NOT_THESE.get(kind, "")
            raise ConfigurationError(f"database_url: expected {_EXPECTED}; {kind} is not supported{why}")
        self.shared = kind == "postgresql"
        self._backend = _BACKENDS[kind](self.url, limits)
        self.writer = self._backend.writer
        self.readers = self._backend.readers
        self.roles = self._backend.roles
        self.dialect = self.writer.dialect
        self.trouble = self._backend.trouble
        self.tidy = self._backend.tidy
        self.damage = self._backend.damage
        self.take_time = self._backend.take_time
        self.wait_briefly = self._backend.wait_briefly
        self.outside = self._backend.alone.connect
        self._slow = None
        if slow_query_ms is not None:
            self._slow = SlowQueries(self.readers, self._backend.alone, slow_query_ms)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one consistent state and cannot write. Errors: DatabaseUnavailable."""
        try:
            with self.readers.connect() as connection:
                yield connection
        except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
            if self.shared and self.trouble(error) in (Trouble.LOST, Trouble.REFUSED):
                raise DatabaseUnavailable("The database cannot be read now; try again later.") from error
            raise

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """The writing connection inside a transaction, committed at the end, rolled back on an error.

        Only the process's one writer calls this; everything else hands its job to that writer.
        """
        with self.writer.begin() as connection:
            yield connection

    @contextmanager
    def after_commits_under_way(self) -> Iterator[Connection]:
        """A connection that waits for every commit of events under way, also one whose connection is gone,
        and sees how it ended.
        """
        with self.write() as connection:
            APPENDS.take(connection)
            yield connection

    @contextmanager
    def repair(self, tables: Iterable[sa.Table]) -> Iterator[Connection]:
        """As `write`, with nobody else changing these tables, for as long as it takes."""
        with self.write() as connection:
            self.take_time(connection)
            self._backend.hold_still(connection, tables)
            yield connection

    @contextmanager
    def scratch(self) -> Iterator["Database"]:
        """An empty database of the same kind, gone after the block."""
        with self._backend.scratch() as url:
            scratch = Database(url)
            try:
                yield scratch
            finally:
                scratch.close()

    def close(self) -> None:
        if self._slow is not None:
            self._slow.close()
        self.readers.dispose()
        self.writer.dispose()
        self.roles.dispose()


_EXPECTED = "sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME"
_NO_MYSQL = (
    ": it commits each change of the schema by itself, so an upgrade that fails would leave half a schema,"
    " and it has no lock by name that ends with the transaction, on which the order of the journal rests"
)
_NOT_THESE = {"mysql": _NO_MYSQL, "mariadb": _NO_MYSQL}


def lock_home(home: Path, *, shared: bool = False) -> IO[str]:
    """Take the home directory for this process; it stays taken until the handle is closed or the process
    ends.

    shared: together with others that share it, as several processes on one PostgreSQL do.
    Errors: ConfigurationError if another process has it.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)  # it holds password hashes and the signing key
    handle = (home / "lock").open("a+")
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise ConfigurationError(
            f"home: {home} is in use by another traderbot process; stop it, or choose another with --home"
        ) from None
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle
