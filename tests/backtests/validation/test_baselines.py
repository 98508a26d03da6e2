from datetime import date
from decimal import Decimal

import msgspec
import numpy as np
import pytest

from backtests.validation.made import AAA, BBB, DAY, FIRST, Trend, bars_of, subject, walk, waves
from traderbot.backtests.validation.baselines import baselines, compare
from traderbot.model.actions import ActionKind, CorporateAction

pytestmark = pytest.mark.domain


def test_holding_one_instrument_is_its_total_return() -> None:
    closes = np.array([100.0, 110.0, 56.0, 57.0])
    split = CorporateAction(AAA, date(2000, 1, 3), ActionKind.SPLIT, new=2, old=1)
    paid = CorporateAction(AAA, date(2000, 1, 4), ActionKind.DIVIDEND, Decimal("0.56"))
    made = msgspec.structs.replace(subject(Trend, bars_of(closes)), actions=[split, paid])
    for returns in baselines(made, made.times).values():
        assert np.prod(1 + returns) == pytest.approx(1.1 * 112 / 110 * 57.56 / 56)


def test_equal_weight_is_brought_back_and_buy_and_hold_drifts() -> None:
    made = subject(
        Trend, bars_of(np.array([100.0, 200.0, 200.0])), bars_of(np.array([100.0, 100.0, 50.0]), BBB)
    )
    found = {name: float(np.prod(1 + returns)) for name, returns in baselines(made, made.times).items()}
    assert found["equal weight"] == pytest.approx(1.5 * 0.75)
    assert found["buy and hold"] == pytest.approx((2 + 0.5) / 2)


def test_what_is_listed_later_is_not_held_before() -> None:
    late = bars_of(np.array([100.0, 300.0]), BBB)
    late = msgspec.structs.replace(late, times=FIRST + np.array([60, 61]) * DAY)
    closes = np.full(62, 100.0)
    made = subject(Trend, bars_of(closes), late)
    found = baselines(made, made.times)
    assert found["equal weight"][-1] == pytest.approx(1.0)  # half of it tripled
    assert found["buy and hold"][-1] == pytest.approx(1.0)
    for returns in found.values():
        assert (returns[:-1] == 0).all()


def test_buying_and_holding_begins_with_equal_parts_at_the_first_row_that_is_compared() -> None:
    made = subject(
        Trend, bars_of(np.array([100.0, 400.0, 400.0])), bars_of(np.array([100.0, 100.0, 50.0]), BBB)
    )
    found = baselines(made, made.times[1:])
    assert found["buy and hold"].tolist() == pytest.approx([0.0, -0.25])


def test_a_better_strategy_is_told_from_the_market() -> None:
    made = subject(Trend, bars_of(waves(800, 3)))
    times = made.rows
    own, others = made.returns_of(made.track()), baselines(made, times)
    for found in compare(own, times, others, draws=300, seed=1):
        assert (found.difference or 0) > 1
        assert (found.p_value or 1) < 0.05
    same = compare(others["equal weight"], times, others, draws=300, seed=1)
    assert [one.p_value for one in same] == [1.0, 1.0]


def test_a_comparison_of_a_few_rows_says_nothing() -> None:
    made = subject(Trend, bars_of(walk(5, 1)))
    found = compare(np.zeros(5), made.times, baselines(made, made.times), draws=100, seed=0)
    assert [(one.difference, one.p_value) for one in found] == [(None, None)] * 2
