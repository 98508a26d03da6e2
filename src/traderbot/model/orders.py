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
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"


class TimeInForce(Word):
    """How long an order lives: the day, good till cancelled, immediate or cancel, fill or kill, at the
    opening or the closing price only.
    """

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    OPG = "opg"
    CLS = "cls"


class OrderClass(Word):
    """bracket: an entry with two exits; oco: two exits, one ends the other; oto: an entry with one exit."""

    SIMPLE = "simple"
    BRACKET = "bracket"
    OCO = "oco"
    OTO = "oto"


class Leg(Word):
    """The part an order plays in its group."""

    ENTRY = "entry"
    TAKE_PROFIT = "take_profit"
    STOP_LOSS = "stop_loss"


class OrderStatus(Word):
    """pending_new: sent to a broker that has not answered; unknown: it is not known whether the broker has
    it; held: a leg that waits for its entry.
    """

    PENDING_NEW = "pending_new"
    UNKNOWN = "unknown"
    HELD = "held"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REPLACED = "replaced"
    REJECTED = "rejected"


_S = OrderStatus
_ENDED = frozenset({_S.FILLED, _S.CANCELED, _S.EXPIRED})  # what a broker may report of any order it has

TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    _S.PENDING_NEW: _ENDED | {_S.NEW, _S.UNKNOWN, _S.PARTIALLY_FILLED, _S.REJECTED},
    _S.UNKNOWN: _ENDED | {_S.NEW, _S.PARTIALLY_FILLED, _S.REJECTED},  # on the broker's evidence alone
    _S.HELD: frozenset({_S.NEW, _S.CANCELED, _S.EXPIRED, _S.REPLACED}),
    _S.NEW: _ENDED | {_S.PARTIALLY_FILLED, _S.REPLACED, _S.REJECTED},
    _S.PARTIALLY_FILLED: _ENDED | {_S.PARTIALLY_FILLED, _S.REPLACED},  # to itself: one more execution
    _S.FILLED: frozenset(),
    _S.CANCELED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.REPLACED: frozenset(),
    _S.REJECTED: frozenset(),
}

OPEN = frozenset(status for status, following in TRANSITIONS.items() if following)
_BUY, _NOTHING = Side.BUY, Decimal(0)  # a member of an Enum is slow to read
WORKING = frozenset({_S.NEW, _S.PARTIALLY_FILLED})
"""The statuses in which the market can fill an order."""


class Stop(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a waiting order waits for, until `triggered_at`, microseconds.

    price: the stop price now. trail_price, trail_percent: how far a trailing stop keeps behind hwm, the best
    price it has seen: highest for a sale, lowest for a buy.
    """

    price: Price
    trail_price: Price | None = None
    trail_percent: Decimal | None = None
    hwm: Price | None = None
    triggered_at: int | None = None


class Member(msgspec.Struct, frozen=True):
    """An order's place among those that live and end together. group: id of the group's first parent."""

    group: UUID
    leg: Leg
    order_class: OrderClass


class Order(msgspec.Struct):
    """An order as an account holds it while it is open.

    qty: the most it may trade; notional: the value it is for, where it was given as one.
    price_max: the highest price its hold covers: the limit, or the collar price of an order without one.
    hold: what is set aside for the rest of it: of a cash account the worst cost of a buy with fees, of a
    margin account the initial margin of what it opens; 0 where it opens nothing.
    fee_rate, fee_per_share, fee_minimum: the worst fee that the hold covers. fees: charged so far.
    reserves: whether a sale keeps its remaining shares for itself; of two exits only one does.
    filled_value: sum of the notionals of its executions.
    expires_at: close of the session a day order lives for, microseconds; None for good till canceled.
    active_at: market time from which it can trade: its placing, or its activation as a leg.
    lots: the lots a sale uses first, by number.
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
    status: OrderStatus = OrderStatus.NEW
    filled_qty: Decimal = Decimal(0)
    filled_value: Decimal = Decimal(0)
    notional: Money | None = None
    stop: Stop | None = None
    member: Member | None = None
    extended_hours: bool = False
    lots: tuple[int, ...] = ()
    reserves: bool = True
    active_at: int = 0
    fees: Decimal = Decimal(0)
    fee_per_share: Decimal | None = None
    fee_minimum: Money | None = None

    @property
    def remaining(self) -> Quantity:
        return Quantity(self.qty - self.filled_qty)

    @property
    def reserved(self) -> Decimal:
        """Shares that this order keeps other sales from."""
        if self.side is _BUY or not self.reserves or self.status is _S.HELD:
            return _NOTHING
        return self.qty - self.filled_qty

    def become(self, status: OrderStatus) -> None:
        """Change status as the table allows. Errors: IllegalTransition."""
        if status not in TRANSITIONS[self.status]:
            raise IllegalTransition(f"order {self.id}: {self.status} cannot become {status}")
        self.status = status
