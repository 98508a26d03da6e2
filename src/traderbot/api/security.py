"""Who is calling: the dependencies that turn a bearer token or an API key into a Principal, or refuse."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.openapi.models import APIKey, APIKeyIn, HTTPBearer
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from traderbot.model.errors import Forbidden, Unauthorized
from traderbot.users.people import Principal
from traderbot.users.service import UsersService
from traderbot.users.tokens import API_KEY_START

_NEEDED = "a bearer token or an API key is needed"
_BEARER = "bearer "
BY_KEY = ("forbidden", "this needs the scope manage")
"""Of what a trader does signed in, and not by an API key."""
_LOOKING = frozenset({"GET", "HEAD", "OPTIONS"})


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


async def known(connection: HTTPConnection) -> Principal:
    """Who is calling, whatever they may do; taken over where the rate limits have found it out. Errors:
    Unauthorized.
    """
    found: Principal | None = connection.scope.get("state", {}).get("principal")
    if found is not None:
        return found
    return await holder_of(users_of(connection), credential_of(connection))


async def authenticated(connection: HTTPConnection) -> Principal:
    """Who is calling, for any kind of route: to look needs the scope read, to change anything, trade.

    Errors: Unauthorized, Forbidden.
    """
    principal = await known(connection)
    principal.require("read" if connection.scope["method"] in _LOOKING else "trade")
    return principal


async def caller(
    request: Request,
    _bearer: Annotated[None, Depends(BearerScheme())] = None,
    _key: Annotated[None, Depends(ApiKeyScheme())] = None,
) -> Principal:
    """FastAPI's way to `known`, for routes that say themselves what they need."""
    return await known(request)


Caller = Annotated[Principal, Depends(caller)]


async def current_user(request: Request, principal: Caller) -> Principal:
    """FastAPI's way to `authenticated`: what every route needs that says nothing else."""
    principal.require("read" if request.method in _LOOKING else "trade")
    return principal


CurrentUser = Annotated[Principal, Depends(current_user)]


def _require_unbound(principal: Principal) -> None:
    if principal.bound:
        raise Forbidden("this API key is good for its account alone")


async def require_admin(request: Request, principal: Caller) -> Principal:
    """The principal, if an owner or admin now, by a credential that manages.

    Errors: Unauthorized, Forbidden.
    """
    _require_unbound(principal)
    await run_in_threadpool(users_of(request).require_admin, principal)
    return principal


async def require_whole_user(principal: CurrentUser) -> Principal:
    """The principal, unless their key is good for one account alone. Errors: Unauthorized, Forbidden."""
    _require_unbound(principal)
    return principal


async def require_oneself(principal: Caller) -> Principal:
    """The principal, for their own settings: signed in with whatever role, or by a key that trades for all of
    their accounts. Errors: Unauthorized, Forbidden.
    """
    if principal.via != "token":
        _require_unbound(principal)
        principal.require("trade")
    return principal


async def require_sign_in(principal: Caller) -> Principal:
    """The principal, if signed in with a password. Errors: Unauthorized, Forbidden."""
    if principal.via != "token":
        raise Forbidden("an API key cannot make API keys; sign in with a password")
    return principal


async def require_person(request: Request, principal: CurrentUser) -> Principal:
    """The principal, if signed in with a password, or with a key that manages: what trades by an API key must
    not take its own limits away. Errors: Unauthorized, Forbidden.
    """
    if principal.via != "token":
        await require_admin(request, principal)
    return principal


AdminUser = Annotated[Principal, Depends(require_admin)]
WholeUser = Annotated[Principal, Depends(require_whole_user)]
Oneself = Annotated[Principal, Depends(require_oneself)]
SignedIn = Annotated[Principal, Depends(require_sign_in)]
Person = Annotated[Principal, Depends(require_person)]

_NEEDS: tuple[tuple[Callable[..., object], str], ...] = (  # the strictest first
    (require_admin, "scope manage"),
    (require_person, "scope trade, signed in; or scopes trade and manage"),
    (require_sign_in, "signed in"),
    (require_oneself, "signed in; or scope trade, by a key for all accounts"),
    (require_whole_user, "scope {scope}, by no key of one account"),
    (current_user, "scope {scope}"),
    (caller, "any credential"),
)


def needs_of(route: APIRoute) -> str:
    """What a route asks of its caller, in words: the strictest of its dependencies."""
    found = _calls(route.dependant)
    looking = route.methods is None or route.methods <= _LOOKING
    for call, words in _NEEDS:
        if call in found:
            return words.format(scope="read" if looking else "trade")
    return "nothing"


def _calls(dependant: Dependant) -> set[object]:
    found: set[object] = {dependant.call}
    for one in dependant.dependencies:
        found |= _calls(one)
    return found
