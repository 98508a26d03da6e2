"""What a strategy can ask for, and in which order it is decided."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypedDict
from uuid import UUID

from traderbot.model.amounts import Price, money, price, quantity
from traderbot.model.commands import CancelOrder, PlaceOrder, ReplaceOrder, StopLoss, TakeProfit
from traderbot.model.errors import InvalidValue
from traderbot.model.orders import OrderClass, OrderType, Side, TimeInForce

Asked = PlaceOrder | ReplaceOrder | CancelOrder


class Terms(TypedDict, total=False):
    """What few orders have. A stop_price makes a stop or, with a limit_price, a stop-limit order; a trail a
    trailing stop (trail_percent: 5 is five percent); notional stands in for a qty of None. take_profit and
    stop_loss are the prices of exits that wait for the order to fill.
    """

    stop_price: Decimal | int | str
    trail_price: Decimal | int | str
    trail_percent: Decimal | int | str
    notional: Decimal | int | str
    take_profit: Decimal | int | str
    stop_loss: Decimal | int | str


def urgency(ask: Asked) -> int:
    """What frees shares and cash comes before what needs them."""
    if isinstance(ask, CancelOrder):
        return 0
    if isinstance(ask, ReplaceOrder):
        return 1
    return 2 if ask.side is Side.SELL else 3


def uncommon(kind: OrderType, terms: Terms, new_id: Callable[[], UUID]) -> dict[str, Any]:
    """The fields of an order that few orders have, and the type that follows. Errors: InvalidValue, also for
    a name that is no term: a misspelt limit would make a market order.
    """
    for name in terms.keys() - Terms.__annotations__.keys():
        raise InvalidValue(name, f"one of {', '.join(Terms.__annotations__)}", terms.get(name))
    found: dict[str, Any] = {
        "stop_price": optional_price(terms.get("stop_price"), "stop_price"),
        "trail_price": optional_price(terms.get("trail_price"), "trail_price"),
    }
    if "trail_percent" in terms:
        found["trail_percent"] = quantity(terms["trail_percent"], "trail_percent")
    if "notional" in terms:
        found["notional"] = money(terms["notional"], "notional")
    if found["trail_price"] is not None or "trail_percent" in found:
        found["type"] = OrderType.TRAILING_STOP
    elif found["stop_price"] is not None:
        found["type"] = OrderType.STOP if kind is OrderType.MARKET else OrderType.STOP_LIMIT
    gain, loss = (
        optional_price(terms.get("take_profit"), "take_profit"),
        optional_price(terms.get("stop_loss"), "stop_loss"),
    )
    if gain is not None:
        found["take_profit"] = TakeProfit(new_id(), gain)
    if loss is not None:
        found["stop_loss"] = StopLoss(new_id(), loss)
    if gain is not None or loss is not None:
        both = gain is not None and loss is not None
        found["order_class"] = OrderClass.BRACKET if both else OrderClass.OTO
    return found


def in_force(value: TimeInForce | str) -> TimeInForce:
    """How long an order lives, of its word. Errors: InvalidValue."""
    try:
        return TimeInForce(value)
    except ValueError:
        raise InvalidValue("time_in_force", f"one of {', '.join(TimeInForce)}", value) from None


def optional_price(value: Decimal | int | str | None, field: str) -> Price | None:
    """Errors: InvalidValue."""
    return None if value is None else price(value, field)
