"""Each of the product's queries is answered along an index."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from plans.plans import SMALL, Recorder, whole_reads
from plans.queries import INDEX_FOR, QUERIES, World
from servers import KINDS, database_url
from traderbot.infra.events.journal import events
from traderbot.infra.ids import new_id
from traderbot.infra.storage.database import Database, metadata
from traderbot.model import commands as c
from traderbot.trading import tables as t
from trading.session_rig import SessionRig
from trading.test_session_loop import buy

pytestmark = pytest.mark.integration


class Stand:
    """A small history, and a recorder of how it is read."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.recorder = Recorder(self.database)
        self.rig = SessionRig(self.database)
        user_id = new_id()
        mine, others = self.rig.join(user_id=user_id), (self.rig.join(), self.rig.join())
        first = buy(qty="11")
        self.rig.ask(mine, first)
        named = buy()
        self.rig.ask(
            mine, c.PlaceOrder(new_id(), named.symbol, named.side, named.qty, client_order_id="named")
        )
        self.rig.play(3)
        self.rig.ask(mine, buy(limit="60", gtc=True))
        with self.database.write() as connection:
            grouped = sa.update(t.orders).where(t.orders.c.id == first.order_id)
            connection.execute(grouped.values(group_id=first.order_id, leg="entry", order_class="bracket"))
            execution = connection.execute(sa.select(t.fills.c.execution_id)).scalars().first()
            at = connection.execute(sa.select(sa.func.min(events.c.recorded_at))).scalar_one()
        assert execution is not None
        self.world = World(
            mine, others, user_id, self.rig.session_id, first.order_id, execution, 4, 5, at
        )  # fmt: skip


@pytest.fixture(scope="module", params=KINDS)
def stand(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder: Path = tmp_path_factory.mktemp("plans")
    with database_url(request.param, folder) as url:
        shown = sa.make_url(url)
        if request.param == "postgresql":
            shown = shown.update_query_dict({"options": SMALL})
        stand = Stand(shown.render_as_string(hide_password=False))
        yield stand
        stand.rig.close()


def check(stand: Stand, plans: list[object]) -> None:
    assert plans, "nothing was recorded"
    found = {
        plan.statement: whole_reads(plan, postgres=stand.database.shared)  # type: ignore[attr-defined]
        for plan in plans
    }
    assert {statement: tables for statement, tables in found.items() if tables} == {}


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_reads_no_growing_table_from_end_to_end(stand: Stand, name: str) -> None:
    with stand.recorder.recording() as plans, stand.database.read() as connection:
        QUERIES[name](connection, stand.world)
    check(stand, list(plans))


def test_nor_does_what_is_written(stand: Stand) -> None:
    """A step of a session with orders placed, filled, named and taken back, and an account read afresh."""
    stand.rig.restart()
    with stand.recorder.recording() as plans:
        stand.rig.ask(stand.world.account_id, buy(qty="7"))
        stand.rig.play(2)
    assert any("UPDATE" in plan.statement for plan in plans)
    check(stand, list(plans))


def test_a_query_without_an_index_is_found(stand: Stand) -> None:
    with stand.recorder.recording() as plans, stand.database.read() as connection:
        connection.execute(sa.select(t.orders).where(t.orders.c.symbol == "AAA")).all()
    assert [whole_reads(plan, postgres=stand.database.shared) for plan in plans] != [[]]


def test_every_index_is_for_something() -> None:
    """One that is not in the list costs every write and serves nobody."""
    assert {index.name for table in metadata.tables.values() for index in table.indexes} == INDEX_FOR.keys()
