"""/api/v1/users/me: the caller, their preferences and API keys."""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from traderbot.api.access import owned
from traderbot.api.problems import problem_responses
from traderbot.api.security import CurrentUser, Oneself, SignedIn, WholeUser, users_of
from traderbot.api.strict_json import StrictRoute
from traderbot.api.users_schemas import (
    ApiKeyIn,
    ApiKeyOut,
    ApiKeysOut,
    NewApiKeyOut,
    PreferencesIn,
    PreferencesOut,
    UserOut,
    api_key_content,
)
from traderbot.users.people import Preferences

router = APIRouter(prefix="/api/v1/users/me", tags=["users"], route_class=StrictRoute)

_BOUND = ("forbidden", "this API key is good for its account alone")


@router.get(
    "", summary="Who am I", description="The user behind the token or key.", responses=problem_responses(401)
)
def me(request: Request, principal: CurrentUser) -> UserOut:
    return UserOut.model_validate(users_of(request).user(principal.user_id))


@router.get(
    "/preferences",
    summary="My preferences",
    description="What was set, or moderate growth without sectors for who has set nothing.",
    responses=problem_responses(401),
)
def read_preferences(request: Request, principal: CurrentUser) -> PreferencesOut:
    return _preferences(users_of(request).preferences(principal.user_id))


@router.put(
    "/preferences",
    summary="Replace my preferences",
    description="Replaces all of them. Sectors are the eleven of GICS; "
    "none may be both preferred and excluded.",
    responses=problem_responses(400, 401, 403, 413, 415, 422, s403=_BOUND),
)
def replace_preferences(request: Request, principal: Oneself, body: PreferencesIn) -> PreferencesOut:
    wanted = Preferences(
        body.risk_tolerance,
        body.investment_goal,
        tuple(body.sector_preferences),
        tuple(body.sector_exclusions),
    )
    return _preferences(users_of(request).put_preferences(principal.user_id, wanted))


@router.get(
    "/api-keys",
    summary="My API keys",
    description="Keys that are not revoked, newest first, without their secrets.",
    responses=problem_responses(401, 403, s403=_BOUND),
)
def list_api_keys(request: Request, principal: WholeUser) -> ApiKeysOut:
    return ApiKeysOut(
        items=[ApiKeyOut(**api_key_content(key)) for key in users_of(request).api_keys(principal.user_id)]
    )


@router.post(
    "/api-keys",
    status_code=201,
    summary="Make an API key",
    description="The key is in this answer and never again. At most 50 live keys; "
    "an API key cannot make others. What it may do is never changed: revoke it and make another.",
    responses=problem_responses(
        400, 401, 403, 404, 409, 413, 415, 422,
        s404=("not_found", "No such account."),
        s403=("forbidden", "an API key cannot make API keys; sign in with a password"),
        s409=("conflict", "there are 50 API keys already; revoke one first"),
    ),
)  # fmt: skip
async def create_api_key(request: Request, principal: SignedIn, body: ApiKeyIn) -> NewApiKeyOut:
    account_id = None if body.account_id is None else await owned(request, principal, body.account_id)
    users = users_of(request)
    make = users.create_api_key
    key, secret = await run_in_threadpool(make, principal, body.name, account_id, body.grants())
    return NewApiKeyOut(**api_key_content(key), key=secret)


@router.delete(
    "/api-keys/{key_id}",
    status_code=204,
    summary="Revoke an API key",
    description="The key stops working at once.",
    responses=problem_responses(401, 403, 404, 422, s403=_BOUND),
)
def revoke_api_key(request: Request, principal: Oneself, key_id: UUID) -> Response:
    users_of(request).revoke_api_key(principal.user_id, key_id)
    return Response(status_code=204)


def _preferences(found: Preferences) -> PreferencesOut:
    return PreferencesOut.model_validate(found)
