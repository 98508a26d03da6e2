"""The journal: an append-only, hash-chained record of every event; the truth that all trading tables are
folded from.

One chain a stream. The hash of an event is SHA-256 over the UTF-8 bytes of the compact JSON array `[1,
stream, version, type, schema_version, data, metadata, effective_at, recorded_at, prev_hash in hex]`, where
data and metadata are the stored texts as strings, never re-encoded; the first prev_hash is 32 zero bytes. The
position stays out of the hash, so that chains can be made before positions are given. Amounts are written in
one canonical form: no exponent, no trailing zeros.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

from traderbot.infra.events.archives import Wanted, archived, archived_rows, archived_until
from traderbot.infra.events.chains import FIRST_HASH, Chains, Link, Witness
from traderbot.infra.events.texts import chain_hash, decode_event, encode_event, encode_json
from traderbot.infra.storage.bulk import cursor_of, insert_into, lookup_of, update_of
from traderbot.infra.storage.columns import HASH, POSITION, TIME, metadata
from traderbot.infra.storage.latches import APPENDS
from traderbot.infra.storage.partitions import FIRST_PARTS, make_parts
from traderbot.model.errors import InvariantBroken
from traderbot.model.events import Event

__all__ = [
    "FIRST_HASH", "Appends", "Head", "Journal", "Meta", "Recorded", "StreamMoved", "Verification",
    "chain_hash", "decode_event", "encode_event", "events", "last_position", "read", "read_all",
    "stored_rows", "stream_heads", "verify",
]  # fmt: skip

FREQUENT = (
    "OrderPlaced", "OrderFilled", "OrderRefused", "OrderCancelled", "OrderExpired", "SessionAdvanced",
    "PortfolioRevalued", "SignalRaised",
)  # fmt: skip
"""Types that an index of their own would cost more on each order than it saves; the rest have one."""
RARE = f"type NOT IN ({', '.join(repr(kind) for kind in FREQUENT)})"
_CORRELATED = sa.text("correlation IS NOT NULL")
_SELDOM = sa.text(RARE)

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
    sa.Column("correlation", sa.Text),  # as in the metadata, null where there is none
    sa.Index("ix_events_stream", "stream", "position"),
    sa.Index(
        "ix_events_correlation", "correlation", "position",
        sqlite_where=_CORRELATED, postgresql_where=_CORRELATED,
    ),
    sa.Index("ix_events_type", "type", "position", sqlite_where=_SELDOM, postgresql_where=_SELDOM),
    postgresql_partition_by="RANGE (position)",
)  # fmt: skip
make_parts(events, FIRST_PARTS)

stream_heads = sa.Table(
    "stream_heads",
    metadata,
    sa.Column("stream", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("hash", HASH, nullable=False),
    sa.Column("recorded_at", TIME, nullable=False),
    sqlite_with_rowid=False,
)


class Meta(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who and what caused an event. actor: user:ID, strategy:NAME, session:ID or system; request: of the HTTP
    request; trace: its place in a trace, a W3C traceparent, empty where none is kept.
    """

    actor: str
    correlation: str = ""
    causation: str = ""
    request: str = ""
    trace: str = ""


class Recorded(NamedTuple):
    """An event with its place in the journal. position: 0 until the events of its transaction are written."""

    position: int
    stream: str
    version: int
    event: Event
    meta: Meta
    recorded_at: int


class Head(NamedTuple):
    """The last event of a stream."""

    version: int
    hash: bytes
    recorded_at: int = 0


class StreamMoved(InvariantBroken):
    """Somebody else appended to a stream since it was read. Where several processes write, the transaction
    is tried again; where this one has to be the only one, it is an alarm.
    """


class Appends:
    """Events staged for one transaction. Nothing of it is visible to anybody before `Journal.publish`.

    Versions are given at once, texts and hashes when everything is decided, positions last of all: under the
    lock that makes their order the order of commits.
    """

    def __init__(self, journal: "Journal", connection: Connection, now: int) -> None:
        self._journal = journal
        self._connection = connection
        self.position = 0
        self.recorded_at = max(now, journal.last_recorded_at)
        self.recorded: list[Recorded] = []
        self.versions: dict[str, int] = {}
        self.heads: dict[str, Head] = {}  # as they were before this transaction, until `flush`
        self._last: Callable[[], int] = int
        self._moved: list[dict[str, Any]] = []
        self._moving = cursor_of(connection)

    def add(self, stream: str, event: Event, meta: Meta) -> Recorded:
        """Stage one event at the end of its stream."""
        version = self.versions.get(stream)
        if version is None:
            head = self.heads[stream] = self._journal.head(self._connection, stream)
            version = head.version
        version += 1
        self.versions[stream] = version
        recorded_at = max(self.recorded_at, self.heads[stream].recorded_at)
        recorded = Recorded(0, stream, version, event, meta, recorded_at)
        self.recorded.append(recorded)
        return recorded

    def flush(self) -> None:
        """Send the staged events and heads; `check` looks at what came of it."""
        journal, cursor = self._journal, cursor_of(self._connection)
        before = dict(self.heads)
        rows = self._chain()
        if rows:
            self._last = journal.take_positions(self._connection)
            journal.insert_events.run_on(cursor, journal.number(rows))
        new: list[dict[str, Any]] = []
        row: dict[str, Any]
        for stream, head in self.heads.items():
            row = {"version": head.version, "hash": head.hash, "recorded_at": head.recorded_at}
            first = before[stream].version
            if first == 0:
                row["stream"] = stream
                new.append(row)
            else:
                row["key_stream"] = stream
                row["key_version"] = first
                self._moved.append(row)
        journal.insert_heads.run_on(cursor, new)
        journal.move_heads.run_on(self._moving, self._moved)

    def check(self) -> None:
        """Give the events their positions. Errors: StreamMoved if another writer appended to one of the
        streams.
        """
        if self._moved and self._moving.rowcount != len(self._moved):
            raise StreamMoved("another writer appended to the journal")
        if self.recorded:
            first = self._last() + 1
            self.recorded = [Recorded(n, *entry[1:]) for n, entry in enumerate(self.recorded, first)]
            self.position = self.recorded[-1].position

    def _chain(self) -> list[dict[str, Any]]:
        """The rows of the staged events without their positions, each linked to the one before it in its
        stream; moves the heads.
        """
        rows = []
        meta_texts = {
            meta: encode_json(meta).decode() for meta in {recorded.meta for recorded in self.recorded}
        }
        for _, stream, version, event, meta, recorded_at in self.recorded:
            prev_hash = self.heads[stream].hash
            kind = type(event).__name__
            schema = event.schema
            data = encode_event(event)
            text = meta_texts[meta]
            at: int | None = getattr(event, "at", None)
            digest = chain_hash(stream, version, kind, schema, data, text, at, recorded_at, prev_hash)
            self.heads[stream] = Head(version, digest, recorded_at)
            rows.append(
                {
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
                    "correlation": meta.correlation or None,
                }
            )
        return rows


class Journal:
    """Appends for the one writer of this process; remembers heads of streams and the last position between
    transactions. Where other processes write as well, the position is read under the append lock, and the
    heads are checked by whoever holds a lock on their streams: `forget_stream`, `lock_streams`.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._shared = dialect.name == "postgresql"
        self.insert_events = insert_into(events, dialect, counted="position")
        self.insert_heads = insert_into(stream_heads, dialect)
        self.move_heads = update_of(stream_heads, Head._fields, dialect, expected=("version",))
        self._lock_heads = lookup_of(stream_heads, Head._fields, dialect, hold="update")
        self.forget()

    def forget(self) -> None:
        """Drop everything remembered, to be read again: after a failed transaction."""
        self._heads: dict[str, Head] = {}
        self._position: int | None = None
        self.last_recorded_at = 0

    def forget_stream(self, stream: str) -> None:
        """Drop one head: another process appended to its stream."""
        self._heads.pop(stream, None)

    def lock_streams(self, connection: Connection, streams: Collection[str]) -> None:
        """Hold streams that no account's lock covers, as they are now, to the end of the transaction."""
        if self._shared and streams:
            found = self._lock_heads.find_all(connection, [(stream,) for stream in sorted(streams)])
            for stream in streams:
                head = found.get((stream,))
                self._heads[stream] = Head(*head) if head else _BEFORE_THE_FIRST

    def take_positions(self, connection: Connection) -> Callable[[], int]:
        """Make the next positions this transaction's until it ends. Gives back the last one before them, once
        it is asked for.
        """
        if self._shared:
            APPENDS.take(connection)
            cursor = cursor_of(connection)
            cursor.execute(_LAST_SQL)
            return lambda: cursor.fetchone()[0] or 0
        if self._position is None:
            self._position = last_position(connection)
        known = self._position
        return lambda: known

    def number(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Rows with their positions; where several processes write, the database adds the last one itself, so
        that nobody waits for an answer while holding the lock.
        """
        for position, row in enumerate(rows, 1 + (self._position or 0)):
            row["position"] = position
        return rows

    def head(self, connection: Connection, stream: str) -> Head:
        """The last event of a stream, remembered or read."""
        head = self._heads.get(stream)
        if head is None:
            columns = (stream_heads.c[name] for name in Head._fields)
            row = connection.execute(sa.select(*columns).where(stream_heads.c.stream == stream)).first()
            head = Head(*row) if row else _BEFORE_THE_FIRST
        return head

    def stage(self, connection: Connection, now: int) -> Appends:
        """Begin the appends of one transaction. now: wall time, microseconds."""
        return Appends(self, connection, now)

    def publish(self, appends: Appends) -> None:
        """Remember what a committed transaction appended."""
        if len(self._heads) > 10_000:
            self._heads.clear()
        self._heads.update(appends.heads)
        if appends.recorded:
            self._position = None if self._shared else appends.position
            self.last_recorded_at = appends.recorded_at


_BEFORE_THE_FIRST = Head(0, FIRST_HASH)


def _recorded(row: Any) -> Recorded:
    meta = msgspec.json.decode(row.metadata, type=Meta)
    event = decode_event(row.type, row.data, row.schema_version)
    return Recorded(row.position, row.stream, row.version, event, meta, row.recorded_at)


def read(
    connection: Connection,
    *,
    after: int = 0,
    limit: int = 1000,
    stream: str | None = None,
    types: list[str] | None = None,
    from_version: int = 1,
) -> list[Recorded]:
    """Events with a position above `after`, in order, archived ones too. types: only these event types;
    from_version: of a stream, only from this one. Errors: ArchivesMissing.
    """
    query = sa.select(events).where(events.c.position > after).order_by(events.c.position).limit(limit)
    if stream is not None:
        query = query.where(events.c.stream == stream)
    if from_version > 1:
        query = query.where(events.c.version >= from_version)
    if types is not None:
        query = query.where(events.c.type.in_(types))
    rows: list[Any] = list(connection.execute(query))
    every = stream is None and types is None and from_version == 1
    # the newest event is never archived; rows that were kept may lie below some that are gone
    whole = every and (not rows or rows[-1].position == after + len(rows))
    if not whole and after < (end := archived_until(connection)):
        streams = None if stream is None else [stream]
        wanted = Wanted(after, streams=streams, types=types, from_version=from_version)
        rows = [row for row in rows if row.position > end]  # they may not be removed yet
        rows = [*archived(connection, wanted, limit=limit), *rows][:limit]
    return [_recorded(row) for row in rows]


def stored_rows(connection: Connection, after: int = 0) -> Iterator[Any]:
    """Every event as it is stored, in order, the archived ones first. Errors: ArchivesMissing."""
    yield from archived_rows(connection, after)
    begin = max(after, archived_until(connection))
    query = sa.select(events).where(events.c.position > begin).order_by(events.c.position)
    yield from connection.execution_options(yield_per=5000).execute(query)


def last_position(connection: Connection) -> int:
    """Position of the newest event, 0 in an empty journal."""
    return connection.execute(_LAST).scalar() or 0


_LAST = sa.select(sa.func.max(events.c.position))
_LAST_SQL = str(_LAST)


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


def heads(connection: Connection) -> list[tuple[str, Link]]:
    """The stored last event of every stream."""
    columns = (stream_heads.c[name] for name in ("stream", *Link._fields))
    return [(stream, Link(*head)) for stream, *head in connection.execute(sa.select(*columns))]


def verify(connection: Connection, witness: Witness | None = None) -> Verification:
    """Check every link of every chain, the versions, the positions and the heads against the stored bytes, of
    archived events too. witness: asked about each event that holds, such as a checkpoint.
    """
    chains = Chains()
    fault: str | None = None
    for row in stored_rows(connection):
        fault = chains.take(row) or (None if witness is None else witness.look(chains, row))
        if fault is not None:
            break
    fault = fault or chains.against(heads(connection))
    if witness is not None:
        fault = witness.end(chains, fault)
    return Verification(chains.position, len(chains.links), fault)
