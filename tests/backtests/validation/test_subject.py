import numpy as np
import pytest

from backtests.validation.made import DAY, FIRST, Trend, bars_of, subject, walk
from traderbot.backtests.validation.subject import candidates, sharpe, sharpes
from traderbot.model.errors import InvalidValue

pytestmark = pytest.mark.domain


def test_candidates_begin_with_the_chosen_and_leave_out_what_is_refused() -> None:
    made = subject(Trend, bars_of(walk(30, 1)), chosen={"length": 5}, grid={"length": [0, 1, 2, 5, 9]})
    assert candidates(made, 100) == [{"length": 5}, {"length": 2}, {"length": 9}]


def test_a_large_grid_is_sampled_over_its_whole_width() -> None:
    lengths = list(range(2, 1002))
    made = subject(Trend, bars_of(walk(30, 1)), chosen={"length": 5}, grid={"length": lengths})
    found = [values["length"] for values in candidates(made, 21)]
    assert len(found) == 21
    assert max(np.diff(sorted(found[1:]))) <= 60  # type: ignore[call-overload]
    assert candidates(made, 21) == candidates(made, 21)


def test_a_window_has_the_warm_up_before_it() -> None:
    made = subject(Trend, bars_of(walk(50, 1)), warm_up=10)
    window = made.within(FIRST + 20 * DAY, FIRST + 29 * DAY)
    assert window.times.tolist() == [FIRST + row * DAY for row in range(10, 30)]
    assert len(made.rows) == 40
    assert made.within(FIRST, FIRST + DAY).times.tolist() == [FIRST, FIRST + DAY]
    with pytest.raises(InvalidValue, match="window"):
        made.within(FIRST + 60 * DAY, FIRST + 70 * DAY)


def test_sharpe_ratios() -> None:
    returns = np.random.default_rng(1).standard_normal((50, 3))
    returns[:, 2] = 0.0
    plain = returns[:, 0].mean() / returns[:, 0].std(ddof=1)
    assert [sharpes(returns)[0], sharpe(returns[:, 0])] == pytest.approx([plain, plain])
    assert sharpes(returns)[2] == sharpe(returns[:, 2]) == 0.0
    assert sharpe(returns[:1, 0]) == 0.0
