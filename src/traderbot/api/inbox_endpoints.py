"""/api/v1/inbox: what the caller has been told, newest first."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field
from sqlalchemy.engine import Connection
from starlette.concurrency import run_in_threadpool

from traderbot.api.access import Limit, TheCursors, ThePlatform
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import Answer, Body, TimeOut
from traderbot.api.security import WholeUser
from traderbot.api.strict_json import StrictRoute
from traderbot.bootstrap import Platform
from traderbot.model.errors import InvalidValue
from traderbot.notifications import repository
from traderbot.notifications.repository import KEPT, Entry

router = APIRouter(prefix="/api/v1/inbox", tags=["inbox"], route_class=StrictRoute)

_BOUND = ("forbidden", "this API key is good for its account alone")
_POSITION_MAX = 2**62
NEWEST = 20
EntryId = Annotated[str, Field(max_length=80, pattern=r"^[0-9]{1,19}\.[a-z_]{1,40}$")]


class InboxEntryOut(Answer):
    """One thing that happened. data: its figures, amounts as exact decimal strings."""

    id: str
    position: int = Field(description="Of the event in the journal.")
    kind: str
    severity: str
    title: str
    body: str
    data: dict[str, Any]
    account_id: UUID | None
    time: TimeOut = Field(description="When it was recorded.")
    read_at: TimeOut | None


class InboxOut(Answer):
    """Part of the inbox, newest first; unread: of the whole inbox."""

    items: list[InboxEntryOut]
    unread: int
    next_cursor: str | None = Field(
        description="Give it as `cursor` for the next page; null on the last page."
    )


class ReadIn(Body):
    """What was read: these entries, or all of them where none are named."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ids": ["43.order_filled"]}, {}]})

    ids: list[EntryId] | None = Field(default=None, max_length=KEPT)


class UnreadOut(Answer):
    """unread: what is left; marked: how many were unread until now."""

    unread: int
    marked: int


@router.get(
    "",
    summary="The inbox",
    description=f"What was done for you and happened to you, newest first; the newest {KEPT} are kept.",
    responses=problem_responses(401, 403, 422, s403=_BOUND),
)
def read_inbox(
    platform: ThePlatform,
    cursors: TheCursors,
    principal: WholeUser,
    limit: Limit = 50,
    cursor: str | None = None,
    unread: Annotated[bool, Query(description="Only what is unread.")] = False,
) -> InboxOut:
    scope = f"inbox {principal.user_id} {unread}"
    before = None
    if cursor is not None:
        position, kind = cursors.decode(scope, cursor)
        before = int(position), str(kind)
    with platform.database.read() as connection:
        found = repository.page(connection, principal.user_id, limit=limit + 1, before=before, unread=unread)
        count = repository.unread_count(connection, principal.user_id)
    more = len(found) > limit
    last = found[limit - 1] if more else None
    return InboxOut(
        items=[entry_out(entry) for entry in found[:limit]],
        unread=count,
        next_cursor=None if last is None else cursors.encode(scope, [last.position, last.kind]),
    )


@router.post(
    "/read",
    summary="Mark entries as read",
    description="Those that are named, or all without names. An id of nobody's entry, or of somebody else's,"
    " marks nothing.",
    responses=problem_responses(400, 401, 403, 413, 415, 422, 503, s403=_BOUND),
)
async def mark_read(body: ReadIn, platform: ThePlatform, principal: WholeUser) -> UnreadOut:
    wanted = None if body.ids is None else [_parsed(one) for one in body.ids]
    return await run_in_threadpool(_mark, platform, principal.user_id, wanted)


def _mark(platform: Platform, user_id: UUID, wanted: list[tuple[int, str]] | None) -> UnreadOut:
    now = platform.clock.now()
    marked = platform.path.write(lambda c: repository.mark_read(c, user_id, wanted, now))
    platform.deliveries.tell()
    with platform.database.read() as connection:
        return UnreadOut(unread=repository.unread_count(connection, user_id), marked=marked)


def _parsed(entry_id: str) -> tuple[int, str]:
    position, _, kind = entry_id.partition(".")
    if int(position) > _POSITION_MAX:
        raise InvalidValue("ids", "ids of inbox entries")
    return int(position), kind


def newest(connection: Connection, user_id: UUID) -> dict[str, Any]:
    """The newest entries and how many are unread, for a frame of the websocket."""
    found = repository.page(connection, user_id, limit=NEWEST)
    return {
        "unread": repository.unread_count(connection, user_id),
        "items": [entry_out(entry).model_dump(mode="json") for entry in found],
    }


def entry_out(entry: Entry) -> InboxEntryOut:
    """An entry under the id that marks it."""
    return InboxEntryOut(
        id=f"{entry.position}.{entry.kind}",
        position=entry.position,
        kind=entry.kind,
        severity=entry.severity,
        title=entry.title,
        body=entry.body,
        data=entry.data,
        account_id=entry.account_id,
        time=entry.at,
        read_at=entry.read_at,
    )
