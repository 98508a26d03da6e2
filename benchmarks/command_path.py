"""Durable orders a second through the command path, beside plain ways of writing orders, in one transaction
each.

Every line compares a run with peers of the same minute: bare sqlite3 that writes the rows the run left behind
again, in the same order, into a database of the same tables, indexes and pragmas, one transaction an event;
and, for orders that are only placed, bare sqlite3 and SQLAlchemy's async ORM with four plain statements an
order (`plain.py`). All are durable (WAL, synchronous FULL); what callers send and peers write is made before
the clock starts. Run: python benchmarks/command_path.py [--quick]
"""

import argparse
import asyncio
import shutil
import tempfile
import time
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import uvloop
from pysqlite3 import dbapi2

import plain
from traderbot.engine.market import Mark
from traderbot.infra.clock import WallClock
from traderbot.infra.events.journal import verify
from traderbot.infra.ids import new_id
from traderbot.infra.storage.database import Database, metadata
from traderbot.model.amounts import money, price, quantity
from traderbot.model.commands import Command, DepositCash, OpenAccount, PlaceOrder, RecordExecution
from traderbot.model.events import RulesChanged
from traderbot.model.orders import Side
from traderbot.model.symbols import Symbol, symbol
from traderbot.trading.command_path import CommandPath
from traderbot.trading.streams import RULES_STREAM
from traderbot.trading.work import Outcome, Work

NOW = 1_100_000_000_000_000
STOCK = symbol("ACME")
MARK = Mark(price(100), NOW)
FEE = money("0.01")


class StillMarket:
    """A market whose one price never moves."""

    time = NOW
    day_end = NOW + 1
    ended = False

    def mark(self, symbol: Symbol) -> Mark | None:
        return MARK


class Case(NamedTuple):
    """One line of the table. accounts: how many the callers share out among them."""

    callers: int
    accounts: int
    fills: bool


class Measured(NamedTuple):
    """Orders a second of the command path and of its peers: the same rows, four statements, the ORM."""

    rate: float
    same_rows: float
    four: float
    orm: float
    p50_ms: float
    p99_ms: float

    def ratios(self) -> tuple[float, float, float]:
        return self.rate / self.same_rows, self.rate / self.four, self.rate / self.orm


def _commands(account_id: UUID, orders: int, fills: bool) -> list[tuple[UUID, Command]]:
    """What one caller sends: orders, each followed by its fill where wanted."""
    commands: list[tuple[UUID, Command]] = []
    for number in range(orders):
        order_id, qty = new_id(), quantity(number % 97 + 1)
        place = PlaceOrder(order_id, STOCK, Side.BUY, qty, client_order_id=f"my-{order_id}")
        commands.append((account_id, place))
        if fills:
            paid = price(100 + Decimal(number % 89) / 100)
            commands.append((account_id, RecordExecution(order_id, new_id(), qty, paid, FEE, NOW)))
    return commands


async def _call(path: CommandPath, commands: list[tuple[UUID, Command]]) -> list[float]:
    """A caller that waits for each answer before it sends the next; gives back the latencies in seconds."""
    latencies = []
    for command in commands:
        start = time.perf_counter()
        outcome: Outcome = await path.asubmit(Work([command]))
        latencies.append(time.perf_counter() - start)
        assert not outcome.refusals, outcome.refusals
    return latencies


def run_command_path(home: Path, case: Case, orders: int) -> tuple[float, list[float]]:
    """Seconds for all orders, and each answer's latency in seconds."""
    database = Database(f"sqlite:///{home / 'run.db'}")
    metadata.create_all(database.writer)
    try:
        return play(database, case, orders)
    finally:
        database.close()


def play(database: Database, case: Case, orders: int) -> tuple[float, list[float]]:
    """As `run_command_path`, on a database that is there."""
    path = CommandPath(database, WallClock())
    path.submit(Work(facts=[(RULES_STREAM, RulesChanged({"version": 1}))]))
    session_id = new_id()
    account_ids = [new_id() for _ in range(case.accounts)]
    for account_id in account_ids:
        commands = [
            (account_id, OpenAccount(account_id, new_id(), session_id, "USD")),
            (account_id, DepositCash(money(1_000_000_000_000))),
        ]
        path.submit(Work(commands, markets={session_id: StillMarket()}))
    each = orders // case.callers
    made = [_commands(account_ids[i % case.accounts], each, case.fills) for i in range(case.callers)]

    async def everybody() -> list[list[float]]:
        return await asyncio.gather(*(_call(path, commands) for commands in made))

    start = time.perf_counter()
    latencies = uvloop.run(everybody())
    seconds = time.perf_counter() - start
    path.close()
    with database.read() as connection:
        assert verify(connection).fault is None
    return seconds, sorted(latency for caller in latencies for latency in caller)


_ORDER_FILLED = (
    "UPDATE orders SET status='filled', filled_qty=qty, filled_value=hold, hold=0, updated_at=? WHERE id=?"
)
_POSITION_CHANGED = (
    "INSERT INTO positions VALUES (?,?,?,?,0) ON CONFLICT DO UPDATE SET qty=excluded.qty, cost=excluded.cost"
)
Statement = tuple[str, tuple[Any, ...]]
_OF_PLACED = {"orders": "account_id=? AND version=?", "client_order_ids": "order_id=?"}
_OF_FILLED = {
    "fills": "account_id=? AND version=?",
    "postings": "account_id=? AND version=?",
    "execution_ids": "order_id=?",
}


def _transactions(source: Any) -> list[list[Statement]]:
    """What one transaction an event has to write, taken from the rows that a run left behind."""

    def insert(table: str, row: tuple[Any, ...]) -> Statement:
        return f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", row

    stored_ids = [row[0] for row in source.execute("SELECT id FROM accounts")]
    by_stream = {f"account:{UUID(bytes=stored)}": stored for stored in stored_ids}
    places = {"OrderPlaced": _OF_PLACED, "OrderFilled": _OF_FILLED}
    orders = {
        (row[1], row[2]): row[0] for row in source.execute("SELECT id, account_id, version FROM orders")
    }
    filled = {
        (row[0], row[1]): row[2] for row in source.execute("SELECT account_id, version, order_id FROM fills")
    }
    lots: dict[bytes, list[tuple[Any, ...]]] = {}
    for row in source.execute("SELECT * FROM lots ORDER BY number"):
        lots.setdefault(row[0], []).append(row)
    transactions = []
    names = [row[1] for row in source.execute("PRAGMA table_info(events)")]
    for row in source.execute("SELECT * FROM events ORDER BY position").fetchall():
        event = dict(zip(names, row, strict=True))
        if event["type"] not in places:
            continue
        account = by_stream[event["stream"]]
        key = (account, event["version"])
        order_id = orders.get(key) or filled[key]
        statements = [insert("events", row)]
        for table, where in places[event["type"]].items():
            found = (order_id,) if where == "order_id=?" else key
            statements += [
                insert(table, r) for r in source.execute(f"SELECT * FROM {table} WHERE {where}", found)
            ]
        if event["type"] == "OrderFilled":
            statements.append(insert("lots", lots[account].pop(0)))
            statements.append((_ORDER_FILLED, (NOW, order_id)))
            version = event["version"]
            statements.append((_POSITION_CHANGED, (account, STOCK, version * 10**9, version * 10**8)))
        changes = "cash=cash-1, held=held+1, securities=securities+1, fees=fees+1"
        statements.append(
            (f"UPDATE accounts SET {changes}, version=? WHERE id=?", (event["version"], account))
        )
        head = (event["version"], event["hash"], event["recorded_at"], event["stream"])
        statements.append(("UPDATE stream_heads SET version=?, hash=?, recorded_at=? WHERE stream=?", head))
        transactions.append(statements)
    return transactions


def run_bare(home: Path, limit: int) -> float:
    """Seconds a transaction of bare sqlite3 that writes the rows of the run in `home`."""
    database = Database(f"sqlite:///{home / 'run.db'}")
    with database.writer.connect() as connection:
        source = connection.connection.driver_connection
        ddl = [row[0] for row in source.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")]
        transactions = _transactions(source)
        standing = {
            name: source.execute(f"SELECT * FROM {name}").fetchall() for name in ("accounts", "stream_heads")
        }
    database.close()
    bare = Database(
        f"sqlite:///{home / 'bare.db'}"
    )  # for the same pragmas; the driver's own connection does the work
    with bare.writer.connect() as connection:
        driver = connection.connection.driver_connection
        for statement in ddl:
            driver.execute(statement)
        for name, rows in standing.items():
            driver.executemany(f"INSERT INTO {name} VALUES ({','.join('?' * len(rows[0]))})", rows)
        seconds = _write(driver, transactions[:limit])
    bare.close()
    return seconds / min(limit, len(transactions))


def _write(driver: Any, transactions: list[list[Statement]]) -> float:
    start = time.perf_counter()
    for statements in transactions:
        driver.execute("BEGIN IMMEDIATE")
        for sql, values in statements:
            driver.execute(sql, values)
        driver.execute("COMMIT")
    return time.perf_counter() - start


def measure(case: Case, orders: int) -> Measured:
    """One run of the command path and of its peer, on the disk this folder is on."""
    home = Path(tempfile.mkdtemp(prefix=".benchmark-", dir=Path(__file__).parent))
    try:
        seconds, latencies = run_command_path(home, case, orders)
        bare = run_bare(home, orders // 3)
        four = plain.run_sqlite(home / "four.db", orders // 3)
        orm = plain.run_sqlite_orm(home / "orm.db", orders // 20)
    finally:
        shutil.rmtree(home)
    per_order = 2 if case.fills else 1
    return Measured(
        rate=len(latencies) / per_order / seconds,
        same_rows=1 / (bare * per_order),
        four=four.rate,
        orm=orm.rate,
        p50_ms=latencies[len(latencies) // 2] * 1000,
        p99_ms=latencies[int(len(latencies) * 0.99)] * 1000,
    )


CASES = [
    Case(callers, accounts, fills)
    for fills in (False, True)
    for callers, accounts in ((1, 1), (16, 16), (64, 64), (16, 4), (64, 4))
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer orders, one round")
    parser.add_argument("--callers", type=int, help="only the lines with this many callers")
    parser.add_argument("--only", choices=("sqlite", "postgres"), help="only this database")
    options = parser.parse_args()
    if options.only != "postgres":
        compare_on_sqlite(options)
    if options.only != "sqlite":
        compare_on_postgres(options)


def compare_on_postgres(options: argparse.Namespace) -> None:
    """The command path beside asyncpg, SQLAlchemy's async ORM and psycopg, one transaction an order."""
    import postgres

    print("PostgreSQL, every commit synced; orders a second, ms an answer, the path's rate over the peer's")
    print(f"{'':14}{'callers':>8}{'accounts':>9}{'rate':>9}{'p50':>8}{'p99':>8}{'path/it':>8}")
    for callers, accounts in ((16, 16), (64, 64), (64, 4)):
        if options.callers in (None, callers):
            orders = 4_000 if options.quick else 12_000
            case = Case(callers, accounts, False)
            postgres.compare(callers, accounts, orders, partial(play, case=case, orders=orders))


def compare_on_sqlite(options: argparse.Namespace) -> None:
    """The command path beside its peers, for each case: the round whose rate over bare sqlite3 is in the
    middle.
    """
    print(f"SQLite {dbapi2.sqlite_version}, WAL, synchronous FULL; orders a second, ms an answer; the peers'")
    print("orders a second: bare sqlite3 with the same rows, with four statements, SQLAlchemy's async ORM")
    print(f"{'':14}{'callers':>8}{'accounts':>9}{'path':>9}{'p50':>8}{'p99':>8}", end="")
    print(f"{'same rows':>11}{'ratio':>7}{'four':>8}{'ratio':>7}{'ORM':>7}{'ratio':>7}")
    for case in CASES:
        if options.callers not in (None, case.callers):
            continue
        orders = (
            (3_000 if case.callers == 1 else 12_000)
            // (3 if options.quick else 1)
            // (2 if case.fills else 1)
        )
        rounds = [measure(case, orders) for _ in range(1 if options.quick else 3)]
        got = sorted(rounds, key=Measured.ratios)[len(rounds) // 2]
        same_rows, four, orm = got.ratios()
        print(
            f"{'place + fill' if case.fills else 'place':14}{case.callers:8}{case.accounts:9}"
            f"{got.rate:9,.0f}{got.p50_ms:8.2f}{got.p99_ms:8.2f}"
            f"{got.same_rows:11,.0f}{same_rows:7.2f}{got.four:8,.0f}{four:7.2f}{got.orm:7,.0f}{orm:7.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
