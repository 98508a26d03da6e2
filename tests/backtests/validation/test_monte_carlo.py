from decimal import Decimal

import msgspec
import numpy as np
import pytest

from backtests.validation.made import AAA, Trend, bars_of, hold, subject, walk, waves
from traderbot.backtests.validation.monte_carlo import (
    costlier,
    gains,
    larger,
    missing_fills,
    noisy,
    resample,
    reshuffle,
    stress,
    stresses,
)
from traderbot.backtests.validation.subject import filled_share
from traderbot.model.bars import Bar
from traderbot.model.rules import Rules
from traderbot.strategies.base import Context, Strategy

pytestmark = pytest.mark.domain


def test_resampled_histories_surround_the_one_there_was() -> None:
    returns = np.random.default_rng(1).normal(0.001, 0.01, 500)
    found = resample(returns, 252, draws=800, seed=2)
    grown = np.prod(1 + returns) - 1
    assert found.growth.low < grown < found.growth.high
    # the spread of a sum of independent returns
    middle = np.log1p([found.growth.low, found.growth.high])
    assert (middle[1] - middle[0]) / 3.29 == pytest.approx(returns.std() * np.sqrt(500), rel=0.2)
    assert 0 < found.drawdown.low < found.drawdown.middle < found.drawdown.high < 1
    assert found == resample(returns, 252, draws=800, seed=2)
    assert found != resample(returns, 252, draws=800, seed=3)


def test_how_many_histories_lose() -> None:
    assert resample(np.full(100, 0.001), 252, draws=100).loss == 0
    assert resample(np.full(100, -0.001), 252, draws=100).loss == 1


def test_the_order_of_trades_moves_the_drawdown_and_not_the_sum() -> None:
    found = reshuffle(np.array([0.1] * 10 + [-0.05] * 10), draws=500, seed=1)
    assert 0.05 <= found.low < found.high <= 0.5
    assert reshuffle(np.array([0.1, 0.2]), draws=50).high == 0
    assert reshuffle(np.array([-0.1, -0.2]), draws=50).low == pytest.approx(0.3)
    assert reshuffle(np.array([]), draws=50).high == 0


def test_gains_of_trades_sum_to_the_money_made() -> None:
    made = subject(Trend, bars_of(waves(200, 1)))
    result = made.result()
    assert not any(position.qty for position in result.account.positions.values())
    opening = sum((fill.fee for fill in result.fills if not fill.relief), Decimal(0))
    total = float(result.equity - made.cash + opening) / 100_000
    assert gains(result, made.cash).sum() == pytest.approx(total)


def test_noise_moves_whole_bars_and_keeps_them_bars() -> None:
    made = subject(Trend, bars_of(walk(300, 1)))
    (before,), (after,) = made.bars, noisy(made, 0.2, 1).bars
    ratio = after.close / before.close
    np.testing.assert_allclose(after.open / before.open, ratio)
    np.testing.assert_allclose(after.high / before.high, ratio)
    assert np.log(ratio).std() == pytest.approx(0.002, rel=0.2)
    assert (after.low <= after.high).all()
    assert (noisy(made, 0.2, 1).bars[0].close == after.close).all()


def test_without_volume_an_order_is_missed() -> None:
    made = subject(Trend, bars_of(waves(400, 2)))
    as_is, missed = stress(made, "as it is"), stress(missing_fills(made, 0.3, 1), "missed")
    assert as_is.filled == 1.0
    assert missed.filled < 0.9
    assert missed.trades < as_is.trades * 1.2


def test_higher_costs_cost_what_they_say() -> None:
    made = subject(Trend, bars_of(waves(200, 1)))
    made = msgspec.structs.replace(made, rules=Rules(fee_rate=made.costs.fee_rate))
    plain, dear = made.result(), costlier(made, 3).result()
    fees = [float(result.fills[0].fee) / float(result.fills[0].notional) for result in (plain, dear)]
    assert fees[1] / fees[0] == pytest.approx(3, rel=0.01)
    assert dear.fills[0].price > plain.fills[0].price
    assert dear.equity < plain.equity


class Tenth(Strategy):
    """Asks for a tenth of the volume of its bars, which may just be had."""

    name = "tenth"

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        hold(ctx, bar, bar.index % 4 < 2, qty=100)


def test_a_larger_account_is_filled_less() -> None:
    made = subject(Tenth, bars_of(walk(200, 1), AAA, volume=1000.0))
    shares = [stress(larger(made, times), "").filled for times in (1, 2, 10, 1000)]
    assert shares[0] == 1.0
    assert shares[0] > shares[1] > shares[2]
    assert shares[3] == 0.0
    assert filled_share(made.result()) == 1.0


def test_all_stresses_run_and_tell_how_far_they_are() -> None:
    seen: list[tuple[str, int, int]] = []
    made = subject(Trend, bars_of(waves(150, 1)))
    found = stresses(made, 2, 0, lambda *step: seen.append(step))
    assert {kind: len(each) for kind, each in found.items()} == {
        "noise": 2,
        "missed": 2,
        "costs": 2,
        "capacity": 4,
    }
    assert seen[0] == ("stress", 1, 10)
    assert seen[-1] == ("stress", 10, 10)
    assert found["capacity"][0].sharpe == stress(made, "").sharpe
