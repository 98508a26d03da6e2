"""Publishing in order without waiting for each acknowledgement: a bounded window of events under way."""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.engine import Row

from traderbot.infra.delivery.nats_client import NatsTrouble, nats_package, said
from traderbot.infra.events.envelopes import message_id, seal, subject_of

WINDOW = 1024  # events under way at most
ANSWER_S = 10.0  # without an acknowledgement for this long, the server is given up
_NO_STREAM = "503"


class Place(NamedTuple):
    """Where a stream stands. sequence: of its last message, as the server counts, gone or not; rebuilds: how
    often it was built anew; guarded: whether the server can be asked to refuse what would follow a purge.
    """

    position: int
    sequence: int
    journal: str
    rebuilds: int
    guarded: bool


class _Sent(NamedTuple):
    position: int
    sequence: int
    recorded_at: int


class _Failure(msgspec.Struct):
    description: str = ""


class _Answer(msgspec.Struct):
    seq: int = 0
    error: _Failure | None = None


_decode = msgspec.json.Decoder(_Answer).decode


class Publishing:
    """Events on their way into one stream, acknowledged in the order they were sent.

    Each names the sequence it has to follow, so the server itself refuses one that would leave a gap, come
    twice or come between another relay's: the stream is a gapless copy whatever happens on the way. A purge
    leaves that count as it is. So where the server can (one replica, from 2.12), each also names the last
    message that has to be there; elsewhere the relay looks every two seconds.
    """

    def __init__(self, connection: Any, stream: str, prefix: str, place: Place) -> None:
        self.position = place.position
        self.published = 0
        self._connection = connection
        self._stream = stream
        self._prefix = prefix
        self._place = place
        self._sequence = place.sequence
        self._there = place.sequence if place.position else 0  # the last message that is not gone
        self._under_way: deque[_Sent] = deque()
        self._moved = asyncio.Event()
        self._failure: str | None = None
        self._inbox = connection.new_inbox()

    async def open(self) -> None:
        """Listen for acknowledgements."""
        await self._connection.subscribe(f"{self._inbox}.*", cb=self._hear)

    @property
    def oldest(self) -> int | None:
        """When the oldest event under way was recorded."""
        return self._under_way[0].recorded_at if self._under_way else None

    def fail(self, failure: str) -> None:
        """End it: whoever waits is told. The first failure is the cause of the others."""
        self._failure = self._failure or failure
        self._moved.set()

    def still_well(self) -> None:
        """Errors: NatsTrouble once something went wrong."""
        if self._failure is not None:
            raise NatsTrouble(self._failure)

    async def put(self, row: Row[Any]) -> None:
        """Send an event as soon as the window has room. Errors: NatsTrouble."""
        while len(self._under_way) >= WINDOW:
            await self._wait()
        self.still_well()
        headers = {
            "Nats-Msg-Id": message_id(self._place.journal, self._place.rebuilds, row.position),
            "Nats-Expected-Stream": self._stream,
            "Nats-Expected-Last-Sequence": str(self._sequence),
        }
        if self._place.guarded:
            headers["Nats-Expected-Last-Subject-Sequence"] = str(self._there)
            headers["Nats-Expected-Last-Subject-Sequence-Subject"] = ">"
        self._sequence += 1
        self._there = self._sequence
        self._under_way.append(_Sent(row.position, self._sequence, row.recorded_at))
        package = nats_package()
        try:
            await self._connection.publish(
                subject_of(self._prefix, row.type, row.stream),
                seal(row),
                reply=f"{self._inbox}.{self._sequence}",
                headers=headers,
            )
        except package.errors.MaxPayloadError:
            most = self._connection.max_payload
            raise NatsTrouble(
                f"the event at position {row.position} is larger than the {most} bytes that the server takes;"
                " raise its max_payload"
            ) from None
        except (OSError, package.errors.Error) as error:
            raise NatsTrouble(f"NATS does not take events: {said(error)}") from error

    async def finish(self) -> None:
        """Wait until all that was sent is acknowledged. Errors: NatsTrouble."""
        while self._under_way:
            await self._wait()
        self.still_well()

    async def _wait(self) -> None:
        """Wait for the next acknowledgement."""
        self.still_well()
        self._moved.clear()
        try:
            await asyncio.wait_for(self._moved.wait(), ANSWER_S)
        except TimeoutError:
            raise NatsTrouble(f"NATS acknowledged nothing for {ANSWER_S:g} seconds") from None

    async def _hear(self, message: Any) -> None:
        try:
            self._acknowledge(message.subject, message.headers, message.data)
        except (msgspec.MsgspecError, ValueError) as error:
            self.fail(f"an acknowledgement cannot be read: {error}")

    def _acknowledge(self, subject: str, headers: Mapping[str, str] | None, data: bytes) -> None:
        if self._failure is not None:
            return
        if headers and headers.get("Status") == _NO_STREAM:
            self.fail(f"there is no stream {self._stream}, or it has no leader at the moment")
            return
        answer, sent = _decode(data), int(subject.rpartition(".")[2])
        if answer.error is not None:
            self.fail(f"stream {self._stream} refused an event: {answer.error.description}")
        elif not self._under_way or not sent == answer.seq == self._under_way[0].sequence:
            self.fail(f"stream {self._stream} acknowledged sequence {answer.seq} for {sent}")
        else:
            self.position = self._under_way.popleft().position
            self.published += 1
            self._moved.set()
