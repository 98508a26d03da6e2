"""The chain of an order, for every way it can end."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from traderbot.infra.ids import new_id
from traderbot.model import commands as c
from traderbot.model.errors import NotFound
from traderbot.model.events import SignalRaised
from traderbot.model.orders import OrderClass, OrderType, Side, TimeInForce
from traderbot.simulation.broker import SimulatedBroker
from traderbot.simulation.costs import Costs
from traderbot.trading.reports import report_work
from traderbot.trading.streams import account_stream
from traderbot.trading.why import Explanation, explain_order
from traderbot.trading.work import Work
from trading.session_rig import AAA, SPLIT_STEP, SessionRig

pytestmark = pytest.mark.integration

D = Decimal


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SessionRig]:
    rig = SessionRig(tmp_path)
    yield rig
    rig.close()


def order(
    side: Side = Side.BUY,
    qty: str = "10",
    limit: str | None = None,
    gtc: bool = False,
    signal: UUID | None = None,
) -> c.PlaceOrder:
    return c.PlaceOrder(
        new_id(), AAA, side, D(qty), OrderType.MARKET if limit is None else OrderType.LIMIT,
        TimeInForce.GTC if gtc else TimeInForce.DAY, None if limit is None else D(limit), signal_id=signal,
    )  # fmt: skip


def why(rig: SessionRig, account_id: UUID, order_id: UUID) -> Explanation:
    return rig.read(lambda connection: explain_order(connection, account_id, order_id))


def titles(found: Explanation) -> list[str]:
    return [link.title.partition(":")[0].split(" at ")[0] for link in found.chain]


def test_filled_with_a_signal(small: SessionRig) -> None:
    account_id = small.join()
    signal_id = new_id()
    command = order(signal=signal_id)
    raised = SignalRaised(
        small.loop.market.time, signal_id, account_id, "test", AAA, "buy", 0.6, 0.2, 0.1, command.order_id,
        {"summary": "AAA looks well."},
    )  # fmt: skip
    small.path.submit(Work([(account_id, command)], facts=[(account_stream(account_id), raised)]))
    small.play()
    found = why(small, account_id, command.order_id)
    assert found.signal is not None
    assert [link.type for link in found.chain] == ["SignalRaised", "OrderPlaced", "OrderFilled"]
    assert found.chain[0].detail == "AAA looks well."
    assert "holds 1,100." in found.chain[1].detail
    assert found.chain[2].title == "Filled 10 at 100.5"
    assert found.chain[2].actor.startswith("session:")
    assert [link.position for link in found.chain] == sorted(link.position for link in found.chain)


def test_sold_at_a_gain(small: SessionRig) -> None:
    account_id = small.join()
    small.ask(account_id, order())
    small.play(3)
    sale = order(Side.SELL, "4")
    small.ask(account_id, sale)
    small.play()
    link = why(small, account_id, sale.order_id).chain[-1]
    assert "Realised 12.00 before fees." in link.detail
    assert "holds 6 AAA" in link.detail


def test_filled_in_parts(small: SessionRig) -> None:
    account_id = small.join()
    small.loop._broker = SimulatedBroker(Costs(D(0), D(0), D("0.000006")))  # six shares of a bar
    command = order(limit="120", gtc=True)
    small.ask(account_id, command)
    small.play(2)
    found = why(small, account_id, command.order_id)
    assert [link.title for link in found.chain[1:]] == [
        "Filled 6 at 100.5 (6 in all)",
        "Filled 4 at 101.5 (10 in all)",
    ]


def test_expired(small: SessionRig) -> None:
    account_id = small.join()
    command = order(limit="60")
    small.ask(account_id, command)
    small.play()
    found = why(small, account_id, command.order_id)
    assert titles(found) == ["Approved", "Expired"]
    assert found.order.status == "expired"


def test_cancelled(small: SessionRig) -> None:
    account_id = small.join()
    command = order(limit="60", gtc=True)
    small.ask(account_id, command)
    small.play()
    small.ask(account_id, c.CancelOrder(command.order_id))
    assert titles(why(small, account_id, command.order_id)) == ["Approved", "Cancelled"]


def test_replaced_tells_both_orders(small: SessionRig) -> None:
    account_id = small.join()
    command, successor = order(limit="60", gtc=True), new_id()
    small.ask(account_id, command)
    small.ask(account_id, c.ReplaceOrder(command.order_id, successor, limit_price=D(61)))
    old, new = why(small, account_id, command.order_id), why(small, account_id, successor)
    assert titles(old) == ["Approved", "Replaced"]
    assert str(successor) in old.chain[-1].detail
    assert titles(new) == ["Approved"]
    assert str(command.order_id) in new.chain[0].detail


def test_adjusted_by_a_split_then_expired_with_the_rest_of_the_story(small: SessionRig) -> None:
    account_id = small.join()
    command = order(limit="60", gtc=True)
    small.ask(account_id, command)
    small.play(SPLIT_STEP)
    found = why(small, account_id, command.order_id)
    assert titles(found) == ["Approved", "Adjusted for a split"]
    assert found.chain[-1].detail == "2 new shares for 1 of AAA."


def test_refused(small: SessionRig) -> None:
    account_id = small.join("100")
    command = order()
    small.path.submit(Work([(account_id, command)]))
    found = why(small, account_id, command.order_id)
    assert found.order.status == "refused"
    assert found.order.reason == "insufficient_buying_power"
    assert titles(found) == ["Refused"]
    assert "available 100.00" in found.chain[0].detail


def test_an_ending_beyond_ten_thousand_other_events_is_told(small: SessionRig) -> None:
    """A cap on the events read would cut the ending off an order that waited for long."""
    account_id = small.join()
    command = order(limit="60", gtc=True)
    small.ask(account_id, command)
    stream = account_stream(account_id)
    other = SignalRaised(1, new_id(), account_id, "test", AAA, "hold", None, None, None, None, {})
    facts = [(stream, msgspec.structs.replace(other, signal_id=new_id())) for _ in range(10_050)]
    small.path.submit(Work(facts=list(facts)))
    small.ask(account_id, c.CancelOrder(command.order_id))
    assert titles(why(small, account_id, command.order_id)) == ["Approved", "Cancelled"]


def test_an_entry_and_its_exits_each_tell_their_part(small: SessionRig) -> None:
    account_id = small.join()
    gain, loss = c.TakeProfit(new_id(), D(103)), c.StopLoss(new_id(), D(90))
    entry = c.PlaceOrder(
        new_id(), AAA, Side.BUY, D(10), time_in_force=TimeInForce.GTC, order_class=OrderClass.BRACKET,
        take_profit=gain, stop_loss=loss,
    )  # fmt: skip
    small.ask(account_id, entry)
    small.play(4)
    assert titles(why(small, account_id, gain.order_id)) == ["Approved", "Activated for 10", "Filled 10"]
    found = why(small, account_id, loss.order_id)
    assert titles(found) == ["Approved", "Activated for 10", "Cancelled"]
    assert "It is the stop loss of order" in found.chain[0].detail
    assert "once the market reaches 90" in found.chain[0].title


def test_a_trailing_stop_tells_where_it_went_and_when_it_woke(small: SessionRig) -> None:
    account_id = small.join()
    small.ask(account_id, order())
    small.play()
    command = c.PlaceOrder(
        new_id(), AAA, Side.SELL, D(10), OrderType.TRAILING_STOP, TimeInForce.GTC, trail_price=D("1.5")
    )
    small.ask(account_id, command)
    small.play(2)
    said = titles(why(small, account_id, command.order_id))
    assert said[0] == "Approved"
    assert any(title.startswith("Stop moved to") for title in said)


def test_what_a_broker_reported_afterwards_belongs_to_the_story(small: SessionRig) -> None:
    account_id = small.join()
    command = order(limit="60", gtc=True)
    small.ask(account_id, command)
    small.ask(account_id, c.CancelOrder(command.order_id))
    small.play(2)
    raw = {"kind": "fill", "order_id": str(command.order_id), "qty": "10", "price": "59", "execution_id": "x"}
    small.path.submit(report_work(account_id, raw | {"time": str(small.loop.market.time)}))
    small.path.submit(report_work(account_id, {"kind": "bust", "execution_id": "x"}))
    found = why(small, account_id, command.order_id)
    assert titles(found) == ["Approved", "Cancelled", "Filled 10", "Execution of 10"]
    assert "after the order was closed" in found.chain[2].detail


def test_another_accounts_order_is_not_there(small: SessionRig) -> None:
    mine, theirs = small.join(), small.join()
    command = order()
    small.ask(theirs, command)
    with pytest.raises(NotFound):
        why(small, mine, command.order_id)
    with pytest.raises(NotFound):
        why(small, mine, new_id())
