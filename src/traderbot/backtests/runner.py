"""Run a strategy over bars through the same engine and simulated broker as paper, in memory.

A step is every bar of one time: splits and dividends due, then the bars against the orders placed before
them and against the exits that this activated, at the close of a day interest and valuation where somebody
goes by them, then the strategy, bar by bar, then the decisions on what it asked.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import count
from uuid import UUID

import msgspec
import numpy as np

from traderbot.engine.apply import apply
from traderbot.engine.decide import decide
from traderbot.engine.market import Mark, Phase
from traderbot.model.account import Account, AccountKind
from traderbot.model.actions import CorporateAction
from traderbot.model.amounts import Money
from traderbot.model.bars import Bar
from traderbot.model.border import price_from_float
from traderbot.model.commands import (
    AccrueInterest,
    ApplyCorporateAction,
    CancelOrder,
    Command,
    DepositCash,
    OpenAccount,
    ReplaceOrder,
    RevaluePortfolio,
)
from traderbot.model.errors import InvalidValue
from traderbot.model.events import Event, OrderFilled
from traderbot.model.reasons import Refusal
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.simulation.broker import SimulatedBroker
from traderbot.simulation.costs import Costs
from traderbot.simulation.memory import Memory
from traderbot.simulation.wire import Wire
from traderbot.strategies.base import Context, RaisedSignal, Strategy

_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()
_NEVER = 1 << 63


class BarMarket:
    """The market a backtest decides on: marks are the closes of the bars played so far.

    A day ends with its last bar; a bar that closes at midnight UTC belongs to the day before. opens, closes:
    whether the step is the first, the last of its day.
    """

    __slots__ = ("_asked_at", "_bars", "_day_end", "_times", "time")
    phase = Phase.OPEN
    regular = True

    def __init__(self, bars: Mapping[Symbol, Bar]) -> None:
        self._bars = bars
        every = [bar.times for bar in bars.values()]
        self._times: Sequence[int] = (
            every[0] if len(every) == 1 else np.unique(np.concatenate(every)).tolist()
        )
        self.time = 0
        self._asked_at = self._day_end = 0

    @property
    def ended(self) -> bool:
        """Whether this is the time of the last bar there is."""
        return not self._times or self.time >= self._times[-1]

    @property
    def day_end(self) -> int | None:
        """Last bar of the day whose bars come next; None after the last. Known ahead, as a calendar is."""
        if not self._asked_at <= self.time < self._day_end:  # else the answer is still the last one
            following = bisect_right(self._times, self.time)
            if following == len(self._times):
                return None
            self._day_end = self._end_of_day(following)
            self._asked_at = self.time
        return self._day_end

    @property
    def step(self) -> int:
        """Number of the step, from 0."""
        return bisect_left(self._times, self.time)

    @property
    def before(self) -> int | None:
        """Time of the step before; None at the first."""
        step = self.step
        return self._times[step - 1] if step else None

    @property
    def opens(self) -> bool:
        before = self.before
        return before is None or day_of(before) < day_of(self.time)

    @property
    def closes(self) -> bool:
        following = bisect_right(self._times, self.time)
        return following == len(self._times) or day_of(self._times[following]) > day_of(self.time)

    @property
    def first_close(self) -> int:
        """Last bar of the first day."""
        return self._end_of_day(0) if self._times else _NEVER

    def _end_of_day(self, step: int) -> int:
        midnight = day_of(self._times[step]) * _DAY
        return self._times[bisect_right(self._times, midnight, step) - 1]

    def mark(self, symbol: Symbol) -> Mark | None:
        bar = self._bars.get(symbol)
        if bar is None or bar.index < 0:
            return None
        return Mark(price_from_float(bar.close), bar.time)


class Result(msgspec.Struct):
    """What a run left behind.

    equity: exact, at the last closes; the lists oldest first; fills are among the events.
    """

    account: Account
    equity: Money
    fills: list[OrderFilled]
    refusals: list[Refusal]
    events: list[Event]
    signals: list[RaisedSignal]


def run(
    strategy: Strategy,
    bars: Sequence[Bar],
    *,
    cash: Money = Money(Decimal(1_000_000)),  # noqa: B008 - immutable
    rules: Rules | None = None,
    costs: Costs | None = None,
    actions: Sequence[CorporateAction] = (),
    kind: AccountKind = AccountKind.CASH,
) -> Result:
    """Play the bars in time order. A strategy's orders are matched from the bar after the one it saw.

    rules: by default those that hold for just the costs. Errors: InvalidValue.
    """
    costs = costs or Costs()
    rules = rules or costs.rules
    by_symbol = {bar.symbol: bar for bar in bars}
    _check(bars, by_symbol)
    market = BarMarket(by_symbol)
    book = _Book(market, rules, SimulatedBroker(costs, rules), cash, actions, kind)
    ids = (msgspec.convert(number.to_bytes(16), UUID) for number in count(1))
    ctx = Context(book.account, market, by_symbol, ids.__next__, _by_symbol(actions))
    strategy.on_start(ctx)
    on_bar, asked, orders = strategy.on_bar, ctx.asked, book.account.orders
    if len(bars) == 1:
        (bar,) = bars
        for market.time, bar.index, bar.close in bar.places():  # noqa: B020 - moves the one bar
            if market.time > book.due:
                book.keep_dates(by_symbol)
            elif orders:
                book.match(by_symbol)
            on_bar(ctx, bar)
            if asked:
                book.ask(ctx.take_asked())
    else:
        for market.time, moved in _steps(bars):
            if market.time > book.due:
                book.keep_dates({bar.symbol: bar for bar in moved})
            elif orders:
                book.match({bar.symbol: bar for bar in moved})
            for bar in moved:
                on_bar(ctx, bar)
            if asked:
                book.ask(ctx.take_asked())
    return Result(book.account, ctx.equity, book.fills, book.refusals, book.events, ctx.raised)


class _Book:
    """One account and what happened to it.

    due: the time after which something besides the bars is due: a split or dividend, the close of a day, a
    cancel on its way.
    """

    def __init__(
        self,
        market: BarMarket,
        rules: Rules,
        broker: SimulatedBroker,
        cash: Money,
        actions: Iterable[CorporateAction],
        kind: AccountKind,
    ) -> None:
        self.account = Account(UUID(int=0))
        self.events: list[Event] = []
        self.fills: list[OrderFilled] = []
        self.refusals: list[Refusal] = []
        self._market, self._rules, self._broker = market, rules, broker
        self._memory = Memory()
        self._margin = kind is AccountKind.MARGIN
        self._wire = Wire(broker.costs.latency) if broker.costs.latency else None
        self._actions = deque(sorted(actions, key=lambda action: action.ex_date))
        self._next_action = _midnight(self._actions)
        watched = self._margin or _limits_losses(rules)
        self._next_close = market.first_close if watched else _NEVER
        self.due = 0
        self._look_ahead()
        nobody = UUID(int=0)
        self.take([OpenAccount(nobody, nobody, nobody, "USD", kind), DepositCash(cash)])

    def match(self, bars: Mapping[Symbol, Bar]) -> None:
        """The bars against the open orders, then against the exits this activated."""
        broker, market, memory = self._broker, self._market, self._memory
        orders, margin = self.account.orders, self._margin
        self.take(broker.reports(orders.values(), bars, market.time, market, memory, margin=margin))
        if memory.entries:
            self.take(broker.follow_up(orders.values(), bars, market.time, market, memory, margin=margin))

    def keep_dates(self, bars: Mapping[Symbol, Bar]) -> None:
        """A step in which something besides the bars is due."""
        time = self._market.time
        while self._next_action < time:
            self.take([ApplyCorporateAction(self._actions.popleft())])
            self._next_action = _midnight(self._actions)
        if self._wire is not None:
            opened = time - 1 if self._market.opens else self._market.before
            self.take(self._wire.arrived(time - 1 if opened is None else opened))
        if self.account.orders:
            self.match(bars)
        if self._wire is not None:
            self.take(self._wire.arrived(time))
        if time >= self._next_close:
            self._close()
        self._look_ahead()

    def ask(self, asked: Iterable[Command]) -> None:
        """Decide what a strategy asked; what changes an order at the market takes its time to get there."""
        if self._wire is None:
            self.take(asked)
            return
        for command in asked:
            if isinstance(command, CancelOrder | ReplaceOrder):
                self._wire.send(command, self._market.time)
            else:
                self.take([command])
        self._look_ahead()

    def _close(self) -> None:
        """The end of a day: interest for the nights until the next one, then the value of everything."""
        day, following = day_of(self._market.time), self._market.day_end
        if self._margin and following is not None and self._borrows():
            self.take([AccrueInterest(day_of(following) - day)])
        self.take([RevaluePortfolio(self._market.step)])
        self._next_close = _NEVER if following is None else following

    def _borrows(self) -> bool:
        account = self.account
        return account.cash < 0 or any(position.qty < 0 for position in account.positions.values())

    def _look_ahead(self) -> None:
        self.due = min(self._next_action, self._next_close - 1)
        if self._wire is not None and self._wire.next_at is not None:
            self.due = min(self.due, self._wire.next_at - 1)

    def take(self, commands: Iterable[Command]) -> None:
        """Decide the commands one after the other."""
        account, market, rules, record = self.account, self._market, self._rules, self.events.append
        for command in commands:
            decision = decide(account, command, market, rules)
            if decision.refusal is not None:
                self.refusals.append(decision.refusal)
            for event in decision.events:
                apply(account, event)
                record(event)
                if type(event) is OrderFilled:
                    self.fills.append(event)


def day_of(time: int) -> int:
    """Number of the day a bar belongs to by its time, microseconds."""
    return -(-time // _DAY)


def _limits_losses(rules: Rules) -> bool:
    """Whether the rules go by the equity at closes."""
    limits = rules.limits
    losses = (limits.daily_loss, limits.weekly_loss, limits.monthly_loss, limits.drawdown)
    return any(loss is not None for loss in losses)


def _check(bars: Sequence[Bar], by_symbol: Mapping[Symbol, Bar]) -> None:
    if not bars or len(by_symbol) < len(bars):
        raise InvalidValue(
            "bars", "at least one instrument, each of them once", f"{len(bars)} of {list(by_symbol)}"
        )
    for bar in bars:
        bar.rewind()


def _by_symbol(actions: Iterable[CorporateAction]) -> dict[Symbol, list[CorporateAction]]:
    grouped: dict[Symbol, list[CorporateAction]] = {}
    for action in actions:
        grouped.setdefault(action.symbol, []).append(action)
    return grouped


def _midnight(actions: Sequence[CorporateAction]) -> int:
    """Start of the first action's ex-date, microseconds UTC."""
    return (actions[0].ex_date.toordinal() - _EPOCH) * _DAY if actions else _NEVER


def _steps(bars: Sequence[Bar]) -> Iterator[tuple[int, list[Bar]]]:
    """(time, bars that have just moved) in time order; bars of one time are one step."""
    times = np.concatenate([bar.times for bar in bars])
    owners = np.repeat(np.arange(len(bars)), [len(bar) for bar in bars])
    order = np.lexsort((owners, times))
    ranked = owners[order].tolist()
    steps, firsts = np.unique(times[order], return_index=True)
    lasts = np.append(firsts[1:], len(ranked))
    for time, first, last in zip(steps.tolist(), firsts.tolist(), lasts.tolist(), strict=True):
        moved = [bars[owner] for owner in ranked[first:last]]
        for bar in moved:
            bar.move(bar.index + 1)
        yield time, moved
