"""What the settings say of the limits of orders and the costs of fills."""

from decimal import Decimal

import msgspec

from traderbot.infra.settings import Settings
from traderbot.model.rules import Rules
from traderbot.simulation.costs import Costs

_BASIS_POINT = Decimal("0.0001")


def rules_of(settings: Settings, now: Rules | None = None) -> Rules:
    """The rules in force, with the limits that are set."""
    return msgspec.structs.replace(
        now or Rules(),
        max_order_value=settings.max_order_value,
        collar=settings.collar,
        max_limit_distance=settings.max_limit_distance,
        fee_rate=settings.fee_bps * _BASIS_POINT,
    )


def costs_of(settings: Settings) -> Costs:
    """What a simulated fill costs."""
    fee_rate, slippage = settings.fee_bps * _BASIS_POINT, settings.slippage_bps * _BASIS_POINT
    return Costs(fee_rate, slippage, settings.participation)
