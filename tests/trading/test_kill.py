"""The kill switch: one unit of work that stops, cancels and closes; what is left is told."""

from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from portfolios.accounts import order
from traderbot.engine.exposure import working
from traderbot.infra.ids import new_id
from traderbot.model import commands as c
from traderbot.model.account import Account, AccountKind
from traderbot.model.amounts import Price, Quantity
from traderbot.model.events import OrderCancelled, OrderPlaced, TradingPaused
from traderbot.model.orders import OrderClass, OrderType, Side, TimeInForce
from traderbot.model.reasons import Reason
from traderbot.model.rules import Limits
from traderbot.trading.accounts import load_account
from traderbot.trading.kill import Flatness, flatness, kill
from trading.session_rig import AAA, BBB, SessionRig

pytestmark = pytest.mark.integration

D = Decimal


def account_of(rig: SessionRig, account_id: UUID) -> Account:
    found = rig.read(lambda connection: load_account(connection, account_id))
    assert isinstance(found, Account)
    return found


def left(rig: SessionRig, account_id: UUID) -> Flatness:
    return flatness(account_of(rig, account_id))


@pytest.fixture
def rig(tmp_path: Path) -> SessionRig:
    return SessionRig(tmp_path)


def test_long_and_short_are_flat_after_the_next_bars(rig: SessionRig) -> None:
    account_id = rig.join(kind=AccountKind.MARGIN)
    order(rig, account_id, AAA, "100")
    order(rig, account_id, BBB, "-20.5")
    rig.play()
    resting = c.PlaceOrder(
        new_id(), AAA, Side.SELL, Quantity(D(60)), OrderType.LIMIT, TimeInForce.GTC, Price(D(140))
    )
    rig.do(account_id, resting)
    outcome = rig.path.submit(kill(account_id, "enough", flatten=True))
    assert not outcome.refusals
    kinds = [type(event) for event in outcome.events]
    assert kinds == [TradingPaused, OrderCancelled, OrderPlaced, OrderPlaced]
    found = left(rig, account_id)
    assert (found.halted, found.flat, found.open_orders) == ("enough", False, 2)
    assert [(one.symbol, one.qty, len(one.closing)) for one in found.positions] == [
        (AAA, 100, 1),
        (BBB, D("-20.5"), 1),
    ]
    refused = rig.do(account_id, c.PlaceOrder(new_id(), AAA, Side.SELL, Quantity(D(1)))).refusal
    assert refused is not None
    assert refused.reason is Reason.ACCOUNT_HALTED
    rig.play()
    assert left(rig, account_id) == Flatness("enough", True, 0, [])
    again = rig.path.submit(kill(account_id, "again", flatten=True))
    assert (again.events, again.refusals) == ([], [])


def test_without_flatten_positions_stay(rig: SessionRig) -> None:
    account_id = rig.join()
    order(rig, account_id, AAA, "10")
    rig.play()
    order(rig, account_id, AAA, "5")
    rig.path.submit(kill(account_id, "enough", flatten=False))
    rig.play(2)
    found = left(rig, account_id)
    assert [(one.symbol, one.qty, one.closing) for one in found.positions] == [(AAA, 10, [])]
    assert found.open_orders == 0
    rig.path.submit(kill(account_id, "now all of it", flatten=True))  # a halted account can still be closed
    rig.play()
    assert left(rig, account_id).flat


def test_limits_that_stop_people_do_not_stop_the_switch(rig: SessionRig) -> None:
    account_id = rig.join()
    order(rig, account_id, AAA, "100")
    rig.play()
    limits = Limits(order_value=D(10), order_qty=D(1), orders_per_day=1, restricted=frozenset({AAA}))
    rig.do(account_id, c.SetLimits(limits))
    assert not rig.path.submit(kill(account_id, "enough", flatten=True)).refusals
    rig.play()
    assert left(rig, account_id).flat


def test_an_order_with_exits_goes_whole(rig: SessionRig) -> None:
    account_id = rig.join()
    bracket = c.PlaceOrder(
        new_id(),
        AAA,
        Side.BUY,
        Quantity(D(10)),
        order_class=OrderClass.BRACKET,
        take_profit=c.TakeProfit(new_id(), Price(D(140))),
        stop_loss=c.StopLoss(new_id(), Price(D(60))),
    )
    assert not rig.do(account_id, bracket).refusals
    rig.play()
    outcome = rig.path.submit(kill(account_id, "enough", flatten=True))
    assert not outcome.refusals
    rig.play()
    assert left(rig, account_id).flat


def test_a_symbol_that_is_halted_is_told(rig: SessionRig) -> None:
    account_id = rig.join()
    order(rig, account_id, AAA, "10")
    rig.play()
    rig.do(account_id, c.PauseTrading("odd prices", AAA))
    outcome = rig.path.submit(kill(account_id, "enough", flatten=True))
    assert [one.reason for one in outcome.refusals] == [Reason.SYMBOL_HALTED]
    assert [one.closing for one in left(rig, account_id).positions] == [[]]


def test_what_would_open_is_no_closing(rig: SessionRig) -> None:
    """The flag alone lets nothing through: an order that enlarges a position meets halt and limits."""
    account_id = rig.join(kind=AccountKind.MARGIN)
    order(rig, account_id, AAA, "10")
    rig.play()
    rig.do(account_id, c.PauseTrading("enough"))
    for side, qty in ((Side.BUY, 1), (Side.SELL, 11)):
        opening = c.PlaceOrder(new_id(), AAA, side, Quantity(D(qty)), closes=True)
        refusal = rig.do(account_id, opening).refusal
        assert refusal is not None
        assert refusal.reason is Reason.ACCOUNT_HALTED
    assert not list(working(account_of(rig, account_id)))
