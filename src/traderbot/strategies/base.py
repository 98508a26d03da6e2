"""The contract between a strategy and whatever runs it: backtest, paper and live give the same Context."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from operator import itemgetter
from typing import Any, ClassVar, NamedTuple, Unpack
from uuid import UUID

from traderbot.engine.market import Market
from traderbot.model import rounding
from traderbot.model.account import Account
from traderbot.model.actions import CorporateAction
from traderbot.model.amounts import Money, Price, quantity
from traderbot.model.bars import Bar, Columns, Floats, Times
from traderbot.model.commands import CancelOrder, PlaceOrder, ReplaceOrder
from traderbot.model.errors import InvalidValue, NotFound
from traderbot.model.events import OrderFilled
from traderbot.model.meant import meant
from traderbot.model.membership import Membership
from traderbot.model.orders import Order, OrderType, Side, TimeInForce
from traderbot.model.reasons import Reason
from traderbot.model.rules import Rules
from traderbot.model.sentiment import NewsItem
from traderbot.model.signals import Signal
from traderbot.model.symbols import Symbol
from traderbot.strategies.adjustments import adjusted, restating
from traderbot.strategies.asking import Asked, Terms, in_force, optional_price, uncommon, urgency
from traderbot.strategies.parameters import Parameter, declared

_DAY = 86_400_000_000
_MARKET, _LIMIT = OrderType.MARKET, OrderType.LIMIT  # members of an Enum are slow to read
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST = itemgetter(0)


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


Coarser = Callable[[Bar, str], Columns]
"""The bars of an instrument in a coarser time frame, each stamped with when it is known."""


class Context:
    """What a strategy sees and can ask for. What it asks in a callback is decided after it, in every mode.

    asked, raised: what the callbacks asked for and concluded, for whoever runs the strategy. new_id: makes
    ids of orders and signals. rules: those that an order is sized by; the gate goes by the ones in force.
    coarser: where a history of another time frame comes from. membership: who belongs to the index when.
    """

    __slots__ = (
        "_actions",
        "_bars",
        "_coarser",
        "_new_id",
        "_restating",
        "account",
        "asked",
        "market",
        "membership",
        "raised",
        "rules",
    )

    def __init__(
        self,
        account: Account,
        market: Market,
        bars: Mapping[Symbol, Bar],
        new_id: Callable[[], UUID],
        actions: Mapping[Symbol, Sequence[CorporateAction]] | None = None,
        rules: Rules | None = None,
        coarser: Coarser | None = None,
        membership: Membership | None = None,
    ) -> None:
        self.account = account
        self.market = market
        self.asked: list[Asked] = []
        self.raised: list[RaisedSignal] = []
        self._bars = bars
        self._new_id = new_id
        self._actions = actions or {}
        self._coarser = coarser
        self._restating: list[tuple[int, CorporateAction]] | None = None
        self.membership = membership
        self.rules = rules or Rules()

    @property
    def time(self) -> int:
        """Market time in microseconds UTC."""
        return self.market.time

    @property
    def universe(self) -> list[Symbol]:
        """All instruments of the run, whether a bar of them is known yet or not."""
        return list(self._bars)

    @property
    def symbols(self) -> list[Symbol]:
        """Instruments with at least one bar known by now."""
        return [name for name, bar in self._bars.items() if bar.index >= 0]

    def members(self) -> frozenset[Symbol]:
        """Instruments that belong to the index today; all of the run where nobody said who does."""
        return frozenset(self._bars) if self.membership is None else self.membership.members_at(self.time)

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

    def history(self, symbol: Symbol, bars: int | None = None, *, time_frame: str | None = None) -> History:
        """The bars of an instrument up to and with the present one; all, or the last `bars`.

        time_frame: such as 1h, for coarser bars: those that are complete by now. Errors: InvalidValue.
        """
        if time_frame is None:
            return History(*self._bars[symbol].known(bars))
        if self._coarser is None:
            raise InvalidValue(
                "time_frame", "none: this run was not told the sessions of its bars", time_frame
            )
        columns = self._coarser(self._bars[symbol], time_frame)
        end = int(columns[0].searchsorted(self.time, "right"))
        start = 0 if bars is None else max(0, end - max(bars, 0))
        return History(*(column[start:end] for column in columns))  # type: ignore[arg-type]

    def adjusted(self, symbol: Symbol, bars: int | None = None) -> History:
        """As `history`, as if every split and dividend up to now had always been."""
        return History(*adjusted(self._bars[symbol].known(bars), self.actions(symbol)))

    def actions(self, symbol: Symbol) -> Sequence[CorporateAction]:
        """Splits and dividends of the instrument with an ex-date up to now (the UTC date of market time)."""
        today = date.fromordinal(_EPOCH + self.time // _DAY)
        return [action for action in self._actions.get(symbol, ()) if action.ex_date <= today]

    def restated(self, since: int) -> Sequence[CorporateAction]:
        """Splits, changes of symbol and delistings that took effect in a step after that of `since`, up to
        the present one, oldest first.
        """
        if self._restating is None:
            self._restating = restating(self._actions)
        if not self._restating:
            return ()
        places = (bisect_left(self._restating, time, key=_FIRST) for time in (since, self.time))
        return [action for _, action in self._restating[slice(*places)]]

    def raise_signal(self, signal: Signal, order_id: UUID | None = None) -> UUID:
        """Record a conclusion and its reasons; give its id to the order that follows from it."""
        signal_id = self._new_id()
        self.raised.append(RaisedSignal(signal_id, signal, order_id))
        return signal_id

    def buy(
        self,
        symbol: Symbol,
        qty: Decimal | int | str | None,
        limit_price: Decimal | int | str | None = None,
        *,
        time_in_force: TimeInForce | str = TimeInForce.DAY,
        signal: Signal | None = None,
        **terms: Unpack[Terms],
    ) -> UUID:
        """Ask for a buy; returns the order's id, the outcome arrives as an event. Errors: InvalidValue."""
        return self._ask(symbol, Side.BUY, qty, limit_price, time_in_force, signal, terms)

    def sell(
        self,
        symbol: Symbol,
        qty: Decimal | int | str | None,
        limit_price: Decimal | int | str | None = None,
        *,
        time_in_force: TimeInForce | str = TimeInForce.DAY,
        signal: Signal | None = None,
        **terms: Unpack[Terms],
    ) -> UUID:
        """Ask for a sale; returns the order's id, the outcome arrives as an event. Errors: InvalidValue."""
        return self._ask(symbol, Side.SELL, qty, limit_price, time_in_force, signal, terms)

    def replace(
        self,
        order_id: UUID,
        *,
        qty: Decimal | int | str | None = None,
        limit_price: Decimal | int | str | None = None,
        stop_price: Decimal | int | str | None = None,
    ) -> UUID:
        """Ask for an open order to be replaced; returns the new order's id. Errors: InvalidValue."""
        new_order_id = self._new_id()
        replace = ReplaceOrder(
            order_id,
            new_order_id,
            qty=None if qty is None else quantity(qty),
            limit_price=optional_price(limit_price, "limit_price"),
            stop_price=optional_price(stop_price, "stop_price"),
        )
        self.asked.append(replace)
        return new_order_id

    def cancel(self, order_id: UUID) -> None:
        """Ask for an open order to be cancelled."""
        self.asked.append(CancelOrder(order_id, Reason.CANCELED_BY_STRATEGY))

    def take_asked(self) -> list[Asked]:
        """What was asked since the last call, in the order to decide it: cancels, replacements, sells, buys.

        What frees shares and cash comes before what needs them.
        """
        taken = self.asked.copy()
        self.asked.clear()
        if len(taken) > 1:
            taken.sort(key=urgency)
        return taken

    def _ask(
        self,
        symbol: Symbol,
        side: Side,
        qty: Decimal | int | str | None,
        limit_price: Decimal | int | str | None,
        time_in_force: TimeInForce | str,
        signal: Signal | None,
        terms: Terms,
    ) -> UUID:
        if symbol not in self._bars:
            raise InvalidValue("symbol", "an instrument that there are bars of", symbol)
        amount = quantity(qty) if qty is not None or "notional" not in terms else None
        limit = optional_price(limit_price, "limit_price")
        kind = _MARKET if limit is None else _LIMIT
        if type(time_in_force) is not TimeInForce:
            time_in_force = in_force(time_in_force)
        if signal is not None and not isinstance(signal, Signal):
            raise InvalidValue("signal", "a Signal", signal)
        more = uncommon(kind, terms, self._new_id) if terms else {}
        order_id = self._new_id()
        signal_id = None if signal is None else self.raise_signal(signal, order_id)
        self.asked.append(
            PlaceOrder(
                order_id,
                symbol,
                side,
                amount,
                more.pop("type", kind),
                time_in_force,
                limit,
                "",
                signal_id,
                **more,
            )
        )
        return order_id


class Strategy:
    """Base of strategies. Subclasses declare parameters and override what they need.

    on_bar is called for each instrument of a step after all bars of the step are known and matched, in the
    order of the instruments; a strategy that looks at all of them together overrides on_step. What it
    remembers has to follow from what Context shows it, or be given by `state` and taken back by `restore`.
    """

    name: ClassVar[str] = "strategy"

    def __init_subclass__(cls, **more: Any) -> None:
        """Errors: InvalidValue for an initial value outside its range."""
        super().__init_subclass__(**more)
        for parameter in cls.declared().values():
            parameter.initial = parameter.check(parameter.initial)

    def __init__(self, **values: object) -> None:
        """Errors: InvalidValue naming the parameter."""
        known = self.declared()
        for name in values.keys() - known.keys():
            there = ", ".join(known) or "no parameters"
            raise InvalidValue(name, f"one of {there}{meant(name, known)}", values[name])
        for name, parameter in known.items():
            setattr(self, name, parameter.check(values.get(name, parameter.initial)))
        self.check()

    @classmethod
    def declared(cls) -> dict[str, Parameter[Any]]:
        """The parameters it can be made with, by name."""
        return declared(cls)

    def check(self) -> None:
        """Refuse values that do not go together. Errors: InvalidValue."""

    def values(self) -> dict[str, Any]:
        """What it was made with, by name."""
        return {name: getattr(self, name) for name in self.declared()}

    @property
    def warm_up(self) -> int:
        """Bars of history that it needs before it concludes anything."""
        return 0

    def on_start(self, ctx: Context) -> None:
        """Called once before the first bar."""

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        """Called for every new bar."""

    def on_step(self, ctx: Context, moved: Sequence[Bar]) -> None:
        """Called once a step with its new bars."""
        for bar in moved:
            self.on_bar(ctx, bar)

    def on_fill(self, ctx: Context, fill: OrderFilled) -> None:
        """Called for every execution, before the bars of its step."""

    def on_news(self, ctx: Context, item: NewsItem) -> None:
        """Called for every item of news, before the bars of the first step at which it is known."""

    def state(self) -> dict[str, Any] | None:
        """What must survive a restart, as plain JSON data; None for nothing."""
        return None

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave before a restart."""
