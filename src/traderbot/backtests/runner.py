"""Run a strategy over bars through the same engine and simulated broker as paper, in memory.

A step is every bar of one time: splits and dividends due, then the bars against the orders placed before
them and against the exits that this activated, at the close of a day interest and valuation where somebody
goes by them, then the strategy, bar by bar, then the decisions on what it asked.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TypeGuard

import msgspec
import numpy as np

from traderbot.backtests.bar_market import BarMarket, movements
from traderbot.backtests.book import Book
from traderbot.backtests.collecting import seldom
from traderbot.backtests.resumed import Resumed, numbers
from traderbot.backtests.turning import Turns, targets_of, turns_of
from traderbot.model.account import Account, AccountKind
from traderbot.model.actions import CorporateAction
from traderbot.model.amounts import Money
from traderbot.model.bars import Bar
from traderbot.model.errors import InvalidValue
from traderbot.model.events import Event, OrderFilled
from traderbot.model.membership import Membership
from traderbot.model.reasons import Refusal
from traderbot.model.rules import Rules
from traderbot.model.sentiment import NewsItem
from traderbot.model.symbols import Symbol
from traderbot.simulation.broker import SimulatedBroker
from traderbot.simulation.costs import Costs
from traderbot.strategies.base import Coarser, Context, RaisedSignal, Strategy
from traderbot.strategies.causality import check_causal, whole
from traderbot.strategies.faults import failure_of
from traderbot.strategies.signals import Frame, SignalStrategy, frame_of


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


@seldom()
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
    resumed: Resumed | None = None,
) -> Result:
    """Play the bars in time order. A strategy's orders are matched from the bar after the one it saw.

    rules: by default those that hold for just the costs. start: from when the strategy acts, microseconds;
    bars before are history. coarser: for strategies that look at several time frames, see market/resampling.
    news: told to the strategy at the first step at which an item is known. membership: who belonged to the
    index when. resumed: an account that the run goes on with. Errors: InvalidValue, StrategyFailed.
    """
    costs = costs or Costs()
    rules = rules or costs.rules
    by_symbol = _checked(bars)
    market = BarMarket(by_symbol)
    book = Book(market, rules, SimulatedBroker(costs, rules), cash, actions, kind, resumed)
    new_id = numbers() if resumed is None else lambda: resumed.new_id(market.time)
    grouped, on_step = _by_symbol(actions), type(strategy).on_step
    ctx = Context(book.account, market, by_symbol, new_id, grouped, rules, coarser, membership)
    with _failing(strategy, market):
        if resumed is None or not resumed.begun:
            strategy.on_start(ctx)
        if _is_whole(strategy, resumed):
            _play_signals(strategy, bars, book, ctx, frame_of(bars, grouped, membership), start, news)
        elif len(bars) == 1 and not (start or news or resumed) and on_step is Strategy.on_step:
            _play_one(strategy, bars[0], book, ctx)
        else:
            _play(strategy, bars, book, ctx, start, news)
    return Result(book.account, ctx.equity, book.fills, book.refusals, book.events, ctx.raised)


@contextmanager
def _failing(strategy: Strategy, market: BarMarket) -> Iterator[None]:
    """What a strategy raises is told with its name, line and bar. Errors: StrategyFailed."""
    try:
        yield
    except (Exception, SystemExit) as error:
        failure = failure_of(strategy, market.time, error)
        if failure is None:
            raise
        raise failure from error


def _is_whole(strategy: Strategy, resumed: Resumed | None) -> TypeGuard[SignalStrategy]:
    """Whether all targets can be asked for at once; one that has begun goes by those it has seen."""
    begun = resumed is not None and resumed.begun
    return isinstance(strategy, SignalStrategy) and whole(strategy) and not begun


def _play(
    strategy: Strategy,
    bars: Sequence[Bar],
    book: Book,
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
        elif orders and market.time > book.stands:
            book.match({bar.symbol: bar for bar in moved})
        if market.time < start:
            continue
        told.tell(ctx)
        strategy.on_step(ctx, moved)
        if asked:
            book.ask(ctx.take_asked())


def _play_one(strategy: Strategy, bar: Bar, book: Book, ctx: Context) -> None:
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
    book: Book,
    ctx: Context,
    frame: Frame,
    start: int,
    news: Sequence[NewsItem],
) -> None:
    """As `_play`, with the signal of all bars at once and without the steps in which nothing is due."""
    targets = targets_of(strategy, frame).copy()  # it may answer in the same memory each time
    market, orders, told = book.market, book.account.orders, _Told(strategy, book, news)
    times, last = market.times, market.times[-1]
    first = bisect_left(times, start)
    turns = Turns(turns_of(strategy, frame, targets, first), frame.symbols, len(times))
    check_causal(strategy, frame, targets)
    moved_at = movements(bars, market.times)
    step, idle = -1, not told.news
    while True:
        step += 1
        if idle:
            step = turns.due(step)
            if book.due < last:
                step = min(step, bisect_right(times, book.due))
        if step >= len(times):
            break
        market.time = times[step]
        moved = moved_at(step)
        if market.time > book.due:
            book.keep_dates(moved)
        elif orders and market.time > book.stands:
            book.match(moved)
        if step >= first:
            told.tell(ctx)
            strategy.turn(ctx, turns.at(step))
            if ctx.asked:
                book.ask(ctx.take_asked())
        idle = not orders and not told.news and strategy.done(ctx)
    market.time = last
    for bar in bars:
        if len(bar):
            bar.move(len(bar) - 1)


class _Told:
    """Tells a strategy of its executions and of news, if it listens. news: what it has not been told yet."""

    def __init__(self, strategy: Strategy, book: Book, news: Sequence[NewsItem] = ()) -> None:
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


def _checked(bars: Sequence[Bar]) -> dict[Symbol, Bar]:
    """The bars by symbol, each before its first. Errors: InvalidValue."""
    by_symbol = {bar.symbol: bar for bar in bars}
    if not bars or len(by_symbol) < len(bars):
        raise InvalidValue(
            "bars", "at least one instrument, each of them once", f"{len(bars)} of {list(by_symbol)}"
        )
    for bar in bars:
        bar.rewind()
    return by_symbol


def _by_symbol(actions: Iterable[CorporateAction]) -> dict[Symbol, list[CorporateAction]]:
    grouped: dict[Symbol, list[CorporateAction]] = {}
    for action in actions:
        grouped.setdefault(action.symbol, []).append(action)
    return grouped


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
