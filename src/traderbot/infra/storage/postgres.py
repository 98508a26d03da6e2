"""PostgreSQL: several writing processes, kept apart by locks; readers that see one state and cannot write."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine

from traderbot.infra.storage.backend import READERS_BEYOND, Limits, Trouble
from traderbot.infra.storage.pools import CountedPool
from traderbot.model.errors import ConfigurationError, Conflict

_SCRATCH = "traderbot_scratch"
_CONFLICTS = frozenset({"40001", "40P01"})  # serialization failure, deadlock
_LOST = ("08", "57P", "25P03", "25P04")  # connection trouble, shut down, idle or transaction time-out
_REFUSED = ("53", "55P03", "57014", "25006")  # no resources, lock time-out, statement time-out, read only
_WRITER_LIMITS = {
    # A stopped writer's locks are let go before those who wait for them give up.
    "idle_in_transaction_session_timeout": "3s",
    "lock_timeout": "4s",
    "statement_timeout": "10s",
}
# The writer's statements go by key and are planned once. A plan made while a table was small would otherwise
# read it from end to end for ever after.
_BY_KEY = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
}
_READER_LIMITS = {
    "idle_in_transaction_session_timeout": "60s",
    "default_transaction_isolation": "repeatable\\ read",
    "default_transaction_read_only": "on",
}
_POOL: dict[str, Any] = {"poolclass": CountedPool, "pool_pre_ping": True, "pool_timeout": 5}
_ROLE_LIMITS = {"lock_timeout": "2s", "statement_timeout": "5s"}  # a third of a lease's life is 3 s and more
_NETWORK = {  # a server that went without a word is noticed within seconds
    "connect_timeout": "3",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "6000",
}


def _driver() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise ConfigurationError(
            "database_url: PostgreSQL needs the driver psycopg; install traderbot[postgres]"
        ) from error
    return psycopg


class Postgres:
    """Connections to one PostgreSQL database."""

    def __init__(self, url: URL, limits: Limits) -> None:
        self._psycopg = _driver()
        self._url = url.set(drivername="postgresql+psycopg")
        self.writer = self._engine("writer", _WRITER_LIMITS | _BY_KEY, pool_size=2, max_overflow=0, **_POOL)
        reading = _READER_LIMITS | {"statement_timeout": f"{limits.statement_timeout_s}s"}
        pool = {"pool_size": limits.readers, "max_overflow": READERS_BEYOND, **_POOL}
        self.readers = self._engine("reader", reading, **pool)
        self.alone = self._engine("lock", {}, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
        at_once = {"isolation_level": "AUTOCOMMIT"}
        self.roles = self._engine("role", _ROLE_LIMITS, pool_size=2, max_overflow=4, **_POOL, **at_once)

    def _engine(self, role: str, limits: Mapping[str, str], **pool: Any) -> Engine:
        given = self._url.query
        own = " ".join(f"-c {name}={value}" for name, value in limits.items())
        options = f"{own} {given.get('options', '')}".strip()  # what the URL sets comes last and counts
        network = {name: value for name, value in _NETWORK.items() if name not in given}
        return sa.create_engine(
            self._url.difference_update_query(["options"]),
            connect_args={
                "application_name": f"traderbot {role}",
                "options": options,
                "prepare_threshold": 0,  # statements are few and come again and again
                **network,
            },
            **pool,
        )

    def trouble(self, error: BaseException) -> Trouble:
        """What the SQLSTATE means. A unique key that the driver itself reports was one of the command path's
        statements, so another writer was quicker; a feature's own statement arrives by SQLAlchemy.
        """
        found = getattr(error, "orig", error)
        if isinstance(error, sa.exc.TimeoutError):
            return Trouble.REFUSED
        if not isinstance(found, self._psycopg.Error):
            return Trouble.OTHER
        state = found.sqlstate or ""
        if state in _CONFLICTS or isinstance(error, self._psycopg.errors.UniqueViolation):
            return Trouble.CONFLICT
        if state.startswith(_REFUSED):
            return Trouble.REFUSED
        gone = isinstance(found, self._psycopg.OperationalError | self._psycopg.InterfaceError)
        return Trouble.LOST if state.startswith(_LOST) or (gone and not state) else Trouble.OTHER

    def tidy(self, connection: Connection) -> None:
        """The server tidies up by itself."""

    def damage(self, connection: Connection) -> str | None:
        """Pages whose checksum did not match when they were read, as the server has counted them."""
        failures = connection.execute(_CHECKSUM_FAILURES).scalar()
        return f"{failures} pages failed their checksum; see the server's log" if failures else None

    def take_time(self, connection: Connection) -> None:
        """Lift the limits that keep orders from waiting."""
        for name in _WRITER_LIMITS:
            connection.exec_driver_sql(f"SET LOCAL {name} = 0")

    def wait_briefly(self, connection: Connection) -> None:
        """For this transaction, or for the connection that has none."""
        scope = "" if connection.engine is self.alone else "LOCAL "
        connection.exec_driver_sql(f"SET {scope}lock_timeout = '3s'")

    def hold_still(self, connection: Connection, tables: Iterable[sa.Table]) -> None:
        """Writers wait, readers do not."""
        quoted = connection.dialect.identifier_preparer.format_table
        names = ", ".join(quoted(table) for table in tables)
        connection.exec_driver_sql(f"LOCK TABLE {names} IN EXCLUSIVE MODE")

    @contextmanager
    def scratch(self) -> Iterator[str]:
        """A schema of its own, so that no right to create databases is needed. Errors: Conflict where another
        process has it.
        """
        lock = _SessionLock(self.alone, _SCRATCH)
        if not lock.taken:
            raise Conflict("The scratch schema is in use by another process; try again when it is done.")
        try:
            self._remake_scratch(create=True)
            path = f"{self._url.query.get('options', '')} -c search_path={_SCRATCH}".strip()
            url = self._url.update_query_dict({"options": path})
            yield url.render_as_string(hide_password=False)
        finally:
            try:
                self._remake_scratch(create=False)
            finally:
                lock.close()

    def _remake_scratch(self, *, create: bool) -> None:
        with self.writer.begin() as connection:
            self.take_time(connection)
            connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {_SCRATCH} CASCADE")
            if create:
                connection.exec_driver_sql(f"CREATE SCHEMA {_SCRATCH}")


class _SessionLock:
    """An advisory lock that lasts as long as a connection of its own. taken: whether it was to be had."""

    def __init__(self, engine: Engine, name: str) -> None:
        key = int.from_bytes(sha256(f"traderbot {name}".encode()).digest()[:8], signed=True)
        self._connection = engine.connect()
        self.taken = bool(self._connection.execute(_TRY_LOCK, {"key": key}).scalar_one())
        if not self.taken:
            self.close()

    def close(self) -> None:
        """Let the lock go, with its connection."""
        self._connection.close()


_TRY_LOCK = sa.text("SELECT pg_try_advisory_lock(:key)")
_CHECKSUM_FAILURES = sa.text(
    "SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()"
)
