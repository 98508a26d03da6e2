"""Brinson attribution: Bacon's worked example, and effects that sum over sectors and spans."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderbot.analytics.attribution import brinson, linked_effects

pytestmark = pytest.mark.unit


def test_bacon_three_markets() -> None:
    """Bacon 2008, chapter 5: UK, Japanese and US equities, 8.3% against 6.4%."""
    own, held = np.array([[0.40, 0.30, 0.30]]), np.array([[0.40, 0.20, 0.40]])
    returns, theirs = np.array([[0.20, -0.05, 0.06]]), np.array([[0.10, -0.04, 0.08]])
    found = brinson(own, own * returns, held, theirs)
    np.testing.assert_allclose(found.allocation, [[0.0, -0.0104, -0.0016]], atol=1e-12)
    np.testing.assert_allclose(found.selection, [[0.04, -0.003, -0.006]], atol=1e-12)
    assert found.allocation.sum() + found.selection.sum() == pytest.approx(0.083 - 0.064)


@given(st.integers(1, 30), st.integers(1, 6), st.integers(0, 10_000))
def test_linked_effects_sum_to_the_difference_of_the_linked_returns(
    spans: int, sectors: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    own, held = (generator.dirichlet(np.ones(sectors), spans) for _ in range(2))
    returns, theirs = generator.normal(0.0, 0.05, (2, spans, sectors))
    found = brinson(own, own * returns, held, theirs)
    mine, other = (own * returns).sum(axis=1), (held * theirs).sum(axis=1)
    np.testing.assert_allclose((found.allocation + found.selection).sum(axis=1), mine - other, atol=1e-12)
    total = linked_effects(found.allocation, mine, other) + linked_effects(found.selection, mine, other)
    assert total.sum() == pytest.approx(np.prod(1 + mine) - np.prod(1 + other), abs=1e-12)


def test_a_link_is_frongellos_recursion() -> None:
    """What was won before earns the benchmark: 2% in the first span, 1% in the second."""
    linked = linked_effects(np.array([[0.02], [0.01]]), np.array([0.05, 0.03]), np.array([0.03, 0.02]))
    assert linked[0] == pytest.approx(0.02 + (0.01 * 1.05 + 0.02 * 0.02))


def test_shapes_and_weights_that_are_wrong() -> None:
    ones = np.ones((1, 1))
    with pytest.raises(ValueError, match="one shape"):
        brinson(ones, ones, ones, np.ones((1, 2)))
    with pytest.raises(ValueError, match="held must sum to 1"):
        brinson(ones, ones, ones * 0.9, ones)
