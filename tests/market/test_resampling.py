from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderbot.backtests.runner import run
from traderbot.market.bars import Bars, TimeFrame, make_bars
from traderbot.market.calendars import Sessions, sessions_between
from traderbot.market.resampling import CoarserBars, resample, span_ends, time_frame_of
from traderbot.model.bars import Bar
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol
from traderbot.strategies.base import Context, History, Strategy
from traderbot.strategies.faults import StrategyFailed

pytestmark = pytest.mark.domain

AAA = Symbol("AAA")
MINUTE = TimeFrame.MINUTE.micros
COLUMNS = ("times", "open", "high", "low", "close", "volume")
NEW_YORK = sessions_between("XNYS", date(2012, 7, 2), date(2012, 7, 5))  # the 3rd closes at 13:00
COARSER = [frame for frame in TimeFrame if frame is not TimeFrame.MINUTE]


def minutes(sessions: Sessions, keep: np.ndarray[Any, Any] | None = None) -> Bars:
    """A bar for each minute of the sessions, or those kept."""
    times = np.concatenate(
        [np.arange(a + MINUTE, b + 1, MINUTE) for a, b in zip(sessions.opens, sessions.closes, strict=True)]
    )
    number = np.arange(len(times), dtype=float)
    close = 100 + 10 * np.sin(number / 37)
    kept = np.ones(len(times), bool) if keep is None else np.resize(keep, len(times))
    columns = (times, close, close + number % 7, close - number % 5, close + 0.0, number % 11)
    return make_bars(AAA, *(column[kept] for column in columns))


def same(one: Bars, other: Bars) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in COLUMNS)


def test_an_hour_counts_from_the_open_and_the_last_one_ends_with_the_session() -> None:
    hours = resample(minutes(NEW_YORK), NEW_YORK, TimeFrame.HOUR)
    of_day = [NEW_YORK.dates_of(hours.times) == day for day in NEW_YORK.dates]
    assert [int(rows.sum()) for rows in of_day] == [7, 4, 7], "6.5 hours, 3.5 hours on the half day"
    spans = (hours.times - NEW_YORK.opens[[0] * 7 + [1] * 4 + [2] * 7]) // MINUTE
    whole_day = [60, 120, 180, 240, 300, 360, 390]
    assert spans.tolist() == [*whole_day, 60, 120, 180, 210, *whole_day]


def test_a_coarse_bar_sums_up_its_fine_bars() -> None:
    fine = minutes(NEW_YORK)
    first = resample(fine, NEW_YORK, TimeFrame.FIVE_MINUTES).slice(0, 1)
    part = fine.slice(0, 5)
    assert (first.open[0], first.close[0]) == (part.open[0], part.close[-1])
    assert (first.high[0], first.low[0]) == (part.high.max(), part.low.min())
    assert (first.volume[0], first.times[0]) == (part.volume.sum(), part.times[-1])


def test_a_day_is_the_session() -> None:
    days = resample(minutes(NEW_YORK), NEW_YORK, TimeFrame.DAY)
    assert days.times.tolist() == NEW_YORK.closes.tolist()


def test_a_market_that_never_closes_counts_from_midnight() -> None:
    always = sessions_between("24/7", date(2024, 3, 9), date(2024, 3, 11))
    hours = resample(minutes(always), always, TimeFrame.HOUR)
    assert len(hours) == 72
    assert set(hours.times % TimeFrame.HOUR.micros) == {0}


holes = st.lists(st.booleans(), min_size=1, max_size=40).filter(any).map(np.array)


@given(holes, st.sampled_from(COARSER), st.integers(0, 3 * 24 * 60))
def test_a_bar_known_at_a_time_is_the_same_however_much_comes_after_it(
    keep: np.ndarray[Any, Any], frame: TimeFrame, minute: int
) -> None:
    fine, now = minutes(NEW_YORK, keep), int(NEW_YORK.opens[0]) + minute * MINUTE
    whole = resample(fine, NEW_YORK, frame, until=int(NEW_YORK.closes[-1]))
    early = resample(fine.until(now), NEW_YORK, frame, until=now)
    assert same(early, whole.until(now))
    assert all(early.times <= now)
    assert whole.volume.sum() == fine.volume.sum()


@given(holes, st.sampled_from(COARSER), st.sampled_from(COARSER))
def test_by_steps_is_as_at_once(keep: np.ndarray[Any, Any], one: TimeFrame, other: TimeFrame) -> None:
    middle, coarse = sorted((one, other), key=lambda frame: frame.micros)
    fine, end = minutes(NEW_YORK, keep), int(NEW_YORK.closes[-1])
    at_once = resample(fine, NEW_YORK, coarse, until=end)
    by_steps = resample(resample(fine, NEW_YORK, middle, until=end), NEW_YORK, coarse, until=end)
    assert same(at_once, by_steps)
    assert same(at_once, resample(at_once, NEW_YORK, coarse, until=end))


def test_an_unfinished_bar_is_left_out() -> None:
    fine = minutes(NEW_YORK)
    assert len(resample(fine.slice(0, 59), NEW_YORK, TimeFrame.HOUR)) == 0
    assert len(resample(fine.slice(0, 60), NEW_YORK, TimeFrame.HOUR)) == 1
    assert len(resample(fine.slice(0, 0), NEW_YORK, TimeFrame.HOUR)) == 0


@pytest.mark.parametrize("minute", [0, 391])
def test_a_bar_outside_the_session_is_refused(minute: int) -> None:
    outside = np.array([int(NEW_YORK.opens[0]) + minute * MINUTE])
    with pytest.raises(InvalidValue, match="bars that close within a session"):
        span_ends(outside, NEW_YORK, TimeFrame.HOUR)


class Looks(Strategy):
    """Keeps what it sees of the hour."""

    name = "looks"

    def on_start(self, ctx: Context) -> None:
        self.seen: list[tuple[int, History]] = []

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        self.seen.append((ctx.time, ctx.history(AAA, 2, time_frame="1h")))


def test_a_strategy_sees_the_coarse_bars_that_are_complete_by_now() -> None:
    fine, strategy = minutes(NEW_YORK), Looks()
    run(strategy, [fine.cursor()], coarser=CoarserBars(NEW_YORK, TimeFrame.MINUTE))
    assert len(strategy.seen) == len(fine)
    for now, seen in strategy.seen[::13]:
        expected = resample(fine.until(now), NEW_YORK, TimeFrame.HOUR, until=now).tail(2)
        assert np.array_equal(seen.times, expected.times)
        assert np.array_equal(seen.closes, expected.close)
        assert np.array_equal(seen.volumes, expected.volume)
        assert not seen.closes.flags.writeable


def test_what_was_made_is_kept() -> None:
    coarser, cursor = CoarserBars(NEW_YORK, TimeFrame.MINUTE), minutes(NEW_YORK).cursor()
    assert coarser(cursor, "1h")[4] is coarser(cursor, "1h")[4]
    assert coarser(cursor, "1m")[4] is cursor.whole()[4]
    other = minutes(NEW_YORK).slice(0, 100).cursor()
    assert len(coarser(other, "1h")[4]) == 2, "of other bars of the same name it is made anew"


@pytest.mark.parametrize("time_frame", ["5m", "2h", ""])
def test_a_frame_that_cannot_be_made_is_refused(time_frame: str) -> None:
    coarser, cursor = CoarserBars(NEW_YORK, TimeFrame.HOUR), minutes(NEW_YORK).cursor()
    with pytest.raises(InvalidValue, match="time_frame"):
        coarser(cursor, time_frame)


def test_without_the_sessions_a_run_has_one_time_frame() -> None:
    with pytest.raises(StrategyFailed, match="not told the sessions"):
        run(Looks(), [minutes(NEW_YORK).cursor()])


DAILY_SESSIONS = sessions_between("XNYS", date(2012, 6, 25), date(2012, 9, 14))


def daily(sessions: Sessions) -> Bars:
    close = 50 + np.arange(len(sessions), dtype=float)
    return make_bars(AAA, sessions.closes, close - 1, close + 1, close - 2, close, close)


@pytest.mark.parametrize(("name", "count", "first"), [("1w", 11, "2012-06-29"), ("1mo", 3, "2012-06-29")])
def test_weeks_and_months_end_with_their_last_session(name: str, count: int, first: str) -> None:
    bars = daily(DAILY_SESSIONS)
    made = resample(bars, DAILY_SESSIONS, time_frame_of(name))
    assert len(made) == count  # the last one is not known to be over
    assert str(DAILY_SESSIONS.date_of(int(made.times[0]))) == first
    assert set(made.times.tolist()) <= set(DAILY_SESSIONS.closes.tolist())
    part = bars.window(int(made.times[0]) + 1, int(made.times[1]))
    assert made.open[1] == part.open[0]
    assert (made.high[1], made.low[1]) == (part.high.max(), part.low.min())
    assert (made.close[1], made.volume[1]) == (part.close[-1], part.volume.sum())


def test_a_week_before_a_holiday_ends_on_thursday() -> None:
    sessions = sessions_between("XNYS", date(2012, 3, 26), date(2012, 4, 20))  # Good Friday is April 6
    made = resample(daily(sessions), sessions, time_frame_of("1w"))
    assert [str(sessions.date_of(int(time))) for time in made.times] == [
        "2012-03-30",
        "2012-04-05",
        "2012-04-13",
    ]


@pytest.mark.parametrize("name", ["1w", "1mo"])
def test_a_week_or_month_that_is_known_stays_as_it_is(name: str) -> None:
    bars, frame = daily(DAILY_SESSIONS), time_frame_of(name)
    whole = resample(bars, DAILY_SESSIONS, frame)
    for now in bars.times.tolist():
        assert same(resample(bars.until(now), DAILY_SESSIONS, frame), whole.until(now))


class Weeks(Strategy):
    """Notes the weeks that it is shown."""

    name = "weeks"

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, int]] = []

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        weeks = ctx.history(AAA, time_frame="1w")
        assert not len(weeks.times) or weeks.times[-1] <= ctx.time
        self.seen.append((bar.index, len(weeks.times)))


def test_a_strategy_sees_the_weeks_that_are_over() -> None:
    strategy = Weeks()
    run(strategy, [daily(DAILY_SESSIONS).cursor()], coarser=CoarserBars(DAILY_SESSIONS, TimeFrame.DAY))
    assert strategy.seen[3:6] == [(3, 0), (4, 1), (5, 1)]
    assert strategy.seen[-1][1] == 11
