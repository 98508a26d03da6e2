"""Parts of events: what an execution uses up of a lot, what a corporate action makes of lots and orders."""

from decimal import Decimal
from uuid import UUID

import msgspec

from traderbot.model.amounts import Price, Quantity
from traderbot.model.orders import Stop


class Relief(msgspec.Struct, frozen=True, gc=False):
    """The part of a lot that an execution used up: its number, shares and cost; negative of a short lot."""

    lot: int
    qty: Decimal
    cost: Decimal


class RestoredLot(msgspec.Struct, frozen=True, gc=False):
    """What a busted closing execution gives back to a lot. opened_at: of the lot, microseconds."""

    lot: int
    qty: Decimal
    cost: Decimal
    opened_at: int


class AdjustedLot(msgspec.Struct, frozen=True):
    lot: int
    qty: Decimal


class AdjustedOrder(msgspec.Struct, frozen=True, omit_defaults=True):
    order_id: UUID
    qty: Quantity
    filled_qty: Decimal
    limit_price: Price | None
    price_max: Price
    stop: Stop | None = None
