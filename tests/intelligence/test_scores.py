import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderbot.intelligence.scores import accuracy, area_under_roc, brier, log_loss, score

pytestmark = pytest.mark.unit


def test_figures_of_a_known_case() -> None:
    probabilities, labels = np.array([0.8, 0.3, 0.6, 0.5]), np.array([1.0, 0.0, 0.0, 0.0])
    assert accuracy(probabilities, labels) == 0.75
    assert brier(probabilities, labels) == pytest.approx((0.04 + 0.09 + 0.36 + 0.25) / 4)
    expected = -(math.log(0.8) + math.log(0.7) + math.log(0.4) + math.log(0.5)) / 4
    assert log_loss(probabilities, labels) == pytest.approx(expected)
    assert area_under_roc(probabilities, labels) == 1.0


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=40))
def test_auc_is_the_share_of_pairs_in_order(data: list[tuple[int, bool]]) -> None:
    scores = np.array([float(value) for value, _ in data])
    labels = np.array([float(label) for _, label in data])
    rises, falls = scores[labels > 0.5], scores[labels < 0.5]
    result = area_under_roc(scores, labels)
    if rises.size == 0 or falls.size == 0:
        assert math.isnan(result)
    else:
        pairs = [(up > down) + 0.5 * (up == down) for up in rises for down in falls]
        assert result == pytest.approx(sum(pairs) / len(pairs))


def test_the_base_forecast_is_scored_beside() -> None:
    labels = np.array([1.0, 1.0, 0.0, 1.0])
    scores = score(
        np.array([0.7, 0.7, 0.4, 0.7]), np.full(4, 0.5), labels, ranking=np.array([2.0, 3.0, 1.0, 4.0])
    )
    assert (scores.rows, scores.base_rate, scores.accuracy, scores.accuracy_base) == (4, 0.75, 1.0, 0.25)
    assert scores.log_loss < scores.log_loss_base == pytest.approx(math.log(2), abs=1e-6)
    assert scores.brier < scores.brier_base == 0.25
    assert scores.auc == 1.0


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(ValueError, match="rows to score"):
        score(np.empty(0), np.empty(0), np.empty(0), np.empty(0))
