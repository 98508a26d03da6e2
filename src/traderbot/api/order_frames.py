"""Frames of the websocket about orders and signals: each event with the order as it was just after it."""

from typing import Any
from uuid import UUID

import msgspec

from traderbot.api.order_answers import order_content
from traderbot.api.order_schemas import FillOut
from traderbot.api.trading_schemas import SignalOut
from traderbot.infra.events.journal import Recorded
from traderbot.model import events as e
from traderbot.model.amounts import ZERO
from traderbot.model.rounding import average_price
from traderbot.trading.assignments import strategy_of
from traderbot.trading.views import OrderView, placed_view

ORDER_EVENTS = tuple(
    kind.__name__
    for kind in (
        e.OrderPlaced,
        e.OrderRefused,
        e.OrderFilled,
        e.OrderFilledLate,
        e.ExecutionBusted,
        e.OrderAccepted,
        e.OrderRejected,
        e.OrderOutcomeUnknown,
        e.OrderTriggered,
        e.TrailingMarkMoved,
        e.LegActivated,
        e.LegResized,
        e.OrderCancelled,
        e.OrderExpired,
        e.OrderReplaced,
    )
)


def event_frame(entry: Recorded, orders: dict[UUID, OrderView]) -> dict[str, Any]:
    """The frame of an event. orders: those it may name, as they are now."""
    event: Any = entry.event
    if isinstance(event, e.SignalRaised):
        fields = {name: getattr(event, name) for name in SignalOut.model_fields if hasattr(event, name)}
        signal = SignalOut.model_validate(fields | {"id": event.signal_id, "at": event.at})
        return {"type": "signal", "position": entry.position, "data": signal.model_dump(mode="json")}
    order = order_after(event, orders.get(event.order_id), strategy_of(entry.meta.actor))
    frame: dict[str, Any] = {
        "type": "order",
        "position": entry.position,
        "event": type(event).__name__,
        "order": None if order is None else order_content(order),
        "execution": None,
    }
    if isinstance(event, e.Execution):
        fill = FillOut.model_validate(event).model_copy(update={"late": isinstance(event, e.OrderFilledLate)})
        frame["execution"] = fill.model_dump(mode="json")
    elif isinstance(event, e.OrderRefused):
        frame["refusal"] = {
            "order_id": str(event.order_id),
            "reason": event.reason.value,
            "detail": event.detail,
        }
    return frame


def order_after(event: Any, now: OrderView | None, strategy: str | None = None) -> OrderView | None:
    """The order just after its event, from the event and the order as it is now; None for a refused one.
    strategy: whose event it is, if it is one's.

    What ends an order is its last change, so that the order as it is now is right. After a split, shares and
    limit of an earlier fill's order are those of today.
    """
    if isinstance(event, e.OrderPlaced):
        return placed_view(event, strategy=strategy)
    if now is None or isinstance(event, e.OrderRefused):
        return None
    change = _after(event, now)
    return now if change is None else msgspec.structs.replace(now, **change)


def _after(event: Any, now: OrderView) -> dict[str, Any] | None:
    """What was otherwise just after the event than it is now; None where nothing can have been."""
    if isinstance(event, e.OrderFilled):
        return _unended(event) | _filled(event) | {"status": event.status.value, "hold": event.hold}
    if isinstance(event, e.OrderFilledLate | e.ExecutionBusted):
        return _filled(event)
    if isinstance(event, e.OrderOutcomeUnknown):
        return _untouched(event) | {"status": "unknown"}
    if isinstance(event, e.OrderAccepted):
        return _untouched(event) | {"status": "new"}
    if isinstance(event, e.TrailingMarkMoved):
        moved = {"hwm": event.hwm, "stop_price": event.stop_price, "triggered_at": None, "status": "new"}
        return _untouched(event) | moved
    if isinstance(event, e.OrderTriggered):
        return _untouched(event) | {"status": "new", "triggered_at": event.at}
    if isinstance(event, e.LegActivated):
        return _untouched(event) | {"status": "new", "qty": event.qty, "triggered_at": None}
    if isinstance(event, e.LegResized):
        return {"qty": event.qty, "updated_at": event.at}
    return None


def _unended(event: Any) -> dict[str, Any]:
    return {"updated_at": event.at, "replaced_by": None, "reason": None}


def _untouched(event: Any) -> dict[str, Any]:
    """Of an order that no execution can have met yet."""
    return _unended(event) | {"filled_qty": ZERO, "filled_avg_price": None, "fees": ZERO}


def _filled(event: Any) -> dict[str, Any]:
    average = average_price(event.filled_value, event.filled_qty) if event.filled_qty else None
    return {"filled_qty": event.filled_qty, "filled_avg_price": average}
