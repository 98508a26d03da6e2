"""An account that can be played with, and an auditor that knows the books only from the events."""

from collections import deque
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import count
from math import ceil
from typing import Any
from uuid import UUID

import numpy as np

from traderbot.engine import apply as applying
from traderbot.engine import decide as deciding
from traderbot.engine import ledger
from traderbot.engine.decide import Decision
from traderbot.engine.market import Mark
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.account import Account
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.bars import Bar
from traderbot.model.orders import Order, OrderStatus, OrderType, Side, TimeInForce
from traderbot.model.symbols import Symbol
from traderbot.simulation.broker import SimulatedBroker
from traderbot.simulation.costs import Costs

MICRO = Fraction(1, 1_000_000)
DAY = 86_400_000_000
AAA, BBB = Symbol("AAA"), Symbol("BBB")
NOBODY = UUID(int=0)
D = Decimal
NOTHING = D(0)
_OPEN = {"accepted", "partially_filled"}
_LEGAL = {
    ("accepted", "partially_filled"),
    ("accepted", "filled"),
    ("accepted", "canceled"),
    ("accepted", "expired"),
    ("accepted", "replaced"),
    ("partially_filled", "partially_filled"),
    ("partially_filled", "filled"),
    ("partially_filled", "canceled"),
    ("partially_filled", "expired"),
    ("partially_filled", "replaced"),
}


@dataclass
class Exchange:
    """A market whose marks the test sets."""

    time: int = 100 * DAY
    marks: dict[Symbol, Mark] = field(default_factory=dict)
    ended: bool = False

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
        self, cash: str = "100000", rules: c.Rules | None = None, costs: Costs | None = None
    ) -> None:
        self.account = Account(NOBODY)
        self.market = Exchange()
        self.rules = rules or c.Rules()
        self.broker = SimulatedBroker(costs or Costs())
        self.events: list[e.Event] = []
        self.ids = count(1)
        self.market.quote(AAA, "10")
        self.market.quote(BBB, "50")
        self.do(c.OpenAccount(NOBODY, UUID(int=7), UUID(int=8), "USD"))
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


@dataclass
class _Audited:
    """What the auditor knows of an order."""

    side: str
    symbol: Symbol
    qty: Decimal
    price_max: Decimal
    fee_rate: Decimal
    hold: Decimal
    status: str = "accepted"
    filled: Decimal = NOTHING
    value: Decimal = NOTHING
    exact: Fraction = Fraction(0)
    fills: int = 0

    def become(self, status: str) -> None:
        assert (self.status, status) in _LEGAL, (self.status, status)
        self.status = status


def worst_cost(qty: Decimal, price_max: Decimal, fee_rate: Decimal) -> Decimal:
    """What a buy may cost at worst, up to the next millionth, and one more for the rounding of its value."""
    micros = Fraction(qty) * Fraction(price_max) * (1 + Fraction(fee_rate)) / MICRO
    return Decimal(ceil(micros) + 1).scaleb(-6)


class Auditor:
    """Keeps its own books from the events alone, in its own way, and compares."""

    def __init__(self) -> None:
        self.cash = self.flows = self.realised = self.fees = self.dividends = D(0)
        self.gains: dict[Symbol, Decimal] = {}
        self.lots: dict[Symbol, deque[list[Decimal]]] = {}
        self.orders: dict[UUID, _Audited] = {}
        self.executions: set[UUID] = set()
        self.posted: dict[str, Decimal] = {}

    def take(self, event: e.Event) -> None:
        entries = ledger.postings(event)
        assert sum(entry.amount for entry in entries) == 0, "an event's postings sum to zero"
        for entry in entries:
            self.posted[entry.ledger] = self.posted.get(entry.ledger, D(0)) + entry.amount
        match event:
            case e.CashMoved():
                self.cash += event.amount
                self.flows += event.amount
            case e.OrderPlaced():
                self.placed(event)
            case e.OrderFilled():
                self.filled(event)
            case e.OrderCancelled():
                self.ended(event.order_id, "canceled")
            case e.OrderExpired():
                self.ended(event.order_id, "expired")
            case e.OrderReplaced():
                self.ended(event.order_id, "replaced")
            case e.CorporateActionApplied():
                self.acted(event)

    def placed(self, event: e.OrderPlaced) -> None:
        assert event.order_id not in self.orders
        assert event.qty > 0
        if event.side is Side.BUY:
            assert event.hold == worst_cost(event.qty, event.price_max, event.fee_rate)
        else:
            assert event.hold == 0
        self.orders[event.order_id] = _Audited(
            event.side.value, event.symbol, event.qty, event.price_max, event.fee_rate, event.hold
        )

    def filled(self, event: e.OrderFilled) -> None:
        assert event.execution_id not in self.executions, "an execution counts once"
        self.executions.add(event.execution_id)
        order = self.orders[event.order_id]
        assert (order.side, order.symbol) == (event.side.value, event.symbol)
        order.become(event.status.value)
        order.filled += event.qty
        order.value += event.notional
        order.exact += Fraction(event.price) * Fraction(event.qty)
        order.fills += 1
        assert event.qty > 0
        assert order.filled <= order.qty
        assert (order.filled == order.qty) is (event.status is OrderStatus.FILLED)
        assert (event.filled_qty, event.filled_value) == (order.filled, order.value)
        assert abs(Fraction(event.notional) - Fraction(event.price) * Fraction(event.qty)) <= MICRO / 2
        assert event.fee >= 0
        if event.side is Side.BUY and order.filled < order.qty:
            worst = worst_cost(order.qty - order.filled, order.price_max, order.fee_rate)
            assert min(worst, order.hold - event.notional - event.fee) <= event.hold <= worst
        else:
            assert event.hold == 0
        order.hold = event.hold
        self.cash += (event.notional if event.side is Side.SELL else -event.notional) - event.fee
        self.fees += event.fee
        lots = self.lots.setdefault(event.symbol, deque())
        if event.side is Side.BUY:
            lots.append([event.qty, event.notional])
            assert event.realised == 0
        else:
            self.sold(lots, event)
        assert event.position_qty == sum((qty for qty, _ in lots), D(0))

    def sold(self, lots: deque[list[Decimal]], event: e.OrderFilled) -> None:
        """First in, first out; part of a lot carries its share of the cost to half a millionth."""
        left, cost, relieved = event.qty, D(0), list(event.relief)
        while relieved:
            part, lot = relieved.pop(0), lots[0]
            share = Fraction(lot[1]) * (Fraction(part.qty) / Fraction(lot[0]) if lot[0] else 1)
            assert part.qty == min(left, lot[0])
            assert abs(Fraction(part.cost) - share) <= MICRO / 2
            left, cost = left - part.qty, cost + part.cost
            lot[0], lot[1] = lot[0] - part.qty, lot[1] - part.cost
            if not lot[0]:
                assert lot[1] == 0, "a lot used up leaves no cost"
                lots.popleft()
        assert left == 0, "the relief sums to the sale"
        assert event.realised == event.notional - cost
        self.realised += event.realised
        self.gains[event.symbol] = self.gains.get(event.symbol, D(0)) + event.realised

    def ended(self, order_id: UUID, status: str) -> None:
        self.orders[order_id].become(status)
        self.orders[order_id].hold = D(0)

    def acted(self, event: e.CorporateActionApplied) -> None:
        lots = self.lots.setdefault(event.symbol, deque())
        held = sum((qty for qty, _ in lots), D(0))
        if event.kind is ActionKind.DIVIDEND:
            assert event.cash is not None
            assert event.amount is not None
            assert abs(Fraction(event.cash) - Fraction(held) * Fraction(event.amount)) <= MICRO / 2
            self.cash += event.cash
            self.dividends += event.cash
            return
        ratio = Fraction(event.new, event.old)
        assert abs(Fraction(event.position_qty) - Fraction(held) * ratio) < Fraction(1, 10**9)
        for lot, adjusted in zip(lots, event.lots, strict=True):
            assert abs(Fraction(adjusted.qty) - Fraction(lot[0]) * ratio) <= Fraction(1, 10**9)
            lot[0] = adjusted.qty
        assert sum((qty for qty, _ in lots), D(0)) == event.position_qty
        adjusted_orders = {change.order_id: change for change in event.orders}
        for order_id, order in self.orders.items():
            if order.symbol == event.symbol and order.status in _OPEN:
                change = adjusted_orders.pop(order_id)
                assert change.qty > change.filled_qty >= 0
                assert abs(Fraction(change.qty) - Fraction(order.qty) * ratio) < Fraction(2, 10**9)
                order.qty, order.filled, order.price_max = change.qty, change.filled_qty, change.price_max
        assert not adjusted_orders

    def compare(self, account: Account) -> None:
        """Every invariant of the account, against these books."""
        working = {order_id: order for order_id, order in self.orders.items() if order.status in _OPEN}
        assert account.cash == self.cash == self.posted.get("cash", D(0))
        assert {name: amount for name, amount in account.balances.items() if amount} == {
            name: amount for name, amount in self.posted.items() if amount
        }
        assert sum(account.balances.values(), D(0)) == 0
        assert list(account.orders) == list(working)
        for order_id, order in working.items():
            self._compare_order(account.orders[order_id], order)
        assert account.held == sum((order.hold for order in working.values()), D(0))
        assert account.available == account.cash - account.held >= 0
        self._compare_positions(account, working)
        cost = sum((position.cost for position in account.positions.values()), D(0))
        gains = self.flows + self.realised + self.dividends - self.fees
        assert account.cash + cost == gains, "equity = flows + realised + unrealised - fees + dividends"
        assert -account.balances.get("realised", D(0)) == self.realised
        assert account.balances.get("securities", D(0)) == cost

    def _compare_order(self, order: Order, known: _Audited) -> None:
        assert (order.qty, order.filled_qty, order.filled_value) == (known.qty, known.filled, known.value)
        assert order.status.value == known.status
        assert order.remaining == known.qty - known.filled > 0
        assert order.hold == known.hold >= 0
        assert abs(Fraction(known.value) - known.exact) <= known.fills * MICRO / 2

    def _compare_positions(self, account: Account, working: dict[UUID, _Audited]) -> None:
        for symbol, lots in self.lots.items():
            if symbol not in account.positions:
                assert not lots
                continue
            position = account.positions[symbol]
            assert [[lot.qty, lot.cost] for lot in position.lots] == list(lots)
            assert position.qty == sum((qty for qty, _ in lots), D(0)) >= 0
            assert position.cost == sum((cost for _, cost in lots), D(0))
            assert position.qty or not position.cost, "flat means no cost"
            assert position.realised == self.gains.get(symbol, D(0))
        for symbol in {AAA, BBB, *account.reserved}:
            sells = [order for order in working.values() if order.symbol == symbol and order.side == "sell"]
            reserved = sum((order.qty - order.filled for order in sells), D(0))
            assert account.reserved.get(symbol, D(0)) == reserved <= account.quantity(symbol)


def audit(account: Account, events: list[e.Event]) -> None:
    """Check every invariant after the last event, and that folding the events again gives the account."""
    auditor = Auditor()
    for event in events:
        auditor.take(event)
    auditor.compare(account)
    assert applying.fold(Account(account.id), events) == account


Step = tuple[Any, ...]


def play(desk: Desk, step: Step) -> None:
    """Do what a drawn step says, to whatever is there."""
    match step:
        case ("place", side, symbol, qty, limit, tif):
            desk.place(side, str(qty), None if limit is None else str(limit), symbol, tif)
        case ("bar", symbol, opening, spread, volume):
            high, low = opening * (1 + spread), max(opening * (1 - spread), D("0.0001"))
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
            desk.do(c.ResumeTrading())
        case ("revalue",):
            desk.do(c.RevaluePortfolio(1))


def _one(desk: Desk, which: int) -> Order:
    working = list(desk.account.orders.values())
    return working[which % len(working)]
