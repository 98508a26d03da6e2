"""The strategies that come with the platform, by name."""

from traderbot.model.errors import InvalidValue
from traderbot.model.meant import meant
from traderbot.strategies.ai_forecast import AiForecast
from traderbot.strategies.base import Strategy
from traderbot.strategies.bollinger_reversion import BollingerReversion
from traderbot.strategies.breakout import Breakout
from traderbot.strategies.buy_and_hold import BuyAndHold
from traderbot.strategies.cross_sectional_momentum import CrossSectionalMomentum
from traderbot.strategies.equal_weight import EqualWeight
from traderbot.strategies.mean_reversion import MeanReversion
from traderbot.strategies.minimum_variance import MinimumVariance
from traderbot.strategies.moving_average import MovingAverageCrossover, MovingAverageSignal
from traderbot.strategies.pairs import Pairs
from traderbot.strategies.risk_parity import RiskParity
from traderbot.strategies.time_series_momentum import TimeSeriesMomentum
from traderbot.strategies.volatility_targeting import VolatilityTargeting

CATALOGUE: dict[str, type[Strategy]] = {
    kind.name: kind
    for kind in (
        AiForecast,
        MovingAverageCrossover,
        MovingAverageSignal,
        BuyAndHold,
        EqualWeight,
        TimeSeriesMomentum,
        CrossSectionalMomentum,
        MeanReversion,
        BollingerReversion,
        Breakout,
        VolatilityTargeting,
        Pairs,
        MinimumVariance,
        RiskParity,
    )
}


def named(name: str) -> type[Strategy]:
    """The strategy of a name. Errors: InvalidValue."""
    if name not in CATALOGUE:
        raise InvalidValue("strategy", f"one of {', '.join(sorted(CATALOGUE))}{meant(name, CATALOGUE)}", name)
    return CATALOGUE[name]
