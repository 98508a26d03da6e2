import pytest

from traderbot.backtests.backtest import Backtest

pytestmark = pytest.mark.integration


def test_a_result_is_printed_with_its_period_figures_and_trades() -> None:
    result = Backtest("equal-weight", data="demo", start="2010-01-04", end="2010-12-31").run()
    first, figures, benchmark, trades, *_ = str(result).splitlines()
    assert first.startswith("equal-weight(")
    assert f"from 2010-01-04 to 2010-12-31: equity {result.equity:,.2f}" in first
    assert figures.startswith(f"return {result.metrics['total_return']:.2%}, CAGR ")
    assert benchmark.startswith("equal parts: return ")
    ended = sum(1 for one in result.round_trips if one.exit_at is not None)
    assert trades == (
        f"{ended:,} round trips ended, {len(result.round_trips) - ended:,} open; {len(result.fills):,} fills"
    )
