"""How far an order of a size moves the price it gets: models of market impact.

Each gives a fraction of the price, on top of the fixed slippage of `Costs`. volume: shares of the bar, or
shown in the quote or print, that the order met. worst: the fraction when it takes all that it may.
"""

from decimal import Decimal

import msgspec

from traderbot.model import rounding
from traderbot.model.amounts import ONE, fraction
from traderbot.model.errors import InvalidValue

_TIMES_MAX = Decimal(10)


class VolumeShareImpact(msgspec.Struct, frozen=True):
    """price_impact x (share of the volume) squared; limit: the largest share one account may take.

    Worked example: 10% of a bar's volume at a price impact of 0.1 cost 0.1 x 0.1 x 0.1 = 0.1%.
    Source: the volume share slippage of Zipline. Errors: InvalidValue.
    """

    price_impact: Decimal = Decimal("0.1")
    limit: Decimal = Decimal("0.025")

    def __post_init__(self) -> None:
        fraction(self.price_impact, "price_impact")
        if not fraction(self.limit, "limit"):
            raise InvalidValue("limit", "a fraction above 0", self.limit)

    @property
    def worst(self) -> Decimal:
        return rounding.squared_impact(self.price_impact, self.limit)

    def of(self, qty: Decimal, volume: Decimal) -> Decimal:
        """Slippage of an execution, a fraction of its price."""
        return rounding.squared_impact(self.price_impact, min(rounding.taken_share(qty, volume), self.limit))


class SquareRootImpact(msgspec.Struct, frozen=True):
    """coefficient x volatility x square root of the share of the volume.

    volatility: standard deviation of the return over the time of one observation, a fraction.
    Worked example: 4% of a day's volume at a volatility of 2% and a coefficient of 1 cost 0.4%.
    Source: Almgren and others, "Direct estimation of equity market impact" (2005), whose power 3/5 is near
    the square root that practice uses. Errors: InvalidValue.
    """

    volatility: Decimal
    coefficient: Decimal = ONE

    limit = ONE

    def __post_init__(self) -> None:
        fraction(self.volatility, "volatility")
        fraction(self.coefficient, "coefficient", _TIMES_MAX)

    @property
    def worst(self) -> Decimal:
        return rounding.root_impact(self.coefficient * self.volatility, ONE)

    def of(self, qty: Decimal, volume: Decimal) -> Decimal:
        """Slippage of an execution, a fraction of its price."""
        share = min(rounding.taken_share(qty, volume), ONE)
        return rounding.root_impact(self.coefficient * self.volatility, share)


Impact = VolumeShareImpact | SquareRootImpact
