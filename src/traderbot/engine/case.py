"""An order before the gate, with what its checks need of it, each worked out once."""

from decimal import Decimal
from uuid import UUID

from traderbot.engine.baselines import Starts, starts_at
from traderbot.engine.exposure import Stake, Worth, excess, free_quantity, stakes, worth
from traderbot.engine.holds import hold_for, opening
from traderbot.engine.market import Mark, Market
from traderbot.model import rounding
from traderbot.model.account import NOTHING, Account, AccountKind
from traderbot.model.amounts import Money, Price, Quantity
from traderbot.model.commands import PlaceOrder
from traderbot.model.orders import OrderType, Side, Stop
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol

_ONE = Decimal(1)
_NONE = Money(NOTHING)
_BUY, _MARGIN = Side.BUY, AccountKind.MARGIN  # to read a member of an Enum takes longer than most checks
_WAITING = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})


class Case:
    """An order as the checks see it, with the market at that moment.

    price: of the mark, None where there is none; then the fields below are not set. qty: the most it may
    trade. stop: what it waits for. price_max: the highest price its hold covers. opens: the part of it that
    opens or enlarges a position; nothing for an order that only reduces. hold: what it sets aside. closes:
    a kill switch asks for it, and it only reduces.
    """

    mark: Mark | None
    price: Price
    price_max: Price
    qty: Quantity
    opens: Decimal
    free = NOTHING
    hold = _NONE
    stop: Stop | None = None
    closes = False
    _worth: Worth | None = None
    _starts: Starts | None = None
    _stakes: dict[Symbol, Stake] | None = None

    def __init__(
        self, account: Account, order: PlaceOrder, market: Market, rules: Rules, group: UUID | None
    ) -> None:
        self.account, self.order, self.market, self.rules, self.group = account, order, market, rules, group
        self.buying = order.side is _BUY
        self.margin = account.kind is _MARGIN
        self.mark = mark = market.mark(order.symbol)
        if mark is None:
            return
        self.price = mark.price
        if not self.buying:
            self.free = free_quantity(account, order.symbol)
        self.qty = self._cap() if order.qty is None else order.qty
        if self.margin:
            self.opens = opening(account, order.symbol, order.side, self.qty)
        else:
            self.opens = self.qty if self.buying else max(NOTHING, self.qty - self.free)
        if order.type not in _WAITING:
            self.price_max = self._price_max()
        else:
            self.stop = self._stop()
            self.price_max = self._price_max_waiting(self.stop.price)
        self.closes = order.closes and not self.opens
        if self.opens:
            self.hold = hold_for(
                account.kind, order.side, self.qty, self.price_max, order.notional, self.opens, rules
            )

    def _cap(self) -> Quantity:
        """The most that an order for a value may trade: of a sale no more than is free, if that is enough."""
        value = self.order.notional
        assert value is not None  # one of the two is always given
        most = rounding.notional_quantity(value, self.price, self.rules.collar)
        if self.buying or rounding.notional_quantity(value, self.price, NOTHING) > self.free:
            return most
        return Quantity(min(most, self.free))

    def _stop(self) -> Stop:
        order, price = self.order, self.price
        if order.type is OrderType.TRAILING_STOP:
            at = rounding.trailing_stop(price, order.trail_price, order.trail_percent, self.buying)
            return Stop(at, order.trail_price, order.trail_percent, price)
        assert order.stop_price is not None  # of every stop order
        return Stop(order.stop_price)

    def _price_max(self) -> Price:
        """A sale that opens counts at the market where that is above its limit: what it sells short is worth
        that much.
        """
        limit = self.order.limit_price
        if limit is None:
            if self.buying or (self.margin and self.opens):
                return rounding.price_at(self.price, _ONE + self.rules.collar)
            return self.price
        return limit if self.buying or not self.margin else max(limit, self.price)

    def _price_max_waiting(self, at: Price) -> Price:
        """at: the stop price."""
        limit = self.order.limit_price
        if limit is not None:
            return limit if self.buying else max(limit, at)
        if self.buying:
            return rounding.price_at(max(at, self.price), _ONE + self.rules.collar)
        trails = self.order.type is OrderType.TRAILING_STOP
        return rounding.price_at(at, _ONE + self.rules.collar) if trails else at

    @property
    def value(self) -> Decimal:
        """What the order is for: its value at its limit, otherwise at the mark or a stop price above it."""
        order = self.order
        if order.notional is not None:
            return order.notional
        if order.limit_price is not None:
            return self.qty * order.limit_price
        return self.qty * (self.price if self.stop is None else max(self.price, self.stop.price))

    @property
    def spare(self) -> Decimal:
        """What the hold has to fit into: available cash, or a margin account's excess. Errors: Unmarked."""
        if self.margin:
            return excess(self.account, self.worth, self.rules)
        return self.account.available

    @property
    def worth(self) -> Worth:
        if self._worth is None:
            self._worth = worth(self.account, self.market)
        return self._worth

    @property
    def starts(self) -> Starts:
        if self._starts is None:
            self._starts = starts_at(self.account, self.market.time)
        return self._starts

    @property
    def stakes(self) -> dict[Symbol, Stake]:
        """Every symbol at its worst, this order included. Errors: Unmarked."""
        if self._stakes is None:
            order = self.order
            own = order.limit_price or (self.price if self.stop is None else self.stop.price)
            value = self.qty * max(self.price, own) if order.notional is None else order.notional
            self._stakes = stakes(self.account, self.market, order.side, order.symbol, self.qty, value)
        return self._stakes

    @property
    def stake(self) -> Stake:
        """The order's symbol at its worst. Errors: Unmarked."""
        return self.stakes[self.order.symbol]
