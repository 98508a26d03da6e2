"""Durable orders a second on PostgreSQL: the command path, beside plain ways of writing orders.

(a) asyncpg with four plain statements an order, and (b) the same through SQLAlchemy's async ORM (`plain.py`).
(c) psycopg with all the rows that the command path writes, as a run left them behind. All with a connection
for each caller and one transaction an order, which check and hash nothing. All callers run in one process, on
a server of this machine that syncs every commit.
"""

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

import plain
from plain import Timed

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from servers import Postgres, postgres
from traderbot.infra.events.journal import events
from traderbot.infra.migrations import migrate
from traderbot.infra.storage.database import Database
from traderbot.trading import tables as t

Statement = tuple[str, tuple[Any, ...]]
Transactions = list[list[list[Statement]]]  # of each caller, of each order, the statements


def _insert(table: sa.Table, row: Any) -> Statement:
    names = ", ".join(f'"{name}"' for name in row._mapping)
    marks = ", ".join(["%s"] * len(row))
    return f"INSERT INTO {table.name} ({names}) VALUES ({marks})", tuple(row)


def statements_of(database: Database, callers: int) -> Transactions:
    """What each caller has to write for each of its orders, from the rows that a run left behind."""
    by_account: dict[Any, list[list[Statement]]] = {}
    with database.read() as connection:
        placed = list(connection.execute(sa.select(t.orders).order_by(t.orders.c.version)))
        names = {row.order_id: row for row in connection.execute(sa.select(t.client_order_ids))}
        journal = {(row.stream, row.version): row for row in connection.execute(sa.select(events))}
    for row in placed:
        event = journal[f"account:{row.account_id}", row.version]
        version, account = (row.version, row.account_id)
        written = [
            _insert(t.orders, row),
            _insert(t.client_order_ids, names[row.id]),
            _insert(events, event),
            ("UPDATE accounts SET held = held + 1, version = %s WHERE id = %s", (version, account)),
            (
                "UPDATE stream_heads SET version = %s, hash = %s WHERE stream = %s",
                (version, event.hash, event.stream),
            ),
        ]
        by_account.setdefault(account, []).append(written)
    shares: Transactions = [[] for _ in range(callers)]
    together = callers // len(by_account)  # callers that share an account, and wait for each other
    for number, orders in enumerate(by_account.values()):
        for turn, statements in enumerate(orders):
            shares[number * together + turn % together].append(statements)
    return shares


def run_psycopg(url: str, shares: Transactions) -> Timed:
    """One thread and one connection a caller."""
    connections = [psycopg.connect(url, prepare_threshold=0) for _ in shares]

    def call(number: int) -> list[float]:
        connection, latencies = connections[number], []
        for statements in shares[number]:
            start = time.perf_counter()
            with connection.transaction():
                for sql, values in statements:
                    connection.execute(sql, values)
            latencies.append(time.perf_counter() - start)
        return latencies

    with ThreadPoolExecutor(len(shares)) as pool:
        start = time.perf_counter()
        latencies = list(pool.map(call, range(len(shares))))
        seconds = time.perf_counter() - start
    for connection in connections:
        connection.close()
    return Timed(seconds, [latency for one in latencies for latency in one])


def _emptied(server: Postgres, name: str) -> str:
    """A copy of a run's database with its accounts and heads, but no order yet."""
    copy = server.create(name)
    for table in ("orders", "client_order_ids", "events"):
        server.execute(f"TRUNCATE {table}", copy)
    return server.url(copy)


def compare(
    callers: int, accounts: int, count: int, play: Callable[[Database], tuple[float, list[float]]]
) -> None:
    """One line for the command path and for each peer. play: plays the orders through a command path."""
    with postgres(durable=True) as server:
        name = server.create()
        database = Database(server.url(name))
        migrate(database)
        path = Timed(*play(database))
        whole = statements_of(database, callers)
        database.close()
        peers = {
            "asyncpg, 4": plain.run_asyncpg(server.url(server.create()), count // 2, callers),
            "async ORM, 4": plain.run_postgres_orm(server.url(server.create()), count // 20, callers),
            "psycopg, all": run_psycopg(_emptied(server, name), whole),
        }
    for what, timed in {"command path": path, **peers}.items():
        print(f"{what:14}{callers:8}{accounts:9}{timed.line()}{path.rate / timed.rate:8.2f}", flush=True)
