import decimal
import threading
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderbot.model import rounding

pytestmark = pytest.mark.unit

D = Decimal
MICRO = Fraction(1, 1_000_000)
quantities = st.decimals(D("0.000000001"), D(1_000_000), places=9)
prices = st.decimals(D("0.000000001"), D(100_000), places=9)
rates = st.decimals(D(0), D(1), places=9)
values = st.decimals(D(0), D(1_000_000), places=6)
ratios = st.tuples(st.integers(1, 50), st.integers(1, 50))


@pytest.mark.parametrize(
    "inexact",
    [
        lambda: D(1) / D(3),
        lambda: D(2).sqrt(),
        lambda: D("1e-40") + D("1e40"),
        lambda: D("1.234").quantize(D("0.01")),
        lambda: D(1) / D(0),
        lambda: D("9e999999") * 10,
        lambda: D("NaN") > 0,
        lambda: D("x"),
    ],
)
def test_an_inexact_operation_outside_the_named_roundings_raises(inexact) -> None:
    with pytest.raises(decimal.DecimalException):
        inexact()


def test_a_thread_started_later_is_as_exact() -> None:
    seen: list[object] = []

    def work() -> None:
        context = decimal.getcontext()
        seen.append((context.prec, {signal for signal, trapped in context.traps.items() if trapped}))
        try:
            D(1) / D(3)
        except decimal.Inexact:
            seen.append("trapped")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    trapped = {decimal.Inexact, decimal.InvalidOperation, decimal.Overflow, decimal.DivisionByZero}
    assert seen == [(60, trapped), "trapped"]


def test_rounding_leaves_the_context_as_it_was() -> None:
    rounding.pro_rata(D(10), D(1), D(3))
    with pytest.raises(decimal.Inexact):
        D(1) / D(3)


@given(quantities, prices)
def test_values_are_half_even_to_a_millionth(qty: Decimal, price: Decimal) -> None:
    value = rounding.notional(qty, price)
    assert value == rounding.market_value(qty, price)
    assert abs(Fraction(value) - Fraction(qty) * Fraction(price)) <= MICRO / 2


def test_half_a_millionth_goes_to_the_even_neighbour() -> None:
    assert rounding.notional(D("0.0000005"), D(1)) == 0
    assert rounding.notional(D("0.0000015"), D(1)) == D("0.000002")
    assert rounding.notional(D("0.0000025"), D(1)) == D("0.000002")


@given(values, rates, values)
def test_fees_of_the_parts_never_exceed_the_fee_of_the_whole(
    value: Decimal, rate: Decimal, part: Decimal
) -> None:
    first = min(part, value)
    parts = rounding.fee(first, rate) + rounding.fee(value - first, rate)
    whole = rounding.fee(value, rate)
    assert 0 <= whole - parts <= D("0.000001")
    assert whole <= value * rate


@given(quantities, prices, rates, prices)
def test_a_hold_pays_for_any_fill_up_to_its_price(
    qty: Decimal, price_max: Decimal, rate: Decimal, other: Decimal
) -> None:
    hold = rounding.hold(qty, price_max, rate)
    assert 0 < Fraction(hold) - Fraction(qty) * Fraction(price_max) * (1 + Fraction(rate)) <= 2 * MICRO
    value = rounding.notional(qty, min(price_max, other))
    assert value + rounding.fee(value, rate) <= hold


@given(values, quantities, quantities)
def test_parts_of_a_cost_sum_to_the_whole(total: Decimal, part: Decimal, rest: Decimal) -> None:
    share = rounding.pro_rata(total, part, part + rest)
    assert 0 <= share <= total
    assert abs(Fraction(share) - Fraction(total) * Fraction(part) / Fraction(part + rest)) <= MICRO / 2


@given(values, prices, rates, st.sampled_from([D(1), D("0.000000001")]))
def test_what_is_affordable_can_be_paid_and_a_step_more_could_not(
    cash: Decimal, price: Decimal, rate: Decimal, step: Decimal
) -> None:
    qty = rounding.affordable(cash, price, rate, step)
    assert qty >= 0
    assert qty % step == 0
    value = rounding.notional(qty, price)
    assert value + rounding.fee(value, rate) <= cash
    assert Fraction(qty + step) * Fraction(price) * (1 + Fraction(rate)) > Fraction(cash) - MICRO


@given(quantities, ratios)
def test_a_split_quantity_is_rounded_down_but_never_to_nothing(qty: Decimal, ratio: tuple[int, int]) -> None:
    new, old = ratio
    after = rounding.split_quantity(qty, new, old)
    assert after > 0
    assert after == D("0.000000001") or 0 <= Fraction(qty) * new / old - Fraction(after) < Fraction(1, 10**9)
    assert rounding.split_quantity(D(0), new, old) == 0


@given(
    st.integers(1, 10_000_000).map(lambda cents: D(cents).scaleb(-2)), st.integers(1, 20), st.integers(1, 20)
)
def test_a_split_limit_is_on_the_tick_and_no_worse_for_its_owner(limit: Decimal, new: int, old: int) -> None:
    exact = Fraction(limit) * old / new
    buy, sell = (rounding.split_limit(limit, new, old, buying) for buying in (True, False))
    for price in (buy, sell):
        assert price % rounding.tick(price) == 0
        assert abs(Fraction(price) - exact) < Fraction(rounding.tick(max(price, sell)))
    assert Fraction(sell) >= exact
    assert Fraction(buy) <= exact or buy == D("0.0001")


@given(prices, quantities, ratios)
def test_a_hold_still_covers_an_order_after_a_split(
    price: Decimal, qty: Decimal, ratio: tuple[int, int]
) -> None:
    new, old = max(ratio), min(ratio)
    after = rounding.split_price_max(price, new, old)
    if after > D("0.000000001"):
        assert Fraction(rounding.split_quantity(qty, new, old)) * Fraction(after) <= Fraction(qty) * Fraction(
            price
        )


def test_a_price_is_never_rounded_to_nothing() -> None:
    least = D("0.000000001")
    assert rounding.price_at(least, D("0.1")) == least
    assert rounding.split_price_max(least, 9, 1) == least


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (rounding.average_price(D(10), D(3)), "3.333333333"),
        (rounding.price_at(D("10.01"), D("1.0002")), "10.012002"),
        (rounding.split_price(D(10), 3, 1), "3.333333333"),
        (rounding.whole_steps(D("7.9"), D(1)), "7"),
        (rounding.dividend(D("0.333333333"), D("0.18")), "0.06"),
        (rounding.ratio(D(1), D(3)), "0.333333"),
        (rounding.ratio(D(1), D(0)), "0"),
        (rounding.cents(D("2.675")), "2.68"),
        (rounding.cents(D("2.665")), "2.66"),
        (rounding.tick(D(1)), "0.01"),
        (rounding.tick(D("0.9999")), "0.0001"),
    ],
)
def test_worked_examples(made: Decimal, expected: str) -> None:
    assert made == D(expected)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (rounding.set_aside(D("1.0000001"), D("0.5")), "1.500002"),
        (rounding.worst_money(D("1.0000001")), "1.000001"),
        (rounding.spare_money(D("1.0000009")), "1"),
        (rounding.spare_money(D("-1.0000001")), "-1.000001"),
        (rounding.buying_power(D("1"), D("0.3")), "3.333333"),
        (rounding.buying_power(D("-1"), D("0.3")), "-3.333334"),
        (rounding.interest(D(1000), D("0.08"), 3), "0.666667"),
        (rounding.payout(D("-0.333333333"), D("0.18")), "-0.06"),
        (rounding.signed_split(D(-7), 1, 3), "-2.333333333"),
        (rounding.signed_split(D(7), 1, 3), "2.333333333"),
        (rounding.split_stop(D("10.01"), 2, 1, buying=False), "5.00"),
        (rounding.split_stop(D("10.01"), 2, 1, buying=True), "5.01"),
        (rounding.shares_at(D(10), D(3)), "3.333333333"),
        (rounding.shares_at(D(-10), D(3)), "-3.333333333"),
    ],
)
def test_worked_examples_of_what_accounts_hold_and_owe(made: Decimal, expected: str) -> None:
    assert made == D(expected)


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=40))
def test_apportioned_parts_sum_to_the_total(billionths: list[int]) -> None:
    values = [Decimal(part).scaleb(-9) for part in billionths]
    total = rounding.ratio(sum(values, Decimal(0)), Decimal(1))
    parts = rounding.apportioned(values, total)
    assert sum(parts, Decimal(0)) == total
    assert all(abs(part - value) < Decimal("0.000002") for part, value in zip(parts, values, strict=True))


def test_a_remainder_goes_to_those_that_lost_most_by_it() -> None:
    thirds = [Decimal("0.333333333")] * 3
    assert rounding.apportioned(thirds, Decimal(1)) == [Decimal("0.333334"), *[Decimal("0.333333")] * 2]
    assert rounding.apportioned([], Decimal(0)) == []
    assert rounding.weight(Decimal(1), Decimal(0)) is None
    assert rounding.weight(Decimal(1), Decimal(4)) == Decimal("0.25")
