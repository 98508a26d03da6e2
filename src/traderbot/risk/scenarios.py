"""What the holdings would make in a given event: falls of the past, shocks of one's own, all prices as one;
and the other way round, which events lose a given part.

A position takes its own prices of a past fall where all of them are known by now, else its beta times the
index. A fall that lies ahead of a replay's clock is only a shape that the index once had; no price of the
data set later than now is looked at.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

import msgspec
import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.risk.dependence import beta
from traderbot.analytics.risk.shocks import all_as_one, reverse
from traderbot.model.amounts import Money
from traderbot.model.border import money_from_float, to_float
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol
from traderbot.portfolios.factors import NAMES
from traderbot.risk import index
from traderbot.risk.book import Book
from traderbot.risk.factors import exposure_of, slopes_of
from traderbot.risk.history import History, Reason, history_of, market_of, own_move

Basis = Literal["own prices", "beta", "index", "symbol", "sector", "factors", "none"]
DAYS = 1000
LEVEL = 0.99
_OVERLAP_MIN = 60
_SHOCK_MAX = 10.0


class Moved(msgspec.Struct, frozen=True):
    """A position in an event. move: of its price, a fraction; basis: where it was taken from."""

    symbol: Symbol
    move: float
    profit: Money
    basis: Basis


class Scenario(msgspec.Struct, frozen=True):
    """An event and what the holdings make in it, negative where they lose. share: of equity. market: the move
    of the index, None where none is given. first, last: days of a past fall.
    """

    name: str
    title: str
    market: float | None
    worst_day: float | None
    first: str | None
    last: str | None
    profit: Money
    share: float | None
    positions: list[Moved]
    reasons: list[Reason]


class Together(msgspec.Struct, frozen=True):
    """If all prices moved as one: VaR and shortfall of a day at 99%, beside those that the past had."""

    level: float
    var: Money
    shortfall: Money
    usual_var: Money
    usual_shortfall: Money


class SingleFall(msgspec.Struct, frozen=True):
    """The move of one price that alone loses the amount; above 0 for shares sold short."""

    symbol: Symbol
    move: float


class ReverseStress(msgspec.Struct, frozen=True):
    """What loses `share` of equity. market: the move of the index. likeliest: the move of each price in the
    likeliest such day, `deviations` standard deviations away.
    """

    share: float
    loss: Money
    market: float | None
    deviations: float | None
    likeliest: list[SingleFall]
    single: list[SingleFall]


class Scenarios(msgspec.Struct, frozen=True):
    """All of them for an account. benchmark: what betas are measured against."""

    as_of: int
    equity: Decimal
    benchmark: str | None
    scenarios: list[Scenario]
    correlation_to_one: Together | None
    reverse: ReverseStress | None
    reasons: list[Reason]


class Shocks(msgspec.Struct, frozen=True):
    """Moves of one's own, fractions from -1. symbols go before sectors, sectors before the market by beta, or
    the factors of Fama and French together.

    Errors: InvalidValue.
    """

    name: str = "own"
    market: float | None = None
    sectors: Mapping[str, float] = {}
    symbols: Mapping[Symbol, float] = {}
    factors: Mapping[str, float] = {}

    def __post_init__(self) -> None:
        if self.market is None and not self.sectors and not self.symbols and not self.factors:
            raise InvalidValue("shocks", "at least one of market, sectors, symbols and factors")
        if self.factors and self.market is not None:
            raise InvalidValue("factors", "either market or factors, which have a market of their own")
        for name in self.factors:
            if name not in NAMES:
                raise InvalidValue("factors", ", ".join(NAMES), name)
        given = {"market": self.market or 0.0}
        given |= {f"sectors.{name}": move for name, move in self.sectors.items()}
        given |= {f"symbols.{name}": move for name, move in self.symbols.items()}
        given |= {f"factors.{name}": move for name, move in self.factors.items()}
        for field, move in given.items():
            if not -1.0 <= move <= _SHOCK_MAX:
                raise InvalidValue(field, f"a fraction from -1 (all is lost) to {_SHOCK_MAX:g}", move)


class _Betas(msgspec.Struct, frozen=True):
    """By symbol, where one is known."""

    of: dict[Symbol, float]
    market: str | None
    history: History


def historical(book: Book, lose: float) -> Scenarios:
    """The falls since 2000, all prices as one, and what would lose `lose` of the equity.

    Errors: InvalidValue for a share that is not between 0 and 1.
    """
    if not 0 < lose < 1:
        raise InvalidValue("lose", "a share of equity between 0 and 1, such as 0.2", lose)
    known = _betas(book)
    reasons = list(known.history.reasons)
    if not book.held:
        reasons.append(Reason("all", "nothing_held", "the account holds no position"))
    return Scenarios(
        as_of=book.time,
        equity=book.equity,
        benchmark=known.market,
        scenarios=[_past(book, crisis, known) for crisis in index.CRISES],
        correlation_to_one=_together(book, known.history, reasons),
        reverse=_reverse(book, known, lose, reasons),
        reasons=reasons,
    )


def shocked(book: Book, shocks: Shocks, sectors: Mapping[Symbol, str]) -> Scenario:
    """What the holdings make of shocks of one's own. sectors: of each symbol that has one.

    Errors: InvalidValue for a sector or symbol that none of the holdings has.
    """
    owned = {held.symbol for held in book.held}
    for symbol in shocks.symbols:
        if symbol not in owned:
            raise InvalidValue("symbols", "symbols that the account holds", symbol)
    present = {sectors[symbol] for symbol in owned if symbol in sectors}
    for sector in shocks.sectors:
        if sector not in present:
            told = ", ".join(sorted(present)) or "none of its symbols has a sector"
            raise InvalidValue("sectors", f"sectors that the account holds ({told})", sector)
    known = _betas(book)
    slopes = _slopes(book) if shocks.factors else {}
    moves: dict[Symbol, tuple[float, Basis]] = {}
    for symbol in owned:
        sector = sectors.get(symbol, "")
        if symbol in shocks.symbols:
            moves[symbol] = shocks.symbols[symbol], "symbol"
        elif sector in shocks.sectors:
            moves[symbol] = shocks.sectors[sector], "sector"
        elif shocks.market is not None:
            moves[symbol] = _by_beta(symbol, shocks.market, known)
        elif symbol in slopes:
            made = sum(slopes[symbol][name] * move for name, move in shocks.factors.items())
            moves[symbol] = max(-1.0, made), "factors"
        else:
            moves[symbol] = 0.0, "none"
    found = _scenario(book, shocks.name, "Shocks of one's own", moves, market=shocks.market)
    if shocks.factors:
        detail = "its factors are not known, so that it does not move"
        still = [held.symbol for held in book.held if moves[held.symbol][1] == "none"]
        found.reasons.extend(Reason("factors", "too_little_history", detail, symbol) for symbol in still)
    return found


def _slopes(book: Book) -> dict[Symbol, dict[str, float]]:
    """Errors: InvalidValue where the factors cannot be measured."""
    found = exposure_of(book)
    if not found.coefficients:
        raise InvalidValue("factors", f"holdings whose factors are known: {found.reasons[-1].detail}")
    return slopes_of(found)


def _betas(book: Book) -> _Betas:
    history = history_of(book.dataset, book.time, [held.symbol for held in book.held], DAYS)
    market = market_of(book.dataset, book.time)
    found: dict[Symbol, float] = {}
    if market is not None and history.symbols:
        _, ours, theirs = np.intersect1d(history.days, market.days, return_indices=True)
        if len(ours) >= _OVERLAP_MIN:
            for at, symbol in enumerate(history.symbols):
                slope = beta(history.returns[ours, at], market.returns[theirs])
                if slope is not None:
                    found[symbol] = slope
    return _Betas(found, None if market is None else market.name, history)


def _by_beta(symbol: Symbol, market: float, known: _Betas) -> tuple[float, Basis]:
    """A price cannot fall by more than all of it."""
    slope = known.of.get(symbol)
    if slope is None:
        return max(-1.0, market), "index"
    return max(-1.0, slope * market), "beta"


def _past(book: Book, crisis: index.Crisis, known: _Betas) -> Scenario:
    fall = index.fall(crisis)
    moves: dict[Symbol, tuple[float, Basis]] = {}
    for held in book.held:
        own = own_move(book.dataset, book.time, held.symbol, crisis)
        moves[held.symbol] = _by_beta(held.symbol, fall.move, known) if own is None else (own, "own prices")
    return _scenario(
        book,
        crisis.name,
        crisis.title,
        moves,
        market=fall.move,
        worst_day=fall.worst_day,
        first=crisis.first.isoformat(),
        last=crisis.last.isoformat(),
    )


def _scenario(
    book: Book,
    name: str,
    title: str,
    moves: Mapping[Symbol, tuple[float, Basis]],
    market: float | None = None,
    worst_day: float | None = None,
    first: str | None = None,
    last: str | None = None,
) -> Scenario:
    positions, total, reasons = [], 0.0, []
    for held in book.held:
        move, basis = moves[held.symbol]
        made = to_float(held.value) * move
        total += made
        positions.append(Moved(held.symbol, move, money_from_float(made), basis))
        if basis == "index":
            detail = "fewer than 60 days in common with the benchmark; it moves as the index does"
            reasons.append(Reason("beta", "no_overlap", detail, held.symbol))
    equity = to_float(book.equity)
    share = total / equity if equity > 0 else None
    if share is None:
        reasons.append(Reason("share", "no_equity", f"equity is {book.equity:f}"))
    return Scenario(
        name, title, market, worst_day, first, last, money_from_float(total), share, positions, reasons
    )


def _values(book: Book, history: History) -> Floats:
    by_symbol = {held.symbol: to_float(held.value) for held in book.held}
    return np.array([by_symbol[symbol] for symbol in history.symbols])


def _together(book: Book, history: History, reasons: list[Reason]) -> Together | None:
    if not history.symbols:
        return None
    from traderbot.analytics.risk.tails import tail_of

    values = _values(book, history)
    as_one = all_as_one(history.returns, values, LEVEL)
    usual = tail_of(history.returns @ values, LEVEL)
    figures = (as_one.var, as_one.shortfall, usual.var, usual.shortfall)
    return Together(LEVEL, *map(money_from_float, figures))


def _reverse(book: Book, known: _Betas, lose: float, reasons: list[Reason]) -> ReverseStress | None:
    history, equity = known.history, to_float(book.equity)
    if not history.symbols or equity <= 0:
        if equity <= 0:
            reasons.append(Reason("reverse", "no_equity", f"equity is {book.equity:f}"))
        return None
    betas = np.array([known.of.get(symbol, np.nan) for symbol in history.symbols])
    loss = lose * equity
    try:
        found = reverse(history.returns, _values(book, history), betas, loss)
    except ValueError:
        reasons.append(Reason("reverse", "constant_price", "the holdings together never changed in value"))
        return None
    if found.market is None:
        detail = f"no fall of the index short of all of it loses {lose:.0%} of equity by the holdings' betas"
        reasons.append(Reason("reverse.market", "not_reached", detail))
    pairs = list(zip(history.symbols, found.likeliest, found.single, strict=True))
    return ReverseStress(
        lose,
        money_from_float(loss),
        found.market,
        found.deviations,
        [SingleFall(symbol, float(move)) for symbol, move, _ in pairs],
        [SingleFall(symbol, float(move)) for symbol, _, move in pairs if np.isfinite(move)],
    )
