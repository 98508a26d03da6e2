"""A consumer of the published events in another process: each handled once in effect, in order.

What was handled is written in the consumer's own database by the transaction that also holds the handler's
writes. So a message that comes twice, after a crash or from a stream that was built anew, changes nothing.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Engine

from traderbot.infra.delivery.nats_client import NatsTrouble, connect, nats_package, said
from traderbot.infra.events.envelopes import Envelope, open_envelope

BATCH = 256  # messages asked for, and under way without acknowledgement, at most
PULL_S = 5.0  # a request for messages lasts this long, then it is made again
ACK_WAIT_S = 30.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
_STATUS = "Status"
_OVER = {"404", "408"}  # of a request: nothing there, or its time is over
_log = structlog.get_logger()

_tables = sa.MetaData()
consumed = sa.Table(
    "consumed",
    _tables,
    sa.Column("consumer", sa.Text, primary_key=True),
    sa.Column("stream", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)

Handle = Callable[[Connection, Envelope], None]


class EventMissing(NatsTrouble):
    """An event does not follow the last one of its stream that was handled."""


class _Done(NamedTuple):
    """The last event of a journal's stream that was handled."""

    version: int
    position: int
    hash: str


class Consumer:
    """Handles events from a thread of its own until it is stopped; what fails is tried again, and nothing
    behind it is handled before.

    durable: the consumer's name, on the server and in the database. subjects: which events, such as
    `traderbot.events.OrderFilled.>`; where they take every type, a missing event is noticed by its stream's
    version and hash. handle(connection, envelope): in a transaction of `engine`, which commits for it.
    trouble: what is in the way, in words; None where all is well.
    """

    def __init__(
        self,
        nats_url: str,
        durable: str,
        subjects: Sequence[str],
        handle: Handle,
        engine: Engine,
        *,
        stream: str = "TRADERBOT",
    ) -> None:
        nats_package()
        self.trouble: str | None = "not started"
        self.handled = 0
        self._url = nats_url
        self._durable = durable
        self._subjects = list(subjects)
        self._handle = handle
        self._engine = engine
        self._stream = stream
        self._gapless = all(_takes_every_type(subject) for subject in subjects)
        self._known: dict[str, _Done | None] = {}
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self.run, name=f"consumer {durable}", daemon=True)

    def start(self) -> None:
        """Begin to handle."""
        self._thread.start()

    def run(self) -> None:
        """Handle in this thread until `stop`."""
        _tables.create_all(self._engine)
        asyncio.run(self._run())

    def stop(self) -> None:
        """Finish the messages at hand, acknowledge them, and leave."""
        self._stopping = True
        if self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread.is_alive():
            self._thread.join()

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        pause = FIRST_PAUSE_S
        while not self._stopping:
            before = self.handled
            try:
                await self._once()
            except Exception as error:  # noqa: BLE001 - a handler may raise anything; it is tried again
                self._known.clear()
                text = getattr(error, "detail", None) or said(error)
                if text != self.trouble:
                    _log.warning("consumer_in_trouble", consumer=self._durable, trouble=text)
                self.trouble = text
            pause = FIRST_PAUSE_S if self.handled > before else min(pause * 2, LONGEST_PAUSE_S)
            if not self._stopping:
                await _until(self._stop, pause)

    async def _once(self) -> None:
        """Handle what comes over one connection, until it breaks or the consumer is to stop."""
        messages: asyncio.Queue[Any] = asyncio.Queue()
        connection = await connect(
            self._url, f"traderbot consumer {self._durable}", lambda: messages.put_nowait(None)
        )
        try:
            await self._stand_ready(connection.jetstream(timeout=5))
            inbox = connection.new_inbox()
            await connection.subscribe(inbox, cb=messages.put)
            self.trouble = None
            await self._pull(connection, inbox, messages)
            await connection.flush(timeout=5)
        finally:
            await connection.close()

    async def _stand_ready(self, context: Any) -> None:
        """Make the durable consumer. One that is there with messages under way, given to somebody who is
        gone, is made again behind the last acknowledged one: they would come back later, behind newer ones.
        """
        package = nats_package()
        start = None
        try:
            info = await context.consumer_info(self._stream, self._durable)
            same = sorted(info.config.filter_subjects or [info.config.filter_subject]) == sorted(
                self._subjects
            )
            if same and not info.num_ack_pending:
                return
            if same and info.ack_floor is not None and info.ack_floor.stream_seq:
                start = info.ack_floor.stream_seq + 1
            await context.delete_consumer(self._stream, self._durable)
        except package.js.errors.NotFoundError:
            pass
        policy = package.js.api.DeliverPolicy
        config = package.js.api.ConsumerConfig(
            name=self._durable,
            durable_name=self._durable,
            filter_subjects=self._subjects,
            deliver_policy=policy.BY_START_SEQUENCE if start else policy.ALL,
            opt_start_seq=start,
            ack_policy=package.js.api.AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_S,
            max_ack_pending=BATCH,
        )
        try:
            await context.add_consumer(self._stream, config=config)
        except package.js.errors.NotFoundError:
            raise NatsTrouble(f"there is no stream {self._stream} yet") from None

    async def _pull(self, connection: Any, inbox: str, messages: "asyncio.Queue[Any]") -> None:
        """Ask for messages and handle what has come, in one transaction."""
        asked = 0
        stop = asyncio.create_task(self._stop.wait())
        try:
            while not self._stopping:
                if not asked:
                    await self._ask(connection, inbox)
                    asked = BATCH
                first = await _first_of(messages, stop)
                if first is _STOPPED:
                    return
                batch, over = _sorted_out([first, *_waiting(messages)])
                if batch:
                    await asyncio.to_thread(self._commit, [open_envelope(m.data) for m in batch])
                    for message in batch:
                        await message.ack()
                asked = 0 if over else asked - len(batch)
        finally:
            stop.cancel()

    async def _ask(self, connection: Any, inbox: str) -> None:
        request = b'{"batch":%d,"expires":%d}' % (BATCH, PULL_S * 1_000_000_000)
        where = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._durable}"
        await connection.publish(where, request, reply=inbox)

    def _commit(self, envelopes: list[Envelope]) -> None:
        """Handle in one transaction; if that fails, as far as it goes."""
        try:
            self._transact(envelopes)
        except Exception:
            self._known.clear()
            if len(envelopes) == 1:
                raise
            for envelope in envelopes:
                self._transact([envelope])

    def _transact(self, envelopes: list[Envelope]) -> None:
        moved: dict[str, _Done] = {}
        count = 0
        with self._engine.begin() as connection:
            before = self._last_done(connection, {envelope.stream for envelope in envelopes})
            for envelope in envelopes:
                last = moved.get(envelope.stream) or before[envelope.stream]
                if last is not None and envelope.version <= last.version:
                    continue
                if self._gapless:
                    _follows(envelope, last)
                self._handle(connection, envelope)
                moved[envelope.stream] = _Done(envelope.version, envelope.position, envelope.hash)
                count += 1
            self._save(connection, before, moved)
        self._known.update(moved)
        self.handled += count

    def _last_done(self, connection: Connection, streams: set[str]) -> dict[str, _Done | None]:
        """The last event handled of each stream, remembered or read."""
        if len(self._known) > 50_000:
            self._known.clear()
        unknown = sorted(streams - self._known.keys())
        if unknown:
            self._known.update(dict.fromkeys(unknown))
            query = sa.select(consumed.c.stream, *_DONE).where(
                consumed.c.consumer == self._durable, consumed.c.stream.in_(unknown)
            )
            self._known.update({row[0]: _Done(*row[1:]) for row in connection.execute(query)})
        return {stream: self._known[stream] for stream in streams}

    def _save(self, connection: Connection, before: dict[str, _Done | None], moved: dict[str, _Done]) -> None:
        """Errors: NatsTrouble where another process handles under the same name."""
        new = [stream for stream in moved if before[stream] is None]
        if new:
            rows = [{"consumer": self._durable, "stream": s, **moved[s]._asdict()} for s in new]
            connection.execute(sa.insert(consumed), rows)
        for stream, done in moved.items():
            last = before[stream]
            if last is not None:
                where = {"c": self._durable, "s": stream, "v": last.version}
                values = dict(zip(("nv", "np", "nh"), done, strict=True))
                if connection.execute(_MOVE, where | values).rowcount != 1:
                    raise NatsTrouble(f"another process handles events as {self._durable}")


_DONE = (consumed.c.version, consumed.c.position, consumed.c.hash)
_MOVE = (
    sa.update(consumed)
    .where(
        consumed.c.consumer == sa.bindparam("c"),
        consumed.c.stream == sa.bindparam("s"),
        consumed.c.version == sa.bindparam("v"),
    )
    .values(version=sa.bindparam("nv"), position=sa.bindparam("np"), hash=sa.bindparam("nh"))
)
_STOPPED = object()


def _takes_every_type(subject: str) -> bool:
    """Whether a subject has every event of the streams it has any event of."""
    tokens = subject.split(".")
    return ">" in tokens[:3] or (len(tokens) > 2 and tokens[2] == "*")


def _follows(envelope: Envelope, last: _Done | None) -> None:
    """Errors: EventMissing. The first event seen of a stream may be any: older ones may be archived."""
    if last is not None and (envelope.version != last.version + 1 or envelope.prev_hash != last.hash):
        raise EventMissing(
            f"{envelope.stream}: version {envelope.version} at position {envelope.position} does not follow"
            f" version {last.version}, the last one handled"
        )


def _waiting(messages: "asyncio.Queue[Any]") -> list[Any]:
    """What has come besides, without waiting."""
    return [messages.get_nowait() for _ in range(messages.qsize())]


def _sorted_out(arrived: list[Any]) -> tuple[list[Any], bool]:
    """The messages with events, and whether the request for them is over. Errors: NatsTrouble."""
    batch, over = [], False
    for message in arrived:
        if message is None:
            raise NatsTrouble("the connection to NATS is gone")
        status = (message.headers or {}).get(_STATUS)
        if status is None:
            batch.append(message)
        elif status in _OVER:
            over = True
        elif status != "100":
            raise NatsTrouble(f"NATS gives no more events: {message.headers.get('Description', status)}")
    return batch, over


async def _first_of(messages: "asyncio.Queue[Any]", stop: "asyncio.Task[Any]") -> Any:
    """The next message; _STOPPED when there is to be none. Errors: NatsTrouble when the server is silent."""
    if not messages.empty():
        return messages.get_nowait()
    get = asyncio.create_task(messages.get())
    done, _ = await asyncio.wait({get, stop}, timeout=PULL_S * 2, return_when=asyncio.FIRST_COMPLETED)
    if get in done:
        return get.result()
    get.cancel()
    if stop in done:
        return _STOPPED
    raise NatsTrouble("NATS is silent")


async def _until(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, at most so long."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
