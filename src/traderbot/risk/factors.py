"""How the holdings, as they are now, go with the factors of Fama and French, with confidence.

The past of the holdings at their present weights, month by month, less the riskless rate, is regressed on the
factors. Weights are shares of equity, so cash counts as nothing and borrowed money as more. The coefficients
of the positions, each times its weight, sum to those of the account, as least squares is linear.
"""

from functools import lru_cache

import msgspec
import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.regression import regress
from traderbot.model.border import to_float
from traderbot.model.symbols import Symbol
from traderbot.portfolios.factors import (
    MONTHS_MIN,
    NAMES,
    NOT_THERE,
    Coefficient,
    coefficients_of,
    ends_month,
    french_factors,
)
from traderbot.risk.book import Book
from traderbot.risk.history import Reason, history_of

DAYS = 2_600
_FLAT = 1e-12


class PositionFactors(msgspec.Struct, frozen=True):
    """A position's own coefficients, of one dollar of it; weight: of equity."""

    symbol: Symbol
    weight: float
    market: float
    size: float
    value: float


class FactorExposure(msgspec.Struct, frozen=True):
    """The account's coefficients, of equity. first, last: months used, such as 2005-01. Without coefficients,
    `reasons` say why.
    """

    as_of: int
    months: int
    first: str | None
    last: str | None
    lags: int | None
    r_squared: float | None
    coefficients: list[Coefficient]
    positions: list[PositionFactors]
    reasons: list[Reason]


@lru_cache(maxsize=64)
def exposure_of(book: Book) -> FactorExposure:
    """What is known by the book's market time, of up to ten years. A month counts once it is over."""
    history = history_of(book.dataset, book.time, [held.symbol for held in book.held], DAYS)
    reasons = list(history.reasons)
    equity, known = to_float(book.equity), french_factors()
    if not book.held:
        return _without(book, reasons, "nothing_held", "the account holds no position")
    if equity <= 0:
        return _without(book, reasons, "no_equity", f"equity is {book.equity:f}")
    if known is None:
        return _without(book, reasons, "no_factors", NOT_THERE)
    labels, months = _months(history.days, history.returns)
    both = [place for place, label in enumerate(labels) if label in known.places]
    if len(both) < MONTHS_MIN:
        first, *_, last = known.places
        words = f"{len(both)} whole months lie between {first} and {last}, and {MONTHS_MIN} are needed"
        return _without(book, reasons, "too_little_history", words)
    rows = known.values[[known.places[labels[place]] for place in both]]
    values = {held.symbol: to_float(held.value) for held in book.held}
    weights = np.array([values[symbol] / equity for symbol in history.symbols])
    beyond = months[both] - rows[:, 3:]
    if (beyond @ weights).std() < _FLAT:
        return _without(book, reasons, "constant_price", "the holdings together never changed in value")
    fit = regress(beyond @ weights, rows[:, :3])
    own = np.linalg.lstsq(np.column_stack((np.ones(len(both)), rows[:, :3])), beyond, rcond=None)[0]
    positions = [
        PositionFactors(symbol, float(weight), *map(float, slopes))
        for symbol, weight, slopes in zip(history.symbols, weights, own[1:].T, strict=True)
    ]
    first, last = labels[both[0]], labels[both[-1]]
    return FactorExposure(
        book.time, len(both), first, last, fit.lags, fit.r_squared, coefficients_of(fit), positions, reasons
    )


def slopes_of(found: FactorExposure) -> dict[Symbol, dict[str, float]]:
    """By symbol, what a factor's move of one moves its price by."""
    return {one.symbol: {name: getattr(one, name) for name in NAMES} for one in found.positions}


def _without(book: Book, reasons: list[Reason], code: str, detail: str) -> FactorExposure:
    told = [*reasons, Reason("factors", code, detail)]
    return FactorExposure(book.time, 0, None, None, None, None, [], [], told)


def _months(days: np.ndarray, returns: Floats) -> tuple[list[str], Floats]:
    """The whole months of the days, and the return of each symbol. The first may have begun before."""
    month = days.astype("M8[M]")
    starts = np.flatnonzero(np.append(True, month[1:] != month[:-1])) if len(days) else np.empty(0, int)
    if len(starts) < 2:
        return [], np.empty((0, returns.shape[1]))
    made = np.multiply.reduceat(1 + returns, starts, axis=0) - 1
    labels = [str(one) for one in month[starts]]
    end = len(labels) if ends_month(days[-1]) else -1
    return labels[1:end], made[1:end]
