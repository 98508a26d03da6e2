"""What happened, in the past tense: the facts the journal keeps, under stable names.

Amounts an event caused are part of it, so that a fold never has to decide again. Fields at their default are
left out of the stored text, so that a shape can grow without changing old bytes; a default is part of the
stored shape, and never a Decimal (msgspec leaves defaults out by identity). No event holds personal data.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from traderbot.model.account import PAPER, AccountKind, LotMethod
from traderbot.model.actions import ActionKind
from traderbot.model.amounts import Money, Price, Quantity
from traderbot.model.event_base import Event as Event
from traderbot.model.event_base import MarketEvent as MarketEvent
from traderbot.model.orders import Member, OrderStatus, OrderType, Side, Stop, TimeInForce
from traderbot.model.parts import AdjustedLot as AdjustedLot
from traderbot.model.parts import AdjustedOrder as AdjustedOrder
from traderbot.model.parts import Relief as Relief
from traderbot.model.parts import RestoredLot as RestoredLot
from traderbot.model.platform_events import AdministrationDone as AdministrationDone
from traderbot.model.platform_events import AlertRaised as AlertRaised
from traderbot.model.platform_events import AlertResolved as AlertResolved
from traderbot.model.platform_events import AlertSettingsChanged as AlertSettingsChanged
from traderbot.model.platform_events import ApiKeyCreated as ApiKeyCreated
from traderbot.model.platform_events import ApiKeyRevoked as ApiKeyRevoked
from traderbot.model.platform_events import LimitsGuardChanged as LimitsGuardChanged
from traderbot.model.platform_events import MarketAlertRaised as MarketAlertRaised
from traderbot.model.platform_events import PreferencesChanged as PreferencesChanged
from traderbot.model.platform_events import RebalancingChanged as RebalancingChanged
from traderbot.model.platform_events import RiskLimitBreached as RiskLimitBreached
from traderbot.model.platform_events import RoleChanged as RoleChanged
from traderbot.model.platform_events import RulesChanged as RulesChanged
from traderbot.model.platform_events import SentimentScored as SentimentScored
from traderbot.model.platform_events import SessionAdvanced as SessionAdvanced
from traderbot.model.platform_events import SessionControlled as SessionControlled
from traderbot.model.platform_events import SessionOpened as SessionOpened
from traderbot.model.platform_events import UserActivated as UserActivated
from traderbot.model.platform_events import UserDeactivated as UserDeactivated
from traderbot.model.platform_events import UserRegistered as UserRegistered
from traderbot.model.platform_events import WebhookDisabled as WebhookDisabled
from traderbot.model.reasons import Reason
from traderbot.model.rules import Limits
from traderbot.model.symbols import Symbol


class AccountOpened(MarketEvent, frozen=True, omit_defaults=True):
    """broker: who fills its orders."""

    account_id: UUID
    user_id: UUID
    session_id: UUID
    currency: str
    kind: AccountKind = AccountKind.CASH
    name: str = ""
    broker: str = PAPER


class CashMoved(MarketEvent, frozen=True, omit_defaults=True):
    """Money into the account (positive) or out of it.

    kind: deposit, withdrawal, margin_interest or borrow_fee. symbol: what the borrow fee is for.
    """

    amount: Money
    kind: str
    symbol: Symbol | None = None


class LotMethodChosen(MarketEvent, frozen=True, omit_defaults=True):
    method: LotMethod


class LimitsChanged(MarketEvent, frozen=True, omit_defaults=True):
    """The account's own limits from here on, whole."""

    limits: Limits


class OrderPlaced(MarketEvent, frozen=True, omit_defaults=True):
    """An order the gate approved.

    mark, mark_at: the price it was decided on. client_order_id: "" stands for the order's id. notional: the
    value it is for, where it was given as one; qty is then the most it may trade. status: what it begins as.
    fee_per_share, fee_minimum: what its hold covers besides fee_rate. reserves: whether a sale keeps its
    shares for itself. lots: the lots a sale uses first.
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
    notional: Money | None = None
    stop: Stop | None = None
    member: Member | None = None
    status: OrderStatus = OrderStatus.NEW
    extended_hours: bool = False
    reserves: bool = True
    lots: tuple[int, ...] = ()
    fee_per_share: Decimal | None = None
    fee_minimum: Money | None = None


class OrderRefused(MarketEvent, frozen=True, omit_defaults=True):
    order_id: UUID
    client_order_id: str
    symbol: Symbol
    side: Side
    type: OrderType
    qty: Quantity | None
    limit_price: Price | None
    reason: Reason
    detail: str
    rules_version: int
    signal_id: UUID | None = None
    notional: Money | None = None
    stop_price: Price | None = None


class Execution(MarketEvent, frozen=True, omit_defaults=True):
    """What one execution does to an account.

    position_qty: of the symbol, after it. relief: what it closes, in the order it was taken. lot: number of
    the lot it opens; lot_qty, lot_cost: of that lot, where they are not simply qty and notional. realised:
    gross of fees.
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
    lot_qty: Decimal | None = None
    lot_cost: Decimal | None = None


class OrderFilled(Execution, frozen=True, omit_defaults=True):
    """One execution of an open order. filled_qty, filled_value, status, hold: of the order, after it."""


class OrderFilledLate(Execution, frozen=True, omit_defaults=True):
    """One execution of an order that was closed before; its status stays, and so does what is held.

    at: when the broker says that it happened. overdraft: cash that it took beyond what there was.
    """

    overdraft: Money | None = None


class ExecutionBusted(MarketEvent, frozen=True, omit_defaults=True):
    """An execution that did not happen after all; at: the time of that execution.

    side, qty, price, notional, fee: of the execution. cost: how the cost of the position changes. realised:
    how the gains change. relief: what leaves the lots. restored: what goes back into them. filled_qty,
    filled_value: of the order, after it. overdraft: cash that it took beyond what there was.
    """

    order_id: UUID
    execution_id: UUID
    symbol: Symbol
    side: Side
    qty: Quantity
    price: Price
    notional: Money
    fee: Money
    filled_qty: Decimal
    filled_value: Decimal
    position_qty: Decimal
    cost: Decimal
    realised: Money
    relief: tuple[Relief, ...] = ()
    restored: tuple[RestoredLot, ...] = ()
    overdraft: Money | None = None


class ReportQuarantined(MarketEvent, frozen=True, omit_defaults=True):
    """A broker's report that cannot be; the symbol is halted for the account. report: as it came."""

    symbol: Symbol
    detail: str
    report: dict[str, Any]


class OrderAccepted(MarketEvent, frozen=True, omit_defaults=True):
    """The broker has the order."""

    order_id: UUID


class OrderRejected(MarketEvent, frozen=True, omit_defaults=True):
    order_id: UUID
    detail: str


class OrderOutcomeUnknown(MarketEvent, frozen=True, omit_defaults=True):
    """The order was sent, and whether the broker has it is not known."""

    order_id: UUID


class OrderTriggered(MarketEvent, frozen=True, omit_defaults=True):
    """A stop order woke up. price: the market's."""

    order_id: UUID
    price: Price


class TrailingMarkMoved(MarketEvent, frozen=True, omit_defaults=True):
    order_id: UUID
    hwm: Price
    stop_price: Price


class LegActivated(MarketEvent, frozen=True, omit_defaults=True):
    """A leg that was held works from now on. qty: what it is for."""

    order_id: UUID
    qty: Quantity
    reserves: bool = True


class LegResized(MarketEvent, frozen=True, omit_defaults=True):
    """A leg is for less, or keeps its shares for itself from now on, as its sibling was filled in part."""

    order_id: UUID
    qty: Quantity
    reserves: bool = True


class OrderCancelled(MarketEvent, frozen=True, omit_defaults=True):
    order_id: UUID
    reason: Reason


class OrderExpired(MarketEvent, frozen=True, omit_defaults=True):
    order_id: UUID


class OrderReplaced(MarketEvent, frozen=True, omit_defaults=True):
    order_id: UUID
    replaced_by: UUID


class CorporateActionApplied(MarketEvent, frozen=True, omit_defaults=True):
    """What a corporate action does to an account.

    A split (`new` shares for `old`) has its new lots and orders, a dividend (`amount` a share) its cash, a
    change of symbol the new one, a delisting (`amount` a share) its cash and what the position gained.
    """

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
    new_symbol: Symbol | None = None
    realised: Money | None = None


class PortfolioRevalued(MarketEvent, frozen=True, omit_defaults=True):
    """The account at a session's close. marks: the price of every symbol held."""

    step: int
    cash: Money
    market_value: Money
    equity: Money
    marks: dict[Symbol, Price]


class MarginCalled(MarketEvent, frozen=True, omit_defaults=True):
    """A margin account fell below its maintenance requirement. deficit: what is missing."""

    equity: Money
    required: Money
    deficit: Money


class MarginCallMet(MarketEvent, frozen=True, omit_defaults=True):
    equity: Money
    required: Money


class TradingPaused(MarketEvent, frozen=True, omit_defaults=True):
    """symbol: what is halted, None for the whole account."""

    detail: str
    symbol: Symbol | None = None


class ResumeRequested(MarketEvent, frozen=True, omit_defaults=True):
    """The first of two steps to lift a halt. code: what the second has to give."""

    code: str
    symbol: Symbol | None = None


class TradingResumed(MarketEvent, frozen=True, omit_defaults=True):
    symbol: Symbol | None = None


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


def _final(base: type[Event]) -> Iterator[type[Event]]:
    """The classes below a base that have none below themselves."""
    below = base.__subclasses__()
    if not below:
        yield base
    for cls in below:
        yield from _final(cls)


EVENT_TYPES: dict[str, type[Event]] = {cls.__name__: cls for cls in _final(Event)}
