"""Events as they are stored, found by stream, type, correlation and time, newest first, archived ones too."""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.events.archives import Row, Wanted, archived, archived_until, archives
from traderbot.infra.events.journal import FREQUENT, RARE, events, last_position

SKEW = 5_000_000
"""How far the clocks of processes that write together may differ, microseconds."""


class EventQuery(msgspec.Struct, frozen=True):
    """Which events. streams: None for all; after, until: market time, microseconds, until excluded;
    recorded_after, recorded_until: the same of the wall clock; before: position, excluded.
    """

    streams: tuple[str, ...] | None = None
    types: tuple[str, ...] = ()
    correlation: str | None = None
    after: int | None = None
    until: int | None = None
    recorded_after: int | None = None
    recorded_until: int | None = None
    before: int | None = None

    def fits(self, row: Row) -> bool:
        """Whether an event lies in the times that are asked for."""
        at = row.effective_at
        return (
            (self.after is None or (at is not None and at > self.after))
            and (self.until is None or (at is not None and at < self.until))
            and (self.recorded_after is None or row.recorded_at > self.recorded_after)
            and (self.recorded_until is None or row.recorded_at < self.recorded_until)
        )


def find_events(connection: Connection, wanted: EventQuery, limit: int = 100) -> list[Row]:
    """The newest events that fit, newest first. Errors: ArchivesMissing."""
    if wanted.streams == ():
        return []
    first, last = _range(connection, wanted)
    rows = [Row._make(row) for row in connection.execute(_query(wanted, first, last).limit(limit))]
    if len(rows) < limit and first <= archived_until(connection):
        rows += _archived(connection, wanted, first, last, limit - len(rows))
    return rows


def _range(connection: Connection, wanted: EventQuery) -> tuple[int, int]:
    """The positions that can have been recorded in the time that is asked for, by halving: positions follow
    the wall clock but for the difference of the processes' clocks.
    """
    first, last = archived_until(connection) + 1, last_position(connection)
    low, high = 1, last
    if wanted.recorded_after is not None:
        found = _first_recorded(connection, first, last, wanted.recorded_after - SKEW)
        low = 1 if found == first else found
    if wanted.recorded_until is not None:
        high = max(first - 1, _first_recorded(connection, first, last, wanted.recorded_until + SKEW) - 1)
    if wanted.before is not None:
        high = min(high, wanted.before - 1)
    return low, high


def _first_recorded(connection: Connection, first: int, last: int, moment: int) -> int:
    """The first position of the table recorded at a moment or later, one past the last where none is."""
    low, high = first, last + 1
    query = sa.select(events.c.recorded_at).where(events.c.position == sa.bindparam("position"))
    while low < high:
        middle = (low + high) // 2
        if connection.execute(query, {"position": middle}).scalar_one() < moment:
            low = middle + 1
        else:
            high = middle
    return low


def _query(wanted: EventQuery, first: int, last: int) -> sa.Select[Any]:
    """Newest first. Where only rare types are asked for, their index's own condition is repeated, so that it
    is used.
    """
    c = events.c
    begin = max(first, 1)
    until = sa.select(sa.func.coalesce(sa.func.max(archives.c.last_position), 0)).scalar_subquery()
    query = sa.select(events).where(c.position >= begin, c.position <= last, c.position > until)
    if wanted.streams is not None:
        query = query.where(c.stream.in_(wanted.streams))
    if wanted.types:
        query = query.where(c.type.in_(wanted.types))
        if not set(wanted.types) & set(FREQUENT):
            query = query.where(sa.text(RARE))
    if wanted.correlation is not None:
        query = query.where(c.correlation == wanted.correlation, c.correlation.is_not(None))
    for value, column in ((wanted.after, c.effective_at), (wanted.recorded_after, c.recorded_at)):
        if value is not None:
            query = query.where(column > value)
    for value, column in ((wanted.until, c.effective_at), (wanted.recorded_until, c.recorded_at)):
        if value is not None:
            query = query.where(column < value)
    return query.order_by(c.position.desc())


def _archived(connection: Connection, wanted: EventQuery, first: int, last: int, limit: int) -> Sequence[Row]:
    asked = Wanted(
        after=first - 1,
        before=last + 1,
        streams=wanted.streams,
        types=wanted.types or None,
        correlation=wanted.correlation,
        recorded_after=wanted.recorded_after,
        recorded_until=wanted.recorded_until,
    )
    found: list[Row] = []
    while len(found) < limit:
        page = archived(connection, asked, limit=limit, newest_first=True)
        found += filter(wanted.fits, page)
        if len(page) < limit:
            break
        asked = asked._replace(before=page[-1].position)
    return found[:limit]
