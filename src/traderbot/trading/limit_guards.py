"""A second person for limits that are loosened: an account may say that it needs one.

Tighter limits count at once. Looser ones wait until somebody else, who administers the platform, has approved
them; so does taking the guard away. What was approved is what was asked for, on the limits that it was asked
on: where these have changed meanwhile, it has to be asked again.
"""

from decimal import Decimal
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.events.journal import Meta
from traderbot.infra.storage.database import ID, TIME, metadata
from traderbot.model.commands import SetLimits
from traderbot.model.errors import Conflict, Forbidden, NotFound
from traderbot.model.events import LimitsGuardChanged
from traderbot.model.rules import NO_LIMITS, Limits
from traderbot.trading import tables as t
from traderbot.trading.streams import user_stream
from traderbot.trading.work import Work

limit_guards = sa.Table(
    "limit_guards",
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("user_id", ID, nullable=False),
    sa.Column("asked_at", TIME),  # these four: what waits for a second person, null where nothing does
    sa.Column("limits", sa.Text),
    sa.Column("before", sa.Text),
    sa.Column("lift", sa.Boolean),
)
_g = limit_guards.c


class Waiting(msgspec.Struct, frozen=True):
    """What waits for a second person. before: the limits it was asked on; limits: what they are to be; lift:
    whether the guard is to go as well.
    """

    account_id: UUID
    user_id: UUID
    asked_at: int
    before: Limits
    limits: Limits
    lift: bool


class Guard(msgspec.Struct, frozen=True):
    """An account that needs a second person, and what waits for one."""

    user_id: UUID
    waiting: Waiting | None


def loosened(before: Limits, after: Limits) -> list[str]:
    """The limits that would bind less than before."""
    found = []
    for name in Limits.__struct_fields__:
        old, new = getattr(before, name), getattr(after, name)
        if name == "restricted":
            looser = not old <= new
        elif isinstance(old, bool):
            looser = old and not new
        else:
            looser = old is not None and (new is None or Decimal(new) > Decimal(old))
        if looser:
            found.append(name)
    return found


def guard_of(connection: Connection, account_id: UUID) -> Guard | None:
    row = connection.execute(sa.select(limit_guards).where(_g.account_id == account_id)).first()
    return None if row is None else Guard(row.user_id, _waiting(row))


def all_waiting(connection: Connection) -> list[Waiting]:
    """What waits for a second person, the oldest first."""
    query = sa.select(limit_guards).where(_g.asked_at.is_not(None)).order_by(_g.asked_at)
    return [found for row in connection.execute(query) if (found := _waiting(row)) is not None]


def replace_limits(account_id: UUID, user_id: UUID, limits: Limits, now: int, meta: Meta) -> Work:
    """Work that replaces an account's limits, or has them wait. Its result: whether they wait."""
    work = _work(account_id, user_id, meta)

    def job(connection: Connection) -> bool:
        guard, before = guard_of(connection, account_id), _limits(connection, account_id)
        work.commands[:] = [(account_id, SetLimits(limits))]
        work.facts.clear()
        if guard is None:
            return False
        waits = bool(loosened(before, limits))
        if guard.waiting is not None:  # it was asked on other limits, or is asked for otherwise now
            _settle(connection, account_id)
        if waits:
            _ask(connection, account_id, now, before, limits, lift=False)
            work.commands.clear()
            work.facts.append(_said(user_id, account_id, "asked"))
        return waits

    work.job = job
    return work


def need_second_person(account_id: UUID, user_id: UUID, now: int, meta: Meta, *, needed: bool) -> Work:
    """Work that guards an account, at once, or asks for the end of that. Its result: whether it waits."""
    work = _work(account_id, user_id, meta)

    def job(connection: Connection) -> bool:
        guard, before = guard_of(connection, account_id), _limits(connection, account_id)
        work.facts.clear()
        if needed == (guard is not None):
            return False
        if needed:
            connection.execute(sa.insert(limit_guards).values(account_id=account_id, user_id=user_id))
            work.facts.append(_said(user_id, account_id, "needed"))
            return False
        _ask(connection, account_id, now, before, before, lift=True)
        work.facts.append(_said(user_id, account_id, "asked"))
        return True

    work.job = job
    return work


def withdraw(account_id: UUID, user_id: UUID, meta: Meta) -> Work:
    """Work that takes back what waits. Errors: NotFound."""
    work = _work(account_id, user_id, meta)

    def job(connection: Connection) -> None:
        _found(connection, account_id)
        _settle(connection, account_id)
        work.facts[:] = [_said(user_id, account_id, "withdrawn")]

    work.job = job
    return work


def decide(waiting: Waiting, by: UUID, meta: Meta, *, approved: bool) -> Work:
    """Work of a second person. Errors: NotFound; Forbidden for whoever asked; Conflict where something else
    waits by now, or the limits have changed since.
    """
    account_id = waiting.account_id
    work = _work(account_id, waiting.user_id, meta)

    def job(connection: Connection) -> None:
        now = _found(connection, account_id)
        if now.user_id == by:
            raise Forbidden("a second person has to decide")
        if now != waiting:
            raise Conflict("something else is asked for by now; read it again")
        if approved and _limits(connection, account_id) != waiting.before:
            raise Conflict("the limits have changed since; it has to be asked again")
        _settle(connection, account_id)
        work.commands[:] = [(account_id, SetLimits(waiting.limits))] if approved and not waiting.lift else []
        work.facts[:] = [_said(waiting.user_id, account_id, "approved" if approved else "rejected")]
        if approved and waiting.lift:
            connection.execute(sa.delete(limit_guards).where(_g.account_id == account_id))

    work.job = job
    return work


def _work(account_id: UUID, user_id: UUID, meta: Meta) -> Work:
    """Alone, as its job reads what others would have staged; the empty plan has the account locked."""
    return Work(plans=[(account_id, lambda _: [])], streams=[user_stream(user_id)], alone=True, meta=meta)


def _said(user_id: UUID, account_id: UUID, what: str) -> tuple[str, LimitsGuardChanged]:
    return user_stream(user_id), LimitsGuardChanged(user_id, account_id, what)


def _ask(
    connection: Connection, account_id: UUID, now: int, before: Limits, limits: Limits, *, lift: bool
) -> None:
    values = {
        "asked_at": now,
        "before": msgspec.json.encode(before).decode(),
        "limits": msgspec.json.encode(limits).decode(),
        "lift": lift,
    }
    connection.execute(sa.update(limit_guards).where(_g.account_id == account_id).values(values))


def _settle(connection: Connection, account_id: UUID) -> None:
    nothing = dict.fromkeys(("asked_at", "before", "limits", "lift"))
    connection.execute(sa.update(limit_guards).where(_g.account_id == account_id).values(nothing))


def _found(connection: Connection, account_id: UUID) -> Waiting:
    guard = guard_of(connection, account_id)
    if guard is None or guard.waiting is None:
        raise NotFound("Nothing waits for a second person.")
    return guard.waiting


def _waiting(row: sa.Row[tuple[object, ...]]) -> Waiting | None:
    if row.asked_at is None:
        return None
    before, limits = (msgspec.json.decode(text, type=Limits) for text in (row.before, row.limits))
    return Waiting(row.account_id, row.user_id, row.asked_at, before, limits, row.lift)


def _limits(connection: Connection, account_id: UUID) -> Limits:
    """The account's own, as last committed. Errors: NotFound."""
    row = connection.execute(sa.select(t.accounts.c.limits).where(t.accounts.c.id == account_id)).first()
    if row is None:
        raise NotFound("No such account.")
    return NO_LIMITS if row.limits is None else msgspec.json.decode(row.limits, type=Limits)
