"""/api/v1/events/search and /admin/events: the journal by stream, type, correlation and time."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import JSONResponse

from traderbot.api.access import Limit, TheCursors, ThePlatform, decoded
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import Answer, Cursors, IdIn, Page, TimeIn, TimeOut
from traderbot.api.security import CurrentUser, require_admin
from traderbot.api.strict_json import StrictRoute
from traderbot.bootstrap import Platform
from traderbot.infra.events.archives import Row
from traderbot.infra.events.event_schemas import event_schemas
from traderbot.infra.events.events_query import EventQuery, find_events
from traderbot.model.errors import InvalidValue
from traderbot.model.events import EVENT_TYPES
from traderbot.trading.history import streams_of_user
from traderbot.trading.streams import account_stream
from traderbot.users.people import Principal

router = APIRouter(prefix="/api/v1", tags=["audit"], route_class=StrictRoute)
_TYPES_MAX = 20
_TEXT_MAX = 128


class StoredEvent(Answer):
    """An event as it is stored. time: market time, null where it has none."""

    position: int
    stream: str
    version: int = Field(description="Its number in its stream.")
    type: str
    schema_version: int = Field(description="Version of its data's shape.")
    time: TimeOut | None
    recorded_at: TimeOut
    data: dict[str, Any]
    metadata: dict[str, Any] = Field(description="actor, correlation, causation, request, trace.")
    hash: str = Field(description="SHA-256 in hex.")


async def _query(
    kinds: Annotated[
        list[str] | None,
        Query(alias="type", max_length=_TYPES_MAX, description="Only these types, such as OrderFilled."),
    ] = None,
    correlation: Annotated[
        str | None, Query(max_length=_TEXT_MAX, description="Only what belongs together by this name.")
    ] = None,
    time_after: Annotated[TimeIn | None, Query(description="Later than this, market time.")] = None,
    time_until: Annotated[TimeIn | None, Query(description="Before this, market time.")] = None,
    recorded_after: Annotated[TimeIn | None, Query(description="Recorded later than this.")] = None,
    recorded_until: Annotated[TimeIn | None, Query(description="Recorded before this.")] = None,
) -> EventQuery:
    for kind in kinds or ():
        if kind not in EVENT_TYPES:
            raise InvalidValue("type", f"one of {', '.join(sorted(EVENT_TYPES))}")
    times = (time_after, time_until, recorded_after, recorded_until)
    return EventQuery(None, tuple(sorted(kinds or ())), correlation, *times)


TheQuery = Annotated[EventQuery, Depends(_query)]


@router.get(
    "/events/search",
    summary="Your events, newest first",
    description="Of your own stream and those of your accounts; a key bound to one account sees that one.",
    responses=problem_responses(401, 422),
)
def search_events(
    platform: ThePlatform,
    principal: CurrentUser,
    cursors: TheCursors,
    wanted: TheQuery,
    account_id: Annotated[IdIn | None, Query(description="Only this account of yours.")] = None,
    limit: Limit = 100,
    cursor: str | None = None,
) -> Page[StoredEvent]:
    streams = _own(platform, principal, account_id)
    asked = msgspec.structs.replace(wanted, streams=streams)
    return _page(platform, cursors, f"events {principal.user_id} {asked}", asked, limit, cursor)


@router.get(
    "/admin/events",
    summary="Everybody's events, newest first",
    responses=problem_responses(401, 403, 422),
    dependencies=[Depends(require_admin)],
)
def all_events(
    platform: ThePlatform,
    cursors: TheCursors,
    wanted: TheQuery,
    stream: Annotated[list[str] | None, Query(max_length=_TYPES_MAX, description="Only these.")] = None,
    limit: Limit = 100,
    cursor: str | None = None,
) -> Page[StoredEvent]:
    asked = msgspec.structs.replace(wanted, streams=None if stream is None else tuple(stream))
    return _page(platform, cursors, f"all events {asked}", asked, limit, cursor)


class _SchemaJson(JSONResponse):
    media_type = "application/schema+json"


@router.get(
    "/events/schemas",
    summary="JSON Schema of every event",
    responses=problem_responses(401),
    response_class=_SchemaJson,
)
def schemas_of_events(_principal: CurrentUser) -> _SchemaJson:
    return _SchemaJson(event_schemas())


def _own(platform: Platform, principal: Principal, account_id: UUID | None) -> tuple[str, ...]:
    """The streams that are the caller's; none for an account that is not, as if it did not exist."""
    with platform.database.read() as connection:
        streams = streams_of_user(connection, principal.user_id)
    if principal.bound:
        assert principal.account_id is not None  # what the key is bound to
        streams = [stream for stream in streams if stream == account_stream(principal.account_id)]
    if account_id is not None:
        streams = [stream for stream in streams if stream == account_stream(account_id)]
    return tuple(streams)


def _page(
    platform: Platform, cursors: Cursors, scope: str, wanted: EventQuery, limit: int, cursor: str | None
) -> Page[StoredEvent]:
    asked = msgspec.structs.replace(wanted, before=decoded(cursors, scope, cursor))
    with platform.database.read() as connection:
        found = find_events(connection, asked, limit + 1)
    more = len(found) > limit
    return Page(
        items=[_out(row) for row in found[:limit]],
        next_cursor=cursors.encode(scope, [found[limit - 1].position]) if more else None,
    )


def _out(row: Row) -> StoredEvent:
    return StoredEvent(
        position=row.position,
        stream=row.stream,
        version=row.version,
        type=row.type,
        schema_version=row.schema_version,
        time=row.effective_at,
        recorded_at=row.recorded_at,
        data=msgspec.json.decode(row.data),
        metadata=msgspec.json.decode(row.metadata),
        hash=row.hash.hex(),
    )
