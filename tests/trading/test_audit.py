"""Rebuilding: the tables are the fold of the journal, and one that was tampered with is found and mended."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import UUID

import pytest
import sqlalchemy as sa

from servers import postgres_url
from traderbot.infra.storage.database import Database
from traderbot.model.commands import CancelOrder
from traderbot.trading import audit
from traderbot.trading import tables as t
from trading.rig import Rig
from trading.session_rig import SessionRig
from trading.test_session_loop import buy

pytestmark = pytest.mark.integration


@pytest.fixture
def played(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[SessionRig]:
    monkeypatch.setattr(audit, "PAGE", 7)  # several pages
    rig = SessionRig(database)
    account_id = rig.join()
    rig.ask(account_id, buy())
    rig.ask(account_id, buy(limit="60", gtc=True))
    rig.play(12)
    yield rig
    rig.close()


def tamper(rig: SessionRig, statement: str) -> None:
    rig.path.write(lambda connection: connection.execute(sa.text(statement)))


def test_what_is_in_use_is_the_fold(played: SessionRig) -> None:
    seen: list[int] = []
    result = audit.rebuild(played.database, progress=seen.append)
    assert result.differences == []
    assert seen == sorted(seen)
    assert seen[-1] == result.events
    assert result.rows > 20


@pytest.mark.parametrize(
    ("statement", "table", "missing", "extra"),
    [
        ("UPDATE accounts SET cash = cash + 1", "accounts", 1, 1),
        ("DELETE FROM fills", "fills", 1, 0),
        ("UPDATE positions SET qty = qty * 2", "positions", 1, 1),
        ("INSERT INTO client_order_ids SELECT account_id, 'forged', id FROM orders LIMIT 1",
         "client_order_ids", 0, 1),
    ],
)  # fmt: skip
def test_a_tampered_table_is_found_and_replaced(
    played: SessionRig, statement: str, table: str, missing: int, extra: int
) -> None:
    tamper(played, statement)
    found = audit.rebuild(played.database)
    assert found.differences == [audit.Difference(table, missing, extra)]
    again = audit.rebuild(played.database, replace=True)
    assert again.differences == found.differences
    assert audit.rebuild(played.database).differences == []


def test_every_folded_table_is_compared(played: SessionRig) -> None:
    for table in t.FOLDED:
        tamper(played, f"DELETE FROM {table.name}")
    found = {difference.table for difference in audit.rebuild(played.database, replace=True).differences}
    assert found >= {
        "accounts",
        "orders",
        "fills",
        "positions",
        "lots",
        "postings",
        "valuations",
        "market_sessions",
    }
    assert audit.rebuild(played.database).differences == []


def test_tables_are_replaced_while_two_processes_write() -> None:
    with postgres_url() as url:
        rigs = [Rig(Database(url)), Rig(Database(url))]
        accounts = [rig.open() for rig in rigs]
        placed: set[UUID] = set()
        stop = Event()

        def write(rig: Rig, account_id: UUID) -> None:
            while not stop.is_set():
                order_id = rig.place(account_id, qty="1")
                placed.add(order_id)
                rig.do(account_id, CancelOrder(order_id))

        with ThreadPoolExecutor() as pool:
            running = [pool.submit(write, *both) for both in zip(rigs, accounts, strict=True)]
            with rigs[0].database.outside() as connection:
                connection.execute(sa.text("UPDATE accounts SET name = 'forged'"))
            try:
                found = audit.rebuild(rigs[0].database, replace=True).differences
            finally:
                stop.set()
            for one in running:
                one.result()
        assert "accounts" in {one.table for one in found}
        assert audit.rebuild(rigs[0].database).differences == []
        with rigs[0].database.read() as connection:
            assert set(connection.execute(sa.select(t.orders.c.id)).scalars()) == placed
        assert len(placed) > 2
        for rig in rigs:
            rig.close()
