"""Orders and the one table of their legal changes of status."""

from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import msgspec

from traderbot.model.amounts import Money, Price, Quantity
from traderbot.model.errors import IllegalTransition
from traderbot.model.symbols import Symbol


class Word(StrEnum):
    """A closed list of words, hashed as strings: Enum's own hash is a Python function, too slow for every
    fill.
    """

    __hash__ = str.__hash__


class Side(Word):
    BUY = "buy"
    SELL = "sell"


class OrderType(Word):
    MARKET = "market"
    LIMIT = "limit"


class TimeInForce(Word):
    DAY = "day"
    GTC = "gtc"


class OrderStatus(Word):
    ACCEPTED = "accepted"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REPLACED = "replaced"


_AFTER_OPEN = frozenset(OrderStatus) - {OrderStatus.ACCEPTED}

TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.ACCEPTED: _AFTER_OPEN,
    OrderStatus.PARTIALLY_FILLED: _AFTER_OPEN,  # to itself: one more execution
    OrderStatus.FILLED: frozenset(),
    OrderStatus.CANCELED: frozenset(),
    OrderStatus.EXPIRED: frozenset(),
    OrderStatus.REPLACED: frozenset(),
}

OPEN = frozenset(status for status, following in TRANSITIONS.items() if following)


class Order(msgspec.Struct):
    """An order as an account holds it while it is open.

    price_max: the highest price its hold covers: the limit, or the collar price of a market order.
    hold: cash set aside for what is left of a buy at price_max with fees; 0 for a sell.
    filled_value: sum of the notionals of its executions.
    expires_at: close of the session a day order lives for, microseconds; None for good till canceled.
    """

    id: UUID
    symbol: Symbol
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    qty: Quantity
    limit_price: Price | None
    price_max: Price
    fee_rate: Decimal
    hold: Money
    placed_at: int
    expires_at: int | None
    client_order_id: str
    status: OrderStatus = OrderStatus.ACCEPTED
    filled_qty: Decimal = Decimal(0)
    filled_value: Decimal = Decimal(0)

    @property
    def remaining(self) -> Quantity:
        return Quantity(self.qty - self.filled_qty)

    def become(self, status: OrderStatus) -> None:
        """Change status as the table allows. Errors: IllegalTransition."""
        if status not in TRANSITIONS[self.status]:
            raise IllegalTransition(f"order {self.id}: {self.status} cannot become {status}")
        self.status = status
