"""An order that an assigned strategy placed names it and its code: to the API, the audit and a rebuild."""

import hashlib
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from api.live import Live, opened
from traderbot.cli.main import app
from traderbot.infra.events.archiving import archive, remove
from traderbot.infra.migrations import configuration, migrate
from traderbot.trading import audit
from traderbot.trading import tables as t
from traderbot.trading.assignments import Assigned
from traderbot.trading.why import explain_order

pytestmark = pytest.mark.integration

MINE = """
from decimal import Decimal

from traderbot.strategies.base import Strategy
from traderbot.strategies.parameters import Whole


class Mine(Strategy):
    name = "mine"
    shares = Whole(3, least=1, most=99)

    def on_step(self, ctx, bars):
        if not ctx.orders:
            ctx.buy("MSFT", Decimal(self.shares))
"""


def assigned(live: Live, file: Path, account_id: object, **parameters: str) -> str:
    """The strategy of the file trades the account and placed an order; the hash of its file."""
    live.platform.trade_by(Assigned(account_id, "mine", str(file), parameters))
    live.platform.session.call_followers()
    live.step()
    live.platform.session.call_followers()
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_order_of_ones_own_file_names_the_file_and_its_code(tmp_path: Path) -> None:
    file, home = tmp_path / "mine.py", tmp_path / "home"
    file.write_text(MINE)
    with opened(home) as live, live.person() as ada:
        by_hand = ada.order()
        assert by_hand["strategy"] is None
        code = assigned(live, file, ada.user.account_id, shares="7")
        order = next(one for one in ada.get("/orders")["items"] if one["id"] != by_hand["id"])
        assert (order["strategy"], order["signal_id"], order["qty"]) == ("mine", None, "7")
        story = ada.get(f"/why/{order['id']}")
        placer = story["strategy"]
        assert (placer["name"], placer["source"], placer["sha256"]) == ("mine", str(file), code)
        assert placer["parameters"] == {"shares": "7"}
        assert placer["assigned_at"] is not None
        assert ada.get(f"/why/{by_hand['id']}")["strategy"] is None
        told = CliRunner().invoke(app, ["audit", "why", order["id"], "--home", str(home)])
        assert f"placed by the strategy mine from {file}, code sha256 {code}, shares=7" in told.output
        assert audit.rebuild(live.platform.database).differences == []


def test_the_code_is_that_of_the_time_also_from_an_archive(tmp_path: Path) -> None:
    file, home = tmp_path / "mine.py", tmp_path / "home"
    file.write_text(MINE)
    with opened(home) as live, live.person() as ada:
        database, account_id = live.platform.database, ada.user.account_id
        assert account_id is not None
        code = assigned(live, file, account_id)
        file.write_text(MINE + "# another\n")
        assert assigned(live, file, account_id) != code
        (first,) = [one for one in ada.get("/orders")["items"] if one["strategy"] == "mine"][-1:]
        last = ada.events()[-1]["position"]
        archive(database, home, last, live.platform.clock.now(), lambda connection, found: None)
        assert remove(database)
        with database.read() as connection:
            placer = explain_order(connection, account_id, UUID(first["id"])).strategy
        assert placer is not None
        assert placer.sha256 == code


def test_orders_from_before_the_column_are_named_by_the_migration(tmp_path: Path) -> None:
    from alembic import command

    file = tmp_path / "mine.py"
    file.write_text(MINE)
    with opened(tmp_path / "home") as live, live.person() as ada:
        ada.order()
        assigned(live, file, ada.user.account_id)
        database = live.platform.database
        named = sa.select(t.orders.c.id, t.orders.c.strategy).order_by(t.orders.c.id)
        with database.read() as connection:
            before = connection.execute(named).all()
        assert {row.strategy for row in before} == {None, "mine"}
        with database.write() as connection:
            command.downgrade(configuration(connection), "0014")
        migrate(database)
        with database.read() as connection:
            assert connection.execute(named).all() == before
