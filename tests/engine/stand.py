"""An account at a market whose prices the test sets, for the rules of orders one at a time."""

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from traderbot.engine.apply import apply, fold
from traderbot.engine.decide import decide
from traderbot.engine.decision import Decision
from traderbot.engine.market import Mark, Phase
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.account import PAPER, Account, AccountKind, Lot, LotMethod
from traderbot.model.orders import Order, OrderClass, OrderType, Side, TimeInForce
from traderbot.model.reasons import Reason
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol

D = Decimal
DAY = 86_400_000_000
AAA, BBB = Symbol("AAA"), Symbol("BBB")
ME = UUID(int=0)


@dataclass
class Floor:
    """A market that stands still until the test moves it."""

    time: int = 100 * DAY
    day_end: int | None = 101 * DAY
    ended: bool = False
    phase: Phase = Phase.OPEN
    marks: dict[Symbol, Mark] = field(default_factory=dict)

    def mark(self, symbol: Symbol) -> Mark | None:
        return self.marks.get(symbol)

    def quote(self, symbol: Symbol, price: str) -> None:
        self.marks[symbol] = Mark(D(price), self.time)


class Stand:
    """One account, its market and what happened to it."""

    def __init__(
        self,
        cash: str = "1000",
        kind: str = "cash",
        broker: str = PAPER,
        rules: Rules | None = None,
        method: str = "fifo",
    ) -> None:
        self.account = Account(ME)
        self.market = Floor()
        self.rules = rules or Rules()
        self.events: list[e.Event] = []
        self._ids = count(1)
        self.market.quote(AAA, "10")
        self.market.quote(BBB, "50")
        self.do(c.OpenAccount(ME, UUID(int=7), UUID(int=8), "USD", AccountKind(kind), broker=broker))
        self.do(c.DepositCash(D(cash)))
        if method != "fifo":
            self.do(c.ChooseLotMethod(LotMethod(method)))

    def do(self, command: c.Command) -> Decision:
        """Decide, apply, and look whether what must always hold still does."""
        decision = decide(self.account, command, self.market, self.rules)
        for event in decision.events:
            apply(self.account, event)
            self.events.append(event)
        self.check()
        return decision

    def id(self) -> UUID:
        return UUID(int=next(self._ids))

    def order(self, side: str, qty: str | None, limit: str | None = None, **terms: Any) -> c.PlaceOrder:
        """A command to place an order of AAA; texts stand for amounts and words."""
        kind = terms.pop("type", "market" if limit is None else "limit")
        tif = TimeInForce(terms.pop("tif", "day"))
        for name in ("notional", "stop_price", "trail_price", "trail_percent"):
            if name in terms:
                terms[name] = D(terms[name])
        gain, loss, loss_limit = (terms.pop(name, None) for name in ("gain", "loss", "loss_limit"))
        if gain is not None:
            terms["take_profit"] = c.TakeProfit(self.id(), D(gain))
        if loss is not None:
            terms["stop_loss"] = c.StopLoss(self.id(), D(loss), None if loss_limit is None else D(loss_limit))
        if "cls" in terms:
            terms["order_class"] = OrderClass(terms.pop("cls"))
        return c.PlaceOrder(
            order_id=self.id(),
            symbol=terms.pop("symbol", AAA),
            side=Side(side),
            qty=None if qty is None else D(qty),
            type=OrderType(kind),
            time_in_force=tif,
            limit_price=None if limit is None else D(limit),
            **terms,
        )

    def place(self, side: str, qty: str | None, limit: str | None = None, **terms: Any) -> UUID:
        command = self.order(side, qty, limit, **terms)
        decision = self.do(command)
        assert decision.refusal is None, decision.refusal
        return command.order_id

    def group(self, side: str, qty: str, limit: str | None = None, **terms: Any) -> list[UUID]:
        """Ids of the orders of a group, the first parent first."""
        command = self.order(side, qty, limit, **terms)
        decision = self.do(command)
        assert decision.refusal is None, decision.refusal
        return [event.order_id for event in decision.events if isinstance(event, e.OrderPlaced)]

    def refused(self, side: str, qty: str | None, limit: str | None = None, **terms: Any) -> Reason:
        decision = self.do(self.order(side, qty, limit, **terms))
        (event,) = decision.events
        assert isinstance(event, e.OrderRefused)
        return reason(decision)

    def report(self, order_id: UUID, qty: str, price: str, fee: str = "0", **more: Any) -> c.RecordExecution:
        return c.RecordExecution(order_id, self.id(), D(qty), D(price), D(fee), self.market.time, **more)

    def fill(self, order_id: UUID, qty: str, price: str, fee: str = "0", **more: Any) -> Decision:
        return self.do(self.report(order_id, qty, price, fee, **more))

    def own(self, qty: str, price: str = "10") -> e.OrderFilled:
        """Buy and fill at once."""
        (filled,) = self.fill(self.place("buy", qty), qty, price).events
        assert isinstance(filled, e.OrderFilled)
        return filled

    def open(self, order_id: UUID) -> Order:
        return self.account.orders[order_id]

    def lots(self, symbol: Symbol = AAA) -> list[tuple[int, Decimal, Decimal]]:
        found: list[Lot] = list(self.account.positions[symbol].lots.values())
        return [(lot.number, lot.qty, lot.cost) for lot in found]

    def check(self) -> None:
        """Holds, reserves, lots and ledgers agree with what they are the sums of; a fold tells the same."""
        account = self.account
        assert account.held == sum(order.hold for order in account.orders.values())
        reserved: dict[Symbol, Decimal] = {}
        for order in account.orders.values():
            assert 0 <= order.filled_qty <= order.qty
            if order.reserved:
                reserved[order.symbol] = reserved.get(order.symbol, D(0)) + order.reserved
        assert account.reserved == reserved
        for position in account.positions.values():
            assert position.qty == sum(lot.qty for lot in position.lots.values())
            assert position.cost == sum(lot.cost for lot in position.lots.values())
            assert len({lot.qty > 0 for lot in position.lots.values() if lot.qty}) <= 1
            assert list(position.lots) == sorted(position.lots)
        assert sum(account.balances.values()) == 0
        assert account.balances["securities"] == sum(p.cost for p in account.positions.values())
        assert account.balances["realised"] == -sum(p.realised for p in account.positions.values())
        assert fold(Account(ME), self.events) == account


def reason(decision: Decision) -> Reason:
    assert decision.refusal is not None
    return decision.refusal.reason


def kinds(decision: Decision) -> list[str]:
    return [type(event).__name__ for event in decision.events]
