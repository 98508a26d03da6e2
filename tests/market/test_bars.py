import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traderbot.market.bars import Bars, TimeFrame, make_bars
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.unit
AAA = Symbol("AAA")


def bars_at(times: list[int]) -> Bars:
    close = np.arange(len(times), dtype=float) + 10
    return make_bars(AAA, times, close, close + 1, close - 1, close, close * 0)


times = st.lists(st.integers(0, 10**15), min_size=1, max_size=30, unique=True).map(sorted)


@settings(deadline=None)
@given(times, st.integers(-1, 10**15 + 1))
def test_until_shows_exactly_what_is_known(stamps: list[int], now: int) -> None:
    known = bars_at(stamps).until(now)
    assert known.times.tolist() == [stamp for stamp in stamps if stamp <= now]
    assert len(known.close) == len(known.volume) == len(known)


@settings(deadline=None)
@given(times, st.integers(0, 10**15), st.integers(0, 10**15))
def test_window_holds_both_ends(stamps: list[int], first: int, last: int) -> None:
    window = bars_at(stamps).window(first, last)
    assert window.times.tolist() == [stamp for stamp in stamps if first <= stamp <= last]


@pytest.mark.parametrize(("count", "expected"), [(0, []), (2, [2, 3]), (9, [1, 2, 3]), (-1, [])])
def test_tail(count: int, expected: list[int]) -> None:
    assert bars_at([1, 2, 3]).tail(count).times.tolist() == expected


def test_arrays_cannot_be_written_to_and_are_not_the_callers() -> None:
    mine = np.array([10.0, 11.0])
    bars = make_bars(AAA, [1, 2], mine, mine, mine, mine, mine)
    mine[0] = 99
    assert bars.open[0] == 10
    with pytest.raises(ValueError, match="read-only"):
        bars.until(2).close[0] = 1


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("times", [2, 1]),
        ("times", [1, 1]),
        ("open", [10.0]),
        ("open", [10.0, float("nan")]),
        ("high", [10.0, float("inf")]),
        ("low", [0.0, 10.0]),
        ("close", [10.0, 10.5]),
        ("volume", [-1.0, 0.0]),
    ],
)
def test_broken_promises_are_named(column: str, values: list[float]) -> None:
    columns = {name: [10.0, 10.0] for name in ("open", "high", "low", "close", "volume")}
    stamps = [1, 2]
    if column == "times":
        stamps = [int(value) for value in values]
    else:
        columns[column] = values
    with pytest.raises(InvalidValue) as refused:
        make_bars(AAA, stamps, **columns)
    assert refused.value.field == f"AAA.{column}"


def test_a_cursor_reads_the_same_bars() -> None:
    cursor = bars_at([1, 2, 3]).cursor()
    cursor.move(1)
    assert (cursor.time, cursor.open, cursor.high, cursor.low, cursor.close, cursor.volume) == (
        2,
        11,
        12,
        10,
        11,
        0,
    )


def test_time_frames_have_lengths() -> None:
    assert TimeFrame("1m").micros == 60_000_000
    assert TimeFrame.DAY.micros == 86_400_000_000
    assert all(frame.micros for frame in TimeFrame)
