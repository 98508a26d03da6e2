"""/api/v1/backtests: ask for a backtest, follow it, see what came out, compare; /api/v1/strategies."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from traderbot.api.access import Limit, TheCursors, ThePlatform
from traderbot.api.backtest_keys import known_by, told
from traderbot.api.backtest_schemas import (
    BacktestIn,
    BacktestOut,
    ComparedOut,
    ComparisonOut,
    CurveOut,
    DataSetsOut,
    GrowthOut,
    StrategiesOut,
    TradeOut,
    asked_of,
    backtest_out,
    data_set_out,
    request_of,
)
from traderbot.api.order_entry import IdempotencyKey
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import IdIn, Page, uuid_from
from traderbot.api.security import CurrentUser, WholeUser
from traderbot.api.strict_json import StrictRoute
from traderbot.backtests.requests import Status
from traderbot.backtests.submitted import repository
from traderbot.backtests.submitted.offered import offers
from traderbot.backtests.submitted.repository import Backtest
from traderbot.model.errors import InvalidValue

router = APIRouter(prefix="/api/v1", tags=["backtests"], route_class=StrictRoute)

COMPARED_MAX = 10
_COMPARED_POINTS = 500
_BOUND = ("forbidden", "this API key is good for its account alone")
_NO_SUCH = ("not_found", "No such backtest.")
_NOT_DONE = ("conflict", "it is running; this is there once it is done")
_FULL = ("too_many_backtests", "20 of your backtests wait or run; cancel one, or wait for it")
_ONE = problem_responses(401, 403, 404, 422, s403=_BOUND, s404=_NO_SUCH)
_RESULT = problem_responses(401, 403, 404, 409, 422, s403=_BOUND, s404=_NO_SUCH, s409=_NOT_DONE)


@router.get(
    "/strategies",
    summary="Strategies that a backtest may name",
    description="With their parameters and the range of each.",
    responses=problem_responses(401),
)
async def strategies(_principal: CurrentUser) -> StrategiesOut:
    return StrategiesOut.model_validate({"items": offers()})


@router.get(
    "/backtests/datasets",
    summary="Data sets that a backtest may name",
    description="Those of this platform, the demo's among them. Others are imported by `traderbot data`.",
    responses=problem_responses(401),
)
def data_sets(platform: ThePlatform, _principal: CurrentUser) -> DataSetsOut:
    return DataSetsOut(items=[data_set_out(one) for one in platform.backtests.data_offers()])


@router.post(
    "/backtests",
    status_code=202,
    summary="Ask for a backtest",
    description="It waits for its turn and runs in a process of its own, limited in time and memory. Follow"
    " it by the websocket's channel `backtests`, or ask for it again. The newest of yours are kept, "
    f"{repository.KEPT} that are over.",
    responses=problem_responses(400, 401, 403, 409, 413, 415, 422, 503, s403=_BOUND, s409=_FULL),
)
async def submit_backtest(
    body: BacktestIn,
    platform: ThePlatform,
    principal: WholeUser,
    request: HttpRequest,
    response: Response,
    key: IdempotencyKey = None,
) -> BacktestOut:
    settings = platform.settings
    asked = request_of(body, settings.fee_bps, settings.slippage_bps, settings.participation)
    known = await known_by(request, key)
    found = await run_in_threadpool(platform.backtests.submit, principal.user_id, asked, known)
    return backtest_out(told(found, response))


@router.get(
    "/backtests",
    summary="Your backtests, newest first",
    responses=problem_responses(401, 403, 422, s403=_BOUND),
)
def list_backtests(
    platform: ThePlatform,
    cursors: TheCursors,
    principal: WholeUser,
    status: Annotated[Status | None, Query(description="Only those that are so.")] = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Page[BacktestOut]:
    scope = f"backtests {principal.user_id} {status}"
    before = None if cursor is None else UUID(cursors.decode(scope, cursor)[0])
    with platform.database.read() as connection:
        found = repository.page(connection, principal.user_id, limit=limit + 1, before=before, status=status)
    more = len(found) > limit
    return Page(
        items=[backtest_out(one) for one in found[:limit]],
        next_cursor=cursors.encode(scope, [str(found[limit - 1].id)]) if more else None,
    )


@router.get(
    "/backtests/compare",
    summary="Backtests side by side",
    description="Their figures, what was asked differently, and how one dollar grew in each.",
    responses=_RESULT,
)
def compare_backtests(
    platform: ThePlatform,
    principal: WholeUser,
    ids: Annotated[
        str, Query(max_length=500, description=f"From two to {COMPARED_MAX}, with commas between.")
    ],
) -> ComparisonOut:
    wanted = [uuid_from(one, "ids") for one in ids.split(",")]
    if not 2 <= len(wanted) <= COMPARED_MAX or len(set(wanted)) < len(wanted):
        raise InvalidValue("ids", f"from 2 to {COMPARED_MAX} different ids")
    found = platform.backtests.find_all(principal.user_id, wanted)
    curves = [platform.backtests.curve(principal.user_id, one.id) for one in found]
    differing = _differing(found)
    items = []
    for one, curve in zip(map(backtest_out, found), curves, strict=True):
        shown = one.model_dump(mode="json", include=set(differing))  # written as the backtest itself is
        items.append(ComparedOut(backtest=one, differs=shown, curve=_growth(curve)))
    return ComparisonOut(items=items)


@router.get("/backtests/{backtest_id}", summary="One of your backtests", responses=_ONE)
def one_backtest(backtest_id: IdIn, platform: ThePlatform, principal: WholeUser) -> BacktestOut:
    return backtest_out(platform.backtests.find(principal.user_id, backtest_id))


@router.get("/backtests/{backtest_id}/curve", summary="Its equity and drawdown", responses=_RESULT)
def backtest_curve(backtest_id: IdIn, platform: ThePlatform, principal: WholeUser) -> CurveOut:
    return CurveOut(**platform.backtests.curve(principal.user_id, backtest_id))


@router.get(
    "/backtests/{backtest_id}/trades",
    summary="Its round trips, oldest first",
    responses=_RESULT,
)
def backtest_trades(
    backtest_id: IdIn,
    platform: ThePlatform,
    cursors: TheCursors,
    principal: WholeUser,
    limit: Limit = 100,
    cursor: str | None = None,
) -> Page[TradeOut]:
    scope = f"backtest trades {principal.user_id} {backtest_id}"
    begin = 0 if cursor is None else int(cursors.decode(scope, cursor)[0])
    found = platform.backtests.trades(principal.user_id, backtest_id)
    following = begin + limit
    return Page(
        items=[TradeOut(**one) for one in found[begin:following]],
        next_cursor=cursors.encode(scope, [following]) if following < len(found) else None,
    )


@router.post(
    "/backtests/{backtest_id}/cancel",
    summary="End a backtest that waits or runs",
    description="Its process ends at once.",
    responses=problem_responses(
        401, 403, 404, 409, 422, s403=_BOUND, s404=_NO_SUCH, s409=("conflict", "it is done already")
    ),
)
async def cancel_backtest(backtest_id: IdIn, platform: ThePlatform, principal: WholeUser) -> BacktestOut:
    return backtest_out(await run_in_threadpool(platform.backtests.cancel, principal.user_id, backtest_id))


@router.delete(
    "/backtests/{backtest_id}",
    status_code=204,
    summary="Remove a backtest and its results",
    description="One that runs ends at once.",
    responses=_ONE,
)
async def remove_backtest(backtest_id: IdIn, platform: ThePlatform, principal: WholeUser) -> Response:
    await run_in_threadpool(platform.backtests.remove, principal.user_id, backtest_id)
    return Response(status_code=204)


def _differing(found: list[Backtest]) -> list[str]:
    """The names of what was not asked alike."""
    asked = [asked_of(one.request) for one in found]
    return [name for name in asked[0] if any(one[name] != asked[0][name] for one in asked)]


def _growth(curve: dict[str, Any]) -> GrowthOut:
    """One dollar's course, thinned to what a picture beside others shows."""
    times, equity = curve["times"], curve["equity"]
    every = max(1, -(-len(times) // _COMPARED_POINTS))
    kept = sorted({*range(0, len(times), every), len(times) - 1})
    begin = equity[0] or 1.0
    return GrowthOut(
        times=[times[place] for place in kept], growth=[round(equity[place] / begin, 6) for place in kept]
    )
