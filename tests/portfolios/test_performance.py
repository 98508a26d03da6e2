"""An account's performance: what the parts of a gain sum to, returns against independent code, bad spans."""

import json
from decimal import Decimal
from pathlib import Path

import empyrical
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skfolio import measures
from skfolio.datasets import load_sp500_dataset
from skfolio.preprocessing import prices_to_returns

from portfolios.accounts import book_of, wandered
from portfolios.made import DAY, START, book
from traderbot.portfolios.benchmarks import Benchmark, benchmark_of
from traderbot.portfolios.performance import Performance, performance_of
from traderbot.portfolios.spans import Every
from traderbot.portfolios.tracks import Whole
from trading.session_rig import BBB, SessionRig

pytestmark = pytest.mark.integration

D = Decimal
MADE_OF = ("realised", "unrealised", "dividends")
LESS = ("fees", "borrow", "interest")


def adds_up(found: Performance) -> None:
    assert found.gain == sum(getattr(found, name) for name in MADE_OF) - found.costs
    assert found.costs == sum(getattr(found, name) for name in LESS)
    is_told(found)


def is_told(found: Performance) -> None:
    """What is not there has its reason, and JSON has words for all of it."""
    assert found.gain == found.end_equity - found.start_equity - found.flows
    document = json.loads(msgspec.json.encode(found), parse_constant=pytest.fail)  # no NaN, no Infinity
    told = ("costs_of_capital", "costs_of_gain", "time_weighted", "time_weighted_annual", "money_weighted",
            "money_weighted_annual", "statistics")  # fmt: skip
    for name in told:
        whole = name.removesuffix("_annual")
        assert document[name] is not None or name in found.reasons or whole in found.reasons, name


@pytest.mark.parametrize("seed", range(4))
def test_the_parts_of_a_gain_sum_to_it_and_periods_to_the_whole(tmp_path: Path, seed: int) -> None:
    with wandered(tmp_path, seed) as (rig, account_id):
        made = book_of(rig, account_id)
        dataset = rig.dataset
    whole = performance_of(made, every=Every.WEEK, benchmark_at=lambda t: benchmark_of(dataset, BBB, t))
    adds_up(whole)
    assert whole.end_equity == D(int(made.equity[-1])).scaleb(-6)
    for name in ("flows", "gain"):
        assert sum(getattr(period, name) for period in whole.periods) == getattr(whole, name)
    for name in ("time_weighted", "benchmark"):
        product = np.prod([1.0 + getattr(period, name) for period in whole.periods])
        assert product - 1.0 == pytest.approx(getattr(whole, name))
    assert [one.end_equity for one in whole.periods[:-1]] == [one.start_equity for one in whole.periods[1:]]
    middle = int(made.times[6])
    first, second = performance_of(made, end=middle), performance_of(made, begin=middle + 1)
    adds_up(first)
    adds_up(second)
    for name in ("gain", "flows", "costs", *MADE_OF, *LESS):
        assert getattr(first, name) + getattr(second, name) == getattr(whole, name)
    assert first.time_weighted is not None
    assert second.time_weighted is not None
    assert (1 + first.time_weighted) * (1 + second.time_weighted) - 1 == pytest.approx(whole.time_weighted)


def test_real_returns_as_empyrical_and_skfolio_have_them() -> None:
    """skfolio's 20 stocks 1990-2022 in equal parts, 10,000 put in every 100 days."""
    returns = prices_to_returns(load_sp500_dataset()).mean(axis=1).to_numpy()
    equity, flows, now = [], {}, 0.0
    for place, change in enumerate(returns):
        if place % 100 == 0:
            flows[place] = 10_000.0
        now = round((now + flows.get(place, 0.0)) * (1.0 + change), 6)
        equity.append(now)
    found = performance_of(book(equity, flows))
    statistics = found.statistics
    assert statistics is not None
    assert found.time_weighted == pytest.approx(empyrical.cum_returns_final(returns), rel=1e-6)
    year = statistics.year
    for name, theirs in {
        "volatility": empyrical.annual_volatility(returns, annualization=year),
        "sharpe": empyrical.sharpe_ratio(returns, annualization=year),
        "sortino": empyrical.sortino_ratio(returns, annualization=year),
        "max_drawdown": empyrical.max_drawdown(returns),
    }.items():
        assert getattr(statistics, name) == pytest.approx(theirs, rel=1e-5), name
    assert statistics.volatility == pytest.approx(measures.standard_deviation(returns) * year**0.5, rel=1e-5)
    assert -statistics.max_drawdown == pytest.approx(
        measures.max_drawdown(measures.get_drawdowns(returns, compounded=True)), rel=1e-5
    )


def test_money_weighted_of_the_two_shares() -> None:
    """CFA level I: 100, 118 a year later, 264 another year later: 13.86% a year; time-weighted 15.84%."""
    found = performance_of(book([122.0, 264.0], {0: 100.0, 1: 118.0}, every=365))
    assert found.money_weighted_annual == pytest.approx(0.1386, abs=5e-5)
    assert found.time_weighted_annual == pytest.approx(0.1584, abs=5e-5)
    assert found.money_weighted == pytest.approx(1.1386**2 - 1, abs=2e-4)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(-0.2, 0.2), st.integers(0, 5000)), min_size=2, max_size=20))
def test_the_return_does_not_change_with_flows(rows: list[tuple[float, int]]) -> None:
    found = []
    for counted in (0, 1):
        flows, equity, now = {0: 1000.0}, [], 0.0
        for place, (change, flow) in enumerate(rows):
            flows[place] = flows.get(place, 0.0) + counted * flow
            now = (now + flows[place]) * (1.0 + change)
            equity.append(now)
        found.append(performance_of(book(equity, flows)).time_weighted)
    assert found[0] == pytest.approx(found[1], abs=1e-7)


def test_bad_spans_are_answers() -> None:
    cases: dict[str, tuple[list[float], dict[int, float], str | None, float | None]] = {
        "no history": ([], {}, "no close of the account lies in this span", None),
        "no money": ([0.0, 0.0], {}, "the account had no money", None),
        "a total loss": ([100.0, 0.0, 0.0], {0: 100.0}, None, -1.0),
        "money after it": ([100.0, 0.0, 60.0], {0: 100.0, 2: 50.0}, None, -1.0),
        "below zero": ([100.0, -5.0, -5.0], {0: 100.0}, "more was lost than there was on 2005-01-05", None),
        "one close": ([101.0], {0: 100.0}, None, 0.01),
        "all taken out": ([100.0, 0.0, 0.0], {0: 100.0, 1: -100.0}, None, 0.0),
    }
    for name, (equity, flows, reason, whole) in cases.items():
        found = performance_of(book(equity, flows), every=Every.DAY)
        is_told(found)
        assert found.reasons.get("time_weighted") == reason, name
        assert found.time_weighted == (None if whole is None else pytest.approx(whole)), name
        assert len(found.periods) == len(equity)
        assert all((period.time_weighted is None) is (period.reason is not None) for period in found.periods)
    lost = performance_of(book([100.0, 0.0, 0.0], {0: 100.0}))
    assert lost.money_weighted == -1.0
    below = performance_of(book([100.0, -5.0], {0: 100.0}), every=Every.DAY)
    assert [period.time_weighted for period in below.periods] == [0.0, None]


def test_a_flow_of_the_first_day_is_capital_not_gain() -> None:
    found = performance_of(book([110.0, 220.0], {0: 100.0, 1: 110.0}))
    assert (found.gain, found.flows) == (D(10), D(210))
    assert found.time_weighted == pytest.approx(0.1)


def test_a_benchmark_that_does_not_overlap_is_told() -> None:
    def none(times: Whole) -> Benchmark:
        return Benchmark(BBB, None, f"nothing at {len(times)}")

    found = performance_of(book([101.0, 102.0], {0: 100.0}), every=Every.DAY, benchmark_at=none)
    assert (found.benchmark, found.excess, found.reasons["benchmark"]) == (None, None, "nothing at 3")
    assert all(period.benchmark is None for period in found.periods)
    assert found.time_weighted == pytest.approx(0.02)


def test_less_than_a_year_is_not_annualised() -> None:
    short = performance_of(book([101.0, 102.0], {0: 100.0}))
    assert short.statistics is not None
    assert (short.time_weighted_annual, short.money_weighted_annual, short.statistics.cagr) == (None,) * 3
    assert short.reasons["time_weighted_annual"].startswith("the span is of 2 days")
    made = book([110.0], {0: 100.0}, every=730)
    assert made.times[0] - START == 730 * DAY
    assert performance_of(made).time_weighted_annual == pytest.approx(1.1**0.5 - 1)


def test_costs_are_shares_of_capital_and_gain(tmp_path: Path) -> None:
    with wandered(tmp_path, 1) as (rig, account_id):
        found = performance_of(book_of(rig, account_id))
    assert isinstance(rig, SessionRig)
    assert found.borrow > 0
    assert found.costs_of_capital is not None
    mean = float(found.costs) / float(found.costs_of_capital)
    assert 90_000 < mean < 150_000  # 100,000 put in, and some more
