"""Who is calling: the dependencies that turn a bearer token or an API key into a Principal, or refuse."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.openapi.models import APIKey, APIKeyIn, HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from traderbot.model.errors import Forbidden, Unauthorized
from traderbot.users.people import Principal
from traderbot.users.service import UsersService
from traderbot.users.tokens import API_KEY_START

_NEEDED = "a bearer token or an API key is needed"
_BEARER = "bearer "
BY_KEY = ("forbidden", "this needs the role admin")
"""Of what a trader does signed in, and not by an API key."""


class BearerScheme(SecurityBase):
    """`Authorization: Bearer <access token or API key>`, for the OpenAPI description."""

    def __init__(self) -> None:
        self.model = HTTPBearer(description="An access token from sign-in, or an API key (tb_...).")
        self.scheme_name = "Bearer"

    async def __call__(self) -> None:
        """Describes only; `current_user` reads the header."""


class ApiKeyScheme(SecurityBase):
    """`X-API-Key: tb_...`, for the OpenAPI description."""

    def __init__(self) -> None:
        self.model = APIKey.model_validate(
            {"in": APIKeyIn.header, "name": "X-API-Key", "description": "An API key (tb_...)."}
        )
        self.scheme_name = "ApiKey"

    async def __call__(self) -> None:
        """Describes only; `current_user` reads the header."""


def credential_of(connection: HTTPConnection) -> str:
    """The token or key of a request, for any kind of route.

    Errors: Unauthorized when there is none, more than one, or another scheme. Two credentials are refused
    rather than ranked, since a proxy in front may have looked at the other one.
    """
    bearers = connection.headers.getlist("authorization")
    keys = connection.headers.getlist("x-api-key")
    if len(bearers) + len(keys) != 1:
        raise Unauthorized(_NEEDED)
    if keys:
        if not keys[0].startswith(API_KEY_START):
            raise Unauthorized("X-API-Key takes an API key (tb_...)")
        return keys[0]
    if not bearers[0].lower().startswith(_BEARER):
        raise Unauthorized(_NEEDED)
    return bearers[0][len(_BEARER) :].strip()


def users_of(connection: HTTPConnection) -> UsersService:
    """The users service of the application."""
    users: UsersService = connection.app.state.platform.users
    return users


async def holder_of(users: UsersService, credential: str) -> Principal:
    """Who holds a token or key; a database is asked at most every ten seconds, in a worker thread.

    Errors: Unauthorized.
    """
    known = users.authenticate_in_memory(credential)
    return known if known is not None else await run_in_threadpool(users.authenticate, credential)


async def authenticated(connection: HTTPConnection) -> Principal:
    """Who is calling, for any kind of route; taken over where the rate limits have found it out. Errors:
    Unauthorized.
    """
    known: Principal | None = connection.scope.get("state", {}).get("principal")
    if known is not None:
        return known
    return await holder_of(users_of(connection), credential_of(connection))


async def current_user(
    request: Request,
    _bearer: Annotated[None, Depends(BearerScheme())] = None,
    _key: Annotated[None, Depends(ApiKeyScheme())] = None,
) -> Principal:
    """FastAPI's way to `authenticated`."""
    return await authenticated(request)


CurrentUser = Annotated[Principal, Depends(current_user)]


async def require_admin(request: Request, principal: CurrentUser) -> Principal:
    """The principal, if an admin now, by a credential for all of them. Errors: Unauthorized, Forbidden."""
    await require_whole_user(principal)
    await run_in_threadpool(users_of(request).require_admin, principal)
    return principal


async def require_whole_user(principal: CurrentUser) -> Principal:
    """The principal, unless their key is good for one account alone. Errors: Unauthorized, Forbidden."""
    if principal.bound:
        raise Forbidden("this API key is good for its account alone")
    return principal


async def require_person(request: Request, principal: CurrentUser) -> Principal:
    """The principal, if signed in with a password, or an admin: what trades by an API key must not take its
    own limits away. Errors: Unauthorized, Forbidden.
    """
    if principal.via != "token":
        await require_whole_user(principal)
        await run_in_threadpool(users_of(request).require_admin, principal)
    return principal


AdminUser = Annotated[Principal, Depends(require_admin)]
WholeUser = Annotated[Principal, Depends(require_whole_user)]
Person = Annotated[Principal, Depends(require_person)]
