"""The outbox relay: publishes each committed event to a JetStream stream, in the journal's order, once.

The journal is the outbox. Where to go on is read from the stream's own last message, and each event names the
sequence it follows; the checkpoint in the database tells how far the stream had come, should it lose
something. Trading never waits for any of this.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import sqlalchemy as sa
import structlog
from prometheus_client import CollectorRegistry
from sqlalchemy.engine import Connection, Row

from traderbot.infra.clock import WallClock
from traderbot.infra.delivery.nats_client import (
    NatsTrouble,
    OtherJournal,
    connect,
    ensure_stream,
    keeps_everything,
    nats_package,
    said,
)
from traderbot.infra.delivery.publishing import Place, Publishing
from traderbot.infra.delivery.relay_metrics import Lag, RelayMetrics
from traderbot.infra.events.envelopes import Envelope, journal_of, open_envelope, rows_after
from traderbot.infra.events.journal import events, last_position
from traderbot.infra.ids import new_id
from traderbot.infra.storage.columns import TIME, metadata
from traderbot.infra.storage.database import Database, Writer
from traderbot.infra.traces import NoTraces, Traces

STREAM = "TRADERBOT"
PAGE = 512  # events read at once
POLL_S = 0.05  # how soon an event of another process is seen when nobody wakes the relay
CHECKPOINT_S = 1.0
LOOK_S = 2.0  # between looks at the stream, whether it still has everything
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0  # before another try
_log = structlog.get_logger()

relay_positions = sa.Table(
    "relay_positions",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("journal", sa.Text, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("rebuilds", sa.BigInteger, nullable=False),
    sa.Column("at", TIME, nullable=False),
    sqlite_with_rowid=False,
)


class _Mark(NamedTuple):
    """What the database knows of the stream."""

    journal: str
    position: int
    rebuilds: int


class Relay:
    """Publishes from a thread of its own until it is stopped; what is in the way is tried again.

    check: called in each transaction of the relay; raises where this process may no longer publish.
    rebuild: purge the stream first and publish the whole journal again.
    trouble: what is in the way, in words; None where all is well.
    """

    def __init__(
        self,
        database: Database,
        writer: Writer,
        nats_url: str,
        registry: CollectorRegistry,
        check: Callable[[Connection], None] | None = None,
        *,
        stream: str = STREAM,
        replicas: int = 1,
        rebuild: bool = False,
        traces: Traces | None = None,
    ) -> None:
        nats_package()
        self.trouble: str | None = "not started"
        self.metrics = RelayMetrics(registry)
        self._database = database
        self._writer = writer
        self._url = nats_url
        self._check = check
        self._stream = stream
        self._prefix = stream.lower()
        self._replicas = replicas
        self._rebuild = rebuild
        self._clock = WallClock()
        self._traces = traces or NoTraces()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        self._awake = False
        self._stopping = False
        self._saved = 0
        self._thread: threading.Thread | None = None

    @property
    def position(self) -> int:
        """Position of the last event that the stream has for certain."""
        return self.metrics.position

    def start(self) -> None:
        """Begin to publish."""
        self._stopping = False
        self._thread = threading.Thread(target=self.run, name="relay", daemon=True)
        self._thread.start()

    def run(self) -> None:
        """Publish in this thread until `stop`."""
        asyncio.run(self._run())

    def stop(self) -> None:
        """Wait for what is under way, keep the checkpoint, and leave."""
        self._stopping = True
        self._awake = False
        self.wake()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def under(self, check: Callable[[Connection], None]) -> "Relay":
        """Publish from the next start on only while this lets it."""
        self._check = check
        return self

    def wake(self) -> None:
        """Say that something was committed; from any thread, and cheap."""
        loop = self._loop
        if self._awake or loop is None:
            return
        self._awake = True
        try:
            loop.call_soon_threadsafe(self._woken.set)
        except RuntimeError:  # it has stopped
            return

    async def _run(self) -> None:
        self._woken = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE_S
        while not self._stopping:
            before = self.position
            try:
                await self._once()
            except Exception as error:  # noqa: BLE001 - whatever it is, trading goes on and so does the relay
                self._failed(error)
            if self._stopping:
                break
            pause = FIRST_PAUSE_S if self.position > before else min(pause * 2, LONGEST_PAUSE_S)
            await self._measure()
            await self._pause(pause)

    def _failed(self, error: Exception) -> None:
        text = getattr(error, "detail", None) or said(error)
        if text != self.trouble:
            _log.warning("relay_in_trouble", trouble=text)
        self.trouble = text
        self.metrics.errors.inc()

    async def _pause(self, seconds: float) -> None:
        """Wait, but not when the relay is to stop."""
        until = time.monotonic() + seconds
        while not self._stopping and (left := until - time.monotonic()) > 0:
            await self._rest(left)

    async def _rest(self, seconds: float) -> None:
        """Wait until woken, at most so long."""
        try:
            await asyncio.wait_for(self._woken.wait(), seconds)
        except TimeoutError:
            return
        finally:
            self._woken.clear()
            self._awake = False

    async def _measure(self) -> None:
        """How far behind the stream is while nothing can be published."""

        def look() -> Lag:
            with self._database.read() as connection:
                waiting = rows_after(connection, self.position, 1)
                last = last_position(connection)
            return Lag(last, waiting[0].recorded_at if waiting else None)

        try:
            self.metrics.lag = await asyncio.to_thread(look)
        except Exception as error:  # noqa: BLE001 - the database may be what is gone
            _log.debug("relay_cannot_measure", error=said(error))

    async def _once(self) -> None:
        """Publish over one connection, until it breaks or the relay is to stop."""
        mark = await asyncio.to_thread(self._writer.write, self._load)
        self._saved = mark.position
        self.metrics.position = self.metrics.position or mark.position
        lost: list[Publishing] = []

        def closed() -> None:
            for publishing in lost:
                publishing.fail("the connection to NATS is gone")

        connection = await connect(self._url, "traderbot relay", closed)
        try:
            context = connection.jetstream(timeout=5)
            guards = connection.connected_server_version
            place, config = await self._find_place(context, mark, (guards.major, guards.minor) >= (2, 12))
            publishing = Publishing(connection, self._stream, self._prefix, place)
            lost.append(publishing)
            await publishing.open()
            self.metrics.connections.inc()
            self.metrics.position = place.position
            self.trouble = None
            _log.info("relay_publishes", stream=self._stream, after=place.position)
            await self._pump(context, publishing, config)
        finally:
            await connection.close()

    async def _find_place(self, context: Any, mark: _Mark, guarded: bool) -> tuple[Place, Any]:
        """Where to go on: behind the stream's last message, or from the start where it lost something.

        Errors: OtherJournal, where what is in it does not belong to this journal.
        """
        info = await ensure_stream(context, self._stream, self._prefix, self._replicas)
        guarded = guarded and info.config.num_replicas == 1
        whole = not self._rebuild and info.state.messages > 0 and not info.state.num_deleted
        if whole:
            last = await self._read_last(context, info, mark)
            whole = not keeps_everything(info.config) or await self._has_beginning(context, info)
            if whole:
                if last < mark.position:
                    _log.warning("relay_stream_is_behind", stream=self._stream, at=last, was=mark.position)
                return Place(last, info.state.last_seq, mark.journal, mark.rebuilds, guarded), info
        if mark.position or info.state.messages:
            _log.warning("relay_rebuilds_stream", stream=self._stream, published=mark.position)
        if info.state.last_seq:
            await context.purge_stream(self._stream)
            mark = await asyncio.to_thread(self._writer.write, self._begin_again)
            info = await context.stream_info(self._stream)
        self._rebuild = False
        return Place(0, info.state.last_seq, mark.journal, mark.rebuilds, guarded), info

    async def _read_last(self, context: Any, info: Any, mark: _Mark) -> int:
        """Position of the stream's last message. Errors: OtherJournal."""
        message = await context.get_msg(self._stream, seq=info.state.last_seq)
        envelope = open_envelope(message.data)
        journal = journal_of((message.headers or {}).get("Nats-Msg-Id", ""))
        found = await asyncio.to_thread(self._stored, envelope.position)
        unlike = found is not None and found != envelope.hash
        if journal != mark.journal or unlike or envelope.position > await asyncio.to_thread(self._last):
            raise OtherJournal(
                f"stream {self._stream}: its last event, position {envelope.position}, is not in this"
                " journal; publish to another stream, or replace it by `traderbot relay --rebuild`"
            )
        return envelope.position

    async def _has_beginning(self, context: Any, info: Any) -> bool:
        """Whether the stream has the oldest event that the journal still has."""
        message = await context.get_msg(self._stream, seq=info.state.first_seq)
        rows, _ = await asyncio.to_thread(self._read, 0, 1)
        first: Envelope = open_envelope(message.data)
        return not rows or first.position <= rows[0].position

    async def _pump(self, context: Any, publishing: Publishing, info: Any) -> None:
        """Publish what is there and what comes."""
        sent, looked = publishing.position, time.monotonic()
        kept = looked
        while not self._stopping:
            publishing.still_well()
            rows, last = await asyncio.to_thread(self._read, sent, PAGE)
            sent = await self._put(publishing, rows, sent)
            self._count(publishing, max(last, sent))
            now = time.monotonic()
            if now - kept >= CHECKPOINT_S:
                kept = now
                await self._keep(publishing)
            if now - looked >= LOOK_S:
                looked = now
                await self._look(context, info)
            if not rows:
                await self._rest(POLL_S)
        rows, last = await asyncio.to_thread(self._read, sent, PAGE)  # what the last moments brought
        sent = await self._put(publishing, rows, sent)
        await publishing.finish()
        self._count(publishing, max(last, sent))
        await self._keep(publishing)

    async def _put(self, publishing: Publishing, rows: list[Row[Any]], sent: int) -> int:
        """Send what was read. Returns: the position of the last event sent."""
        if rows and rows[0].position != sent + 1:
            _log.warning("relay_skips_archived", after=sent, to=rows[0].position)
        if rows:
            with self._traces.span("relay publish", events=len(rows), first=rows[0].position):
                for row in rows:
                    await publishing.put(row)
                    sent = row.position
        return sent

    def _count(self, publishing: Publishing, last: int) -> None:
        self.metrics.published.inc(publishing.published)
        publishing.published = 0
        self.metrics.position = publishing.position
        self.metrics.lag = Lag(last, publishing.oldest)

    async def _keep(self, publishing: Publishing) -> None:
        """Move the checkpoint to the last acknowledged event."""
        position = publishing.position
        if position != self._saved:
            await asyncio.to_thread(self._writer.write, lambda connection: self._save(connection, position))
            self._saved = position

    async def _look(self, context: Any, before: Any) -> None:
        """Errors: NatsTrouble where the stream lost what nobody allowed it to lose."""
        try:
            info = await context.stream_info(self._stream)
        except nats_package().js.errors.NotFoundError:
            raise NatsTrouble(f"stream {self._stream} was deleted") from None
        if info.created != before.created or info.state.num_deleted:
            raise NatsTrouble(f"stream {self._stream} was replaced, or messages of it deleted")
        state = before.state
        first = state.first_seq if state.messages else state.last_seq + 1
        if keeps_everything(info.config) and info.state.first_seq > first:
            raise NatsTrouble(f"stream {self._stream} was purged")

    def _read(self, after: int, limit: int) -> tuple[list[Row[Any]], int]:
        with self._database.read() as connection:
            rows = rows_after(connection, after, limit)
            return rows, last_position(connection) if len(rows) == limit else 0

    def _last(self) -> int:
        with self._database.read() as connection:
            return last_position(connection)

    def _stored(self, position: int) -> str | None:
        """The hash of an event, None where the table no longer has it."""
        with self._database.read() as connection:
            found = connection.execute(sa.select(events.c.hash).where(events.c.position == position)).scalar()
        return None if found is None else bytes(found).hex()

    def _load(self, connection: Connection) -> _Mark:
        """The checkpoint, made at the first start."""
        if self._check is not None:
            self._check(connection)
        found = connection.execute(_LOAD, {"name": self._stream}).first()
        if found is not None:
            return _Mark(*found)
        mark = _Mark(new_id().hex, 0, 0)
        row = {"name": self._stream, **mark._asdict(), "at": self._clock.now()}
        connection.execute(sa.insert(relay_positions), row)
        return mark

    def _save(self, connection: Connection, position: int) -> None:
        if self._check is not None:
            self._check(connection)
        moved = {"position": position, "at": self._clock.now()}
        connection.execute(_of(self._stream).values(**moved))

    def _begin_again(self, connection: Connection) -> _Mark:
        """Publish under new message ids: the server remembers those of purged messages for a while."""
        mark = self._load(connection)
        again = mark._replace(position=0, rebuilds=mark.rebuilds + 1)
        connection.execute(_of(self._stream).values(**again._asdict(), at=self._clock.now()))
        return again


def _of(name: str) -> sa.Update:
    return sa.update(relay_positions).where(relay_positions.c.name == name)


_LOAD = sa.select(relay_positions.c.journal, relay_positions.c.position, relay_positions.c.rebuilds).where(
    relay_positions.c.name == sa.bindparam("name")
)
