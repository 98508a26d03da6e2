"""Whether a value at risk kept its word: how often it was exceeded, in clusters or not, and by how much."""

from math import log, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from traderbot.analytics.arrays import Floats, floats, same_length
from traderbot.analytics.risk.tails import Student, checked_level, student_tail

DAYS_MIN = 100
_SIMULATIONS = 4000


class Verdict(NamedTuple):
    """A test's statistic and the probability of one as bad if the model is right; None where it has none."""

    statistic: float | None
    p_value: float | None


class Coverage(NamedTuple):
    """days: foreseen. exceeded: with a loss beyond the VaR. expected: how many there should have been.

    kupiec: of their number. independence: of one following another. christoffersen: of both together.
    shortfall: Acerbi and Szekely's second test, of number and size; 0 where right, below 0 where the losses
    were larger or more than foreseen.
    """

    days: int
    exceeded: int
    expected: float
    kupiec: Verdict
    independence: Verdict
    christoffersen: Verdict
    shortfall: Verdict


def kupiec(exceeded: int, days: int, level: float) -> Verdict:
    """Proportion of failures, two-sided. Source: Kupiec 1995, doi:10.3905/jod.1995.407942."""
    rate = 1.0 - checked_level(level)
    if days < 1 or not 0 <= exceeded <= days:
        raise ValueError(f"expected 0 to {days} exceedances of 1 day or more, got {exceeded}")
    found = _likelihood(exceeded, days, exceeded / days) - _likelihood(exceeded, days, rate)
    return _chi_square(2 * found, 1)


def christoffersen(hits: NDArray[np.bool_], level: float) -> tuple[Verdict, Verdict]:
    """Independence of exceedances from the day before, and conditional coverage: both tests together.

    hits: bool (n,), oldest first. Without an exceedance followed by a day there is nothing to test, and
    independence is None, conditional coverage that of Kupiec alone with its own two degrees of freedom.
    Source: Christoffersen 1998, doi:10.2307/2527341.
    """
    hit = np.asarray(hits, dtype=bool)
    before, after = hit[:-1], hit[1:]
    n00, n01 = int((~before & ~after).sum()), int((~before & after).sum())
    n10, n11 = int((before & ~after).sum()), int((before & after).sum())
    share = (n01 + n11) / max(1, len(after))
    alone = _likelihood(n01, n00 + n01, n01 / max(1, n00 + n01))
    following = _likelihood(n11, n10 + n11, n11 / max(1, n10 + n11))
    statistic = 2 * (alone + following - _likelihood(n01 + n11, len(after), share))
    proportion = kupiec(int(hit.sum()), len(hit), level).statistic or 0.0
    if n10 + n11 == 0 or n00 + n01 == 0:
        return Verdict(None, None), _chi_square(proportion, 2)
    return _chi_square(statistic, 1), _chi_square(proportion + max(0.0, statistic), 2)


def acerbi_szekely(made: Floats, var: Floats, shortfall: Floats, level: float, seed: int = 0) -> Verdict:
    """The second test of expected shortfall: Z2 = sum of made / (n (1 - level) shortfall) over the days
    beyond the VaR, plus 1; one-sided, against losses that are larger or more frequent than foreseen.

    made, var, shortfall: float64 (n,), what came of each day and what was foreseen for it.
    The p-value is simulated with the number binomial and the sizes of a Student t tail that has the mean
    ratio of shortfall to VaR that was foreseen (the authors find the test to depend little on the tail).
    Source: Acerbi and Szekely 2014, "Back-testing expected shortfall", Risk, test 2.
    """
    from numpy.random import PCG64, Generator

    days, rate = same_length(made=made, var=var, shortfall=shortfall), 1.0 - checked_level(level)
    sound = shortfall > 0
    if not sound.all():
        return Verdict(None, None)
    hits = made < -var
    statistic = float((made[hits] / shortfall[hits]).sum() / (days * rate) + 1)
    ratio = float((var / shortfall).mean())
    student = _tail_like(ratio, level)
    random = Generator(PCG64(seed))
    counts = random.binomial(days, rate, _SIMULATIONS)
    sizes = _tail_draws(student, level, random.random(int(counts.sum())))
    ends = np.cumsum(counts)
    sums = np.concatenate([[0.0], np.cumsum(sizes)])
    simulated = 1 - (sums[ends] - sums[ends - counts]) / (days * rate)
    return Verdict(statistic, float((1 + (simulated <= statistic).sum()) / (1 + _SIMULATIONS)))


def cover(made: Floats, var: Floats, shortfall: Floats, level: float) -> Coverage:
    """All tests of one-day-ahead forecasts; (n,) each, oldest first. Errors: ValueError."""
    made, var, shortfall = floats(made, "made"), floats(var, "var"), floats(shortfall, "shortfall")
    days = same_length(made=made, var=var, shortfall=shortfall)
    hits = made < -var
    independence, conditional = christoffersen(hits, level)
    return Coverage(
        days,
        int(hits.sum()),
        days * (1.0 - level),
        kupiec(int(hits.sum()), days, level),
        independence,
        conditional,
        acerbi_szekely(made, var, shortfall, level),
    )


def _likelihood(hits: int, days: int, rate: float) -> float:
    """Log-likelihood of so many hits, 0 log 0 being 0."""
    found = hits * log(rate) if hits else 0.0
    return found + ((days - hits) * log(1 - rate) if days > hits else 0.0)


def _chi_square(statistic: float, degrees: int) -> Verdict:
    from scipy.special import chdtrc

    statistic = max(0.0, statistic)
    return Verdict(statistic, float(chdtrc(degrees, statistic)))


def _tail_like(ratio: float, level: float) -> Student:
    """The Student t distribution around 0 whose VaR is this part of its shortfall, by bisection."""
    low, high = 1.05, 500.0
    for _ in range(40):
        middle = sqrt(low * high)
        var, shortfall = student_tail(Student(0.0, 1.0, middle), level)
        low, high = (middle, high) if var / shortfall < ratio else (low, middle)
    return Student(0.0, 1.0, low)


def _tail_draws(student: Student, level: float, uniform: Floats) -> Floats:
    """Losses beyond the VaR in units of the shortfall, for uniform draws; the quantiles off a grid."""
    from scipy.special import stdtrit

    grid = np.concatenate([np.geomspace(1e-9, 1e-3, 100)[:-1], np.linspace(1e-3, 1.0, 401)])
    losses = -stdtrit(student.degrees, grid * (1.0 - level))
    return np.asarray(np.interp(uniform, grid, losses) / student_tail(student, level).shortfall)
