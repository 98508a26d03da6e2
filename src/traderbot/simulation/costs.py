"""What trading costs in a simulation: fees, slippage and the share of a bar's volume one account may take."""

from decimal import Decimal

import msgspec

from traderbot.model.amounts import fraction
from traderbot.model.errors import InvalidValue


class Costs(msgspec.Struct, frozen=True):
    """Fractions: fee_rate of the value, slippage of the price, participation of a bar's volume per account.

    Errors: InvalidValue.
    """

    fee_rate: Decimal = Decimal("0.0001")
    slippage: Decimal = Decimal("0.0002")
    participation: Decimal = Decimal("0.10")

    def __post_init__(self) -> None:
        for name in ("fee_rate", "slippage", "participation"):
            fraction(getattr(self, name), name)
        if self.slippage == 1:
            raise InvalidValue("slippage", "a fraction below 1", self.slippage)
        if not self.participation:
            raise InvalidValue("participation", "a fraction above 0", self.participation)
