"""What can be asked of an account, in the imperative.

Ids are made by whoever asks, so that deciding stays pure.

A command that makes no sense for any account cannot be made: InvalidValue.
"""

from decimal import Decimal
from uuid import UUID

import msgspec

from traderbot.model.actions import CorporateAction
from traderbot.model.amounts import Money, Price, Quantity, fraction, money
from traderbot.model.errors import InvalidValue
from traderbot.model.orders import OrderType, Side, TimeInForce
from traderbot.model.reasons import Reason
from traderbot.model.symbols import Symbol

_DISTANCE_MAX = Decimal(10)


def _positive(field: str, amount: Decimal) -> None:
    if not amount > 0:
        raise InvalidValue(field, "more than zero", amount)


class OpenAccount(msgspec.Struct, frozen=True):
    account_id: UUID
    user_id: UUID
    session_id: UUID
    currency: str


class DepositCash(msgspec.Struct, frozen=True):
    amount: Money

    def __post_init__(self) -> None:
        _positive("amount", self.amount)


class PlaceOrder(msgspec.Struct, frozen=True):
    order_id: UUID
    symbol: Symbol
    side: Side
    qty: Quantity
    type: OrderType = OrderType.MARKET
    time_in_force: TimeInForce = TimeInForce.DAY
    limit_price: Price | None = None
    client_order_id: str = ""  # the order's id where the caller names none
    signal_id: UUID | None = None

    def __post_init__(self) -> None:
        _positive("qty", self.qty)
        if self.limit_price is not None:
            _positive("limit_price", self.limit_price)
        if (self.limit_price is None) is (self.type is OrderType.LIMIT):
            raise InvalidValue(
                "limit_price", "a price for a limit order, none for a market order", self.limit_price
            )


class ReplaceOrder(msgspec.Struct, frozen=True):
    """Cancel what is left of an open order and place a new one, in one decision. None keeps the old value.

    qty: the new total, what was filled before included.
    """

    order_id: UUID
    new_order_id: UUID
    qty: Quantity | None = None
    limit_price: Price | None = None
    client_order_id: str = ""

    def __post_init__(self) -> None:
        if self.qty is not None:
            _positive("qty", self.qty)
        if self.limit_price is not None:
            _positive("limit_price", self.limit_price)


class CancelOrder(msgspec.Struct, frozen=True):
    order_id: UUID
    reason: Reason = Reason.CANCELED_BY_USER


class ExpireOrder(msgspec.Struct, frozen=True):
    order_id: UUID


class RecordExecution(msgspec.Struct, frozen=True):
    """A broker's report of one execution. priced_at: time of the bar or quote whose price it used."""

    order_id: UUID
    execution_id: UUID
    qty: Quantity
    price: Price
    fee: Money
    priced_at: int

    def __post_init__(self) -> None:
        _positive("qty", self.qty)
        _positive("price", self.price)
        if self.fee < 0:
            raise InvalidValue("fee", "nothing or more", self.fee)


class ApplyCorporateAction(msgspec.Struct, frozen=True):
    action: CorporateAction


class RevaluePortfolio(msgspec.Struct, frozen=True):
    """Record cash, market value and equity at the close of a session's step."""

    step: int


class PauseTrading(msgspec.Struct, frozen=True):
    detail: str


class ResumeTrading(msgspec.Struct, frozen=True):
    pass


Command = (
    OpenAccount
    | DepositCash
    | PlaceOrder
    | ReplaceOrder
    | CancelOrder
    | ExpireOrder
    | RecordExecution
    | ApplyCorporateAction
    | RevaluePortfolio
    | PauseTrading
    | ResumeTrading
)


class Rules(msgspec.Struct, frozen=True):
    """The limits and halts in force: one versioned row, read in the transaction that decides.

    collar: how far above its mark a market buy may fill; max_limit_distance: how far a limit price may lie
    from the mark; both fractions. fee_rate: worst-case fee as a fraction of value. stale_after: age in
    microseconds above which a mark is refused. Errors: InvalidValue.
    """

    version: int = 1
    max_order_value: Decimal = Decimal(1_000_000)
    collar: Decimal = Decimal("0.10")
    max_limit_distance: Decimal = Decimal("0.50")
    fee_rate: Decimal = Decimal("0.0001")
    stale_after: int = 7 * 86_400_000_000
    halted: str | None = None
    halted_symbols: frozenset[Symbol] = frozenset()

    def __post_init__(self) -> None:
        money(self.max_order_value, "max_order_value")
        _positive("max_order_value", self.max_order_value)
        fraction(self.collar, "collar")
        fraction(self.max_limit_distance, "max_limit_distance", _DISTANCE_MAX)
        fraction(self.fee_rate, "fee_rate")
        if self.stale_after < 0:
            raise InvalidValue("stale_after", "microseconds, none below 0", self.stale_after)
