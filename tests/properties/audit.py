"""After every step: the account against the books, and what was accepted against the rules in force."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from properties.orderbook import WORKING, OrderBook, worst_fee
from properties.reference import MICRO, NOTHING, F, Ledger, fits, must, same, up
from traderbot.engine import ledger as posting
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.account import Account
from traderbot.model.rules import Limits, Rules

PENNY = Fraction(1, 100)  # how far a limit that is a product of roundings may be overrun


class Books:
    """Everything known of one account, from its events alone."""

    def __init__(self) -> None:
        self.ledger, self.orders = Ledger(), OrderBook()
        self.posted: dict[str, Decimal] = {}
        self.halted = False
        self.halted_symbols: set[str] = set()
        self.lifting: dict[str, str] = {}
        self.limits = Limits()
        self.margin_call = False
        self.overdrawn = False
        self.lifted = False  # whether somebody lifted a halt since it was overdrawn
        self.events: list[e.Event] = []

    def take(self, event: e.Event) -> None:
        entries = posting.postings(event)
        same(1, sum((entry.amount for entry in entries), NOTHING), NOTHING, f"postings of {type(event)}")
        for entry in entries:
            must(6, fits(entry.amount, 6), "a posting has six places", entry)
            self.posted[entry.ledger] = self.posted.get(entry.ledger, NOTHING) + entry.amount
        self.ledger.take(event)
        self.orders.take(event)
        if isinstance(event, e.OrderFilled) and self.ledger.kind == "cash" and event.side.value == "sell":
            must(19, event.position_qty >= 0, "a cash account sells what it has", event.position_qty)
        self.state(event)
        self.events.append(event)

    def state(self, event: e.Event) -> None:
        match event:
            case e.TradingPaused():
                self.lifting.pop(event.symbol or "", None)  # halting again takes a request to lift it back
                if event.symbol is None:
                    self.halted = True
                else:
                    self.halted_symbols.add(event.symbol)
            case e.ReportQuarantined():
                self.lifting.pop(event.symbol, None)
                self.halted_symbols.add(event.symbol)
            case e.ResumeRequested():
                self.lifting[event.symbol or ""] = event.code
            case e.TradingResumed():
                key = event.symbol or ""
                must(27, key in self.lifting, "a halt is lifted in two steps", key)
                del self.lifting[key]
                if event.symbol is None:
                    self.halted, self.lifted = False, True
                else:
                    self.halted_symbols.discard(event.symbol)
            case e.LimitsChanged():
                self.limits = event.limits
            case e.MarginCalled():
                must(4, event.deficit > 0, "a margin call is for something", event.deficit)
                same(4, event.deficit, event.required - event.equity, "what a margin call asks for")
                self.margin_call = True
            case e.MarginCallMet():
                must(4, event.equity >= event.required, "a met call is covered", event)
                self.margin_call = False
            case e.OrderFilledLate() | e.ExecutionBusted() if event.overdraft is not None:
                self.overdrawn, self.lifted = True, self.halted and self.lifted
            case e.CorporateActionApplied() if event.cash is not None and event.cash < 0:
                self.overdrawn = self.lifted = True  # for shares that are owed; it was halted for those
            case e.CorporateActionApplied() if event.new_symbol is not None:
                if event.symbol in self.halted_symbols:
                    self.halted_symbols.discard(event.symbol)
                    self.halted_symbols.add(event.new_symbol)

    def holds(self) -> Decimal:
        return sum((order.hold for order in self.orders.open.values()), NOTHING)

    def compare(self, account: Account) -> None:
        """Every invariant of an account between two decisions."""
        self.ledger.check()
        self.orders.check()
        self.compare_money(account)
        self.compare_orders(account)
        self.compare_positions(account)
        same(27, account.halted is not None, self.halted, "the account's halt latches")
        same(27, set(account.halted_symbols), self.halted_symbols, "halts of symbols latch")
        same(4, account.margin_call is not None, self.margin_call, "a margin call stays until it is met")

    def compare_money(self, account: Account) -> None:
        same(3, account.cash, self.ledger.cash, "cash is the sum of what moved it")
        found = {name: amount for name, amount in account.balances.items() if amount}
        same(
            3,
            found,
            {name: amount for name, amount in self.posted.items() if amount},
            "balances are postings",
        )
        same(1, sum(account.balances.values(), NOTHING), NOTHING, "the ledger sums to zero")
        same(3, account.balances.get("securities", NOTHING), self.ledger.cost, "securities are at cost")
        for name, amount in (
            ("realised", -self.ledger.realised),
            ("fees", self.ledger.fees),
            ("dividends", -self.ledger.dividends),
        ):
            same(3, account.balances.get(name, NOTHING), amount, f"the ledger {name}")
        held = self.holds()
        same(5, account.held, held, "held is the sum of the holds")
        must(3, held >= 0, "holds are nothing or more", held)
        same(3, account.available, self.ledger.cash - held, "available is cash less holds")
        if self.ledger.kind == "cash":
            covered_now = account.available >= 0
            must(4, self.overdrawn or covered_now, "available cash is never negative", account.available)
            self.overdrawn = self.overdrawn and not covered_now
            must(4, account.available >= -account.overdraft, "an overdraft is known", account.overdraft)
            halted = account.halted is not None
            must(4, halted or self.lifted or not self.overdrawn, "an overdrawn account is halted")
        must(4, account.overdraft >= 0, "an overdraft is nothing or more", account.overdraft)

    def compare_orders(self, account: Account) -> None:
        same(21, set(account.orders), set(self.orders.open), "the open orders")
        reserved: dict[str, Decimal] = {}
        unsure: dict[str, bool] = {}  # symbols with a sale that nobody can end
        for order_id, known in self.orders.open.items():
            order = account.orders[order_id]
            found = (order.symbol, order.side.value, order.qty, order.filled_qty, order.filled_value)
            expected = (known.symbol, known.side, known.qty, known.filled, known.value)
            same(8, found, expected, "an order as its events made it")
            same(7, order.status.value, known.status, "an order's status")
            same(5, order.hold, known.hold, "an order's hold")
            same(9, order.fees, known.fees, "an order's fees")
            must(8, NOTHING <= known.filled < known.qty, "an open order waits for something", known.filled)
            must(8, order.remaining == known.rest > 0, "filled and remaining are the quantity", known.rest)
            if known.stop is not None:
                same(7, order.stop and order.stop.price, known.stop.price, "a stop price")
                same(7, bool(order.stop and order.stop.triggered_at), known.triggered, "whether it woke up")
            if known.reserved:
                unsure[known.symbol] = unsure.get(known.symbol, False) or known.lost
                reserved[known.symbol] = reserved.get(known.symbol, NOTHING) + known.reserved
        found_reserved = {symbol: qty for symbol, qty in account.reserved.items() if qty}
        same(15, found_reserved, reserved, "shares that open sales keep for themselves")
        if self.ledger.kind == "cash":
            for symbol, qty in reserved.items():
                owned = account.quantity(symbol)  # type: ignore[arg-type]
                fits_in = unsure[symbol] or qty <= max(owned, NOTHING)
                must(19, fits_in, f"open sales of {symbol} are of what is held", qty, owned)

    def compare_positions(self, account: Account) -> None:
        same(17, account.lots_opened, self.ledger.opened, "lots opened so far")
        for symbol, held in self.ledger.holdings.items():
            position = account.positions.get(symbol)  # type: ignore[call-overload]
            if position is None:
                must(16, not held.lots, f"the position in {symbol} is there", held)
                continue
            lots = [(lot.number, lot.qty, lot.cost, lot.opened_at) for lot in position.lots.values()]
            mine = [(lot.number, lot.qty, lot.cost, lot.opened_at) for lot in held.lots.values()]
            same(17, sorted(lots), sorted(mine), f"lots of {symbol}")
            must(17, [lot[0] for lot in lots] == list(position.lots), "lots stand under their numbers", lots)
            same(16, position.qty, held.qty, f"shares of {symbol}")
            same(16, position.cost, held.cost, f"cost of {symbol}")
            same(17, position.realised, held.realised, f"gains of {symbol}")
            must(16, bool(position.qty) or not position.cost, "flat means no cost", position.cost)
        for symbol in account.positions:
            must(16, symbol in self.ledger.holdings or not account.positions[symbol].lots, "no other", symbol)


def terms(placed: e.OrderPlaced, command: c.PlaceOrder, rules: Rules) -> None:
    """What was approved is what was asked."""
    for name in ("symbol", "side", "type", "time_in_force", "limit_price", "notional", "signal_id", "lots"):
        same(25, getattr(placed, name), getattr(command, name), f"approved as asked: {name}")
    if command.qty is not None:
        same(25, placed.qty, command.qty, "approved as asked: qty")
    same(25, placed.order_id, command.order_id, "approved as asked: order_id")
    same(25, placed.rules_version, rules.version, "the rules an approval cites")
    if command.stop_price is not None:
        same(25, placed.stop and placed.stop.price, command.stop_price, "approved as asked: stop_price")
    collar = F(placed.mark) * (1 + F(rules.collar))
    if placed.limit_price is not None and placed.side.value == "buy":
        same(5, placed.price_max, placed.limit_price, "a limit is the highest price")
    elif placed.side.value == "buy" and placed.type.value == "market":
        must(5, abs(F(placed.price_max) - collar) <= F(1, 10**9), "a market buy holds at its collar", placed)
    elif placed.side.value == "buy" and placed.stop is not None:
        stop = F(placed.stop.price) * (1 + F(rules.collar))
        must(
            5,
            F(placed.price_max) >= min(stop, collar) - F(1, 10**9),
            "a stop buy holds at its collar",
            placed,
        )


def accepted(
    books: Books, account: Account, placed: Sequence[e.OrderPlaced], market: Any, rules: Rules
) -> None:
    """What must be true right after the gate let something through. books: with the placed orders in them."""
    first = placed[0]
    symbol = first.symbol
    must(27, rules.halted is None, "nothing is placed while the platform is halted", rules.halted)
    must(27, symbol not in rules.halted_symbols, "nothing is placed in a halted symbol", symbol)
    must(27, not books.halted, "nothing is placed on a halted account")
    must(
        27, symbol not in books.halted_symbols, "nothing is placed in a symbol halted for the account", symbol
    )
    must(26, not market.ended, "nothing is placed after the session")
    mark = market.mark(symbol)
    must(26, mark is not None and market.time - mark.at <= rules.stale_after, "no order on a stale price")
    same(25, first.mark, mark.price, "the price an approval cites")
    crossing(books, first, mark.price, rules.collar)
    paced(books, market.time, rules)
    worst = exposure(books, symbol)
    owned = books.ledger.holding(symbol).qty
    buying = first.side.value == "buy"
    sales, buys = worst
    increasing = owned + buys > max(owned, NOTHING) if buying else owned - sales < min(owned, NOTHING)
    if increasing:
        must(19, not books.margin_call, "under a margin call only exits go", first)
        for limits in (rules.limits, books.limits):
            must(19, symbol not in limits.restricted, "a restricted symbol is only reduced", symbol)
            must(19, buying or not limits.no_shorting, "no shorting means none", first)
        must(19, buying or books.ledger.kind == "margin", "a cash account sells no more than it has", sales)
        limited(books, first, market, rules, owned + buys if buying else sales - owned)
    if books.ledger.kind == "margin":
        held_for(books, first, owned, worst, rules)
    if books.ledger.kind == "margin" and increasing:
        covered(books, account, market, rules)


def held_for(
    books: Books, placed: e.OrderPlaced, owned: Decimal, worst: tuple[Decimal, Decimal], rules: Rules
) -> None:
    """The initial margin of what an order opens, others having their share, and its worst fees."""
    sales, buys = worst
    if placed.side.value == "sell":
        others, closable = sales - placed.qty, max(owned, NOTHING)
    else:
        others, closable = buys - placed.qty, max(-owned, NOTHING)
    opens = max(NOTHING, placed.qty - max(NOTHING, closable - others))
    value, opened = F(placed.qty) * F(placed.price_max), F(opens) * F(placed.price_max)
    if placed.notional is not None:
        value = opened = F(placed.notional)
    fee = worst_fee(placed.qty, value, books.orders.orders[placed.order_id])
    expected = up(opened * F(rules.margin.initial) + fee) + MICRO if opens else NOTHING
    same(5, placed.hold, expected, "the hold of a margin account's order")


def paced(books: Books, time: int, rules: Rules) -> None:
    """No more orders in a second and in a day than are allowed; exits that come with one do not count."""
    for limits in (rules.limits, books.limits):
        for span, most in ((1_000_000, limits.orders_per_second), (86_400_000_000, limits.orders_per_day)):
            if most is None:
                continue
            asked = [
                order.placed
                for key, order in books.orders.orders.items()
                if order.placed.at // span == time // span
                and (order.group in (None, key) or order.placed.replaces is not None)
            ]
            must(26, len(asked) <= most, "orders in a second or a day", len(asked), most)


def crossing(books: Books, placed: e.OrderPlaced, mark: Decimal, collar: Decimal) -> None:
    """Resting orders of one account never meet; one without a limit trades within the collar of the mark."""
    mine = books.orders.orders[placed.order_id]
    if mine.stop is not None or placed.status.value == "held":
        return
    for order_id, other in books.orders.open.items():
        if order_id == placed.order_id or other.symbol != mine.symbol or other.side == mine.side:
            continue
        if other.status not in WORKING or (other.stop is not None and not other.triggered):
            continue
        if other.group is not None and other.group == mine.group:
            continue
        low, high = (mine, other) if mine.side == "sell" else (other, mine)
        floor = F(low.limit) if low.limit is not None else F(mark) * (1 - F(collar))
        ceiling = F(high.limit) if high.limit is not None else F(mark) * (1 + F(collar))
        must(28, ceiling < floor, "own orders never cross", low.limit, high.limit, mark)


def exposure(books: Books, symbol: str) -> tuple[Decimal, Decimal]:
    """Shares that open sales and open buys could still trade; of two exits one, of waiting legs none."""
    sales = buys = NOTHING
    seen: dict[Any, Decimal] = {}
    for order_id, order in books.orders.open.items():
        if order.symbol != symbol or order.status == "held":
            continue
        key = (order.group, order.side) if order.leg in ("take_profit", "stop_loss") else order_id
        seen[key] = max(seen.get(key, NOTHING), order.rest)
        if order.side == "buy":
            buys += order.rest if key == order_id else NOTHING
        else:
            sales += order.rest if key == order_id else NOTHING
    for key, qty in seen.items():
        if isinstance(key, tuple):
            if key[1] == "buy":
                buys += qty
            else:
                sales += qty
    return sales, buys


def worth_after(books: Books, placed: e.OrderPlaced, after: Decimal) -> Fraction:
    """Value of a position with everything on its side filled; a notional is worth that at most."""
    value = F(after) * F(placed.mark)
    for order in books.orders.open.values():
        if (
            order.symbol == placed.symbol
            and order.side == placed.side.value
            and order.placed.notional is not None
        ):
            rest = F(order.rest) * F(placed.mark)
            value -= rest - min(rest, F(order.placed.notional) - F(order.value))
    return value


def limited(books: Books, placed: e.OrderPlaced, market: Any, rules: Rules, after: Decimal) -> None:
    """Limits of one order and one position. after: shares, if everything on its side is filled."""
    for limits in (rules.limits, books.limits):
        if limits.order_qty is not None and placed.notional is None:
            must(26, placed.qty <= limits.order_qty, "the largest order", placed.qty, limits.order_qty)
        if limits.order_value is not None:
            value = F(placed.qty) * F(placed.limit_price or placed.mark)
            asked = F(placed.notional) if placed.notional is not None else value
            must(26, asked <= F(limits.order_value), "the largest value of an order", float(asked))
        if limits.position_qty is not None:
            must(26, after <= limits.position_qty, "the largest position", after, limits.position_qty)
        if limits.position_value is not None:
            value = worth_after(books, placed, after)
            must(
                26, value <= F(limits.position_value) + PENNY, "the largest value of a position", float(value)
            )
        totals(books, placed, market, limits, after)


def equity(books: Books, market: Any, cautious: bool = False) -> Fraction:
    """Cash and positions at their marks; a position without a price counts at nothing."""
    total = F(books.ledger.cash)
    for symbol, held in books.ledger.holdings.items():
        mark = market.mark(symbol)
        if held.qty and mark is not None:
            total += F(held.qty) * F(mark.price)
    return total


def totals(books: Books, placed: e.OrderPlaced, market: Any, limits: Limits, after: Decimal) -> None:
    """Limits on shares of equity, with everything open filled at its marks."""
    asked = (limits.concentration, limits.gross)
    if asked == (None, None):
        return
    worth = equity(books, market)
    value = worth_after(books, placed, after)
    if limits.concentration is not None:
        must(26, value <= worth * F(limits.concentration) + PENNY, "one symbol's share", float(value))
    if limits.gross is not None:
        gross = value  # of this symbol with everything on its side filled, of the others as they are
        for symbol, held in books.ledger.holdings.items():
            mark = market.mark(symbol)
            if mark is not None and symbol != placed.symbol:
                gross += abs(F(held.qty)) * F(mark.price)
        must(26, gross <= worth * F(limits.gross) + PENNY, "gross exposure", float(gross))


def covered(books: Books, account: Account, market: Any, rules: Rules) -> None:
    """Equity covers the initial margin of every position and the hold of every open order."""
    required = F(0)
    for symbol, held in books.ledger.holdings.items():
        mark = market.mark(symbol)
        if held.qty and mark is not None:
            required += abs(F(held.qty)) * F(mark.price) * F(rules.margin.initial)
    worth = equity(books, market)
    must(
        4,
        worth - required - F(books.holds()) >= -PENNY,
        "margin covers what is held and ordered",
        float(worth),
        float(required),
        books.holds(),
    )
