"""Signal: what a strategy concluded about an instrument and why, with or without an order."""

from typing import Any

import msgspec

from traderbot.model.symbols import Symbol


class Signal(msgspec.Struct, frozen=True):
    """A conclusion; action: buy, sell or hold.

    probability, confidence: in [0, 1] where the strategy has them. target_weight: fraction of equity.
    rationale: {summary, contributions, model}, as the page and the API show it.
    """

    symbol: Symbol
    action: str
    rationale: dict[str, Any]
    probability: float | None = None
    confidence: float | None = None
    target_weight: float | None = None
