"""What can be asked of an account; ids are made by whoever asks, so that deciding stays pure.
A command that makes no sense for any account cannot be made: InvalidValue."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from traderbot.model.account import CURRENCY, NOTHING, PAPER, AccountKind, LotMethod
from traderbot.model.actions import CorporateAction
from traderbot.model.amounts import Money, Price, Quantity
from traderbot.model.errors import InvalidValue
from traderbot.model.events import Execution
from traderbot.model.orders import Order, OrderClass, OrderType, Side, TimeInForce
from traderbot.model.reasons import Reason
from traderbot.model.rules import Limits
from traderbot.model.symbols import Symbol

_LIMITED = (OrderType.LIMIT, OrderType.STOP_LIMIT)
_STOPPED = (OrderType.STOP, OrderType.STOP_LIMIT)
_LASTING = (TimeInForce.DAY, TimeInForce.GTC)
_AT_ONCE = (OrderType.MARKET, OrderType.LIMIT)
_SIMPLE = OrderClass.SIMPLE  # a member of an Enum is slow to read
_PERCENT_MAX = Decimal(100)


def _positive(field: str, amount: Decimal | None) -> None:
    if amount is not None and not amount > NOTHING:
        raise InvalidValue(field, "more than zero", amount)


def _only(field: str, given: object, wanted: bool, whose: str) -> None:
    """A field that one kind of order needs and no other takes."""
    if (given is not None) is not wanted:
        shown = None if isinstance(given, msgspec.Struct) else given
        raise InvalidValue(field, f"to be given for {whose}" if wanted else f"nothing but for {whose}", shown)


class OpenAccount(msgspec.Struct, frozen=True):
    account_id: UUID
    user_id: UUID
    session_id: UUID
    currency: str
    kind: AccountKind = AccountKind.CASH
    name: str = ""
    broker: str = PAPER

    def __post_init__(self) -> None:
        if self.currency != CURRENCY:
            raise InvalidValue("currency", f"{CURRENCY}, as nothing is converted", self.currency)


class DepositCash(msgspec.Struct, frozen=True):
    amount: Money

    def __post_init__(self) -> None:
        _positive("amount", self.amount)


class WithdrawCash(msgspec.Struct, frozen=True):
    amount: Money

    def __post_init__(self) -> None:
        _positive("amount", self.amount)


class AccrueInterest(msgspec.Struct, frozen=True):
    """Charge a margin account for what it borrowed over some days."""

    days: int

    def __post_init__(self) -> None:
        if self.days < 1:
            raise InvalidValue("days", "a whole number from 1", self.days)


class ChooseLotMethod(msgspec.Struct, frozen=True):
    method: LotMethod


class SetLimits(msgspec.Struct, frozen=True):
    """Give the account limits of its own, in place of those it had; the platform's count as well."""

    limits: Limits


class TakeProfit(msgspec.Struct, frozen=True):
    """The exit at a gain: a limit order."""

    order_id: UUID
    limit_price: Price

    def __post_init__(self) -> None:
        _positive("take_profit.limit_price", self.limit_price)


class StopLoss(msgspec.Struct, frozen=True):
    """The exit at a loss: a stop order, a stop-limit order where a limit is given."""

    order_id: UUID
    stop_price: Price
    limit_price: Price | None = None

    def __post_init__(self) -> None:
        _positive("stop_loss.stop_price", self.stop_price)
        _positive("stop_loss.limit_price", self.limit_price)


class PlaceOrder(msgspec.Struct, frozen=True):
    """qty or notional, one of the two. trail_percent: 5 is five percent. lots: of a sale, the lots to use
    first, by number. closes: of a kill switch, which the account's own halt and limits let through as far as
    it only reduces.
    """

    order_id: UUID
    symbol: Symbol
    side: Side
    qty: Quantity | None
    type: OrderType = OrderType.MARKET
    time_in_force: TimeInForce = TimeInForce.DAY
    limit_price: Price | None = None
    client_order_id: str = ""  # the order's id where the caller names none
    signal_id: UUID | None = None
    notional: Money | None = None
    stop_price: Price | None = None
    trail_price: Price | None = None
    trail_percent: Decimal | None = None
    order_class: OrderClass = OrderClass.SIMPLE
    take_profit: TakeProfit | None = None
    stop_loss: StopLoss | None = None
    extended_hours: bool = False
    lots: tuple[int, ...] = ()
    closes: bool = False

    def __post_init__(self) -> None:
        if self.qty is not None:
            _positive("qty", self.qty)
        if self.limit_price is not None:
            _positive("limit_price", self.limit_price)
        _only("limit_price", self.limit_price, self.type in _LIMITED, "a limit or stop-limit order")
        if self.qty is None or self.notional is not None:
            self._check_notional()
        if self.type not in _AT_ONCE or self.stop_price is not None:
            self._check_stop()
        if self.trail_price is not None or self.trail_percent is not None:
            self._check_trail()
        if self.time_in_force not in _LASTING:
            self._check_passing()
        if self.order_class is not _SIMPLE or self.take_profit or self.stop_loss:
            self._check_class()
        if self.extended_hours and not (self.type is OrderType.LIMIT and self.time_in_force in _LASTING):
            raise InvalidValue("extended_hours", "false, but for a limit order of the day or gtc")
        if self.lots and self.side is Side.BUY:
            raise InvalidValue("lots", "nothing for a buy: lots are used up by sales")

    def _check_notional(self) -> None:
        if (self.qty is None) is (self.notional is None):
            raise InvalidValue("qty", "either a qty or a notional", self.qty)
        _positive("notional", self.notional)
        if self.type is not OrderType.MARKET or self.time_in_force is not TimeInForce.DAY:
            raise InvalidValue("notional", "nothing but for a market order of the day", self.notional)
        if self.order_class is not OrderClass.SIMPLE:
            raise InvalidValue("notional", "a qty for an order with legs", self.notional)

    def _check_stop(self) -> None:
        _only("stop_price", self.stop_price, self.type in _STOPPED, "a stop or stop-limit order")
        _positive("stop_price", self.stop_price)
        if self.type is OrderType.TRAILING_STOP and (self.trail_price is None) is (
            self.trail_percent is None
        ):
            raise InvalidValue("trail_price", "either a trail_price or a trail_percent", self.trail_price)

    def _check_trail(self) -> None:
        trails = self.type is OrderType.TRAILING_STOP
        _only("trail_price", self.trail_price, trails and self.trail_price is not None, "a trailing stop")
        _only(
            "trail_percent", self.trail_percent, trails and self.trail_percent is not None, "a trailing stop"
        )
        _positive("trail_price", self.trail_price)
        _positive("trail_percent", self.trail_percent)
        if self.trail_percent is not None and self.trail_percent >= _PERCENT_MAX:
            raise InvalidValue("trail_percent", "a percentage below 100", self.trail_percent)

    def _check_passing(self) -> None:
        """Orders that look at the market once."""
        if self.type not in _AT_ONCE:
            raise InvalidValue(
                "time_in_force", f"day or gtc for a {self.type} order", self.time_in_force.value
            )
        if self.qty is not None and self.qty % 1:
            raise InvalidValue("qty", f"whole shares for time_in_force {self.time_in_force}", self.qty)

    def _check_class(self) -> None:
        kind, exits = self.order_class, (self.take_profit, self.stop_loss)
        if kind is OrderClass.OTO:
            if (exits[0] is None) is (exits[1] is None):
                raise InvalidValue("take_profit", "either a take_profit or a stop_loss for an oto order")
        elif kind is OrderClass.OCO:
            _only("take_profit", exits[0], False, "a bracket or oto order; the limit_price of an oco is it")
            _only("stop_loss", exits[1], True, "an oco order")
            if self.type is not OrderType.LIMIT:
                raise InvalidValue("type", "limit for an oco order", self.type.value)
        else:
            wanted = kind is OrderClass.BRACKET
            whose = "a bracket order" if wanted else "a bracket, oco or oto order"
            _only("take_profit", exits[0], wanted, whose)
            _only("stop_loss", exits[1], wanted, whose)
        if kind is OrderClass.SIMPLE:
            return
        if self.time_in_force not in _LASTING or self.extended_hours:
            raise InvalidValue(
                "time_in_force",
                f"day or gtc within regular hours for a {kind} order",
                self.time_in_force.value,
            )
        if self.qty is not None and self.qty % 1:
            raise InvalidValue("qty", f"whole shares for a {kind} order", self.qty)


class ReplaceOrder(msgspec.Struct, frozen=True):
    """Cancel what is left of an open order and place a new one, in one decision. None keeps the old value.

    qty: the new total, what was filled before included. trail: the new trail_price or trail_percent,
    whichever the order has.
    """

    order_id: UUID
    new_order_id: UUID
    qty: Quantity | None = None
    limit_price: Price | None = None
    client_order_id: str = ""
    stop_price: Price | None = None
    trail: Decimal | None = None
    time_in_force: TimeInForce | None = None

    def __post_init__(self) -> None:
        _positive("qty", self.qty)
        _positive("limit_price", self.limit_price)
        _positive("stop_price", self.stop_price)
        _positive("trail", self.trail)


class CancelOrder(msgspec.Struct, frozen=True):
    order_id: UUID
    reason: Reason = Reason.CANCELED_BY_USER


class ExpireOrder(msgspec.Struct, frozen=True):
    order_id: UUID


class RecordExecution(msgspec.Struct, frozen=True):
    """A broker's report of one execution. priced_at: time of the bar or quote whose price it used.

    completes: nothing more will come of the order; how one for a notional ends.
    """

    order_id: UUID
    execution_id: UUID
    qty: Quantity
    price: Price
    fee: Money
    priced_at: int
    completes: bool = False

    def __post_init__(self) -> None:
        _positive("qty", self.qty)
        _positive("price", self.price)
        if self.fee < NOTHING:
            raise InvalidValue("fee", "nothing or more", self.fee)


class RecordLateExecution(msgspec.Struct, frozen=True):
    """A broker's report of an execution of an order that was closed before. order: as it was closed.

    executed_at: when the broker says that it happened, microseconds.
    """

    execution: RecordExecution
    order: Order
    executed_at: int


class BustExecution(msgspec.Struct, frozen=True):
    """A broker's word that an execution did not happen after all. execution: the event that recorded it.

    order: as it was closed, None while it is open. opened: when the lots that it used up were opened, by
    number, for those that are gone.
    """

    execution: Execution
    order: Order | None = None
    opened: dict[int, int] = {}


class QuarantineReport(msgspec.Struct, frozen=True):
    """Put aside a broker's report that cannot be, and halt its symbol for the account. report: as it came."""

    symbol: Symbol
    detail: str
    report: dict[str, Any]


class AcceptOrder(msgspec.Struct, frozen=True):
    """The broker has the order."""

    order_id: UUID


class RejectOrder(msgspec.Struct, frozen=True):
    """The broker does not take the order. detail: its words."""

    order_id: UUID
    detail: str


class LoseSightOfOrder(msgspec.Struct, frozen=True):
    """The order was sent, and whether the broker has it is not known."""

    order_id: UUID


class TriggerOrder(msgspec.Struct, frozen=True):
    """The market reached the stop price of a waiting order. price: the one that did."""

    order_id: UUID
    price: Price

    def __post_init__(self) -> None:
        _positive("price", self.price)


class MoveTrailingMark(msgspec.Struct, frozen=True):
    """The market made a new best price for a trailing stop."""

    order_id: UUID
    hwm: Price

    def __post_init__(self) -> None:
        _positive("hwm", self.hwm)


class ApplyCorporateAction(msgspec.Struct, frozen=True):
    action: CorporateAction


class RevaluePortfolio(msgspec.Struct, frozen=True):
    """Record cash, market value and equity at the close of a session's step."""

    step: int


class PauseTrading(msgspec.Struct, frozen=True):
    """Halt the account, or one symbol for it."""

    detail: str
    symbol: Symbol | None = None


class RequestResume(msgspec.Struct, frozen=True):
    """The first of two steps to lift a halt. code: what the second has to give."""

    code: str
    symbol: Symbol | None = None


class ResumeTrading(msgspec.Struct, frozen=True):
    """The second of two steps to lift a halt."""

    code: str
    symbol: Symbol | None = None


Command = (
    OpenAccount
    | DepositCash
    | WithdrawCash
    | AccrueInterest
    | ChooseLotMethod
    | SetLimits
    | PlaceOrder
    | ReplaceOrder
    | CancelOrder
    | ExpireOrder
    | RecordExecution
    | RecordLateExecution
    | BustExecution
    | QuarantineReport
    | AcceptOrder
    | RejectOrder
    | LoseSightOfOrder
    | TriggerOrder
    | MoveTrailingMark
    | ApplyCorporateAction
    | RevaluePortfolio
    | PauseTrading
    | RequestResume
    | ResumeTrading
)
