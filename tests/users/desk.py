"""A small platform for tests: the users service over a real SQLite file, and an application on a real
port.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry
from sqlalchemy.engine import Connection

from traderbot.api.auth_endpoints import router as auth_router
from traderbot.api.middleware import HttpMetrics, install_middleware
from traderbot.api.problems import install_problems
from traderbot.api.users_endpoints import router as users_router
from traderbot.infra.events.journal import Meta, Recorded
from traderbot.infra.ids import new_id
from traderbot.infra.settings import Settings
from traderbot.infra.storage.database import Database, metadata
from traderbot.users import tables
from traderbot.users.credentials import Fact
from traderbot.users.passwords import Passwords
from traderbot.users.roles import Role
from traderbot.users.service import InsertUser, TokenLives, UsersService

T = TypeVar("T")
START = 1_767_600_000_000_000  # 2026-01-05T08:00:00Z
SECRET = b"0123456789abcdef0123456789abcdef"
PASSWORD = "correct horse battery"


@dataclass
class HandClock:
    """A clock that is moved by hand."""

    at: int = START

    def now(self) -> int:
        return self.at

    def forward(self, *, seconds: int = 0, days: int = 0) -> None:
        self.at += (seconds + days * 86_400) * 1_000_000


class OneWriter:
    """Runs each job in a transaction of its own, one after the other."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.lock = threading.Lock()
        self.jobs = 0

    def write(self, job: Callable[[Connection], T]) -> T:
        with self.lock, self.database.write() as connection:
            self.jobs += 1
            return job(connection)


@dataclass
class Desk:
    """The parts of a platform that users need, with what the rest of it was asked to do."""

    database: Database
    writer: OneWriter
    clock: HandClock
    users: UsersService
    settings: Settings
    opened: list[UUID] = field(default_factory=list)
    recorded: list[Recorded] = field(default_factory=list)


def weak_passwords() -> Passwords:
    """argon2 with figures fit for tests only."""
    return Passwords(memory_kib=8, passes=1)


@contextmanager
def open_desk(home: Path, **changed: Any) -> Iterator[Desk]:
    """A desk over a new database in `home`; `changed` are arguments of UsersService."""
    database = Database(f"sqlite:///{home / 'traderbot.db'}")
    metadata.create_all(
        database.writer,
        tables=[
            tables.users,
            tables.preferences,
            tables.refresh_tokens,
            tables.api_keys,
            tables.grant_spending,
        ],
    )
    writer, clock = OneWriter(database), HandClock()
    opened: list[UUID] = []
    recorded: list[Recorded] = []

    def open_account(user_id: UUID, insert_user: InsertUser, _role: Role) -> UUID:
        account_id = new_id()
        writer.write(lambda connection: insert_user(connection, account_id))
        opened.append(account_id)
        return account_id

    def record(facts: Iterable[Fact], job: Callable[[Connection], T], actor: str) -> T:
        result = writer.write(job)
        entries = [Recorded(0, f"user:{who}", 1, event, Meta(actor=actor), 0) for who, event in facts]
        recorded.extend(entries)
        users.hear(entries)
        return result

    arguments: dict[str, Any] = {
        "database": database,
        "writer": writer,
        "clock": clock,
        "secret": SECRET,
        "open_account": open_account,
        "record": record,
        "lives": TokenLives(),
        "passwords": weak_passwords(),
    }
    users = UsersService(**{**arguments, **changed})
    settings = Settings(home=home)
    try:
        yield Desk(database, writer, clock, users, settings, opened, recorded)
    finally:
        database.close()


def make_app(
    desk: Desk | None, *routers: APIRouter, routes: list[APIRoute] | None = None, **middleware: Any
) -> FastAPI:
    """An application of the users' routers and the given ones."""
    app = FastAPI()
    app.state.platform = desk
    app.state.registry = CollectorRegistry()
    install_problems(app)
    arguments = {"body_limit": 1_000_000, "cors_origins": [], "metrics": HttpMetrics(app.state.registry)}
    install_middleware(app, **{**arguments, **middleware})
    for router in (auth_router, users_router, *routers):
        app.include_router(router)
    app.router.routes.extend(routes or [])
    return app


@contextmanager
def serve(app: Any, http: str = "httptools") -> Iterator[str]:
    """The application on a free loopback port: its base URL."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, lifespan="off", log_config=None, access_log=False, http=http, proxy_headers=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise RuntimeError("the server did not start")
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
