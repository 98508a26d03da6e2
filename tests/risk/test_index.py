"""The stored index is the one that two packages carry."""

import numpy as np
import pytest

from traderbot.risk import index

pytestmark = pytest.mark.unit


def test_the_levels_are_those_of_arch_and_skfolio() -> None:
    from arch.data import sp500
    from skfolio.datasets import load_sp500_index

    days, levels = index.closes()
    theirs = sp500.load()["Close"]
    assert levels[: len(theirs)] == pytest.approx(theirs.to_numpy(), abs=0.006)
    assert (days[: len(theirs)] == theirs.index.to_numpy().astype("datetime64[D]")).all()
    other = load_sp500_index()["SP500"]
    assert levels == pytest.approx(other.loc[days.astype("datetime64[ns]")].to_numpy(), abs=0.006)


def test_the_falls_are_from_the_highest_to_the_lowest_close() -> None:
    days, levels = index.closes()
    moves = {}
    for crisis in index.CRISES:
        inside = (days >= np.datetime64(crisis.first)) & (days <= np.datetime64(crisis.last))
        assert (levels[inside].argmax(), levels[inside].argmin()) == (0, inside.sum() - 1)
        moves[crisis.name] = round(index.fall(crisis).move, 3)
    assert list(moves.values()) == [-0.491, -0.568, -0.194, -0.198, -0.339]
    assert index.fall(index.CRISES[-1]).worst_day == pytest.approx(-0.1198, abs=1e-4)  # 2020-03-16


def test_no_return_spans_the_years_that_are_not_there() -> None:
    days, returns = index.returns()
    assert len(days) == len(index.closes()[0]) - 2
    assert abs(returns).max() < 0.13
