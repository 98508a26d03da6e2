"""How much of the equity a forecast is worth: a small part of Kelly's stake, under caps that shrink.

For a move of plus or minus s with chance p of plus, the stake of greatest growth is (2p - 1) / s. Here s is
the volatility over the horizon. Only a tenth of it is taken, since p is an estimate close to 0.5 and staking
on an overstated edge costs more than it can win. Long only; a forecast below the threshold is worth nothing.
At the threshold of 0.525 and a volatility of 2% a session, five sessions promise 0.22%, twice a round trip
that costs 0.1%.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SizingRules:
    """Limits of what a forecast may ask for. All weights are fractions of equity.

    enter_above:       chance from which a position is opened.
    leave_below:       chance under which it is closed; the gap to enter_above keeps it from flickering.
    kelly_fraction:    part of Kelly's stake, in (0, 1].
    weight_max:        of one instrument at or below volatility_target; above that it shrinks in proportion.
    total_max:         of all instruments together.
    volatility_target: per session.
    no_trade_band:     changes of weight smaller than this are not worth their costs.
    Errors:            ValueError naming the field that makes no sense.
    """

    enter_above: float = 0.525
    leave_below: float = 0.50
    kelly_fraction: float = 0.1
    weight_max: float = 0.25
    total_max: float = 0.95
    volatility_target: float = 0.02
    no_trade_band: float = 0.02

    def __post_init__(self) -> None:
        for name in ("kelly_fraction", "weight_max", "total_max"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be in (0, 1], got {getattr(self, name)}")
        if not 0.0 <= self.leave_below <= self.enter_above <= 1.0:
            raise ValueError("leave_below must be at most enter_above, both in [0, 1]")
        if self.enter_above < 0.5:
            raise ValueError(f"enter_above must be 0.5 or more, got {self.enter_above}")
        if not self.volatility_target > 0.0:
            raise ValueError(f"volatility_target must be positive, got {self.volatility_target}")
        if not 0.0 <= self.no_trade_band < 1.0:
            raise ValueError(f"no_trade_band must be in [0, 1), got {self.no_trade_band}")


@dataclass(frozen=True, slots=True)
class View:
    """What is believed of one instrument: chance to rise over `horizon` bars, volatility per bar."""

    symbol: str
    probability: float
    volatility: float
    horizon: int = 5


def target_weight(view: View, rules: SizingRules, held: float = 0.0) -> float:
    """Weight one instrument deserves by itself.

    held:    its weight now; above 0 the lower threshold counts.
    Returns: fraction of equity in [0, rules.weight_max]; never falls as the probability rises, and never
             rises with volatility. 0 for an instrument that does not move.
    Errors:  ValueError when probability is outside [0, 1], volatility is negative or either is NaN.
    Source:  Kelly 1956, doi:10.1002/j.1538-7305.1956.tb03809.x; Thorp 2006, section 7 (fractional Kelly).
    """
    if not 0.0 <= view.probability <= 1.0:
        raise ValueError(f"{view.symbol}: probability must be in [0, 1], got {view.probability}")
    if not 0.0 <= view.volatility < math.inf:
        raise ValueError(f"{view.symbol}: volatility must be finite and not negative, got {view.volatility}")
    threshold = rules.leave_below if held > 0.0 else rules.enter_above
    edge = 2.0 * view.probability - 1.0
    if view.probability < threshold or edge <= 0.0 or view.volatility == 0.0:
        return 0.0
    stake = rules.kelly_fraction * edge / (view.volatility * math.sqrt(view.horizon))
    return float(min(stake, rules.weight_max * min(1.0, rules.volatility_target / view.volatility)))


def target_weights(
    views: Iterable[View], rules: SizingRules, held: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Weights of all instruments together, scaled down in proportion when they ask for more than
    rules.total_max.

    held:    weights now, by symbol; absent means none.
    Returns: a weight for each view's symbol, in the order of the views.
    """
    now = held or {}
    weights = {view.symbol: target_weight(view, rules, now.get(view.symbol, 0.0)) for view in views}
    asked = math.fsum(weights.values())
    if asked <= rules.total_max:
        return weights
    return {symbol: weight * (rules.total_max / asked) for symbol, weight in weights.items()}


def worth_trading(held: float, target: float, rules: SizingRules) -> bool:
    """Whether going from one weight to another is worth its costs; closing a position always is."""
    if target == 0.0:
        return held > 0.0
    return abs(target - held) >= rules.no_trade_band
