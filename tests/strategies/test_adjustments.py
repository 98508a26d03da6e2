import csv
import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from traderbot.backtests.runner import run
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.bars import Bar
from traderbot.model.symbols import Symbol
from traderbot.strategies.adjustments import adjusted
from traderbot.strategies.base import Context, History, Strategy

pytestmark = pytest.mark.integration
SHARED = Path(os.environ.get("TRADERBOT_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
WIKI = SHARED / "wiki" / "zipline_wiki_AAPL_MSFT_BRKA_ZEN_2014.csv"
PRICES = ("open", "high", "low", "close", "volume")


def rows_of(name: str) -> list[dict[str, str]]:
    if not WIKI.exists():
        pytest.skip(f"the shared data folder is absent: {SHARED}")
    with WIKI.open() as file:
        return [row for row in csv.DictReader(file) if row["ticker"] == name]


def _adjusted(history: History, actions: list[CorporateAction]) -> History:
    return History(*adjusted(history, actions))


def given(rows: list[dict[str, str]]) -> tuple[History, list[CorporateAction]]:
    """Raw bars, known at 21:00 UTC, and what happened to the shares."""
    days = [date.fromisoformat(row["date"]) for row in rows]
    times = [
        int(datetime(day.year, day.month, day.day, 21, tzinfo=UTC).timestamp()) * 1_000_000 for day in days
    ]
    columns = [np.array([float(row[name]) for row in rows]) for name in PRICES]
    actions, symbol = [], Symbol(rows[0]["ticker"])
    for day, row in zip(days, rows, strict=True):
        if float(row["split_ratio"]) != 1:
            actions.append(CorporateAction(symbol, day, ActionKind.SPLIT, new=int(float(row["split_ratio"]))))
        if float(row["ex-dividend"]):
            actions.append(CorporateAction(symbol, day, ActionKind.DIVIDEND, Decimal(row["ex-dividend"])))
    return History(np.array(times), *columns), actions


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["AAPL", "MSFT"])
def test_adjusted_from_raw_is_what_the_vendor__adjusted(name: str) -> None:
    """To 1 part in 10^9, but for the one factor of what happened after the file ends."""
    rows = rows_of(name)
    history, actions = given(rows)
    found = _adjusted(history, actions)
    theirs = {each: np.array([float(row[f"adj_{each}"]) for row in rows]) for each in PRICES}
    scale = theirs["close"][-1] / history.closes[-1]
    columns = (found.opens, found.highs, found.lows, found.closes)
    for each, mine in zip(PRICES, columns, strict=False):
        assert mine * scale == pytest.approx(theirs[each], rel=1e-9), each
    assert found.volumes == pytest.approx(theirs["volume"], rel=1e-9)


@pytest.mark.shared_data
def test_adjusting_before_a_split_knows_nothing_of_it() -> None:
    history, actions = given(rows_of("AAPL"))
    split = next(action.ex_date for action in actions if action.kind is ActionKind.SPLIT)
    before = [action for action in actions if action.ex_date < split]
    count = int(np.searchsorted(history.times, given_time(split)))
    known = History(*(column[:count] for column in history))
    mine, all_told = _adjusted(known, before), _adjusted(known, actions)
    assert mine.closes[-1] == history.closes[count - 1], "the last price known is the one traded"
    assert np.array_equal(mine.closes, all_told.closes), "an action after the last bar counts nowhere"
    after = _adjusted(History(*(column[: count + 1] for column in history)), actions)
    assert after.closes[count - 1] == pytest.approx(history.closes[count - 1] / 7, rel=1e-12)
    assert after.volumes[count - 1] == pytest.approx(history.volumes[count - 1] * 7)


def given_time(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000


def test_nothing_and_a_single_bar_stay_as_they_are() -> None:
    for count in (0, 1):
        column = np.full(count, 10.0)
        history = History(np.arange(count) + 1, *([column] * 5))
        assert _adjusted(history, []).closes.tolist() == [10.0] * count
        assert _adjusted(history, []).volumes.tolist() == [10.0] * count


class Compares(Strategy):
    name = "compares"

    def on_start(self, ctx: Context) -> None:
        self.seen: list[list[float]] = []

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        self.seen.append(ctx.adjusted(bar.symbol, 2).closes.round(9).tolist())


def test_a_strategy_sees_prices_adjusted_by_what_has_happened_by_now() -> None:
    name, column = Symbol("AAA"), np.array([70.0, 77.0, 11.0])
    bar = Bar(name, given_time(date(2014, 6, 2)) + 86_400_000_000 * np.arange(1, 4), *([column] * 5))
    split = CorporateAction(name, date(2014, 6, 4), ActionKind.SPLIT, new=7)
    strategy = Compares()
    run(strategy, [bar], actions=[split])
    assert strategy.seen == [[70.0], [70.0, 77.0], [11.0, 11.0]]
