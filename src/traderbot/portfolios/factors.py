"""How much of an account's return the factors of Fama and French explain, with confidence.

The factors are the monthly ones that the package arch ships, of Kenneth French's library: market, size, value
and the riskless rate, 1926 to 2018, in percent.
"""

import gzip
import importlib.util
from functools import cache
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec
import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.flows import linked
from traderbot.analytics.regression import Fit, regress
from traderbot.portfolios.spans import Every, Span, label_of
from traderbot.portfolios.tracks import Book

MONTHS_MIN = 24
NAMES = ("market", "size", "value")
_FILE = Path("data", "frenchdata", "frenchdata.csv.gz")
NOT_THERE = "the factors are not installed: pip install 'traderbot[portfolio]'"
_DAY = 86_400_000_000
_PERCENT = 100.0


class Coefficient(msgspec.Struct, frozen=True):
    """Of one factor, or of none: "alpha", a fraction a month. low, high: the 95% interval."""

    name: str
    value: float
    error: float
    t: float | None
    p: float | None
    low: float
    high: float


class FactorFit(msgspec.Struct, frozen=True):
    """first, last: the months it is made of, such as 2005-01. Without coefficients, `reason` says why."""

    account_id: UUID
    months: int
    first: str | None
    last: str | None
    lags: int | None
    r_squared: float | None
    coefficients: list[Coefficient]
    reason: str | None


class Factors(NamedTuple):
    """Rows by month, such as 2005-01: the place in `values`, float64 (months, 4), fractions."""

    places: dict[str, int]
    values: Floats


def factors_of(book: Book, *, begin: int | None = None, end: int | None = None) -> FactorFit:
    """Regress the whole months of an account, less the riskless rate, on the factors."""
    known, span = french_factors(), Span.between(book, begin, end)
    if known is None:
        return _without(book, 0, NOT_THERE)
    if (reason := span.undefined()) is not None:
        return _without(book, 0, reason)
    own = {label: change for label, change in _whole_months(span) if label in known.places}
    if len(own) < MONTHS_MIN:
        first, *_, last = known.places
        words = f"{len(own)} whole months lie between {first} and {last}, and {MONTHS_MIN} are needed"
        return _without(book, len(own), words)
    rows = known.values[[known.places[label] for label in own]]
    returns = np.array(list(own.values())) - rows[:, 3]
    if returns.std() < 1e-12:
        return _without(book, len(own), "the returns do not vary")
    fit = regress(returns, rows[:, :3])
    return FactorFit(
        account_id=book.account_id,
        months=len(own),
        first=next(iter(own)),
        last=next(reversed(own)),
        lags=fit.lags,
        r_squared=fit.r_squared,
        coefficients=coefficients_of(fit),
        reason=None,
    )


def coefficients_of(fit: Fit) -> list[Coefficient]:
    """A fit by the names of the factors, the intercept first."""
    figures = (fit.coefficients, fit.errors, fit.t, fit.p, fit.low, fit.high)
    columns = [figure.tolist() for figure in figures]
    return [
        Coefficient(name, value, error, _finite(t), _finite(p), low, high)
        for name, value, error, t, p, low, high in zip(("alpha", *NAMES), *columns, strict=True)
    ]


def _finite(value: float) -> float | None:
    """What a fit without any error has no t of."""
    return value if np.isfinite(value) else None


def _without(book: Book, months: int, reason: str) -> FactorFit:
    return FactorFit(book.account_id, months, None, None, None, None, [], reason)


def _whole_months(span: Span) -> list[tuple[str, float]]:
    """The return of each month that the span has from one month's end to the next. A last month with a
    weekday still to come is not whole.
    """
    found = []
    for label, first, last in span.parts(Every.MONTH):
        begins = int(span.times[first - 1]) if first else span.starts
        change = linked(span.returns.change[first : last + 1])
        before = label_of(begins, Every.MONTH) < label and begins >= span.book.times[0]
        day = np.datetime64(-(-int(span.times[last]) // _DAY) - 1, "D")
        if before and change is not None and ends_month(day):
            found.append((label, change))
    return found


def ends_month(day: np.datetime64) -> bool:
    """Whether no weekday of the day's month is still to come."""
    following = np.busday_offset(day + 1, 0, roll="forward")
    return bool(following.astype("M8[M]") != day.astype("M8[M]"))


@cache
def french_factors() -> Factors | None:
    """The file of the package, read without importing it, as that takes a second; None where it is not."""
    found = importlib.util.find_spec("arch")
    if found is None or not found.submodule_search_locations:
        return None
    path = Path(found.submodule_search_locations[0]) / _FILE
    if not path.is_file():
        return None
    with gzip.open(path) as file:
        rows = np.loadtxt(file, delimiter=",", skiprows=1, dtype=np.float64)
    months = [f"{int(row) // 100}-{int(row) % 100:02d}" for row in rows[:, 0]]
    return Factors({month: place for place, month in enumerate(months)}, rows[:, 1:] / _PERCENT)
