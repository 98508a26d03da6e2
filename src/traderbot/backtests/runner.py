"""Run a strategy over bars through the same engine and simulated broker as paper, in memory.

A step is every bar of one time: splits and dividends due, then the bars against the orders placed before
them, then the strategy, bar by bar, then the decisions on what it asked.
"""

from bisect import bisect_right
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
from traderbot.engine.market import Mark
from traderbot.model.account import Account
from traderbot.model.actions import CorporateAction
from traderbot.model.amounts import Money
from traderbot.model.bars import Bar
from traderbot.model.border import price_from_float
from traderbot.model.commands import ApplyCorporateAction, Command, DepositCash, OpenAccount, Rules
from traderbot.model.errors import InvalidValue
from traderbot.model.events import Event, OrderFilled
from traderbot.model.reasons import Refusal
from traderbot.model.symbols import Symbol
from traderbot.simulation.broker import SimulatedBroker
from traderbot.simulation.costs import Costs
from traderbot.strategies.base import Context, RaisedSignal, Strategy

_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()
_NEVER = 1 << 63


class BarMarket:
    """The market a backtest decides on: marks are the closes of the bars played so far.

    A day ends with its last bar; a bar that closes at midnight UTC belongs to the day before.
    """

    __slots__ = ("_asked_at", "_bars", "_day_end", "_times", "time")

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
            midnight = -(-self._times[following] // _DAY) * _DAY
            self._day_end = self._times[bisect_right(self._times, midnight, following) - 1]
            self._asked_at = self.time
        return self._day_end

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
) -> Result:
    """Play the bars in time order. A strategy's orders are matched from the bar after the one it saw.

    rules: by default with the fee rate of the costs. Errors: InvalidValue.
    """
    costs = costs or Costs()
    rules = rules or Rules(fee_rate=costs.fee_rate)
    by_symbol = {bar.symbol: bar for bar in bars}
    _check(bars, by_symbol, rules, costs)
    market = BarMarket(by_symbol)
    book = _Book(market, rules, SimulatedBroker(costs), cash, actions)
    ids = (UUID(int=number) for number in count(1))
    ctx = Context(book.account, market, by_symbol, ids.__next__, _by_symbol(actions))
    strategy.on_start(ctx)
    on_bar, asked, orders = strategy.on_bar, ctx.asked, book.account.orders
    if len(bars) == 1:
        (bar,) = bars
        for market.time, bar.index, bar.close in bar.places():  # noqa: B020 - moves the one bar
            if market.time > book.next_action:
                book.apply_actions()
            if orders:
                book.match(by_symbol)
            on_bar(ctx, bar)
            if asked:
                book.take(ctx.take_asked())
    else:
        for market.time, moved in _steps(bars):
            if market.time > book.next_action:
                book.apply_actions()
            if orders:
                book.match({bar.symbol: bar for bar in moved})
            for bar in moved:
                on_bar(ctx, bar)
            if asked:
                book.take(ctx.take_asked())
    return Result(book.account, ctx.equity, book.fills, book.refusals, book.events, ctx.raised)


class _Book:
    """One account and what happened to it.

    next_action: midnight UTC at which the next split or dividend is due.
    """

    def __init__(
        self,
        market: BarMarket,
        rules: Rules,
        broker: SimulatedBroker,
        cash: Money,
        actions: Iterable[CorporateAction],
    ) -> None:
        self.account = Account(UUID(int=0))
        self.events: list[Event] = []
        self.fills: list[OrderFilled] = []
        self.refusals: list[Refusal] = []
        self._market, self._rules, self._broker = market, rules, broker
        self._actions = deque(sorted(actions, key=lambda action: action.ex_date))
        self.next_action = _midnight(self._actions)
        nobody = UUID(int=0)
        self.take([OpenAccount(nobody, nobody, nobody, "USD"), DepositCash(cash)])

    def apply_actions(self) -> None:
        """Splits and dividends with an ex-date up to now."""
        while self.next_action < self._market.time:
            self.take([ApplyCorporateAction(self._actions.popleft())])
            self.next_action = _midnight(self._actions)

    def match(self, bars: Mapping[Symbol, Bar]) -> None:
        self.take(self._broker.reports(self.account.orders.values(), bars, self._market.time))

    def take(self, commands: Iterable[Command]) -> None:
        """Decide the commands one after the other."""
        account, market, rules = self.account, self._market, self._rules
        for command in commands:
            events, refusal = decide(account, command, market, rules)
            if refusal is not None:
                self.refusals.append(refusal)
            for event in events:
                apply(account, event)
                self.events.append(event)
                if type(event) is OrderFilled:
                    self.fills.append(event)


def _check(bars: Sequence[Bar], by_symbol: Mapping[Symbol, Bar], rules: Rules, costs: Costs) -> None:
    if not bars or len(by_symbol) < len(bars):
        raise InvalidValue(
            "bars", "at least one instrument, each of them once", f"{len(bars)} of {list(by_symbol)}"
        )
    if costs.fee_rate > rules.fee_rate:
        raise InvalidValue("fee_rate", f"costs no higher than the rules' {rules.fee_rate}", costs.fee_rate)
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
