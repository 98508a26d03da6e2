"""A market and a crowd of accounts, and what one throw of the dice asks of them.

Everything comes from one random.Random, so that a seed says it all. Nothing here decides: it only asks,
sensibly most of the time, and now and then for what must be refused.
"""

from collections.abc import Callable
from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from random import Random
from typing import Any
from uuid import UUID

import numpy as np
from msgspec import structs

from properties.audit import Books
from properties.orderbook import ENDED, Ordered
from properties.reference import NOTHING, D
from traderbot.engine.market import Mark, Phase
from traderbot.model import commands as c
from traderbot.model.account import Account, AccountKind, LotMethod
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.bars import Bar
from traderbot.model.errors import InvalidValue
from traderbot.model.orders import Order, OrderClass, OrderType, Side, TimeInForce
from traderbot.model.rules import Limits, Rules
from traderbot.model.symbols import Symbol
from traderbot.simulation.broker import SimulatedBroker
from traderbot.simulation.costs import Costs

DAY = 86_400_000_000
MINUTE = 60_000_000
SESSION = UUID(int=77)
BROKER = SimulatedBroker(Costs())
STARTING = {"AAA": D("10"), "BBB": D("50"), "CCC": D("0.8"), "DDD": D("250")}
KINDS = [("cash", "paper"), ("margin", "paper"), ("cash", "elsewhere"), ("margin", "elsewhere")]
RATIOS = [(2, 1), (3, 2), (7, 1), (10, 3), (1, 2), (1, 3), (2, 7), (1, 1000)]
Ask = tuple[int, c.Command]


ROUNDING = Context(prec=60, rounding=ROUND_HALF_UP, traps=[InvalidOperation])


def cents(price: Decimal) -> Decimal:
    """The nearest price on a tick."""
    step = D("0.01") if price >= 1 else D("0.0001")
    return max(price.quantize(step, context=ROUNDING), step)


def nine(amount: Decimal) -> Decimal:
    """The nearest amount with nine places."""
    return amount.quantize(D("0.000000001"), context=ROUNDING)


def per(amount: Decimal, divisor: Decimal) -> Decimal:
    return nine(ROUNDING.divide(amount, divisor))


def short(command: c.Command) -> str:
    """A command with what is not as always."""
    fields, defaults = command.__struct_fields__, command.__struct_defaults__
    usual = dict(zip(fields[len(fields) - len(defaults) :], defaults, strict=True))
    said = {name: getattr(command, name) for name in fields}
    shown = [f"{name}={value}" for name, value in said.items() if name not in usual or value != usual[name]]
    return f"{type(command).__name__}({', '.join(shown)})"


class Market:
    """Prices that the dice move. A symbol may be missing or its price old."""

    def __init__(self) -> None:
        self.time = 100 * DAY + 15 * 60 * MINUTE
        self.ended = False
        self.phase = Phase.OPEN
        self.marks = {Symbol(name): Mark(price, self.time) for name, price in STARTING.items()}

    @property
    def day_end(self) -> int:
        return self.time - self.time % DAY + 21 * 60 * MINUTE

    def mark(self, symbol: Symbol) -> Mark | None:
        return self.marks.get(symbol)


class World:
    """accounts: as they are now, for asking sensibly; books: the same from the events."""

    def __init__(self, seed: int, accounts: int = 4) -> None:
        self.dice = Random(seed)
        self.market = Market()
        self.rules = Rules()
        self.ids = 0
        self.account_ids = [UUID(int=1000 + number) for number in range(accounts)]
        self.accounts: list[Account] = [Account(key) for key in self.account_ids]
        self.books = [Books() for _ in range(accounts)]
        self.closed: dict[UUID, Order] = {}
        self.unborn = 0  # commands that could not even be made
        self.renamed = self.closes = 0

    def id(self) -> UUID:
        self.ids += 1
        return UUID(int=self.ids)

    def chance(self, percent: float) -> bool:
        return self.dice.random() * 100 < percent

    def pick(self, *weighted: tuple[Any, float]) -> Any:
        return self.dice.choices([thing for thing, _ in weighted], [weight for _, weight in weighted])[0]

    def opening(self) -> list[Ask]:
        """Accounts of every kind, with money and a method each."""
        asks: list[Ask] = []
        for number, key in enumerate(self.account_ids):
            kind, broker = KINDS[number % len(KINDS)]
            asks.append(
                (
                    number,
                    c.OpenAccount(
                        key, UUID(int=5000 + number), SESSION, "USD", AccountKind(kind), "", broker
                    ),
                )
            )
            cash = self.dice.choice(["100000", "30000", "9500.000001"])
            asks.append((number, c.DepositCash(D(cash))))
            method = self.dice.choice(list(LotMethod))
            if method is not LotMethod.FIFO:
                asks.append((number, c.ChooseLotMethod(method)))
        return asks

    def asks(self) -> list[Ask]:
        """The next step: a move of the market, or something asked of one account."""
        number = self.dice.randrange(len(self.accounts))
        kind: Callable[[int], list[Ask]] = self.pick(
            (self.place, 34),
            (self.fill, 42),
            (self.move, 9),
            (self.bars, 5),
            (self.slump, 1.5),
            (self.gear, 2),
            (self.vanish, 1),
            (self.replace, 10),
            (self.cancel, 6),
            (self.wake, 6),
            (self.trail, 7),
            (self.answer, 5),
            (self.company, 5),
            (self.money, 5),
            (self.revalue, 4),
            (self.settings, 4),
            (self.halts, 7),
            (self.late, 3),
            (self.bust, 4),
            (self.nonsense, 1.5),
        )
        try:
            return kind(number)
        except InvalidValue:
            self.unborn += 1
            return []

    def next_close(self) -> int:
        self.closes += 1
        return self.closes

    # the market

    def price(self, symbol: str) -> Decimal:
        mark = self.market.marks.get(Symbol(symbol))
        return mark.price if mark is not None else D(10)

    def symbol(self, number: int) -> Symbol:
        names = sorted(self.market.marks)
        held = sorted(key for key, position in self.accounts[number].positions.items() if position.qty)
        if self.chance(2):
            return Symbol("NONE")
        return self.dice.choice(held) if held and self.chance(50) else self.dice.choice(names)

    def move(self, number: int) -> list[Ask]:
        """Time goes on; prices walk, jump, or stand still and grow old. Day orders end with their day."""
        self.market.ended = self.chance(2)
        self.market.phase = self.dice.choice(list(Phase)) if self.chance(15) else Phase.OPEN
        self.market.time += self.dice.choice(
            [MINUTE, MINUTE, 30 * MINUTE, 60 * MINUTE, 5 * 60 * MINUTE, DAY, 3 * DAY]
        )
        for name in sorted(self.market.marks):
            if self.chance(85):
                factor = self.dice.choice(
                    [D("0.97"), D("0.995"), D("1.005"), D("1.04"), D("1.25"), D("0.75")]
                )
                price = cents(min(max(self.price(name) * factor, D("0.01")), D(5000)))
                self.market.marks[Symbol(name)] = Mark(price, self.market.time)
        asks: list[Ask] = []
        for index, books in enumerate(self.books):
            for key, order in books.orders.open.items():
                ends = order.placed.expires_at
                if (ends is not None and ends <= self.market.time) or (
                    order.placed.time_in_force.value in ("ioc", "fok", "opg", "cls") and self.chance(50)
                ):
                    asks.append((index, c.ExpireOrder(key)))
        return asks

    def slump(self, number: int) -> list[Ask]:
        """A fall that nobody could trade in, then a look at what is left."""
        for name in sorted(self.market.marks):
            price = cents(max(self.price(name) * D(self.dice.choice(["0.25", "0.5", "2.5"])), D("0.01")))
            self.market.marks[Symbol(name)] = Mark(price, self.market.time)
        return [(index, c.RevaluePortfolio(self.next_close())) for index in range(len(self.accounts))]

    def gear(self, number: int) -> list[Ask]:
        """A margin account buys or sells short nearly all it may; half the time the market turns on it."""
        number = self.dice.choice([1, 3]) % len(self.accounts)
        symbol = self.dice.choice(sorted(self.market.marks))
        side, price = self.dice.choice(list(Side)), self.price(symbol)
        qty = max(per(self.accounts[number].cash * D("1.5"), price) // 1, D(1))
        order = c.PlaceOrder(self.id(), symbol, side, qty)  # type: ignore[arg-type]
        fill = c.RecordExecution(order.order_id, self.id(), qty, price, NOTHING, self.market.time)  # type: ignore[arg-type]
        asks: list[Ask] = [(number, order), (number, fill)]
        if self.chance(50):
            turned = price * (D("0.55") if side is Side.BUY else D("1.6"))
            self.market.marks[symbol] = Mark(cents(turned), self.market.time)
            asks.append((number, c.RevaluePortfolio(self.next_close())))
            more = self.symbol(number)
            asks.append((number, c.PlaceOrder(self.id(), more, Side.BUY, D(1))))  # type: ignore[arg-type]
        return asks

    def vanish(self, number: int) -> list[Ask]:
        """Shares are taken back from under a sale of which nobody knows whether the broker has it."""
        number = 2 % len(self.accounts)
        ledger = self.books[number].ledger
        bought = [
            event
            for key, event in ledger.executions.items()
            if key not in ledger.busted
            and event.side is Side.BUY
            and event.symbol in self.market.marks
            and ledger.holding(event.symbol).qty > 0
        ]
        if not bought:
            return []
        event = self.dice.choice(bought)
        order = self.books[number].orders.orders[event.order_id]
        evidence = None if order.open else self.as_closed(event.order_id, order)
        qty, key = ledger.holding(event.symbol).qty, self.id()
        price = self.price(event.symbol)
        return [
            (number, c.PlaceOrder(key, event.symbol, Side.SELL, qty)),  # type: ignore[arg-type]
            (number, c.LoseSightOfOrder(key)),
            (number, c.BustExecution(event, evidence)),
            (number, c.RecordExecution(key, self.id(), qty, price, NOTHING, self.market.time)),  # type: ignore[arg-type]
        ]

    def bars(self, number: int) -> list[Ask]:
        """The next day's bars, with gaps, without volume or missing, against the orders of paper accounts."""
        self.market.time += DAY
        seen = {}
        for name in sorted(self.market.marks):
            if self.chance(15):
                continue
            opening = self.price(name) * D(self.dice.choice(["1", "1", "1.03", "0.97", "1.2", "0.8"]))
            low, high = opening * D(self.dice.choice(["1", "0.98", "0.9"])), opening * D("1.05")
            four = [float(cents(max(price, D("0.01")))) for price in (opening, high, low, opening)]
            columns = [np.array([value]) for value in (*four, self.dice.choice([0.0, 900.0, 1e6]))]
            bar = Bar(Symbol(name), np.array([self.market.time]), *columns)  # type: ignore[arg-type]
            bar.move(0)
            seen[Symbol(name)] = bar
            self.market.marks[Symbol(name)] = Mark(cents(max(opening, D("0.01"))), self.market.time)
        asks: list[Ask] = []
        for index, account in enumerate(self.accounts):
            margin = account.kind is AccountKind.MARGIN
            orders = list(account.orders.values())
            reports = BROKER.reports(orders, seen, self.market.time, margin=margin)
            asks += [(index, report) for report in reports]
        return asks

    # orders

    def place(self, number: int) -> list[Ask]:
        order = self.order(number)
        again = [(number, self.order(number)) for _ in range(self.dice.choice([0, 0, 0, 0, 1, 2]))]
        return [(number, order), *again]

    def order(self, number: int) -> c.PlaceOrder:
        symbol = self.symbol(number)
        held = self.accounts[number].quantity(symbol)
        shorts = 25 if self.books[number].ledger.kind == "margin" else 6
        side = Side.SELL if self.chance(65 if held > 0 else shorts) else Side.BUY
        kind = self.pick(
            (OrderType.MARKET, 35),
            (OrderType.LIMIT, 34),
            (OrderType.STOP, 11),
            (OrderType.STOP_LIMIT, 9),
            (OrderType.TRAILING_STOP, 9),
        )
        group = self.pick(
            (OrderClass.SIMPLE, 74), (OrderClass.BRACKET, 11), (OrderClass.OTO, 7), (OrderClass.OCO, 8)
        )
        if group is OrderClass.OCO:
            kind = OrderType.LIMIT
        tif = self.pick(
            (TimeInForce.DAY, 46),
            (TimeInForce.GTC, 34),
            (TimeInForce.IOC, 6),
            (TimeInForce.FOK, 5),
            (TimeInForce.OPG, 4),
            (TimeInForce.CLS, 4),
        )
        if group is not OrderClass.SIMPLE or kind not in (OrderType.MARKET, OrderType.LIMIT):
            tif = TimeInForce.GTC if self.chance(50) else TimeInForce.DAY
        wealth = 60000 if self.books[number].ledger.kind == "margin" else 20000
        qty: Decimal | None = self.shares(symbol, held if side is Side.SELL else -held, wealth)
        whole = group is not OrderClass.SIMPLE or tif not in (TimeInForce.DAY, TimeInForce.GTC)
        if qty is not None and (whole or self.chance(80)):
            qty = max(qty // 1, D(1))
        terms = self.terms(symbol, side, kind, group)
        if kind is OrderType.MARKET and group is OrderClass.SIMPLE and self.chance(18):
            value = cents((qty or D(1)) * self.price(symbol))
            qty, tif, terms["notional"] = None, TimeInForce.DAY, value
        if side is Side.SELL and held > 0 and self.chance(25):
            terms["lots"] = self.lots(number, symbol)
        if (
            kind is OrderType.LIMIT
            and tif in (TimeInForce.DAY, TimeInForce.GTC)
            and group is OrderClass.SIMPLE
        ):
            terms["extended_hours"] = self.chance(8)
        key = self.id()
        name = f"n{key.int}" if self.chance(40) else ""
        return c.PlaceOrder(
            key,
            symbol,
            side,
            qty,
            kind,
            tif,
            client_order_id=name,
            order_class=group,
            **terms,  # type: ignore[arg-type]
        )

    def shares(self, symbol: str, closing: Decimal, wealth: int) -> Decimal:
        if closing > 0 and self.chance(60):
            return closing if self.chance(50) else max(D("0.000000001"), per(closing, D(2)))
        if self.chance(3):
            return self.dice.choice([D("0.000000001"), D(1000000)])
        worth = D(self.dice.choice([200, 1000, 5000, wealth // 4, wealth]))
        return max(per(worth, self.price(symbol)), D(1)) + D(self.dice.choice(["0", "0.5", "0.123456789"]))

    def lots(self, number: int, symbol: Symbol) -> tuple[int, ...]:
        there = list(self.accounts[number].positions[symbol].lots)
        self.dice.shuffle(there)
        wished = there[: self.dice.choice([1, 2, 3])]
        return tuple(wished + ([999] if self.chance(4) else []))

    def terms(self, symbol: str, side: Side, kind: OrderType, group: OrderClass) -> dict[str, Any]:
        """Prices that suit the kind and class of an order, mostly."""
        price, sign = self.price(symbol), 1 if side is Side.BUY else -1
        found: dict[str, Any] = {}
        apart = D(self.dice.choice(["0.005", "0.02", "0.05", "0.1"]))
        if kind is OrderType.LIMIT:
            found["limit_price"] = cents(price * (1 + apart * self.dice.choice([-1, -1, 1])))
        if kind in (OrderType.STOP, OrderType.STOP_LIMIT):
            found["stop_price"] = cents(price * (1 + sign * apart))
        if kind is OrderType.STOP_LIMIT:
            found["limit_price"] = cents(found["stop_price"] * (1 + sign * D("0.01")))
        if kind is OrderType.TRAILING_STOP:
            found.update(
                {"trail_percent": D("5")} if self.chance(50) else {"trail_price": cents(price * apart)}
            )
        if self.chance(3) and "limit_price" in found:
            found["limit_price"] = found["limit_price"] * self.dice.choice([D("0.01"), D("3"), D("1.00001")])
        entry = found.get("limit_price", found.get("stop_price", price))
        if group is OrderClass.OCO:
            found["limit_price"] = cents(price * (1 - sign * D("0.05")))
            found["stop_loss"] = c.StopLoss(self.id(), cents(price * (1 + sign * D("0.05"))))
        elif group is not OrderClass.SIMPLE:
            wrong = -1 if self.chance(6) else 1
            profit = c.TakeProfit(self.id(), cents(entry * (1 + wrong * sign * D("0.06"))))
            limit = cents(entry * (1 - sign * D("0.07"))) if self.chance(30) else None
            loss = c.StopLoss(self.id(), cents(entry * (1 - sign * D("0.06"))), limit)
            if group is OrderClass.BRACKET or self.chance(50):
                found["take_profit"] = profit
            if group is OrderClass.BRACKET or "take_profit" not in found:
                found["stop_loss"] = loss
        return found

    def an_order(self, number: int, *statuses: str) -> tuple[UUID, Ordered] | None:
        """One of the open orders, of a status where named."""
        known = self.books[number].orders
        fitting = [
            (key, order) for key, order in known.open.items() if not statuses or order.status in statuses
        ]
        return self.dice.choice(fitting) if fitting else None

    def fill(self, number: int) -> list[Ask]:
        found = self.an_order(
            number, *(() if self.chance(4) else ("new", "partially_filled", "pending_new", "unknown"))
        )
        if found is None:
            return []
        key, order = found
        asks: list[Ask] = []
        if order.stop is not None and not order.triggered:
            if self.chance(70):
                return self.wake(number)
            if not self.chance(5):
                return []
        return [*asks, (number, self.execution(key, order))]

    def execution(self, key: UUID, order: Ordered) -> c.RecordExecution:
        qty = order.rest
        if self.chance(50) and order.placed.time_in_force.value != "fok":
            part = nine(qty * D(self.dice.choice(["0.1", "0.5", "0.9"])))
            qty = (part if qty % 1 else part // 1) or qty
        price = self.price(order.symbol) * D(self.dice.choice(["1", "1", "0.98", "1.02", "0.987654321"]))
        if self.chance(3):
            price *= D("1.3")
        price = max(nine(price), D("0.0001"))
        completes = False
        if order.placed.notional is not None:
            least = min(qty, per(order.placed.notional - order.value, price) - D("0.000000001"))
            qty, completes = max(least, D("0.000000001")), self.chance(70)
        if order.limit is not None:
            price = min(price, order.limit) if order.side == "buy" else max(price, order.limit)
        rate = self.rules.fee_rate if self.chance(90) else D("0.003")
        fee = (qty * price * rate).quantize(D("0.000001"), ROUND_DOWN, ROUNDING)
        return c.RecordExecution(key, self.id(), qty, price, fee, self.market.time, completes)

    def replace(self, number: int) -> list[Ask]:
        found = self.an_order(number)
        if found is None:
            return []
        key, order = found
        changes: dict[str, Any] = {}
        if self.chance(60):
            qty = order.qty * D(self.dice.choice(["0.5", "1.5", "2"]))
            changes["qty"] = max(nine(qty) if order.qty % 1 else qty // 1, D(1))
        if order.limit is not None and self.chance(50):
            changes["limit_price"] = cents(order.limit * D(self.dice.choice(["0.98", "1.03", "1.2"])))
        if order.type in ("stop", "stop_limit") and self.chance(50):
            changes["stop_price"] = cents(order.stop.price * D(self.dice.choice(["0.98", "1.03"])))
        if order.type == "trailing_stop" and self.chance(60):
            changes["trail"] = D(self.dice.choice(["1", "0.5", "7"]))
        if self.chance(15):
            changes["time_in_force"] = self.dice.choice([TimeInForce.DAY, TimeInForce.GTC])
        return [(number, c.ReplaceOrder(key, self.id(), **changes))]

    def cancel(self, number: int) -> list[Ask]:
        found = self.an_order(number)
        if found is None:
            return [(number, c.CancelOrder(UUID(int=3)))]
        return [(number, c.ExpireOrder(found[0]) if self.chance(20) else c.CancelOrder(found[0]))]

    def wake(self, number: int) -> list[Ask]:
        waiting = [
            (key, order)
            for key, order in self.books[number].orders.open.items()
            if order.stop is not None
            and (not order.triggered or self.chance(5))
            and (order.status != "held" or self.chance(5))
        ]
        if not waiting:
            return []
        key, order = self.dice.choice(waiting)
        beyond = D("1.01") if order.side == "buy" else D("0.99")
        return [(number, c.TriggerOrder(key, cents(order.stop.price * beyond)))]

    def trail(self, number: int) -> list[Ask]:
        asks: list[Ask] = []
        for key, order in self.books[number].orders.open.items():
            if order.type == "trailing_stop" and order.stop is not None:
                factor = D(self.dice.choice(["1.03", "0.97", "1"]))
                asks.append((number, c.MoveTrailingMark(key, cents(order.stop.hwm * factor))))
        return asks

    def answer(self, number: int) -> list[Ask]:
        """The broker's answer on an order that was sent."""
        found = self.an_order(number, "pending_new", "unknown") or self.an_order(number)
        if found is None:
            return []
        key = found[0]
        answer = self.pick(
            (c.AcceptOrder(key), 6), (c.RejectOrder(key, "no"), 2), (c.LoseSightOfOrder(key), 2)
        )
        return [(number, answer)]

    # everything else

    def company(self, number: int) -> list[Ask]:
        """A corporate action happens to everybody."""
        names = sorted(self.market.marks)
        symbol = self.dice.choice(names)
        price, day = self.price(symbol), date(2020, 1, 1)
        kind = self.pick(("dividend", 5), ("split", 5), ("symbol_change", 2), ("delisting", 1))
        if kind == "split":
            new, old = self.dice.choice(RATIOS)
            action = CorporateAction(symbol, day, ActionKind.SPLIT, new=new, old=old)
            quoted = cents(per(price * old, D(new)))
            self.market.marks[symbol] = Mark(quoted, self.market.time)
        elif kind == "dividend":
            amount = D(self.dice.choice(["0.25", "0.123457", "1.000001"]))
            action = CorporateAction(symbol, day, ActionKind.DIVIDEND, amount)
        elif kind == "symbol_change":
            self.renamed += 1
            other = Symbol(f"R{self.renamed}")
            action = CorporateAction(symbol, day, ActionKind.SYMBOL_CHANGE, new_symbol=other)
            self.market.marks[other] = self.market.marks.pop(symbol)
        else:
            amount = self.dice.choice([NOTHING, cents(per(price, D(2)))])
            action = CorporateAction(symbol, day, ActionKind.DELISTING, amount)
            if len(names) > 2:
                del self.market.marks[symbol]
        return [(index, c.ApplyCorporateAction(action)) for index in range(len(self.accounts))]

    def money(self, number: int) -> list[Ask]:
        amount = D(self.dice.choice(["0.000001", "100", "5000.5", "37777"]))
        if self.chance(30):  # a little more than there is
            amount = max(self.accounts[number].available, NOTHING) + D(
                self.dice.choice(["0", "0.000001", "50"])
            )
            amount = amount or D(1)
        command = self.pick(
            (c.DepositCash(amount), 4),
            (c.WithdrawCash(amount), 4),
            (c.AccrueInterest(self.dice.choice([1, 3])), 4),
        )
        return [(number, command)]

    def revalue(self, number: int) -> list[Ask]:
        return [(number, c.RevaluePortfolio(self.next_close()))]

    def settings(self, number: int) -> list[Ask]:
        """Lot methods and limits, of the account or of the platform."""
        if self.chance(30):
            return [(number, c.ChooseLotMethod(self.dice.choice(list(LotMethod))))]
        limits = Limits() if self.chance(50) else self.limits()
        if self.chance(40):
            return [(number, c.SetLimits(limits))]
        asks: list[Ask] = []
        if self.chance(40):  # of both the same limits, the account's tighter or looser by turns
            own = {name: getattr(limits, name) for name in limits.__struct_fields__}
            factor = self.dice.choice([D("0.5"), D(2)])
            own = {
                name: value * factor if isinstance(value, Decimal) else value for name, value in own.items()
            }
            if not any(value is not None and value > 1 for value in (own["daily_loss"], own["drawdown"])):
                asks = [(number, c.SetLimits(Limits(**own)))]
        halted = "a test" if self.chance(5) else None
        symbols = frozenset([self.symbol(number)]) if self.chance(20) else frozenset()
        self.rules = structs.replace(
            self.rules,
            version=self.rules.version + 1,
            limits=limits,
            halted=halted,
            halted_symbols=symbols,
            fee_per_share=D("0.005") if self.chance(20) else None,
        )
        return asks

    def limits(self) -> Limits:
        drawn: dict[str, Any] = {
            "order_value": D("20000"),
            "order_qty": D("300"),
            "position_value": D("30000"),
            "position_qty": D("1000"),
            "concentration": D("0.4"),
            "gross": D("1.5"),
            "net": D("1.2"),
            "daily_loss": D("0.02"),
            "drawdown": D("0.3"),
            "orders_per_second": 3,
            "orders_per_day": 9,
            "restricted": frozenset([Symbol("AAA")]),
            "no_shorting": True,
        }
        chosen = self.dice.sample(sorted(drawn), 4)
        half = D("0.5")
        for name in chosen:
            if isinstance(drawn[name], Decimal) and self.chance(50):
                drawn[name] *= half
        return Limits(**{name: drawn[name] for name in chosen})  # type: ignore[arg-type]

    def halts(self, number: int) -> list[Ask]:
        books = self.books[number]
        symbol = self.dice.choice([None, Symbol("AAA"), *map(Symbol, sorted(books.halted_symbols))])
        if self.chance(20):
            return [(number, c.PauseTrading("a test", symbol))]
        if books.halted and self.chance(60):
            symbol = None
        if self.chance(60):
            return [(number, c.RequestResume("c1", symbol)), (number, c.ResumeTrading("c1", symbol))]
        code = books.lifting.get(symbol or "", "c0")
        if self.chance(10):
            return [(number, c.ResumeTrading("wrong", symbol))]
        if self.chance(50):
            return [(number, c.RequestResume(f"c{self.dice.randrange(100)}", symbol))]
        return [(number, c.ResumeTrading(code, symbol))]

    def late(self, number: int) -> list[Ask]:
        """An execution of an order that was closed before."""
        closed = [
            (key, order)
            for key, order in self.books[number].orders.orders.items()
            if order.status in ENDED and key in self.closed and order.leg == ""
        ]
        if not closed:
            return []
        key, order = self.dice.choice(closed)
        qty = max(order.rest, D(1)) if self.chance(30) else max(order.rest // 2, D("0.5"))
        price = cents(self.price(order.symbol))
        report = c.RecordExecution(key, self.id(), qty, price, D("0.01"), self.market.time - 5)
        return [(number, c.RecordLateExecution(report, self.as_closed(key, order), self.market.time - 5))]

    def as_closed(self, key: UUID, order: Ordered) -> Order:
        return structs.replace(
            self.closed[key],
            status=type(self.closed[key].status)(order.status),
            symbol=Symbol(order.symbol),
            filled_qty=order.filled,
            filled_value=order.value,
            fees=order.fees,
            hold=NOTHING,
        )

    def bust(self, number: int) -> list[Ask]:
        ledger = self.books[number].ledger
        there = [event for key, event in ledger.executions.items() if key not in ledger.busted]
        if not there:
            return []
        event = self.dice.choice(there)
        order = self.books[number].orders.orders[event.order_id]
        evidence = None if order.open else self.as_closed(event.order_id, order)
        return [(number, c.BustExecution(event, evidence))]

    def nonsense(self, number: int) -> list[Ask]:
        """Reports that cannot be."""
        found = self.an_order(number)
        if found is None or self.chance(30):
            symbol = self.symbol(number)
            return [(number, c.QuarantineReport(symbol, "an unknown order", {"order": "?"}))]
        key, order = found
        big = order.rest * 2 + 1
        return [(number, c.RecordExecution(key, self.id(), big, cents(self.price(order.symbol)), NOTHING, 0))]
