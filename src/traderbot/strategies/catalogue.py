"""The strategies that come with the platform, by name."""

from traderbot.model.errors import InvalidValue
from traderbot.strategies.ai_forecast import AiForecast
from traderbot.strategies.base import Strategy
from traderbot.strategies.moving_average import MovingAverageCrossover, MovingAverageSignal

CATALOGUE: dict[str, type[Strategy]] = {
    kind.name: kind for kind in (AiForecast, MovingAverageCrossover, MovingAverageSignal)
}


def named(name: str) -> type[Strategy]:
    """The strategy of a name. Errors: InvalidValue."""
    if name not in CATALOGUE:
        raise InvalidValue("strategy", f"one of {', '.join(sorted(CATALOGUE))}", name)
    return CATALOGUE[name]
