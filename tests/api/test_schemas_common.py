"""Exact amounts out, times, cursors, and what the OpenAPI description says of amounts."""

from decimal import Decimal

import pytest
from pydantic import TypeAdapter, ValidationError

from traderbot.api.schemas_common import (
    Answer,
    Cursors,
    DecimalOut,
    IdIn,
    NumberIn,
    Page,
    PriceIn,
    QuantityIn,
    SymbolIn,
    TimeOut,
    decimal_text,
)
from traderbot.model.errors import InvalidValue

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("100000.000000", "100000"), ("9.50", "9.5"), ("0E-9", "0"), ("-0.00", "0"), ("1E+5", "100000"),
        ("100", "100"),
        ("0.000000001", "0.000000001"), ("1E-9", "0.000000001"), ("-12.30", "-12.3"), ("1000", "1000"),
        ("9199999999999.999999", "9199999999999.999999"),
    ],
)  # fmt: skip
def test_decimals_go_out_in_positional_notation(value: str, text: str) -> None:
    assert decimal_text(Decimal(value)) == text


class Row(Answer):
    amount: DecimalOut
    at: TimeOut
    maybe: DecimalOut | None = None


def test_answers_are_text_exact_and_utc() -> None:
    page = Page[Row](items=[Row(amount=Decimal("9.50"), at=1_104_786_000_000_000)], next_cursor=None)
    assert page.model_dump_json() == (
        '{"items":[{"amount":"9.5","at":"2005-01-03T21:00:00Z","maybe":null}],"next_cursor":null}'
    )


def test_amounts_are_described_as_text_with_pattern_and_example() -> None:
    for kind, example in ((QuantityIn, "10"), (PriceIn, "9.5"), (SymbolIn, "AAPL"), (DecimalOut, "9.5")):
        schema = TypeAdapter[object](kind).json_schema(mode="validation")
        assert schema["type"] == "string"
        assert schema["examples"] == [example]
        assert schema["pattern"].startswith("^")


@pytest.mark.parametrize(
    "value", ["x", "0198c7a25e1f7d3a9b1c2f6f5f0e8a11", "{0198c7a2-5e1f-7d3a-9b1c-2f6f5f0e8a11}", 1, None]
)
def test_ids_have_one_spelling(value: object) -> None:
    with pytest.raises(ValidationError, match="UUID"):
        TypeAdapter[object](IdIn).validate_python(value)
    good = "0198c7a2-5e1f-7d3a-9b1c-2f6f5f0e8a11"
    assert str(TypeAdapter[object](IdIn).validate_python(good)) == good


@pytest.mark.parametrize("value", [True, "2", 2.0, None, Decimal("1e400"), Decimal("1e9999"), 10**24])
def test_numbers_are_json_numbers_of_sane_size(value: object) -> None:
    with pytest.raises(ValidationError, match="JSON number"):
        TypeAdapter[object](NumberIn).validate_python(value)
    assert TypeAdapter[object](NumberIn).validate_python(Decimal("0." + "1" * 62)) == Decimal("0." + "1" * 62)


def test_a_cursor_leads_back_to_its_position() -> None:
    cursors = Cursors(b"k" * 32)
    cursor = cursors.encode("orders 1 open", [1_104_786_000_000_000, "0198c7a2"])
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert cursors.decode("orders 1 open", cursor) == [1_104_786_000_000_000, "0198c7a2"]


def test_broken_invented_and_foreign_cursors_are_refused_alike() -> None:
    cursors = Cursors(b"k" * 32)
    good = cursors.encode("orders 1 open", [1, "x"])
    foreign = [
        cursors.encode("orders 2 open", [1, "x"]),
        cursors.encode("orders 1 all", [1, "x"]),
        cursors.encode("signals 1", [1, "x"]),
        Cursors(b"l" * 32).encode("orders 1 open", [1, "x"]),
        good[:-1], good[1:], good + "A", good + "=", good.upper(), "", "x", "é", "A" * 5_000, " " + good,
        good + "\n",
    ]  # fmt: skip
    told = set()
    for cursor in foreign:
        with pytest.raises(InvalidValue) as refused:
            cursors.decode("orders 1 open", cursor)
        told.add(refused.value.detail)
    assert told == {"cursor: expected a next_cursor of this same list"}


def test_a_changed_bit_anywhere_breaks_a_cursor() -> None:
    cursors = Cursors(b"k" * 32)
    good = cursors.encode("s", [1, "x"])
    for place in range(len(good)):
        changed = good[:place] + ("A" if good[place] != "A" else "B") + good[place + 1 :]
        with pytest.raises(InvalidValue):
            cursors.decode("s", changed)
