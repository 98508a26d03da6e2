"""The use of each limit is what the gate measures."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest

from traderbot.infra.ids import new_id
from traderbot.model import commands as c
from traderbot.model.amounts import Price, Quantity
from traderbot.model.errors import NotFound
from traderbot.model.orders import OrderType, Side, TimeInForce
from traderbot.model.rules import Limits, Rules
from traderbot.risk.status import RiskStatus, status, status_of
from traderbot.trading.accounts import load_account
from trading.session_rig import AAA, SessionRig
from trading.test_session_loop import buy

pytestmark = pytest.mark.integration

D = Decimal


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SessionRig]:
    rig = SessionRig(tmp_path)
    yield rig
    rig.close()


def _status(rig: SessionRig, account_id: object, rules: Rules) -> RiskStatus:
    account = rig.read(lambda connection: load_account(connection, account_id))  # type: ignore[arg-type]
    assert account is not None
    return status(account, rig.loop.market, rules)


def test_every_limit_that_is_set_is_shown_with_its_use(small: SessionRig) -> None:
    account_id = small.join()
    small.ask(account_id, buy(qty="10"))
    small.play()
    half = D("0.5")
    limits = Limits(
        order_value=D(5000), order_qty=D(100), position_value=D(10_000), position_qty=D(20), gross=D(2),
        net=D(1), concentration=half, sector=half, daily_loss=half, weekly_loss=half, monthly_loss=half,
        drawdown=half, orders_per_second=5, orders_per_day=50, restricted=frozenset({AAA}), no_shorting=True,
    )  # fmt: skip
    found = _status(small, account_id, Rules(limits=limits))
    by_name = {one.name: one for one in found.limits}
    without_use = {"restricted", "no_shorting", "halt_on_breach"}
    assert by_name.keys() == {"max_order_value"} | set(Limits.__struct_fields__) - without_use
    assert (by_name["position_qty"].used, by_name["position_qty"].room) == (D(10), D(10))
    assert by_name["position_qty"].of == AAA
    assert by_name["concentration"].used == by_name["gross"].used == by_name["net"].used
    assert found.restricted == [AAA]
    assert found.no_shorting


def test_open_orders_count_at_their_worst_and_the_colours_follow(small: SessionRig) -> None:
    account_id = small.join()
    small.ask(account_id, buy(qty="10"))
    small.play()
    mark = small.loop.market.mark(AAA)
    assert mark is not None
    price = Price((mark.price * D("0.9")).quantize(D("0.01")))
    order = c.PlaceOrder(new_id(), AAA, Side.BUY, Quantity(D(6)), OrderType.LIMIT, TimeInForce.GTC, price)
    small.do(account_id, order)
    for limit, colour in ((100, "green"), (20, "amber"), (16, "red")):
        found = _status(small, account_id, Rules(limits=Limits(position_qty=D(limit))))
        use = found.limits[1]
        assert (use.used, use.colour, found.colour) == (D(16), colour, colour)


def test_the_tighter_of_both_limits_counts_and_a_halt_is_red(small: SessionRig) -> None:
    account_id = small.join()
    found = small.read(lambda connection: status_of(connection, account_id, small.loop.market))
    assert found.colour == "green"
    account = small.read(lambda connection: load_account(connection, account_id))
    assert account is not None
    account.limits = Limits(gross=D(1))
    both = status(account, small.loop.market, Rules(limits=Limits(gross=D(3))))
    assert both.limits[1].limit == 1
    halted = status(account, small.loop.market, Rules(halted="maintenance"))
    assert (halted.colour, halted.halted) == ("red", "maintenance")


def test_an_account_that_is_not_there(small: SessionRig) -> None:
    with pytest.raises(NotFound):
        small.read(lambda connection: status_of(connection, uuid4(), small.loop.market))
