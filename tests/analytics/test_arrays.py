import numpy as np
import pytest

from traderbot.analytics.arrays import floats, same_length

pytestmark = pytest.mark.unit


def test_sequences_and_strided_arrays_become_contiguous_float64() -> None:
    assert floats([1, 2], "x").dtype == np.float64
    assert floats(np.arange(10.0)[::2], "x").flags.c_contiguous


def test_two_dimensions_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"closes must be one-dimensional, got shape \(1, 2\)"):
        floats(np.ones((1, 2)), "closes")


def test_different_lengths_are_listed() -> None:
    assert same_length(a=np.ones(3), b=np.ones(3)) == 3
    with pytest.raises(ValueError, match="'a': 3, 'b': 4"):
        same_length(a=np.ones(3), b=np.ones(4))
