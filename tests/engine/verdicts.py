"""What the gate says to an order, asked both ways."""

from typing import Any

import msgspec

from engine.stand import Stand
from traderbot.engine.gate import Approval, preview, review
from traderbot.model.commands import PlaceOrder
from traderbot.model.reasons import Reason, Refusal
from traderbot.model.rules import Limits


def asked(stand: Stand, side: str = "buy", qty: str | None = "1", *at: Any, **terms: Any) -> PlaceOrder:
    return stand.order(side, qty, *at, **terms)


def verdict(stand: Stand, *order: Any, **terms: Any) -> Any:
    return review(stand.account, asked(stand, *order, **terms), stand.market, stand.rules)


def passes(stand: Stand, *order: Any, **terms: Any) -> bool:
    """Whether the gate approves; a preview has to answer as it does."""
    found = verdict(stand, *order, **terms)
    seen = preview(stand.account, asked(stand, *order, **terms), stand.market, stand.rules)
    assert seen.approved is isinstance(found, Approval)
    return seen.approved


def reason(stand: Stand, *order: Any, **terms: Any) -> Reason:
    assert not passes(stand, *order, **terms)
    refusal = verdict(stand, *order, **terms)
    assert isinstance(refusal, Refusal)
    return refusal.reason


def rule(stand: Stand, **changes: Any) -> None:
    """Change the platform's rules."""
    stand.rules = msgspec.structs.replace(stand.rules, **changes)


def limit(stand: Stand, **changes: Any) -> None:
    """Give the platform these limits and no others."""
    rule(stand, limits=Limits(**changes))
