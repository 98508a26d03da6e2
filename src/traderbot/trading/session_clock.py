"""How a session's clock goes, on record: read with the session's row, turned by an event in its stream."""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.events.journal import Meta
from traderbot.market.sessions import ClockSnapshot, Controls, ReplaySession, Timeline, turned
from traderbot.model.events import SessionControlled
from traderbot.trading import tables as t
from traderbot.trading.streams import session_stream
from traderbot.trading.work import Work

_CLOCK = sa.select(
    t.market_sessions.c.step,
    t.market_sessions.c.paused,
    t.market_sessions.c.speed,
    t.market_sessions.c.jump_to,
).where(t.market_sessions.c.id == sa.bindparam("session_id"))


def clock_row(connection: Connection, session_id: UUID) -> Any:
    """The step and the clock of a session as this transaction sees them; None where there is no such one."""
    return connection.execute(_CLOCK, {"session_id": session_id}).first()


def controls_of(row: Any, speed: float) -> Controls:
    """How the clock goes. speed: where nobody has set one."""
    return Controls(
        paused=bool(row.paused),
        speed=speed if row.speed is None else row.speed,
        jump_to=None if row.jump_to is None else date.fromisoformat(row.jump_to),
    )


def held_back(row: Any, timeline: Timeline) -> bool:
    """Whether the clock on record stands still: paused, and no jump under way."""
    if not row.paused:
        return False
    return row.jump_to is None or timeline.last_step(date.fromisoformat(row.jump_to)) <= row.step


def clock_now(connection: Connection, session_id: UUID, replay: ReplaySession) -> ClockSnapshot:
    """Where a session stands on record."""
    row = clock_row(connection, session_id)
    assert row is not None  # a session that runs was opened
    return replay.as_of(row.step, controls_of(row, replay.own_speed))


def turn(
    session_id: UUID,
    replay: ReplaySession,
    meta: Meta,
    *,
    paused: bool | None = None,
    speed: float | None = None,
    jump_to: date | None = None,
) -> Work:
    """The work that turns a session's clock, decided on the step on record; its result is the clock then.

    Errors, when it is submitted: InvalidValue naming the field; Conflict for a jump backwards or after the
    end.
    """
    stream = session_stream(session_id)
    work = Work(streams=[stream], meta=meta, alone=True)

    def decide(connection: Connection) -> ClockSnapshot:
        row = clock_row(connection, session_id)
        assert row is not None
        before = controls_of(row, replay.own_speed)
        after = turned(replay.timeline, row.step, before, paused=paused, speed=speed, jump_to=jump_to)
        event = SessionControlled(session_id, after.paused, after.speed, after.jump_to)
        work.facts[:] = [(stream, event)]
        return replay.as_of(row.step, after)

    job: Callable[[Connection], ClockSnapshot] = decide
    work.job = job
    return work
