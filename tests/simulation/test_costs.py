from decimal import Decimal

import pytest

from traderbot.model.errors import InvalidValue
from traderbot.simulation.costs import Costs

pytestmark = pytest.mark.domain


@pytest.mark.parametrize(
    ("name", "amount"),
    [
        ("fee_rate", "-0.1"),
        ("fee_rate", "1.1"),
        ("fee_rate", "NaN"),
        ("slippage", "1"),
        ("slippage", "-0.0001"),
        ("participation", "0"),
        ("participation", "1.01"),
        ("participation", "Infinity"),
    ],
)
def test_costs_are_fractions(name: str, amount: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        Costs(**{name: Decimal(amount)})
    assert refusal.value.field == name


def test_the_ends_of_the_ranges() -> None:
    assert Costs(Decimal(0), Decimal(0), Decimal(1)) == Costs(Decimal("0"), Decimal("0.0"), Decimal("1.0"))
