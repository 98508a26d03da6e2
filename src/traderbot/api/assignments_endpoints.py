"""/api/v1/strategies/assigned: which strategies trade the account, and why one that is stopped is."""

from fastapi import APIRouter

from traderbot.api.access import AccountId, ThePlatform
from traderbot.api.order_entry import NO_ACCOUNT
from traderbot.api.problems import problem_responses
from traderbot.api.strict_json import StrictRoute
from traderbot.api.trading_schemas import AssignmentsOut

router = APIRouter(prefix="/api/v1/strategies", tags=["signals"], route_class=StrictRoute)


@router.get(
    "/assigned",
    summary="The strategies that trade the account",
    description="As `traderbot strategy assign` gave them to it. One whose file is another one by now, or"
    " gone, is stopped, and the account is paused, until it is assigned anew.",
    responses=problem_responses(401, 404, 422, s404=NO_ACCOUNT),
)
def assigned_strategies(platform: ThePlatform, account_id: AccountId) -> AssignmentsOut:
    return AssignmentsOut.model_validate({"items": platform.assigning.trading(account_id)})
