"""What trading costs in a simulation: fees, slippage, the time an order travels, and the share of a volume
that one account may take.
"""

from decimal import Decimal

import msgspec

from traderbot.model import rounding
from traderbot.model.amounts import ZERO, Money, fraction
from traderbot.model.errors import InvalidValue
from traderbot.model.rules import Rules
from traderbot.simulation.fees import FeeSchedule
from traderbot.simulation.slippage import Impact


class Costs(msgspec.Struct, frozen=True):
    """Fractions: fee_rate of the value, slippage of the price, participation of a volume per account.

    fees: a schedule in place of fee_rate. impact: slippage by size, on top of the fixed one. latency:
    microseconds from a decision to the market. Errors: InvalidValue.
    """

    fee_rate: Decimal = Decimal("0.0001")
    slippage: Decimal = Decimal("0.0002")
    participation: Decimal = Decimal("0.10")
    fees: FeeSchedule | None = None
    impact: Impact | None = None
    latency: int = 0

    def __post_init__(self) -> None:
        for name in ("fee_rate", "slippage", "participation"):
            fraction(getattr(self, name), name)
        if self.slippage == 1:
            raise InvalidValue("slippage", "a fraction below 1", self.slippage)
        if not self.participation:
            raise InvalidValue("participation", "a fraction above 0", self.participation)
        if self.impact is not None and self.slippage + self.impact.worst >= 1:
            raise InvalidValue("impact", "slippage below 1 in all", self.slippage + self.impact.worst)
        if self.latency < 0:
            raise InvalidValue("latency", "microseconds, none below 0", self.latency)

    @property
    def share(self) -> Decimal:
        """The share of a volume that one account may take in the end."""
        return self.participation if self.impact is None else min(self.participation, self.impact.limit)

    @property
    def rules(self) -> Rules:
        """Rules that hold for just these costs."""
        if self.fees is None:
            return Rules(fee_rate=self.fee_rate)
        return Rules(
            fee_rate=self.fees.worst_rate,
            fee_per_share=self.fees.worst_per_share or None,
            fee_minimum=self.fees.minimum or None,
        )

    def check(self, rules: Rules) -> None:
        """Refuse costs beyond what the rules make an order hold. Errors: InvalidValue."""
        rate, per_share, minimum = self.fee_rate, ZERO, ZERO
        if self.fees is not None:
            rate, per_share = self.fees.worst_rate, self.fees.worst_per_share
            minimum = self.fees.minimum or ZERO
        if rate > rules.fee_rate:
            raise InvalidValue("fee_rate", f"costs no higher than the rules' {rules.fee_rate}", rate)
        if per_share > (rules.fee_per_share or 0):
            raise InvalidValue(
                "fee_per_share", f"costs no higher than the rules' {rules.fee_per_share or 0}", per_share
            )
        if minimum > (rules.fee_minimum or 0):
            raise InvalidValue(
                "fee_minimum", f"costs no higher than the rules' {rules.fee_minimum or 0}", minimum
            )

    def fee(self, qty: Decimal, value: Decimal, charged: Decimal, month_volume: Decimal = ZERO) -> Money:
        """Fee of an execution: that of the order so far, this execution included, less what was charged."""
        if self.fees is None:
            total = rounding.fee(value, self.fee_rate)
        else:
            total = self.fees.order_fee(qty, value, month_volume)
        return Money(max(total - charged, ZERO)) if charged else total

    def affordable(self, cash: Decimal, price: Decimal, charged: Decimal, step: Decimal) -> Decimal:
        """Largest multiple of `step` shares that `cash` surely pays for, with the fees to come."""
        if self.fees is None:
            return rounding.affordable(cash, price, self.fee_rate, step)
        minimum = max((self.fees.minimum or ZERO) - charged, ZERO)
        if cash <= minimum:
            return ZERO
        each = price + self.fees.worst_per_share
        return rounding.affordable(cash - minimum, each, self.fees.worst_rate, step)
