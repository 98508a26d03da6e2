"""Factor regression of an account: planted exposures come back, and what is missing is told."""

import json

import msgspec
import numpy as np
import pytest

from portfolios.made import book
from traderbot.portfolios import factors as module
from traderbot.portfolios.factors import FactorFit, factors_of
from traderbot.portfolios.tracks import Book

pytestmark = pytest.mark.domain

DAY = 86_400_000_000


def month_ends(count: int) -> np.ndarray:
    months = np.datetime64("2004-12") + np.arange(count)
    last = (months + 1).astype("M8[D]") - 1
    return (last - np.datetime64("1970-01-01")).astype(np.int64) * DAY + 21 * 3_600_000_000


def monthly(returns: list[float]) -> Book:
    """An account with a close at each month's end from 2004-12 on."""
    equity = 1e6 * np.cumprod(1.0 + np.array([0.0, *returns]))
    made = book(equity.tolist(), {0: 1e6})
    return msgspec.structs.replace(made, times=month_ends(len(equity)))


def planted(months: int) -> list[float]:
    known = module.french_factors()
    assert known is not None
    rows = known.values[known.places["2005-01"] :][:months]
    noise = np.random.default_rng(1).normal(0.0, 0.002, months)
    own = 0.001 + rows[:, :3] @ np.array([0.9, 0.3, -0.2]) + rows[:, 3] + noise
    return own.tolist()  # type: ignore[no-any-return]


def test_planted_exposures_come_back_with_their_confidence() -> None:
    found = factors_of(monthly(planted(120)))
    assert (found.months, found.first, found.last, found.reason) == (120, "2005-01", "2014-12", None)
    for one, truth in zip(found.coefficients, (0.001, 0.9, 0.3, -0.2), strict=True):
        assert abs(one.value - truth) < 3 * one.error, one.name
        assert one.low < one.value < one.high
    assert [one.name for one in found.coefficients] == ["alpha", "market", "size", "value"]
    assert found.r_squared is not None
    assert found.r_squared > 0.97
    json.loads(msgspec.json.encode(found), parse_constant=pytest.fail)


def test_too_little_and_too_late_is_told() -> None:
    def told(made: Book) -> FactorFit:
        found = factors_of(made)
        assert found.coefficients == []
        return found

    few = told(monthly(planted(10)))
    assert few.reason == "10 whole months lie between 1926-07 and 2018-11, and 24 are needed"
    assert told(book([], {})).reason == "no close of the account lies in this span"
    late = msgspec.structs.replace(monthly(planted(60)), times=month_ends(61) + 20 * 366 * DAY)
    assert told(late).months == 0


def test_a_month_that_is_not_over_is_left_out() -> None:
    made = monthly(planted(40))
    times = made.times.copy()
    times[-1] -= 10 * DAY
    assert factors_of(msgspec.structs.replace(made, times=times)).months == 39


def test_without_the_package_it_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "french_factors", lambda: None)
    assert factors_of(monthly([0.01] * 30)).reason == (
        "the factors are not installed: pip install 'traderbot[portfolio]'"
    )
