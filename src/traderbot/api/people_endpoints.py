"""/api/v1/admin/users: people looked up, given roles, deactivated, signed out and erased."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import ConfigDict, Field

from traderbot.api.access import Limit, TheCursors
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import Body, IdIn, Page
from traderbot.api.security import AdminUser, users_of
from traderbot.api.strict_json import StrictRoute
from traderbot.api.users_schemas import ApiKeyOut, UserOut, api_key_content
from traderbot.model.errors import InvalidValue
from traderbot.users.administration import Actor
from traderbot.users.people import EMAIL_LENGTH_MAX, Principal, User
from traderbot.users.people_rows import PeopleFilter
from traderbot.users.roles import Role

router = APIRouter(prefix="/api/v1/admin/users", tags=["admin"], route_class=StrictRoute)

_NOBODY = ("not_found", "No such user.")
_LAST = ("conflict", "this is the last owner; make another one first")
_NOT_YOURS = ("forbidden", "only an owner who is signed in manages owners and admins")


class PersonOut(UserOut):
    """A person as administrators see them."""

    active: bool = Field(description="Whether they may sign in at all.")


class PersonDetailOut(PersonOut):
    """A person with their live API keys."""

    api_keys: list[ApiKeyOut]


class PersonIn(Body):
    """What is to change; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "viewer"}, {"active": False}]})

    role: Role | None = None
    active: bool | None = None


@router.get(
    "",
    summary="People, newest first",
    responses=problem_responses(401, 403, 422),
)
def list_users(
    request: Request,
    _admin: AdminUser,
    cursors: TheCursors,
    role: Annotated[Role | None, Query(description="Only this role.")] = None,
    active: Annotated[bool | None, Query(description="Only the active, or only the others.")] = None,
    email: Annotated[
        str | None, Query(max_length=EMAIL_LENGTH_MAX, description="Only addresses that begin so.")
    ] = None,
    limit: Limit = 100,
    cursor: str | None = None,
) -> Page[PersonOut]:
    wanted = PeopleFilter(role, active, None if email is None else email.strip().lower())
    scope = f"users {wanted}"
    before = None if cursor is None else UUID(str(cursors.decode(scope, cursor)[0]))
    found = users_of(request).administration.people(wanted, before=before, limit=limit + 1)
    more = cursors.encode(scope, [str(found[limit - 1].id)]) if len(found) > limit else None
    return Page(items=[PersonOut.model_validate(one) for one in found[:limit]], next_cursor=more)


@router.get(
    "/{user_id}",
    summary="One person with their API keys",
    responses=problem_responses(401, 403, 404, 422, s404=_NOBODY),
)
def get_user(request: Request, _admin: AdminUser, user_id: IdIn) -> PersonDetailOut:
    return _detail(request, users_of(request).administration.person(user_id))


@router.patch(
    "/{user_id}",
    summary="Change a role, deactivate or activate",
    description="Only an owner who is signed in makes or changes owners and admins; an admin manages traders"
    " and viewers. Deactivating ends every token and key at once; open orders and positions stay. The last"
    " owner stays one.",
    responses=problem_responses(
        400, 401, 403, 404, 409, 413, 415, 422, 503, s403=_NOT_YOURS, s404=_NOBODY, s409=_LAST
    ),
)
def change_user(request: Request, admin: AdminUser, user_id: IdIn, body: PersonIn) -> PersonDetailOut:
    if body.role is None and body.active is None:
        raise InvalidValue("role", "one of role and active to be given")
    administration = users_of(request).administration
    changed = administration.change(_actor(admin), user_id, role=body.role, active=body.active)
    return _detail(request, changed)


@router.post(
    "/{user_id}/sign-out",
    status_code=204,
    summary="End every sign-in of a person",
    description="Their access and refresh tokens end at once; API keys stay.",
    responses=problem_responses(401, 403, 404, 422, 503, s403=_NOT_YOURS, s404=_NOBODY),
)
def sign_out_user(request: Request, admin: AdminUser, user_id: IdIn) -> Response:
    users_of(request).administration.sign_out(_actor(admin), user_id)
    return Response(status_code=204)


@router.delete(
    "/{user_id}/api-keys/{key_id}",
    status_code=204,
    summary="Revoke a person's API key",
    responses=problem_responses(401, 403, 404, 422, 503, s403=_NOT_YOURS),
)
def revoke_users_api_key(request: Request, admin: AdminUser, user_id: IdIn, key_id: IdIn) -> Response:
    users_of(request).administration.revoke_key(_actor(admin), user_id, key_id)
    return Response(status_code=204)


@router.delete(
    "/{user_id}",
    status_code=204,
    summary="Erase a person",
    description="Address, name, password, keys and preferences are gone for good. The accounts and what they"
    " traded stay on record, under an id that leads to nobody.",
    responses=problem_responses(
        401, 403, 404, 409, 422, 503, s403=_NOT_YOURS, s404=_NOBODY, s409=_LAST
    ),
)  # fmt: skip
def erase_user(request: Request, admin: AdminUser, user_id: IdIn) -> Response:
    users_of(request).administration.erase(_actor(admin), user_id)
    return Response(status_code=204)


def _actor(principal: Principal) -> Actor:
    return Actor(principal.user_id, by_key=principal.via != "token")


def _detail(request: Request, user: User) -> PersonDetailOut:
    keys = users_of(request).administration.keys(user.id)
    known = dict(PersonOut.model_validate(user))
    return PersonDetailOut(**known, api_keys=[ApiKeyOut(**api_key_content(key)) for key in keys])
