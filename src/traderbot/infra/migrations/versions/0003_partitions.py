"""The journal and the orders in parts on PostgreSQL, and an index for each query.

On PostgreSQL the journal as it is becomes the first part of the new one, so no event is copied. What takes
long there is done by `prepare` while everybody writes; the switch itself waits for the writers under way, and
adds what they wrote meanwhile. Orders are copied, in the transaction that switches.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op
from sqlalchemy.engine import Connection

from traderbot.infra.setting_types import PART_SIZE
from traderbot.infra.storage.partitions import REST, order_parts

revision = "0003"
down_revision = "0002"

_SELDOM = (
    "type NOT IN ('OrderPlaced', 'OrderFilled', 'OrderRefused', 'OrderCancelled', 'OrderExpired',"
    " 'SessionAdvanced', 'PortfolioRevalued', 'SignalRaised')"
)
_OPEN = "status IN ('pending_new', 'unknown', 'held', 'new', 'partially_filled')"
_EVENT_INDEXES = (
    ("ix_events_type", "type_position", "type, position", _SELDOM),
    ("ix_events_correlation", "correlation_position", "correlation, position", "correlation IS NOT NULL"),
)
_ORDER_INDEXES = (
    ("ix_orders_account", "account_id, version", None),
    ("ix_orders_open", "account_id, version", _OPEN),
    ("ix_orders_group", "account_id, group_id", "group_id IS NOT NULL"),
)
_BOUND = "events_positions"
_STEP = 10_000


def prepare(connection: Connection) -> None:
    """On PostgreSQL, what can be done to the journal while everybody goes on writing, in steps that are each
    whole; a step that was done is not done again. connection: outside any transaction.
    """
    if connection.dialect.name != "postgresql":
        return
    run = connection.exec_driver_sql
    run("ALTER TABLE events ADD COLUMN IF NOT EXISTS correlation TEXT")
    _bind(connection)
    run(f"ALTER TABLE events VALIDATE CONSTRAINT {_BOUND}")
    last = int(run("SELECT coalesce(max(position), 0) FROM events").scalar_one())
    for end in range(_correlated(connection) + _STEP, last + _STEP, _STEP):
        _correlate(connection, end)
    for _, name, columns, where in _EVENT_INDEXES:
        broken = sa.text("SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")
        if connection.execute(broken, {"name": f"events_p0_{name}_idx"}).scalar():
            run(f"DROP INDEX CONCURRENTLY events_p0_{name}_idx")
        made = f"CREATE INDEX CONCURRENTLY IF NOT EXISTS events_p0_{name}_idx"
        run(f"{made} ON events ({columns}) WHERE {where}")


def _correlated(connection: Connection) -> int:
    """The last event that has its correlation: they are given in the order of the journal."""
    found = "SELECT position FROM events WHERE correlation IS NOT NULL ORDER BY position DESC LIMIT 1"
    return connection.exec_driver_sql(found).scalar() or 0


def _correlate(connection: Connection, end: int | None = None) -> None:
    """Write the events' correlation beside their metadata, where it stands. end: of one step."""
    bounds = f" > {_correlated(connection)}" if end is None else f" BETWEEN {end - _STEP + 1} AND {end}"
    written = "metadata::json ->> 'correlation'"
    if connection.dialect.name == "sqlite":
        written = "json_extract(metadata, '$.correlation')"
    connection.exec_driver_sql(
        f"UPDATE events SET correlation = {written}"  # noqa: S608 - names and numbers of our own
        f" WHERE position{bounds} AND correlation IS NULL AND {written} <> ''"
    )


def _bind(connection: Connection, how: str = "NOT VALID") -> int:
    """The end of the part that the journal as it is becomes, with the constraint that says so, well above
    what is written until the switch.
    """
    name = {"name": _BOUND}
    found = connection.execute(
        sa.text(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conname = :name AND conrelid = to_regclass('events')"
        ),
        name,
    ).scalar()
    if found is not None:
        return int("".join(character for character in found if character.isdigit()))
    last = connection.exec_driver_sql("SELECT coalesce(max(position), 0) FROM events").scalar_one()
    end = (int(last) + PART_SIZE // 5) // PART_SIZE * PART_SIZE + PART_SIZE
    check = f"ADD CONSTRAINT {_BOUND} CHECK (position < {end}) {how}"
    connection.exec_driver_sql(f"ALTER TABLE events {check}")
    return end


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")  # in the order in which orders are written
        op.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        _split_events(connection)
        _split_orders()
    else:
        op.add_column("events", sa.Column("correlation", sa.Text(), nullable=True))
        _correlate(connection)
        for name, _, columns, where in _EVENT_INDEXES:
            op.execute(f"CREATE INDEX {name} ON events ({columns}) WHERE {where}")
        _rekey_orders(connection, "PRIMARY KEY (id)", "PRIMARY KEY (id, account_id)")


def _split_events(connection: Connection) -> None:
    op.execute("ALTER TABLE events ADD COLUMN IF NOT EXISTS correlation TEXT")
    end = _bind(connection, "")
    _correlate(connection)
    op.execute("ALTER TABLE events RENAME TO events_p0")
    op.execute("ALTER TABLE events_p0 RENAME CONSTRAINT pk_events TO events_p0_pkey")
    op.execute("ALTER INDEX ix_events_stream RENAME TO events_p0_stream_position_idx")
    op.execute("CREATE TABLE events (LIKE events_p0 INCLUDING DEFAULTS) PARTITION BY RANGE (position)")
    op.execute("ALTER TABLE events ADD CONSTRAINT pk_events PRIMARY KEY (position)")
    for name, _, columns, where in (("ix_events_stream", "", "stream, position", ""), *_EVENT_INDEXES):
        op.execute(f"CREATE INDEX {name} ON events ({columns}) {_where(where)}")
    op.execute(f"ALTER TABLE events ATTACH PARTITION events_p0 FOR VALUES FROM (MINVALUE) TO ({end})")
    op.execute(f"ALTER TABLE events_p0 DROP CONSTRAINT {_BOUND}")
    op.execute(f"CREATE TABLE {REST} PARTITION OF events FOR VALUES FROM ({end}) TO (MAXVALUE)")


def _where(condition: str | None) -> str:
    return f"WHERE {condition}" if condition else ""


def _split_orders() -> None:
    with _copied("orders", "PARTITION BY HASH (account_id)"):
        for statement in order_parts():
            op.execute(statement)
    _key_orders("id, account_id")


@contextmanager
def _copied(table: str, kind: str = "") -> Iterator[None]:
    """Make the table anew, fill it from the old one after the block, and drop that."""
    op.execute(f"ALTER TABLE {table} RENAME TO {table}_before")
    op.execute(f"CREATE TABLE {table} (LIKE {table}_before INCLUDING DEFAULTS) {kind}")
    yield
    op.execute(f"INSERT INTO {table} SELECT * FROM {table}_before")  # noqa: S608 - names of our own
    op.execute(f"DROP TABLE {table}_before")


def _key_orders(columns: str) -> None:
    op.execute(f"ALTER TABLE orders ADD CONSTRAINT pk_orders PRIMARY KEY ({columns})")
    _index_orders(before=columns == "id")


def _index_orders(*, before: bool) -> None:
    for name, columns, where in _ORDER_INDEXES:
        indexed = "group_id" if before and name == "ix_orders_group" else columns
        op.execute(f"CREATE INDEX {name} ON orders ({indexed}) {_where(where)}")


def _rekey_orders(connection: Connection, old: str, new: str) -> None:
    """On SQLite, where a key cannot be changed: the same table with the other key."""
    found = sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'orders'")
    made: str = connection.execute(found).scalar_one()
    op.execute("ALTER TABLE orders RENAME TO orders_before")
    connection.exec_driver_sql(made.replace(old, new))
    op.execute("INSERT INTO orders SELECT * FROM orders_before ORDER BY rowid")
    op.execute("DROP TABLE orders_before")
    _index_orders(before=new == "PRIMARY KEY (id)")


def downgrade() -> None:
    """Every row stays; what is only in the new columns, the events' correlation, stands in their metadata."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        op.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        with _copied("orders"):
            pass
        _key_orders("id")
        with _copied("events"):
            pass
        op.execute("ALTER TABLE events DROP COLUMN correlation")
        op.execute("ALTER TABLE events ADD CONSTRAINT pk_events PRIMARY KEY (position)")
        op.execute("CREATE INDEX ix_events_stream ON events (stream, position)")
    else:
        for name, _, _, _ in _EVENT_INDEXES:
            op.drop_index(name, table_name="events")
        op.drop_column("events", "correlation")
        _rekey_orders(connection, "PRIMARY KEY (id, account_id)", "PRIMARY KEY (id)")
