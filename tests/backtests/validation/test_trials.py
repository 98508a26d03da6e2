import msgspec
import numpy as np
import pytest

from backtests.validation.made import Trend, bars_of, subject, walk
from traderbot.backtests.validation.trials import run_trials

pytestmark = pytest.mark.domain


def test_a_slice_of_a_trial_is_what_a_run_of_the_shorter_data_returns() -> None:
    """What makes it right to choose parameters in a training window by the returns of a whole run."""
    made = subject(Trend, bars_of(walk(200, 2)), chosen={"length": 5}, grid={"length": [3, 8]})
    whole = run_trials(made, 10)
    short = run_trials(msgspec.structs.replace(made, bars=[one.slice(0, 120) for one in made.bars]), 10)
    assert whole.returns.shape == (200, 3)
    np.testing.assert_array_equal(whole.returns[:120], short.returns)
    assert np.abs(whole.returns[:120]).max() > 0
