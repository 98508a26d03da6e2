"""The clock of a session on record: what is decided, what is refused, what survives a restart."""

from collections.abc import Iterator
from datetime import date

import pytest

from traderbot.infra.storage.database import Database
from traderbot.model.errors import Conflict, InvalidValue
from traderbot.trading import tables as t
from traderbot.trading.session_clock import clock_now, clock_row, held_back, turn
from traderbot.trading.session_view import standing_of
from traderbot.trading.work import SYSTEM
from trading.rig import check
from trading.session_rig import SessionRig

pytestmark = pytest.mark.integration


@pytest.fixture
def session(database: Database) -> Iterator[SessionRig]:
    rig = SessionRig(database)
    yield rig
    rig.path.close()


def turned(rig: SessionRig, **changed: object) -> object:
    return rig.path.submit(turn(rig.session_id, rig.loop.replay, SYSTEM, **changed)).result  # type: ignore[arg-type]


def test_what_is_not_turned_stays_and_all_of_it_is_on_record(session: SessionRig) -> None:
    assert session.read(lambda c: clock_row(c, session.session_id)).paused is None, "nobody has turned it"
    turned(session, paused=True)
    now = turned(session, speed=5, jump_to=date(2005, 1, 7))
    assert (now.paused, now.speed, now.jump_to) == (True, 5.0, date(2005, 1, 7))  # type: ignore[attr-defined]
    stood = session.read(lambda c: standing_of(c, session.session_id, 1.0))
    assert (stood.controls.paused, stood.controls.speed) == (True, 5.0)
    timeline = session.loop.replay.timeline
    assert not session.read(lambda c: held_back(clock_row(c, session.session_id), timeline)), "it jumps"
    session.play(4)
    assert session.read(lambda c: held_back(clock_row(c, session.session_id), timeline)), "it has arrived"
    assert session.read(lambda c: clock_now(c, session.session_id, session.loop.replay)).jump_to is None
    check(session.database)


def test_a_pause_ends_a_jump(session: SessionRig) -> None:
    turned(session, jump_to=date(2005, 1, 14))
    assert turned(session, paused=True).jump_to is None  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changed", "error", "named"),
    [
        ({"speed": -1}, InvalidValue, "speed"),
        ({"jump_to": date(2015, 1, 2)}, InvalidValue, "jump_to"),
        ({"jump_to": date(2005, 1, 3)}, Conflict, "only goes forward"),
    ],
)
def test_what_cannot_be_is_refused_against_the_step_on_record(
    session: SessionRig, changed: dict[str, object], error: type[Exception], named: str
) -> None:
    session.play(2)
    session.loop.replay.stand_at(0)  # a process that has not heard yet
    with pytest.raises(error, match=named):
        turned(session, **changed)
    with session.database.read() as connection:
        row = connection.execute(t.market_sessions.select()).one()
    assert (row.paused, row.speed, row.jump_to) == (None, None, None)
