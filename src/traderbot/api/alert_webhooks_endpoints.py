"""/api/v1/alerts/webhooks and deliveries: where alerts are sent to the outside, and what was sent."""

from collections.abc import Callable
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy.engine import Connection
from starlette.concurrency import run_in_threadpool

from traderbot.alerts import hooks
from traderbot.alerts.changing import change
from traderbot.alerts.hooks import Delivery, Hook
from traderbot.alerts.outgoing import checked_url
from traderbot.alerts.telling import queue
from traderbot.api.access import Limit, RequestMeta, TheCursors, ThePlatform
from traderbot.api.alert_schemas import (
    DeletedOut,
    DeliveryOut,
    WebhookIn,
    WebhookMadeOut,
    WebhookOut,
    WebhooksOut,
)
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import IdIn, Page
from traderbot.api.security import WholeUser
from traderbot.api.strict_json import StrictRoute
from traderbot.bootstrap import Platform
from traderbot.infra.clock import rfc3339
from traderbot.infra.events.journal import Meta
from traderbot.infra.ids import new_id
from traderbot.infra.settings import signing_secret
from traderbot.model.events import AlertSettingsChanged
from traderbot.users.people import Principal

T = TypeVar("T")
router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"], route_class=StrictRoute)

_BOUND = ("forbidden", "this API key is good for its account alone")
_NO_HOOK = ("not_found", "No such webhook.")
_NO_DELIVERY = ("not_found", "No such delivery.")
_TOO_MANY = ("conflict", f"a user has at most {hooks.HOOKS_MAX} webhooks; delete one first")
_NOT_DEAD = ("conflict", "it was not given up")


@router.get("/webhooks", summary="Your webhooks", responses=problem_responses(401, 403, s403=_BOUND))
def list_webhooks(platform: ThePlatform, principal: WholeUser) -> WebhooksOut:
    with platform.database.read() as connection:
        found = hooks.hooks_of(connection, principal.user_id)
    return WebhooksOut(items=[WebhookOut.model_validate(one) for one in found])


@router.post(
    "/webhooks",
    summary="Make a webhook",
    description="The answer has the secret that its messages are signed with, this once. It is told of alerts"
    " once a route names it. https only, to public addresses, unless the platform's settings admit others.",
    status_code=201,
    responses=problem_responses(400, 401, 403, 409, 413, 415, 422, 503, s403=_BOUND, s409=_TOO_MANY),
)
async def add_webhook(
    body: WebhookIn, platform: ThePlatform, principal: WholeUser, meta: RequestMeta
) -> WebhookMadeOut:
    checked_url(body.url, platform.settings.webhook_networks)
    now = platform.clock.now()
    hook = Hook(new_id(), principal.user_id, body.name, body.url, 1, True, 0, None, None, now)
    await run_in_threadpool(
        _changed, platform, principal, "webhook_added", hook.id, lambda c: hooks.add_hook(c, hook), meta
    )
    return _made(platform, hook)


@router.delete(
    "/webhooks/{webhook_id}",
    summary="Delete a webhook",
    description="With what is under way to it, and from the routes that name it.",
    responses=problem_responses(401, 403, 404, 422, 503, s403=_BOUND, s404=_NO_HOOK),
)
def delete_webhook(
    webhook_id: IdIn, platform: ThePlatform, principal: WholeUser, meta: RequestMeta
) -> DeletedOut:
    user_id, now = principal.user_id, platform.clock.now()

    def job(connection: Connection) -> None:
        hooks.delete_hook(connection, user_id, webhook_id, now)

    _changed(platform, principal, "webhook_deleted", webhook_id, job, meta)
    return DeletedOut(id=webhook_id)


@router.post(
    "/webhooks/{webhook_id}/secret",
    summary="Renew a webhook's secret",
    description="What is sent from now on is signed with the new one alone.",
    responses=problem_responses(401, 403, 404, 422, 503, s403=_BOUND, s404=_NO_HOOK),
)
def renew_webhook_secret(
    webhook_id: IdIn, platform: ThePlatform, principal: WholeUser, meta: RequestMeta
) -> WebhookMadeOut:
    def job(connection: Connection) -> Hook:
        return hooks.renew_key(connection, principal.user_id, webhook_id)

    return _made(platform, _changed(platform, principal, "webhook_secret_renewed", webhook_id, job, meta))


@router.post(
    "/webhooks/{webhook_id}/enable",
    summary="Enable a webhook again",
    description="One that failed too often, one attempt after another, was disabled.",
    responses=problem_responses(401, 403, 404, 422, 503, s403=_BOUND, s404=_NO_HOOK),
)
def enable_webhook(
    webhook_id: IdIn, platform: ThePlatform, principal: WholeUser, meta: RequestMeta
) -> WebhookOut:
    healthy = {"enabled": True, "failures": 0, "next_try_at": None}

    def job(connection: Connection) -> Hook:
        return hooks.change_hook(connection, principal.user_id, webhook_id, **healthy)

    found = _changed(platform, principal, "webhook_enabled", webhook_id, job, meta)
    return WebhookOut.model_validate(found)


@router.post(
    "/webhooks/{webhook_id}/test",
    summary="Send a test to a webhook",
    description="Its type is alert.test; what came of it is among the deliveries.",
    status_code=202,
    responses=problem_responses(401, 403, 404, 422, 503, s403=_BOUND, s404=_NO_HOOK),
)
def test_webhook(webhook_id: IdIn, platform: ThePlatform, principal: WholeUser) -> DeliveryOut:
    user_id, now = principal.user_id, platform.clock.now()
    payload = {"type": "alert.test", "timestamp": rfc3339(now), "data": {"webhook_id": str(webhook_id)}}

    def job(connection: Connection) -> Delivery:
        hooks.find_hook(connection, user_id, webhook_id)
        queue(connection, user_id, None, [("webhook", webhook_id)], payload, now)
        return hooks.delivery_page(connection, user_id, None, limit=1)[0]

    found = platform.path.write(job)
    platform.courier.wake()
    return _delivery_out(found)


@router.get(
    "/deliveries",
    summary="What was sent to the outside",
    description="Newest first; what was done with more than 30 days ago is dropped.",
    responses=problem_responses(401, 403, 422, s403=_BOUND),
)
def list_deliveries(
    platform: ThePlatform,
    cursors: TheCursors,
    principal: WholeUser,
    limit: Limit = 50,
    cursor: str | None = None,
    state: Annotated[hooks.State | None, Query(description="Only those in this state.")] = None,
) -> Page[DeliveryOut]:
    scope = f"deliveries {principal.user_id} {state}"
    before = None if cursor is None else UUID(str(cursors.decode(scope, cursor)[0]))
    with platform.database.read() as connection:
        found = hooks.delivery_page(connection, principal.user_id, state, limit=limit + 1, before=before)
    more = cursors.encode(scope, [str(found[limit - 1].id)]) if len(found) > limit else None
    return Page(items=[_delivery_out(one) for one in found[:limit]], next_cursor=more)


@router.post(
    "/deliveries/{delivery_id}/replay",
    summary="Send again what was given up",
    description="Under the same id, with all its attempts anew.",
    responses=problem_responses(401, 403, 404, 409, 422, 503, s403=_BOUND, s404=_NO_DELIVERY, s409=_NOT_DEAD),
)
def replay_delivery(delivery_id: IdIn, platform: ThePlatform, principal: WholeUser) -> DeliveryOut:
    user_id, now = principal.user_id, platform.clock.now()
    found = platform.path.write(lambda connection: hooks.replay(connection, user_id, delivery_id, now))
    platform.courier.wake()
    return _delivery_out(found)


def _changed(
    platform: Platform,
    principal: Principal,
    what: str,
    hook_id: UUID,
    job: Callable[[Connection], T],
    meta: Meta,
) -> T:
    changed = AlertSettingsChanged(principal.user_id, what, hook_id)
    return change(platform.path, changed, lambda connection, _: job(connection), meta)


def _made(platform: Platform, hook: Hook) -> WebhookMadeOut:
    key = hooks.key_of(signing_secret(platform.settings), hook.id, hook.generation)
    fields = {name: getattr(hook, name) for name in WebhookOut.model_fields}
    return WebhookMadeOut(**fields, secret=hooks.shown(key))


def _delivery_out(delivery: Delivery) -> DeliveryOut:
    fields = {name: getattr(delivery, name) for name in DeliveryOut.model_fields}
    return DeliveryOut(**fields | ({} if delivery.state == "pending" else {"next_try_at": None}))
