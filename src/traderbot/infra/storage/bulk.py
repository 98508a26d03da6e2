"""Statements compiled once from the tables and run for many rows at a time, straight through the driver.

SQLite runs a statement for each row (`executemany`). PostgreSQL gets one statement however many rows there
are, each column as the text of an array: a third of the work in this process, and one round trip.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import repeat
from operator import itemgetter
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect

from traderbot.infra.storage.arrays import ArrayOf, array_text, bare_name

Cursor = Any  # of the driver: the same few methods on every driver, but no common type
Row = Mapping[str, Any]
Types = Mapping[str, sa.types.TypeEngine[Any]]
Key = tuple[Any, ...]
Found = dict[Key, tuple[Any, ...]]
Hold = Literal["update", "share"]
_GIVEN = "given"


def cursor_of(connection: Connection) -> Cursor:
    """The driver's own cursor in the connection's transaction, for the statements that every order runs."""
    return connection.connection.cursor()


def in_one_flight(connection: Connection) -> AbstractContextManager[Any]:
    """Statements of the block travel together, without waiting for each other's answers: on PostgreSQL one
    round trip for all of them. A count or a row is known after the block; so is an error.
    """
    if connection.dialect.name == "sqlite":
        return nullcontext()
    driver: Any = connection.connection.driver_connection
    pipeline: AbstractContextManager[Any] = driver.pipeline()
    return pipeline


class Bulk:
    """One INSERT or UPDATE compiled once and run for many rows, straight through the driver, row by row.

    types: the statement's parameters with their types; a row is a mapping that holds at least these.
    """

    def __init__(self, statement: sa.Insert | sa.Update, types: Types, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect, column_keys=list(types))
        self._by_name = compiled.positiontup is None
        self._prepare(str(compiled), list(compiled.positiontup or types), types, dialect)

    def _prepare(self, sql: str, names: Sequence[str], types: Types, dialect: Dialect) -> None:
        self.sql = sql
        self._names = names
        values = itemgetter(*names)
        self._values = values if len(names) > 1 else lambda row: (values(row),)
        self._binds = [types[name].dialect_impl(dialect).bind_processor(dialect) for name in names]
        self._plain = not any(self._binds)

    def run(self, connection: Connection, rows: Collection[Row]) -> int:
        """Execute the statement for each row. Returns: how many were inserted or changed."""
        return self.run_on(cursor_of(connection), rows)

    def run_on(self, cursor: Cursor, rows: Collection[Row]) -> int:
        """As `run`, with a cursor at hand."""
        if not rows:
            return 0
        self._send(cursor, map(self._values, rows))
        changed: int = cursor.rowcount
        return changed

    def _bound(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[Iterable[Any]]:
        """The values column by column, as the driver takes them."""
        for values, bind in zip(zip(*rows, strict=True), self._binds, strict=True):
            yield values if bind is None else map(bind, values)

    def _send(self, cursor: Cursor, rows: Iterable[tuple[Any, ...]]) -> None:
        sent: list[Any] = list(rows if self._plain else zip(*self._bound(rows), strict=True))
        if self._by_name:
            sent = [dict(zip(self._names, row, strict=True)) for row in sent]
        cursor.executemany(self.sql, sent)


class _AtOnce(Bulk):
    """For PostgreSQL: all rows as one array a column. No two rows of one run may have the same key."""

    def __init__(self, statement: sa.Insert | sa.Update, types: Types, dialect: Dialect) -> None:
        self._prepare(_percent(statement, dialect), list(types), types, dialect)
        self._texts = [array_text(types[name], dialect) for name in types]

    def _send(self, cursor: Cursor, rows: Iterable[tuple[Any, ...]]) -> None:
        columns = self._bound(rows)
        cursor.execute(self.sql, [text(values) for text, values in zip(self._texts, columns, strict=True)])


def _percent(statement: sa.sql.ClauseElement, dialect: Dialect) -> str:
    """The statement's text with its parameters in the order they stand there."""
    compiled: Any = statement.compile(dialect=dialect)
    return str(compiled) % dict.fromkeys(compiled.params, "%s")


def _given(types: Types, dialect: Dialect) -> Any:
    """The rows that a statement of PostgreSQL is given, as a table of arrays side by side."""
    arrays = [
        sa.cast(sa.bindparam(f"p_{name}", type_=sa.types.NULLTYPE), ArrayOf(bare_name(kind, dialect)))
        for name, kind in types.items()
    ]
    columns = [sa.column(name, kind) for name, kind in types.items()]
    return sa.func.unnest(*arrays).table_valued(*columns).render_derived(name=_GIVEN)


def _types_of(table: sa.Table) -> Types:
    return {column.name: column.type for column in table.c}


def insert_into(
    table: sa.Table, dialect: Dialect, counted: str | None = None, columns: Collection[str] | None = None
) -> Bulk:
    """A bulk insert of all columns of a table, or of some; the others then are what the table says.

    counted: on PostgreSQL, a column whose values are given as 1, 2, 3 and go on behind the largest on record;
    the caller sees to it that nobody else counts at the same time.
    """
    types = _types_of(table)
    if columns is not None:
        types = {name: types[name] for name in columns}
    if dialect.name == "sqlite":
        return Bulk(sa.insert(table), types, dialect)
    given = _given(types, dialect)
    values = {name: given.c[name] for name in types}
    if counted is not None:
        last = sa.select(
            sa.func.coalesce(sa.func.max(table.c[counted]), sa.literal_column("0"))
        ).scalar_subquery()
        values[counted] = last + given.c[counted]
    insert = sa.insert(table).from_select(list(types), sa.select(*values.values()))
    return _AtOnce(insert, types, dialect)


def upsert_into(table: sa.Table, dialect: Dialect) -> Bulk:
    """A bulk insert that overwrites the row with the same primary key."""
    types = _types_of(table)
    if dialect.name == "sqlite":
        return Bulk(_overwriting(sqlite.insert(table), table), types, dialect)
    insert = postgresql.insert(table).from_select(list(types), sa.select(*_given(types, dialect).c))
    return _AtOnce(_overwriting(insert, table), types, dialect)


def _overwriting(insert: Any, table: sa.Table) -> sa.Insert:
    keys = [column.name for column in table.primary_key]
    rest = {column.name: insert.excluded[column.name] for column in table.c if column.name not in keys}
    statement: sa.Insert = insert.on_conflict_do_update(index_elements=keys, set_=rest)
    return statement


def update_of(
    table: sa.Table,
    changed: Iterable[str],
    dialect: Dialect,
    expected: Iterable[str] = (),
    added: Collection[str] = (),
) -> Bulk:
    """A bulk update of the named columns by primary key; rows carry the key's columns as key_NAME.

    expected: columns that must still have the value that a row carries as key_NAME, or the row is not
    changed. added: those of the named columns whose value is added to what is there.
    """
    keys = {f"key_{name}": table.c[name] for name in (*table.primary_key.columns.keys(), *expected)}
    types = {name: table.c[name].type for name in sorted(changed)}
    new = list(types)
    types |= {name: column.type for name, column in keys.items()}
    statement = sa.update(table)
    if dialect.name == "sqlite":
        values: dict[str, Any] = {name: sa.bindparam(name, type_=types[name]) for name in new}
        values |= {name: table.c[name] + values[name] for name in added}
        statement = statement.values(values)
        for name, column in keys.items():
            statement = statement.where(column == sa.bindparam(name, type_=column.type))
        return Bulk(statement, types, dialect)
    given = _given(types, dialect)
    values = {name: given.c[name] for name in new}
    values |= {name: table.c[name] + values[name] for name in added}
    statement = statement.values(values)
    for name, column in keys.items():
        statement = statement.where(column == given.c[name])
    return _AtOnce(statement, types, dialect)


class Lookup(ABC):
    """Rows of a table by their whole primary key, straight through the driver: for keys checked on every
    order.
    """

    def __init__(self, table: sa.Table, found: Sequence[str], dialect: Dialect) -> None:
        self._keys = list(table.primary_key)
        self._found = [table.c[name] for name in found]
        self._dialect = dialect
        self._binds = [key.type.dialect_impl(dialect).bind_processor(dialect) for key in self._keys]
        self._results = [
            column.type.dialect_impl(dialect).result_processor(dialect, None) for column in self._found
        ]
        self._plain = not any(self._results)

    def find(self, connection: Connection, *key: Any) -> tuple[Any, ...] | None:
        """The columns of one row, None where there is no such row."""
        return self.find_all(connection, [key]).get(key)

    def find_all(self, connection: Connection, keys: Collection[Key]) -> Found:
        """The columns of those rows that exist, by key, in one statement."""
        return self.ask(connection, keys)()

    def ask(self, connection: Connection, keys: Collection[Key]) -> Callable[[], Found]:
        """As `find_all`, but the answer is waited for when it is called for."""
        if not keys:
            return dict
        bound = dict(zip(self._bound(keys), keys, strict=True))
        cursor = cursor_of(connection)
        self._ask(cursor, list(bound))
        width = len(self._keys)
        return lambda: {bound[tuple(row[:width])]: self._result(row[width:]) for row in cursor.fetchall()}

    @abstractmethod
    def _ask(self, cursor: Cursor, keys: list[Key]) -> None: ...

    def _bound(self, keys: Collection[Key]) -> Iterable[Key]:
        columns = zip(*keys, strict=True)
        return zip(
            *(v if bind is None else map(bind, v) for v, bind in zip(columns, self._binds, strict=True)),
            strict=True,
        )

    def _result(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        if self._plain:
            return tuple(row)
        return tuple(v if result is None else result(v) for v, result in zip(row, self._results, strict=True))


class _BySize(Lookup):
    """For SQLite: a statement for each power of two, filled up with the last key; few are prepared."""

    def __init__(self, table: sa.Table, found: Sequence[str], dialect: Dialect) -> None:
        super().__init__(table, found, dialect)
        self._compiled: dict[int, str] = {}

    def _ask(self, cursor: Cursor, keys: list[Key]) -> None:
        size = 1 << (len(keys) - 1).bit_length()
        keys += repeat(keys[-1], size - len(keys))
        cursor.execute(self._sql(size), [part for key in keys for part in key])

    def _sql(self, size: int) -> str:
        if size not in self._compiled:
            wanted = [
                sa.tuple_(*(sa.bindparam(None, None, type_=key.type) for key in self._keys))
                for _ in range(size)
            ]
            query = sa.select(*self._keys, *self._found).where(sa.tuple_(*self._keys).in_(wanted))
            self._compiled[size] = str(query.compile(dialect=self._dialect))
        return self._compiled[size]


class _ByArrays(Lookup):
    """For PostgreSQL: one statement, the keys as one array a column; rows are locked in the keys' order."""

    def __init__(self, table: sa.Table, found: Sequence[str], dialect: Dialect, hold: Hold | None) -> None:
        super().__init__(table, found, dialect)
        types = {key.name: key.type for key in self._keys}
        given = _given(types, dialect)
        same = sa.and_(*(key == given.c[key.name] for key in self._keys))
        query = sa.select(*self._keys, *self._found).select_from(sa.join(table, given, same))
        if hold is not None:
            query = query.order_by(*self._keys).with_for_update(read=hold == "share", of=table)
        self._sql = _percent(query, dialect)
        self._texts = [array_text(kind, dialect) for kind in types.values()]

    def _ask(self, cursor: Cursor, keys: list[Key]) -> None:
        columns = zip(*keys, strict=True)
        cursor.execute(self._sql, [text(values) for text, values in zip(self._texts, columns, strict=True)])


def lookup_of(table: sa.Table, found: Sequence[str], dialect: Dialect, hold: Hold | None = None) -> Lookup:
    """A lookup of these columns by primary key. hold: lock what is found until the transaction ends, where
    several processes write.
    """
    if dialect.name == "sqlite":
        return _BySize(table, found, dialect)
    return _ByArrays(table, found, dialect, hold)
