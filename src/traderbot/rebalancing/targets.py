"""The share of equity that each symbol is to have: as given, or by a model from what is known by now."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from traderbot.analytics.volatility import TRADING_DAYS
from traderbot.market.datasets import Dataset
from traderbot.model import rounding
from traderbot.model.account import Account
from traderbot.model.amounts import ONE, ZERO, Price
from traderbot.model.border import to_float, weight_from_float
from traderbot.model.errors import Conflict, InvalidValue
from traderbot.model.symbols import Symbol
from traderbot.rebalancing.constraints import Constraints, SectorBound, faults, kept, nearest
from traderbot.rebalancing.models import View, optimum
from traderbot.rebalancing.trades import equity_of
from traderbot.rebalancing.wanted import Expected, Wanted
from traderbot.risk.history import History, Reason, history_of
from traderbot.trading.views import SignalView

_MEAN_OF_NORMAL = float(np.sqrt(2 / np.pi))


class Scene(NamedTuple):
    """What a proposal is made on. time: market time. sectors: of each symbol that has one. signals: of the
    account, newest first.
    """

    account: Account
    dataset: Dataset
    time: int
    marks: Mapping[Symbol, Price]
    sectors: Mapping[Symbol, str]
    signals: Sequence[SignalView] = ()

    @property
    def equity(self) -> Decimal:
        return equity_of(self.account, self.marks)

    @property
    def held(self) -> list[Symbol]:
        return [name for name, one in self.account.positions.items() if one.qty]

    def weight(self, symbol: Symbol) -> Decimal:
        """A position's share of equity, negative where it is sold short."""
        value = rounding.market_value(self.account.quantity(symbol), self.marks[symbol])
        return rounding.ratio(value, self.equity)


class Targets(NamedTuple):
    """weights: of all symbols that may be traded. constraints, history: of a model's or the frontier's; the
    history is None where it does not reach.
    """

    weights: dict[Symbol, Decimal]
    constraints: Constraints
    history: History | None
    views: tuple[Expected, ...]
    notes: list[Reason]


def targets_of(scene: Scene, wanted: Wanted) -> Targets:
    """Errors: Conflict for an account without money. InvalidValue for a symbol without prices, constraints
    that cannot be kept, each with what it would have to be, too short a history, views that are missing.
    """
    if scene.equity <= 0:
        raise Conflict(f"the account has no money to spread: its equity is {scene.equity:f}")
    names = _named(scene, wanted)
    rest = [name for name in scene.held if name not in names]
    kept_back = ZERO if wanted.others == "sell" else sum((scene.weight(name) for name in rest), ZERO)
    invested = _invested(wanted, kept_back)
    constraints = _constraints(scene, wanted, names, invested)
    _check(constraints)
    history = history_of(scene.dataset, scene.time, names, wanted.days)
    if wanted.model is None:
        weights = dict(wanted.weights)
        _check_given(weights, constraints)
        found = Targets(weights, constraints, history if history.symbols == names else None, (), [])
    else:
        found = _by_model(scene, wanted, names, constraints, history)
    if wanted.others == "sell":
        found.weights.update(dict.fromkeys(rest, ZERO))
    return found


def _named(scene: Scene, wanted: Wanted) -> tuple[Symbol, ...]:
    names = tuple(sorted(wanted.weights or wanted.symbols or scene.held))
    if not names:
        raise InvalidValue("symbols", "symbols to spread over, as the account holds none")
    for name in names:
        if name not in scene.dataset.bars:
            raise InvalidValue("symbols", "symbols of the session", name)
        if name not in scene.marks:
            raise InvalidValue("symbols", "symbols that have a price by now", name)
    for name in wanted.bounds:
        if name not in names:
            raise InvalidValue("bounds", f"symbols that are rebalanced ({', '.join(names)})", name)
    return names


def _invested(wanted: Wanted, kept_back: Decimal) -> Decimal:
    most = ONE - wanted.cash_buffer - kept_back
    if wanted.model is not None:
        if most <= 0:
            raise InvalidValue(
                "cash_buffer", f"less, as positions that stay are {kept_back:f} of equity", wanted.cash_buffer
            )
        return min(most, ONE)
    total = sum(wanted.weights.values(), ZERO)
    if total > most:
        raise InvalidValue(
            "weights", f"{most:f} in all: {kept_back:f} stays in others, the cash_buffer apart", total
        )
    return total


def _constraints(scene: Scene, wanted: Wanted, names: tuple[Symbol, ...], invested: Decimal) -> Constraints:
    bounds = [wanted.between(name) for name in names]
    of = [scene.sectors.get(name, "") for name in names]
    for sector in wanted.sectors:
        if sector not in of:
            told = ", ".join(sorted({one for one in of if one})) or "none of the symbols has a sector"
            raise InvalidValue("sectors", f"sectors of the symbols ({told})", sector)
    return Constraints(
        names=names,
        lower=np.array([to_float(one.low) for one in bounds]),
        upper=np.array([to_float(one.high) for one in bounds]),
        invested=to_float(invested),
        sectors=tuple(
            SectorBound(
                name, np.array([one == name for one in of]), to_float(share.low), to_float(share.high)
            )
            for name, share in wanted.sectors.items()
        ),
        before=np.array([to_float(scene.weight(name)) for name in names]),
        turnover=None if wanted.turnover is None else to_float(wanted.turnover),
    )


def _check(constraints: Constraints) -> None:
    found = faults(constraints)
    if found:
        told = "; ".join(
            f"{one.constraint} {one.asked:.4g} would have to be {one.needed:.4g}" for one in found
        )
        raise InvalidValue("constraints", f"constraints that weights can keep to (the nearest: {told})")


def _check_given(weights: Mapping[Symbol, Decimal], constraints: Constraints) -> None:
    given = np.array([to_float(weights[Symbol(name)]) for name in constraints.names])
    if not kept(given, constraints):
        other = nearest(given, constraints)
        told = ", ".join(f"{name} {one:.4g}" for name, one in zip(constraints.names, other, strict=True))
        raise InvalidValue("weights", f"weights that keep to the constraints (the nearest: {told})")


def _by_model(
    scene: Scene, wanted: Wanted, names: tuple[Symbol, ...], constraints: Constraints, history: History
) -> Targets:
    assert wanted.model is not None
    for name in names:
        if name not in history.symbols and wanted.model != "equal":
            why = next(
                (one.detail for one in history.reasons if one.symbol == name), "its history is not known"
            )
            raise InvalidValue("symbols", f"symbols with enough history ({why})", name)
    views = wanted.views
    if wanted.model == "black_litterman" and not views:
        views = views_of(scene.signals, history)
    for view in views:
        if view.symbol not in names:
            raise InvalidValue("views", f"symbols that are rebalanced ({', '.join(names)})", view.symbol)
    placed = tuple(View(names.index(one.symbol), one.expected, one.confidence) for one in views)
    try:
        found = optimum(wanted.model, history.returns, constraints, placed)
    except ValueError as error:
        raise InvalidValue("model", f"one that these prices allow ({error})", wanted.model) from None
    weights = {name: weight_from_float(float(one)) for name, one in zip(names, found.weights, strict=True)}
    notes = [Reason("weights", code, detail) for code, detail in found.notes]
    notes += [one for one in history.reasons if wanted.model != "equal"]
    usable = history if history.symbols == names else None
    return Targets(weights, constraints, usable, views, notes)


def views_of(signals: Sequence[SignalView], history: History) -> tuple[Expected, ...]:
    """The newest signal of each symbol as a return over a year: a probability p of being higher after h days
    stands for (2p - 1) of the mean absolute move of h days, that of a normal distribution with the symbol's
    volatility. Errors: InvalidValue where there is none.
    """
    found: dict[Symbol, Expected] = {}
    for signal in signals:
        name = Symbol(signal.symbol)
        if name in found or name not in history.symbols or signal.probability is None:
            continue
        days = float(signal.rationale.get("horizon_sessions", 5))
        volatility = float(history.returns[:, history.symbols.index(name)].std(ddof=1))
        move = (2 * signal.probability - 1) * volatility * np.sqrt(days) * _MEAN_OF_NORMAL
        yearly = float(np.clip(move * TRADING_DAYS / days, -0.99, 10.0))
        found[name] = Expected(name, yearly, signal.confidence or 0.0)
    if not found:
        raise InvalidValue("views", "views, as the account has no AI signal on these symbols")
    return tuple(found.values())
