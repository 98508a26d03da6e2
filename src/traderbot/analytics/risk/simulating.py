"""Scenarios: what each position would make in each of many possible futures, one row each.

Everything else (tails, contributions, what a position adds) is read off such a table, whichever way it was
made. A position's own column is linear in its value, so rows always sum to the book.
"""

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.risk.garch import Garch, filtered
from traderbot.analytics.risk.tails import finite, overlapping


def historical_scenarios(made: Floats, horizon: int = 1) -> Floats:
    """Every past day as it was, or every `horizon` days in a row.

    made: float64 (n, d), what each position would have made each day. Returns: (n - horizon + 1, d).
    Source: Jorion 2007, Value at Risk, 3rd ed., section 10.4.
    """
    return overlapping(finite(made, "made"), horizon)


def filtered_scenarios(
    made: Floats, horizon: int = 1, paths: int = 5000, seed: int = 0
) -> tuple[Floats, Garch]:
    """Past days of the whole book, each divided by the volatility it was foreseen with and multiplied by the
    one foreseen now; over several days paths that draw such days and let the volatility run on.

    made:   float64 (n, d). Returns: (n, d) for one day, (paths, d) for more, and the filter of the book.
    Errors: ValueError where the book never changes.
    Source: Barone-Adesi, Giannopoulos and Vosper 1999, doi:10.1002/(SICI)1096-9934(199908)19:5<583::AID-FUT5>
            3.0.CO;2-S; Hull and White 1998, doi:10.21314/JOR.1998.001.
    """
    made = finite(made, "made")
    book = filtered(np.asarray(made.sum(axis=1)))
    means = made.mean(axis=0)
    standard = (made - means) / np.sqrt(book.variances)[:, None]
    if horizon == 1:
        return np.asarray(means + standard * np.sqrt(book.following)), book
    from numpy.random import PCG64, Generator

    random = Generator(PCG64(seed))
    shocks = standard.sum(axis=1)
    variance = np.full(paths, book.following)
    total = np.tile(means * horizon, (paths, 1))
    for _ in range(horizon):
        drawn = random.integers(0, len(made), paths)
        deviation = np.sqrt(variance)
        total += standard[drawn] * deviation[:, None]
        variance = book.omega + (book.alpha * shocks[drawn] ** 2 + book.beta) * variance
    return total, book


def student_sums(mean: float, scale: float, degrees: float, horizon: int, paths: int, seed: int) -> Floats:
    """Sums of `horizon` independent draws of a Student t distribution, (paths,): it has no formula."""
    from numpy.random import PCG64, Generator

    drawn = Generator(PCG64(seed)).standard_t(degrees, (paths, horizon))
    return np.asarray(mean * horizon + scale * drawn.sum(axis=1))
