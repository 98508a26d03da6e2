"""The same order route as others would write it: FastAPI, a pydantic body, a JWT for each request, and one
durable transaction of the four plain statements (order, event, position, cash) on SQLite, WAL and FULL.

`plain` writes with sqlite3, `orm` with SQLAlchemy's asynchronous ORM; `constant` reads, and only checks the
token. Served by uvicorn in a process of its
own; TRADERBOT_PEER_FOLDER is where their database goes.
"""

import os
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import Depends, FastAPI, Header, HTTPException
from joserfc import jwt
from joserfc.jwk import OctKey
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

FOLDER = Path(os.environ.get("TRADERBOT_PEER_FOLDER", "."))
KEY = OctKey.import_key("a key of thirty-two bytes and more")
ACCOUNTS = 64


def token(account: int) -> str:
    """A token as the peers check it."""
    return jwt.encode({"alg": "HS256"}, {"sub": str(account), "exp": 2**33}, KEY)


class OrderIn(BaseModel):
    symbol: str = Field(max_length=10)
    side: Literal["buy", "sell"]
    type: Literal["market", "limit"]
    qty: Decimal = Field(gt=0, max_digits=18, decimal_places=9)
    limit_price: Decimal | None = Field(default=None, gt=0)
    time_in_force: Literal["day", "gtc"] = "day"


class OrderOut(BaseModel):
    id: int
    symbol: str
    side: str
    type: str
    qty: Decimal
    limit_price: Decimal | None
    time_in_force: str
    status: str


def account_of(authorization: Annotated[str, Header()]) -> int:
    try:
        return int(jwt.decode(authorization.removeprefix("Bearer "), KEY).claims["sub"])
    except ValueError:
        raise HTTPException(401) from None


Account = Annotated[int, Depends(account_of)]


constant = FastAPI()
PORTFOLIO = {"equity": "100000", "cash": "100000", "holdings": [], "as_of": "2005-01-03T21:00:00Z"}


@constant.get("/api/v1/portfolio")
async def constant_portfolio(account: Account) -> dict[str, Any]:
    """What FastAPI costs by itself: a checked token and an answer that is always the same."""
    return PORTFOLIO


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[int]
    symbol: Mapped[str]
    side: Mapped[str]
    qty: Mapped[int]
    price: Mapped[int]
    status: Mapped[str]
    ts: Mapped[int]


class Event(Base):
    __tablename__ = "events"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int]
    type: Mapped[str]
    payload: Mapped[str]
    ts: Mapped[int]


class Position(Base):
    __tablename__ = "positions"
    account: Mapped[int] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(primary_key=True)
    qty: Mapped[int]


class Cash(Base):
    __tablename__ = "cash"
    account: Mapped[int] = mapped_column(primary_key=True)
    balance: Mapped[int]


def _made(name: str) -> Path:
    """A database with its accounts."""
    path = FOLDER / f"{name}.db"
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        Base.metadata.create_all(connection)
        for account in range(ACCOUNTS):
            connection.execute(sa.insert(Position).values(account=account, symbol="MSFT", qty=0))
            connection.execute(sa.insert(Cash).values(account=account, balance=10**15))
    engine.dispose()
    return path


def _scaled(order: OrderIn) -> tuple[int, int]:
    return int(order.qty * 10**9), int((order.limit_price or Decimal(20)) * 10**6)


def _answer(number: int, order: OrderIn) -> OrderOut:
    return OrderOut(id=number, status="new", **order.model_dump())


@asynccontextmanager
async def _plain_life(app: FastAPI) -> AsyncIterator[None]:
    connection = sqlite3.connect(_made("plain"), isolation_level=None)
    connection.execute("PRAGMA synchronous=FULL")
    app.state.connection = connection
    yield
    connection.close()


@asynccontextmanager
async def _orm_life(app: FastAPI) -> AsyncIterator[None]:
    _made("orm")
    yield


plain = FastAPI(lifespan=_plain_life)
orm = FastAPI(lifespan=_orm_life)


@plain.get("/health")
@orm.get("/health")
async def health() -> dict[str, Any]:
    return {}


@plain.post("/api/v1/orders", status_code=201)
async def place_plain(order: OrderIn, account: Account) -> OrderOut:
    run, (qty, price), now = plain.state.connection.execute, _scaled(order), time.time_ns()
    run("BEGIN IMMEDIATE")
    number = run(
        "INSERT INTO orders (account, symbol, side, qty, price, status, ts) VALUES (?,?,?,?,?,?,?)",
        (account, order.symbol, order.side, qty, price, "new", now),
    ).lastrowid
    run(
        "INSERT INTO events (order_id, type, payload, ts) VALUES (?,?,?,?)",
        (number, "placed", order.model_dump_json(), now),
    )
    run("UPDATE positions SET qty=qty+? WHERE account=? AND symbol=?", (qty, account, order.symbol))
    run("UPDATE cash SET balance=balance-? WHERE account=?", (price, account))
    run("COMMIT")
    return _answer(number, order)


_engine = create_async_engine(f"sqlite+aiosqlite:///{FOLDER / 'orm.db'}")


@sa.event.listens_for(_engine.sync_engine, "connect")
def _full(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA busy_timeout=30000")


_sessions = async_sessionmaker(_engine)


@orm.post("/api/v1/orders", status_code=201)
async def place_orm(order: OrderIn, account: Account) -> OrderOut:
    (qty, price), now = _scaled(order), time.time_ns()
    async with _sessions() as session, session.begin():
        placed = Order(
            account=account, symbol=order.symbol, side=order.side, qty=qty, price=price, status="new", ts=now
        )
        session.add(placed)
        await session.flush()
        session.add(Event(order_id=placed.id, type="placed", payload=order.model_dump_json(), ts=now))
        position = await session.get_one(Position, (account, order.symbol))
        cash = await session.get_one(Cash, account)
        position.qty += qty
        cash.balance -= price
        number = placed.id
    return _answer(number, order)
