"""A home of the first version, with rows in it, becomes what today's fold of its journal says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from servers import KINDS, database_url
from traderbot.infra import migrations
from traderbot.infra.events.journal import events, stream_heads
from traderbot.infra.ids import new_id
from traderbot.infra.migrations import migrate
from traderbot.infra.storage.database import Database
from traderbot.model import commands as c
from traderbot.model.orders import Side
from traderbot.trading import audit
from traderbot.trading import tables as t
from trading.session_rig import SPLIT_STEP, SessionRig
from trading.test_session_loop import buy

pytestmark = pytest.mark.integration


@pytest.fixture(params=KINDS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database as the first version left it: with its columns, its statuses and its names."""
    (tmp_path / "new").mkdir()
    rig = SessionRig(tmp_path / "new")
    trade(rig)
    with database_url(request.param, tmp_path, empty=True) as url:
        database = Database(url)
        with database.write() as connection:
            config = Config()
            config.set_main_option("script_location", str(Path(migrations.__file__).parent))
            config.attributes["connection"] = connection
            command.upgrade(config, "0001")
            with rig.database.read() as source:
                for table in (events, stream_heads, *t.FOLDED):
                    if table is not t.activities:
                        copy(source, connection, table)
        yield database
        database.close()
    rig.close()


def trade(rig: SessionRig) -> None:
    mine, theirs = rig.join(), rig.join("50000")
    named = buy(qty="11")
    rig.ask(mine, named)
    rig.ask(theirs, c.PlaceOrder(new_id(), named.symbol, Side.BUY, named.qty, client_order_id="mine"))
    rig.ask(mine, buy(limit="60", gtc=True))
    rig.play(SPLIT_STEP + 10)
    for account_id in (mine, theirs):
        rig.ask(account_id, buy(limit="60", gtc=True))
    rig.path.submit(rig.work(theirs, c.PauseTrading("lunch")))


def copy(source: sa.Connection, target: sa.Connection, table: sa.Table) -> None:
    """The rows of a table in the columns and words of the first version."""
    there = {column["name"] for column in sa.inspect(target).get_columns(table.name)}
    rows = [
        {name: value for name, value in row._mapping.items() if name in there}
        for row in source.execute(sa.select(table))
    ]
    if table is t.orders:
        rows = [_as_it_was(row) for row in rows]
    elif table is t.client_order_ids:
        unnamed = source.execute(sa.select(t.orders).where(t.orders.c.client_order_id == ""))
        rows += [
            {"account_id": row.account_id, "client_order_id": str(row.id), "order_id": row.id}
            for row in unnamed
        ]
    if rows:
        target.execute(sa.insert(table), rows)


def _as_it_was(row: dict[str, Any]) -> dict[str, Any]:
    status = "accepted" if row["status"] == "new" else row["status"]
    return row | {"status": status, "client_order_id": row["client_order_id"] or str(row["id"])}


def test_the_upgraded_tables_are_the_fold(old: Database) -> None:
    migrate(old)
    assert audit.rebuild(old).differences == []
    with old.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(t.activities)).scalar_one() >= 5
        statuses = set(connection.execute(sa.select(t.orders.c.status)).scalars())
        assert statuses <= {"new", "filled", "canceled", "expired"}
        assert "new" in statuses
