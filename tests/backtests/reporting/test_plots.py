import numpy as np
import pytest

from traderbot.backtests.backtest import Backtest, BacktestResult
from traderbot.backtests.reporting.plots import figures

pytestmark = pytest.mark.domain


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> BacktestResult:
    return Backtest("moving-average", symbols="AAPL,IBM", home=tmp_path_factory.mktemp("home")).run()


def test_there_is_a_plot_of_everything(result: BacktestResult) -> None:
    drawn = figures(result.document)
    assert list(drawn)[:5] == ["equity", "drawdown", "sharpe", "months", "trades"]
    assert set(list(drawn)[5:]) == {"AAPL", "IBM"}
    for draw in drawn.values():
        assert draw().to_json()


def test_plots_show_the_figures_of_the_result(result: BacktestResult) -> None:
    drawn = figures(result.document)
    held, own = drawn["equity"]().data
    assert own.y[-1] == pytest.approx(float(result.equity), abs=0.01)
    assert held.y[-1] == pytest.approx(result.held[-1], abs=0.01)
    (under,) = drawn["drawdown"]().data
    assert np.min(under.y) == pytest.approx(result.metrics["max_drawdown"], abs=1e-6)
    (heat,) = drawn["months"]().data
    assert list(heat.z[0][:2]) == [None, None]  # the data begin in March
    gains, losses = drawn["trades"]().data
    assert len(gains.x) + len(losses.x) == result.metrics["trades"]
    assert min(gains.y) > 0 >= max(losses.y)
    prices, buys, sells = drawn["IBM"]().data
    assert len(buys.x) + len(sells.x) == len([one for one in result.result.fills if one.symbol == "IBM"])
    assert len(prices.x) == 3_270


def test_plots_over_time_have_their_days_one_above_the_other(result: BacktestResult) -> None:
    drawn = figures(result.document)
    axes = {name: draw().layout for name, draw in drawn.items() if name != "months"}
    assert {layout.xaxis.range for layout in axes.values()} == {("2000-03-01 21:00", "2013-03-01 21:00")}
    assert len({(layout.margin.l, layout.margin.r) for layout in axes.values()}) == 1


def test_the_equity_has_a_logarithmic_scale_to_choose(result: BacktestResult) -> None:
    (menu,) = figures(result.document)["equity"]().layout.updatemenus
    assert [button.args[0]["yaxis.type"] for button in menu.buttons] == ["linear", "log"]
