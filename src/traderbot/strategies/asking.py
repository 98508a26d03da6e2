"""What a strategy can ask for, and in which order it is decided."""

from decimal import Decimal
from typing import TypedDict

from traderbot.model.commands import CancelOrder, PlaceOrder, ReplaceOrder
from traderbot.model.orders import Side

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
