"""The database: one set of tables for SQLite and PostgreSQL, exact column types, connections for one writer
and many readers.
"""

import fcntl
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect, Engine

from traderbot.model.errors import ConfigurationError, InvalidValue

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)

T = TypeVar("T")
_LARGEST = 2**63 - 1


class Writer(Protocol):
    """The one place that writes: runs a job inside a transaction of the process's single writer and waits for
    its commit.
    """

    def write(self, job: Callable[[Connection], T]) -> T: ...


class Scaled(sa.types.TypeDecorator[Decimal]):
    """An exact decimal of fixed places: NUMERIC on PostgreSQL, a scaled 64-bit integer on SQLite.

    Errors: InvalidValue for a value with more places than the column has, or too large for it.
    """

    impl = sa.Numeric
    cache_ok = True

    def __init__(self, places: int) -> None:
        super().__init__(28, places)
        self.places = places
        self.factor = Decimal(10**places)
        self.quantum = Decimal(1).scaleb(-places)
        self._to_integer = lru_cache(maxsize=10_000)(self.to_integer)  # amounts come again and again

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.BigInteger())
        return dialect.type_descriptor(sa.Numeric(28, self.places))

    def bind_processor(self, dialect: Dialect) -> Callable[[Decimal | None], Any]:
        if dialect.name == "sqlite":
            return self._to_integer
        return self._checked

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Decimal | None]:
        if dialect.name == "sqlite":
            return self._from_integer
        return lambda value: value

    def to_integer(self, value: Decimal | None) -> int | None:
        """The scaled integer that SQLite stores."""
        if value is None:
            return None
        scaled = value * self.factor
        integer = int(scaled)
        if scaled != integer or not -_LARGEST <= integer <= _LARGEST:
            raise InvalidValue("amount", f"at most {self.places} places and 64 bits when scaled", value)
        return integer

    def _checked(self, value: Decimal | None) -> Decimal | None:
        self.to_integer(value)
        return value

    def _from_integer(self, value: int | None) -> Decimal | None:
        return None if value is None else value * self.quantum


class Identifier(sa.types.TypeDecorator[UUID]):
    """A UUID: native on PostgreSQL, its 16 bytes on SQLite (in place of SQLAlchemy's 32 characters: half the
    index).
    """

    impl = sa.Uuid
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(sa.LargeBinary(16) if dialect.name == "sqlite" else sa.Uuid())

    def bind_processor(self, dialect: Dialect) -> Callable[[UUID | None], Any]:
        if dialect.name == "sqlite":
            return _to_bytes
        return lambda value: value

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], UUID | None]:
        if dialect.name == "sqlite":
            return _from_bytes
        return lambda value: value


class Digest(sa.types.TypeDecorator[bytes]):
    """A SHA-256: 32 bytes, handed to the driver as they are (SQLAlchemy's own type wraps each in a
    memoryview).
    """

    impl = sa.LargeBinary(32)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> None:
        return None

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], bytes | None]:
        return lambda value: None if value is None else bytes(value)


def _to_bytes(value: UUID | None) -> bytes | None:
    return None if value is None else value.bytes


def _from_bytes(value: bytes | None) -> UUID | None:
    return None if value is None else UUID(bytes=value)


QUANTITY = Scaled(9)
PRICE = Scaled(9)
MONEY = Scaled(6)
POSITION = sa.BigInteger().with_variant(
    sa.Integer(), "sqlite"
)  # SQLite's own row number only under this name
TIME = sa.BigInteger()  # microseconds since the epoch, UTC
ID = Identifier()
HASH = Digest()


# The commit after which the write-ahead log holds this many pages moves them into the database file. Orders
# of many accounts touch the same index pages again and again, so moving them seldom moves each once; at 4 kB
# a page the log stays at about 32 MB.
_LOG_PAGES = 8_000


class Database:
    """Connections to one database. SQLite: WAL, FULL, foreign keys on, readers that cannot write."""

    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if not self.is_sqlite:
            raise ConfigurationError(
                "database_url: expected sqlite:///PATH; other databases are not supported yet"
            )
        self.writer = self._sqlite(read_only=False)
        self.readers = self._sqlite(read_only=True)

    def _sqlite(self, *, read_only: bool) -> Engine:
        from pysqlite3 import dbapi2

        # Without an adapter of their own the driver searches for one each time it binds None or bytes: 2 us a
        # value, half an insert.
        dbapi2.register_adapter(type(None), {}.get)
        dbapi2.register_adapter(bytes, bytes)
        engine = sa.create_engine(
            self.url,
            module=dbapi2,
            pool_size=8
            if read_only
            else 2,  # the command path keeps one; another waits its turn in BEGIN IMMEDIATE
            max_overflow=32 if read_only else 0,
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
            connection.connection.cursor().execute("BEGIN" if read_only else "BEGIN IMMEDIATE")

        return engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one consistent state and cannot write."""
        with self.readers.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """The writing connection inside a transaction, committed at the end, rolled back on an error.

        Only the process's one writer calls this; everything else hands its job to that writer.
        """
        with self.writer.begin() as connection:
            yield connection

    def checkpoint(self, connection: Connection) -> None:
        """Move what the write-ahead log holds into the database file, so that no commit has to. connection:
        the writer's, idle.
        """
        connection.connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")

    def damage(self, connection: Connection) -> str | None:
        """The first thing that SQLite finds wrong with the structure of the file; None where all is well."""
        found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
        return None if found == "ok" else found

    def close(self) -> None:
        self.readers.dispose()
        self.writer.dispose()


Cursor = Any  # of the driver: the same few methods on every driver, but no common type


def cursor_of(connection: Connection) -> Cursor:
    """The driver's own cursor in the connection's transaction, for the statements that every order runs."""
    return connection.connection.cursor()


class Bulk:
    """One INSERT or UPDATE compiled once and run for many rows, straight through the driver.

    columns: the statement's parameters with their types; a row is a mapping that holds at least these.
    """

    def __init__(
        self,
        statement: sa.Insert | sa.Update,
        columns: Mapping[str, sa.types.TypeEngine[Any]],
        dialect: Dialect,
    ) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(columns))
        names = list(compiled.positiontup or columns)
        self.sql = str(compiled)
        self._values = itemgetter(*names)
        self._binds = [columns[name].dialect_impl(dialect).bind_processor(dialect) for name in names]

    def run(self, connection: Connection, rows: Collection[Mapping[str, Any]]) -> int:
        """Execute the statement for each row, in order. Returns: how many were inserted or changed."""
        return self.run_on(cursor_of(connection), rows)

    def run_on(self, cursor: Cursor, rows: Collection[Mapping[str, Any]]) -> int:
        """As `run`, with a cursor at hand."""
        if not rows:
            return 0
        by_column = zip(*map(self._values, rows), strict=True)
        bound = (v if bind is None else map(bind, v) for v, bind in zip(by_column, self._binds, strict=True))
        cursor.executemany(self.sql, list(zip(*bound, strict=True)))
        changed: int = cursor.rowcount
        return changed


Key = tuple[Any, ...]


class Lookup:
    """Rows of a table by their whole primary key, straight through the driver: for keys checked on every
    order.
    """

    def __init__(self, table: sa.Table, found: list[str], dialect: Dialect) -> None:
        self._table = table
        self._found = [table.c[name] for name in found]
        self._dialect = dialect
        self._binds = [key.type.dialect_impl(dialect).bind_processor(dialect) for key in table.primary_key]
        self._compiled: dict[int, str] = {}

    def find(self, cursor: Cursor, *key: Any) -> tuple[Any, ...] | None:
        """The columns of one row as the driver gives them, None where there is no such row."""
        return self.find_all(cursor, [key]).get(key)

    def find_all(self, cursor: Cursor, keys: Sequence[Key]) -> dict[Key, tuple[Any, ...]]:
        """The columns of those rows that exist, by key, in one statement."""
        if not keys:
            return {}
        bound = {self._bound(key): key for key in keys}
        size = (
            1 << (len(bound) - 1).bit_length()
        )  # few sizes, so few statements to prepare; the last key fills up
        values = list(bound)
        values += values[-1:] * (size - len(values))
        cursor.execute(self._sql(size), [part for key in values for part in key])
        width = len(self._binds)
        return {bound[row[:width]]: row[width:] for row in cursor.fetchall()}

    def _bound(self, key: Key) -> Key:
        return tuple(
            part if bind is None else bind(part) for part, bind in zip(key, self._binds, strict=True)
        )

    def _sql(self, size: int) -> str:
        if size not in self._compiled:
            keys = list(self._table.primary_key)
            wanted = [
                sa.tuple_(*(sa.bindparam(None, None, type_=key.type) for key in keys)) for _ in range(size)
            ]
            query = sa.select(*keys, *self._found).where(sa.tuple_(*keys).in_(wanted))
            self._compiled[size] = str(query.compile(dialect=self._dialect))
        return self._compiled[size]


def insert_into(table: sa.Table, dialect: Dialect) -> Bulk:
    """A bulk insert of all columns of a table."""
    return Bulk(sa.insert(table), {column.name: column.type for column in table.c}, dialect)


def upsert_into(table: sa.Table, dialect: Dialect) -> Bulk:
    """A bulk insert that overwrites the row with the same primary key."""
    insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[dialect.name](table)
    keys = [column.name for column in table.primary_key]
    rest = {column.name: insert.excluded[column.name] for column in table.c if column.name not in keys}
    statement = insert.on_conflict_do_update(index_elements=keys, set_=rest)
    return Bulk(statement, {column.name: column.type for column in table.c}, dialect)


def update_of(
    table: sa.Table, changed: Iterable[str], dialect: Dialect, expected: Iterable[str] = ()
) -> Bulk:
    """A bulk update of the named columns by primary key; rows carry the key's columns as key_NAME.

    expected: columns that must still have the value that a row carries as key_NAME, or the row is not
    changed.
    """
    keys = {f"key_{name}": table.c[name] for name in (*table.primary_key.columns.keys(), *expected)}
    names = sorted(changed)
    statement = sa.update(table).values(
        {name: sa.bindparam(name, type_=table.c[name].type) for name in names}
    )
    for name, column in keys.items():
        statement = statement.where(column == sa.bindparam(name, type_=column.type))
    types = {name: table.c[name].type for name in names} | {
        name: column.type for name, column in keys.items()
    }
    return Bulk(statement, types, dialect)


def lock_home(home: Path) -> IO[str]:
    """Take the home directory for this process; it stays taken until the handle is closed or the process
    ends.

    Errors: ConfigurationError if another process has it.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)  # it holds password hashes and the signing key
    handle = (home / "lock").open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise ConfigurationError(
            f"home: {home} is in use by another traderbot process; stop it, or choose another with --home"
        ) from None
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle
