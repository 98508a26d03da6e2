import numpy as np
import pytest

from traderbot.analytics.risk.coverage import acerbi_szekely, christoffersen, cover, kupiec
from traderbot.analytics.risk.tails import Student, student_tail

pytestmark = pytest.mark.unit


def test_twenty_exceedances_in_252_days_of_the_textbook() -> None:
    """Jorion 2007, Value at Risk, 3rd ed., chapter 6: J.P. Morgan in 1998, LR 3.91 against 3.84."""
    found = kupiec(20, 252, 0.95)
    assert found.statistic == pytest.approx(3.91, abs=0.005)
    assert found.p_value == pytest.approx(0.048, abs=0.001)


def test_clustered_exceedances_of_the_textbook() -> None:
    """Jorion 2007, chapter 6: of the 20, 6 came the day after another; LR of independence 9.53."""
    hits = [False]
    for _ in range(6):
        hits += [True, True] + [False] * 3
    for _ in range(8):
        hits += [True] + [False] * 3
    hits += [False] * (253 - len(hits))
    independence, conditional = christoffersen(np.array(hits), 0.95)
    assert independence.statistic == pytest.approx(9.53, abs=0.01)
    assert conditional.statistic == pytest.approx(
        kupiec(20, 253, 0.95).statistic + independence.statistic  # type: ignore[operator]
    )


def test_right_numbers_are_not_rejected_and_none_is_a_fault_too() -> None:
    assert kupiec(5, 100, 0.95).p_value == 1.0
    none = kupiec(0, 250, 0.95).p_value
    assert none is not None
    assert none < 0.001
    independence, conditional = christoffersen(np.zeros(250, dtype=bool), 0.95)
    assert independence.p_value is None
    assert conditional.p_value is not None
    assert conditional.p_value < 0.001


@pytest.mark.parametrize("degrees", [3, 5, 10, 100])
def test_the_shortfall_test_has_the_critical_value_of_its_authors(degrees: int) -> None:
    """Acerbi and Szekely 2014, table 4: for 250 days at 97.5% the 5% critical value of Z2 is about -0.7, from
    -0.82 (3 degrees) to -0.70 (100).
    """
    random = np.random.default_rng(degrees)
    tail = student_tail(Student(0, 1, degrees), 0.975)
    var, shortfall = np.full(250, tail.var), np.full(250, tail.shortfall)
    results = [acerbi_szekely(random.standard_t(degrees, 250), var, shortfall, 0.975) for _ in range(200)]
    statistics = [one.statistic for one in results if one.statistic is not None]
    assert -0.95 < np.quantile(statistics, 0.05) < -0.55
    rejected = np.mean([one.p_value is not None and one.p_value < 0.05 for one in results])
    assert 0.01 < rejected < 0.1


def test_a_shortfall_foreseen_too_small_is_found_though_the_number_is_right() -> None:
    made = np.random.default_rng(1).standard_t(3, 3000)
    tail = student_tail(Student(0, 1, 3), 0.95)
    found = cover(made, np.full(3000, tail.var), np.full(3000, tail.shortfall * 0.8), 0.95)
    assert found.kupiec.p_value is not None
    assert found.kupiec.p_value > 0.05
    assert found.shortfall.p_value is not None
    assert found.shortfall.p_value < 0.01
    assert found.expected == pytest.approx(150)


def test_what_cannot_be_tested_is_none_or_said() -> None:
    zeros = np.zeros(100)
    assert acerbi_szekely(zeros, zeros, zeros, 0.95) == (None, None)
    with pytest.raises(ValueError, match="exceedances"):
        kupiec(3, 2, 0.95)
    with pytest.raises(ValueError, match="level"):
        kupiec(1, 2, 1.0)
