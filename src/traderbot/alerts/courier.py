"""Sends what is queued for the outside: e-mail and webhooks, outside of any transaction.

A handler of the bus would hold the writer up while somebody's server thinks; so the handlers queue, and this
sends. What was sent is on record after it was sent: a crash between the two sends it again under the same id,
by which receivers know it.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from traderbot.alerts import hooks, mail, outgoing, rows
from traderbot.alerts.hooks import Delivery, Hook
from traderbot.alerts.outgoing import NotSent
from traderbot.alerts.tables import alert_deliveries, alert_webhooks
from traderbot.infra.clock import Clock
from traderbot.infra.events.journal import Meta
from traderbot.infra.settings import Settings
from traderbot.infra.storage.database import Database
from traderbot.model.errors import TraderbotError
from traderbot.model.events import WebhookDisabled
from traderbot.trading.command_path import CommandPath
from traderbot.trading.streams import user_stream
from traderbot.trading.work import Work
from traderbot.users.tables import users

NAME = "send_alerts"
BACKOFF_S = (
    1.0,
    5.0,
    30.0,
    120.0,
    600.0,
    3600.0,
)  # the handlers' own, and two more: others' outages are long
FAILURES_MAX = 15
POLL_S = 1.0
KEPT_S = 30 * 86_400
_A_TIME = 50
_SENDERS = 4
_ERROR_MAX = 500
_MICROS = 1_000_000
_TIDY_S = 3600
_META = Meta(actor=f"handler:{NAME}")
_d, _h = alert_deliveries.c, alert_webhooks.c
_log = structlog.get_logger()

Fence = Callable[[Connection], object]


class Due(NamedTuple):
    """What is to be sent, to whom. hook: None for e-mail, and for a webhook that is gone or disabled."""

    delivery: Delivery
    email: str | None
    hook: Hook | None


class Tried(NamedTuple):
    """What came of it. error: None where it was taken; final: whether another try would be in vain."""

    due: Due
    error: str | None
    final: bool = False


_STOPPED = "not tried"


class Courier:
    """The one that sends. `start` begins a thread; `deliver` is one round of it. secret: the platform's.

    backoff_s: pauses between the attempts; one more attempt than pauses.
    """

    def __init__(
        self,
        settings: Settings,
        secret: bytes,
        path: CommandPath,
        database: Database,
        clock: Clock,
        *,
        backoff_s: Sequence[float] = BACKOFF_S,
    ) -> None:
        self._settings = settings
        self._secret = secret
        self._path = path
        self._database = database
        self._clock = clock
        self.backoff_s = backoff_s
        self._fence: Fence | None = None
        self._tidied_at = 0
        self._woken, self._stopping = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def under(self, fence: Fence) -> "Courier":
        """Run under this fence from the next start on."""
        self._fence = fence
        return self

    def wake(self) -> None:
        """Say that there may be something to send; from any thread."""
        self._woken.set()

    def start(self) -> None:
        """Send in a thread, until `stop`."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being sent, then stop."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            self._woken.set()
            thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            more = 0
            try:
                more = self.deliver()
            except Exception as error:  # noqa: BLE001 - the loop's edge
                _log.warning("courier_interrupted", error=repr(error))
            if not more:
                self._woken.wait(POLL_S)

    def deliver(self) -> int:
        """Send what is due, to each webhook one at a time. Returns: how many were tried."""
        now = self._clock.now()
        with self._database.read() as connection:
            due = _due(connection, now)
        if due:
            with ThreadPoolExecutor(_SENDERS, thread_name_prefix="courier") as senders:
                tried = [one for one in senders.map(self._try, due) if one.error is not _STOPPED]
            self._keep(tried)
        if now - self._tidied_at > _TIDY_S * _MICROS:
            self._tidied_at = now
            self._path.write(lambda connection: _forget(connection, now - KEPT_S * _MICROS))
        return len(due)

    def _try(self, due: Due) -> Tried:
        """Send one. Never raises: whatever goes wrong is this delivery's alone."""
        if self._stopping.is_set():
            return Tried(due, _STOPPED)
        try:
            if due.delivery.channel == "email":
                return self._by_mail(due)
            return self._by_webhook(due)
        except TraderbotError as error:
            return Tried(due, error.detail)
        except Exception as error:  # noqa: BLE001 - such as what a strange server makes a library raise
            _log.error("delivery_failed", delivery=str(due.delivery.id), error=repr(error))
            return Tried(due, type(error).__name__)

    def _by_mail(self, due: Due) -> Tried:
        if due.email is None:
            return Tried(due, "the user is not active", final=True)
        if self._settings.smtp_host is None:
            return Tried(due, "no SMTP server is set up", final=True)
        payload = msgspec.json.decode(due.delivery.payload)
        sender, now = self._settings.smtp_from, self._clock.now()
        mail.send(self._settings, mail.message_of(payload, str(due.delivery.id), sender, due.email, now))
        return Tried(due, None)

    def _by_webhook(self, due: Due) -> Tried:
        hook = due.hook
        if hook is None or due.email is None:
            return Tried(due, "the webhook is not enabled", final=True)
        body = due.delivery.payload.encode()
        key = hooks.key_of(self._secret, hook.id, hook.generation)
        signed = hooks.signed_headers(key, str(due.delivery.id), self._clock.now() // _MICROS, body)
        headers = {"content-type": "application/json", "user-agent": "traderbot", **signed}
        answer = outgoing.post(hook.url, body, headers, self._settings.webhook_networks)
        if 200 <= answer.status < 300:
            return Tried(due, None)
        follows = ", and redirects are not followed" if 300 <= answer.status < 400 else ""
        raise NotSent(f"it answered {answer.status}{follows}")

    def _keep(self, tried: Sequence[Tried]) -> None:
        """Put on record what came of it; a webhook that fails too often is disabled, and its user told."""
        disabling = {
            one.due.hook.id: one.due.hook
            for one in tried
            if one.error and one.due.hook and one.due.hook.failures + 1 >= FAILURES_MAX
        }
        streams = sorted({user_stream(hook.user_id) for hook in disabling.values()})
        work = Work(streams=streams, meta=_META)

        def job(connection: Connection) -> None:
            if self._fence is not None:
                self._fence(connection)
            now = self._clock.now()
            for one in tried:
                self._record(connection, one, now)
            work.facts[:] = [
                (user_stream(hook.user_id), WebhookDisabled(hook.user_id, hook.id, hook.failures + 1))
                for hook in disabling.values()
                if _disabled(connection, hook.id, now)
            ]

        work.job = job
        self._path.submit(work)

    def _record(self, connection: Connection, tried: Tried, now: int) -> None:
        delivery, hook = tried.due.delivery, tried.due.hook
        attempts = delivery.attempts + 1
        error = None if tried.error is None else tried.error[:_ERROR_MAX]
        values = {"attempts": attempts, "error": error, "state": "sent", "done_at": now}
        if error is not None:
            more = not tried.final and attempts <= len(self.backoff_s)
            values["state"] = "pending" if more else "dead"
            if more:
                values |= {"done_at": None, "next_try_at": now + self._pause(attempts)}
            _log.warning(
                "alert_not_sent", delivery=str(delivery.id), channel=delivery.channel, error=error,
                attempts=attempts, again=more,
            )  # fmt: skip
        here = _d.id == delivery.id, _d.state == "pending", _d.attempts == delivery.attempts
        connection.execute(sa.update(alert_deliveries).where(*here).values(values))
        if hook is not None:
            counted = {"failures": 0, "next_try_at": None, "last_error": error}
            if error is not None:
                failures = hook.failures + 1
                counted |= {"failures": failures, "next_try_at": now + self._pause(failures)}
            connection.execute(sa.update(alert_webhooks).where(_h.id == hook.id).values(counted))

    def _pause(self, failures: int) -> int:
        """Microseconds to wait after so many failures."""
        return int(self.backoff_s[min(failures, len(self.backoff_s)) - 1] * _MICROS)


def _due(connection: Connection, now: int) -> list[Due]:
    """What is due, the longest first; of each webhook the first alone, and nothing of one that failed a
    moment ago: an outage is one failure after another, and not one of everything that waits.
    """
    resting = sa.select(_h.id).where(_h.next_try_at > now)
    target = sa.func.coalesce(_d.webhook_id, _d.id)
    rank = sa.func.row_number().over(partition_by=target, order_by=(_d.next_try_at, _d.id))
    awake = sa.or_(_d.webhook_id.is_(None), _d.webhook_id.not_in(resting))
    is_due = _d.state == "pending", _d.next_try_at <= now, awake
    ranked = sa.select(_d.id, rank.label("rank")).where(*is_due).subquery()
    source = alert_deliveries.join(ranked, ranked.c.id == _d.id).join(users, users.c.id == _d.user_id)
    query = sa.select(alert_deliveries, users.c.email, users.c.active).select_from(source)
    query = query.where(ranked.c.rank == 1).order_by(_d.next_try_at, _d.id).limit(_A_TIME)
    found = [
        (Delivery(*(getattr(row, name) for name in Delivery._fields)), row.email if row.active else None)
        for row in connection.execute(query)
    ]
    wanted = {delivery.webhook_id for delivery, _ in found if delivery.webhook_id is not None}
    live = sa.select(alert_webhooks).where(_h.id.in_(wanted), _h.enabled.is_(True))
    known = {row.id: Hook(*row) for row in connection.execute(live)}
    return [
        Due(delivery, email, known.get(delivery.webhook_id) if delivery.webhook_id else None)
        for delivery, email in found
    ]


def _disabled(connection: Connection, hook_id: UUID, now: int) -> bool:
    """Disable a webhook that has failed too often. Returns: whether it was enabled until now."""
    here = _h.id == hook_id, _h.enabled.is_(True), _h.failures >= FAILURES_MAX
    if connection.execute(sa.update(alert_webhooks).where(*here).values(enabled=False)).rowcount != 1:
        return False
    hooks.give_up(connection, hook_id, "the webhook was disabled", now)
    return True


def _forget(connection: Connection, before: int) -> None:
    """Drop what was done with long ago."""
    old = _d.state != "pending", _d.done_at < before
    connection.execute(sa.delete(alert_deliveries).where(*old))
    rows.drop_old(connection)
