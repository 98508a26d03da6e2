"""/api/v1/portfolio/rebalancing: proposals, their approval, and the plan that makes them."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from sqlalchemy.engine import Connection

from traderbot.api.access import AccountId, Limit, RequestMeta, TheCursors, ThePlatform
from traderbot.api.account_answers import existing
from traderbot.api.order_entry import NO_ACCOUNT
from traderbot.api.problems import problem_responses
from traderbot.api.rebalancing_schemas import (
    ModelOut,
    ModelsOut,
    OwnPlanOut,
    PlanGoneOut,
    PlanIn,
    PlanOut,
    ProposalBriefOut,
    ProposalOut,
    RebalancingIn,
    WantedOut,
)
from traderbot.api.schemas_common import IdIn, Page
from traderbot.api.security import CurrentUser
from traderbot.api.strict_json import StrictRoute
from traderbot.bootstrap import Platform
from traderbot.infra.events.journal import Meta
from traderbot.infra.ids import new_id
from traderbot.model.errors import Forbidden, InvalidValue, NotFound
from traderbot.model.events import RebalancingChanged
from traderbot.rebalancing.executing import approve, record, reject
from traderbot.rebalancing.models import EXTRA, installed
from traderbot.rebalancing.proposal import Proposal, draft_of
from traderbot.rebalancing.rows import Plan, drop_plan, find_plan, find_proposal, proposals_of, set_plan
from traderbot.rebalancing.scene import scene_of, sold_at_a_loss
from traderbot.rebalancing.wanted import MODELS, Wanted
from traderbot.trading.streams import user_stream
from traderbot.trading.terms import costs_of
from traderbot.trading.work import Plan as Locked
from traderbot.trading.work import Work
from traderbot.users.people import Principal

router = APIRouter(prefix="/api/v1/portfolio/rebalancing", tags=["portfolio"], route_class=StrictRoute)

_NO_PROPOSAL = ("not_found", "No such proposal.")
_NO_PLAN = ("not_found", "The account has no plan.")
_OVER = ("conflict", "the proposal is done already")
_BOUNDED = ("forbidden", "this API key's orders have bounds; somebody without any has to approve")
_TITLES = {
    "equal": "Equal parts",
    "minimum_variance": "Least variance",
    "maximum_sharpe": "Highest Sharpe ratio, shrunk means",
    "risk_parity": "Equal parts of the risk",
    "hrp": "Hierarchical risk parity",
    "cvar": "Least expected shortfall",
    "black_litterman": "Black-Litterman with views",
}
ProposalId = Annotated[IdIn, Path(description="Of the proposal.")]


@router.get(
    "/models",
    summary="The models of target weights",
    responses=problem_responses(401),
)
def models(_principal: CurrentUser) -> ModelsOut:
    here = installed()
    return ModelsOut(
        items=[
            ModelOut(
                name=name,
                title=_TITLES[name],
                available=here or name == "equal",
                needs=None if here or name == "equal" else EXTRA,
            )
            for name in MODELS
        ]
    )


@router.post(
    "/proposals",
    status_code=201,
    summary="Propose trades to target weights",
    description="With costs, tax, and the risk before and after; nothing is traded until it is approved."
    " Counts as risk analysis in the rate limits.",
    responses=problem_responses(400, 401, 403, 404, 409, 413, 415, 422, 429, 503, s404=NO_ACCOUNT),
)
def propose(
    body: RebalancingIn,
    platform: ThePlatform,
    account_id: AccountId,
    principal: CurrentUser,
    meta: RequestMeta,
) -> ProposalOut:
    wanted, market = body.wanted(), platform.session.market
    with platform.database.read() as connection:
        scene = scene_of(connection, account_id, market, platform.dataset, wanted)
        losses = sold_at_a_loss(connection, platform.tracks, account_id, market.time)
    draft = draft_of(scene, wanted, costs_of(platform.settings), losses)
    owner = scene.account.user_id or principal.user_id
    proposal = Proposal(new_id(), account_id, owner, platform.clock.now(), "proposed", wanted, draft)
    platform.path.submit(record(proposal, meta))
    return ProposalOut.model_validate(proposal)


@router.get(
    "/proposals",
    summary="The account's proposals",
    description="Newest first, without their trades.",
    responses=problem_responses(401, 404, 422, s404=NO_ACCOUNT),
)
def list_proposals(
    platform: ThePlatform,
    account_id: AccountId,
    cursors: TheCursors,
    limit: Limit = 20,
    cursor: str | None = None,
) -> Page[ProposalBriefOut]:
    scope = f"rebalancing {account_id}"
    with platform.database.read() as connection:
        before = None
        if cursor is not None:
            before = find_proposal(connection, account_id, UUID(str(cursors.decode(scope, cursor)[0])))
        found = proposals_of(connection, account_id, limit + 1, before)
    more = cursors.encode(scope, [str(found[limit - 1].id)]) if len(found) > limit else None
    return Page(items=[ProposalBriefOut.model_validate(one) for one in found[:limit]], next_cursor=more)


@router.get(
    "/proposals/{proposal_id}",
    summary="One proposal",
    responses=problem_responses(401, 404, 422, s404=_NO_PROPOSAL),
)
def read_proposal(proposal_id: ProposalId, platform: ThePlatform, account_id: AccountId) -> ProposalOut:
    with platform.database.read() as connection:
        return ProposalOut.model_validate(find_proposal(connection, account_id, proposal_id))


@router.post(
    "/proposals/{proposal_id}/approve",
    summary="Approve a proposal",
    description="All of its orders are rehearsed by the gate first: either the sales are placed together, and"
    " the buys as soon as they are through, or nothing is. Once only.",
    responses=problem_responses(401, 403, 404, 409, 422, 503, s403=_BOUNDED, s404=_NO_PROPOSAL, s409=_OVER),
)
def approve_proposal(
    proposal_id: ProposalId,
    platform: ThePlatform,
    account_id: AccountId,
    principal: CurrentUser,
    meta: RequestMeta,
) -> ProposalOut:
    _check_unbounded(principal)
    proposal = _found(platform, account_id, proposal_id)
    now, market = platform.clock.now(), platform.session.market
    work = approve(proposal, principal.user_id, now, market, meta)
    return ProposalOut.model_validate(platform.path.submit(work).result)


@router.post(
    "/proposals/{proposal_id}/reject",
    summary="Reject a proposal, or stop one under way",
    description="Of one under way, the open orders are cancelled; what was filled stays.",
    responses=problem_responses(401, 403, 404, 409, 422, 503, s404=_NO_PROPOSAL, s409=_OVER),
)
def reject_proposal(
    proposal_id: ProposalId,
    platform: ThePlatform,
    account_id: AccountId,
    principal: CurrentUser,
    meta: RequestMeta,
) -> ProposalOut:
    proposal = _found(platform, account_id, proposal_id)
    work = reject(proposal, principal.user_id, platform.clock.now(), meta)
    return ProposalOut.model_validate(platform.path.submit(work).result)


@router.get(
    "/plan",
    summary="The account's plan",
    responses=problem_responses(401, 404, s404=NO_ACCOUNT),
)
def read_plan(platform: ThePlatform, account_id: AccountId) -> OwnPlanOut:
    with platform.database.read() as connection:
        plan = find_plan(connection, account_id)
    return OwnPlanOut(plan=None if plan is None else _plan_out(plan))


@router.put(
    "/plan",
    summary="Set the account's plan",
    description="In the place of the one it has. The first proposal comes with the next step of the session.",
    responses=problem_responses(400, 401, 403, 404, 413, 415, 422, 503, s403=_BOUNDED, s404=NO_ACCOUNT),
)
def write_plan(
    body: PlanIn, platform: ThePlatform, account_id: AccountId, principal: CurrentUser, meta: RequestMeta
) -> PlanOut:
    _check_unbounded(principal)
    owner = _owner(platform, account_id, principal.user_id)
    plan = Plan(account_id, owner, body.target.wanted(), body.every, body.drift, body.automatic)
    _check_symbols(platform, plan.wanted)
    platform.path.submit(_noting(plan, "planned", lambda connection: set_plan(connection, plan), meta))
    return _plan_out(plan)


@router.delete(
    "/plan",
    summary="Drop the account's plan",
    description="Proposals that it made stay.",
    responses=problem_responses(401, 403, 404, 503, s404=_NO_PLAN),
)
def delete_plan(platform: ThePlatform, account_id: AccountId, meta: RequestMeta) -> PlanGoneOut:
    with platform.database.read() as connection:
        plan = find_plan(connection, account_id)
    if plan is None:
        raise NotFound(_NO_PLAN[1])

    def drop(connection: Connection) -> None:
        if not drop_plan(connection, account_id):
            raise NotFound(_NO_PLAN[1])

    platform.path.submit(_noting(plan, "unplanned", drop, meta))
    return PlanGoneOut(account_id=account_id)


def _found(platform: Platform, account_id: UUID, proposal_id: UUID) -> Proposal:
    with platform.database.read() as connection:
        return find_proposal(connection, account_id, proposal_id)


def _check_unbounded(principal: Principal) -> None:
    """Errors: Forbidden for a key whose orders have bounds: the buys come later, without it."""
    if principal.grant is not None:
        raise Forbidden(_BOUNDED[1])


def _owner(platform: Platform, account_id: UUID, otherwise: UUID) -> UUID:
    with platform.database.read() as connection:
        return existing(connection, account_id).user_id or otherwise


def _check_symbols(platform: Platform, wanted: Wanted) -> None:
    """Errors: InvalidValue for a symbol that the session does not have."""
    for name in (*wanted.weights, *wanted.symbols, *wanted.bounds):
        if name not in platform.dataset.bars:
            raise InvalidValue("symbols", "symbols of the session", name)


def _noting(plan: Plan, what: str, job: Callable[[Connection], None], meta: Meta) -> Work:
    """Work that changes a plan and tells its owner."""
    stream = user_stream(plan.user_id)
    when = [] if plan.every is None else [f"every {plan.every.value}"]
    when += [] if plan.drift is None else [f"where a weight is off by more than {plan.drift:f}"]
    how = "approved at once" if plan.automatic else "each waits for approval"
    fact = RebalancingChanged(plan.user_id, plan.account_id, what, None, f"{' and '.join(when)}; {how}.")
    locked: list[tuple[UUID, Locked]] = [(plan.account_id, lambda _: [])]
    return Work(plans=locked, facts=[(stream, fact)], job=job, alone=True, meta=meta)


def _plan_out(plan: Plan) -> PlanOut:
    return PlanOut(
        account_id=plan.account_id,
        wanted=WantedOut.model_validate(plan.wanted),
        every=plan.every,
        drift=plan.drift,
        automatic=plan.automatic,
        looked_at=plan.looked_at or None,
        targets={str(name): weight for name, weight in plan.targets.items()},
    )
