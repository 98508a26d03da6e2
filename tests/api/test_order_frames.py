"""The order just after an event, told from the event and the order as it is by now."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from traderbot.api.order_frames import ORDER_EVENTS, order_after
from traderbot.model import events as e
from traderbot.model.amounts import Price, Quantity
from traderbot.trading.views import OrderView

pytestmark = pytest.mark.unit

ID = UUID(int=1)
NOW = OrderView(
    id=ID,
    client_order_id="mine",
    symbol="MSFT",
    side="sell",
    type="trailing_stop",
    time_in_force="gtc",
    qty=Decimal(10),
    limit_price=None,
    status="filled",
    filled_qty=Decimal(10),
    filled_avg_price=Price(Decimal(25)),
    hold=Decimal(0),
    placed_at=1,
    updated_at=9,
    expires_at=None,
    replaces=None,
    replaced_by=None,
    signal_id=None,
    reason=None,
    stop_price=Decimal(26),
    trail_percent=Decimal(5),
    hwm=Decimal(28),
    triggered_at=8,
    fees=Decimal(1),
)


def after(event: e.Event) -> dict[str, Any]:
    """What the frame has otherwise than the order as it is now."""
    order = order_after(event, NOW)
    assert order is not None
    return {
        name: getattr(order, name)
        for name in OrderView.__struct_fields__
        if getattr(order, name) != getattr(NOW, name)
    }


UNTOUCHED = {"filled_qty": 0, "filled_avg_price": None, "fees": 0, "updated_at": 5}


@pytest.mark.parametrize(
    ("event", "change"),
    [
        (
            e.TrailingMarkMoved(5, ID, Price(Decimal(27)), Price(Decimal("25.65"))),
            {"hwm": 27, "stop_price": Decimal("25.65"), "triggered_at": None, "status": "new"},
        ),
        (e.OrderTriggered(5, ID, Price(Decimal(25))), {"status": "new", "triggered_at": 5}),
        (e.OrderAccepted(5, ID), {"status": "new"}),
        (e.OrderOutcomeUnknown(5, ID), {"status": "unknown"}),
        (
            e.LegActivated(5, ID, Quantity(Decimal(7))),
            {"status": "new", "qty": 7, "triggered_at": None},
        ),
    ],
    ids=lambda part: type(part).__name__,
)
def test_before_its_executions_an_order_has_none(event: e.Event, change: dict[str, Any]) -> None:
    assert after(event) == UNTOUCHED | change


def test_a_smaller_leg_and_an_end_leave_the_rest() -> None:
    assert after(e.LegResized(5, ID, Quantity(Decimal(4)))) == {"qty": 4, "updated_at": 5}
    assert after(e.OrderExpired(9, ID)) == {}


def test_an_order_that_is_not_known_has_no_frame_of_its_own() -> None:
    assert order_after(e.OrderExpired(9, ID), None) is None


def test_every_event_that_names_an_order_is_told() -> None:
    silent = {"SignalRaised"}
    naming = {
        name
        for name, kind in e.EVENT_TYPES.items()
        if "order_id" in {field.name for field in msgspec.structs.fields(kind)}
    }
    assert set(ORDER_EVENTS) == naming - silent
