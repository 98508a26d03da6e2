from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intelligence.synthetic import flat_panel, random_panel
from traderbot.analytics.returns import total_return_index
from traderbot.intelligence.features import (
    FEATURE_NAMES,
    FEATURES,
    LOOKBACK_BARS,
    feature_matrix,
    latest_features,
)
from traderbot.intelligence.panels import Panel

pytestmark = pytest.mark.unit


def named(panel: Panel) -> dict[str, float]:
    return dict(zip(FEATURE_NAMES, latest_features(panel).tolist(), strict=True))


def words(name: str, value: float) -> str:
    return FEATURES[FEATURE_NAMES.index(name)].words(value)


def test_the_matrix_has_a_column_per_feature_and_a_row_per_bar() -> None:
    matrix = feature_matrix(random_panel(200))
    assert matrix.shape == (200, len(FEATURES))
    assert matrix.dtype == np.float64
    assert np.isnan(matrix[: LOOKBACK_BARS - 1]).any(axis=1).all()
    assert np.isfinite(matrix[LOOKBACK_BARS - 1 :]).all()


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), kept=st.integers(1, 200))
def test_no_row_depends_on_a_later_bar(seed: int, kept: int) -> None:
    panel = random_panel(200, seed)
    whole = feature_matrix(panel)
    part = feature_matrix(panel.until(int(panel.times[kept - 1])))
    assert np.array_equal(part, whole[:kept], equal_nan=True)
    assert part.tobytes() == whole[:kept].tobytes()


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), bars=st.integers(LOOKBACK_BARS, 300))
def test_the_latest_row_from_the_look_back_is_the_same_to_the_bit(seed: int, bars: int) -> None:
    panel = random_panel(300, seed).last(bars)
    assert latest_features(panel).tobytes() == feature_matrix(panel)[-1].tobytes()
    assert latest_features(panel.last(LOOKBACK_BARS)).tobytes() == latest_features(panel).tobytes()


def test_one_bar_less_than_the_look_back_is_not_enough() -> None:
    assert np.isnan(latest_features(random_panel(LOOKBACK_BARS - 1))).any()
    with pytest.raises(ValueError, match="AAA: no bars"):
        latest_features(random_panel(50).last(0))


def test_features_do_not_see_a_split() -> None:
    panel = random_panel(250)
    at = 200
    scale = np.where(np.arange(250) >= at, 0.5, 1.0)
    splits = panel.split_ratios.copy()
    splits[at] *= 2.0
    split = replace(
        panel,
        **{name: getattr(panel, name) * scale for name in ("open", "high", "low", "close")},
        volume=panel.volume / scale,
        dividends=panel.dividends * scale,
        split_ratios=splits,
    )
    assert latest_features(split) == pytest.approx(latest_features(panel), rel=1e-9, abs=1e-12)


def test_values_equal_plain_computations() -> None:
    panel = random_panel(250, seed=5)
    index = total_return_index(panel.close, panel.split_ratios, panel.dividends)
    returns = index[1:] / index[:-1] - 1.0
    row = named(panel)
    for bars in (5, 20, 60, 120):
        assert row[f"momentum_{bars}"] == pytest.approx(index[-1] / index[-1 - bars] - 1.0)
    assert row["return_1"] == pytest.approx(returns[-1])
    assert row["volatility_20"] == pytest.approx(np.std(returns[-20:], ddof=1))
    assert row["volatility_ratio"] == pytest.approx(
        np.std(returns[-10:], ddof=1) / np.std(returns[-60:], ddof=1)
    )
    assert row["stretch_5"] == pytest.approx(row["momentum_5"] / row["volatility_20"] / 5**0.5)
    assert row["above_average_60"] == pytest.approx(index[-1] / index[-60:].mean() - 1.0)
    assert row["overnight_gap"] == pytest.approx(panel.open[-1] / panel.close[-2] - 1.0)
    turnover = (panel.close * panel.volume)[-20:]
    assert row["turnover_z"] == pytest.approx((turnover[-1] - turnover.mean()) / turnover.std(ddof=1))
    assert row["range_10"] == pytest.approx(np.mean(((panel.high - panel.low) / panel.close)[-10:]))
    assert row["below_high_120"] <= 0.0 <= row["above_low_120"]


def test_an_instrument_that_never_moves_has_features() -> None:
    row = named(flat_panel(200))
    assert row.pop("rsi_14") == 50.0
    assert row.pop("close_place") == 0.5
    assert set(row.values()) == {0.0}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("momentum_20", 0.0812, "+8.1%"),
        ("momentum_20", -0.1234, "-12.3%"),
        ("momentum_20", -0.0001, "0.0%"),
        ("momentum_20", 0.1, "+10.0%"),
        ("volatility_20", 0.0119, "1.2% a day"),
        ("rsi_14", 73.6, "74"),
        ("stretch_5", -1.26, "-1.3 standard deviations"),
        ("stretch_5", 0.01, "0.0 standard deviations"),
        ("turnover_z", -1.26, "1.3 standard deviations below its 20-day mean"),
        ("turnover_z", 2.0, "2.0 standard deviations above its 20-day mean"),
        ("turnover_z", -0.01, "at its 20-day mean"),
        ("volatility_ratio", 0.512, "0.5 times the 60-day"),
        ("close_place", 0.73, "73% of the way from low to high"),
    ],
)
def test_words(name: str, value: float, said: str) -> None:
    assert words(name, value) == said


def test_every_feature_has_a_name_and_a_label_of_its_own() -> None:
    assert len({feature.name for feature in FEATURES}) == len(FEATURES)
    assert len({feature.label for feature in FEATURES}) == len(FEATURES)
