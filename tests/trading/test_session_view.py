"""A session followed: what is heard moves it forwards, once, and a late word changes nothing."""

import pytest

from traderbot.infra.events.journal import Meta, Recorded
from traderbot.infra.events.tail import Tail
from traderbot.infra.leases import LeaseLost, Leases
from traderbot.market.sessions import ReplaySession
from traderbot.model.events import SessionAdvanced, SessionControlled
from traderbot.trading.session_clock import turn
from traderbot.trading.session_loop import SessionLoop
from traderbot.trading.streams import session_stream
from traderbot.trading.work import SYSTEM
from trading.rig import check
from trading.session_rig import SessionRig
from trading.two import standing, take_over, two_processes

pytestmark = pytest.mark.integration


def test_what_the_tail_tells_moves_a_follower_and_wakes_who_watches() -> None:
    with two_processes() as (rig, beside):
        moved: list[int] = []
        beside.view.watchers.append(lambda: moved.append(beside.view.market.step))
        tail = Tail(beside.database)
        tail.follow(beside.view.hear)
        rig.play(3)
        with beside.database.read() as connection:
            tail._read_page(connection)
        assert (beside.view.replay.step, beside.view.market.step) == (3, 3)
        assert moved[-1] == 3
        assert beside.view.market.time == rig.loop.market.time


def test_twice_or_late_is_no_harm() -> None:
    with two_processes() as (rig, beside):
        stream, meta = session_stream(rig.session_id), Meta("system")
        view = beside.view

        def say(version: int, event: object) -> None:
            view.hear([Recorded(version, stream, version, event, meta, 0)])  # type: ignore[arg-type]

        say(7, SessionAdvanced(0, rig.session_id, 4))
        say(6, SessionAdvanced(0, rig.session_id, 3))
        assert view.replay.step == 4
        say(9, SessionControlled(rig.session_id, True, 3.0))
        say(8, SessionControlled(rig.session_id, False, 1.0))
        snapshot = view.replay.snapshot()
        assert (snapshot.paused, snapshot.speed) == (True, 3.0)


def test_a_fenced_player_plays_nothing_and_the_next_goes_on_where_it_stood() -> None:
    with two_processes() as (rig, beside):
        account_id = rig.join()
        first, second = Leases(rig.database, "first", 60), Leases(beside.database, "second", 60)
        name = session_stream(rig.session_id)
        lease = first.acquire(name)
        take_over(rig.loop, rig, lease)
        rig.play(2)
        with rig.database.roles.begin() as connection:
            connection.exec_driver_sql("UPDATE leases SET expires_at = 0")  # it fell silent
        successor = second.acquire(name)
        assert successor is not None
        with pytest.raises(LeaseLost):
            rig.play()
        replay = ReplaySession(rig.dataset, speed=0.0)
        loop = SessionLoop(rig.session_id, replay, beside.path, rig.loop._broker, [], shared=True)
        take_over(loop, rig, successor)
        shown: list[int] = []
        loop.followers.append(lambda market, moved: shown.append(market.step))
        loop.play(3)
        assert shown == [2, 3], "the last step on record is shown again before the next"
        assert standing(rig).step == 3
        assert rig.load(account_id).cash == 100_000
        for leases in (first, second):
            leases.close()
        check(rig.database)


def test_a_clock_turned_beside_the_player_holds_its_next_step_back() -> None:
    """The pause is read in the step's own transaction: it counts from its answer on, heard of or not."""
    with two_processes() as (rig, beside):
        beside.path.submit(turn(rig.session_id, beside.view.replay, SYSTEM, paused=True))
        assert not rig.loop.replay.snapshot().paused, "nobody has told it yet"
        rig.loop.start()
        while not rig.loop.replay.snapshot().paused:
            assert rig.loop._thread is not None
            rig.loop._thread.join(0.01)
        assert standing(rig).step == 0
        now = turn(rig.session_id, beside.view.replay, SYSTEM, paused=False, speed=0)
        assert not beside.path.submit(now).result.paused
        rig.loop.stand(standing(rig))
        rig.loop._thread.join(20)
        assert rig.loop.replay.ended


def test_who_plays_no_longer_follows_from_where_the_next_one_is() -> None:
    with two_processes() as (rig, _beside):
        rig.loop.playing = True
        rig.loop.hear([Recorded(9, session_stream(rig.session_id), 9, _advanced(rig, 2), Meta("system"), 0)])
        assert rig.loop.replay.step == 0
        rig.loop.leave()
        assert (rig.loop.replay.step, rig.loop.market.step) == (2, 2)


def _advanced(rig: SessionRig, step: int) -> SessionAdvanced:
    return SessionAdvanced(0, rig.session_id, step)
