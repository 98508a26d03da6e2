"""How an event travels over NATS: its subject, its message id and the JSON around its stored texts."""

from hmac import compare_digest
from typing import Any
from urllib.parse import quote, unquote

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from traderbot.infra.events.journal import events
from traderbot.infra.events.texts import chain_hash
from traderbot.model.errors import InvariantBroken

_NO_ID = "-"  # of a stream that is the only one of its kind; such an id itself is written %2D
_EMPTY = "%"


class Envelope(msgspec.Struct, frozen=True):
    """An event as it is in the journal. data and metadata: the stored texts, byte for byte; position: place
    among all events; version: place in its stream; times: microseconds since the epoch; hashes: hexadecimal.
    """

    position: int
    stream: str
    version: int
    type: str
    schema_version: int
    data: msgspec.Raw
    metadata: msgspec.Raw
    effective_at: int | None
    recorded_at: int
    prev_hash: str
    hash: str

    def holds(self) -> bool:
        """Whether the content matches the hash, as the journal's docstring spells it."""
        digest = chain_hash(
            self.stream, self.version, self.type, self.schema_version, bytes(self.data).decode(),
            bytes(self.metadata).decode(), self.effective_at, self.recorded_at, bytes.fromhex(self.prev_hash),
        )  # fmt: skip
        return compare_digest(digest.hex(), self.hash)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Envelope).decode


def seal(row: Row[Any]) -> bytes:
    """The message of a row of the journal."""
    data, metadata = msgspec.Raw(row.data.encode()), msgspec.Raw(row.metadata.encode())
    envelope = Envelope(
        row.position, row.stream, row.version, row.type, row.schema_version, data, metadata,
        row.effective_at, row.recorded_at, row.prev_hash.hex(), row.hash.hex(),
    )  # fmt: skip
    return _encode(envelope)


def open_envelope(message: bytes) -> Envelope:
    """The envelope of a message. Errors: InvariantBroken where it is none, or does not match its hash."""
    try:
        envelope = _decode(message)
        sound = envelope.holds()
    except (msgspec.MsgspecError, ValueError) as error:
        raise InvariantBroken(f"a message is no event of a journal: {error}") from error
    if not sound:
        raise InvariantBroken(f"the event at position {envelope.position} does not match its hash")
    return envelope


def rows_after(connection: Connection, position: int, limit: int) -> list[Row[Any]]:
    """The next events of the journal as they are stored."""
    query = sa.select(events).where(events.c.position > position).order_by(events.c.position).limit(limit)
    return list(connection.execute(query))


def _token(text: str) -> str:
    """A text as one token of a subject; no two texts have the same."""
    if text == _NO_ID:
        return "%2D"
    return quote(text, safe="").replace(".", "%2E") or _EMPTY


def subject_of(prefix: str, kind: str, stream: str) -> str:
    """Where an event is published, such as traderbot.events.OrderFilled.account.ID."""
    family, separator, name = stream.partition(":")
    return f"{prefix}.events.{_token(kind)}.{_token(family)}.{_token(name) if separator else _NO_ID}"


def named_by(subject: str) -> tuple[str, str]:
    """The type of event and the journal's stream that a subject stands for."""
    kind, family, name = subject.split(".")[-3:]
    if name == _NO_ID:
        return unquote(kind), unquote(family)
    return unquote(kind), f"{unquote(family)}:{'' if name == _EMPTY else unquote(name)}"


def message_id(journal: str, rebuilds: int, position: int) -> str:
    """By which JetStream knows a message again within its window. A stream that is built anew needs other
    ids: the server remembers those of messages that were purged, and would take none of them twice.
    """
    return f"{journal}-{position}" if not rebuilds else f"{journal}.{rebuilds}-{position}"


def journal_of(message: str) -> str:
    """The journal that a message's id names."""
    return message.rpartition("-")[0].partition(".")[0]
