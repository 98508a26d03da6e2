import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from traderbot import Backtest
from traderbot.backtests.backtest import BacktestResult
from traderbot.model.bars import Floats
from traderbot.model.errors import InvalidValue, NotFound
from traderbot.simulation.costs import Costs
from traderbot.strategies.base import Context, Strategy
from traderbot.strategies.parameters import Whole
from traderbot.strategies.signals import Frame, SignalStrategy

pytestmark = pytest.mark.domain


class HoldAll(Strategy):
    """Buys 100 shares of everything, once."""

    name = "hold-all"

    def on_step(self, ctx: Context, moved: object) -> None:
        for symbol in ctx.symbols:
            if not ctx.position(symbol) and not ctx.orders:
                ctx.buy(symbol, 100)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def result(home: Path) -> BacktestResult:
    return Backtest("moving-average", parameters={"fast": 10}, start="2003-01-02", home=home).run()


def test_importing_the_package_imports_nothing_else() -> None:
    code = (
        "import sys, traderbot; assert 'numpy' not in sys.modules and 'polars' not in sys.modules;"
        "traderbot.Backtest; assert 'plotly' not in sys.modules and 'fastapi' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_the_package_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(ImportError, match="no_such"):
        from traderbot import no_such  # noqa: F401


def test_a_result_has_figures_tables_and_exact_equity(result: BacktestResult) -> None:
    curve, trades, fills = result.curve, result.trades, result.fills
    assert curve["equity"][-1] == pytest.approx(float(result.equity), abs=1e-6)
    assert str(curve["time"][0])[:10] == "2003-01-02"
    assert curve["equity"][0] == curve["benchmark"][0] == 100_000
    assert curve["drawdown"].min() == pytest.approx(result.metrics["max_drawdown"])
    assert len(fills) == len(result.result.fills)
    assert fills["fee"].sum() == sum(fill.fee for fill in result.result.fills)
    ended = trades.filter(pl.col("exit_at").is_not_null())
    assert len(ended) == result.metrics["trades"]
    nets = ended["net"].cast(pl.Float64).to_numpy()
    assert result.metrics["hit_rate"] == pytest.approx((nets > 0).mean())
    assert result.metrics["expectancy"] == pytest.approx(nets.mean())
    assert result.metrics["total_return"] == pytest.approx(float(result.equity) / 100_000 - 1)
    assert result.metrics["beta"] is not None
    assert result.metrics["turnover"] == pytest.approx(
        float(fills["notional"].sum()) / 2 / curve["equity"].mean() / (3_711.0 / 365.25), rel=1e-3
    )


def test_the_benchmark_is_all_in_equal_parts_or_one_symbol(home: Path, result: BacktestResult) -> None:
    assert result.benchmark_metrics["total_return"] > 3
    one = Backtest(HoldAll(), symbols="AAPL,IBM", benchmark="IBM", home=home).run()
    bars = one.backtest.dataset.bars_of("IBM")
    grown = one.curve["benchmark"][-1] / 100_000
    assert grown > bars.close[-1] / bars.close[0]  # dividends are in it
    with pytest.raises(NotFound, match="XYZ"):
        Backtest(HoldAll(), benchmark="XYZ", home=home)


def test_a_backtest_runs_again_with_the_same_bytes(home: Path, result: BacktestResult) -> None:
    again = result.backtest.run()
    assert again.to_json() == result.to_json()
    strategy = HoldAll()
    one = Backtest(strategy, symbols=["IBM"], home=home)
    assert one.run().equity == one.run().equity


def test_amounts_add_up_to_the_equity(result: BacktestResult) -> None:
    amounts = dict(result.document.amounts)
    equity, _cash = amounts.pop("equity"), amounts.pop("cash")
    assert sum(amounts.values()) == equity == result.equity


def test_a_frame_of_ones_own_is_enough() -> None:
    days = pl.date_range(pl.date(2024, 1, 2), pl.date(2024, 3, 28), eager=True)
    days = days.filter((days.dt.weekday() < 6) & ~days.is_in([pl.Series(["2024-01-15"]).str.to_date()[0]]))
    close = 100 + np.arange(len(days), dtype=float)
    frame = pl.DataFrame(
        {"date": days, "open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 1e6}
    )
    free = Costs(Decimal(0), Decimal(0), Decimal(1))
    result = Backtest(HoldAll(), data=frame, symbols="GOLD", cash=20_000, costs=free).run()
    lazy = Backtest(HoldAll(), data=frame.lazy(), symbols=["GOLD"], cash=20_000, costs=free).run()
    assert lazy.to_json() == result.to_json()
    assert result.trades["symbol"].to_list() == ["GOLD"]
    assert result.equity == 20_000 + 100 * Decimal(str(close[-1] - close[1]))


def test_the_report_is_written_as_a_page_or_a_folder(result: BacktestResult, tmp_path: Path) -> None:
    page = result.report(tmp_path / "deep" / "one.html")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    written = result.report(tmp_path / "all")
    names = {path.name for path in written.parent.iterdir()}
    assert names == {"report.html", "result.json", "curve.csv", "trades.csv", "fills.csv", "months.csv"}
    assert json.loads((tmp_path / "all" / "result.json").read_bytes())["strategy"] == "moving-average"
    assert len(pl.read_csv(tmp_path / "all" / "curve.csv")) == len(result.curve)
    assert len(pl.read_csv(tmp_path / "all" / "trades.csv")) == len(result.trades)


def test_a_notebook_gets_a_table_a_drawing_and_plots(result: BacktestResult) -> None:
    shown = result._repr_html_()
    assert "moving-average" in shown
    assert "<svg" in shown
    assert "<script" not in shown
    assert result.plot().layout.title.text == "Equity"
    assert result.plot("IBM").layout.title.text == "IBM with executions"
    with pytest.raises(InvalidValue, match="name: expected one of equity, drawdown"):
        result.plot("nothing")


def test_a_strategy_that_does_nothing_has_a_report_too(home: Path, tmp_path: Path) -> None:
    result = Backtest(Strategy(), symbols="FB", start="2013-02-28", home=home).run()
    assert result.metrics["trades"] == 0
    assert result.metrics["sharpe"] is None
    assert result.trades.is_empty()
    assert result.report(tmp_path / "r.html").exists()
    assert "NaN" not in result.to_json()
    assert result._repr_html_()


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"cash": 1e5}, "cash: expected a decimal"),
        ({"cash": 0}, "cash: expected a positive amount"),
        ({"account": "crypto"}, "account: expected cash or margin"),
        ({"start": "2011-01-03", "end": "2010-01-04"}, "end: expected a day from start on"),
        ({"symbols": ["IBM", "NONE"]}, "no instrument NONE"),
    ],
)
def test_what_cannot_be_run_is_refused_by_name(home: Path, terms: dict[str, object], told: str) -> None:
    with pytest.raises((InvalidValue, NotFound), match=told):
        Backtest(HoldAll(), home=home, **terms)  # type: ignore[arg-type]


class InAfter(SignalStrategy):
    """All in from the end of its warm-up on."""

    bars = Whole(3, least=1, most=50)

    @property
    def warm_up(self) -> int:
        return self.bars

    def signal(self, frame: Frame) -> Floats:
        return np.ones_like(frame.close)


def test_the_account_and_the_benchmark_begin_on_the_day_the_warm_up_ends() -> None:
    days = [f"2024-01-{day:02}" for day in (2, 3, 4, 5, 8, 9, 10, 11)]
    closes = [100.0, 50, 80, 100, 110, 90, 120, 150]
    opens = [closes[0], *closes[:-1]]  # so that what is ordered at a close is bought at it
    high, low = np.maximum(opens, closes), np.minimum(opens, closes)
    frame = pl.DataFrame(
        {"date": days, "open": opens, "high": high, "low": low, "close": closes, "volume": [10_000_000] * 8}
    )
    free = Costs(Decimal(0), Decimal(0), Decimal(1))
    data: dict[str, object] = {"AAA": frame}
    found = Backtest(InAfter(bars=3), data=data, cash=100_000, costs=free).run()
    assert found.held[:4].tolist() == found.path.equity[:4].tolist() == [100_000.0] * 4
    assert found.held[4:].tolist() == pytest.approx([110_000, 90_000, 120_000, 150_000])
    assert found.path.equity[4:].tolist() == pytest.approx(
        found.held[4:].tolist(), rel=0.01
    )  # a little is kept
    later = Backtest(InAfter(bars=3), data=data, cash=100_000, costs=free, start="2024-01-08").run()
    assert later.held[:2].tolist() == pytest.approx([100_000, 100_000 * 90 / 110])
