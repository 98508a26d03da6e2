"""Fee schedules: what a broker charges for an order, of which each execution pays its part."""

from decimal import Decimal
from itertools import pairwise

import msgspec

from traderbot.model import rounding
from traderbot.model.amounts import ZERO, Money, fraction, money
from traderbot.model.errors import InvalidValue


class Tier(msgspec.Struct, frozen=True):
    """What is charged from a monthly volume in shares on. Errors: InvalidValue."""

    volume: Decimal
    rate: Decimal = ZERO
    per_share: Decimal = ZERO

    def __post_init__(self) -> None:
        _check_prices(self.rate, self.per_share)
        if not self.volume > 0:
            raise InvalidValue("volume", "more than zero shares a month", self.volume)


class FeeSchedule(msgspec.Struct, frozen=True):
    """rate: of the value; per_share: money a share; both apply, up to the volume of the first tier.

    minimum, maximum: money an order; maximum_rate: share of the order's value it may not exceed, which goes
    before the minimum. tiers: by volume of the month, ascending; an order is charged by the tier that the
    volume before it reached, whole. Errors: InvalidValue.
    """

    rate: Decimal = ZERO
    per_share: Decimal = ZERO
    minimum: Money | None = None
    maximum: Money | None = None
    maximum_rate: Decimal | None = None
    tiers: tuple[Tier, ...] = ()

    def __post_init__(self) -> None:
        _check_prices(self.rate, self.per_share)
        for name in ("minimum", "maximum"):
            if (amount := getattr(self, name)) is not None and money(amount, name) < 0:
                raise InvalidValue(name, "nothing or more", amount)
        if self.maximum_rate is not None:
            fraction(self.maximum_rate, "maximum_rate")
        if self.maximum is not None and self.maximum < (self.minimum or 0):
            raise InvalidValue("maximum", f"no less than the minimum of {self.minimum}", self.maximum)
        steps = [tier.volume for tier in self.tiers]
        if any(later <= earlier for earlier, later in pairwise(steps)):
            raise InvalidValue("tiers", "ascending volumes", " ".join(map(str, steps)))

    @property
    def worst_rate(self) -> Decimal:
        """The highest rate of all tiers."""
        return max([self.rate, *(tier.rate for tier in self.tiers)])

    @property
    def worst_per_share(self) -> Decimal:
        """The highest amount a share of all tiers."""
        return max([self.per_share, *(tier.per_share for tier in self.tiers)])

    def order_fee(self, qty: Decimal, value: Decimal, month_volume: Decimal = ZERO) -> Money:
        """Fee of an order that was filled so far, never less for more of it. month_volume: shares traded in
        the month before it.
        """
        rate, per_share = self.rate, self.per_share
        for tier in self.tiers:
            if month_volume < tier.volume:
                break
            rate, per_share = tier.rate, tier.per_share
        charged = rounding.schedule_fee(value, rate, qty, per_share)
        if self.minimum is not None:
            charged = max(charged, self.minimum)
        if self.maximum is not None:
            charged = min(charged, self.maximum)
        if self.maximum_rate is not None:
            charged = min(charged, rounding.fee(value, self.maximum_rate))
        return charged


def _check_prices(rate: Decimal, per_share: Decimal) -> None:
    fraction(rate, "rate")
    if money(per_share, "per_share") < 0:
        raise InvalidValue("per_share", "nothing or more a share", per_share)
