"""Each of the product's queries on a large database: its plan, its time, and its time without indexes.

Fills a database of its own with orders, events and what belongs to them, has the database gather its
statistics, and runs the queries of `tests/plans` with the planner as it is. Fails where a table that grows is
read from end to end, or where a query takes longer than 5 ms at the median. Without indexes: on PostgreSQL
the planner may use none; SQLite cannot do without primary keys, so only the others are dropped.

Run: python benchmarks/indexes.py [--database sqlite|postgresql] [--orders N] [--events N]
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from plans.plans import TOLD, Recorder, whole_reads
from plans.queries import QUERIES, World
from servers import postgres
from traderbot.infra.migrations import migrate
from traderbot.infra.storage.database import Database, Limits
from traderbot.infra.storage.partitions import ensure_partitions

ACCOUNTS = 1_000
SLOWEST_MS = 5.0
AGAIN = 15
_OFF = ("indexscan", "indexonlyscan", "bitmapscan")

# By table, how many rows, and an expression for each column. {n}: the row's number from 0; {id:...}: an id.
ROWS: dict[str, tuple[str, dict[str, str]]] = {
    "users": ("{accounts}", {
        "id": "{id:3000000000 + {n}}", "email": "'user' || {n} || '@example.com'", "display_name": "'x'",
        "password_hash": "'x'", "role": "'trader'", "active": "true", "created_at": "0",
    }),
    "accounts": ("{accounts}", {
        "id": "{id:1000000000 + {n}}", "user_id": "{id:3000000000 + {n}}", "session_id": "{id:7}",
        "currency": "'USD'", "cash": "0", "held": "0", "securities": "0", "external": "0", "realised": "0",
        "fees": "0", "dividends": "0", "lots_opened": "0", "version": "1",
    }),
    "orders": ("{orders}", {
        "id": "{id:2000000000 + {n}}", "account_id": "{id:1000000000 + {n} % {accounts}}",
        "version": "{n} + 1",
        "client_order_id": "''", "symbol": "'AAA'", "side": "'buy'", "type": "'limit'",
        "time_in_force": "'day'", "qty": "1", "price_max": "1", "fee_rate": "0", "hold": "0",
        "status": "CASE WHEN {n} / {accounts} % 100 = 0 THEN 'new' ELSE 'filled' END", "filled_qty": "0",
        "filled_value": "0", "placed_at": "{n}", "updated_at": "{n}",
        "group_id": "CASE WHEN {n} / {accounts} % 50 = 0 THEN {id:2000000000 + {n}} END",
        "order_class": "CASE WHEN {n} / {accounts} % 50 = 0 THEN 'bracket' END",
        "leg": "CASE WHEN {n} / {accounts} % 50 = 0 THEN 'entry' END",
    }),
    "fills": ("{orders}", {
        "account_id": "{id:1000000000 + {n} % {accounts}}", "version": "{n} + 2",
        "execution_id": "{id:4000000000 + {n}}", "order_id": "{id:2000000000 + {n}}", "symbol": "'AAA'",
        "side": "'buy'", "qty": "1", "price": "1", "notional": "1", "fee": "0", "realised": "0",
        "at": "{n}", "priced_at": "{n}",
    }),
    "lots": ("{orders}", {
        "account_id": "{id:1000000000 + {n} % {accounts}}", "number": "{n}", "symbol": "'AAA'",
        "execution_id": "{id:4000000000 + {n}}", "opened_at": "{n}", "opened_qty": "1", "opened_cost": "1",
        "qty": "1", "cost": "1", "closed_at": "CASE WHEN {n} / {accounts} % 100 <> 1 THEN {n} END",
    }),
    "positions": ("{accounts} * 5", {
        "account_id": "{id:1000000000 + {n} % {accounts}}",
        "symbol": "CASE WHEN {n} < {accounts} THEN 'AAA' ELSE 'S' || {n} END", "qty": "0", "cost": "0",
        "realised": "0",
    }),
    "valuations": ("{accounts} * 250", {
        "account_id": "{id:1000000000 + {n} % {accounts}}", "step": "{n} / {accounts}", "at": "{n}",
        "cash": "0", "market_value": "0", "equity": "0",
    }),
    "signals": ("{orders} / 5", {
        "id": "{id:2000000000 + {n}}", "account_id": "{id:1000000000 + {n} % {accounts}}",
        "version": "{n} + 1", "at": "{n}", "strategy": "'x'", "symbol": "'AAA'", "action": "'buy'",
        "rationale": "'{}'",
    }),
    "activities": ("{accounts} * 50", {
        "account_id": "{id:1000000000 + {n} % {accounts}}", "version": "{n} + 3", "at": "{n}",
        "kind": "'deposit'",
    }),
    "client_order_ids": ("{orders} / 5", {
        "account_id": "{id:1000000000 + {n} % {accounts}}",
        "client_order_id": "CASE WHEN {n} < {accounts} THEN 'named' ELSE 'name' || {n} END",
        "order_id": "{id:2000000000 + {n}}",
    }),
    "events": ("{events}", {
        "position": "{n} + 1", "stream": "'account:' || {text:1000000000 + {n} % {accounts}}",
        "version": "{n} / {accounts} + 1",
        "type": "CASE WHEN {n} % 1000 = 1 THEN 'CashMoved'"
                " ELSE 'OrderExpired' END",
        "schema_version": "1",
        "data": "CASE WHEN {n} % 1000 = 1 THEN '{\"amount\":\"1\",\"at\":1,\"kind\":\"deposit\"}' ELSE"
                " '{\"at\":1,\"order_id\":\"' || {text:2000000000 + {n}} || '\"}' END",
        "metadata": "'{\"actor\":\"system\"}'", "effective_at": "{n}", "recorded_at": "{n}",
        "prev_hash": "{bytes}", "hash": "{bytes}",
    }),
    "stream_heads": ("{accounts}", {
        "stream": "'account:' || {text:1000000000 + {n}}", "version": "1", "hash": "{bytes}",
        "recorded_at": "0",
    }),
}  # fmt: skip

_ID = {"postgresql": "lpad(to_hex((%s)::bigint), 32, '0')::uuid", "sqlite": "unhex(printf('%%032x', %s))"}
_NAME = {
    "postgresql": "lpad(to_hex((%s)::bigint), 32, '0')::uuid::text",
    "sqlite": "'00000000-0000-0000-0000-' || printf('%%012x', %s)",
}
_BYTES = {"postgresql": "decode(repeat('00', 32), 'hex')", "sqlite": "zeroblob(32)"}
_NUMBERS = {
    "postgresql": "generate_series(0, %s - 1) AS g(n)",
    "sqlite": "(WITH RECURSIVE g(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM g WHERE n + 1 < %s)"
    " SELECT n FROM g)",
}


def fill(database: Database, orders: int, events: int) -> None:
    """All rows, a table a transaction."""
    kind = "postgresql" if database.shared else "sqlite"
    sizes = {"accounts": ACCOUNTS, "orders": orders, "events": events}
    for table, (count, columns) in ROWS.items():
        start = time.perf_counter()
        names = ", ".join(f'"{name}"' for name in columns)
        values = ", ".join(_expression(text, kind) for text in columns.values())
        numbers = _NUMBERS[kind] % count.format(**sizes)
        with database.write() as connection:
            database.take_time(connection)
            if database.shared:
                ensure_partitions(connection, events)
            statement = f"INSERT INTO {table} ({names}) SELECT {values} FROM {numbers}"
            connection.execute(sa.text(statement.replace(":", "\\:")))
        print(f"  {table}: {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True)


def _expression(text: str, kind: str) -> str:
    text = text.replace("{n}", "n").replace("{accounts}", str(ACCOUNTS)).replace("{bytes}", _BYTES[kind])
    for mark, made in (("id", _ID), ("text", _NAME)):
        text = re.sub(rf"{{{mark}:([^}}]*)}}", lambda found, made=made: made[kind] % found[1], text)
    return text


def world(orders: int, events: int) -> World:
    """Things in the middle of what is there."""
    middle = orders // 2 // ACCOUNTS * ACCOUNTS
    account, order = UUID(int=1_000_000_000), UUID(int=2_000_000_000 + middle)
    return World(
        account_id=account,
        others=(UUID(int=1_000_000_001), UUID(int=1_000_000_002)),
        user_id=UUID(int=3_000_000_000),
        session_id=UUID(int=7),
        order_id=order,
        execution_id=UUID(int=4_000_000_000 + middle),
        version=middle,
        position=events // 2,
        at=events // 2,
    )


@contextmanager
def opened(kind: str) -> Iterator[str]:
    """The address of an empty database with the platform's tables."""
    if kind == "postgresql":
        with postgres() as server:
            yield server.url(server.create())
    else:
        with tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix=".benchmark-") as folder:
            yield f"sqlite:///{folder}/plans.db"


def _told(url: str, more: str = "") -> str:
    made = sa.make_url(url)
    if made.get_backend_name() == "postgresql":
        made = made.update_query_dict({"options": f"{TOLD} {more}"})
    return made.render_as_string(hide_password=False)


def measured(
    database: Database, name: str, asked: World, times: int, large: set[str]
) -> tuple[float, list[str]]:
    """The time of the query's longest statement, the median of some runs, and the large tables that were read
    from end to end. PostgreSQL tells the time itself; on SQLite the statement is run once more.
    """
    recorder, found, read = Recorder(database), [], dict[str, None]()
    database.readers.dispose()
    for _ in range(times):
        with recorder.recording() as plans, database.read() as connection:
            QUERIES[name](connection, asked)
        found.append(max(plan.ms for plan in plans))
        for plan in plans:
            read.update(dict.fromkeys(whole_reads(plan, postgres=database.shared, large=large)))
    recorder.close()
    return max(statistics.median(found), 0.001), list(read)


def large_tables(database: Database) -> set[str]:
    """Tables, and parts of tables, that nobody should read from end to end."""
    with database.read() as connection:
        if database.shared:
            asked = "SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples >= 10000"
            return set(connection.exec_driver_sql(asked).scalars())
        asked = "SELECT tbl, max(CAST(stat AS INTEGER)) FROM sqlite_stat1 GROUP BY 1"
        return {name for name, rows in connection.exec_driver_sql(asked) if rows >= 10_000}


def without_indexes(url: str, kind: str) -> Database:
    """The same database, whose queries have to do without."""
    limits = Limits(statement_timeout_s=600)
    if kind == "postgresql":
        options = " ".join(f"-c enable_{name}=off" for name in _OFF)
        return Database(_told(url, options), limits=limits)
    database = Database(url)
    with database.write() as connection:
        found = connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND sql NOT NULL"
        )
        for name in found.scalars().all():
            connection.exec_driver_sql(f"DROP INDEX {name}")
    return database


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="postgresql")
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=5_000_000)
    options = parser.parse_args()
    with opened(options.database) as url:
        database = Database(url)
        migrate(database)
        fill(database, options.orders, options.events)
        with database.outside() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE" if database.shared else "ANALYZE")
        database.close()
        if not compare(url, options.database, world(options.orders, options.events)):
            raise SystemExit(1)


def compare(url: str, kind: str, asked: World) -> bool:
    """Print the table. Returns: whether every query is answered along an index, and soon."""
    database = Database(_told(url))
    large, faults, times = large_tables(database), [], {}
    for name in QUERIES:
        times[name], read = measured(database, name, asked, AGAIN, large)
        if read or times[name] > SLOWEST_MS:
            faults.append(f"{name}: {times[name]:.2f} ms {'; '.join(read)}")
    database.close()
    bare = without_indexes(url, kind)
    print(f"{'longest statement of':44}{'ms':>9}{'without':>11}{'times':>9}")
    for name, with_ms in times.items():
        slow_ms, _ = measured(bare, name, asked, 1, set())
        print(f"{name:44}{with_ms:9.3f}{slow_ms:11.1f}{slow_ms / with_ms:9.0f}", flush=True)
    bare.close()
    for fault in faults:
        print(f"NOT WELL: {fault}")
    return not faults


if __name__ == "__main__":
    main()
