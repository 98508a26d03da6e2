"""/api/v1/admin/handlers and dead-letters: how far the handlers of events are, and what they could not
take.
"""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from traderbot.api.access import Limit, RequestMeta, TheCursors, ThePlatform
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import Answer, Page, TimeOut
from traderbot.api.security import AdminUser
from traderbot.api.strict_json import StrictRoute
from traderbot.infra.delivery import handler_records
from traderbot.trading.dead_letters import discard, replay

router = APIRouter(prefix="/api/v1/admin", tags=["admin"], route_class=StrictRoute)

_POSITION_MAX = 2**62
_SCOPE = "dead letters"
_NONE = ("not_found", "No such dead letter.")
_BEHIND = ("conflict", "It only waits behind an earlier event of its stream; see to that one.")
HandlerName = Annotated[str, Path(max_length=80, pattern=r"^[a-z][a-z0-9_]*$")]
Position = Annotated[int, Path(ge=1, le=_POSITION_MAX, description="A position of the journal.")]


class HandlerOut(Answer):
    """A handler and where it stands."""

    name: str
    types: list[str] = Field(description="The types of events it takes.")
    position: int = Field(description="How far it has read the journal, as last put on record.")
    behind: int = Field(description="Positions from there to the end, where events of its types wait.")
    lag_seconds: float = Field(description="How long the oldest event it has yet to take has waited.")
    retrying: int = Field(description="Events that failed and are tried again.")
    waiting: int = Field(description="Events that wait behind one of these in their stream.")
    dead: int = Field(description="Events that failed too often.")


class HandlersOut(Answer):
    """Every handler of events."""

    items: list[HandlerOut]


class DeadLetterOut(Answer):
    """An event that a handler could not take. state: retrying, waiting, dead or replaying."""

    handler: str
    position: int
    stream: str
    type: str
    state: str
    attempts: int
    next_try_at: TimeOut | None
    error: str


class DeadLetterDone(Answer):
    """What becomes of it: replaying or discarded."""

    handler: str
    position: int
    state: str


@router.get("/handlers", summary="The handlers of events", responses=problem_responses(401, 403))
def read_handlers(platform: ThePlatform, _admin: AdminUser) -> HandlersOut:
    standings = platform.bus.standings(platform.database, platform.clock.now())
    return HandlersOut(
        items=[HandlerOut(lag_seconds=round(one.seconds, 3), **one._asdict()) for one in standings]
    )


@router.get(
    "/dead-letters",
    summary="Events that handlers could not take",
    description="Those that are tried again and those that wait behind them as well, the newest first.",
    responses=problem_responses(401, 403, 422),
)
def read_dead_letters(
    platform: ThePlatform,
    cursors: TheCursors,
    _admin: AdminUser,
    limit: Limit = 100,
    cursor: str | None = None,
) -> Page[DeadLetterOut]:
    before = None
    if cursor is not None:
        position, handler = cursors.decode(_SCOPE, cursor)
        before = int(position), str(handler)
    with platform.database.read() as connection:
        found = handler_records.page(connection, before=before, limit=limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    return Page[DeadLetterOut](
        items=[
            DeadLetterOut(**(one._asdict() | {"next_try_at": one.next_try_at or None}))
            for one in found[:limit]
        ],
        next_cursor=None if last is None else cursors.encode(_SCOPE, [last.position, last.handler]),
    )


@router.post(
    "/dead-letters/{handler}/{position}/replay",
    summary="Have a handler try an event again",
    description="At once. A dead letter then comes after the events of its stream that went on without it.",
    responses=problem_responses(401, 403, 404, 409, 422, 503, s404=_NONE, s409=_BEHIND),
)
async def replay_dead_letter(
    platform: ThePlatform, _admin: AdminUser, meta: RequestMeta, handler: HandlerName, position: Position
) -> DeadLetterDone:
    await platform.path.asubmit(replay(handler, position, platform.clock.now(), meta))
    return DeadLetterDone(handler=handler, position=position, state="replaying")


@router.delete(
    "/dead-letters/{handler}/{position}",
    summary="Give an event up",
    description="For this handler, for good; the event stays in the journal.",
    responses=problem_responses(401, 403, 404, 409, 422, 503, s404=_NONE, s409=_BEHIND),
)
async def discard_dead_letter(
    platform: ThePlatform, _admin: AdminUser, meta: RequestMeta, handler: HandlerName, position: Position
) -> DeadLetterDone:
    await platform.path.asubmit(discard(handler, position, meta))
    return DeadLetterDone(handler=handler, position=position, state="discarded")
