"""/api/v1/admin/limits: what limits every account, and the terms of margin accounts."""

from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter
from pydantic import ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from traderbot.api.access import Refused, RequestMeta, ThePlatform
from traderbot.api.account_answers import limits_out, waiting_out
from traderbot.api.account_schemas import AllWaitingLimits, DecisionIn, LimitsIn, LimitsOut, WaitingLimits
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import Answer, Body, DecimalOut, IdIn, PlainText, RatioIn, SymbolIn
from traderbot.api.security import AdminUser
from traderbot.api.strict_json import StrictRoute
from traderbot.bootstrap import Platform
from traderbot.infra.events.journal import Meta
from traderbot.model.errors import Conflict, NotFound
from traderbot.model.rules import Margin, Rules
from traderbot.trading import limit_guards
from traderbot.trading.halts import change_rules, rules_in_force
from traderbot.users.people import Principal

router = APIRouter(prefix="/api/v1/admin", tags=["admin"], route_class=StrictRoute)

_NOTHING = ("not_found", "Nothing waits for a second person.")
_CHANGED = ("conflict", "something else is asked for by now; read it again")
SECTORS_MAX = 20_000
Sector = Annotated[PlainText, Field(min_length=1, max_length=80)]


class MarginIn(Body):
    """What margin accounts must keep, as fractions of value, and what borrowing costs a year."""

    initial: RatioIn
    maintenance_long: RatioIn
    maintenance_short: RatioIn
    loan_rate: RatioIn
    borrow_rate: RatioIn


class MarginOut(Answer):
    """What margin accounts must keep, as fractions of value, and what borrowing costs a year."""

    initial: DecimalOut
    maintenance_long: DecimalOut
    maintenance_short: DecimalOut
    loan_rate: DecimalOut
    borrow_rate: DecimalOut


class PlatformLimitsIn(Body):
    """Limits of every account, whole: what is left out is unlimited. sectors: of each symbol that has one;
    left out, they stay, and so does margin.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"limits": {"order_value": "250000", "gross": "2"}, "sectors": {"AAPL": "Technology"}}
            ]
        }
    )

    limits: LimitsIn
    sectors: dict[SymbolIn, Sector] | None = Field(default=None, max_length=SECTORS_MAX)
    margin: MarginIn | None = None


class PlatformLimitsOut(Answer):
    """What limits every account, under the version of the rules that each decision names."""

    version: int
    limits: LimitsOut
    sectors: dict[str, str]
    margin: MarginOut


@router.get("/limits", summary="What limits every account", responses=problem_responses(401, 403))
def read_platform_limits(platform: ThePlatform, _admin: AdminUser) -> PlatformLimitsOut:
    return _limits_now(platform)


@router.put(
    "/limits",
    summary="Replace what limits every account",
    description="In force for every decision after its commit; the accounts' own limits stay, and the tighter"
    " of both counts.",
    responses=problem_responses(400, 401, 403, 413, 415, 422, 503),
)
async def replace_platform_limits(
    body: PlatformLimitsIn, platform: ThePlatform, _admin: AdminUser, meta: RequestMeta
) -> PlatformLimitsOut:
    changes: dict[str, object] = {"limits": body.limits.limits()}
    if body.sectors is not None:
        changes["sectors"] = body.sectors
    if body.margin is not None:
        changes["margin"] = Margin(**body.margin.model_dump())

    def change(rules: Rules) -> Rules:
        return msgspec.structs.replace(rules, **changes)

    outcome = await platform.path.asubmit(change_rules(change, meta))
    if outcome.refusal is not None:
        raise Refused(outcome.refusal)
    return await run_in_threadpool(_limits_now, platform)


@router.get(
    "/limit-requests",
    summary="Limits that wait for a second person",
    responses=problem_responses(401, 403),
)
def list_limit_requests(platform: ThePlatform, _admin: AdminUser) -> AllWaitingLimits:
    with platform.database.read() as connection:
        found = limit_guards.all_waiting(connection)
    return AllWaitingLimits(items=[waiting_out(one) for one in found])


@router.post(
    "/limit-requests/{account_id}/approve",
    summary="Approve looser limits of somebody else",
    description="The limits become what was asked for at the time named. Nobody approves their own.",
    responses=problem_responses(400, 401, 403, 404, 409, 413, 415, 422, 503, s404=_NOTHING, s409=_CHANGED),
)
async def approve_limits(
    account_id: IdIn, body: DecisionIn, platform: ThePlatform, admin: AdminUser, meta: RequestMeta
) -> WaitingLimits:
    return await _decide(platform, account_id, body.asked_at, admin, meta, approved=True)


@router.post(
    "/limit-requests/{account_id}/reject",
    summary="Reject looser limits of somebody else",
    description="The limits stay as they are.",
    responses=problem_responses(400, 401, 403, 404, 409, 413, 415, 422, 503, s404=_NOTHING, s409=_CHANGED),
)
async def reject_limits(
    account_id: IdIn, body: DecisionIn, platform: ThePlatform, admin: AdminUser, meta: RequestMeta
) -> WaitingLimits:
    return await _decide(platform, account_id, body.asked_at, admin, meta, approved=False)


async def _decide(
    platform: Platform, account_id: UUID, asked_at: int, admin: Principal, meta: Meta, *, approved: bool
) -> WaitingLimits:
    waiting = await run_in_threadpool(_waiting, platform, account_id)
    if waiting.asked_at != asked_at:
        raise Conflict(_CHANGED[1])
    outcome = await platform.path.asubmit(
        limit_guards.decide(waiting, admin.user_id, meta, approved=approved)
    )
    if outcome.refusal is not None:
        raise Refused(outcome.refusal)
    return waiting_out(waiting)


def _waiting(platform: Platform, account_id: UUID) -> limit_guards.Waiting:
    with platform.database.read() as connection:
        guard = limit_guards.guard_of(connection, account_id)
    if guard is None or guard.waiting is None:
        raise NotFound(_NOTHING[1])
    return guard.waiting


def _limits_now(platform: Platform) -> PlatformLimitsOut:
    with platform.database.read() as connection:
        rules = rules_in_force(connection)
    return PlatformLimitsOut(
        version=rules.version,
        limits=limits_out(rules.limits),
        sectors={str(name): sector for name, sector in sorted(rules.sectors.items())},
        margin=MarginOut(**msgspec.structs.asdict(rules.margin)),
    )
