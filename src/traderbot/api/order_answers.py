"""Orders as they travel, without a model in between: these answers are the most asked for."""

from typing import Any

import msgspec
from starlette.responses import Response

from traderbot.api.access import REPLAYED, Refused
from traderbot.api.schemas_common import decimal_text, time_text
from traderbot.model.events import OrderPlaced
from traderbot.trading.views import OrderView, placed_view, placed_views
from traderbot.trading.work import Outcome

_encode = msgspec.json.Encoder().encode


def order_content(order: OrderView) -> dict[str, Any]:
    """The fields of OrderOut."""
    return {
        "id": str(order.id),
        "client_order_id": order.client_order_id,
        "symbol": order.symbol,
        "side": order.side,
        "type": order.type,
        "time_in_force": order.time_in_force,
        "qty": None if order.qty is None else decimal_text(order.qty),
        "notional": None if order.notional is None else decimal_text(order.notional),
        "limit_price": None if order.limit_price is None else decimal_text(order.limit_price),
        "stop_price": None if order.stop_price is None else decimal_text(order.stop_price),
        "trail_price": None if order.trail_price is None else decimal_text(order.trail_price),
        "trail_percent": None if order.trail_percent is None else decimal_text(order.trail_percent),
        "hwm": None if order.hwm is None else decimal_text(order.hwm),
        "triggered_at": None if order.triggered_at is None else time_text(order.triggered_at),
        "extended_hours": order.extended_hours,
        "lots": order.lots,
        "order_class": order.order_class,
        "leg": order.leg,
        "group_id": None if order.group_id is None else str(order.group_id),
        "status": order.status,
        "filled_qty": decimal_text(order.filled_qty),
        "filled_avg_price": None if order.filled_avg_price is None else decimal_text(order.filled_avg_price),
        "hold": decimal_text(order.hold),
        "fees": decimal_text(order.fees),
        "placed_at": time_text(order.placed_at),
        "updated_at": time_text(order.updated_at),
        "expires_at": None if order.expires_at is None else time_text(order.expires_at),
        "replaces": None if order.replaces is None else str(order.replaces),
        "replaced_by": None if order.replaced_by is None else str(order.replaced_by),
        "signal_id": None if order.signal_id is None else str(order.signal_id),
        "strategy": order.strategy,
        "reason": order.reason,
        "legs": [order_content(leg) for leg in order.legs] if order.legs else None,
    }


def placed_content(outcome: Outcome) -> dict[str, Any]:
    """The order as it was placed, however late it is asked again, with its legs. Errors: Refused."""
    if outcome.refusal is not None:
        raise Refused(outcome.refusal, replayed=outcome.replayed)
    placed = [event for event in outcome.events if isinstance(event, OrderPlaced)]
    if len(placed) > 1:
        return order_content(placed_views(placed)[0])
    return order_content(placed_view(placed[0]))  # may be a leg that takes another's place


def as_json(content: Any, status: int = 200, replayed: bool = False) -> Response:
    """Content as an answer."""
    return Response(
        _encode(content),
        status_code=status,
        headers=REPLAYED if replayed else None,
        media_type="application/json",
    )


def answer(outcome: Outcome, status: int = 200) -> Response:
    """The order that an outcome placed. Errors: Refused."""
    return as_json(placed_content(outcome), status, outcome.replayed)
