from decimal import Decimal
from math import isfinite
from typing import Any

import msgspec
import numpy as np
import pytest

from risk.samples import at, book, demo, made_up, walk
from traderbot.analytics.risk.rolling import METHODS, Method
from traderbot.analytics.risk.tails import tail_of
from traderbot.risk.analysis import analyse
from traderbot.risk.figures import RiskAnalysis, Wanted
from traderbot.risk.history import history_of

pytestmark = pytest.mark.unit

HOLDINGS = {"AAPL": 100, "GOOG": 20, "IBM": 200, "MSFT": 500}


def _codes(found: RiskAnalysis) -> set[str]:
    return {one.code for one in found.reasons}


def _numbers(value: Any) -> list[float]:
    if isinstance(value, float):
        return [value]
    if isinstance(value, dict):
        return [number for one in value.values() for number in _numbers(one)]
    return [number for one in value for number in _numbers(one)] if isinstance(value, list) else []


def test_the_historical_figure_is_the_quantile_of_the_holdings_past() -> None:
    asked = book(demo(), at("2010-01-04"), HOLDINGS)
    found = analyse(asked, Wanted("historical", 0.99))
    history = history_of(demo(), asked.time, [one.symbol for one in asked.held], 1000)
    made = history.returns @ np.array([float(one.value) for one in asked.held])
    assert found.var is not None
    assert float(found.var.amount) == pytest.approx(tail_of(made, 0.99).var, abs=0.006)
    assert found.var.share == pytest.approx(float(found.var.amount) / float(asked.equity), rel=1e-4)
    assert found.reasons == []


@pytest.mark.parametrize("method", METHODS)
def test_positions_sum_to_the_account_to_the_cent(method: Method) -> None:
    found = analyse(book(demo(), at("2010-01-04"), HOLDINGS), Wanted(method, 0.95))
    assert found.var is not None
    assert found.shortfall is not None
    assert sum(one.var for one in found.positions) == found.var.amount
    assert sum(one.shortfall for one in found.positions) == found.shortfall.amount
    assert found.covered == found.value == sum(one.value for one in found.positions)
    assert found.backtest is not None
    assert found.backtest.days == 250
    assert all(isfinite(number) for number in _numbers(msgspec.to_builtins(found)))


def test_what_is_asked_twice_is_computed_once() -> None:
    asked = book(demo(), at("2010-01-05"), HOLDINGS)
    before = analyse.cache_info().hits
    first = analyse(asked, Wanted())
    assert analyse(book(demo(), at("2010-01-05"), HOLDINGS), Wanted()) is first
    assert analyse.cache_info().hits == before + 1


def test_prices_after_the_market_time_change_nothing() -> None:
    calm, crash = walk(1), walk(1)
    crash[700:] *= 0.2
    answers = []
    for closes in (calm, crash):
        dataset = made_up({"AAA": closes, "BBB": walk(2)})
        time = int(dataset.bars["AAA"].times[699])  # type: ignore[index]
        answers.append(msgspec.to_builtins(analyse(book(dataset, time, {"AAA": 10, "BBB": 5}), Wanted())))
    assert answers[0] == answers[1]


def test_an_account_that_holds_nothing_is_told_so() -> None:
    found = analyse(book(demo(), at("2010-01-04"), {}), Wanted())
    assert (found.var, found.shortfall, found.positions) == (None, None, [])
    assert _codes(found) == {"nothing_held"}


def test_an_account_without_money_has_amounts_and_no_shares() -> None:
    asked = book(demo(), at("2010-01-04"), HOLDINGS, cash=-500_000)
    found = analyse(asked, Wanted())
    assert found.var is not None
    assert found.var.amount > 0
    assert found.var.share is None
    assert (found.volatility, found.drawdown, found.beta) == (None, None, None)
    assert "no_equity" in _codes(found)


def test_too_little_history_is_told_by_symbol_and_in_all() -> None:
    found = analyse(book(demo(), at("2004-09-30"), {"GOOG": 10}), Wanted())
    assert found.var is None
    assert _codes(found) == {"too_little_history"}
    part = analyse(book(demo(), at("2004-09-30"), {"AAPL": 10, "GOOG": 10}), Wanted())
    assert part.var is not None
    assert part.covered < part.value
    young = analyse(book(demo(), at("2005-02-28"), {"GOOG": 10}), Wanted(level=0.99))
    assert {"shortened", "little_history", "few_in_tail", "ewma_filter"} <= _codes(young)
    assert young.backtest is None


def test_constant_prices_are_told_and_never_a_nan() -> None:
    dataset = made_up({"AAA": np.full(800, 10.0), "BBB": walk(1), "SPY": walk(4)})
    alone = analyse(book(dataset, dataset.last_time, {"AAA": 10}), Wanted())
    assert alone.var is None
    assert "constant_price" in _codes(alone)
    for method in METHODS:
        found = analyse(book(dataset, dataset.last_time, {"AAA": 10, "BBB": 10}), Wanted(method))
        assert found.var is not None
        assert "constant_price" in _codes(found)
        assert all(isfinite(number) for number in _numbers(msgspec.to_builtins(found)))


def test_a_singular_covariance_is_told() -> None:
    dataset = made_up({"AAA": walk(1), "BBB": walk(1), "SPY": walk(4)})
    found = analyse(book(dataset, dataset.last_time, {"AAA": 10, "BBB": 10}), Wanted("monte_carlo"))
    assert found.var is not None
    assert "singular_covariance" in _codes(found)


def test_a_short_position_protects_and_beta_falls() -> None:
    long = analyse(book(demo(), at("2010-01-04"), {"AAPL": 100, "MSFT": 500}), Wanted())
    hedged = analyse(book(demo(), at("2010-01-04"), {"AAPL": 100, "MSFT": -500}), Wanted())
    assert long.beta is not None
    assert hedged.beta is not None
    assert hedged.beta < long.beta
    by_symbol = {one.symbol: one for one in hedged.positions}
    assert by_symbol["MSFT"].value < 0  # type: ignore[index]


def test_ten_thousand_positions_are_answered() -> None:
    base = np.array([walk(seed, 130) for seed in range(20)])
    dataset = made_up({f"S{number}": base[number % 20] for number in range(10_000)})
    found = analyse(book(dataset, dataset.last_time, {f"S{number}": 1 for number in range(10_000)}), Wanted())
    assert found.var is not None
    assert len(found.positions) == 10_000
    refused = analyse(
        book(dataset, dataset.last_time, {f"S{number}": 1 for number in range(600)}), Wanted("monte_carlo")
    )
    assert refused.var is None
    assert "too_many_positions" in _codes(refused)


def test_the_account_below_its_peak_and_a_position_nobody_trades() -> None:
    asked = book(demo(), at("2010-01-04"), HOLDINGS)
    peak = msgspec.structs.replace(asked, peak=asked.equity * 2)
    found = analyse(peak, Wanted()).drawdown
    assert found is not None
    assert found.of_account == pytest.approx(-0.5)
    assert analyse(asked, Wanted()).liquidity is not None
    assert Decimal(0) < asked.equity
