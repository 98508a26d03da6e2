"""Queries on the journal and on what happened to accounts: by stream, type, user and time.

Several streams are merged from a page of each, all in one statement, so that each is read along its index.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.events.archives import Row, Wanted, archived, archived_until
from traderbot.infra.events.journal import Meta, events
from traderbot.model.account import AccountKind, LotMethod
from traderbot.trading import tables as t
from traderbot.trading.streams import account_stream, user_stream
from traderbot.trading.views import ActivityView


class EventView(msgspec.Struct, frozen=True):
    """An event as it is stored. data: its fields as plain values, amounts as texts; at: market time,
    microseconds, None where it has none; actor: who caused it.
    """

    position: int
    stream: str
    version: int
    type: str
    data: dict[str, Any]
    actor: str
    at: int | None
    recorded_at: int
    hash: bytes


class EventFilter(msgspec.Struct, frozen=True):
    """Which events. after, until: market time, microseconds, until excluded; recorded_after,
    recorded_until: the same of the wall clock.
    """

    types: tuple[str, ...] = ()
    after: int | None = None
    until: int | None = None
    recorded_after: int | None = None
    recorded_until: int | None = None


ANY_EVENT = EventFilter()


class AccountView(msgspec.Struct, frozen=True):
    """An account of a user, without what it is worth."""

    id: UUID
    user_id: UUID
    session_id: UUID
    currency: str
    kind: AccountKind
    name: str
    broker: str
    lot_method: LotMethod
    halted: str | None
    version: int


def accounts_of_user(connection: Connection, user_id: UUID) -> list[AccountView]:
    """The accounts of a user, in the order they were opened."""
    query = sa.select(t.accounts).where(t.accounts.c.user_id == user_id).order_by(t.accounts.c.id)
    return [_account_view(row) for row in connection.execute(query)]


def find_account(connection: Connection, user_id: UUID, account_id: UUID) -> AccountView | None:
    """An account of the user, None where there is none of that id or it is somebody else's."""
    query = sa.select(t.accounts).where(t.accounts.c.id == account_id, t.accounts.c.user_id == user_id)
    row = connection.execute(query).first()
    return None if row is None else _account_view(row)


def _account_view(row: Any) -> AccountView:
    return AccountView(
        id=row.id,
        user_id=row.user_id,
        session_id=row.session_id,
        currency=row.currency,
        kind=AccountKind(row.kind),
        name=row.name,
        broker=row.broker,
        lot_method=LotMethod(row.lot_method),
        halted=row.halted,
        version=row.version,
    )


def streams_of_user(connection: Connection, user_id: UUID) -> list[str]:
    """The user's own stream and those of the user's accounts."""
    query = sa.select(t.accounts.c.id).where(t.accounts.c.user_id == user_id).order_by(t.accounts.c.id)
    return [user_stream(user_id), *map(account_stream, connection.execute(query).scalars())]


def list_events(
    connection: Connection,
    streams: Sequence[str],
    wanted: EventFilter = ANY_EVENT,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = 100,
) -> list[EventView]:
    """Events of some streams, newest first. before: only below this position; after: only above it, and then
    oldest first, to follow what comes.
    """
    parts = [_of_stream(stream, wanted, before, after, limit) for stream in dict.fromkeys(streams)]
    if not parts:
        return []
    query = parts[0]
    if len(parts) > 1:
        merged = sa.union_all(*(sa.select(part.subquery()) for part in parts)).subquery()
        place = merged.c.position
        query = sa.select(merged).order_by(place.desc() if after is None else place).limit(limit)
    found = [_event_view(row) for row in connection.execute(query)]
    end = archived_until(connection)
    if end and (len(found) < limit if after is None else after < end):
        return _with_archived(connection, streams, wanted, found, (before, after, end), limit)
    return found


def _with_archived(
    connection: Connection,
    streams: Sequence[str],
    wanted: EventFilter,
    found: list[EventView],
    place: tuple[int | None, int | None, int],
    limit: int,
) -> list[EventView]:
    """A page of the table's events together with the archived ones before them."""
    before, after, end = place
    kept = [one for one in found if one.position > end]
    missing = limit - len(kept) if after is None else limit
    asked = Wanted(
        after or 0,
        before,
        streams=streams,
        types=wanted.types or None,
        recorded_after=wanted.recorded_after,
        recorded_until=wanted.recorded_until,
    )
    old: list[EventView] = []
    while len(old) < missing:
        page = archived(connection, asked, limit=missing, newest_first=after is None)
        old += [_event_view(row) for row in page if _in_time(row, wanted)]
        if len(page) < missing:
            break
        last = page[-1].position
        asked = asked._replace(before=last) if after is None else asked._replace(after=last)
    return ([*kept, *old] if after is None else [*old, *kept])[:limit]


def _in_time(row: Row, wanted: EventFilter) -> bool:
    at = row.effective_at
    return (wanted.after is None or (at is not None and at > wanted.after)) and (
        wanted.until is None or (at is not None and at < wanted.until)
    )


def _of_stream(
    stream: str, wanted: EventFilter, before: int | None, after: int | None, limit: int
) -> sa.Select[Any]:
    c = events.c
    query = sa.select(events).where(c.stream == stream)
    if wanted.types:
        query = query.where(c.type.in_(wanted.types))
    for value, column in ((wanted.after, c.effective_at), (wanted.recorded_after, c.recorded_at)):
        if value is not None:
            query = query.where(column > value)
    for value, column in ((wanted.until, c.effective_at), (wanted.recorded_until, c.recorded_at)):
        if value is not None:
            query = query.where(column < value)
    if before is not None:
        query = query.where(c.position < before)
    if after is not None:
        query = query.where(c.position > after)
    return query.order_by(c.position.desc() if after is None else c.position).limit(limit)


def _event_view(row: Any) -> EventView:
    return EventView(
        position=row.position,
        stream=row.stream,
        version=row.version,
        type=row.type,
        data=msgspec.json.decode(row.data, type=dict[str, Any]),
        actor=msgspec.json.decode(row.metadata, type=Meta).actor,
        at=row.effective_at,
        recorded_at=row.recorded_at,
        hash=row.hash,
    )


def list_activities(
    connection: Connection,
    account_id: UUID,
    *,
    kinds: Sequence[str] = (),
    symbol: str | None = None,
    after: int | None = None,
    until: int | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[ActivityView]:
    """What happened to an account besides its orders, newest first. after, until: market time; before: event
    version.
    """
    c = t.activities.c
    query = sa.select(t.activities).where(c.account_id == account_id)
    if kinds:
        query = query.where(c.kind.in_(kinds))
    if symbol is not None:
        query = query.where(c.symbol == symbol)
    if after is not None:
        query = query.where(c.at > after)
    if until is not None:
        query = query.where(c.at < until)
    if before is not None:
        query = query.where(c.version < before)
    names = ActivityView.__struct_fields__
    rows = connection.execute(query.order_by(c.version.desc()).limit(limit))
    return [ActivityView(**{name: getattr(row, name) for name in names}) for row in rows]
