"""Webhooks of users: where they go, how they are signed, and what was sent.

Signed as Standard Webhooks has it (https://www.standardwebhooks.com): HMAC-SHA256 over id, timestamp and body
with dots between them. A webhook's key is derived from the platform's secret, so the database holds none.
"""

import base64
import hashlib
import hmac
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from traderbot.alerts.routing import SEVERITIES, Routing, routing_of, set_routing
from traderbot.alerts.tables import alert_deliveries, alert_webhooks
from traderbot.model.errors import Conflict, NotFound
from traderbot.users.tokens import derive_key

HOOKS_MAX = 20
State = Literal["pending", "sent", "dead"]
_h, _d = alert_webhooks.c, alert_deliveries.c


class Hook(NamedTuple):
    """A webhook. generation: of its key; failures: attempts that failed, one after another; next_try_at:
    before which nothing is sent, where the last one failed.
    """

    id: UUID
    user_id: UUID
    name: str
    url: str
    generation: int
    enabled: bool
    failures: int
    next_try_at: int | None
    last_error: str | None
    created_at: int


class Delivery(NamedTuple):
    """Something that was sent, is under way, or was given up."""

    id: UUID
    user_id: UUID
    alert_id: UUID | None
    channel: str
    webhook_id: UUID | None
    payload: str
    state: str
    attempts: int
    next_try_at: int
    error: str | None
    created_at: int
    done_at: int | None


def key_of(secret: bytes, hook_id: UUID, generation: int) -> bytes:
    """What a webhook's messages are signed with. secret: the platform's."""
    return derive_key(secret, f"webhook {hook_id} {generation}")


def shown(key: bytes) -> str:
    """The key as its receiver is given it."""
    return f"whsec_{base64.b64encode(key).decode()}"


def signed_headers(key: bytes, message_id: str, seconds: int, body: bytes) -> dict[str, str]:
    """seconds: when it is sent, since 1970."""
    content = f"{message_id}.{seconds}.".encode() + body
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": f"v1,{signature}",
    }


def _hook(row: Row[Any]) -> Hook:
    return Hook(**{name: getattr(row, name) for name in Hook._fields})


def hooks_of(connection: Connection, user_id: UUID) -> list[Hook]:
    """A user's webhooks, the oldest first."""
    query = sa.select(alert_webhooks).where(_h.user_id == user_id).order_by(_h.id)
    return [_hook(row) for row in connection.execute(query)]


def find_hook(connection: Connection, user_id: UUID, hook_id: UUID) -> Hook:
    """Errors: NotFound."""
    query = sa.select(alert_webhooks).where(_h.id == hook_id, _h.user_id == user_id)
    row = connection.execute(query).first()
    if row is None:
        raise NotFound("No such webhook.")
    return _hook(row)


def add_hook(connection: Connection, hook: Hook) -> None:
    """Errors: Conflict for a user with as many as there may be."""
    own = sa.select(sa.func.count()).where(_h.user_id == hook.user_id)
    if connection.execute(own).scalar_one() >= HOOKS_MAX:
        raise Conflict(f"a user has at most {HOOKS_MAX} webhooks; delete one first")
    connection.execute(sa.insert(alert_webhooks).values(hook._asdict()))


def change_hook(connection: Connection, user_id: UUID, hook_id: UUID, **values: Any) -> Hook:
    """Errors: NotFound."""
    own = _h.id == hook_id, _h.user_id == user_id
    connection.execute(sa.update(alert_webhooks).where(*own).values(**values))
    return find_hook(connection, user_id, hook_id)


def renew_key(connection: Connection, user_id: UUID, hook_id: UUID) -> Hook:
    """From here on it is signed with another key. Errors: NotFound."""
    return change_hook(connection, user_id, hook_id, generation=_h.generation + 1)


def delete_hook(connection: Connection, user_id: UUID, hook_id: UUID, now: int) -> None:
    """With what routes name it, and what was under way to it. Errors: NotFound."""
    find_hook(connection, user_id, hook_id)
    give_up(connection, hook_id, "the webhook was deleted", now)
    connection.execute(sa.delete(alert_webhooks).where(_h.id == hook_id))
    routing = routing_of(connection, user_id)
    without = {
        name: msgspec.structs.replace(
            routing.of(name), webhooks=tuple(one for one in routing.of(name).webhooks if one != hook_id)
        )
        for name in SEVERITIES
    }
    set_routing(connection, user_id, Routing(**without))


def give_up(connection: Connection, hook_id: UUID, error: str, now: int) -> None:
    """Send nothing more of what is under way to a webhook."""
    pending = _d.webhook_id == hook_id, _d.state == "pending"
    values = {"state": "dead", "error": error, "done_at": now}
    connection.execute(sa.update(alert_deliveries).where(*pending).values(values))


def delivery_page(
    connection: Connection, user_id: UUID, state: State | None, *, limit: int, before: UUID | None = None
) -> list[Delivery]:
    """What was sent to the outside for a user, newest first."""
    query = sa.select(alert_deliveries).where(_d.user_id == user_id)
    if state is not None:
        query = query.where(_d.state == state)
    if before is not None:
        query = query.where(_d.id < before)
    return [Delivery(*row) for row in connection.execute(query.order_by(_d.id.desc()).limit(limit))]


def replay(connection: Connection, user_id: UUID, delivery_id: UUID, now: int) -> Delivery:
    """Try once more what was given up, under the same id. Errors: NotFound; Conflict for what was not."""
    own = _d.id == delivery_id, _d.user_id == user_id
    values = {"state": "pending", "attempts": 0, "next_try_at": now, "done_at": None}
    changed = connection.execute(sa.update(alert_deliveries).where(*own, _d.state == "dead").values(values))
    row = connection.execute(sa.select(alert_deliveries).where(*own)).first()
    if row is None:
        raise NotFound("No such delivery.")
    if changed.rowcount != 1:
        raise Conflict("it was not given up")
    return Delivery(*row)
