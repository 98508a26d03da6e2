"""One seed in memory: the dice ask, the engine decides, and after every step all books are compared."""

from collections.abc import Sequence

import msgspec

from properties.audit import accepted, covered, terms
from properties.reference import MICRO, NOTHING, F, Violation, must, same
from properties.world import STARTING, World, short
from traderbot.engine import apply as applying
from traderbot.engine import decide as deciding
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.account import Account

STEPS = 100


def play(seed: int, steps: int = STEPS) -> World:
    """Play a seed to its end. Errors: Violation; whatever the engine raises is one."""
    world = World(seed)
    trail: list[str] = []
    try:
        for number, command in world.opening():
            do(world, number, command)
        for step in range(steps):
            for number, command in world.asks():
                trail[:] = [*trail[-5:], f"step {step} account {number}: {short(command)}"]
                do(world, number, command)
        for number in range(len(world.accounts)):
            finish(world, number)
    except Violation as violation:
        violation.add_note("\n".join(trail))
        raise
    except Exception as error:  # the engine must never raise
        raised = Violation(0, f"the engine raised {type(error).__name__}: {error}")
        raised.add_note("\n".join(trail))
        raise raised from error
    return world


def do(world: World, number: int, command: c.Command) -> deciding.Decision:
    """Ask one account, apply the answer, and audit it."""
    account, books = world.accounts[number], world.books[number]
    others = [msgspec.msgpack.encode(other) for index, other in enumerate(world.accounts) if index != number]
    before = msgspec.msgpack.encode(account)
    decision = deciding.decide(account, command, world.market, world.rules)
    same(22, msgspec.msgpack.encode(account), before, "deciding changes nothing")
    check_answer(world, number, command, decision)
    for event in decision.events:
        applying.apply(account, event)
        books.take(event)
        if isinstance(event, e.OrderPlaced):
            world.closed[event.order_id] = account.orders[event.order_id]
    books.compare(account)
    if decision.refusal is None:
        borrowed(world, number, command, decision.events)
    if isinstance(command, c.WithdrawCash) and decision.events and books.ledger.kind == "margin":
        covered(books, account, world.market, world.rules)
    placed = [event for event in decision.events if isinstance(event, e.OrderPlaced)]
    if placed:
        approved(world, number, command, placed)
    after = [msgspec.msgpack.encode(other) for index, other in enumerate(world.accounts) if index != number]
    same(29, after, others, "a command changes no other account")
    return decision


def check_answer(world: World, number: int, command: c.Command, decision: deciding.Decision) -> None:
    """Refusals change nothing; cancels always work; what cannot be is put aside."""
    books = world.books[number]
    if decision.refusal is not None:
        kinds = {type(event) for event in decision.events}
        allowed = {e.OrderRefused, e.ReportQuarantined, e.TradingPaused}
        must(22, kinds <= allowed, "a refusal changes nothing", kinds)
    if isinstance(command, c.CancelOrder) and command.order_id in books.orders.open:
        status = books.orders.open[command.order_id].status
        waits = status in ("unknown", "pending_new")
        must(27, waits or decision.refusal is None, "cancels always work", status, decision.refusal)
    if isinstance(command, c.RecordExecution) and command.order_id in books.orders.open:
        order = books.orders.open[command.order_id]
        if command.qty > order.rest:
            fills = [event for event in decision.events if isinstance(event, e.OrderFilled)]
            must(8, not fills, "no more is filled than ordered", command)
    if isinstance(command, c.ResumeTrading):
        right = books.lifting.get(command.symbol or "") == command.code
        must(27, right or not decision.events, "only the right code lifts a halt", command)
    if isinstance(command, c.PlaceOrder) and decision.refusal is None:
        must(25, any(isinstance(event, e.OrderPlaced) for event in decision.events), "approved means placed")
    if isinstance(command, c.WithdrawCash) and decision.refusal is None and books.ledger.kind == "cash":
        free = books.ledger.cash - books.holds()
        must(4, command.amount <= free, "no more is withdrawn than there is", command.amount, free)


def borrowed(world: World, number: int, command: c.Command, events: Sequence[e.Event]) -> None:
    """What borrowing costs, and whether a margin account still keeps enough."""
    books, margin = world.books[number], world.rules.margin
    if books.ledger.kind != "margin":
        return
    if isinstance(command, c.AccrueInterest):
        moved = sum((event.amount for event in events if isinstance(event, e.CashMoved)), NOTHING)
        cash = books.ledger.cash - moved
        owed = max(F(0), -F(cash)) * F(margin.loan_rate)
        for symbol, held in books.ledger.holdings.items():
            if held.qty < 0:
                owed += -F(held.qty) * F(world.price(symbol)) * F(margin.borrow_rate)
        owed = owed * command.days / 360
        paid = -F(moved)
        must(18, abs(paid - owed) <= len(STARTING) * F(MICRO) * 2, "interest", float(paid), float(owed))
    if isinstance(command, c.RevaluePortfolio):
        long = short = F(0)
        for symbol, held in books.ledger.holdings.items():
            if held.qty:
                value = F(held.qty) * F(world.price(symbol))
                long, short = (long + value, short) if value > 0 else (long, short - value)
        kept = F(books.ledger.cash) + long - short
        spare = kept - long * F(margin.maintenance_long) - short * F(margin.maintenance_short)
        if abs(spare) > F(1, 1000):
            same(4, books.margin_call, spare < 0, "a margin call when the maintenance is not kept")


def approved(world: World, number: int, command: c.Command, placed: Sequence[e.OrderPlaced]) -> None:
    books, account = world.books[number], world.accounts[number]
    if isinstance(command, c.PlaceOrder):
        terms(placed[0], command, world.rules)
    elif isinstance(command, c.ReplaceOrder):
        old, new = books.orders.orders[command.order_id], placed[0]
        same(14, old.status, "replaced", "a replacement ends the old order")
        same(
            14,
            (new.order_id, new.replaces),
            (command.new_order_id, command.order_id),
            "a replacement is linked",
        )
        if command.qty is not None:
            same(14, new.qty, command.qty - old.filled, "the new total, less what was filled")
        must(14, new.qty > 0, "a replacement never falls below what was filled", new.qty)
        if new.status.value == "held":
            return
    else:
        raise Violation(25, f"{type(command).__name__} placed an order")
    accepted(books, account, placed, world.market, world.rules)


def finish(world: World, number: int) -> None:
    """Folding the events again, as they are and as they are stored, makes the same account."""
    account, events = world.accounts[number], world.books[number].events
    same(21, applying.fold(Account(account.id), events), account, "the fold of the events is the account")
    stored = [msgspec.json.decode(msgspec.json.encode(event), type=type(event)) for event in events]
    same(24, stored, events, "events survive their stored text")
    same(
        21, applying.fold(Account(account.id), stored), account, "the fold of the stored texts is the account"
    )


def reasons(world: World) -> dict[str, int]:
    """How often each kind of event came, for a look at what the dice reach."""
    found: dict[str, int] = {}
    for books in world.books:
        for event in books.events:
            name = type(event).__name__
            if isinstance(event, e.OrderRefused):
                name = f"refused {event.reason}"
            elif isinstance(event, e.OrderCancelled):
                name = f"cancelled {event.reason}"
            found[name] = found.get(name, 0) + 1
    return found


__all__ = ["play", "reasons"]
