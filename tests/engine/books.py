"""An account that can be played with, audited by books that know only its events."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

import numpy as np

from properties.audit import Books
from traderbot.engine import apply as applying
from traderbot.engine import decide as deciding
from traderbot.engine.decision import Decision
from traderbot.engine.market import Mark, Phase
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.account import Account, AccountKind
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.bars import Bar
from traderbot.model.orders import Order, OrderType, Side, TimeInForce
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.simulation.broker import SimulatedBroker
from traderbot.simulation.costs import Costs

DAY = 86_400_000_000
AAA, BBB = Symbol("AAA"), Symbol("BBB")
NOBODY = UUID(int=0)


@dataclass
class Exchange:
    """A market whose marks the test sets."""

    time: int = 100 * DAY
    marks: dict[Symbol, Mark] = field(default_factory=dict)
    ended: bool = False
    phase: Phase = Phase.OPEN

    @property
    def day_end(self) -> int:
        return self.time + DAY

    def mark(self, symbol: Symbol) -> Mark | None:
        return self.marks.get(symbol)

    def quote(self, symbol: Symbol, price: str | Decimal) -> None:
        self.marks[symbol] = Mark(Decimal(price), self.time)


class Desk:
    """One account, its market and everything that happened to it."""

    def __init__(
        self,
        cash: str = "100000",
        rules: Rules | None = None,
        costs: Costs | None = None,
        kind: AccountKind = AccountKind.CASH,
    ) -> None:
        self.account = Account(NOBODY)
        self.market = Exchange()
        self.rules = rules or Rules()
        self.broker = SimulatedBroker(costs or Costs())
        self.events: list[e.Event] = []
        self.ids = count(1)
        self.market.quote(AAA, "10")
        self.market.quote(BBB, "50")
        self.do(c.OpenAccount(NOBODY, UUID(int=7), UUID(int=8), "USD", kind))
        self.do(c.DepositCash(Decimal(cash)))

    def do(self, command: c.Command) -> Decision:
        """Decide and apply, through the modules, so that a planted fault is met."""
        decision = deciding.decide(self.account, command, self.market, self.rules)
        for event in decision.events:
            applying.apply(self.account, event)
            self.events.append(event)
        return decision

    def id(self) -> UUID:
        return UUID(int=next(self.ids))

    def place(
        self, side: str, qty: str, limit: str | None = None, symbol: Symbol = AAA, tif: str = "day"
    ) -> UUID:
        """Ask for an order; its id, whether it was approved or not."""
        order_id = self.id()
        kind = OrderType.MARKET if limit is None else OrderType.LIMIT
        price = None if limit is None else Decimal(limit)
        self.do(c.PlaceOrder(order_id, symbol, Side(side), Decimal(qty), kind, TimeInForce(tif), price))
        return order_id

    def fill(self, order_id: UUID, qty: str, price: str, fee: str = "0") -> Decision:
        return self.do(
            c.RecordExecution(
                order_id, self.id(), Decimal(qty), Decimal(price), Decimal(fee), self.market.time
            )
        )

    def own(self, qty: str, price: str = "10", symbol: Symbol = AAA) -> None:
        """Buy and fill at once."""
        self.fill(self.place("buy", qty, symbol=symbol), qty, price)

    def split(self, new: int, old: int, symbol: Symbol = AAA) -> Decision:
        action = CorporateAction(symbol, date(2020, 1, 1), ActionKind.SPLIT, new=new, old=old)
        return self.do(c.ApplyCorporateAction(action))

    def dividend(self, amount: str, symbol: Symbol = AAA) -> Decision:
        action = CorporateAction(symbol, date(2020, 1, 1), ActionKind.DIVIDEND, Decimal(amount))
        return self.do(c.ApplyCorporateAction(action))

    def bar(self, symbol: Symbol, prices: tuple[str, str, str, str], volume: float = 1e6) -> list[c.Command]:
        """Play the next day's bar (open, high, low, close) against the orders, then mark at the close."""
        self.market.time += DAY
        bar = one_bar(symbol, prices, volume, self.market.time)
        reports = self.broker.reports(self.account.orders.values(), {symbol: bar}, self.market.time)
        for report in reports:
            self.do(report)
        for name in self.market.marks:
            self.market.quote(name, prices[3] if name == symbol else self.market.marks[name].price)
        return reports

    def order(self, order_id: UUID) -> Order:
        return self.account.orders[order_id]

    def audit(self) -> None:
        audit(self.account, self.events)


def one_bar(symbol: Symbol, prices: tuple[str, str, str, str], volume: float, time: int) -> Bar:
    columns = [np.array([float(price)]) for price in prices]
    bar = Bar(symbol, np.array([time]), *columns, np.array([float(volume)]))
    bar.move(0)
    return bar


def audit(account: Account, events: list[e.Event]) -> None:
    """Check every invariant after the last event, and that folding the events again gives the account."""
    books = Books()
    for event in events:
        books.take(event)
    books.compare(account)
    assert applying.fold(Account(account.id), events) == account


Step = tuple[Any, ...]


def play(desk: Desk, step: Step) -> None:
    """Do what a drawn step says, to whatever is there."""
    match step:
        case ("place", side, symbol, qty, limit, tif):
            desk.place(side, str(qty), None if limit is None else str(limit), symbol, tif)
        case ("bar", symbol, opening, spread, volume):
            high, low = opening * (1 + spread), max(opening * (1 - spread), Decimal("0.0001"))
            desk.bar(symbol, (str(opening), str(high), str(low), str(opening)), float(volume))
        case ("cancel", which) if desk.account.orders:
            desk.do(c.CancelOrder(_one(desk, which).id))
        case ("expire", which) if desk.account.orders:
            desk.do(c.ExpireOrder(_one(desk, which).id))
        case ("replace", which, qty, limit) if desk.account.orders:
            desk.do(c.ReplaceOrder(_one(desk, which).id, desk.id(), qty, limit))
        case ("fill", which, qty, price, fee) if desk.account.orders:
            desk.fill(_one(desk, which).id, str(qty), str(price), str(fee))
        case ("fill_rest", which, price) if desk.account.orders:
            order = _one(desk, which)
            desk.fill(order.id, str(order.remaining), str(price))
        case ("split", symbol, new, old):
            desk.split(new, old, symbol)
        case ("dividend", symbol, amount):
            desk.dividend(str(amount), symbol)
        case ("deposit", amount):
            desk.do(c.DepositCash(amount))
        case ("pause",):
            desk.do(c.PauseTrading("a test"))
        case ("resume",):
            desk.do(c.RequestResume("code"))
            desk.do(c.ResumeTrading("code"))
        case ("revalue",):
            desk.do(c.RevaluePortfolio(1))


def _one(desk: Desk, which: int) -> Order:
    working = list(desk.account.orders.values())
    return working[which % len(working)]
