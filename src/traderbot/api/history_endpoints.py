"""/api/v1/events and the as-of views: what was on record at any moment, and what was true at one."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlalchemy.engine import Connection

from traderbot.api.access import PAGE_MAX, AccountId, Limit, NamedAccount, ThePlatform
from traderbot.api.account_answers import account_out, limits_out
from traderbot.api.account_schemas import AccountThen, Books, PositionThen
from traderbot.api.order_entry import NO_ACCOUNT
from traderbot.api.order_schemas import OrderOut
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import TimeIn
from traderbot.api.security import CurrentUser, users_of
from traderbot.api.strict_json import StrictRoute
from traderbot.api.trading_schemas import EventOut, Events
from traderbot.bootstrap import Platform
from traderbot.model.errors import InvalidValue
from traderbot.model.events import EVENT_TYPES
from traderbot.trading.as_of import books_at, orders_at, state_at
from traderbot.trading.history import EventFilter, list_events, streams_of_user
from traderbot.trading.repository import OrderFilter
from traderbot.trading.streams import RULES_STREAM, account_stream, session_stream, user_stream
from traderbot.users.people import Principal

router = APIRouter(prefix="/api/v1", tags=["audit"], route_class=StrictRoute)

POSITION_MAX = 2**62
_TYPES_MAX = 20
_OPEN = OrderFilter(status="open", oldest_first=True)
Stream = Literal["account", "user", "all", "session", "rules"]
Position = Annotated[int | None, Query(ge=0, le=POSITION_MAX, description="A position of the journal.")]


@router.get(
    "/events",
    summary="The journal",
    description="Events in order of position from after `after`, or newest first from before `before`."
    " stream: of the account, of the user, of all that is the user's, of the market session,"
    " or (admins) of the rules.",
    responses=problem_responses(401, 403, 404, 422, s404=NO_ACCOUNT),
)
def events(
    request: Request,
    platform: ThePlatform,
    principal: CurrentUser,
    account_id: AccountId,
    stream: Stream = "account",
    after: Annotated[int, Query(ge=0, le=POSITION_MAX, description="Position to go on from.")] = 0,
    before: Annotated[
        int | None, Query(ge=0, le=POSITION_MAX, description="Newest first, from below this position.")
    ] = None,
    limit: Limit = 100,
    kinds: Annotated[
        list[str] | None,
        Query(alias="type", max_length=_TYPES_MAX, description="Only these types, such as OrderFilled."),
    ] = None,
    time_after: Annotated[TimeIn | None, Query(description="Later than this, market time.")] = None,
    time_until: Annotated[TimeIn | None, Query(description="Before this, market time.")] = None,
    recorded_after: Annotated[TimeIn | None, Query(description="Recorded later than this.")] = None,
    recorded_until: Annotated[TimeIn | None, Query(description="Recorded before this.")] = None,
) -> Events:
    for kind in kinds or ():
        if kind not in EVENT_TYPES:
            raise InvalidValue("type", f"one of {', '.join(sorted(EVENT_TYPES))}")
    wanted = EventFilter(tuple(kinds or ()), time_after, time_until, recorded_after, recorded_until)
    if stream == "rules":
        users_of(request).require_admin(principal)
    with platform.database.read() as connection:
        streams = _streams(connection, stream, platform, principal, account_id)
        place = {"after": after} if before is None else {"before": before}
        found = list_events(connection, streams, wanted, limit=limit, **place)
    last = found[-1].position if found else None
    return Events(
        items=[EventOut.model_validate(one) for one in found],
        next_after=after if before is not None or last is None else last,
        next_before=None if before is None or len(found) < limit else last,
    )


@router.get(
    "/accounts/{account_id}/as-of",
    tags=["accounts"],
    summary="The account as it was on record",
    description="Folded from the journal up to a position, or to what was recorded by a moment;"
    " without either, up to now.",
    responses=problem_responses(401, 404, 422, s404=NO_ACCOUNT),
)
def account_as_of(
    platform: ThePlatform,
    account_id: NamedAccount,
    position: Position = None,
    recorded_at: Annotated[TimeIn | None, Query(description="What was recorded by then.")] = None,
) -> AccountThen:
    _one_of(position=position, recorded_at=recorded_at)
    with platform.database.read() as connection:
        then = state_at(connection, account_id, position=position, recorded_at=recorded_at)
        orders = orders_at(connection, account_id, position=then.position, wanted=_OPEN, limit=PAGE_MAX)
    account = then.account
    return AccountThen(
        account=account_out(account),
        position=then.position,
        recorded_at=then.recorded_at,
        positions=[
            PositionThen(symbol=held.symbol, qty=held.qty, cost=held.cost, realised=held.realised)
            for _, held in sorted(account.positions.items())
        ],
        orders=[OrderOut.model_validate(order) for order in orders],
        limits=limits_out(account.limits),
    )


@router.get(
    "/accounts/{account_id}/books",
    tags=["accounts"],
    summary="The books at a moment of market time",
    description="Cash, positions and gains by what had happened by `market_time`, as far as it was on record"
    " at a position or by `known_at`: late executions and busts count from when they became known.",
    responses=problem_responses(401, 404, 422, s404=NO_ACCOUNT),
)
def account_books(
    platform: ThePlatform,
    account_id: NamedAccount,
    market_time: Annotated[TimeIn, Query(description="What had happened by then.")],
    position: Position = None,
    known_at: Annotated[TimeIn | None, Query(description="What was recorded by then.")] = None,
) -> Books:
    _one_of(position=position, known_at=known_at)
    with platform.database.read() as connection:
        found = books_at(
            connection,
            account_id,
            at=market_time,
            position=position,
            recorded_at=known_at,
            market=platform.session.market,
        )
    return Books.model_validate(found)


def _streams(
    connection: Connection, stream: Stream, platform: Platform, principal: Principal, account_id: UUID
) -> list[str]:
    """The names of the streams that are asked for. A key that is bound to one account sees no more of the
    user than that.
    """
    if stream == "session":
        return [session_stream(platform.session.session_id)]
    if stream == "rules":
        return [RULES_STREAM]
    if stream == "account" or principal.bound:
        return [account_stream(account_id)]
    if stream == "user":
        return [user_stream(principal.user_id)]
    return streams_of_user(connection, principal.user_id)


def _one_of(**given: int | None) -> None:
    """Errors: InvalidValue where both are given."""
    first, second = given
    if given[first] is not None and given[second] is not None:
        raise InvalidValue(second, f"nothing beside {first}")
