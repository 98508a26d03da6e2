"""The rows of the inbox: a page, what is unread, what was read; and how notices are put into it."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

from traderbot.infra.events.journal import Recorded
from traderbot.infra.events.texts import encode_json
from traderbot.infra.storage.database import insert_into
from traderbot.notifications.tables import inbox
from traderbot.notifications.texts import Text
from traderbot.trading import tables as t

KEPT = 1000  # of each user, the newest; up to SLACK more before the rest is dropped
SLACK = 100
_COUNTED_MAX = 10_000
_own = inbox.c


class Entry(NamedTuple):
    """One entry of an inbox. at: when its event was recorded; read_at: microseconds, None while unread."""

    position: int
    kind: str
    account_id: UUID | None
    at: int
    severity: str
    title: str
    body: str
    data: dict[str, Any]
    read_at: int | None


class Notices:
    """Puts notices into inboxes, in the transaction of whoever has them."""

    def __init__(self, dialect: Dialect) -> None:
        self._insert = insert_into(inbox, dialect)
        self._added: dict[UUID, int] = {}  # to each inbox since its old entries were dropped

    def add(
        self, connection: Connection, notices: Iterable[tuple[UUID, UUID | None, Recorded, Text]]
    ) -> None:
        """Notices of (user, account, event, text); each touched inbox keeps its newest entries."""
        by_user: dict[UUID, list[dict[str, Any]]] = {}
        for user_id, account_id, recorded, text in notices:
            row = {
                "user_id": user_id,
                "position": recorded.position,
                "account_id": account_id,
                "at": recorded.recorded_at,
                "read_at": None,
                **_columns(text),
            }
            by_user.setdefault(user_id, []).append(row)
        kept = [row for rows in by_user.values() for row in rows[-KEPT:]]
        self._insert.run(connection, kept)
        if len(self._added) > _COUNTED_MAX:
            self._added.clear()
        for user_id, rows in by_user.items():
            added = self._added.get(user_id, SLACK) + len(rows)  # unknown: see to it at once
            if added > SLACK:
                connection.execute(_DROP, {"of": user_id})
                added = 0
            self._added[user_id] = added

    def tell_everybody(self, connection: Connection, recorded: Recorded, text: Text) -> None:
        """One entry for each user who has an account, however many there are."""
        columns = _columns(text)
        accounts = sa.select(
            t.accounts.c.user_id,
            sa.literal(recorded.position, _own.position.type),
            sa.literal(recorded.recorded_at, _own.at.type),
            *(sa.literal(value, sa.Text) for value in columns.values()),
        ).distinct()
        names = ["user_id", "position", "at", *columns]
        connection.execute(sa.insert(inbox).from_select(names, accounts))


def _columns(text: Text) -> dict[str, str]:
    return {
        "kind": text.kind,
        "severity": text.severity,
        "title": text.title,
        "body": text.body,
        "data": encode_json(text.data).decode(),
    }


_first_kept = (
    sa.select(_own.position)
    .where(_own.user_id == sa.bindparam("of", type_=_own.user_id.type))
    .order_by(_own.position.desc())
    .limit(1)
    .offset(KEPT - 1)
)
_DROP = sa.delete(inbox).where(
    _own.user_id == sa.bindparam("of", type_=_own.user_id.type),
    _own.position < _first_kept.scalar_subquery(),
)


def page(
    connection: Connection,
    user_id: UUID,
    *,
    limit: int,
    before: tuple[int, str] | None = None,
    unread: bool = False,
) -> list[Entry]:
    """Entries of a user, newest first. before: position and kind of the entry the page begins behind."""
    query = sa.select(*(inbox.c[name] for name in Entry._fields)).where(_own.user_id == user_id)
    if before is not None:
        query = query.where(sa.tuple_(_own.position, _own.kind) < sa.tuple_(*before))
    if unread:
        query = query.where(_own.read_at.is_(None))
    query = query.order_by(_own.position.desc(), _own.kind.desc()).limit(limit)
    return [Entry(*row)._replace(data=msgspec.json.decode(row.data)) for row in connection.execute(query)]


def unread_count(connection: Connection, user_id: UUID) -> int:
    query = sa.select(sa.func.count()).where(_own.user_id == user_id, _own.read_at.is_(None))
    count: int = connection.execute(query).scalar_one()
    return count


def mark_read(
    connection: Connection, user_id: UUID, entries: Sequence[tuple[int, str]] | None, now: int
) -> int:
    """Mark entries as read, all of them where none are named. Returns: how many were unread."""
    change = sa.update(inbox).where(_own.user_id == user_id, _own.read_at.is_(None)).values(read_at=now)
    if entries is not None:
        change = change.where(sa.tuple_(_own.position, _own.kind).in_(list(entries)))
    return connection.execute(change).rowcount
