import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderbot.model.border import money_from_float, price_from_float, quantity_from_float, to_float
from traderbot.model.errors import InvalidValue

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("seen", "exact"),
    [
        (10.1, "10.1"),
        (0.1 + 0.2, "0.3"),
        (99.99999, "99.99999"),
        (1e-9, "0.000000001"),
        (1.23456789e-5, "0.000012346"),
        (123456.7890123456, "123456.789012346"),
        (5e9, "5000000000"),
        (7, "7"),
        (np.float64(27.72), "27.72"),
    ],
)
def test_a_price_is_the_shortest_decimal_that_reads_back_cut_to_nine_places(seen: float, exact: str) -> None:
    assert price_from_float(seen) == Decimal(exact)


@pytest.mark.parametrize("seen", [math.nan, math.inf, -math.inf, 0.0, -0.0, -1.0, 1e-10, 1e300, 9.3e9])
def test_what_cannot_be_a_price_is_refused(seen: float) -> None:
    with pytest.raises(InvalidValue, match=r"^open: "):
        price_from_float(seen, "open")


def test_a_volume_may_be_nothing_but_not_less() -> None:
    assert quantity_from_float(0.0) == 0
    for seen in (-1.0, math.nan, math.inf):
        with pytest.raises(InvalidValue, match=r"^volume: "):
            quantity_from_float(seen)


@given(st.floats(1e-9, 9e9))
def test_a_price_differs_from_what_was_seen_by_half_a_billionth_at_most(seen: float) -> None:
    exact = price_from_float(seen)
    assert -exact.as_tuple().exponent <= 9
    assert abs(Fraction(exact) - Fraction(seen)) <= Fraction(1, 2 * 10**9) + Fraction(math.ulp(seen))


def test_an_amount_becomes_the_nearest_float() -> None:
    assert to_float(Decimal("0.1")) == 0.1
    assert to_float(Decimal("123456789.123456")) == 123456789.123456


@pytest.mark.parametrize(
    ("seen", "exact"), [(0.125, "0.12"), (-0.135, "-0.14"), (1e-12, "0"), (1234.5678, "1234.57")]
)
def test_an_estimate_is_told_in_whole_cents(seen: float, exact: str) -> None:
    assert money_from_float(seen) == Decimal(exact)


def test_an_estimate_that_is_no_number_is_refused() -> None:
    for seen in (math.nan, math.inf):
        with pytest.raises(InvalidValue, match=r"^var: "):
            money_from_float(seen, "var")
