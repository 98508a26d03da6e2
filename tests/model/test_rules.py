from decimal import Decimal

import msgspec
import pytest

from traderbot.model.errors import InvalidValue
from traderbot.model.rules import Limits, Margin, Rules
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.unit

AAA = Symbol("AAA")
D = Decimal


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Rules(fee_rate=D("-0.1")), "fee_rate"),
        (lambda: Rules(fee_rate=D("0.0000000001")), "fee_rate"),
        (lambda: Rules(fee_minimum=D(-1)), "fee_minimum"),
        (lambda: Rules(fee_per_share=D("0.0000001")), "fee_per_share"),
        (lambda: Rules(collar=D("1.5")), "collar"),
        (lambda: Rules(max_limit_distance=D(11)), "max_limit_distance"),
        (lambda: Rules(max_order_value=D(0)), "max_order_value"),
        (lambda: Rules(max_order_value=D("NaN")), "max_order_value"),
        (lambda: Rules(stale_after=-1), "stale_after"),
        (lambda: Limits(order_value=D(0)), "order_value"),
        (lambda: Limits(position_value=D(-1)), "position_value"),
        (lambda: Limits(order_qty=D("-0.5")), "order_qty"),
        (lambda: Limits(position_qty=D(0)), "position_qty"),
        (lambda: Limits(concentration=D(-1)), "concentration"),
        (lambda: Limits(gross=D(101)), "gross"),
        (lambda: Limits(daily_loss=D("1.1")), "daily_loss"),
        (lambda: Limits(drawdown=D("-0.1")), "drawdown"),
        (lambda: Limits(orders_per_second=0), "orders_per_second"),
        (lambda: Limits(orders_per_day=-1), "orders_per_day"),
        (lambda: Margin(initial=D(0)), "initial"),
        (lambda: Margin(loan_rate=D(2)), "loan_rate"),
    ],
)
def test_rules_that_make_no_sense_cannot_be_made(make, field: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        make()
    assert refusal.value.field == field


def test_rules_read_back_from_their_text() -> None:
    limits = Limits(gross=D(2), orders_per_day=9, restricted=frozenset({AAA}), no_shorting=True)
    rules = Rules(
        version=3,
        collar=D("0.2"),
        halted="a drill",
        halted_symbols=frozenset({AAA}),
        lifting={"": "1234"},
        limits=limits,
        sectors={AAA: "Energy"},
    )
    assert msgspec.json.decode(msgspec.json.encode(rules), type=Rules) == rules


def test_rules_of_an_older_version_have_no_limits() -> None:
    assert msgspec.json.decode(b'{"version":2,"collar":"0.2"}', type=Rules).limits == Limits()
