"""The handlers that bring alerts to people: into the inbox at once, and into the queue of what is sent out.

What is sent is put into the queue in the transaction that keeps the handler's place, so that each alert is in
it once; `courier` sends it.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

from traderbot.alerts.routing import Route, routing_of
from traderbot.alerts.rows import Alert, find_alert
from traderbot.alerts.tables import alert_deliveries, alert_routing, alert_rules, alert_webhooks, alerts
from traderbot.infra.clock import rfc3339
from traderbot.infra.delivery.bus import Handler, each
from traderbot.infra.events.journal import Recorded
from traderbot.infra.events.texts import canonical
from traderbot.infra.ids import new_id
from traderbot.model import events as e
from traderbot.model.errors import NotFound
from traderbot.notifications.repository import Notices
from traderbot.notifications.texts import INFO, WARNING, Text
from traderbot.rebalancing.rows import plans
from traderbot.risk.saved import saved_scenarios

Row = dict[str, Any]
MAILS_A_DAY = 100
_DAY = 86_400_000_000


class Telling:
    """What the handlers do."""

    def __init__(self, dialect: Dialect) -> None:
        self._notices = Notices(dialect)

    def tell(self, connection: Connection, recorded: Sequence[Recorded]) -> None:
        """Alerts that were raised or resolved, by the ways their users have chosen."""
        notices = []
        for one in recorded:
            event = one.event
            assert isinstance(event, e.AlertRaised | e.AlertResolved)
            try:
                alert = find_alert(connection, event.user_id, event.alert_id)
            except NotFound:  # its user was erased since
                continue
            route = routing_of(connection, event.user_id).of(alert.severity)
            over = isinstance(event, e.AlertResolved)
            if over and not route.resolved:
                continue
            if route.inbox:
                notices.append((event.user_id, alert.account_id, one, _text(alert, over=over)))
            _send(connection, alert, route, one, over=over)
        self._notices.add(connection, notices)

    def tell_of_webhook(self, connection: Connection, one: Recorded) -> None:
        """A webhook that nothing more is sent to."""
        event = one.event
        assert isinstance(event, e.WebhookDisabled)
        own = alert_webhooks.c
        name = connection.execute(sa.select(own.name).where(own.id == event.webhook_id)).scalar()
        if name is None:
            return
        body = f"{event.failures} deliveries failed one after another. Enable it once it works again."
        data = {"webhook_id": str(event.webhook_id), "failures": event.failures}
        text = Text("webhook_disabled", WARNING, f"Webhook disabled: {name}", body, data)
        self._notices.add(connection, [(event.user_id, None, one, text)])

    def forget(self, connection: Connection, one: Recorded) -> None:
        """Leave nothing of a person who was erased."""
        event = one.event
        assert isinstance(event, e.AdministrationDone)
        if event.what == "user_erased":
            user_id = UUID(event.detail["user_id"])
            of_alerts = (alert_deliveries, alert_webhooks, alert_routing, alerts, alert_rules)
            for table in (*of_alerts, saved_scenarios, plans):
                connection.execute(sa.delete(table).where(table.c.user_id == user_id))


def _text(alert: Alert, *, over: bool) -> Text:
    data = figures(alert)
    if over:
        value = alert.resolved_value
        body = "Its rule was changed." if value is None else f"The value is {canonical(value)} now."
        return Text("alert_resolved", INFO, f"Over: {alert.title}", body, data)
    return Text("alert_raised", alert.severity, alert.title, alert.body, data)


def figures(alert: Alert) -> Row:
    """An alert for programs; amounts as exact texts."""
    ended = alert.resolved_value
    return {
        "id": str(alert.id),
        "rule_id": str(alert.rule_id),
        "account_id": None if alert.account_id is None else str(alert.account_id),
        "metric": alert.metric,
        "symbol": alert.symbol,
        "severity": alert.severity,
        "value": canonical(alert.value),
        "threshold": canonical(alert.threshold),
        "time": rfc3339(alert.raised_at),
        "resolved_at": None if alert.resolved_at is None else rfc3339(alert.resolved_at),
        "resolved_value": None if ended is None else canonical(ended),
    }


def _send(connection: Connection, alert: Alert, route: Route, one: Recorded, *, over: bool) -> None:
    """Put into the queue what goes to the outside."""
    payload = {
        "type": "alert.resolved" if over else "alert.raised",
        "timestamp": rfc3339(one.recorded_at),
        "data": figures(alert) | {"title": alert.title, "body": alert.body},
    }
    targets: list[tuple[str, UUID | None]] = [("email", None)] if route.email else []
    if route.webhooks:
        own = alert_webhooks.c
        wanted = own.id.in_(route.webhooks), own.user_id == alert.user_id, own.enabled.is_(True)
        targets += [
            ("webhook", found) for found in connection.execute(sa.select(own.id).where(*wanted)).scalars()
        ]
    queue(connection, alert.user_id, alert.id, targets, payload, one.recorded_at)


def queue(
    connection: Connection,
    user_id: UUID,
    alert_id: UUID | None,
    targets: Sequence[tuple[str, UUID | None]],
    payload: Row,
    now: int,
) -> list[UUID]:
    """Have a payload sent to targets, pairs of a channel and a webhook. Returns: ids of the deliveries.

    Beyond so many e-mails a day they are given up at once: nobody has shown that the address is theirs.
    """
    too_many = any(channel == "email" for channel, _ in targets) and _mailed(connection, user_id, now)
    dead = {"state": "dead", "error": f"more than {MAILS_A_DAY} e-mails a day", "done_at": now}
    text = msgspec.json.encode(payload).decode()
    ids = [new_id() for _ in targets]
    queued = [
        {
            "id": delivery_id, "user_id": user_id, "alert_id": alert_id, "channel": channel,
            "webhook_id": webhook_id, "payload": text, "state": "pending", "attempts": 0,
            "next_try_at": now, "error": None, "created_at": now, "done_at": None,
            **(dead if too_many and channel == "email" else {}),
        }
        for delivery_id, (channel, webhook_id) in zip(ids, targets, strict=True)
    ]  # fmt: skip
    if queued:
        connection.execute(sa.insert(alert_deliveries), queued)
    return ids


def _mailed(connection: Connection, user_id: UUID, now: int) -> bool:
    """Whether a user has had all e-mails of a day."""
    own = alert_deliveries.c
    recent = own.user_id == user_id, own.channel == "email", own.created_at > now - _DAY
    query = sa.select(sa.func.count()).where(*recent, own.state != "dead")
    sent: int = connection.execute(query).scalar_one()
    return sent >= MAILS_A_DAY


def alert_handlers(dialect: Dialect) -> tuple[Handler, ...]:
    """The handlers of alerts, under the names they have on record."""
    telling = Telling(dialect)
    return (
        Handler("tell_alerts", frozenset({e.AlertRaised, e.AlertResolved}), telling.tell),
        Handler("tell_webhook_disabled", frozenset({e.WebhookDisabled}), each(telling.tell_of_webhook)),
        Handler("forget_alerts", frozenset({e.AdministrationDone}), each(telling.forget)),
    )
