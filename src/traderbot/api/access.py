"""What a request works with: the platform it reaches and the account it may touch.

A request acts on the account it names, by the header X-Account-Id or the query's account_id, else on the
user's first. Somebody else's account does not exist.
"""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import Depends, Header, Query, Request
from pydantic import WithJsonSchema
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from traderbot.api.schemas_common import Cursors, IdIn, uuid_from
from traderbot.api.security import Caller, CurrentUser
from traderbot.bootstrap import Platform
from traderbot.infra.events.journal import Meta
from traderbot.model.errors import Conflict, InvalidValue, NotFound
from traderbot.model.reasons import Reason, Refusal
from traderbot.trading import tables as t
from traderbot.users.people import Principal

PAGE_MAX = 500
REPLAYED = {"Idempotency-Replayed": "true"}
ACCOUNT_HEADER = "X-Account-Id"
_OWNERS_MAX = 10_000
_AN_ID = WithJsonSchema({"type": "string", "format": "uuid"})


def platform_of(connection: HTTPConnection) -> Platform:
    platform: Platform = connection.app.state.platform
    return platform


class Owners:
    """Who owns an account, remembered, as no account ever changes hands."""

    def __init__(self) -> None:
        self._known: dict[UUID, UUID] = {}

    def known(self, account_id: UUID) -> UUID | None:
        return self._known.get(account_id)

    def look_up(self, platform: Platform, account_id: UUID) -> UUID | None:
        """The owner as the database has it; None where there is no such account."""
        with platform.database.read() as connection:
            query = sa.select(t.accounts.c.user_id).where(t.accounts.c.id == account_id)
            owner: UUID | None = connection.execute(query).scalar()
        if owner is not None:
            if len(self._known) >= _OWNERS_MAX:
                self._known.clear()
            self._known[account_id] = owner
        return owner


def opening_of(connection: HTTPConnection) -> asyncio.Lock:
    """Held while an account is opened, so that nobody opens more at once than there may be."""
    lock: asyncio.Lock = connection.app.state.opening
    return lock


def account_of(principal: Principal) -> UUID:
    """The first account of whoever is calling, or the one their key is bound to. Errors: NotFound for a user
    without one.
    """
    if principal.account_id is None:
        raise NotFound("This user has no account.")
    return principal.account_id


async def owned(connection: HTTPConnection, principal: Principal, account_id: UUID) -> UUID:
    """The account, if it is the caller's. Errors: NotFound."""
    if account_id == principal.account_id:
        return account_id
    owners: Owners = connection.app.state.owners
    owner = owners.known(account_id)
    if owner is None:
        owner = await run_in_threadpool(owners.look_up, platform_of(connection), account_id)
    if owner != principal.user_id or principal.bound:
        raise NotFound("No such account.")
    return account_id


async def chosen_account(connection: HTTPConnection, principal: Principal) -> UUID:
    """The account a request acts on, for any kind of route. Errors: NotFound; InvalidValue."""
    given = connection.headers.getlist(ACCOUNT_HEADER)
    if connection.scope["query_string"]:
        given += connection.query_params.getlist("account_id")
    if not given:
        return account_of(principal)
    if len(given) > 1:
        raise InvalidValue(ACCOUNT_HEADER, "to be given once, or as account_id")
    return await owned(connection, principal, uuid_from(given[0], ACCOUNT_HEADER))


def meta_of(request: HTTPConnection, principal: Principal) -> Meta:
    """Who asks, and by which request, for the journal."""
    state = request.scope.get("state", {})
    own = state.get("request_id", "")
    correlation, trace = state.get("correlation_id", own), state.get("trace", "")
    return Meta(f"user:{principal.user_id}", correlation, request=own, trace=trace)


async def _account_id(
    request: Request,
    principal: CurrentUser,
    _header: Annotated[
        str | None,
        _AN_ID,
        Header(alias=ACCOUNT_HEADER, description="The account it acts on; your first without it."),
    ] = None,
    _query: Annotated[
        str | None, _AN_ID, Query(alias="account_id", description=f"The same as {ACCOUNT_HEADER}.")
    ] = None,
) -> UUID:
    return await chosen_account(request, principal)


async def _named_account(request: Request, principal: CurrentUser, account_id: IdIn) -> UUID:
    return await owned(request, principal, account_id)


async def _meta(request: Request, principal: Caller) -> Meta:
    return meta_of(request, principal)


async def _platform(request: Request) -> Platform:
    return platform_of(request)


async def _cursors(request: Request) -> Cursors:
    cursors: Cursors = request.app.state.cursors
    return cursors


AccountId = Annotated[UUID, Depends(_account_id)]
NamedAccount = Annotated[UUID, Depends(_named_account)]
RequestMeta = Annotated[Meta, Depends(_meta)]
ThePlatform = Annotated[Platform, Depends(_platform)]
TheCursors = Annotated[Cursors, Depends(_cursors)]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description=f"How many at most, up to {PAGE_MAX}.")]


def decoded(cursors: Cursors, scope: str, cursor: str | None) -> int | None:
    """The event version a page begins before. Errors: InvalidValue."""
    if cursor is None:
        return None
    (before,) = cursors.decode(scope, cursor)
    return int(before)


def following(cursors: Cursors, scope: str, found: Sequence[Any], limit: int) -> str | None:
    """The cursor behind the page, None on the last one. found: up to one more than the page holds."""
    return cursors.encode(scope, [found[limit - 1].version]) if len(found) > limit else None


class Refused(Conflict):
    """A command that was decided against: 422 with the reason as its code, or 409 where the state has moved
    on. replayed: whether it was decided for an earlier, equal request.
    """

    def __init__(self, refusal: Refusal, *, replayed: bool = False) -> None:
        super().__init__(refusal.detail)
        self.code = refusal.reason.value
        self.status = 409 if refusal.reason in _STATE else 422
        self.headers = REPLAYED if replayed else {}


_STATE = frozenset(
    {
        Reason.ORDER_NOT_OPEN,
        Reason.DUPLICATE_CLIENT_ORDER_ID,
        Reason.ALREADY_HALTED,
        Reason.NOT_HALTED,
        Reason.NOT_REPLACEABLE,
        Reason.RESUME_NOT_REQUESTED,
        Reason.OUTCOME_UNKNOWN,
    }
)
