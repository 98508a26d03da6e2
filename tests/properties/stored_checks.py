"""What the tables of a database must say, by their own sums and by what was delivered."""

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from properties.reference import NOTHING, must, same
from traderbot.engine.apply import fold
from traderbot.infra.events.journal import read_all, verify
from traderbot.model import events as e
from traderbot.model.account import Account
from traderbot.trading import tables as t
from traderbot.trading.accounts import load_account
from traderbot.trading.audit import rebuild

if TYPE_CHECKING:
    from properties.stored import Store


def tidy(account: Account) -> Account:
    """Zeros may be left out of the tables."""
    account.balances = {name: amount for name, amount in account.balances.items() if amount}
    account.reserved = {symbol: qty for symbol, qty in account.reserved.items() if qty}
    return account


def check_account(store: "Store", number: int) -> None:
    """One account, read from its tables, is the fold of what was delivered."""
    account_id = store.world.account_ids[number]
    folded = fold(Account(account_id), store.world.books[number].events)
    with store.database.read() as connection:
        loaded = load_account(connection, account_id)
    must(21, loaded is not None, "an opened account is on record", account_id)
    assert loaded is not None
    loaded, folded = tidy(loaded), tidy(folded)
    if loaded != folded:
        for name in folded.__struct_fields__:
            same(21, getattr(loaded, name), getattr(folded, name), f"account from its tables: {name}")


def check_all(store: "Store", from_scratch: bool) -> None:
    """The journal, every account and every key table. from_scratch: and the tables once more, folded from the
    journal, which takes longer than all the rest.
    """
    store.settle()
    with store.database.read() as connection:
        verified = verify(connection)
        must(24, verified.fault is None, "the hash chain verifies", verified.fault)
        recorded = list(read_all(connection))
        same(
            23,
            [entry[:3] for entry in recorded],
            [entry[:3] for entry in store.delivered],
            "what was delivered",
        )
        same(
            24, [r.event for r in recorded], [r.event for r in store.delivered], "events as they were stored"
        )
        check_keys(store, connection)
        for number, books in enumerate(store.world.books):
            check_postings(connection, store.world.account_ids[number], books.posted)
            check_orders(connection, store.world.account_ids[number], books)
    for number in range(len(store.world.accounts)):
        check_account(store, number)
    if from_scratch:
        same(21, rebuild(store.database).differences, [], "the tables are the fold of the journal")


def check_postings(connection: sa.Connection, account_id: UUID, posted: dict[str, Decimal]) -> None:
    """Sums of the stored postings: of each event, of each ledger, of all."""
    by_version: dict[int, Decimal] = {}
    by_ledger: dict[str, Decimal] = {}
    for row in connection.execute(sa.select(t.postings).where(t.postings.c.account_id == account_id)):
        by_version[row.version] = by_version.get(row.version, NOTHING) + row.amount
        by_ledger[row.ledger] = by_ledger.get(row.ledger, NOTHING) + row.amount
    same(1, [total for total in by_version.values() if total], [], "stored postings of an event sum to zero")
    found = {name: amount for name, amount in by_ledger.items() if amount}
    same(2, found, {name: amount for name, amount in posted.items() if amount}, "stored postings, by ledger")


def check_orders(connection: sa.Connection, account_id: UUID, books: Any) -> None:
    """One row an order, in its last state."""
    rows = {
        row.id: row
        for row in connection.execute(sa.select(t.orders).where(t.orders.c.account_id == account_id))
    }
    same(25, set(rows), set(books.orders.orders), "one row an order")
    for order_id, known in books.orders.orders.items():
        row = rows[order_id]
        same(7, row.status, known.status, "an order's status on record")
        same(9, (row.qty, row.filled_qty), (known.qty, known.filled), "an order's shares on record")
        same(5, row.hold, known.hold, "an order's hold on record")


def check_keys(store: "Store", connection: sa.Connection) -> None:
    """Names and executions are on record, each once."""
    executions, names = Counter[Any](), Counter[Any]()
    for number, books in enumerate(store.world.books):
        account_id = store.world.account_ids[number]
        for event in books.events:
            if isinstance(event, e.OrderFilled | e.OrderFilledLate):
                executions[account_id, event.execution_id] += 1
            elif isinstance(event, e.OrderPlaced) and event.client_order_id:
                names[account_id, event.client_order_id] += 1
    taken = connection.execute(sa.select(t.execution_ids.c.account_id, t.execution_ids.c.execution_id))
    same(10, Counter(tuple(row) for row in taken), executions, "execution ids on record")
    used = connection.execute(
        sa.select(t.client_order_ids.c.account_id, t.client_order_ids.c.client_order_id)
    )
    same(12, Counter(tuple(row) for row in used), names, "client order ids on record")
