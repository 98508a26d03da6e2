"""Tables that PostgreSQL keeps in parts: the journal by position, orders by account.

The journal's parts have a range of positions each. The last one, `events_rest`, takes every position above
the others, so that no append ever finds no place; it is empty as long as parts are made ahead. A part that
begins with what `events_rest` has taken in is made of that table itself, so no row is ever moved. An open
range in place of a DEFAULT partition keeps the parts in order: the last position is read from the last part.
"""

from collections.abc import Iterable
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.setting_types import PART_SIZE

AHEAD = 4
"""Empty parts kept ahead of the last position."""
ORDER_PARTS = 8
PATIENCE_MS = 2_000
"""How long dropping a part may make writers wait for a reader."""
REST = "events_rest"


class Part(NamedTuple):
    """A part of the journal. start: its first position, None for the first; end: the position after its last,
    None for the last.
    """

    name: str
    start: int | None
    end: int | None


def make_parts(table: sa.Table, statements: Iterable[str]) -> None:
    """Have these statements make a table's parts wherever the table is made from the code."""
    for statement in statements:
        ddl = sa.DDL(statement)  # type: ignore[no-untyped-call]  # SQLAlchemy's own
        sa.event.listen(table, "after_create", ddl.execute_if(dialect="postgresql"))


FIRST_PARTS = (
    f"CREATE TABLE events_p0 PARTITION OF events FOR VALUES FROM (MINVALUE) TO ({PART_SIZE})",
    f"CREATE TABLE {REST} PARTITION OF events FOR VALUES FROM ({PART_SIZE}) TO (MAXVALUE)",
)


def order_parts() -> list[str]:
    """The statements that make the parts of the orders."""
    return [
        f"CREATE TABLE orders_p{number} PARTITION OF orders"
        f" FOR VALUES WITH (MODULUS {ORDER_PARTS}, REMAINDER {number})"
        for number in range(ORDER_PARTS)
    ]


def parts_of(connection: Connection) -> list[Part]:
    """The parts of the journal in order; none on a database that keeps it whole."""
    if connection.dialect.name != "postgresql":
        return []
    found = []
    for name, bound in connection.execute(_BOUNDS):
        start, _, end = bound.removeprefix("FOR VALUES FROM (").removesuffix(")").partition(") TO (")
        found.append(Part(name, _position(start), _position(end)))
    return sorted(found, key=lambda part: -1 if part.start is None else part.start)


def _position(text: str) -> int | None:
    return None if text in ("MINVALUE", "MAXVALUE") else int(text.strip("'"))


def rest_is_used(connection: Connection) -> bool:
    """Whether the last part has taken in what should have found a part of its own."""
    return bool(connection.execute(sa.text("SELECT EXISTS (SELECT FROM events_rest)")).scalar())


def parts_ahead(connection: Connection, last_position: int) -> int:
    """How many empty parts there are above the one that is written."""
    return sum(
        part.start is not None and part.end is not None and part.start > last_position
        for part in parts_of(connection)
    )


def ensure_partitions(connection: Connection, last_position: int, size: int = PART_SIZE) -> list[str]:
    """Make the parts that are missing ahead of the last position. Writers wait while it is done, which takes
    milliseconds; nothing is moved. Returns: the names of the parts made.
    """
    if not parts_of(connection) or parts_ahead(connection, last_position) >= AHEAD:
        return []
    connection.exec_driver_sql("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
    missing = AHEAD - parts_ahead(connection, last_position)  # another process may have been quicker
    start = parts_of(connection)[-1].start
    if missing <= 0 or start is None:
        return []
    made = []
    connection.exec_driver_sql(f"ALTER TABLE events DETACH PARTITION {REST}")
    highest = connection.execute(sa.text("SELECT max(position) FROM events_rest")).scalar()
    if highest is None:
        connection.exec_driver_sql(f"DROP TABLE {REST}")
    else:
        made.append(_name_rest(connection, start, highest, size))
        start = _end(highest, size)
    while missing > 0:
        made.append(_add(connection, f"events_p{start}", start, _end(start, size)))
        missing -= start > last_position
        start = _end(start, size)
    _add(connection, REST, start, None)
    return made


def drop_part(connection: Connection, name: str) -> int:
    """Drop a part of the journal with its rows, all of which are elsewhere. It waits for whoever reads the
    journal, and writers behind it wait as well, so it gives up soon. Returns: how many rows it had.
    Errors: sa.exc.OperationalError where somebody read for too long; nothing was dropped.
    """
    rows = connection.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar_one()
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE_MS}ms'")
    connection.exec_driver_sql("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
    connection.exec_driver_sql(f"ALTER TABLE events DETACH PARTITION {name}")
    connection.exec_driver_sql(f"DROP TABLE {name}")
    return rows


def _end(position: int, size: int) -> int:
    """Where the part that has this position ends."""
    return (position // size + 1) * size


def _add(connection: Connection, name: str, start: int, end: int | None) -> str:
    to = "MAXVALUE" if end is None else end
    connection.exec_driver_sql(f"CREATE TABLE {name} PARTITION OF events FOR VALUES FROM ({start}) TO ({to})")
    return name


def _name_rest(connection: Connection, start: int, highest: int, size: int) -> str:
    """Make the part that took in what had no other one a part like the others."""
    name = f"events_p{start}"
    connection.exec_driver_sql(f"ALTER TABLE {REST} RENAME TO {name}")
    connection.exec_driver_sql(
        f"ALTER TABLE events ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({_end(highest, size)})"
    )
    return name


_BOUNDS = sa.text(
    "SELECT child.relname, pg_get_expr(child.relpartbound, child.oid)"
    " FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid"
    " WHERE inhparent = to_regclass('events')"
)
