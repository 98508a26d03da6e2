"""A strategy that throws dice for every kind of order, and the events of a run checked by the books."""

from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Any

from properties.audit import Books
from properties.reference import same, value_of
from properties.world import cents
from traderbot.engine.apply import apply
from traderbot.model import commands as c
from traderbot.model.account import Account
from traderbot.model.bars import Bar
from traderbot.model.errors import InvalidValue
from traderbot.model.events import Event, Execution
from traderbot.model.orders import OrderClass, OrderType, Side, TimeInForce
from traderbot.strategies.base import Context, Strategy

D = Decimal


class AnyOrder(Strategy):
    """Asks for orders of every type, time in force and class, replaces, cancels. often: percent of bars."""

    name = "any-order"

    def __init__(self, seed: int, often: float = 5) -> None:
        self.dice = Random(seed)
        self.often = often
        self.ids = 10**9

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        if self.dice.random() * 100 >= self.often:
            return
        try:
            self.ask(ctx, bar)
        except InvalidValue:
            return

    def ask(self, ctx: Context, bar: Bar) -> None:
        what = self.dice.random()
        if what < 0.1 and ctx.orders:
            ctx.cancel(self.dice.choice(ctx.orders).id)
        elif what < 0.2 and ctx.orders:
            order = self.dice.choice(ctx.orders)
            limit = None if order.limit_price is None else cents(order.limit_price * D("0.995"))
            ctx.replace(order.id, qty=max(order.qty // 2, D(1)), limit_price=limit)
        else:
            self.place(ctx, bar)

    def place(self, ctx: Context, bar: Bar) -> None:
        price, owned, dice = ctx.mark(bar.symbol), ctx.position(bar.symbol), self.dice
        selling = dice.random() < (0.55 if owned > 0 else 0.1)
        sign = -1 if selling else 1
        shares = owned if selling and owned > 0 and dice.random() < 0.5 else D(dice.randint(1, 60))
        ask, near = (ctx.sell if selling else ctx.buy), cents(price * D("0.99"))
        tif = dice.choice([TimeInForce.DAY, TimeInForce.GTC])
        match dice.randrange(12):
            case 0:
                ask(bar.symbol, shares)
            case 1:
                ask(bar.symbol, shares, cents(price * (1 - sign * D("0.01"))), time_in_force=tif)
            case 2:
                ask(bar.symbol, shares, stop_price=cents(price * (1 + sign * D("0.02"))), time_in_force=tif)
            case 3:
                stop = cents(price * (1 + sign * D("0.02")))
                ask(
                    bar.symbol,
                    shares,
                    cents(stop * (1 + sign * D("0.01"))),
                    stop_price=stop,
                    time_in_force=tif,
                )
            case 4:
                ask(bar.symbol, shares, trail_percent=D(3), time_in_force=TimeInForce.GTC)
            case 5:
                ask(bar.symbol, shares, trail_price=cents(price * D("0.04")), time_in_force=TimeInForce.GTC)
            case 6:
                ask(bar.symbol, None, notional=cents(price * D("2.5")))
            case 7:
                ask(bar.symbol, shares + D("0.25"), near)
            case 8:
                once = dice.choice([TimeInForce.IOC, TimeInForce.FOK, TimeInForce.OPG, TimeInForce.CLS])
                ask(bar.symbol, max(shares // 1, D(1)), time_in_force=once)
            case 9 | 10:
                gain, loss = cents(price * (1 + sign * D("0.04"))), cents(price * (1 - sign * D("0.04")))
                exits: dict[str, Any] = {"take_profit": gain, "stop_loss": loss}
                if dice.random() < 0.3:
                    exits.pop(dice.choice(["take_profit", "stop_loss"]))
                ask(bar.symbol, max(shares // 1, D(1)), time_in_force=TimeInForce.GTC, **exits)
            case _ if owned >= 1:
                ctx.asked.append(self.exits(ctx, bar, owned // 1, price))

    def exits(self, ctx: Context, bar: Bar, shares: Decimal, price: Decimal) -> c.PlaceOrder:
        """Two exits of what is held, of which one ends the other."""
        first, second = ctx._new_id(), ctx._new_id()
        loss = c.StopLoss(second, cents(price * D("0.97")))
        return c.PlaceOrder(
            first,
            bar.symbol,
            Side.SELL,
            shares,  # type: ignore[arg-type]
            OrderType.LIMIT,
            TimeInForce.GTC,
            cents(price * D("1.03")),
            order_class=OrderClass.OCO,
            stop_loss=loss,
        )


def check_run(account: Account, events: list[Event], marks: Mapping[str, Decimal], equity: Decimal) -> int:
    """Fold the events beside the books and compare at every execution. Returns: how many there were."""
    folded, books, executions = Account(account.id), Books(), 0
    every = 1 + len(events) // 20_000  # the sum of all that is held, not at every fill of a long run
    for event in events:
        apply(folded, event)
        books.take(event)
        if isinstance(event, Execution):
            executions += 1
            held, position = books.ledger.holding(event.symbol), folded.positions[event.symbol]
            found = (folded.cash, position.qty, position.cost, position.realised)
            same(17, found, (books.ledger.cash, held.qty, held.cost, held.realised), "books at a fill")
            if executions % every == 0:
                books.ledger.check()
    books.compare(folded)
    same(21, folded, account, "the account of the run is the fold of its events")
    worth = books.ledger.cash
    for symbol, held in books.ledger.holdings.items():
        if held.qty:
            worth += value_of(held.qty, marks[symbol])
    same(18, equity, worth, "equity at the last closes")
    return executions
