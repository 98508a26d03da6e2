from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from traderbot.backtests.material import moment, source_of, strategy_of, window_of
from traderbot.market.datasets import Dataset
from traderbot.market.demo import ensure_demo
from traderbot.model.errors import InvalidValue, NotFound
from traderbot.strategies.base import Strategy
from traderbot.strategies.moving_average import MovingAverageCrossover

pytestmark = pytest.mark.domain
DAY = 86_400_000_000
DAYS = [date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4), date(2024, 1, 5)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def demo(home: Path) -> Dataset:
    return ensure_demo(home)


def columns(**more: Any) -> dict[str, Any]:
    closes = [10.0, 11.0, 12.0, 11.5]
    return {
        "date": DAYS,
        "open": closes,
        "high": [close + 1 for close in closes],
        "low": [close - 1 for close in closes],
        "close": closes,
        "volume": [1000, 1000, 1000, 1000],
        **more,
    }


def test_the_demo_is_a_name_and_a_data_set_is_itself(home: Path, demo: Dataset) -> None:
    found = source_of("demo", home)
    assert found.dataset.sha256 == demo.sha256
    assert source_of(demo, home).dataset is demo


def test_a_file_and_frames_of_both_kinds_are_the_same_bars(home: Path, tmp_path: Path) -> None:
    frame = pl.DataFrame(columns())
    frame.write_csv(tmp_path / "AAA.csv")
    pandas = pd.DataFrame(columns()).assign(date=lambda rows: pd.to_datetime(rows["date"])).set_index("date")
    aware = pandas.copy()
    aware.index = aware.index + pd.Timedelta(hours=21)
    aware.index = aware.index.tz_localize("UTC")
    given = [
        source_of(str(tmp_path / "AAA.csv"), home),
        source_of(tmp_path / "AAA.csv", home),
        source_of(frame, home, symbol="AAA"),
        source_of(frame.lazy(), home, symbol="AAA"),
        source_of({"AAA": frame}, home),
        source_of({"AAA": pandas}, home),
        source_of(pandas, home, symbol="AAA"),
        source_of(frame.with_columns(symbol=pl.lit("AAA")), home),
        source_of({"AAA": aware}, home),
    ]
    expected = [datetime(2024, 1, day, 21, tzinfo=UTC) for day in (2, 3, 4, 5)]
    for number, one in enumerate(given):
        bars = one.dataset.bars_of("AAA")
        assert bars.close.tolist() == [10.0, 11.0, 12.0, 11.5], number
        assert [datetime.fromtimestamp(at / 1e6, UTC) for at in bars.times] == expected, number


def test_frames_by_symbol_become_one_data_set(home: Path) -> None:
    frame = pl.DataFrame(columns())
    found = source_of({"BBB": frame.tail(2), "AAA": frame}, home).dataset
    assert [(name, len(bars)) for name, bars in found.bars.items()] == [("AAA", 4), ("BBB", 2)]


def test_faulty_rows_are_left_out_and_named(home: Path) -> None:
    frame = pl.DataFrame(columns(close=[10.0, np.nan, 12.0, 40.0]))
    found = source_of({"AAA": frame}, home)
    assert found.dataset.bars_of("AAA").close.tolist() == [10.0, 12.0]
    assert any("2024-01-03" in line for line in found.said)
    assert any("2024-01-05" in line and "outside low" in line for line in found.said)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (42, "data: expected the name of a data set"),
        ({}, "data: expected at least one frame"),
        ("no/such.csv", "no file"),
        ("never-imported", "no data set"),
        ("NOT A NAME", "name: expected"),
        (pl.DataFrame({"date": DAYS}), "no column for open"),
        ({"AAA": pl.DataFrame(columns(symbol="AAA"))}, "no column of symbols"),
        ({"bad symbol": pl.DataFrame(columns())}, "data: expected a ticker"),
    ],
)
def test_data_that_is_none_is_refused_in_words(home: Path, data: object, told: str) -> None:
    with pytest.raises((InvalidValue, NotFound), match=told):
        source_of(data, home)


def test_a_window_keeps_the_bars_before_it_as_history(demo: Dataset) -> None:
    found = window_of(demo, "AAPL, IBM", "2005-01-03", date(2005, 12, 30))
    assert [one.symbol for one in found.bars] == ["AAPL", "IBM"]
    assert found.start == moment("2005-01-03", "start")
    assert all(int(one.times[0]) < found.start for one in found.bars)
    assert {int(one.times[-1]) // DAY for one in found.bars} == {(date(2005, 12, 30) - date(1970, 1, 1)).days}
    assert {action.symbol for action in found.actions} == {"AAPL", "IBM"}
    assert len(window_of(demo, None, None, None).bars) == 5


@pytest.mark.parametrize(
    ("symbols", "start", "end", "told"),
    [
        (None, "2010-01-04", "2009-12-31", "end: expected a day from start on, 2010-01-04"),
        (None, "2015-01-01", None, "a window with bars in it; demo has them from 2000-03-01 to 2013-03-01"),
        (None, None, "1999-01-01", "a window with bars in it"),
        (["FB"], None, "2001-01-01", "a window with bars in it"),
        (None, "yesterday", None, "start: expected a day such as"),
        (None, None, 20050103, "end: expected a day such as"),
        (["XYZ"], None, None, "no instrument XYZ"),
        (["IBM", "IBM"], None, None, "symbols: expected each of them once"),
        ("ibm", None, None, "symbols: expected a ticker"),
    ],
)
def test_windows_without_anything_in_them_are_refused(
    demo: Dataset, symbols: Any, start: Any, end: Any, told: str
) -> None:
    with pytest.raises((InvalidValue, NotFound), match=told):
        window_of(demo, symbols, start, end)


def test_a_moment_is_a_moment_and_the_last_day_is_whole() -> None:
    assert moment(datetime(1970, 1, 2, 12, tzinfo=UTC), "start") == DAY + DAY // 2
    assert moment(date(1970, 1, 2), "start") == DAY
    assert moment("1970-01-02", "end", last=True) == 2 * DAY


def test_a_strategy_comes_from_a_name_a_class_a_file_or_itself(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from traderbot.strategies.base import Strategy\n\n\nclass Mine(Strategy):\n    name = 'mine'\n"
    )
    given = MovingAverageCrossover(fast=5, slow=9)
    assert strategy_of("moving-average", {"fast": "7"}).values()["fast"] == 7
    assert strategy_of(MovingAverageCrossover, {"fast": 7}).values()["fast"] == 7
    assert strategy_of(str(file), None).name == strategy_of(file, None).name == "mine"
    found = strategy_of(given, None)
    assert found is not given
    assert found.values() == given.values()


@pytest.mark.parametrize(
    ("strategy", "parameters", "told"),
    [
        ("no-such", {}, "strategy: expected one of"),
        (7, {}, "strategy: expected a Strategy"),
        (dict, {}, "strategy: expected a Strategy"),
        (Strategy(), {"fast": 1}, "parameters: expected none"),
        ("moving-average", {"fast": "x"}, "fast: expected a whole number from 1"),
        ("moving-average", {"fast": 60}, "fast: expected a number of bars from 1 to below slow"),
        ("moving-average", {"pace": 60}, "pace: expected one of fast, slow, qty"),
    ],
)
def test_strategies_that_are_none_are_refused(
    strategy: Any, parameters: dict[str, object], told: str
) -> None:
    with pytest.raises(InvalidValue, match=told):
        strategy_of(strategy, parameters)
