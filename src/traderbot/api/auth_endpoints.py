"""/api/v1/auth: register, sign in, refresh, sign out."""

from collections.abc import Callable
from typing import Annotated, ParamSpec, TypeVar

import anyio
from anyio import CapacityLimiter
from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import Answer, Body
from traderbot.api.security import users_of
from traderbot.api.strict_json import StrictRoute
from traderbot.api.users_schemas import UserOut
from traderbot.model.errors import InvalidValue, Unavailable
from traderbot.users.passwords import AT_ONCE, LENGTH_MAX, LENGTH_MIN
from traderbot.users.people import EMAIL_LENGTH_MAX, NAME_LENGTH_MAX, Tokens, clean_name, normal_email

P = ParamSpec("P")
T = TypeVar("T")
_WAITING_MAX = 64

router = APIRouter(prefix="/api/v1/auth", tags=["sign-in"], route_class=StrictRoute)


def _checked(constructor: Callable[[str], str]) -> AfterValidator:
    def check(text: str) -> str:
        try:
            return constructor(text)
        except InvalidValue as error:
            raise PydanticCustomError("invalid_value", "{expected}", {"expected": error.expected}) from None

    return AfterValidator(check)


_EMAIL = Field(
    max_length=EMAIL_LENGTH_MAX,
    description="E-mail address; case does not matter.",
    examples=["ada@example.com"],
)
_PASSWORD = Field(
    description="Password.", examples=["correct horse battery"], min_length=1, max_length=LENGTH_MAX
)
_REFRESH = Field(max_length=128, description="A refresh token (tbr_...).", examples=["tbr_1hX9cYwq0s..."])


class RegisterIn(Body):
    """Who wants an account."""

    email: Annotated[str, _EMAIL, _checked(normal_email)]
    password: Annotated[
        str, Field(description="8 to 128 characters.", min_length=LENGTH_MIN, max_length=LENGTH_MAX)
    ]
    display_name: Annotated[str, Field(max_length=NAME_LENGTH_MAX), _checked(clean_name)] | None = Field(
        None, description="A name to show; else the part of the address before the @."
    )
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"email": "ada@example.com", "password": "correct horse battery", "display_name": "Ada"}
            ]
        }
    )


class LoginIn(Body):
    """Who signs in."""

    email: Annotated[str, _EMAIL]
    password: Annotated[str, _PASSWORD]


class RefreshIn(Body):
    """The refresh token of a sign-in."""

    refresh_token: Annotated[str, _REFRESH]


class TokensOut(Answer):
    """What a sign-in hands out."""

    access_token: str = Field(
        description="Send it as `Authorization: Bearer ...`.", examples=["eyJhbGciOiJIUzI1NiIs..."]
    )
    refresh_token: str = Field(description="Good for one refresh.", examples=["tbr_1hX9cYwq0s..."])
    token_type: str = Field(default="bearer", description="Always bearer.")
    expires_in: int = Field(description="Seconds until the access token expires.", examples=[900])


class RegisteredOut(TokensOut):
    """The new user, signed in."""

    user: UserOut


def _tokens(tokens: Tokens) -> TokensOut:
    return TokensOut(
        access_token=tokens.access_token, refresh_token=tokens.refresh_token, expires_in=tokens.expires_in
    )


async def _in_the_password_lane(
    request: Request, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run password work in threads of its own, few at once, so that sign-ins never hold up orders.

    Errors: Unavailable when many are waiting already: waiting costs memory, and an answer minutes later helps
    nobody.
    """
    state = request.app.state
    lane = getattr(state, "password_lane", None)
    if lane is None:
        lane = state.password_lane = CapacityLimiter(AT_ONCE)
    if lane.statistics().tasks_waiting >= _WAITING_MAX:
        raise Unavailable("too many sign-ins at once; try again in a moment")
    return await anyio.to_thread.run_sync(lambda: work(*args, **kwargs), limiter=lane)


@router.post(
    "/register",
    status_code=201,
    summary="Open an account",
    description="Makes a user, opens a paper account with the starting cash, and signs in. "
    "An address that has an account already is a 409 with a general text.",
    responses=problem_responses(
        400,
        403,
        409,
        413,
        415,
        422,
        503,
        s403=("registration_closed", "registration is closed; ask the operator for an account"),
    ),
)
async def register(request: Request, body: RegisterIn) -> RegisteredOut:
    users = users_of(request)
    user, tokens = await _in_the_password_lane(
        request, users.register, body.email, body.password, body.display_name
    )
    return RegisteredOut(user=UserOut.model_validate(user), **_tokens(tokens).model_dump())


@router.post(
    "/login",
    summary="Sign in",
    description="Exchanges e-mail address and password for tokens. Unknown people and wrong passwords "
    "get the same answer.",
    responses=problem_responses(
        400,
        401,
        413,
        415,
        422,
        429,
        503,
        s401=("invalid_credentials", "the e-mail address or the password is wrong"),
    ),
)
async def login(request: Request, body: LoginIn) -> TokensOut:
    address = request.scope["state"]["address"]
    return _tokens(
        await _in_the_password_lane(request, users_of(request).login, body.email, body.password, address)
    )


@router.post(
    "/refresh",
    summary="Exchange a refresh token",
    description="Uses the refresh token up and gives a new pair. A token used a second time ends "
    "every token that came from the same sign-in.",
    responses=problem_responses(
        400, 401, 413, 415, 422, s401=("invalid_token", "the refresh token is not valid; sign in again")
    ),
)
def refresh(request: Request, body: RefreshIn) -> TokensOut:
    return _tokens(users_of(request).refresh(body.refresh_token))


@router.post(
    "/logout",
    status_code=204,
    summary="Sign out",
    description="Ends the sign-in this refresh token belongs to. Access tokens already out stay good "
    "until they expire (15 minutes unless set otherwise).",
    responses=problem_responses(400, 413, 415, 422),
)
def logout(request: Request, body: RefreshIn) -> Response:
    users_of(request).logout(body.refresh_token)
    return Response(status_code=204)
