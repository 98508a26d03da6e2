"""/api/v1/alerts: the caller's rules, the alerts they raised, and how these are told."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from sqlalchemy.engine import Connection
from starlette.concurrency import run_in_threadpool

from traderbot.alerts import rows
from traderbot.alerts.changing import change
from traderbot.alerts.routing import SEVERITIES, Routing, routing_of, set_routing
from traderbot.alerts.rows import Alert, Asked, Kept, State
from traderbot.alerts.rules import OF_ACCOUNT, AlertRule, Severity, Standing, checked
from traderbot.alerts.tables import alert_webhooks
from traderbot.api.access import Limit, RequestMeta, TheCursors, ThePlatform, account_of, owned
from traderbot.api.alert_schemas import (
    AlertOut,
    AlertRuleIn,
    AlertRuleOut,
    AlertRulesOut,
    DeletedOut,
    RouteOut,
    RoutingIn,
    RoutingOut,
)
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import IdIn, Page, SymbolIn
from traderbot.api.security import WholeUser
from traderbot.api.strict_json import StrictRoute
from traderbot.bootstrap import Platform
from traderbot.infra.events.journal import Meta
from traderbot.infra.ids import new_id
from traderbot.model.errors import Forbidden, InvalidValue, NotFound
from traderbot.model.events import AlertSettingsChanged, Event
from traderbot.users.people import Principal

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"], route_class=StrictRoute)

_BOUND = ("forbidden", "this API key is good for its account alone")
_NO_RULE = ("not_found", "No such rule.")
_NO_ALERT = ("not_found", "No such alert.")
_CHANGED = ("conflict", "the rule was changed by somebody else; read it again")


@router.get(
    "",
    summary="Your alerts",
    description="Newest first. open: neither acknowledged nor over.",
    responses=problem_responses(401, 403, 422, s403=_BOUND),
)
def list_alerts(
    platform: ThePlatform,
    cursors: TheCursors,
    principal: WholeUser,
    limit: Limit = 50,
    cursor: str | None = None,
    state: Annotated[State | None, Query(description="Only those in this state.")] = None,
    severity: Annotated[Severity | None, Query(description="Only of this severity.")] = None,
    symbol: Annotated[SymbolIn | None, Query(description="Only of rules on this symbol.")] = None,
    rule_id: Annotated[IdIn | None, Query(description="Only of this rule.")] = None,
) -> Page[AlertOut]:
    asked = Asked(state, severity, symbol, rule_id)
    scope = f"alerts {principal.user_id} {asked}"
    before = None if cursor is None else UUID(str(cursors.decode(scope, cursor)[0]))
    with platform.database.read() as connection:
        found = rows.alert_page(connection, principal.user_id, asked, limit=limit + 1, before=before)
    more = cursors.encode(scope, [str(found[limit - 1].id)]) if len(found) > limit else None
    return Page(items=[_alert_out(one) for one in found[:limit]], next_cursor=more)


@router.post(
    "/{alert_id}/acknowledge",
    summary="Acknowledge an alert",
    description="Says who has taken note, and when; again it changes nothing. The alert stays until its"
    " condition is over.",
    responses=problem_responses(401, 403, 404, 422, 503, s403=_BOUND, s404=_NO_ALERT),
)
def acknowledge_alert(alert_id: IdIn, platform: ThePlatform, principal: WholeUser) -> AlertOut:
    now, user_id = platform.clock.now(), principal.user_id
    return _alert_out(
        platform.path.write(lambda connection: rows.acknowledge(connection, user_id, alert_id, user_id, now))
    )


@router.get("/rules", summary="Your rules", responses=problem_responses(401, 403, s403=_BOUND))
def list_alert_rules(platform: ThePlatform, principal: WholeUser) -> AlertRulesOut:
    with platform.database.read() as connection:
        found = rows.rules_of(connection, principal.user_id)
    return AlertRulesOut(items=[_rule_out(one) for one in found])


@router.post(
    "/rules",
    summary="Make a rule",
    description="It is measured from the next event on that concerns it. Rules on the system are for"
    " administrators.",
    status_code=201,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 415, 422, 503, s404=_NO_RULE),
)
async def add_alert_rule(
    body: AlertRuleIn, request: Request, platform: ThePlatform, principal: WholeUser, meta: RequestMeta
) -> AlertRuleOut:
    rule = await _rule_of(body, request, platform, principal, new_id(), 1)

    def job(connection: Connection, _: list[Event]) -> None:
        rows.add_rule(connection, rule)

    await run_in_threadpool(_changed, platform, principal, "rule_added", rule.id, job, meta)
    return _rule_out(Kept(rule, Standing()))


@router.get(
    "/rules/{rule_id}",
    summary="One rule",
    responses=problem_responses(401, 403, 404, 422, s403=_BOUND, s404=_NO_RULE),
)
def read_alert_rule(rule_id: IdIn, platform: ThePlatform, principal: WholeUser) -> AlertRuleOut:
    return _rule_out(_found(platform, principal, rule_id))


@router.put(
    "/rules/{rule_id}",
    summary="Replace a rule",
    description="It begins anew: an alert of the rule as it was is resolved.",
    responses=problem_responses(400, 401, 403, 404, 409, 413, 415, 422, 503, s404=_NO_RULE, s409=_CHANGED),
)
async def replace_alert_rule(
    rule_id: IdIn,
    body: AlertRuleIn,
    request: Request,
    platform: ThePlatform,
    principal: WholeUser,
    meta: RequestMeta,
) -> AlertRuleOut:
    before = await run_in_threadpool(_found, platform, principal, rule_id)
    revision = before.rule.revision
    rule = await _rule_of(body, request, platform, principal, rule_id, revision + 1)

    def job(connection: Connection, events: list[Event]) -> None:
        now = rows.find_rule(connection, principal.user_id, rule_id)
        rows.change_rule(connection, rule, revision)
        events += rows.resolved_by_hand(connection, now, platform.clock.now())

    await run_in_threadpool(_changed, platform, principal, "rule_changed", rule_id, job, meta)
    return _rule_out(Kept(rule, Standing()))


@router.delete(
    "/rules/{rule_id}",
    summary="Delete a rule",
    description="Its alerts stay; one that is open is resolved.",
    responses=problem_responses(401, 403, 404, 422, 503, s403=_BOUND, s404=_NO_RULE),
)
def delete_alert_rule(
    rule_id: IdIn, platform: ThePlatform, principal: WholeUser, meta: RequestMeta
) -> DeletedOut:
    def job(connection: Connection, events: list[Event]) -> None:
        now = rows.find_rule(connection, principal.user_id, rule_id)
        rows.delete_rule(connection, now.rule)
        events += rows.resolved_by_hand(connection, now, platform.clock.now())

    _changed(platform, principal, "rule_deleted", rule_id, job, meta)
    return DeletedOut(id=rule_id)


@router.get("/routing", summary="How you are told", responses=problem_responses(401, 403, s403=_BOUND))
def read_alert_routing(platform: ThePlatform, principal: WholeUser) -> RoutingOut:
    with platform.database.read() as connection:
        return _routing_out(platform, routing_of(connection, principal.user_id))


@router.put(
    "/routing",
    summary="Choose how you are told",
    description="By severity: the inbox, an e-mail to the address you sign in with, webhooks of yours.",
    responses=problem_responses(400, 401, 403, 413, 415, 422, 503, s403=_BOUND),
)
async def replace_alert_routing(
    body: RoutingIn, platform: ThePlatform, principal: WholeUser, meta: RequestMeta
) -> RoutingOut:
    routing = body.routing()

    def job(connection: Connection, _: list[Event]) -> None:
        _route(connection, principal.user_id, routing)

    await run_in_threadpool(_changed, platform, principal, "routing_changed", None, job, meta)
    return _routing_out(platform, routing)


@router.get(
    "/{alert_id}",
    summary="One alert",
    responses=problem_responses(401, 403, 404, 422, s403=_BOUND, s404=_NO_ALERT),
)
def read_alert(alert_id: IdIn, platform: ThePlatform, principal: WholeUser) -> AlertOut:
    with platform.database.read() as connection:
        return _alert_out(rows.find_alert(connection, principal.user_id, alert_id))


async def _rule_of(
    body: AlertRuleIn,
    request: Request,
    platform: Platform,
    principal: Principal,
    rule_id: UUID,
    revision: int,
) -> AlertRule:
    """The rule a body asks for. Errors: Forbidden; NotFound; InvalidValue."""
    if body.metric == "system":
        _may_watch_the_system(principal)
    account_id = body.account_id
    if body.metric in OF_ACCOUNT:
        account_id = account_of(principal) if account_id is None else account_id
        account_id = await owned(request, principal, account_id)
    fields = body.model_dump(exclude={"rearm", "account_id"})
    rule = AlertRule(
        id=rule_id,
        user_id=principal.user_id,
        account_id=account_id,
        rearm=body.threshold if body.rearm is None else body.rearm,
        revision=revision,
        since=platform.clock.now(),
        **fields,
    )
    if body.symbol is not None and body.symbol not in platform.dataset.bars:
        raise NotFound(f"The data set has no {body.symbol}.")
    return checked(rule)


def _may_watch_the_system(principal: Principal) -> None:
    if principal.role not in rows.MANAGING:
        raise Forbidden("rules on the system are for administrators")


def _found(platform: Platform, principal: Principal, rule_id: UUID) -> Kept:
    with platform.database.read() as connection:
        return rows.find_rule(connection, principal.user_id, rule_id)


def _changed(
    platform: Platform,
    principal: Principal,
    what: str,
    of: UUID | None,
    job: Callable[[Connection, list[Event]], None],
    meta: Meta,
) -> None:
    change(platform.path, AlertSettingsChanged(principal.user_id, what, of), job, meta)


def _route(connection: Connection, user_id: UUID, routing: Routing) -> None:
    """Errors: InvalidValue for a webhook that is not the user's."""
    wanted = {one for severity in SEVERITIES for one in routing.of(severity).webhooks}
    own = alert_webhooks.c
    query = sa.select(own.id).where(own.user_id == user_id, own.id.in_(wanted))
    missing = wanted - set(connection.execute(query).scalars())
    if missing:
        raise InvalidValue("webhooks", "ids of your webhooks", min(missing, key=str))
    set_routing(connection, user_id, routing)


def _routing_out(platform: Platform, routing: Routing) -> RoutingOut:
    routes = {name: RouteOut.model_validate(routing.of(name)) for name in SEVERITIES}
    return RoutingOut(**routes, email_set_up=platform.settings.smtp_host is not None)


def _rule_out(kept: Kept) -> AlertRuleOut:
    fields = msgspec.structs.asdict(kept.rule) | kept.standing._asdict()
    return AlertRuleOut(**{name: fields[name] for name in AlertRuleOut.model_fields})


def _alert_out(alert: Alert) -> AlertOut:
    fields = msgspec.structs.asdict(alert) | {"time": alert.raised_at, "state": alert.state}
    return AlertOut(**{name: fields[name] for name in AlertOut.model_fields})
