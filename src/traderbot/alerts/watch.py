"""Measures the rules as the journal grows, and raises and resolves their alerts.

Values are worked out on a reading connection, so that no order waits for them. What follows from them is one
work of the command path: alerts, events, what the rules have come to, and how far the journal was read.
Should somebody else have moved on meanwhile, or a rule have changed, nothing of it is written and it is done
again. So a crash at any moment neither repeats an alert nor loses one.
"""

import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlalchemy.engine import Connection

from traderbot.alerts import rows
from traderbot.alerts.measures import AccountMeasures, of_market
from traderbot.alerts.rows import Alert, Kept
from traderbot.alerts.rules import OF_ACCOUNT, OF_MARKET, AlertRule, Measured, Standing, body_of, judge
from traderbot.infra.clock import Clock
from traderbot.infra.delivery import handler_records
from traderbot.infra.delivery.handler_records import LostTurn
from traderbot.infra.events.journal import Meta, Recorded, last_position, read
from traderbot.infra.ids import new_id
from traderbot.infra.storage.database import Database
from traderbot.model import events as e
from traderbot.model.border import weight_from_float
from traderbot.model.errors import TraderbotError
from traderbot.trading.command_path import CommandPath
from traderbot.trading.session_view import SessionView
from traderbot.trading.streams import account_of, user_stream
from traderbot.trading.work import Work

NAME = "watch_alerts"
BATCH = 500
POLL_S = 1.0
REST_S = 0.05  # between two rounds, so that a stream of orders is not followed commit by commit
SETTLE_S = 5.0
SYSTEM_S = 10.0  # how often the parts of the platform are asked how they do
_MICROS = 1_000_000
_MOVING = (
    e.OrderFilled, e.OrderFilledLate, e.ExecutionBusted, e.CashMoved, e.CorporateActionApplied,
    e.PortfolioRevalued,
)  # fmt: skip
_TYPES = sorted(one.__name__ for one in (e.SessionAdvanced, e.SentimentScored, e.LimitsChanged, *_MOVING))
_META = Meta(actor=f"handler:{NAME}")
_log = structlog.get_logger()

Fence = Callable[[Connection], object]
Health = Callable[[], Mapping[str, str | None]]


def waited(connection: Connection, now: int) -> float:
    """Seconds since the oldest event that rules have yet to be measured by; 0 where there is no rule."""
    if rows.stamp_of_rules(connection)[0] == 0:
        return 0.0
    positions = handler_records.positions(connection)
    place = positions.get(NAME, positions.get(handler_records.EVERYBODY, 0))
    oldest = handler_records.oldest_after(connection, place, _TYPES)
    return 0.0 if oldest is None else max(0, now - oldest) / _MICROS


class Sheet:
    """What the rules come to in one round. raised, resolved: to be written; changed: rules by id."""

    def __init__(self, kept: list[Kept]) -> None:
        self.rules = kept
        self.standings = {one.rule.id: one.standing for one in kept}
        self.changed: dict[UUID, AlertRule] = {}
        self.raised: dict[UUID, Alert] = {}
        self.facts: list[tuple[str, e.Event]] = []
        self.resolved: dict[UUID, e.AlertResolved] = {}

    def concerned(self, one: Recorded) -> list[AlertRule]:
        """The rules that were there when an event was recorded."""
        return [kept.rule for kept in self.rules if kept.rule.since <= one.recorded_at]

    def take(self, rule: AlertRule, measured: Measured, at: int) -> None:
        """One measurement of one rule. at: microseconds, in the time that the rule is measured by."""
        now = self.standings[rule.id]
        if measured.value is None:
            self._stand(rule, now._replace(trouble=measured.reason))
            return
        move = judge(rule, now, measured.value, at)
        now = now._replace(trouble=None)
        if move is None:
            self._stand(rule, now)
        elif move.kind == "raise":
            self._raise(rule, now, measured, at)
        else:
            assert now.open_alert is not None
            event = e.AlertResolved(at, now.open_alert, rule.id, rule.user_id, rule.severity, move.value)
            self.resolved[now.open_alert] = event
            self.facts.append((user_stream(rule.user_id), event))
            self._stand(rule, now._replace(open_alert=None))

    def _raise(self, rule: AlertRule, now: Standing, measured: Measured, at: int) -> None:
        assert measured.value is not None
        alert = Alert(
            id=new_id(), user_id=rule.user_id, rule_id=rule.id, account_id=rule.account_id,
            metric=rule.metric, symbol=rule.symbol, severity=rule.severity, title=rule.name,
            body=body_of(rule, measured), value=measured.value, threshold=rule.threshold, raised_at=at,
            acknowledged_at=None, acknowledged_by=None, resolved_at=None, resolved_value=None,
        )  # fmt: skip
        self.raised[alert.id] = alert
        event = e.AlertRaised(
            at, alert.id, rule.id, rule.user_id, rule.metric, rule.severity, alert.value, alert.threshold,
            rule.account_id, rule.symbol,
        )  # fmt: skip
        self.facts.append((user_stream(rule.user_id), event))
        self._stand(rule, now._replace(open_alert=alert.id, raised_at=at))

    def _stand(self, rule: AlertRule, standing: Standing) -> None:
        if standing != self.standings[rule.id]:
            self.standings[rule.id] = standing
            self.changed[rule.id] = rule

    def moved_on(self) -> list[Kept]:
        """The rules with what they have come to."""
        return [one._replace(standing=self.standings[one.rule.id]) for one in self.rules]

    def write(self, connection: Connection) -> None:
        """Errors: LostTurn where a rule is no longer what was measured."""
        for rule_id, rule in self.changed.items():
            if not rows.stand(connection, rule, self.standings[rule_id]):
                raise LostTurn(f"rule {rule_id} was changed meanwhile")
        rows.add_alerts(connection, self.raised.values())
        for alert_id, event in self.resolved.items():
            rows.resolve(connection, alert_id, event.at, event.value)


class _Read(NamedTuple):
    """What a round begins with. until: how far the journal is read by it."""

    events: list[Recorded]
    until: int
    more: bool


class Watch:
    """The one that measures. `start` begins a thread; `measure` is one round of it.

    health: how the parts of the platform do, by name, None for one that does well; asked for rules of the
    system only. Nobody measures those where it is not set.
    """

    def __init__(self, session: SessionView, path: CommandPath, database: Database, clock: Clock) -> None:
        self.health: Health | None = None
        self._session = session
        self._path = path
        self._database = database
        self._clock = clock
        self._fence: Fence | None = None
        self._known: tuple[tuple[int | None, ...], list[Kept]] | None = None  # rules, with their stamp
        self._place: int | None = None  # how far the journal is read
        self._stored = 0  # and how far the database says so
        self._settled_at = 0
        self._asked_at = 0
        self._woken, self._stopping = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def under(self, fence: Fence) -> "Watch":
        """Run under this fence from the next start on, from where the database says."""
        self._fence, self._place, self._known = fence, None, None
        return self

    def wake(self) -> None:
        """Say that there may be new events; from any thread."""
        self._woken.set()

    def start(self) -> None:
        """Measure in a thread, until `stop`."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the round under way, then stop."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            self._woken.set()
            thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(REST_S):
            self._woken.clear()
            more = False
            try:
                more = self.measure()
            except Exception as error:  # noqa: BLE001 - the loop's edge
                self._place = self._known = None  # to be read again: nobody knows what of it is committed
                _log.warning("alerts_interrupted", error=repr(error))
            if not more:
                self._woken.wait(POLL_S)

    def measure(self) -> bool:
        """One round. Returns: whether there may be more at once. Errors: whatever kept it from being
        committed.
        """
        if self._place is None:
            self._begin()
        with self._database.read() as connection:
            found = self._read(connection)
            sheet = Sheet(self._rules(connection) if found.events or self._due() else [])
            if sheet.rules and found.events:
                self._of_events(connection, sheet, found.events)
        self._of_system(sheet)
        try:
            self._commit(sheet, found.until)
        except BaseException:
            self._known = None
            raise
        return found.more

    def _rules(self, connection: Connection) -> list[Kept]:
        """The rules at work, read again where they are no longer those that are remembered."""
        stamp = rows.stamp_of_rules(connection)
        if self._known is None or self._known[0] != stamp:
            self._known = stamp, rows.rules_at_work(connection)
        return self._known[1]

    def _begin(self) -> None:
        def job(connection: Connection) -> None:
            if self._fence is not None:
                self._fence(connection)
            handler_records.begin(connection, [NAME])

        self._path.write(job)
        with self._database.read() as connection:
            self._place = self._stored = handler_records.positions(connection)[NAME]

    def _read(self, connection: Connection) -> _Read:
        assert self._place is not None
        head = last_position(connection)
        events = read(connection, after=self._place, limit=BATCH, types=_TYPES) if head > self._place else []
        more = len(events) == BATCH
        return _Read(events, events[-1].position if more else max(head, self._place), more)

    def _of_events(self, connection: Connection, sheet: Sheet, events: list[Recorded]) -> None:
        """Prices, volumes and texts as of each event; accounts as of now, where any event moved them."""
        stepped, moved = False, set[UUID]()
        for one in events:
            event = one.event
            if isinstance(event, e.SessionAdvanced):
                if event.session_id == self._session.session_id:
                    stepped = True
                    self._of_step(sheet, one, event)
            elif isinstance(event, e.SentimentScored):
                value = weight_from_float(event.sentiment.score, "score")
                for rule in sheet.concerned(one):
                    if rule.metric == "sentiment" and rule.symbol == event.symbol:
                        sheet.take(rule, Measured(value), event.published_at)
            elif (account_id := account_of(one.stream)) is not None:
                moved.add(account_id)
        self._of_accounts(connection, sheet, moved, stepped=stepped)

    def _of_step(self, sheet: Sheet, one: Recorded, event: e.SessionAdvanced) -> None:
        market = self._session.market.at(event.step)
        for rule in sheet.concerned(one):
            if rule.metric in OF_MARKET:
                sheet.take(rule, of_market(rule, market), market.time)

    def _of_accounts(self, connection: Connection, sheet: Sheet, moved: set[UUID], *, stepped: bool) -> None:
        """A value at risk only of accounts that were revalued, traded or paid: it hardly moves between."""
        figures: dict[UUID, AccountMeasures] = {}
        for rule in (kept.rule for kept in sheet.rules):
            account_id = rule.account_id
            if rule.metric not in OF_ACCOUNT or account_id is None:
                continue
            if account_id not in moved and (rule.metric == "var" or not stepped):
                continue
            if account_id not in figures:
                figures[account_id] = AccountMeasures(
                    connection, account_id, self._session.market, self._session.replay.dataset
                )
            known = figures[account_id]
            measured = known.measure(rule)
            sheet.take(rule, measured, known.at if measured.value is not None else 0)

    def _due(self) -> bool:
        waited = abs(self._clock.now() - self._asked_at)
        return self.health is not None and waited >= SYSTEM_S * _MICROS

    def _of_system(self, sheet: Sheet) -> None:
        """Parts that do not do well; asked now and then, as no event tells of them."""
        if not self._due() or self.health is None:
            return
        rules = [one.rule for one in sheet.rules if one.rule.metric == "system" and one.role in rows.MANAGING]
        now = self._asked_at = self._clock.now()
        if not rules:
            return
        try:
            parts = self.health()
        except TraderbotError as error:
            parts = {"platform": error.detail}
        for rule in rules:
            if rule.part is not None and rule.part not in parts:
                sheet.take(rule, Measured(None, f"there is no part {rule.part}"), now)
                continue
            bad = [name for name, says in parts.items() if says and rule.part in (None, name)]
            sheet.take(
                rule, Measured(weight_from_float(len(bad), "parts"), None, ", ".join(bad) or None), now
            )

    def _commit(self, sheet: Sheet, until: int) -> None:
        assert self._place is not None
        waited = abs(self._clock.now() - self._settled_at) >= SETTLE_S * _MICROS
        if not sheet.changed and not (waited and until != self._stored):
            self._place = until
            return
        before = self._stored

        def job(connection: Connection) -> None:
            if self._fence is not None:
                self._fence(connection)
            handler_records.move(connection, NAME, before, until)
            sheet.write(connection)

        self._path.submit(Work(job=job, facts=sheet.facts, meta=_META))
        self._place = self._stored = until
        self._settled_at = self._clock.now()
        if sheet.changed and self._known is not None:
            self._known = self._known[0], sheet.moved_on()
