"""/api/v1/risk/kill: stop an account, cancel its orders, close its positions, and see that it is flat."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from traderbot.api.access import AccountId, RequestMeta, ThePlatform
from traderbot.api.account_answers import existing
from traderbot.api.order_entry import NO_ACCOUNT
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import Answer, Body, DecimalOut, PlainText, TimeOut
from traderbot.api.security import CurrentUser
from traderbot.api.strict_json import StrictRoute
from traderbot.bootstrap import Platform
from traderbot.model.events import OrderCancelled, OrderPlaced
from traderbot.trading.kill import flatness, kill

router = APIRouter(prefix="/api/v1/risk", tags=["risk"], route_class=StrictRoute)

Ids = Annotated[list[UUID], Field(description="Orders by their ids.")]


class KillIn(Body):
    """Why, and whether what is held is to be sold as well, and what was sold short bought back."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"detail": "it trades nonsense", "flatten": True}]}
    )

    detail: PlainText = Field(min_length=1, max_length=200)
    flatten: bool = False


class LeftOut(Answer):
    """A position that is still there."""

    symbol: str
    qty: DecimalOut
    closing: Ids


class FlatOut(Answer):
    """What the account still has at a market time, as committed."""

    time: TimeOut
    halted: str | None = Field(description="Why it places no orders; null where it may.")
    flat: bool = Field(description="It holds nothing and has no open order.")
    open_orders: int
    positions: list[LeftOut]


class RefusedOut(Answer):
    """What could not be cancelled or closed, and why."""

    code: str
    detail: str


class KilledOut(FlatOut):
    """What the switch did, and what is left."""

    canceled: Ids
    placed: Ids
    refused: list[RefusedOut]


@router.get(
    "/kill",
    summary="Whether the account is flat",
    responses=problem_responses(401, 404, 422, s404=NO_ACCOUNT),
)
def read_flatness(platform: ThePlatform, account_id: AccountId) -> FlatOut:
    return FlatOut.model_validate(_flat(platform, account_id))


@router.post(
    "/kill",
    summary="Stop the account: no new orders, open ones cancelled, positions closed on request",
    description="One unit of work. The market orders that close positions go through the account's halt and"
    " its limits, as they only reduce; the next bars fill them. What cannot be closed is told, and may be"
    " asked again. Trading is resumed as after any halt.",
    responses=problem_responses(400, 401, 404, 413, 415, 422, 503, s404=NO_ACCOUNT),
)
async def kill_account(
    body: KillIn, platform: ThePlatform, account_id: AccountId, principal: CurrentUser, meta: RequestMeta
) -> KilledOut:
    work = kill(account_id, body.detail, flatten=body.flatten, meta=meta, grant=principal.grant)
    outcome = await platform.path.asubmit(work)
    left = await run_in_threadpool(_flat, platform, account_id)
    return KilledOut.model_validate(
        left
        | {
            "canceled": [one.order_id for one in outcome.events if isinstance(one, OrderCancelled)],
            "placed": [one.order_id for one in outcome.events if isinstance(one, OrderPlaced)],
            "refused": [{"code": one.reason.value, "detail": one.detail} for one in outcome.refusals],
        }
    )


def _flat(platform: Platform, account_id: UUID) -> dict[str, object]:
    with platform.database.read() as connection:
        account = existing(connection, account_id)
    found = flatness(account)
    return {
        "time": platform.session.market.time,
        "halted": found.halted,
        "flat": found.flat,
        "open_orders": found.open_orders,
        "positions": found.positions,
    }
