"""/api/v1/backtests/{id}/validation: try to break a strategy, and hear the verdict with its reasons."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from traderbot.api.access import ThePlatform
from traderbot.api.backtest_files import FILE_RESPONSES, as_file
from traderbot.api.backtest_keys import known_by, told
from traderbot.api.order_entry import IdempotencyKey
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import IdIn
from traderbot.api.security import WholeUser
from traderbot.api.strict_json import StrictRoute
from traderbot.api.validation_schemas import ValidationIn, ValidationOut, validation_out
from traderbot.backtests.validation.record import decoded

router = APIRouter(prefix="/api/v1/backtests", tags=["backtests"], route_class=StrictRoute)

_BOUND = ("forbidden", "this API key is good for its account alone")
_NONE = ("not_found", "It was not validated.")
_NOT_DONE = ("conflict", "it is running; a backtest is validated once it is done")


@router.post(
    "/{backtest_id}/validation",
    status_code=202,
    summary="Validate a backtest",
    description="Checks for looking ahead, luck, overfitting and fragility, as `traderbot backtest validate`"
    " does: over the window that was traded, with its parameters, money and costs. It waits and runs as a"
    " backtest does, with the same limits; follow it by the websocket's channel `backtests`.",
    responses=problem_responses(400, 401, 403, 404, 409, 413, 415, 422, 503, s403=_BOUND, s409=_NOT_DONE),
)
async def submit_validation(
    backtest_id: IdIn,
    body: ValidationIn,
    platform: ThePlatform,
    principal: WholeUser,
    request: HttpRequest,
    response: Response,
    key: IdempotencyKey = None,
) -> ValidationOut:
    known = await known_by(request, key)
    found = await run_in_threadpool(
        platform.backtests.validate, principal.user_id, backtest_id, body.task, known
    )
    return validation_out(told(found, response), None)


@router.get(
    "/{backtest_id}/validation",
    summary="Its verdict, with the reasons",
    description="Of the validation that was asked for last.",
    responses=problem_responses(401, 403, 404, 422, s403=_BOUND, s404=_NONE),
)
def one_validation(backtest_id: IdIn, platform: ThePlatform, principal: WholeUser) -> ValidationOut:
    found = platform.backtests.validation(principal.user_id, backtest_id)
    if found.status != "done":
        return validation_out(found, None)
    return validation_out(
        found, decoded(platform.backtests.report(principal.user_id, found.id, "validation"))
    )


@router.get(
    "/{backtest_id}/validation/report",
    summary="Its record as a file",
    description="json: the validation.json that `traderbot strategy assign --validation` takes; html: a page"
    " that stands alone.",
    responses=problem_responses(401, 403, 404, 409, 422, s403=_BOUND, s404=_NONE) | FILE_RESPONSES,
    response_class=Response,
)
def validation_report(
    backtest_id: IdIn,
    platform: ThePlatform,
    principal: WholeUser,
    format: Annotated[Literal["json", "html"], Query(description="Which file.")] = "json",  # noqa: A002
) -> Response:
    found = platform.backtests.validation(principal.user_id, backtest_id)
    content = platform.backtests.report(principal.user_id, found.id, "validation")
    if format == "json":
        return as_file(content, "validation.json")
    from traderbot.backtests.validation.page import page  # slow to import, and only this needs it

    return as_file(page(decoded(content)).encode(), "validation.html")


@router.post(
    "/{backtest_id}/validation/cancel",
    summary="End a validation that waits or runs",
    description="Its process ends at once.",
    responses=problem_responses(
        401, 403, 404, 409, 422, s403=_BOUND, s404=_NONE, s409=("conflict", "it is done already")
    ),
)
async def cancel_validation(backtest_id: IdIn, platform: ThePlatform, principal: WholeUser) -> ValidationOut:
    user_id, backtests = principal.user_id, platform.backtests
    found = await run_in_threadpool(backtests.validation, user_id, backtest_id)
    return validation_out(await run_in_threadpool(backtests.cancel, user_id, found.id, "validation"), None)
