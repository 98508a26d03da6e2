"""/api/v1/backtests/sweeps: every combination of some values of a strategy's parameters, with its figures."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from traderbot.api.access import Limit, TheCursors, ThePlatform
from traderbot.api.backtest_keys import known_by, told
from traderbot.api.backtest_schemas import request_of
from traderbot.api.order_entry import IdempotencyKey
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import IdIn, Page
from traderbot.api.security import WholeUser
from traderbot.api.strict_json import StrictRoute
from traderbot.api.sweep_schemas import SetOut, SweepIn, SweepOut, set_out, sweep_out
from traderbot.backtests.submitted import repository
from traderbot.backtests.submitted.grids import COMBINATIONS_MAX

router = APIRouter(prefix="/api/v1/backtests/sweeps", tags=["backtests"], route_class=StrictRoute)

By = Literal["sharpe", "total_return", "cagr", "max_drawdown", "number"]
_BOUND = ("forbidden", "this API key is good for its account alone")
_NO_SUCH = ("not_found", "No such sweep.")
_FULL = ("too_many_backtests", "20 of your backtests wait or run; cancel one, or wait for it")
_NOT_DONE = ("conflict", "it is running; this is there once it is done")
_ONE = problem_responses(401, 403, 404, 422, s403=_BOUND, s404=_NO_SUCH)


@router.post(
    "",
    status_code=202,
    summary="Ask for a sweep",
    description="Plays every combination of the grid's values, or so many sets drawn at random or proposed by"
    " TPE over the ranges of the other parameters, compiled where strategy and costs allow it."
    f" Strategies are those that are signals; {COMBINATIONS_MAX:,} combinations at most. It waits and runs as"
    " a backtest does, with the same limits.",
    responses=problem_responses(400, 401, 403, 409, 413, 415, 422, 503, s403=_BOUND, s409=_FULL),
)
async def submit_sweep(
    body: SweepIn,
    platform: ThePlatform,
    principal: WholeUser,
    request: HttpRequest,
    response: Response,
    key: IdempotencyKey = None,
) -> SweepOut:
    settings, known = platform.settings, await known_by(request, key)
    asked = request_of(body, settings.fee_bps, settings.slippage_bps, settings.participation)
    found = await run_in_threadpool(platform.backtests.sweep, principal.user_id, asked, body.task, known)
    return sweep_out(told(found, response))


@router.get("", summary="Your sweeps, newest first", responses=problem_responses(401, 403, 422, s403=_BOUND))
def list_sweeps(
    platform: ThePlatform,
    cursors: TheCursors,
    principal: WholeUser,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Page[SweepOut]:
    scope = f"sweeps {principal.user_id}"
    before = None if cursor is None else UUID(cursors.decode(scope, cursor)[0])
    with platform.database.read() as connection:
        found = repository.page(
            connection, principal.user_id, limit=limit + 1, before=before, status=None, kind="sweep"
        )
    more = len(found) > limit
    return Page(
        items=[sweep_out(one) for one in found[:limit]],
        next_cursor=cursors.encode(scope, [str(found[limit - 1].id)]) if more else None,
    )


@router.get("/{sweep_id}", summary="One of your sweeps", responses=_ONE)
def one_sweep(sweep_id: IdIn, platform: ThePlatform, principal: WholeUser) -> SweepOut:
    return sweep_out(platform.backtests.find(principal.user_id, sweep_id, "sweep"))


@router.get(
    "/{sweep_id}/results",
    summary="Its combinations with their figures",
    description="Those with the highest figure first, or by number; those without the figure come last.",
    responses=problem_responses(401, 403, 404, 409, 422, s403=_BOUND, s404=_NO_SUCH, s409=_NOT_DONE),
)
def sweep_results(
    sweep_id: IdIn,
    platform: ThePlatform,
    cursors: TheCursors,
    principal: WholeUser,
    by: Annotated[By, Query(description="What they are ordered by.")] = "sharpe",
    limit: Limit = 100,
    cursor: str | None = None,
) -> Page[SetOut]:
    scope = f"sweep results {principal.user_id} {sweep_id} {by}"
    begin = 0 if cursor is None else int(cursors.decode(scope, cursor)[0])
    found = platform.backtests.trades(principal.user_id, sweep_id, "sweep")
    if by != "number":
        found.sort(key=lambda one: (one[by] is None, -(one[by] or 0), one["number"]))
    following = begin + limit
    return Page(
        items=[set_out(one) for one in found[begin:following]],
        next_cursor=cursors.encode(scope, [following]) if following < len(found) else None,
    )


@router.post(
    "/{sweep_id}/cancel",
    summary="End a sweep that waits or runs",
    description="Its process ends at once.",
    responses=problem_responses(
        401, 403, 404, 409, 422, s403=_BOUND, s404=_NO_SUCH, s409=("conflict", "it is done already")
    ),
)
async def cancel_sweep(sweep_id: IdIn, platform: ThePlatform, principal: WholeUser) -> SweepOut:
    return sweep_out(await run_in_threadpool(platform.backtests.cancel, principal.user_id, sweep_id, "sweep"))


@router.delete(
    "/{sweep_id}",
    status_code=204,
    summary="Remove a sweep and its results",
    description="One that runs ends at once.",
    responses=_ONE,
)
async def remove_sweep(sweep_id: IdIn, platform: ThePlatform, principal: WholeUser) -> Response:
    await run_in_threadpool(platform.backtests.remove, principal.user_id, sweep_id, "sweep")
    return Response(status_code=204)
