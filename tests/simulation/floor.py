"""An account with the engine behind it, and a market that the test shows it piece by piece."""

from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

import numpy as np

from traderbot.engine.apply import apply
from traderbot.engine.decide import decide
from traderbot.engine.market import Mark, Phase
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.account import Account, AccountKind
from traderbot.model.bars import Bar
from traderbot.model.observations import Quote, Trade
from traderbot.model.orders import Order, OrderClass, OrderType, Side, TimeInForce
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.simulation.book import Book
from traderbot.simulation.broker import SimulatedBroker
from traderbot.simulation.costs import Costs
from traderbot.simulation.memory import Memory
from traderbot.simulation.sessions import WHOLE_DAY, Session

D = Decimal
AAA, BBB = Symbol("AAA"), Symbol("BBB")
DAY = 86_400_000_000
FREE = Costs(fee_rate=D(0), slippage=D(0), participation=D(1))
NOBODY = UUID(int=0)


def bar(prices: str, volume: float = 1e6, time: int = DAY, symbol: Symbol = AAA) -> Bar:
    """prices: open high low close."""
    columns = [np.array([float(price)]) for price in prices.split()]
    made = Bar(symbol, np.array([time]), *columns, np.array([float(volume)]))
    made.move(0)
    return made


def order(side: str = "buy", qty: str = "100", **terms: Any) -> Order:
    """An order as it stands in an account; prices and quantities as text."""
    exact = {name: D(value) if type(value) is str else value for name, value in terms.items()}
    kind = OrderType.MARKET if exact.get("limit_price") is None else OrderType.LIMIT
    made: dict[str, Any] = {
        "id": UUID(int=1),
        "symbol": AAA,
        "type": kind,
        "time_in_force": TimeInForce.GTC,
        "limit_price": None,
        "price_max": D(10**6),
        "fee_rate": D(0),
        "hold": D(10**9),
        "placed_at": 0,
        "expires_at": None,
        "client_order_id": "",
    }
    return Order(side=Side(side), qty=D(qty), **(made | exact))


class Floor:
    """time: of the last thing seen; marks are 100 until something else is quoted."""

    def __init__(
        self,
        costs: Costs = FREE,
        cash: str = "1000000",
        kind: AccountKind = AccountKind.CASH,
        rules: Rules | None = None,
    ) -> None:
        self.time, self.phase, self.ended, self.regular = 100 * DAY, Phase.OPEN, False, True
        self.rules = rules or Rules(collar=D("0.50"), stale_after=1000 * DAY, fee_rate=costs.rules.fee_rate)
        self.broker, self.memory = SimulatedBroker(costs), Memory()
        self.account, self.margin = Account(NOBODY), kind is AccountKind.MARGIN
        self.events: list[e.Event] = []
        self.marks = dict.fromkeys((AAA, BBB), D(100))
        self.ids = count(1)
        self.do(c.OpenAccount(NOBODY, NOBODY, NOBODY, "USD", kind), c.DepositCash(D(cash)))

    @property
    def day_end(self) -> int:
        return (self.time // DAY + 1) * DAY

    def mark(self, symbol: Symbol) -> Mark | None:
        return Mark(self.marks[symbol], self.time) if symbol in self.marks else None

    def do(self, *commands: c.Command) -> list[e.Event]:
        """Decide and apply; nothing here may be refused or quarantined."""
        done: list[e.Event] = []
        for command in commands:
            decision = decide(self.account, command, self, self.rules)
            assert decision.refusal is None, (command, decision.refusal)
            for event in decision.events:
                assert not isinstance(event, e.ReportQuarantined), event
                apply(self.account, event)
                done.append(event)
        self.events += done
        return done

    def ask(self, side: str, qty: str | None, limit: str | None = None, **terms: Any) -> UUID:
        """Place an order; the type follows from its prices."""
        exact = {name: D(value) if name.endswith(("price", "percent", "notional")) else value
                 for name, value in terms.items()}  # fmt: skip
        kind = OrderType.MARKET if limit is None else OrderType.LIMIT
        if "stop_price" in terms:
            kind = OrderType.STOP if limit is None else OrderType.STOP_LIMIT
        if {"trail_price", "trail_percent"} & set(terms):
            kind = OrderType.TRAILING_STOP
        if "tif" in exact:
            exact["time_in_force"] = TimeInForce(exact.pop("tif"))
        order_id = UUID(int=next(self.ids))
        asked = c.PlaceOrder(
            order_id,
            AAA,
            Side(side),
            None if qty is None else D(qty),
            kind,
            limit_price=None if limit is None else D(limit),
            **exact,
        )
        self.do(asked)
        return order_id

    def bracket(self, side: str, qty: str, gain: str, loss: str, **terms: Any) -> tuple[UUID, UUID, UUID]:
        """An entry with two exits; the ids of the three."""
        legs = UUID(int=next(self.ids)), UUID(int=next(self.ids))
        stop_limit = terms.pop("loss_limit", None)
        entry = self.ask(
            side,
            qty,
            terms.pop("limit", None),
            order_class=OrderClass.BRACKET,
            take_profit=c.TakeProfit(legs[0], D(gain)),
            stop_loss=c.StopLoss(legs[1], D(loss), None if stop_limit is None else D(stop_limit)),
            **terms,
        )
        return entry, *legs

    def own(self, qty: str = "100", price: str = "100") -> None:
        self.ask("buy", qty)
        self.see(f"{price} {price} {price} {price}")

    def see(
        self, seen: str | Bar | Quote | Trade | Book, volume: float = 1e6, session: Session = WHOLE_DAY
    ) -> list[c.Command]:
        """Show the account the next day's bar (open high low close), or anything else; the reports."""
        if isinstance(seen, str):
            self.time += DAY
            seen = bar(seen, volume, self.time)
        elif not isinstance(seen, Bar):
            self.time = seen.at
        shown: Any = {seen.symbol: seen}
        orders = self.account.orders
        reports = self.broker.reports(
            orders.values(), shown, self.time, session, self.memory, margin=self.margin
        )
        if isinstance(seen, Bar) and self.broker.costs.fees is None:
            known = orders.values()
            again = self.broker.reports(known, shown, self.time, session, margin=self.margin)
            assert again == reports
        self.do(*reports)
        if isinstance(seen, Bar):
            later = self.broker.follow_up(
                orders.values(), shown, self.time, session, self.memory, margin=self.margin
            )
            self.do(*later)
            reports = reports + later
            self.marks[seen.symbol] = D(str(seen.close))
        return reports

    def fills(self) -> list[tuple[str, str, str]]:
        """(side, quantity, price) of every execution so far."""
        return [
            (event.side.value, f"{event.qty.normalize():f}", f"{event.price.normalize():f}")
            for event in self.events
            if isinstance(event, e.OrderFilled)
        ]


def kinds(reports: list[c.Command]) -> list[str]:
    """What kind of reports these are, in their order."""
    return [type(report).__name__ for report in reports]
