from datetime import date
from decimal import Decimal

import pytest

from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.unit

AAA, DAY = Symbol("AAA"), date(2005, 2, 28)


@pytest.mark.parametrize(
    ("kind", "terms", "field"),
    [
        (ActionKind.DIVIDEND, {}, "amount"),
        (ActionKind.DIVIDEND, {"amount": Decimal(0)}, "amount"),
        (ActionKind.DIVIDEND, {"amount": Decimal("-0.1")}, "amount"),
        (ActionKind.SPLIT, {"amount": Decimal(1), "new": 2}, "amount"),
        (ActionKind.SPLIT, {"new": 0}, "new, old"),
        (ActionKind.SPLIT, {"new": 2, "old": -1}, "new, old"),
        (ActionKind.SPLIT, {"new": 2, "new_symbol": Symbol("BBB")}, "new_symbol"),
        (ActionKind.SYMBOL_CHANGE, {}, "new_symbol"),
        (ActionKind.SYMBOL_CHANGE, {"new_symbol": AAA}, "new_symbol"),
        (ActionKind.SYMBOL_CHANGE, {"new_symbol": Symbol("BBB"), "amount": Decimal(1)}, "amount"),
        (ActionKind.DELISTING, {}, "amount"),
        (ActionKind.DELISTING, {"amount": Decimal(-1)}, "amount"),
    ],
)
def test_half_an_action_cannot_be_made(kind: ActionKind, terms: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        CorporateAction(AAA, DAY, kind, **terms)
    assert refusal.value.field == field


def test_actions() -> None:
    assert CorporateAction(AAA, DAY, ActionKind.SPLIT, new=1, old=3).amount is None
    assert CorporateAction(AAA, DAY, ActionKind.DIVIDEND, Decimal("0.18")).new == 1
    assert CorporateAction(AAA, DAY, ActionKind.DELISTING, Decimal(0)).amount == 0
    renamed = CorporateAction(AAA, DAY, ActionKind.SYMBOL_CHANGE, new_symbol=Symbol("BBB"))
    assert (renamed.amount, renamed.new_symbol) == (None, "BBB")
