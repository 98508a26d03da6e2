"""What an API key may trade, as the command path enforces it."""

from uuid import UUID

import msgspec

from traderbot.model.amounts import Money
from traderbot.model.symbols import Symbol


class Grant(msgspec.Struct, frozen=True):
    """The bounds of a key's orders. symbols: None for all; daily_notional: USD a day (UTC), None for any."""

    key_id: UUID
    symbols: frozenset[Symbol] | None = None
    daily_notional: Money | None = None
