import time
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderbot.model.amounts import AMOUNT_MAX, MONEY_MAX, fraction, money, price, quantity
from traderbot.model.errors import InvalidValue

pytestmark = pytest.mark.unit

NOT_NUMBERS = [
    "", " ", "NaN", "nan", "sNaN", "Infinity", "-Infinity", "inf", "1e400", "1E5", "1e-3", "1_0", " 5 ", "5 ",
    "5\n", "+5", "5.", ".5", "0x10", "1,000", "٣", "५", "५.५", "1\x00", "𝟓", "--5", "1.2.3", "ten", "\ud800",
    "1/2", True, False, None, [], {}, (), Fraction(1, 2), b"5", 1.0, float("nan"), float("inf"), -0.0, 1 + 2j,
    Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("-Infinity"), Decimal("1e400"),
    Decimal("1e200000"),
]  # fmt: skip


@pytest.mark.parametrize("value", NOT_NUMBERS, ids=repr)
@pytest.mark.parametrize("make", [quantity, price, money])
def test_what_is_no_plain_number_is_refused_by_the_name_of_its_field(make, value) -> None:
    with pytest.raises(InvalidValue, match=r"^how_much: expected a") as refusal:
        make(value, "how_much")
    assert refusal.value.field == "how_much"
    assert refusal.value.status == 422
    assert len(refusal.value.detail) < 250


@pytest.mark.parametrize(
    "value", [0, "0", "-0", "0.000", -1, "-1", Decimal("-0"), Decimal("-0.5"), "-0.000000001"]
)
@pytest.mark.parametrize("make", [quantity, price])
def test_quantity_and_price_are_positive(make, value) -> None:
    with pytest.raises(InvalidValue, match="positive"):
        make(value)


@pytest.mark.parametrize(
    "value",
    ["0.0000000001", "1." + "3" * 30, Decimal("1." + "3" * 30), Decimal("1e-10"), "9" * 5000, 10**5000],
    ids=range(6),
)
@pytest.mark.parametrize("make", [quantity, price])
def test_too_many_places_or_digits_are_refused_never_rounded(make, value) -> None:
    with pytest.raises(InvalidValue):
        make(value)


@pytest.mark.parametrize("make", [quantity, price, money])
def test_hostile_numbers_are_refused_cheaply(make) -> None:
    hostile = [
        "1e200000",
        "9" * 1_000_000,
        "1" + "0" * 100_000 + ".5",
        10**1_000_000,
        Decimal("1e200000"),
        "1e-200000",
    ]
    start = time.perf_counter()
    for value in hostile:
        with pytest.raises(InvalidValue):
            make(value)
    assert time.perf_counter() - start < 0.05


def test_the_field_has_a_name_of_its_own_where_none_is_given() -> None:
    for make, name in ((quantity, "qty"), (price, "price"), (money, "amount")):
        with pytest.raises(InvalidValue) as refusal:
            make("x")
        assert refusal.value.field == name


def test_the_largest_amounts_fit_a_scaled_64_bit_integer() -> None:
    assert quantity(str(AMOUNT_MAX)) * 10**9 < 2**63
    assert money(str(MONEY_MAX)) * 10**6 < 2**63
    for make, largest in ((quantity, AMOUNT_MAX), (price, AMOUNT_MAX), (money, MONEY_MAX)):
        assert make(largest) == make(int(largest)) == largest
        with pytest.raises(InvalidValue):
            make(largest + Decimal("0.000001"))


def test_money_has_either_sign_six_places_and_no_negative_zero() -> None:
    assert money("-12.345678") == Decimal("-12.345678")
    assert str(money("-0")) == str(money(Decimal("-0.00"))) == "0"
    with pytest.raises(InvalidValue, match="6 places"):
        money("0.0000001")


def test_numbers_are_taken_exactly() -> None:
    assert quantity("0.1") + quantity("0.2") == quantity("0.3")
    assert str(price("12345678.123456789")) == "12345678.123456789"
    assert (
        quantity(7)
        == quantity("7")
        == quantity(Decimal(7))
        == quantity("007")
        == quantity(Decimal("7.0000000000000"))
    )


def test_a_fraction_lies_between_nothing_and_its_largest() -> None:
    assert fraction("0", "rate") == 0
    assert fraction("1", "rate") == 1
    assert fraction("9.5", "rate", Decimal(10)) == Decimal("9.5")
    for value in ("-0.1", "1.000000001", "0.0000000001", 0.5, None, "NaN", Decimal("NaN")):
        with pytest.raises(InvalidValue, match=r"^rate: expected a decimal from 0 to 1"):
            fraction(value, "rate")


@given(st.decimals(Decimal("0.000000001"), Decimal(9_000_000_000), places=9))
def test_text_and_decimal_agree(value: Decimal) -> None:
    assert quantity(f"{value:f}") == quantity(value) == value


@given(st.text())
def test_any_text_is_a_number_or_an_invalid_value(text: str) -> None:
    try:
        assert quantity(text) > 0
    except InvalidValue as refusal:
        refusal.detail.encode()  # never a lone surrogate
