"""POST /api/v1/orders/batch and /preview: many orders in one request, and one that is only looked at."""

import asyncio
from typing import Any

import structlog
from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from traderbot.api.access import AccountId, Refused, RequestMeta, ThePlatform
from traderbot.api.account_answers import existing
from traderbot.api.order_answers import as_json, placed_content
from traderbot.api.order_entry import NO_ACCOUNT, IdempotencyKey, idempotency_key, request_hash
from traderbot.api.order_schemas import BatchIn, BatchOut, OrderIn, PreviewOut
from traderbot.api.problems import invalid, problem_content, problem_of, problem_responses, unexpected_content
from traderbot.api.security import CurrentUser
from traderbot.api.strict_json import StrictRoute
from traderbot.bootstrap import Platform
from traderbot.engine.gate import preview
from traderbot.infra.ids import new_id
from traderbot.model.commands import PlaceOrder
from traderbot.model.errors import TraderbotError
from traderbot.model.reasons import Reason
from traderbot.trading.grants import previewed
from traderbot.trading.halts import rules_in_force
from traderbot.trading.work import Idempotency, Outcome, Work

_log = structlog.get_logger()
router = APIRouter(prefix="/api/v1/orders", tags=["orders"], route_class=StrictRoute)


@router.post(
    "/batch",
    summary="Place many orders",
    description="Up to 500 orders, decided one by one in this order; each is placed or refused for itself,"
    " and the answer has one item for each, with the status that it alone would have had. With an"
    " Idempotency-Key each order keeps its own first outcome.",
    responses=problem_responses(400, 401, 404, 413, 415, 422, 503, s404=NO_ACCOUNT),
    response_model=BatchOut,
)
async def place_orders(
    request: Request,
    body: BatchIn,
    platform: ThePlatform,
    account_id: AccountId,
    principal: CurrentUser,
    meta: RequestMeta,
    key: IdempotencyKey = None,
) -> Response:
    key = idempotency_key(request)  # once at most
    digest = b"" if key is None else await request_hash(request)
    commands = [_read(one) for one in body.orders]
    asked = [
        Work(
            commands=[(account_id, command)],
            meta=meta,
            key=_key_of(key, index, digest),
            grant=principal.grant,
        )
        for index, command in enumerate(command for command in commands if isinstance(command, PlaceOrder))
    ]
    submitted = []
    if key is not None and asked:
        submitted.append(await _first(platform, asked.pop(0)))
    submitted += await asyncio.gather(*map(platform.path.asubmit, asked), return_exceptions=True)
    outcomes = iter(submitted)
    items = [_item(next(outcomes) if isinstance(one, PlaceOrder) else one) for one in commands]
    return as_json({"items": items})


def _key_of(key: str | None, index: int, digest: bytes) -> Idempotency | None:
    """The first order has the request's own key, so that another request under it is seen before anything is
    placed. No key that anybody can send has a space, so that none is that of a later order.
    """
    if key is None:
        return None
    return Idempotency(key if index == 0 else f"{key} {index}", digest)


async def _first(platform: Platform, work: Work) -> Outcome | BaseException:
    """What came of the first order under a key. Errors: Refused for a key that another request used."""
    try:
        outcome = await platform.path.asubmit(work)
    except Exception as error:  # noqa: BLE001 - answered with the order, as for the others
        return error
    refusal = outcome.refusal
    if refusal is not None and refusal.reason is Reason.IDEMPOTENCY_KEY_REUSED:
        raise Refused(refusal)
    return outcome


def _read(members: Any) -> PlaceOrder | dict[str, Any]:
    """The command of one order, or the problem of one that cannot be read."""
    try:
        return OrderIn.model_validate(members).command(new_id)
    except ValidationError as error:
        return problem_content(**invalid(error.errors(include_url=False, include_input=False)))
    except TraderbotError as error:
        return _problem(error)


def _problem(error: TraderbotError) -> dict[str, Any]:
    arguments = problem_of(error)
    del arguments["headers"]
    return problem_content(**arguments)


def _item(outcome: Outcome | BaseException | dict[str, Any]) -> dict[str, Any]:
    """What came of one order."""
    try:
        if isinstance(outcome, BaseException):
            raise outcome
        if isinstance(outcome, Outcome):
            return {"status": 201, "order": placed_content(outcome), "problem": None}
        found = outcome
    except TraderbotError as error:
        found = _problem(error)
    except Exception as error:  # noqa: BLE001 - one order's fault must not take the others' answers with it
        _log.error("order_failed", error=repr(error), exc_info=error)
        found = unexpected_content()
    return {"status": found["status"], "order": None, "problem": found}


@router.post(
    "/preview",
    summary="Look at an order without placing it",
    description="Every check of the gate with its figures, the worst cost, fees and hold, and the exposure"
    " that it would lead to. Nothing is submitted and nothing set aside.",
    responses=problem_responses(400, 401, 404, 413, 415, 422, 503, s404=NO_ACCOUNT),
)
def preview_order(
    body: OrderIn, platform: ThePlatform, account_id: AccountId, principal: CurrentUser
) -> PreviewOut:
    command, grant = body.command(new_id), principal.grant
    with platform.database.read() as connection:
        account, rules = existing(connection, account_id), rules_in_force(connection)
        shown = preview(account, command, platform.session.market, rules)
        if grant is not None:
            shown = previewed(connection, grant, command, shown, platform.clock.now())
    return PreviewOut.model_validate(shown)
