from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intelligence.synthetic import DAY, random_panel
from traderbot.analytics.returns import total_return_index
from traderbot.intelligence.features import LOOKBACK_BARS
from traderbot.intelligence.samples import direction_labels, gather, split_in_time

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("horizon", [1, 5, 20])
def test_a_label_says_whether_the_total_return_was_positive(horizon: int) -> None:
    panel = random_panel(150)
    labels = direction_labels(panel, horizon)
    index = total_return_index(panel.close, panel.split_ratios, panel.dividends)
    assert np.isnan(labels[-horizon:]).all()
    for i in range(150 - horizon):
        assert labels[i] == float(index[i + horizon] > index[i])


def test_no_gain_at_all_is_not_a_rise() -> None:
    panel = replace(
        random_panel(30), close=np.full(30, 10.0), split_ratios=np.ones(30), dividends=np.zeros(30)
    )
    assert np.nansum(direction_labels(panel, 5)) == 0.0


def test_a_panel_shorter_than_the_horizon_has_no_labels() -> None:
    assert np.isnan(direction_labels(random_panel(4), 5)).all()


def test_rows_come_in_order_of_time_with_the_moment_their_label_was_known() -> None:
    panels = [random_panel(200, 1, "A"), random_panel(180, 2, "B")]
    samples = gather(panels, 5)
    usable = [len(panel) - (LOOKBACK_BARS - 1) - 5 for panel in panels]
    assert len(samples) == sum(usable)
    assert (np.diff(samples.times) >= 0).all()
    assert (samples.known_at - samples.times == 5 * DAY).all()
    assert samples.known_at.max() <= panels[0].times[-1]
    assert np.isfinite(samples.features).all()


def test_too_little_history_gives_no_rows() -> None:
    assert len(gather([random_panel(LOOKBACK_BARS + 4)], 5)) == 0
    assert len(gather([], 5)) == 0
    with pytest.raises(ValueError, match="horizon must be 1"):
        gather([], 0)


@settings(max_examples=25)
@given(share=st.floats(0.01, 0.99), horizon=st.integers(1, 30))
def test_a_split_leaves_no_label_across_it(share: float, horizon: int) -> None:
    samples = gather([random_panel(220, 1), random_panel(200, 2)], horizon)
    split = split_in_time(samples, share)
    assert len(split.later) > 0
    if len(split.earlier):
        assert split.earlier.known_at.max() < split.later.times.min()
    purged = len(samples) - len(split.earlier) - len(split.later)
    assert 0 <= purged <= 2 * horizon


def test_one_moment_cannot_be_split() -> None:
    samples = gather([random_panel(LOOKBACK_BARS + 5)], 5)
    assert len(samples) == 1
    with pytest.raises(ValueError, match="two times or more"):
        split_in_time(samples, 0.8)
