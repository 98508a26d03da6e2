"""The contract between a strategy and whatever runs it: backtest, paper and live give the same Context."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from traderbot.engine.market import Market
from traderbot.model import rounding
from traderbot.model.account import Account
from traderbot.model.actions import CorporateAction
from traderbot.model.amounts import Money, Price, price, quantity
from traderbot.model.bars import Bar, Floats, Times
from traderbot.model.commands import CancelOrder, PlaceOrder
from traderbot.model.errors import NotFound
from traderbot.model.orders import Order, OrderType, Side, TimeInForce
from traderbot.model.signals import Signal
from traderbot.model.symbols import Symbol

_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()


class History(NamedTuple):
    """The bars of an instrument known by now, oldest first; float64 (n,), raw, read-only.

    times: int64 (n,), microseconds.
    """

    times: Times
    opens: Floats
    highs: Floats
    lows: Floats
    closes: Floats
    volumes: Floats


class RaisedSignal(NamedTuple):
    signal_id: UUID
    signal: Signal
    order_id: UUID | None


class Context:
    """What a strategy sees and can ask for. What it asks in a callback is decided after it, in every mode.

    asked, raised: what the callbacks asked for and concluded, for whoever runs the strategy. new_id: makes
    ids of orders and signals.
    """

    __slots__ = ("_actions", "_bars", "_new_id", "account", "asked", "market", "raised")

    def __init__(
        self,
        account: Account,
        market: Market,
        bars: Mapping[Symbol, Bar],
        new_id: Callable[[], UUID],
        actions: Mapping[Symbol, Sequence[CorporateAction]] | None = None,
    ) -> None:
        self.account = account
        self.market = market
        self.asked: list[PlaceOrder | CancelOrder] = []
        self.raised: list[RaisedSignal] = []
        self._bars = bars
        self._new_id = new_id
        self._actions = actions or {}

    @property
    def time(self) -> int:
        """Market time in microseconds UTC."""
        return self.market.time

    @property
    def symbols(self) -> list[Symbol]:
        """Instruments with at least one bar known by now."""
        return [name for name, bar in self._bars.items() if bar.index >= 0]

    @property
    def cash(self) -> Money:
        return self.account.cash

    @property
    def available(self) -> Money:
        """Cash that no open order holds."""
        return self.account.available

    @property
    def equity(self) -> Money:
        """Cash and positions at their marks."""
        value: Decimal = self.account.cash
        for name, position in self.account.positions.items():
            if position.qty:
                value += rounding.market_value(position.qty, self.mark(name))
        return Money(value)

    @property
    def orders(self) -> list[Order]:
        """Open orders, oldest first."""
        return list(self.account.orders.values())

    def position(self, symbol: Symbol) -> Decimal:
        """Shares held."""
        return self.account.quantity(symbol)

    def mark(self, symbol: Symbol) -> Price:
        """Last known price. Errors: NotFound without one."""
        mark = self.market.mark(symbol)
        if mark is None:
            raise NotFound(f"no price of {symbol} is known yet")
        return mark.price

    def history(self, symbol: Symbol, bars: int | None = None) -> History:
        """The bars of an instrument up to and with the present one; all, or the last `bars`."""
        return History(*self._bars[symbol].known(bars))

    def actions(self, symbol: Symbol) -> Sequence[CorporateAction]:
        """Splits and dividends of the instrument with an ex-date up to now (the UTC date of market time)."""
        today = date.fromordinal(_EPOCH + self.time // _DAY)
        return [action for action in self._actions.get(symbol, ()) if action.ex_date <= today]

    def raise_signal(self, signal: Signal, order_id: UUID | None = None) -> UUID:
        """Record a conclusion and its reasons; give its id to the order that follows from it."""
        signal_id = self._new_id()
        self.raised.append(RaisedSignal(signal_id, signal, order_id))
        return signal_id

    def buy(
        self,
        symbol: Symbol,
        qty: Decimal | int | str,
        limit_price: Decimal | int | str | None = None,
        *,
        time_in_force: TimeInForce = TimeInForce.DAY,
        signal: Signal | None = None,
    ) -> UUID:
        """Ask for a buy; returns the order's id, the outcome arrives as an event. Errors: InvalidValue."""
        return self._ask(symbol, Side.BUY, qty, limit_price, time_in_force, signal)

    def sell(
        self,
        symbol: Symbol,
        qty: Decimal | int | str,
        limit_price: Decimal | int | str | None = None,
        *,
        time_in_force: TimeInForce = TimeInForce.DAY,
        signal: Signal | None = None,
    ) -> UUID:
        """Ask for a sale; returns the order's id, the outcome arrives as an event. Errors: InvalidValue."""
        return self._ask(symbol, Side.SELL, qty, limit_price, time_in_force, signal)

    def cancel(self, order_id: UUID) -> None:
        """Ask for an open order to be cancelled."""
        self.asked.append(CancelOrder(order_id))

    def take_asked(self) -> list[PlaceOrder | CancelOrder]:
        """What was asked since the last call, in the order to decide it: cancels, sells, buys.

        What frees shares and cash comes before what needs them.
        """
        taken = self.asked.copy()
        self.asked.clear()
        if len(taken) > 1:
            taken.sort(key=_urgency)
        return taken

    def _ask(
        self,
        symbol: Symbol,
        side: Side,
        qty: Decimal | int | str,
        limit_price: Decimal | int | str | None,
        time_in_force: TimeInForce,
        signal: Signal | None,
    ) -> UUID:
        amount = quantity(qty)
        kind, limit = OrderType.MARKET, None
        if limit_price is not None:
            kind, limit = OrderType.LIMIT, price(limit_price, "limit_price")
        order_id = self._new_id()
        signal_id = None if signal is None else self.raise_signal(signal, order_id)
        self.asked.append(
            PlaceOrder(order_id, symbol, side, amount, kind, time_in_force, limit, "", signal_id)
        )
        return order_id


def _urgency(ask: PlaceOrder | CancelOrder) -> int:
    if isinstance(ask, CancelOrder):
        return 0
    return 1 if ask.side is Side.SELL else 2


class Strategy:
    """Base of strategies. Subclasses keep their parameters as attributes and override what they need.

    on_bar is called for each instrument of a step after all bars of the step are known and matched.
    """

    name = "strategy"

    def on_start(self, ctx: Context) -> None:
        """Called once before the first bar."""

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        """Called for every new bar."""


class From(Strategy):
    """Lets a strategy act from a moment on; the bars before it are history."""

    def __init__(self, strategy: Strategy, start: int) -> None:
        self._strategy = strategy
        self._start = start

    def on_start(self, ctx: Context) -> None:
        self._strategy.on_start(ctx)

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        if ctx.time >= self._start:
            self._strategy.on_bar(ctx, bar)
