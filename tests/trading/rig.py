"""A command path over a real database, and a check of its tables that knows them only from the events."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from decimal import Decimal
from pathlib import Path
from threading import Event as Signal
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from traderbot.engine.apply import fold
from traderbot.engine.market import Mark, Phase
from traderbot.infra.clock import WallClock
from traderbot.infra.events.journal import Recorded, read_all, verify
from traderbot.infra.ids import new_id
from traderbot.infra.storage.database import Database, metadata
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.account import PAPER, Account, AccountKind
from traderbot.model.orders import OPEN, Order, OrderType, Side
from traderbot.model.symbols import Symbol
from traderbot.trading import tables as t
from traderbot.trading.accounts import load_account
from traderbot.trading.command_path import CommandPath
from traderbot.trading.work import Idempotency, Outcome, Work

D = Decimal
AAA, BBB = Symbol("AAA"), Symbol("BBB")
NOW = 1_100_000_000_000_000
SESSION = UUID(int=77)


class StillMarket:
    """A market whose prices stand where they are put."""

    def __init__(self) -> None:
        self.time = NOW
        self.day_end = NOW + 1_000_000
        self.ended = False
        self.phase = Phase.OPEN
        self.prices = {AAA: D(10), BBB: D(50)}

    def mark(self, symbol: Symbol) -> Mark | None:
        price = self.prices.get(symbol)
        return None if price is None else Mark(price, self.time)


class Rig:
    """One database, one command path, and short words for what is asked of it."""

    def __init__(self, where: Path | Database) -> None:
        """where: a database that is there, or a folder for one of SQLite."""
        if isinstance(where, Database):
            self.database = where
        else:
            self.database = Database(f"sqlite:///{where / 'rig.db'}")
            metadata.create_all(self.database.writer)
        self.market = StillMarket()
        self.path = CommandPath(self.database, WallClock())

    def reopen(self) -> None:
        """A new command path over the same file, as after a restart."""
        self.path.close()
        self.path = CommandPath(self.database, WallClock())

    def close(self) -> None:
        self.path.close()
        self.database.close()

    def work(self, account_id: UUID, *commands: c.Command, key: Idempotency | None = None) -> Work:
        return Work([(account_id, command) for command in commands], markets={SESSION: self.market}, key=key)

    def do(self, account_id: UUID, *commands: c.Command, key: Idempotency | None = None) -> Outcome:
        return self.path.submit(self.work(account_id, *commands, key=key))

    def together(self, *works: Work) -> list["Future[Outcome]"]:
        """Have the works wait while the writer is busy, so that they are one batch."""
        busy, go_on = Signal(), Signal()

        def hold_up(_connection: object) -> None:
            busy.set()
            go_on.wait(10)

        held = self.path.enqueue(Work(job=hold_up))
        assert busy.wait(10)
        futures = [self.path.enqueue(work) for work in works]
        go_on.set()
        held.result(10)
        for future in futures:
            future.exception(10)
        return futures

    def open(self, cash: str = "100000", kind: AccountKind = AccountKind.CASH, broker: str = PAPER) -> UUID:
        account_id = new_id()
        opening = c.OpenAccount(account_id, new_id(), SESSION, "USD", kind, broker=broker)
        opened = self.do(account_id, opening)
        assert not opened.refusals
        self.do(account_id, c.DepositCash(D(cash)))
        return account_id

    def place(self, account_id: UUID, qty: str = "10", side: Side = Side.BUY, name: str = "") -> UUID:
        """An order that must be approved; its id."""
        command = order(qty, side, name)
        outcome = self.do(account_id, command)
        assert not outcome.refusals, outcome.refusals
        return command.order_id

    def fill(self, account_id: UUID, order_id: UUID, qty: str = "10", price: str = "10") -> Outcome:
        return self.do(account_id, execution(order_id, qty, price))

    def own(self, account_id: UUID, qty: str = "10", price: str = "10") -> None:
        assert not self.fill(account_id, self.place(account_id, qty), qty, price).refusals

    def read(self, question: Callable[[sa.Connection], Any]) -> Any:
        with self.database.read() as connection:
            return question(connection)

    def load(self, account_id: UUID) -> Account:
        return self.read(lambda connection: load_account(connection, account_id))

    def check(self) -> None:
        check(self.database)


def order(qty: str = "10", side: Side = Side.BUY, name: str = "", limit: str | None = None) -> c.PlaceOrder:
    kind = OrderType.MARKET if limit is None else OrderType.LIMIT
    price = None if limit is None else D(limit)
    return c.PlaceOrder(new_id(), AAA, side, D(qty), kind, limit_price=price, client_order_id=name)


def execution(order_id: UUID, qty: str = "10", price: str = "10", fee: str = "0.01") -> c.RecordExecution:
    return c.RecordExecution(order_id, new_id(), D(qty), D(price), D(fee), NOW)


def same(loaded: Account, folded: Account) -> None:
    """The account read from its tables is the account its events make; zeros may be left out."""
    for account in (loaded, folded):
        account.balances = {name: amount for name, amount in account.balances.items() if amount}
        account.reserved = {symbol: qty for symbol, qty in account.reserved.items() if qty}
    assert loaded == folded


def check(database: Database) -> list[Recorded]:
    """Verify the journal, fold it, and compare every trading table with the events. Returns: the events."""
    with database.read() as connection:
        verified = verify(connection)
        assert verified.fault is None, verified.fault
        recorded = list(read_all(connection))
        by_account: dict[UUID, list[Recorded]] = {}
        for entry in recorded:
            if entry.stream.startswith("account:"):
                by_account.setdefault(UUID(entry.stream[8:]), []).append(entry)
        _check_key_tables(connection, by_account)
        for account_id, entries in by_account.items():
            _check_account(connection, account_id, entries)
    return recorded


def _rows(connection: sa.Connection, table: sa.Table, account_id: UUID) -> list[Any]:
    return list(connection.execute(sa.select(table).where(table.c.account_id == account_id)))


def _check_key_tables(connection: sa.Connection, by_account: dict[UUID, list[Recorded]]) -> None:
    executions, names = Counter[Any](), Counter[Any]()
    for account_id, entries in by_account.items():
        for entry in entries:
            if isinstance(entry.event, e.Execution):
                executions[account_id, entry.event.execution_id] += 1
            elif isinstance(entry.event, e.OrderPlaced) and entry.event.client_order_id:
                names[account_id, entry.event.client_order_id] += 1
    taken = connection.execute(sa.select(t.execution_ids.c.account_id, t.execution_ids.c.execution_id))
    assert Counter(tuple(row) for row in taken) == executions, "every execution once, and on record"
    used = connection.execute(
        sa.select(t.client_order_ids.c.account_id, t.client_order_ids.c.client_order_id)
    )
    assert Counter(tuple(row) for row in used) == names, "every client order id once, and on record"


def _check_account(connection: sa.Connection, account_id: UUID, entries: list[Recorded]) -> None:
    events = [entry.event for entry in entries]
    folded = fold(Account(account_id), events)
    loaded = load_account(connection, account_id)
    assert loaded is not None
    same(loaded, folded)
    if folded.kind is AccountKind.CASH:
        assert folded.available + folded.overdraft >= 0, "cash covers every hold"
    assert folded.held == sum((o.hold for o in folded.orders.values()), D(0)), "held is the sum of the holds"
    version = connection.execute(
        sa.select(t.accounts.c.version).where(t.accounts.c.id == account_id)
    ).scalar()
    assert version == entries[-1].version == len(entries)
    _check_money(connection, folded, events)
    _check_orders(connection, folded, events)
    _check_holdings(connection, folded)


def _check_money(connection: sa.Connection, account: Account, events: list[e.Event]) -> None:
    posted: dict[str, Decimal] = {}
    for row in _rows(connection, t.postings, account.id):
        posted[row.ledger] = posted.get(row.ledger, D(0)) + row.amount
    assert sum(posted.values(), D(0)) == 0, "the ledger sums to zero"
    balances = {name: amount for name, amount in account.balances.items() if amount}
    assert {name: amount for name, amount in posted.items() if amount} == balances, (
        "balances are their postings"
    )
    filled = [event for event in events if isinstance(event, e.Execution | e.ExecutionBusted)]
    fees = sum((-event.fee if isinstance(event, e.ExecutionBusted) else event.fee for event in filled), D(0))
    assert posted.get("fees", D(0)) == fees, "every fee is posted"
    cash = sum((event.amount for event in events if isinstance(event, e.CashMoved)), D(0))
    cash += sum((event.cash or D(0) for event in events if isinstance(event, e.CorporateActionApplied)), D(0))
    for event in filled:
        moved = (-event.notional if event.side is Side.BUY else event.notional) - event.fee
        cash += -moved if isinstance(event, e.ExecutionBusted) else moved
    assert account.cash == cash, "cash is what came in, less what was paid"


_ENDS: dict[type[e.Event], str] = {
    e.OrderCancelled: "canceled",
    e.OrderExpired: "expired",
    e.OrderReplaced: "replaced",
    e.OrderRejected: "rejected",
    e.OrderAccepted: "new",
    e.LegActivated: "new",
    e.OrderOutcomeUnknown: "unknown",
}


def _check_orders(connection: sa.Connection, account: Account, events: list[e.Event]) -> None:
    placed = {event.order_id: event for event in events if isinstance(event, e.OrderPlaced)}
    filled = Counter[UUID]()
    status = {order_id: event.status.value for order_id, event in placed.items()}
    for event in events:
        if isinstance(event, e.Execution):
            filled[event.order_id] += 1
            status[event.order_id] = event.status.value
        elif type(event) in _ENDS:
            status[event.order_id] = _ENDS[type(event)]  # type: ignore[attr-defined]
    rows = {row.id: row for row in _rows(connection, t.orders, account.id)}
    assert rows.keys() == placed.keys(), "one row an order"
    for order_id, row in rows.items():
        assert row.status == status[order_id], (order_id, row.status)
        assert (row.status in OPEN) == (order_id in account.orders)
        assert row.hold == (account.orders[order_id].hold if order_id in account.orders else 0)
    fills = Counter(row.order_id for row in _rows(connection, t.fills, account.id))
    assert fills == filled, "one row an execution"


def _check_holdings(connection: sa.Connection, account: Account) -> None:
    reserved: dict[Symbol, Decimal] = {}
    for working in account.orders.values():
        _reserve(reserved, working)
    assert {k: v for k, v in account.reserved.items() if v} == {k: v for k, v in reserved.items() if v}
    for symbol, qty in reserved.items():
        assert account.kind is AccountKind.MARGIN or qty <= max(D(0), account.quantity(symbol)), (
            "no order sells what is not held"
        )
    lots = [row for row in _rows(connection, t.lots, account.id) if row.closed_at is None]
    for position in account.positions.values():
        held = [row for row in lots if row.symbol == position.symbol]
        assert sum((row.qty for row in held), D(0)) == position.qty, "lots sum to the position"
        assert sum((row.cost for row in held), D(0)) == position.cost


def _reserve(reserved: dict[Symbol, Decimal], working: Order) -> None:
    if working.reserved:
        reserved[working.symbol] = reserved.get(working.symbol, D(0)) + working.reserved
