"""One account in a run: commands decided and applied at once, bars matched, dates kept."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from uuid import UUID

from traderbot.backtests.bar_market import BarMarket, day_of
from traderbot.backtests.resumed import Resumed
from traderbot.engine.apply import apply
from traderbot.engine.decide import decide
from traderbot.model.account import Account, AccountKind
from traderbot.model.actions import CorporateAction
from traderbot.model.amounts import Money
from traderbot.model.bars import Bar
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
from traderbot.model.events import Event, OrderFilled
from traderbot.model.reasons import Refusal
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.simulation.broker import SimulatedBroker
from traderbot.simulation.memory import Memory
from traderbot.simulation.wire import Wire

_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()
_NEVER = 1 << 63


class Book:
    """One account and what happened to it.

    due: the time after which something besides the bars is due: a split or dividend, the close of a day, a
    cancel on its way. stands: the time of the last step that was in the account from the start.
    """

    def __init__(
        self,
        market: BarMarket,
        rules: Rules,
        broker: SimulatedBroker,
        cash: Money,
        actions: Iterable[CorporateAction],
        kind: AccountKind,
        resumed: Resumed | None,
    ) -> None:
        self.account = Account(UUID(int=0)) if resumed is None else resumed.account
        self.events: list[Event] = []
        self.fills: list[OrderFilled] = [] if resumed is None else resumed.told
        self.refusals: list[Refusal] = []
        self.market, self._rules, self._broker = market, rules, broker
        self._memory = Memory()
        self._resumed, self.stands = resumed, -1
        self._margin = (kind if resumed is None else self.account.kind) is AccountKind.MARGIN
        self._wire = Wire(broker.costs.latency) if broker.costs.latency else None
        ahead = actions if resumed is None else resumed.ahead(actions)
        self._actions = deque(sorted(ahead, key=lambda action: action.ex_date))
        self._next_action = _midnight(self._actions)
        watched = self._margin or _limits_losses(rules) or self.account.limits is not None
        self._next_close = market.first_close if watched else _NEVER
        if resumed is not None:
            self.stands = market.time = resumed.time
            self._next_close = (market.day_end or _NEVER) if watched else _NEVER
        self.due = 0
        self._look_ahead()
        nobody = UUID(int=0)
        if resumed is None:
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
        if self._resumed is not None:
            self.take(self._resumed.arrived(time))
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
        if self._resumed is not None:
            self.due = min(self.due, self._resumed.next_at - 1)
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


def _midnight(actions: Sequence[CorporateAction]) -> int:
    """Start of the first action's ex-date, microseconds UTC."""
    return (actions[0].ex_date.toordinal() - _EPOCH) * _DAY if actions else _NEVER
