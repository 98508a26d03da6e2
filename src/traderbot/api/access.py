"""What a request works with: the platform it reaches and the account it may touch."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request
from starlette.requests import HTTPConnection

from traderbot.api.schemas_common import Cursors
from traderbot.api.security import CurrentUser
from traderbot.bootstrap import Platform
from traderbot.infra.journal import Meta
from traderbot.model.errors import Conflict, NotFound
from traderbot.model.reasons import Reason, Refusal
from traderbot.users.people import Principal

PAGE_MAX = 500
REPLAYED = {"Idempotency-Replayed": "true"}


def platform_of(connection: HTTPConnection) -> Platform:
    platform: Platform = connection.app.state.platform
    return platform


def account_of(principal: Principal) -> UUID:
    """The account of whoever is calling. Errors: NotFound for a user without one."""
    if principal.account_id is None:
        raise NotFound("This user has no account.")
    return principal.account_id


def meta_of(request: HTTPConnection, principal: Principal) -> Meta:
    """Who asks, and by which request, for the journal."""
    return Meta(actor=f"user:{principal.user_id}", request=getattr(request.state, "request_id", ""))


async def _account_id(principal: CurrentUser) -> UUID:
    return account_of(principal)


async def _meta(request: Request, principal: CurrentUser) -> Meta:
    return meta_of(request, principal)


async def _platform(request: Request) -> Platform:
    return platform_of(request)


async def _cursors(request: Request) -> Cursors:
    cursors: Cursors = request.app.state.cursors
    return cursors


AccountId = Annotated[UUID, Depends(_account_id)]
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
    {Reason.ORDER_NOT_OPEN, Reason.DUPLICATE_CLIENT_ORDER_ID, Reason.ALREADY_HALTED, Reason.NOT_HALTED}
)
