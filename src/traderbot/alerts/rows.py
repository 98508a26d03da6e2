"""Rules and alerts in their tables, inside somebody else's transaction."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from traderbot.alerts.rules import RULES_MAX, AlertRule, Standing
from traderbot.alerts.tables import alert_rules, alerts
from traderbot.infra.events.texts import canonical
from traderbot.model.errors import Conflict, NotFound
from traderbot.model.events import AlertResolved
from traderbot.users.tables import users

KEPT = 10_000  # of each user, of those that are over
MANAGING = ("owner", "admin")
State = Literal["open", "acknowledged", "resolved"]
_RULE_FIELDS = AlertRule.__struct_fields__
_DECIMALS = ("threshold", "rearm", "level")
_r, _a = alert_rules.c, alerts.c


class Kept(NamedTuple):
    """A rule with what it has come to. role: of its user."""

    rule: AlertRule
    standing: Standing
    role: str = ""


class Alert(msgspec.Struct, frozen=True):
    """One alert. state: open until its condition is over, acknowledged once somebody has said so, resolved
    when it is over. resolved_value: None where the rule was changed or deleted.
    """

    id: UUID
    user_id: UUID
    rule_id: UUID
    account_id: UUID | None
    metric: str
    symbol: str | None
    severity: str
    title: str
    body: str
    value: Decimal
    threshold: Decimal
    raised_at: int
    acknowledged_at: int | None
    acknowledged_by: UUID | None
    resolved_at: int | None
    resolved_value: Decimal | None

    @property
    def state(self) -> State:
        if self.resolved_at is not None:
            return "resolved"
        return "open" if self.acknowledged_at is None else "acknowledged"


class Asked(NamedTuple):
    """Which alerts. before: id of the one that the page begins behind."""

    state: State | None = None
    severity: str | None = None
    symbol: str | None = None
    rule_id: UUID | None = None
    account_id: UUID | None = None


def rule_row(rule: AlertRule) -> dict[str, Any]:
    """The columns of a rule; those of its standing are not among them."""
    row = {name: getattr(rule, name) for name in _RULE_FIELDS}
    return row | {name: canonical(row[name]) for name in _DECIMALS if row[name] is not None}


def _kept(row: Row[Any]) -> Kept:
    fields = {name: getattr(row, name) for name in _RULE_FIELDS}
    fields |= {name: Decimal(fields[name]) for name in _DECIMALS if fields[name] is not None}
    standing = Standing(row.open_alert, row.raised_at, row.trouble)
    return Kept(AlertRule(**fields), standing, getattr(row, "role", ""))


def rules_of(connection: Connection, user_id: UUID) -> list[Kept]:
    """A user's rules, the oldest first."""
    query = sa.select(alert_rules).where(_r.user_id == user_id).order_by(_r.id)
    return [_kept(row) for row in connection.execute(query)]


_AT_WORK = alert_rules.join(users, users.c.id == _r.user_id)
_WORKING = _r.enabled.is_(True), users.c.active.is_(True)
_STAMP = (
    sa.select(
        sa.func.count(),
        sa.func.max(_r.since),
        sa.func.sum(_r.revision),
        sa.func.sum(sa.case((users.c.role.in_(MANAGING), 1), else_=0)),
    )
    .select_from(_AT_WORK)
    .where(*_WORKING)
)


def rules_at_work(connection: Connection) -> list[Kept]:
    """Every rule that is enabled, of users who are active."""
    query = sa.select(alert_rules, users.c.role).select_from(_AT_WORK).where(*_WORKING).order_by(_r.id)
    return [_kept(row) for row in connection.execute(query)]


def stamp_of_rules(connection: Connection) -> tuple[int | None, ...]:
    """What differs whenever the rules at work do, for whoever remembers them; not by what they come to."""
    return tuple(connection.execute(_STAMP).one())


def find_rule(connection: Connection, user_id: UUID, rule_id: UUID) -> Kept:
    """Errors: NotFound."""
    query = sa.select(alert_rules).where(_r.id == rule_id, _r.user_id == user_id)
    row = connection.execute(query).first()
    if row is None:
        raise NotFound("No such rule.")
    return _kept(row)


def add_rule(connection: Connection, rule: AlertRule) -> None:
    """Errors: Conflict for a user with as many as there may be."""
    own = sa.select(sa.func.count()).where(_r.user_id == rule.user_id)
    if connection.execute(own).scalar_one() >= RULES_MAX:
        raise Conflict(f"a user has at most {RULES_MAX} rules; delete one first")
    connection.execute(sa.insert(alert_rules).values(rule_row(rule)))


def change_rule(connection: Connection, rule: AlertRule, before: int) -> None:
    """Put a rule in the place of its revision `before`, as one that has come to nothing yet. Errors: Conflict
    where somebody else changed it meanwhile.
    """
    row = rule_row(rule) | {"open_alert": None, "raised_at": None, "trouble": None}
    change = sa.update(alert_rules).where(_r.id == rule.id, _r.revision == before).values(row)
    if connection.execute(change).rowcount != 1:
        raise Conflict("the rule was changed by somebody else; read it again")


def delete_rule(connection: Connection, rule: AlertRule) -> None:
    """Its alerts stay."""
    connection.execute(sa.delete(alert_rules).where(_r.id == rule.id))


def resolved_by_hand(connection: Connection, kept: Kept, now: int) -> list[AlertResolved]:
    """End the alert of a rule that is changed or deleted. Returns: the event of it."""
    alert_id = kept.standing.open_alert
    if alert_id is None:
        return []
    resolve(connection, alert_id, now, None)
    rule = kept.rule
    return [AlertResolved(now, alert_id, rule.id, rule.user_id, rule.severity)]


def add_alerts(connection: Connection, found: Iterable[Alert]) -> None:
    rows = []
    for one in found:
        row = msgspec.structs.asdict(one)
        rows.append(row | {"value": canonical(one.value), "threshold": canonical(one.threshold)})
    if rows:
        connection.execute(sa.insert(alerts), rows)


def resolve(connection: Connection, alert_id: UUID, at: int, value: Decimal | None) -> None:
    """Say that an alert's condition is over."""
    values = {"resolved_at": at, "resolved_value": None if value is None else canonical(value)}
    connection.execute(sa.update(alerts).where(_a.id == alert_id).values(values))


def stand(connection: Connection, rule: AlertRule, standing: Standing) -> bool:
    """Keep what a rule has come to. Returns: whether the rule is still the one that was measured."""
    here = _r.id == rule.id, _r.revision == rule.revision, _r.enabled.is_(True)
    return connection.execute(sa.update(alert_rules).where(*here).values(standing._asdict())).rowcount == 1


def drop_old(connection: Connection, kept: int = KEPT) -> None:
    """Of each user's alerts that are over, keep the newest."""
    rank = sa.func.row_number().over(partition_by=_a.user_id, order_by=_a.id.desc())
    ranked = sa.select(_a.id, rank.label("rank")).where(_a.resolved_at.is_not(None)).subquery()
    old = sa.select(ranked.c.id).where(ranked.c.rank > kept)
    connection.execute(sa.delete(alerts).where(_a.id.in_(old)))


def acknowledge(connection: Connection, user_id: UUID, alert_id: UUID, by: UUID, now: int) -> Alert:
    """Once: who was first stays. Errors: NotFound."""
    fresh = _a.id == alert_id, _a.user_id == user_id, _a.acknowledged_at.is_(None)
    change = sa.update(alerts).where(*fresh).values(acknowledged_at=now, acknowledged_by=by)
    connection.execute(change)
    return find_alert(connection, user_id, alert_id)


def find_alert(connection: Connection, user_id: UUID, alert_id: UUID) -> Alert:
    """Errors: NotFound."""
    row = connection.execute(sa.select(alerts).where(_a.id == alert_id, _a.user_id == user_id)).first()
    if row is None:
        raise NotFound("No such alert.")
    return _alert(row)


def alert_page(
    connection: Connection, user_id: UUID, asked: Asked, *, limit: int, before: UUID | None = None
) -> list[Alert]:
    """A user's alerts, newest first. before: the one that the page begins behind."""
    query = sa.select(alerts).where(_a.user_id == user_id)
    if asked.state == "resolved":
        query = query.where(_a.resolved_at.is_not(None))
    elif asked.state is not None:
        fresh = _a.acknowledged_at.is_(None) if asked.state == "open" else _a.acknowledged_at.is_not(None)
        query = query.where(_a.resolved_at.is_(None), fresh)
    for name in ("severity", "symbol", "rule_id", "account_id"):
        if (wanted := getattr(asked, name)) is not None:
            query = query.where(_a[name] == wanted)
    if before is not None:
        query = query.where(_a.id < before)
    found = connection.execute(query.order_by(_a.id.desc()).limit(limit))
    return [_alert(row) for row in found]


def _alert(row: Row[Any]) -> Alert:
    fields = {name: getattr(row, name) for name in Alert.__struct_fields__}
    amounts = {
        name: Decimal(fields[name])
        for name in ("value", "threshold", "resolved_value")
        if fields[name] is not None
    }
    return Alert(**(fields | amounts))
