"""SQLite: one file, one writing process, WAL with every commit synced."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine

from traderbot.infra.storage.backend import READERS_BEYOND, Limits, Trouble
from traderbot.infra.storage.pools import CountedPool

# The commit after which the write-ahead log holds this many pages moves them into the database file. Orders
# of many accounts touch the same index pages again and again, so moving them seldom moves each once; at 4 kB
# a page the log stays at about 32 MB.
_LOG_PAGES = 8_000


class Sqlite:
    """Connections to one SQLite file: WAL, FULL, foreign keys on, readers that cannot write."""

    def __init__(self, url: URL, limits: Limits) -> None:
        self._url = url
        # The command path keeps one writing connection; another waits its turn in BEGIN IMMEDIATE.
        self.writer = self._engine(read_only=False, poolclass=CountedPool, pool_size=2, max_overflow=0)
        pool: dict[str, Any] = {
            "poolclass": CountedPool,
            "pool_size": limits.readers,
            "max_overflow": READERS_BEYOND,
        }
        self.readers = self._engine(read_only=True, **pool)
        self.alone = self._engine(read_only=False, poolclass=sa.NullPool, begins=False)
        self.roles = self.writer

    def _engine(self, *, read_only: bool, begins: bool = True, **pool: Any) -> Engine:
        from pysqlite3 import dbapi2

        # Without an adapter of their own the driver searches for one each time it binds None or bytes: 2 us a
        # value, half an insert.
        dbapi2.register_adapter(type(None), {}.get)
        dbapi2.register_adapter(bytes, bytes)
        engine = sa.create_engine(
            self._url,
            module=dbapi2,
            **pool,
            connect_args={
                "check_same_thread": False,
                "timeout": 30,
                "isolation_level": None,
                "cached_statements": 256,
            },
        )

        @sa.event.listens_for(engine, "connect")
        def _prepare(connection: Any, _record: object) -> None:
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
            connection.execute(f"PRAGMA cache_size={-16_000 if read_only else -64_000}")
            if read_only:
                connection.execute("PRAGMA query_only=ON")

        @sa.event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            if begins:
                connection.connection.cursor().execute("BEGIN" if read_only else "BEGIN IMMEDIATE")

        return engine

    def trouble(self, error: BaseException) -> Trouble:
        """A full disk or a locked file arrives as an OperationalError, SQLAlchemy's or the driver's own."""
        found = getattr(error, "orig", error)
        refused = isinstance(found, self.writer.dialect.loaded_dbapi.OperationalError)
        return Trouble.REFUSED if refused else Trouble.OTHER

    def tidy(self, connection: Connection) -> None:
        """Move what the write-ahead log holds into the database file, so that no commit has to."""
        connection.connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")

    def damage(self, connection: Connection) -> str | None:
        """What SQLite finds wrong with the structure of the file."""
        found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
        return None if found == "ok" else found

    def take_time(self, connection: Connection) -> None:
        """Nothing here limits a transaction."""

    def wait_briefly(self, connection: Connection) -> None:
        """Whoever writes waits for nobody else's tables."""

    def hold_still(self, connection: Connection, tables: Iterable[sa.Table]) -> None:
        """The write transaction does that already."""

    @contextmanager
    def scratch(self) -> Iterator[str]:
        """A file of its own."""
        with TemporaryDirectory(prefix="traderbot-scratch-") as folder:
            yield f"sqlite:///{Path(folder) / 'scratch.db'}"
