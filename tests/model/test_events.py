from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from traderbot.model import events as e
from traderbot.model.orders import OrderStatus, Side
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.unit


def test_every_event_has_its_class_name_as_its_stored_name() -> None:
    classes = {
        cls
        for cls in vars(e).values()
        if isinstance(cls, type) and issubclass(cls, e.Event) and not cls.__subclasses__()
    }
    assert set(e.EVENT_TYPES.values()) == classes
    assert all(name == cls.__name__ for name, cls in e.EVENT_TYPES.items())
    assert all(cls.schema >= 1 for cls in classes)


@pytest.mark.parametrize("cls", e.EVENT_TYPES.values(), ids=lambda cls: cls.__name__)
def test_no_default_is_a_decimal_and_events_do_not_change(cls: type[e.Event]) -> None:
    assert cls.__struct_config__.frozen
    assert cls.__struct_config__.omit_defaults
    assert not any(isinstance(default, Decimal) for default in cls.__struct_defaults__)


def test_a_fill_reads_back_from_its_text_with_every_amount_exact() -> None:
    fill = e.OrderFilled(
        at=1, order_id=UUID(int=1), execution_id=UUID(int=2), symbol=Symbol("AAA"), side=Side.SELL,
        qty=Decimal("0.123456789"), price=Decimal("10.10"), notional=Decimal("1.246914"), fee=Decimal(0),
        filled_qty=Decimal("0.123456789"), filled_value=Decimal("1.246914"), status=OrderStatus.FILLED,
        hold=Decimal(0), position_qty=Decimal(0), priced_at=1, realised=Decimal("-0.5"),
        relief=(e.Relief(1, Decimal("0.123456789"), Decimal("1.746914")),),
    )  # fmt: skip
    text = msgspec.json.encode(fill)
    assert b'lot":null' not in text
    assert msgspec.json.decode(text, type=e.OrderFilled) == fill
