"""The journal: an append-only, hash-chained record of every event; the truth that all trading tables are
folded from.

One chain a stream. The hash of an event is SHA-256 over the UTF-8 bytes of the compact JSON array `[1,
stream, version, type, schema_version, data, metadata, effective_at, recorded_at, prev_hash in hex]`, where
data and metadata are the stored texts as strings, never re-encoded; the first prev_hash is 32 zero bytes. The
position stays out of the hash, so that chains can be made before positions are given. Amounts are written in
one canonical form: no exponent, no trailing zeros.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cache, lru_cache
from hashlib import sha256
from types import UnionType
from typing import Any, NamedTuple, NewType, Union, get_args, get_origin
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect, Row

from traderbot.infra.database import HASH, POSITION, TIME, cursor_of, insert_into, metadata, update_of
from traderbot.model.errors import InvariantBroken
from traderbot.model.events import EVENT_TYPES, Event

events = sa.Table(
    "events",
    metadata,
    sa.Column("position", POSITION, primary_key=True, autoincrement=False),
    sa.Column("stream", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("schema_version", sa.Integer, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("metadata", sa.Text, nullable=False),
    sa.Column("effective_at", TIME),
    sa.Column("recorded_at", TIME, nullable=False),
    sa.Column("prev_hash", HASH, nullable=False),
    sa.Column("hash", HASH, nullable=False),
    sa.Index("ix_events_stream", "stream", "position"),
)

stream_heads = sa.Table(
    "stream_heads",
    metadata,
    sa.Column("stream", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("hash", HASH, nullable=False),
    sa.Column("recorded_at", TIME, nullable=False),
    sqlite_with_rowid=False,
)

FIRST_HASH = bytes(32)
_encode = msgspec.json.Encoder().encode


class Meta(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who and what caused an event. actor: user:ID, strategy:NAME, session:ID or system; request: of the HTTP
    request.
    """

    actor: str
    correlation: str = ""
    causation: str = ""
    request: str = ""


class Recorded(NamedTuple):
    """An event with its place in the journal."""

    position: int
    stream: str
    version: int
    event: Event
    meta: Meta
    recorded_at: int


class Head(NamedTuple):
    version: int
    hash: bytes


@lru_cache(maxsize=10_000)  # amounts come again and again; equal ones have one text
def canonical(value: Decimal) -> str:
    """The one text of an amount: positional, without trailing zeros, 0 without a sign."""
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


_PLAIN = (str, int, float, UUID, date, Enum, type(None))


def _classes(annotation: Any) -> set[Any]:
    """The classes a field's annotation allows, seen through aliases and unions."""
    if isinstance(annotation, NewType):
        return _classes(annotation.__supertype__)
    if get_origin(annotation) in (UnionType, Union):
        return set().union(*map(_classes, get_args(annotation)))
    return {get_origin(annotation) or annotation}


@cache
def _with_amounts(kind: type[Event]) -> tuple[str, ...]:
    """The fields of an event that are amounts or may have some inside."""
    fields = msgspec.structs.fields(kind)
    return tuple(f.encode_name for f in fields if not all(issubclass(c, _PLAIN) for c in _classes(f.type)))


def _plain(value: Any) -> Any:
    """The value with its amounts as canonical texts, for an encoder that would write 1E+2 or 1.50."""
    if isinstance(value, Decimal):
        return canonical(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def encode_event(event: Event) -> str:
    """The stored text of an event."""
    row = msgspec.to_builtins(event, builtin_types=(Decimal,))
    for name in _with_amounts(type(event)):
        if name in row:
            row[name] = _plain(row[name])
    return _encode(row).decode()


def decode_event(kind: str, data: str) -> Event:
    """The event of a stored text. Errors: InvariantBroken for a type this version does not know or a text
    that does not fit it.
    """
    try:
        return msgspec.json.decode(data, type=EVENT_TYPES[kind])
    except (KeyError, msgspec.MsgspecError) as error:
        raise InvariantBroken(f"event of type {kind} cannot be read: {error}") from error


def chain_hash(
    stream: str,
    version: int,
    kind: str,
    schema_version: int,
    data: str,
    meta: str,
    effective_at: int | None,
    recorded_at: int,
    prev_hash: bytes,
) -> bytes:
    """SHA-256 of one link, as the module's docstring spells it."""
    link = [1, stream, version, kind, schema_version, data, meta, effective_at, recorded_at, prev_hash.hex()]
    return sha256(_encode(link)).digest()


class Appends:
    """Events staged for one transaction. Nothing of it is visible to anybody before `Journal.publish`.

    Positions and versions are given at once; texts and hashes are made in one go when the events are written.
    """

    def __init__(self, journal: "Journal", connection: Connection, now: int) -> None:
        self._journal = journal
        self._connection = connection
        self.position = journal.last_position(connection)
        self.recorded_at = max(now, journal.last_recorded_at)
        self.recorded: list[Recorded] = []
        self.versions: dict[str, int] = {}
        self.heads: dict[str, Head] = {}  # as they were before this transaction, until `flush`

    def add(self, stream: str, event: Event, meta: Meta) -> Recorded:
        """Stage one event at the end of its stream."""
        version = self.versions.get(stream)
        if version is None:
            head = self.heads[stream] = self._journal.head(self._connection, stream)
            version = head.version
        version += 1
        self.versions[stream] = version
        self.position += 1
        recorded = Recorded(self.position, stream, version, event, meta, self.recorded_at)
        self.recorded.append(recorded)
        return recorded

    def flush(self) -> None:
        """Write the staged events and heads. Errors: InvariantBroken if another writer appended to one of the
        streams.
        """
        journal, cursor = self._journal, cursor_of(self._connection)
        before = dict(self.heads)
        journal.insert_events.run_on(cursor, self._chain())
        new, moved = [], []
        for stream, (version, digest) in self.heads.items():
            row = {"stream": stream, "version": version, "hash": digest, "recorded_at": self.recorded_at}
            if before[stream].version == 0:
                new.append(row)
            else:
                moved.append(row | {"key_stream": stream, "key_version": before[stream].version})
        journal.insert_heads.run_on(cursor, new)
        if journal.move_heads.run_on(cursor, moved) != len(moved):
            raise InvariantBroken("another writer appended to the journal; this process must be the only one")

    def _chain(self) -> list[dict[str, Any]]:
        """The rows of the staged events, each linked to the one before it in its stream; moves the heads."""
        rows = []
        meta_texts = {meta: _encode(meta).decode() for meta in {recorded.meta for recorded in self.recorded}}
        for position, stream, version, event, meta, recorded_at in self.recorded:
            prev_hash = self.heads[stream].hash
            kind = type(event).__name__
            schema = event.schema
            data = encode_event(event)
            text = meta_texts[meta]
            at: int | None = getattr(event, "at", None)
            digest = chain_hash(stream, version, kind, schema, data, text, at, recorded_at, prev_hash)
            self.heads[stream] = Head(version, digest)
            rows.append(
                {
                    "position": position,
                    "stream": stream,
                    "version": version,
                    "type": kind,
                    "schema_version": schema,
                    "data": data,
                    "metadata": text,
                    "effective_at": at,
                    "recorded_at": recorded_at,
                    "prev_hash": prev_hash,
                    "hash": digest,
                }
            )
        return rows


class Journal:
    """Appends for the one writer; remembers heads of streams and the last position between transactions."""

    def __init__(self, dialect: Dialect) -> None:
        self.insert_events = insert_into(events, dialect)
        self.insert_heads = insert_into(stream_heads, dialect)
        self.move_heads = update_of(
            stream_heads, ("version", "hash", "recorded_at"), dialect, expected=("version",)
        )
        self.forget()

    def forget(self) -> None:
        """Drop everything remembered, to be read again: after a failed transaction."""
        self._heads: dict[str, Head] = {}
        self._position: int | None = None
        self.last_recorded_at = 0

    def last_position(self, connection: Connection) -> int:
        if self._position is None:
            last = connection.execute(
                sa.select(events.c.position, events.c.recorded_at).order_by(events.c.position.desc()).limit(1)
            ).first()
            self._position, self.last_recorded_at = (last.position, last.recorded_at) if last else (0, 0)
        return self._position

    def head(self, connection: Connection, stream: str) -> Head:
        head = self._heads.get(stream)
        if head is None:
            row = connection.execute(
                sa.select(stream_heads.c.version, stream_heads.c.hash).where(stream_heads.c.stream == stream)
            ).first()
            head = Head(row.version, row.hash) if row else Head(0, FIRST_HASH)
        return head

    def stage(self, connection: Connection, now: int) -> Appends:
        """Begin the appends of one transaction. now: wall time, microseconds."""
        return Appends(self, connection, now)

    def publish(self, appends: Appends) -> None:
        """Remember what a committed transaction appended."""
        if len(self._heads) > 10_000:
            self._heads.clear()
        self._heads.update(appends.heads)
        self._position = appends.position
        self.last_recorded_at = appends.recorded_at


def _recorded(row: Row[Any]) -> Recorded:
    meta = msgspec.json.decode(row.metadata, type=Meta)
    return Recorded(
        row.position, row.stream, row.version, decode_event(row.type, row.data), meta, row.recorded_at
    )


def read(
    connection: Connection,
    *,
    after: int = 0,
    limit: int = 1000,
    stream: str | None = None,
    types: list[str] | None = None,
    from_version: int = 1,
) -> list[Recorded]:
    """Events with a position above `after`, in order. types: only these event types; from_version: of a
    stream, only from this one.
    """
    query = sa.select(events).where(events.c.position > after).order_by(events.c.position).limit(limit)
    if stream is not None:
        query = query.where(events.c.stream == stream)
    if from_version > 1:
        query = query.where(events.c.version >= from_version)
    if types is not None:
        query = query.where(events.c.type.in_(types))
    return [_recorded(row) for row in connection.execute(query)]


def last_position(connection: Connection) -> int:
    """Position of the newest event, 0 in an empty journal."""
    return connection.execute(sa.select(sa.func.max(events.c.position))).scalar() or 0


def read_all(connection: Connection, page: int = 5000) -> Iterator[Recorded]:
    """The whole journal in order, read in pages."""
    after = 0
    while batch := read(connection, after=after, limit=page):
        yield from batch
        after = batch[-1].position


class Verification(NamedTuple):
    """What `verify` found. fault: the first bad event in words, None when every chain holds."""

    events: int
    streams: int
    fault: str | None


def verify(connection: Connection) -> Verification:
    """Check every link of every chain, the versions, the positions and the heads against the stored bytes."""
    heads: dict[str, Head] = {}
    count = 0
    rows = connection.execution_options(yield_per=5000).execute(sa.select(events).order_by(events.c.position))
    for row in rows:
        count += 1
        head = heads.get(row.stream, Head(0, FIRST_HASH))
        digest = chain_hash(
            row.stream, row.version, row.type, row.schema_version, row.data, row.metadata,
            row.effective_at, row.recorded_at, row.prev_hash,
        )  # fmt: skip
        where = f"position {row.position} ({row.stream} version {row.version}, {row.type})"
        if row.position != count:
            return Verification(count, len(heads), f"{where}: expected position {count}; an event is missing")
        if row.version != head.version + 1:
            return Verification(count, len(heads), f"{where}: expected version {head.version + 1}")
        if row.prev_hash != head.hash:
            return Verification(count, len(heads), f"{where}: does not follow the event before it")
        if row.hash != digest:
            return Verification(count, len(heads), f"{where}: content does not match its hash")
        heads[row.stream] = Head(row.version, digest)
    stored = {row.stream: Head(row.version, row.hash) for row in connection.execute(sa.select(stream_heads))}
    for stream in sorted(stored.keys() | heads.keys()):
        if stored.get(stream) != heads.get(stream):
            return Verification(count, len(heads), f"stream {stream}: its head does not match its last event")
    return Verification(count, len(heads), None)
