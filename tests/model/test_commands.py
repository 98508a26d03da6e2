from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from traderbot.model import commands as c
from traderbot.model.errors import InvalidValue
from traderbot.model.orders import OrderType, Side
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.unit

ID = UUID(int=1)
AAA = Symbol("AAA")
D = Decimal


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: c.DepositCash(D(0)), "amount"),
        (lambda: c.DepositCash(D(-1)), "amount"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(0)), "qty"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(-5)), "qty"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), OrderType.LIMIT), "limit_price"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), OrderType.MARKET, limit_price=D(1)), "limit_price"),
        (lambda: c.PlaceOrder(ID, AAA, Side.BUY, D(1), OrderType.LIMIT, limit_price=D(-1)), "limit_price"),
        (lambda: c.ReplaceOrder(ID, ID, qty=D(0)), "qty"),
        (lambda: c.ReplaceOrder(ID, ID, limit_price=D(0)), "limit_price"),
        (lambda: c.RecordExecution(ID, ID, D(0), D(1), D(0), 0), "qty"),
        (lambda: c.RecordExecution(ID, ID, D(1), D(-1), D(0), 0), "price"),
        (lambda: c.RecordExecution(ID, ID, D(1), D(1), D("-0.01"), 0), "fee"),
        (lambda: c.Rules(fee_rate=D("-0.1")), "fee_rate"),
        (lambda: c.Rules(fee_rate=D("0.0000000001")), "fee_rate"),
        (lambda: c.Rules(collar=D("1.5")), "collar"),
        (lambda: c.Rules(max_limit_distance=D(11)), "max_limit_distance"),
        (lambda: c.Rules(max_order_value=D(0)), "max_order_value"),
        (lambda: c.Rules(max_order_value=D("NaN")), "max_order_value"),
        (lambda: c.Rules(stale_after=-1), "stale_after"),
    ],
)
def test_a_command_that_makes_no_sense_cannot_be_made(make, field: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        make()
    assert refusal.value.field == field


def test_rules_read_back_from_their_text() -> None:
    rules = c.Rules(version=3, collar=D("0.2"), halted="a drill", halted_symbols=frozenset({AAA}))
    assert msgspec.json.decode(msgspec.json.encode(rules), type=c.Rules) == rules
