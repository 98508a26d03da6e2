"""What a result says besides its figures: each thing once, with its place in the strategy and its bar."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from traderbot.analytics.arrays import Floats
from traderbot.backtests.backtest import Backtest, BacktestResult
from traderbot.backtests.remarks import of_the_data
from traderbot.cli.main import app
from traderbot.market.importer import import_file, store_import
from traderbot.model.amounts import Money
from traderbot.model.bars import Bar
from traderbot.model.rules import Rules
from traderbot.simulation.costs import Costs
from traderbot.strategies.base import Context, Strategy
from traderbot.strategies.signals import Frame, SignalStrategy

pytestmark = pytest.mark.integration

ROWS = 40


class Asks(Strategy):
    """Asks for more than it may, at every bar."""

    name = "asks"

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        ctx.buy(bar.symbol, 1_000)


class Says(SignalStrategy):
    """Has the same target everywhere. Never mind which."""

    name = "says"
    target = float("nan")
    bars = 5

    @property
    def warm_up(self) -> int:
        return self.bars

    def signal(self, frame: Frame) -> Floats:
        return np.full(frame.close.shape, self.target)


class Fully(Says):
    """Wants all of its equity in one instrument."""

    name = "fully"
    target = 1.0


class Greedy(Says):
    """Wants more of it than there is."""

    name = "greedy"
    target = 2.5


def days() -> list[str]:
    return [str(day) for day in np.busday_offset("2024-02-20", np.arange(ROWS), holidays=["2024-03-29"])]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("home")
    rows = [f"{day},10,11,9,{99 if number == 7 else 10},100000" for number, day in enumerate(days())]
    (found / "AAA.csv").write_text("\n".join(["date,open,high,low,close,volume", *rows]))
    store_import(import_file(found / "AAA.csv", name="aaa"), found / "data" / "aaa")
    return found


def run_of(home: Path, strategy: Strategy, limit: int | None = None) -> BacktestResult:
    order_value = Money(Decimal(limit if limit is not None else 10_000_000))
    rules = Rules(max_order_value=order_value, fee_rate=Costs().fee_rate)
    return Backtest(strategy, data="aaa", home=home, rules=rules).run()


def test_orders_that_are_refused_at_every_bar_are_said_once_with_their_number(home: Path) -> None:
    result = run_of(home, Asks(), 5_000)
    (said,) = result.remarks
    assert said.startswith(f"asks: {ROWS - 2} orders refused, order_value_limit; the first one, in AAA")
    assert "at the bar of 2024-02-20 21:00 UTC" in said
    assert said in result.document.data.said
    assert result.document.refused == {"order_value_limit": ROWS - 2, "session_ended": 1}
    assert said.replace("'", "&#39;") in result.report(home / "report.html").read_text()


def test_a_target_beyond_the_limit_is_said_once_too(home: Path) -> None:
    (said,) = run_of(home, Fully(), 5_000).remarks
    assert said.startswith(f"fully: {ROWS - 2 - Fully.bars} orders refused, order_value_limit")


def test_targets_that_add_up_to_more_than_the_cash_are_said_with_their_number_and_first_bar(
    home: Path,
) -> None:
    result = run_of(home, Greedy())
    (said,) = result.remarks
    assert said.startswith("greedy.signal (test_remarks.py line ")
    assert f"can hold at {ROWS - 1 - Greedy.bars} of {ROWS - 1} bars, at most to 250% of equity" in said
    assert "the first one at the bar of 2024-02-27 21:00 UTC: 250%" in said
    assert said in result.document.data.said
    late = Backtest(Greedy(), data="aaa", home=home, start="2024-03-15").run()
    assert "the first one at the bar of 2024-03-15 20:00 UTC" in late.remarks[0]
    borrowed = Backtest(Greedy(), data="aaa", home=home, account="margin").run()
    assert [one for one in borrowed.remarks if "add up to" in one] == []


def test_targets_without_an_opinion_are_told_with_their_place_and_bar(home: Path) -> None:
    result = run_of(home, Says())
    (said,) = result.remarks
    assert said.startswith("says.signal (test_remarks.py line ")
    assert said.endswith("every target is NaN (no opinion), the first one at the bar of 2024-02-27 21:00 UTC")
    assert said in result.document.data.said


def test_a_warm_up_longer_than_the_data_is_told(home: Path) -> None:
    strategy = Says()
    strategy.bars = ROWS
    (said,) = run_of(home, strategy).remarks
    assert said.endswith(f"its warm-up takes {ROWS} bars and there are {ROWS - 1}")


def test_where_there_is_nothing_to_say_nothing_is_said(home: Path) -> None:
    assert run_of(home, Fully()).remarks == ()
    assert run_of(home, Strategy()).remarks == ()
    assert of_the_data(["no splits or dividends come with the file"]) == ()


def test_rows_that_were_left_out_of_a_stored_data_set_are_said_by_every_backtest_of_it(home: Path) -> None:
    result = run_of(home, Fully())
    said = f"1 of {ROWS} rows were faulty and left out: AAA 2024-02-29"
    assert result.document.data.said == [said]
    from typer.testing import CliRunner

    told = CliRunner().invoke(
        app, ["backtest", "run", "buy-and-hold", "--data", "aaa", "--home", str(home)], env={"COLUMNS": "200"}
    )
    assert said in told.output
