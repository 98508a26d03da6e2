"""What happened, in the past tense: the facts the journal keeps, under stable names.

Amounts an event caused are part of it, so that a fold never has to decide again. Fields at their default are
left out of the stored text, so that a shape can grow without changing old bytes; a default is part of the
stored shape, and never a Decimal (msgspec leaves defaults out by identity). No event holds personal data.
"""

from datetime import date
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

import msgspec

from traderbot.model.actions import ActionKind
from traderbot.model.amounts import Money, Price, Quantity
from traderbot.model.orders import OrderStatus, OrderType, Side, TimeInForce
from traderbot.model.reasons import Reason
from traderbot.model.symbols import Symbol


class Event(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Base of all events; kept from the garbage collector, as none is in a cycle and a run keeps many.

    schema: version of this event's shape.
    """

    schema: ClassVar[int] = 1


class MarketEvent(Event, frozen=True, omit_defaults=True):
    """An event in market time. at: microseconds UTC."""

    at: int


class AccountOpened(MarketEvent, frozen=True, omit_defaults=True):
    account_id: UUID
    user_id: UUID
    session_id: UUID
    currency: str


class CashMoved(MarketEvent, frozen=True, omit_defaults=True):
    """Money into the account (positive) or out of it. kind: deposit."""

    amount: Money
    kind: str


class OrderPlaced(MarketEvent, frozen=True, omit_defaults=True):
    """An order the gate approved.

    mark, mark_at: the price it was decided on. client_order_id: "" stands for the order's id.
    """

    order_id: UUID
    client_order_id: str
    symbol: Symbol
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    qty: Quantity
    limit_price: Price | None
    price_max: Price
    fee_rate: Decimal
    hold: Money
    expires_at: int | None
    mark: Price
    mark_at: int
    rules_version: int
    replaces: UUID | None = None
    signal_id: UUID | None = None


class OrderRefused(MarketEvent, frozen=True, omit_defaults=True):
    order_id: UUID
    client_order_id: str
    symbol: Symbol
    side: Side
    type: OrderType
    qty: Quantity
    limit_price: Price | None
    reason: Reason
    detail: str
    rules_version: int
    signal_id: UUID | None = None


class Relief(msgspec.Struct, frozen=True, gc=False):
    """The part of a lot that a sale used up: its number, shares and cost."""

    lot: int
    qty: Quantity
    cost: Money


class OrderFilled(MarketEvent, frozen=True, omit_defaults=True):
    """One execution.

    filled_qty, filled_value, status, hold: after it, of the order; position_qty: of the symbol.
    lot: number of the lot a buy opened. relief: lots a sale used up, oldest first. realised: gross of fees.
    """

    order_id: UUID
    execution_id: UUID
    symbol: Symbol
    side: Side
    qty: Quantity
    price: Price
    notional: Money
    fee: Money
    filled_qty: Quantity
    filled_value: Money
    status: OrderStatus
    hold: Money
    position_qty: Decimal
    priced_at: int
    realised: Money
    lot: int | None = None
    relief: tuple[Relief, ...] = ()


class OrderCancelled(MarketEvent, frozen=True, omit_defaults=True):
    order_id: UUID
    reason: Reason


class OrderExpired(MarketEvent, frozen=True, omit_defaults=True):
    order_id: UUID


class OrderReplaced(MarketEvent, frozen=True, omit_defaults=True):
    order_id: UUID
    replaced_by: UUID


class AdjustedLot(msgspec.Struct, frozen=True):
    lot: int
    qty: Quantity


class AdjustedOrder(msgspec.Struct, frozen=True):
    order_id: UUID
    qty: Quantity
    filled_qty: Decimal
    limit_price: Price | None
    price_max: Price


class CorporateActionApplied(MarketEvent, frozen=True, omit_defaults=True):
    """A split (`new` shares for `old`) with its new lots and orders, or a dividend (`amount` a share)."""

    symbol: Symbol
    kind: ActionKind
    ex_date: date
    position_qty: Decimal
    estimated: bool = False
    amount: Decimal | None = None
    new: int = 1
    old: int = 1
    cash: Money | None = None
    lots: tuple[AdjustedLot, ...] = ()
    orders: tuple[AdjustedOrder, ...] = ()


class PortfolioRevalued(MarketEvent, frozen=True, omit_defaults=True):
    """The account at a session's close. marks: the price of every symbol held."""

    step: int
    cash: Money
    market_value: Money
    equity: Money
    marks: dict[Symbol, Price]


class TradingPaused(MarketEvent, frozen=True, omit_defaults=True):
    detail: str


class TradingResumed(MarketEvent, frozen=True, omit_defaults=True):
    pass


class SignalRaised(MarketEvent, frozen=True, omit_defaults=True):
    """What a strategy concluded and why.

    order_id: the order it asked for. rationale: inputs, contributions, model.
    """

    signal_id: UUID
    account_id: UUID
    strategy: str
    symbol: Symbol
    action: str
    probability: float | None
    confidence: float | None
    target_weight: float | None
    order_id: UUID | None
    rationale: dict[str, Any]


class UserRegistered(Event, frozen=True, omit_defaults=True):
    user_id: UUID


class PreferencesChanged(Event, frozen=True, omit_defaults=True):
    user_id: UUID


class SessionOpened(MarketEvent, frozen=True, omit_defaults=True):
    """A market session over one data set, from `step` on (the last bar that counts as already known)."""

    session_id: UUID
    dataset: str
    dataset_hash: str
    calendar: str
    step: int


class SessionAdvanced(MarketEvent, frozen=True, omit_defaults=True):
    session_id: UUID
    step: int


class RulesChanged(Event, frozen=True, omit_defaults=True):
    """The platform's limits and halts from here on, whole."""

    rules: dict[str, Any]


EVENT_TYPES: dict[str, type[Event]] = {
    cls.__name__: cls
    for cls in (*MarketEvent.__subclasses__(), *Event.__subclasses__())
    if cls is not MarketEvent
}
