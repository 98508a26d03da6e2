"""Plain ways of making an order durable, to measure the command path against: four statements an order (the
order, its event, the position, the cash), in one transaction each.

They decide nothing, check nothing, hash nothing and keep no name unique; their tables have eight columns at
most and one index besides the keys. What they write is made before the clock starts.
"""

import asyncio
import json
import random
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import sqlalchemy as sa
import uvloop
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

ACCOUNTS, SYMBOLS, CASH = 1_000, 10, 10**9


class Order(NamedTuple):
    """One order, filled at once. side: 1 to buy, -1 to sell."""

    id: int
    account: int
    symbol: int
    side: int
    qty: int
    price: int
    status: str
    ts: int
    payload: str

    @property
    def moved(self) -> int:
        return self.side * self.qty


class Timed(NamedTuple):
    """latencies: of each order, in seconds."""

    seconds: float
    latencies: list[float]

    def line(self) -> str:
        ordered = sorted(self.latencies)
        p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
        return f"{self.rate:9,.0f}{p50 * 1000:8.2f}{p99 * 1000:8.2f}"

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds


def orders(count: int) -> list[Order]:
    """The same orders on every run."""
    chance = random.Random(1)  # repeatable numbers, not secrets
    made = []
    for number in range(1, count + 1):
        account, stock, side = chance.randrange(ACCOUNTS), chance.randrange(SYMBOLS), chance.choice((1, -1))
        qty, price = chance.randrange(1, 100), chance.randrange(9_000, 11_000)
        payload = json.dumps({"id": number, "a": account, "s": stock, "side": side, "q": qty, "p": price})
        at = 1_700_000_000_000 + number
        made.append(Order(number, account, stock, side, qty, price, "FILLED", at, payload))
    return made


class Base(DeclarativeBase):
    pass


_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class OrderRow(Base):
    __tablename__ = "orders"
    id: Any = sa.Column(_BIG, primary_key=True, autoincrement=False)
    account: Any = sa.Column(sa.Integer, nullable=False)
    symbol: Any = sa.Column(sa.Integer, nullable=False)
    side: Any = sa.Column(sa.SmallInteger, nullable=False)
    qty: Any = sa.Column(sa.BigInteger, nullable=False)
    price: Any = sa.Column(sa.BigInteger, nullable=False)
    status: Any = sa.Column(sa.Text, nullable=False)
    ts: Any = sa.Column(sa.BigInteger, nullable=False)
    __table_args__ = (sa.Index("ix_orders_acc", "account", "id"),)


class EventRow(Base):
    __tablename__ = "events"
    id: Any = sa.Column(_BIG, primary_key=True)
    order_id: Any = sa.Column(sa.BigInteger, nullable=False)
    type: Any = sa.Column(sa.Text, nullable=False)
    payload: Any = sa.Column(sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False)
    ts: Any = sa.Column(sa.BigInteger, nullable=False)


class PositionRow(Base):
    __tablename__ = "positions"
    account: Any = sa.Column(sa.Integer, primary_key=True)
    symbol: Any = sa.Column(sa.Integer, primary_key=True)
    qty: Any = sa.Column(sa.BigInteger, nullable=False)
    __table_args__ = ({"sqlite_with_rowid": False},)


class CashRow(Base):
    __tablename__ = "cash"
    account: Any = sa.Column(sa.Integer, primary_key=True)
    balance: Any = sa.Column(sa.BigInteger, nullable=False)


def _filled(url: str) -> None:
    """The tables, with every position at nothing and every account's cash."""
    engine = sa.create_engine(url)
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        places = [{"account": a, "symbol": s, "qty": 0} for a in range(ACCOUNTS) for s in range(SYMBOLS)]
        connection.execute(sa.insert(PositionRow), places)
        connection.execute(sa.insert(CashRow), [{"account": a, "balance": CASH} for a in range(ACCOUNTS)])
    engine.dispose()


def _check(url: str, made: list[Order]) -> None:
    """Nothing got lost, or the rate means nothing."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        held = connection.execute(sa.select(sa.func.sum(PositionRow.qty))).scalar()
        cash = connection.execute(sa.select(sa.func.sum(CashRow.balance))).scalar()
        written = connection.execute(sa.select(sa.func.count()).select_from(EventRow)).scalar()
    engine.dispose()
    spent = sum(order.moved * order.price for order in made)
    expected = sum(order.moved for order in made), ACCOUNTS * CASH - spent, len(made)
    assert (held, cash, written) == expected, (held, cash, written)


_FOUR = (
    "INSERT INTO orders (id, account, symbol, side, qty, price, status, ts)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    "INSERT INTO events (order_id, type, payload, ts) VALUES ($1, $2, $3, $4)",
    "UPDATE positions SET qty = qty + $1 WHERE account = $2 AND symbol = $3",
    "UPDATE cash SET balance = balance + $1 WHERE account = $2",
)


def _values(order: Order) -> tuple[tuple[Any, ...], ...]:
    moved = order.moved
    return (
        order[:8],
        (order.id, "F", order.payload, order.ts),
        (moved, order.account, order.symbol),
        (-moved * order.price, order.account),
    )


@contextmanager
def _sqlite(file: Path, made: list[Order]) -> Iterator[str]:
    """A new database, in WAL mode; checked and gone after the block."""
    from pysqlite3 import dbapi2

    connection = dbapi2.connect(file)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    _filled(f"sqlite:///{file}")
    yield str(file)
    _check(f"sqlite:///{file}", made)
    for left in file.parent.glob(f"{file.name}*"):
        left.unlink()


def run_sqlite(file: Path, count: int) -> Timed:
    """Bare sqlite3, one connection, one order after the other."""
    from pysqlite3 import dbapi2

    made = orders(count)
    four = [sql.replace("$", "?") for sql in _FOUR]
    with _sqlite(file, made) as path:
        connection = dbapi2.connect(path, isolation_level=None)
        connection.execute("PRAGMA synchronous=FULL")
        execute, latencies = connection.execute, []
        start = time.perf_counter()
        for order in made:
            began = time.perf_counter()
            execute("BEGIN IMMEDIATE")
            for sql, values in zip(four, _values(order), strict=True):
                execute(sql, values)
            execute("COMMIT")
            latencies.append(time.perf_counter() - began)
        seconds = time.perf_counter() - start
        connection.close()
    return Timed(seconds, latencies)


async def _by_orm(session: AsyncSession, order: Order, *, locked: bool) -> None:
    """The four statements as SQLAlchemy's ORM makes them. locked: read what is changed FOR UPDATE."""
    row = order._asdict()
    payload = json.loads(row.pop("payload"))
    session.add(OrderRow(**row))
    session.add(EventRow(order_id=order.id, type="F", payload=payload, ts=order.ts))
    position = await session.get(PositionRow, (order.account, order.symbol), with_for_update=locked)
    cash = await session.get(CashRow, order.account, with_for_update=locked)
    assert position is not None
    assert cash is not None
    position.qty += order.moved
    cash.balance -= order.moved * order.price


def run_async_orm(url: str, made: list[Order], callers: int) -> Timed:
    """SQLAlchemy's async ORM, one session an order; a connection a caller."""

    async def everybody() -> Timed:
        options: dict[str, Any] = {} if url.startswith("sqlite") else {"pool_size": callers}
        engine = create_async_engine(url, **options)

        if url.startswith("sqlite"):

            @sa.event.listens_for(engine.sync_engine, "connect")
            def _full(connection: Any, _record: object) -> None:
                connection.execute("PRAGMA synchronous=FULL")

        sessions = async_sessionmaker(engine)
        locked = not url.startswith("sqlite")

        async def call(share: list[Order]) -> list[float]:
            latencies = []
            for order in share:
                began = time.perf_counter()
                async with sessions.begin() as session:
                    await _by_orm(session, order, locked=locked)
                latencies.append(time.perf_counter() - began)
            return latencies

        timed = await _gather([call(made[first::callers]) for first in range(callers)])
        await engine.dispose()
        return timed

    return uvloop.run(everybody())


async def _gather(calls: list[Coroutine[Any, Any, list[float]]]) -> Timed:
    start = time.perf_counter()
    latencies = await asyncio.gather(*calls)
    return Timed(time.perf_counter() - start, [one for share in latencies for one in share])


def run_sqlite_orm(file: Path, count: int) -> Timed:
    """SQLAlchemy's async ORM with aiosqlite, one order after the other: SQLite has one writer."""
    made = orders(count)
    with _sqlite(file, made) as path:
        return run_async_orm(f"sqlite+aiosqlite:///{path}", made, 1)


def run_asyncpg(url: str, count: int, callers: int) -> Timed:
    """asyncpg, four prepared statements an order, a connection a caller."""
    made = orders(count)
    plain = url.replace("postgresql://", "postgresql+psycopg://")
    _filled(plain)

    async def call(connection: Any, share: list[Order]) -> list[float]:
        prepared = [await connection.prepare(sql) for sql in _FOUR]
        latencies = []
        for order in share:
            began = time.perf_counter()
            async with connection.transaction():
                for statement, values in zip(prepared, _values(order), strict=True):
                    await statement.fetch(*values)
            latencies.append(time.perf_counter() - began)
        return latencies

    async def everybody() -> Timed:
        connections = [await asyncpg.connect(url) for _ in range(callers)]
        timed = await _gather([call(one, made[first::callers]) for first, one in enumerate(connections)])
        for connection in connections:
            await connection.close()
        return timed

    timed = uvloop.run(everybody())
    _check(plain, made)
    return timed


def run_postgres_orm(url: str, count: int, callers: int) -> Timed:
    """SQLAlchemy's async ORM with asyncpg, a connection a caller."""
    made = orders(count)
    plain = url.replace("postgresql://", "postgresql+psycopg://")
    _filled(plain)
    timed = run_async_orm(url.replace("postgresql://", "postgresql+asyncpg://"), made, callers)
    _check(plain, made)
    return timed
