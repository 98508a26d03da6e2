import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderbot.intelligence.sizing import SizingRules, View, target_weight, target_weights, worth_trading

pytestmark = pytest.mark.unit

RULES = SizingRules()
chances = st.floats(0.0, 1.0)
volatilities = st.floats(0.0, 0.5)
views = st.lists(
    st.builds(View, st.sampled_from("ABCDEFGH"), chances, volatilities),
    max_size=8,
    unique_by=lambda v: v.symbol,
)


def test_a_tenth_of_kelly_below_the_caps() -> None:
    weight = target_weight(View("IBM", 0.54, 0.018), RULES)
    assert weight == pytest.approx(0.1 * 0.08 / (0.018 * math.sqrt(5)))
    assert weight < RULES.weight_max


def test_caps_shrink_with_volatility() -> None:
    assert target_weight(View("IBM", 0.9, 0.01), RULES) == 0.25
    assert target_weight(View("IBM", 0.9, 0.04), RULES) == pytest.approx(0.125)


def test_opening_needs_more_than_holding() -> None:
    view = View("IBM", 0.51, 0.02)
    assert target_weight(view, RULES) == 0.0
    assert target_weight(view, RULES, held=0.1) > 0.0
    assert target_weight(View("IBM", 0.499, 0.02), RULES, held=0.1) == 0.0


def test_what_does_not_move_is_worth_nothing() -> None:
    assert target_weight(View("IBM", 0.9, 0.0), RULES) == 0.0


@given(chances, chances, volatilities, st.floats(0.0, 1.0))
def test_more_chance_is_never_worth_less(one: float, two: float, volatility: float, held: float) -> None:
    low, high = sorted((one, two))
    less = target_weight(View("A", low, volatility), RULES, held)
    assert 0.0 <= less <= target_weight(View("A", high, volatility), RULES, held) <= RULES.weight_max


@given(chances, st.floats(0.001, 0.5), st.floats(0.001, 0.5))
def test_more_volatility_is_never_worth_more(probability: float, one: float, two: float) -> None:
    low, high = sorted((one, two))
    calm = target_weight(View("A", probability, low), RULES)
    assert target_weight(View("A", probability, high), RULES) <= calm


@given(views, st.floats(0.1, 1.0))
def test_the_total_is_capped_in_proportion(all_views: list[View], total_max: float) -> None:
    rules = SizingRules(total_max=total_max)
    weights = target_weights(all_views, rules)
    alone = {view.symbol: target_weight(view, rules) for view in all_views}
    assert list(weights) == [view.symbol for view in all_views]
    assert math.fsum(weights.values()) <= total_max + 1e-12
    if math.fsum(alone.values()) <= total_max:
        assert weights == alone
    else:
        scale = total_max / math.fsum(alone.values())
        assert weights == pytest.approx({symbol: weight * scale for symbol, weight in alone.items()})


def test_weights_held_now_count_for_the_threshold() -> None:
    view = View("IBM", 0.51, 0.02)
    assert target_weights([view], RULES)["IBM"] == 0.0
    assert target_weights([view], RULES, {"IBM": 0.1})["IBM"] > 0.0


def test_small_changes_are_left_alone_and_closing_is_not() -> None:
    assert not worth_trading(0.10, 0.115, RULES)
    assert worth_trading(0.10, 0.13, RULES)
    assert worth_trading(0.01, 0.0, RULES)
    assert not worth_trading(0.0, 0.0, RULES)


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (View("IBM", 1.2, 0.02), "IBM: probability"),
        (View("IBM", math.nan, 0.02), "IBM: probability"),
        (View("IBM", 0.6, -0.02), "IBM: volatility"),
        (View("IBM", 0.6, math.nan), "IBM: volatility"),
        (View("IBM", 0.6, math.inf), "IBM: volatility"),
    ],
)
def test_views_that_make_no_sense_are_refused(view: View, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        target_weight(view, RULES)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"kelly_fraction": 0.0}, "kelly_fraction"),
        ({"weight_max": 1.5}, "weight_max"),
        ({"total_max": math.nan}, "total_max"),
        ({"leave_below": 0.6}, "leave_below"),
        ({"enter_above": 0.4, "leave_below": 0.3}, "enter_above"),
        ({"volatility_target": 0.0}, "volatility_target"),
        ({"no_trade_band": -0.1}, "no_trade_band"),
    ],
)
def test_rules_that_make_no_sense_are_refused_by_name(rules: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SizingRules(**rules)
