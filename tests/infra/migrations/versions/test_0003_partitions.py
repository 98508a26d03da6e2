"""Up and down with a real history, and while an older process goes on writing; nothing is lost."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command

from servers import KINDS, database_url, postgres_url
from traderbot.infra.events.journal import events, verify
from traderbot.infra.ids import new_id
from traderbot.infra.migrations import configuration, migrate
from traderbot.infra.storage.database import Database
from traderbot.infra.storage.partitions import parts_of
from traderbot.model import commands as c
from traderbot.model.errors import ConfigurationError
from traderbot.trading import audit
from traderbot.trading import tables as t
from trading.session_rig import SPLIT_STEP, SessionRig
from trading.test_session_loop import buy

pytestmark = pytest.mark.integration

REVISIONS = ("0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011")
TABLES = ("orders", "fills", "postings", "accounts", "stream_heads", "client_order_ids", "activities", "lots")
LATER = {"breached", "strategy"}  # columns that 0002 has not


@pytest.fixture(params=KINDS)
def traded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of the newest schema with a small history."""
    with database_url(request.param, tmp_path) as url:
        rig = SessionRig(Database(url))
        mine = rig.join()
        rig.ask(mine, buy(qty="11"))
        rig.ask(mine, c.PlaceOrder(new_id(), *_TERMS, client_order_id="mine"))
        rig.ask(mine, buy(limit="60", gtc=True))
        rig.play(SPLIT_STEP + 10)
        yield rig.database
        rig.close()


_TERMS = (buy().symbol, buy().side, buy().qty)


def to(database: Database, revision: str) -> None:
    with database.write() as connection:
        there = configuration(connection)
        found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
        (command.upgrade if found < revision else command.downgrade)(there, revision)


def contents(database: Database) -> dict[str, tuple[int, str]]:
    """How many rows each table has, and a hash over all of them; of the columns that every schema has."""
    found = {}
    with database.read() as connection:
        for name in TABLES:
            table = sa.text(f"SELECT * FROM {name}")
            mappings = connection.execute(table).mappings()
            rows = sorted(str([row[key] for key in row if key not in LATER]) for row in mappings)
            found[name] = (len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest())
        columns = [column for column in events.c if column.name != "correlation"]
        rows = [str(tuple(row)) for row in connection.execute(sa.select(*columns).order_by("position"))]
        found["events"] = (len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest())
    return found


@pytest.mark.parametrize("revision", REVISIONS)
def test_down_and_up_again_keeps_every_row(traded: Database, revision: str) -> None:
    before = contents(traded)
    assert before["orders"][0] >= 3
    assert before["events"][0] >= 30
    to(traded, revision)
    assert {name: count for name, (count, _) in contents(traded).items()} == {
        name: count for name, (count, _) in before.items()
    }
    migrate(traded)
    assert contents(traded) == before
    with traded.read() as connection:
        assert verify(connection).fault is None
        assert (len(parts_of(connection)) >= 2) == traded.shared
    assert audit.rebuild(traded).differences == []


def test_each_step_goes_down_and_up_by_itself(traded: Database) -> None:
    before = contents(traded)
    for revision in REVISIONS[::-1]:
        to(traded, revision)
    assert contents(traded) == before, "at the schema before the parts"
    for revision in REVISIONS:
        to(traded, revision)
    migrate(traded)
    assert contents(traded) == before


def test_below_what_can_be_kept_is_refused_and_nothing_is_changed(traded: Database) -> None:
    before = contents(traded)
    with pytest.raises(ConfigurationError, match="cannot go below 0002"):
        to(traded, "0001")
    assert contents(traded) == before


class OldWriter(Thread):
    """A process of the schema before: an order and its event a transaction, in plain SQL."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.enough = Event()
        self.written: list[UUID] = []
        self.failures: list[str] = []

    def run(self) -> None:
        limits = "-c lock_timeout=4s -c statement_timeout=10s"
        with psycopg.connect(self.url, prepare_threshold=0, options=limits) as connection:
            while not self.enough.is_set():
                order_id = new_id()
                try:
                    with connection.transaction():
                        self._write(connection, order_id)
                except psycopg.Error as error:
                    self.failures.append(error.sqlstate or "")
                    continue
                self.written.append(order_id)

    def _write(self, connection: psycopg.Connection, order_id: UUID) -> None:
        connection.execute(_ORDER, (order_id, UUID(int=len(self.written) % 5)))
        connection.execute("SELECT pg_advisory_xact_lock(7734, 2)")
        connection.execute(_EVENT, (str(order_id),))
        connection.execute("UPDATE orders SET status = 'filled' WHERE id = %s", (order_id,))


_ORDER = (
    "INSERT INTO orders (id, account_id, version, client_order_id, symbol, side, type, time_in_force, qty,"
    " price_max, fee_rate, hold, status, filled_qty, filled_value, placed_at, updated_at)"
    " VALUES (%s, %s, 1, '', 'AAA', 'buy', 'market', 'day', 1, 1, 0, 0, 'new', 0, 0, 0, 0)"
)
_EVENT = (
    "INSERT INTO events (position, stream, version, type, schema_version, data, metadata, recorded_at,"
    " prev_hash, hash) SELECT coalesce(max(position), 0) + 1, 'platform', 1, 'X', 1, %s, '{}', 0, '', ''"
    " FROM events"
)
RETRYABLE = {"40001", "40P01", "55P03"}


def test_an_older_process_goes_on_writing_and_loses_nothing() -> None:
    with postgres_url(empty=True) as url:
        database = Database(url)
        with database.write() as connection:
            command.upgrade(configuration(connection), "0002")
        writer = OldWriter(url)
        writer.start()
        while len(writer.written) < 200 and writer.is_alive():
            writer.join(0.01)
        migrate(database)
        after = len(writer.written)
        while len(writer.written) < after + 200 and writer.is_alive():
            writer.join(0.01)
        writer.enough.set()
        writer.join(20)
        assert set(writer.failures) <= RETRYABLE, "what an order's transaction is tried again after"
        with database.read() as connection:
            rows = connection.execute(sa.select(t.orders.c.id, t.orders.c.status)).all()
            positions = connection.execute(sa.select(events.c.position).order_by("position")).scalars().all()
        assert {row.id for row in rows} == set(writer.written)
        assert {row.status for row in rows} == {"filled"}
        assert positions == list(range(1, len(writer.written) + 1))
        database.close()
