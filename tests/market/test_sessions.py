import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traderbot.market.bars import Bars, TimeFrame
from traderbot.market.calendars import Sessions
from traderbot.market.datasets import Dataset, Instrument, make_dataset
from traderbot.market.sessions import NOT_STARTED, ReplaySession, Timeline
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.errors import Conflict, InvalidValue, InvariantBroken, NotFound
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.unit
AAA, BBB = Symbol("AAA"), Symbol("BBB")


class Ticks:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def play(session: ReplaySession, most: int = 10_000) -> list[int]:
    """Play whatever is due now; returns the steps."""
    steps = []
    while len(steps) < most and (step := session.wait_for_next(timeout_s=0)) is not None:
        session.played(step)
        steps.append(step)
    return steps


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def session(dataset: Dataset, ticks: Ticks) -> ReplaySession:
    return ReplaySession(dataset, monotonic=ticks)


class TestTimeline:
    def test_all_bars_of_one_moment_are_one_step(self, dataset: Dataset) -> None:
        line = Timeline(dataset)
        assert len(line) == 20
        assert [(bars.symbol, index) for bars, index in line.bars_of(4)] == [("AAA", 4)]
        assert [(bars.symbol, index) for bars, index in line.bars_of(5)] == [("AAA", 5), ("BBB", 0)]

    def test_every_bar_is_played_once_in_order_of_time(self, dataset: Dataset) -> None:
        line = Timeline(dataset)
        seen: dict[str, list[int]] = {"AAA": [], "BBB": []}
        for step in range(len(line)):
            for bars, index in line.bars_of(step):
                assert bars.times[index] == line.time_of(step)
                seen[bars.symbol].append(index)
        assert seen == {symbol: list(range(len(bars))) for symbol, bars in dataset.bars.items()}

    def test_actions_come_on_their_ex_date(self, dataset: Dataset) -> None:
        line = Timeline(dataset)
        found = {step: line.actions_of(step) for step in range(len(line)) if line.actions_of(step)}
        assert {line.date_of(step): [a.kind for a in actions] for step, actions in found.items()} == {
            date(2005, 1, 12): [ActionKind.SPLIT],
            date(2005, 1, 20): [ActionKind.DIVIDEND],
        }

    def test_steps_by_day(self, dataset: Dataset) -> None:
        line = Timeline(dataset)
        assert line.first_step(date(2005, 1, 10)) == line.last_step(date(2005, 1, 10)) == 5
        assert line.first_step(date(2005, 1, 8)) == 5  # a Saturday
        assert line.last_step(date(2005, 1, 8)) == 4
        assert line.first_step(date(2006, 1, 1)) == 20
        assert line.last_step(date(2004, 1, 1)) == NOT_STARTED

    @pytest.mark.parametrize("step", [-2, 20])
    def test_steps_that_are_not_there(self, dataset: Dataset, step: int) -> None:
        line = Timeline(dataset)
        for ask in (line.bars_of, line.actions_of, line.time_of, line.date_of):
            with pytest.raises(InvalidValue, match="step"):
                ask(step)

    def test_an_ex_date_without_a_bar_comes_with_the_next_step_and_none_from_before(
        self, january: Sessions, rising: Callable[[Symbol, Sessions], Bars]
    ) -> None:
        bars = rising(AAA, january.between(date(2005, 1, 10), date(2005, 1, 31)))
        holed = Bars(AAA, *(getattr(bars, name)[[0, 3, 4]] for name in bars.__struct_fields__[1:]))
        days = [date(2005, 1, 3), date(2005, 1, 11), date(2005, 1, 13), date(2005, 1, 31)]
        actions = [CorporateAction(AAA, day, ActionKind.SPLIT, new=2, old=1) for day in days]
        one = Instrument(AAA, "", "")
        made = make_dataset(
            "x", "XNYS", TimeFrame.DAY, [one], {AAA: holed}, actions, january, source="", licence=""
        )
        line = Timeline(made)
        assert [[a.ex_date for a in line.actions_of(step)] for step in range(3)] == [[], days[1:3], []]

    def test_intraday_actions_come_with_the_first_step_of_the_day(
        self, january: Sessions, rising: Callable[[Symbol, Sessions], Bars]
    ) -> None:
        daily = rising(AAA, january).slice(0, 6)
        times = [int(open_) + minute * 60_000_000 for open_ in january.opens[:3] for minute in (1, 2)]
        bars = Bars(AAA, daily.times * 0 + times, *(getattr(daily, n) for n in daily.__struct_fields__[2:]))
        actions = [CorporateAction(AAA, date(2005, 1, 4), ActionKind.SPLIT, new=2, old=1)]
        made = make_dataset(
            "x",
            "XNYS",
            TimeFrame.MINUTE,
            [Instrument(AAA, "", "")],
            {AAA: bars},
            actions,
            january,
            source="",
            licence="",
        )
        line = Timeline(made)
        assert [line.date_of(step).day for step in range(6)] == [3, 3, 4, 4, 5, 5]
        assert [len(line.actions_of(step)) for step in range(6)] == [0, 0, 1, 0, 0, 0]
        assert line.last_step(date(2005, 1, 4)) == 3


class TestPointInTime:
    @settings(deadline=None)
    @given(st.integers(-1, 19), st.integers(0, 40), st.sampled_from([AAA, BBB]))
    def test_history_never_shows_a_bar_later_than_now(
        self, dataset: Dataset, step: int, ahead: int, symbol: Symbol
    ) -> None:
        session = ReplaySession(dataset, step=step)
        upto = session.time + (ahead - 20) * 86_400_000_000
        for known in (session.history(symbol), session.history(symbol, upto)):
            assert (known.times <= session.time).all()
        assert (session.history(symbol, upto).times <= upto).all()
        known = session.history(symbol)
        everything = dataset.bars[symbol]
        assert len(known) == len(everything) or everything.times[len(known)] > session.time
        mark = session.mark(symbol)
        assert mark == ((known.close[-1], known.times[-1]) if len(known) else None)

    def test_before_the_first_step_nothing_is_known(self, session: ReplaySession) -> None:
        assert session.step == NOT_STARTED
        assert len(session.history(AAA)) == 0
        assert session.mark(AAA) is None
        assert session.snapshot().date == date(2005, 1, 3)

    def test_unknown_instruments(self, session: ReplaySession) -> None:
        with pytest.raises(NotFound):
            session.mark(Symbol("ZZZ"))
        with pytest.raises(NotFound):
            session.history(Symbol("ZZZ"))


class TestPace:
    def test_one_step_a_beat(self, session: ReplaySession, ticks: Ticks) -> None:
        session.control(speed=2)
        assert play(session) == [0]  # the first is due at once
        assert session.due_in() == 0.5
        ticks.now += 0.49
        assert play(session) == []
        ticks.now += 0.01
        assert play(session) == [1]

    def test_a_late_step_does_not_move_the_beat(self, session: ReplaySession, ticks: Ticks) -> None:
        play(session)
        ticks.now += 1.25
        assert play(session) == [1]
        assert session.due_in() == 0.75

    def test_what_was_missed_is_not_run_after(self, session: ReplaySession, ticks: Ticks) -> None:
        play(session)
        ticks.now += 60
        assert play(session) == [1]
        assert session.due_in() == 1

    def test_as_fast_as_possible(self, session: ReplaySession) -> None:
        session.control(speed=0)
        assert play(session) == list(range(20))
        assert session.ended
        assert session.due_in() is None
        assert session.wait_for_next() is None

    def test_a_new_speed_counts_from_the_last_step(self, session: ReplaySession, ticks: Ticks) -> None:
        session.control(speed=0.1)
        play(session)
        ticks.now += 3
        assert session.due_in() == 7
        session.control(speed=0.25)
        assert session.due_in() == 1

    def test_a_step_that_failed_is_offered_again_a_beat_later(
        self, session: ReplaySession, ticks: Ticks
    ) -> None:
        assert session.wait_for_next() == 0
        assert session.wait_for_next(timeout_s=0) is None
        ticks.now += 1
        assert session.wait_for_next() == 0


class TestControls:
    def test_pause_and_go_on(self, session: ReplaySession, ticks: Ticks) -> None:
        play(session)
        assert session.control(paused=True).paused
        ticks.now += 100
        assert session.due_in() is None
        assert play(session) == []
        assert not session.control(paused=False).paused
        assert play(session) == [1]

    def test_a_jump_plays_every_step_and_stops_at_the_days_end(
        self, session: ReplaySession, ticks: Ticks
    ) -> None:
        play(session)
        assert session.control(jump_to=date(2005, 1, 12)).jump_to == date(2005, 1, 12)
        assert play(session) == [1, 2, 3, 4, 5, 6, 7]
        now = session.snapshot()
        assert (now.date, now.jump_to, now.step) == (date(2005, 1, 12), None, 7)
        assert session.due_in() == 1

    def test_a_jump_goes_through_a_pause_and_leaves_it(self, session: ReplaySession) -> None:
        session.control(paused=True)
        session.control(jump_to=date(2005, 1, 4))
        assert play(session) == [0, 1]
        assert session.snapshot().paused
        assert session.due_in() is None

    def test_a_pause_ends_a_jump(self, session: ReplaySession, ticks: Ticks) -> None:
        session.control(jump_to=date(2005, 1, 31))
        play(session, 3)
        assert session.control(paused=True).jump_to is None
        assert play(session) == []
        session.control(paused=False)
        assert session.due_in() == 1  # at the usual pace again
        ticks.now += 1
        assert play(session) == [3]

    def test_a_jump_to_a_day_without_trading_ends_before_it(self, session: ReplaySession) -> None:
        session.control(jump_to=date(2005, 1, 9))
        play(session, 5)
        assert session.snapshot().date == date(2005, 1, 7)
        assert session.control(jump_to=date(2005, 1, 8)).jump_to is None  # nothing lies between

    def test_backwards_is_refused(self, session: ReplaySession) -> None:
        session.control(jump_to=date(2005, 1, 12))
        play(session)
        for day in (date(2005, 1, 11), date(2005, 1, 3)):
            with pytest.raises(Conflict, match="stands at 2005-01-12 and only goes forward"):
                session.control(jump_to=day)

    def test_after_the_end_is_refused(self, dataset: Dataset) -> None:
        session = ReplaySession(dataset, step=19)
        assert session.snapshot().ended
        with pytest.raises(Conflict, match="ended"):
            session.control(jump_to=date(2005, 1, 31))

    @pytest.mark.parametrize(
        "day", [date(2005, 1, 2), date(2005, 2, 1), datetime(2005, 1, 5, tzinfo=UTC), "2005-01-05"]
    )
    def test_days_outside_the_data_are_refused(self, session: ReplaySession, day: date) -> None:
        with pytest.raises(InvalidValue, match="jump_to: expected a date from 2005-01-03 to 2005-01-31"):
            session.control(jump_to=day)

    @pytest.mark.parametrize("speed", [-1, float("nan"), float("inf"), 10_001, True, "2"])
    def test_speeds_that_are_none(self, session: ReplaySession, speed: float) -> None:
        with pytest.raises(InvalidValue, match="speed"):
            session.control(speed=speed)

    def test_all_or_nothing(self, session: ReplaySession) -> None:
        before = session.snapshot()
        with pytest.raises(InvalidValue, match="jump_to"):
            session.control(paused=True, speed=5, jump_to=date(1999, 1, 1))
        with pytest.raises(InvalidValue, match="paused"):
            session.control(speed=5, paused=1)  # type: ignore[arg-type]
        assert session.snapshot() == before

    def test_start_at(self, session: ReplaySession) -> None:
        assert session.start_at(date(2005, 1, 8)) == 4
        assert len(session.history(AAA)) == 5
        assert session.wait_for_next() == 5
        with pytest.raises(Conflict, match="under way"):
            session.start_at(date(2005, 1, 20))

    def test_start_at_outside_the_data(self, session: ReplaySession) -> None:
        with pytest.raises(InvalidValue, match="start"):
            session.start_at(date(2006, 1, 1))


class TestSteps:
    def test_steps_are_played_in_turn(self, session: ReplaySession) -> None:
        for wrong in (-1, 1, 19):
            with pytest.raises(InvariantBroken):
                session.played(wrong)
        session.played(0)
        with pytest.raises(InvariantBroken):
            session.played(0)

    def test_it_goes_on_where_it_was(self, dataset: Dataset) -> None:
        session = ReplaySession(dataset, step=7, first_step=2, paused=True, speed=4)
        now = session.snapshot()
        assert (now.step, now.steps, now.date, now.paused, now.speed) == (7, 20, date(2005, 1, 12), True, 4)
        assert (now.first_step, now.start, now.end) == (2, date(2005, 1, 5), date(2005, 1, 31))
        assert now.time == dataset.sessions.closes[7]

    @pytest.mark.parametrize("step", [-2, 20, True])
    def test_it_does_not_begin_where_nothing_is(self, dataset: Dataset, step: int) -> None:
        with pytest.raises(InvalidValue, match="step"):
            ReplaySession(dataset, step=step)


class TestWaiting:
    """With real time and a real thread, since what is tested is waking up."""

    @pytest.fixture
    def paused(self, dataset: Dataset) -> Iterator[ReplaySession]:
        session = ReplaySession(dataset, paused=True, speed=0)
        yield session
        session.stop()

    @staticmethod
    def wait(session: ReplaySession) -> tuple[threading.Thread, list[int | None]]:
        answers: list[int | None] = []
        thread = threading.Thread(target=lambda: answers.append(session.wait_for_next()), daemon=True)
        thread.start()
        time.sleep(0.05)
        assert thread.is_alive()
        return thread, answers

    @pytest.mark.parametrize(
        ("control", "answer"),
        [
            (lambda session: session.control(paused=False), 0),
            (lambda session: session.control(jump_to=date(2005, 1, 31)), 0),
            (lambda session: session.start_at(date(2005, 1, 31)) and session.control(paused=False), 19),
            (lambda session: session.stop(), None),
        ],
    )
    def test_controls_wake_who_waits(
        self, paused: ReplaySession, control: Callable[[ReplaySession], object], answer: int | None
    ) -> None:
        thread, answers = self.wait(paused)
        control(paused)
        thread.join(5)
        assert answers == [answer]

    def test_a_higher_speed_wakes_who_waits(self, dataset: Dataset) -> None:
        session = ReplaySession(dataset, speed=0.001)
        session.played(session.wait_for_next() or 0)
        thread, answers = self.wait(session)
        session.control(speed=1000)
        thread.join(5)
        assert answers == [1]

    def test_a_pause_is_waited_through_up_to_the_timeout(self, paused: ReplaySession) -> None:
        start = time.perf_counter()
        assert paused.wait_for_next(timeout_s=0.05) is None
        assert 0.04 < time.perf_counter() - start < 2
        assert not paused.stopped

    def test_the_next_step_is_waited_for(self, dataset: Dataset) -> None:
        session = ReplaySession(dataset, speed=20)
        start = time.perf_counter()
        for expected in range(4):
            assert session.wait_for_next() == expected
            session.played(expected)
        assert 0.14 < time.perf_counter() - start < 2

    def test_many_threads_may_ask_and_control_while_it_plays(self, dataset: Dataset) -> None:
        session = ReplaySession(dataset, speed=0)
        faults: list[BaseException] = []

        def disturb() -> None:
            try:
                while not session.ended:
                    session.control(paused=True)
                    now = session.snapshot()
                    assert now.time == session.timeline.time_of(now.step)
                    session.control(paused=False)
            except BaseException as error:  # noqa: BLE001 - reported by the test
                faults.append(error)

        threads = [threading.Thread(target=disturb, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        steps = []
        while (step := session.wait_for_next()) is not None:
            session.played(step)
            steps.append(step)
        for thread in threads:
            thread.join(5)
        assert steps == list(range(20))
        assert faults == []
