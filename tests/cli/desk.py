"""A home in which somebody has traded, and a way to run commands in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from typer.testing import CliRunner

from replay.floor import floor
from traderbot.bootstrap import Platform
from traderbot.cli.main import app
from traderbot.cli.serve import demo_login
from traderbot.model.amounts import Quantity
from traderbot.model.commands import PlaceOrder
from traderbot.model.orders import Side
from traderbot.model.symbols import Symbol
from traderbot.trading.work import Work


def run(home: Path, *words: str, typed: str | None = None) -> Any:
    """`traderbot WORDS` in the home, wide enough for every column."""
    return CliRunner(env={"COLUMNS": "400"}).invoke(app, [*words, "--home", str(home)], input=typed)


def trade(platform: Platform, account_id: UUID, side: Side, qty: int) -> UUID:
    """A market order that the next step fills."""
    order = PlaceOrder(uuid4(), Symbol("MSFT"), side, Quantity(Decimal(qty)))
    outcome = platform.path.submit(Work(commands=[(account_id, order)]))
    assert outcome.refusal is None, outcome.refusal
    platform.session.play(platform.session.replay.step + 1)
    return order.order_id


@contextmanager
def traded(home: Path) -> Iterator[tuple[Platform, UUID, list[UUID]]]:
    """The platform of a home whose demo account bought ten MSFT and sold four; the two orders."""
    with floor(home) as platform:
        _, account_id = demo_login(platform)
        orders = [trade(platform, account_id, Side.BUY, 10), trade(platform, account_id, Side.SELL, 4)]
        yield platform, account_id, orders
