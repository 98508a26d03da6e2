"""A journal to publish from, a relay over it, and what a NATS server then holds."""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import nats
import sqlalchemy as sa
from nats.js.errors import NotFoundError
from prometheus_client import CollectorRegistry
from sqlalchemy.engine import Connection

from servers import Program
from traderbot.infra.clock import WallClock
from traderbot.infra.delivery.jetstream import Consumer, Envelope, Relay, open_envelope
from traderbot.infra.events.journal import Journal, Meta, events
from traderbot.infra.ids import new_id
from traderbot.infra.storage.database import Database
from traderbot.model.events import PreferencesChanged, UserRegistered

SOON = 30  # seconds until a test gives up


class Desk:
    """The one writer of a test: appends events, and writes what the relay asks for.

    refuse: raise instead of writing the relay's checkpoint.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.refuse = False
        self.users = [new_id() for _ in range(5)]
        self._registered: set[int] = set()
        self._journal = Journal(database.dialect)
        self._lock = threading.Lock()

    def write(self, job: Callable[[Connection], Any]) -> Any:
        with self._lock, self.database.write() as connection:
            result = job(connection)
            if self.refuse:
                raise OSError("the disk is full")
            return result

    def append(self, count: int) -> None:
        """Commit so many events, of five users in turn."""
        with self._lock, self.database.write() as connection:
            appends = self._journal.stage(connection, WallClock().now())
            for number in range(count):
                user = self.users[number % 5]
                registered = number % 5 in self._registered
                self._registered.add(number % 5)
                event = PreferencesChanged(user) if registered else UserRegistered(user)
                appends.add(f"user:{user}", event, Meta(actor=f'user:"é" {number}'))
            appends.flush()
            appends.check()
        self._journal.publish(appends)

    def last(self) -> int:
        with self.database.read() as connection:
            return connection.execute(sa.select(sa.func.max(events.c.position))).scalar() or 0

    def relay(self, server: Program, **given: Any) -> Relay:
        relay = Relay(self.database, self, url_of(server), CollectorRegistry(), **given)
        relay.start()
        return relay


def url_of(server: Program) -> str:
    return f"nats://127.0.0.1:{server.port}"


def until(holds: Callable[[], object], what: str = "") -> None:
    """Wait until it holds."""
    end = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < end, f"waited in vain for {what or holds}"
        time.sleep(0.02)


def in_context(server: Program, job: Callable[[Any], Any]) -> Any:
    """What a coroutine function gives that is called with a JetStream context."""

    async def run() -> Any:
        connection = await nats.connect(url_of(server))
        try:
            return await job(connection.jetstream())
        finally:
            await connection.close()

    return asyncio.run(run())


def held(server: Program, stream: str = "TRADERBOT") -> list[Envelope]:
    """Everything the stream holds, each with its hash verified, in the stream's order."""

    async def read(context: Any) -> list[Envelope]:
        try:
            state = (await context.stream_info(stream)).state
        except NotFoundError:
            return []
        found = []
        for sequence in range(max(1, state.first_seq), state.last_seq + 1):
            with suppress(NotFoundError):  # deleted, or purged since
                message = await context.get_msg(stream, seq=sequence)
                found.append(open_envelope(message.data))
        return found

    result: list[Envelope] = in_context(server, read)
    return result


class Reader:
    """A consumer with a database of its own that counts how often each event took effect."""

    effects = sa.table("effects", sa.column("position"), sa.column("type"))

    def __init__(self, folder: Any, server: Program, subjects: list[str], name: str = "reader") -> None:
        self.engine = sa.create_engine(f"sqlite:///{folder / name}.db")
        with self.engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS effects (position INTEGER, type TEXT)")
        self.consumer = Consumer(url_of(server), name, subjects, self.handle, self.engine)

    def handle(self, connection: Connection, envelope: Envelope) -> None:
        row = {"position": envelope.position, "type": envelope.type}
        connection.execute(sa.insert(self.effects).values(**row))

    def seen(self) -> list[int]:
        """Positions in the order in which they took effect."""
        with self.engine.connect() as connection:
            query = sa.text("SELECT position FROM effects ORDER BY rowid")
            return [row.position for row in connection.execute(query)]

    def close(self) -> None:
        self.consumer.stop()
        self.engine.dispose()
