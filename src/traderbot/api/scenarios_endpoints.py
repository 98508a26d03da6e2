"""/api/v1/risk/factors and /api/v1/risk/scenarios/saved: factor exposure, and shocks kept by name."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from sqlalchemy.engine import Connection
from starlette.concurrency import run_in_threadpool

from traderbot.api.access import AccountId, ThePlatform
from traderbot.api.order_entry import NO_ACCOUNT
from traderbot.api.problems import problem_responses
from traderbot.api.risk_endpoints import book_now, shocks_of
from traderbot.api.risk_schemas import ScenarioOut, ShocksIn
from traderbot.api.scenario_schemas import ForgottenOut, RiskFactorsOut, SavedOut, SavedScenariosOut
from traderbot.api.schemas_common import PlainText
from traderbot.api.security import CurrentUser
from traderbot.api.strict_json import StrictRoute
from traderbot.risk.factors import exposure_of
from traderbot.risk.saved import SAVED_MAX, Saved, delete_saved, find_saved, save, saved_of
from traderbot.risk.scenarios import shocked
from traderbot.trading.halts import rules_in_force

router = APIRouter(prefix="/api/v1/risk", tags=["risk"], route_class=StrictRoute)

_NONE = ("not_found", "No such scenario.")
_FULL = ("conflict", f"an account has at most {SAVED_MAX} scenarios; delete one first")
Name = Annotated[PlainText, Path(min_length=1, max_length=80, description="What it was saved as.")]


@router.get(
    "/factors",
    summary="How the holdings go with the factors of Fama and French",
    description="Market, size and value, of up to ten years of months, at the weights that the positions have"
    " now. Counts as risk analysis in the rate limits.",
    responses=problem_responses(401, 404, 429, s404=NO_ACCOUNT),
)
def factors(platform: ThePlatform, account_id: AccountId) -> RiskFactorsOut:
    return RiskFactorsOut.model_validate(exposure_of(book_now(platform, account_id)))


@router.get(
    "/scenarios/saved",
    summary="The account's own scenarios",
    responses=problem_responses(401, 404, s404=NO_ACCOUNT),
)
def list_saved(platform: ThePlatform, account_id: AccountId) -> SavedScenariosOut:
    with platform.database.read() as connection:
        return SavedScenariosOut(items=[_out(one) for one in saved_of(connection, account_id)])


@router.put(
    "/scenarios/saved",
    summary="Save a scenario by its name",
    description="In the place of one that has the name. What it would make is told by running it.",
    responses=problem_responses(400, 401, 403, 404, 409, 413, 415, 422, 503, s404=NO_ACCOUNT, s409=_FULL),
)
async def save_scenario(
    body: ShocksIn, platform: ThePlatform, account_id: AccountId, principal: CurrentUser
) -> SavedOut:
    shocks, now = shocks_of(body), platform.clock.now()

    def job(connection: Connection) -> Saved:
        return save(connection, account_id, principal.user_id, shocks, now)

    return _out(await run_in_threadpool(platform.path.write, job))


@router.get(
    "/scenarios/saved/{name}",
    summary="Run a saved scenario",
    description="On what the account holds now. Counts as risk analysis in the rate limits.",
    responses=problem_responses(401, 404, 422, 429, s404=_NONE),
)
def run_saved(name: Name, platform: ThePlatform, account_id: AccountId) -> ScenarioOut:
    with platform.database.read() as connection:
        shocks = find_saved(connection, account_id, name).shocks
        sectors = rules_in_force(connection).sectors
    return ScenarioOut.model_validate(shocked(book_now(platform, account_id), shocks, sectors))


@router.delete(
    "/scenarios/saved/{name}",
    summary="Delete a saved scenario",
    responses=problem_responses(401, 403, 404, 422, 503, s404=_NONE),
)
def delete_scenario(name: Name, platform: ThePlatform, account_id: AccountId) -> ForgottenOut:
    def job(connection: Connection, of: UUID = account_id) -> None:
        delete_saved(connection, of, name)

    platform.path.write(job)
    return ForgottenOut(name=name)


def _out(saved: Saved) -> SavedOut:
    shocks = saved.shocks
    return SavedOut(
        name=shocks.name,
        market=shocks.market,
        sectors=dict(shocks.sectors),
        symbols={str(symbol): move for symbol, move in shocks.symbols.items()},
        factors=dict(shocks.factors),
        saved_at=saved.saved_at,
    )
