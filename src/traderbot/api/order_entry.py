"""POST /api/v1/orders, the hot route: read, checked and answered without FastAPI's work for each request.

FastAPI describes it from `place_order`, as any other route; `enter` is how every request reaches it. Solving
dependencies, two routings and the exit stacks cost more there than everything else about an order.
"""

from collections.abc import Callable, Coroutine
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import Field, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from traderbot.api.access import AccountId, chosen_account, meta_of, platform_of
from traderbot.api.order_answers import answer
from traderbot.api.order_schemas import OrderIn, OrderOut
from traderbot.api.problems import problem_responses
from traderbot.api.security import CurrentUser, authenticated
from traderbot.api.strict_json import parse_object, require_json_type
from traderbot.infra.events.journal import Meta
from traderbot.infra.ids import new_id
from traderbot.model.commands import Command
from traderbot.model.errors import InvalidValue
from traderbot.model.grants import Grant
from traderbot.trading.work import Idempotency, Outcome, Work

PATH = "/api/v1/orders"
REFUSED = ("insufficient_buying_power", "Not enough available cash for this order at its worst price.")
NO_ACCOUNT = ("not_found", "No such account.")
NOT_OPEN = ("order_not_open", "The order is no longer open.")
_KEY_NAME = "Idempotency-Key"
_Key = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
IdempotencyKey = Annotated[
    _Key | None,
    Header(
        alias=_KEY_NAME,
        description="Makes a repeated request safe: the same key with the same body gets the first answer"
        " again, for 24 hours at least; with another body it is refused.",
    ),
]
_key = TypeAdapter[str](_Key)


async def enter(request: Request) -> Response:
    """Read and check a request, credential first, then place its order."""
    principal = await authenticated(request)
    account_id = await chosen_account(request, principal)
    members = await members_of(request)
    try:
        order = OrderIn.model_validate(members)
    except ValidationError as error:
        raise _invalid(error, "body") from None
    return await place_order(request, order, principal, account_id, idempotency_key(request))


async def members_of(request: Request) -> dict[str, Any]:
    """The JSON object in a request's body. Errors: RequestValidationError for none; as `parse_object`."""
    body = await request.body()
    if not body:
        raise RequestValidationError([{"type": "missing", "loc": ("body",), "msg": ""}])
    require_json_type(request)
    return parse_object(body)


class _DirectRoute(APIRoute):
    """A route that FastAPI describes and does not run."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return enter


router = APIRouter(tags=["orders"], route_class=_DirectRoute)


@router.post(
    PATH,
    status_code=201,
    summary="Place an order",
    description="Approved by the gate, or refused with the reason as the problem's `code`. Committed to the"
    " journal before the answer. An order is matched against bars that become known after it."
    " A bracket, oco or oto answers with its legs. Without an answer, or after `outcome_unknown`, ask again"
    " with the same Idempotency-Key.",
    responses=problem_responses(
        400, 401, 404, 409, 413, 415, 422, 503, s404=NO_ACCOUNT, s409=NOT_OPEN, s422=REFUSED
    ),
    response_model=OrderOut,
)
async def place_order(
    request: Request,
    body: OrderIn,
    principal: CurrentUser,
    account_id: AccountId,
    key: IdempotencyKey = None,
) -> Response:
    command = body.command(new_id)
    meta = meta_of(request, principal)
    return answer(await submit(request, (account_id, command), meta, key, principal.grant), status=201)


def hot_route() -> Route:
    """The route to put in front of all others, so that an order is not held against each of theirs."""
    return Route(PATH, _Entry(), methods=["POST"], name="place_order", include_in_schema=False)


class _Entry:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await enter(Request(scope, receive))
        await response(scope, receive, send)


def idempotency_key(request: Request) -> str | None:
    """The key of a request without FastAPI. Errors: RequestValidationError."""
    several = request.headers.getlist(_KEY_NAME)
    if len(several) > 1:
        raise InvalidValue(_KEY_NAME, "to be given once")
    if not several:
        return None
    (given,) = several
    try:
        return _key.validate_python(given)
    except ValidationError as error:
        raise _invalid(error, "header", _KEY_NAME) from None


async def submit(
    request: Request,
    command: tuple[UUID, Command],
    meta: Meta,
    key: str | None,
    grant: Grant | None = None,
) -> Outcome:
    """Decide an account's command; under a key, only once. What makes the request what it is, is hashed.

    grant: what bounds the caller's orders.
    """
    known = None if key is None else Idempotency(key, await request_hash(request))
    return await platform_of(request).path.asubmit(
        Work(commands=[command], meta=meta, key=known, grant=grant)
    )


async def request_hash(request: Request) -> bytes:
    """What tells one request from another under the same key."""
    head = f"{request.method} {request.scope['path']}\n".encode()
    return sha256(head + await request.body()).digest()


def _invalid(error: ValidationError, *place: str) -> RequestValidationError:
    found = error.errors(include_url=False, include_input=False)
    return RequestValidationError([{**one, "loc": (*place, *one["loc"])} for one in found])
