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

from traderbot.backtests.bar_market import BarMarket, day_of
from traderbot.engine.apply import apply
from traderbot.engine.decide import decide
from traderbot.model.account import Account, AccountKind
from traderbot.model.actions import CorporateAction
from traderbot.model.amounts import Money
from traderbot.model.bars import Bar, Floats
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
from traderbot.model.membership import Membership
from traderbot.model.reasons import Refusal
from traderbot.model.rules import Rules
from traderbot.model.sentiment import NewsItem
from traderbot.model.symbols import Symbol
from traderbot.simulation.broker import SimulatedBroker
from traderbot.simulation.costs import Costs
from traderbot.simulation.memory import Memory
from traderbot.simulation.wire import Wire
from traderbot.strategies.base import Coarser, Context, RaisedSignal, Strategy
from traderbot.strategies.faults import failure_of
from traderbot.strategies.signals import Frame, SignalStrategy, check_causal, frame_of, since_first_bars

_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()
_NEVER = 1 << 63


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
    start: int = 0,
    coarser: Coarser | None = None,
    news: Sequence[NewsItem] = (),
    membership: Membership | None = None,
) -> Result:
    """Play the bars in time order. A strategy's orders are matched from the bar after the one it saw.

    rules: by default those that hold for just the costs. start: from when the strategy acts, microseconds;
    bars before are history. coarser: for strategies that look at several time frames, see market/resampling.
    news: told to the strategy at the first step at which an item is known. membership: who belonged to the
    index when.
    Errors: InvalidValue, StrategyFailed.
    """
    costs = costs or Costs()
    rules = rules or costs.rules
    by_symbol = {bar.symbol: bar for bar in bars}
    _check(bars, by_symbol)
    market = BarMarket(by_symbol)
    book = _Book(market, rules, SimulatedBroker(costs, rules), cash, actions, kind)
    ids = (msgspec.convert(number.to_bytes(16), UUID) for number in count(1))
    grouped = _by_symbol(actions)
    ctx = Context(book.account, market, by_symbol, ids.__next__, grouped, rules, coarser, membership)
    try:
        strategy.on_start(ctx)
        if isinstance(strategy, SignalStrategy) and type(strategy).on_step is SignalStrategy.on_step:
            _play_signals(strategy, bars, book, ctx, frame_of(bars, grouped, membership), start, news)
        elif len(bars) == 1 and not (start or news) and type(strategy).on_step is Strategy.on_step:
            _play_one(strategy, bars[0], book, ctx)
        else:
            _play(strategy, bars, book, ctx, start, news)
    except (Exception, SystemExit) as error:
        failure = failure_of(strategy, market.time, error)
        if failure is None:
            raise
        raise failure from error
    return Result(book.account, ctx.equity, book.fills, book.refusals, book.events, ctx.raised)


def _play(
    strategy: Strategy,
    bars: Sequence[Bar],
    book: "_Book",
    ctx: Context,
    start: int,
    news: Sequence[NewsItem],
) -> None:
    """Step by step."""
    market, asked, orders = book.market, ctx.asked, book.account.orders
    told = _Told(strategy, book, news)
    for market.time, moved in _steps(bars):
        if market.time > book.due:
            book.keep_dates({bar.symbol: bar for bar in moved})
        elif orders:
            book.match({bar.symbol: bar for bar in moved})
        if market.time < start:
            continue
        told.tell(ctx)
        strategy.on_step(ctx, moved)
        if asked:
            book.ask(ctx.take_asked())


def _play_one(strategy: Strategy, bar: Bar, book: "_Book", ctx: Context) -> None:
    """As `_play`, of one instrument."""
    market, asked, orders, by_symbol = book.market, ctx.asked, book.account.orders, {bar.symbol: bar}
    on_bar, told = strategy.on_bar, _Told(strategy, book)
    for market.time, bar.index, bar.close in bar.places():  # noqa: B020 - moves the one bar
        if market.time > book.due:
            book.keep_dates(by_symbol)
            told.tell(ctx)
        elif orders:
            book.match(by_symbol)
            told.tell(ctx)
        on_bar(ctx, bar)
        if asked:
            book.ask(ctx.take_asked())


def _play_signals(
    strategy: SignalStrategy,
    bars: Sequence[Bar],
    book: "_Book",
    ctx: Context,
    frame: Frame,
    start: int,
    news: Sequence[NewsItem],
) -> None:
    """As `_play`, with the signal of all bars at once and without the steps in which nothing is due."""
    targets = strategy.targets(frame)
    check_causal(strategy, frame, targets)
    targets = since_first_bars(frame, targets)
    market, orders, told = book.market, book.account.orders, _Told(strategy, book, news)
    times, symbols = frame.times.tolist(), frame.symbols
    places = np.stack([np.searchsorted(bar.whole()[0], frame.times, "right") - 1 for bar in bars], axis=1)
    first = bisect_left(times, start)
    turns = _turns(targets, first)
    step, idle = -1, not told.news
    while True:
        step += 1
        if idle:
            step = max(step, min(turns[bisect_left(turns, step)], bisect_right(times, book.due)))
        if step >= len(times):
            break
        market.time = times[step]
        moved = dict(_moved(bars, places[step].tolist(), market.time))
        if market.time > book.due:
            book.keep_dates(moved)
        elif orders:
            book.match(moved)
        if step >= first:
            told.tell(ctx)
            strategy.follow(ctx, symbols, targets[step].tolist(), targets[max(step - 1, 0)].tolist())
            if ctx.asked:
                book.ask(ctx.take_asked())
        idle = not orders and not told.news and strategy.done(ctx)
    market.time = times[-1]
    for bar in bars:
        bar.move(len(bar) - 1)


def _turns(targets: Floats, first: int) -> list[int]:
    """Rows from `first` on in which a target may differ from the one before, then one row too far."""
    before = np.vstack([np.full(targets.shape[1], np.nan), targets[:-1]])
    changed = (~np.isnan(targets) & (targets != before)).any(axis=1)
    if first < len(targets):
        changed[first] = True
    changed[:first] = False
    return [*np.flatnonzero(changed).tolist(), len(targets)]


def _moved(bars: Sequence[Bar], places: Sequence[int], time: int) -> Iterator[tuple[Symbol, Bar]]:
    """Move the bars to these places. Yields: those that are of just this time."""
    for bar, place in zip(bars, places, strict=True):
        if place >= 0:
            bar.move(place)
            if bar.time == time:
                yield bar.symbol, bar


class _Told:
    """Tells a strategy of its executions and of news, if it listens. news: what it has not been told yet."""

    def __init__(self, strategy: Strategy, book: "_Book", news: Sequence[NewsItem] = ()) -> None:
        self._strategy = strategy
        self._fills = book.fills
        self._listens = type(strategy).on_fill is not Strategy.on_fill
        self._told = 0
        awaited = news if type(strategy).on_news is not Strategy.on_news else ()
        self.news = deque(sorted(awaited, key=lambda item: item.known_at))

    def tell(self, ctx: Context) -> None:
        if self._listens:
            for fill in self._fills[self._told :]:
                self._strategy.on_fill(ctx, fill)
            self._told = len(self._fills)
        while self.news and self.news[0].known_at <= ctx.time:
            self._strategy.on_news(ctx, self.news.popleft())


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
        self.market, self._rules, self._broker = market, rules, broker
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
        broker, market, memory = self._broker, self.market, self._memory
        orders, margin = self.account.orders, self._margin
        self.take(broker.reports(orders.values(), bars, market.time, market, memory, margin=margin))
        if memory.entries:
            self.take(broker.follow_up(orders.values(), bars, market.time, market, memory, margin=margin))

    def keep_dates(self, bars: Mapping[Symbol, Bar]) -> None:
        """A step in which something besides the bars is due."""
        time = self.market.time
        while self._next_action < time:
            self.take([ApplyCorporateAction(self._actions.popleft())])
            self._next_action = _midnight(self._actions)
        if self._wire is not None:
            opened = time - 1 if self.market.opens else self.market.before
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
                self._wire.send(command, self.market.time)
            else:
                self.take([command])
        self._look_ahead()

    def _close(self) -> None:
        """The end of a day: interest for the nights until the next one, then the value of everything."""
        day, following = day_of(self.market.time), self.market.day_end
        if self._margin and following is not None and self._borrows():
            self.take([AccrueInterest(day_of(following) - day)])
        self.take([RevaluePortfolio(self.market.step)])
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
        account, market, rules, record = self.account, self.market, self._rules, self.events.append
        for command in commands:
            decision = decide(account, command, market, rules)
            if decision.refusal is not None:
                self.refusals.append(decision.refusal)
            for event in decision.events:
                apply(account, event)
                record(event)
                if type(event) is OrderFilled:
                    self.fills.append(event)


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
