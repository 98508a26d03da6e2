from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traderbot.backtests.sweeping import kernel
from traderbot.backtests.sweeping.tape import last_rows, tape_of, terms_of
from traderbot.model.account import AccountKind
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.amounts import Money
from traderbot.model.bars import Bar
from traderbot.model.border import price_from_float
from traderbot.model.errors import InvalidValue
from traderbot.model.rules import Limits, Rules
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs

pytestmark = pytest.mark.unit

DAY = 86_400_000_000
CASH = Money(Decimal(1000))


def bar(name: str, times: list[int], volume: float = 1000.0) -> Bar:
    prices = np.arange(len(times)) + 10.0
    volumes = np.full(len(times), volume)
    return Bar(Symbol(name), np.array(times), prices, prices, prices, prices, volumes)


def read(value: float) -> Decimal:
    """The open that the kernel is given for a price."""
    one = np.array([value])
    bars = [Bar(Symbol("A"), np.array([1]), one, one, one, one, one)]
    return Decimal(int(tape_of(bars, Costs(), Rules()).prices.table[0, 0, kernel.OPEN])).scaleb(-9)


@settings(deadline=None)  # the first one may compile
@given(st.floats(1e-9, 9e9))
def test_a_price_is_the_one_the_engine_reads(value: float) -> None:
    assert read(value) == price_from_float(value)


@settings(deadline=None)
@given(st.integers(1, 10**5), st.integers(0, 999))
def test_prices_in_the_middle_of_two_billionths_go_to_the_even_one(whole: int, part: int) -> None:
    value = float(f"{whole}.{part:03d}0000005")
    if Decimal(str(value)) == Decimal(f"{whole}.{part:03d}0000005"):
        assert read(value) == price_from_float(value)


def test_bars_stand_side_by_side_with_the_last_close_where_one_is_missing() -> None:
    tape = tape_of([bar("A", [1, 2, 4]), bar("B", [2, 3], volume=55.0)], Costs(), Rules())
    table, nan = tape.prices.table, np.nan
    assert tape.times.tolist() == [1, 2, 3, 4]
    assert table[:, 0, kernel.OPEN].tolist() == [10 * 10**9, 11 * 10**9, 0, 12 * 10**9]
    assert table[:, 0, kernel.MARK].tolist() == [10 * 10**9, 11 * 10**9, 11 * 10**9, 12 * 10**9]
    assert table[:, 1, kernel.MARK].tolist() == [0, 10 * 10**9, 11 * 10**9, 11 * 10**9]
    assert table[:, 1, kernel.VOLUME].tolist() == [0, 55 * 10**9, 55 * 10**9, 0]
    np.testing.assert_array_equal(tape.closes, [[10, nan], [11, 10], [11, 11], [12, 11]])
    assert tape.prices.ages.tolist() == [[0, 0], [0, 0], [1, 0], [0, 1]]


def test_a_day_ends_with_its_last_bar_and_midnight_is_of_the_day_before() -> None:
    tape = tape_of([bar("A", [DAY // 2, DAY, DAY + 1, 3 * DAY])], Costs(), Rules())
    assert tape.ends.tolist() == [1, 2, 3]


@given(st.lists(st.integers(-5 * DAY, 40 * DAY), min_size=1, max_size=60, unique=True))
def test_the_last_rows_of_days_are_those_before_the_day_changes(times: list[int]) -> None:
    times.sort()
    days = [-(-time // DAY) for time in times]
    expected = [row for row, day in enumerate(days) if row == len(days) - 1 or days[row + 1] != day]
    assert last_rows(np.array(times)).tolist() == expected


@pytest.mark.parametrize("wrong", [np.nan, -1.0, np.inf, 1e10, 1e-10])
def test_prices_that_cannot_be_are_refused(wrong: float) -> None:
    for field, values in (("open", (wrong, 1.0)), ("close", (1.0, wrong))):
        opens, closes = (np.array([1.0, value]) for value in values)
        broken = Bar(Symbol("A"), np.array([1, 2]), opens, opens, opens, closes, np.ones(2))
        with pytest.raises(InvalidValue) as refused:
            tape_of([broken], Costs(), Rules())
        assert refused.value.field == field


@pytest.mark.parametrize("wrong", [np.nan, -1.0, np.inf])
def test_volumes_that_cannot_be_are_refused(wrong: float) -> None:
    ones = np.ones(2)
    broken = Bar(Symbol("A"), np.array([1, 2]), ones, ones, ones, ones, np.array([1.0, wrong]))
    with pytest.raises(InvalidValue, match="volume"):
        tape_of([broken], Costs(), Rules())


@pytest.mark.parametrize(
    ("costs", "rules", "kind", "lot", "field"),
    [
        (Costs(), Rules(), AccountKind.MARGIN, 1, "kind"),
        (Costs(latency=5), Rules(), AccountKind.CASH, 1, "latency"),
        (Costs(), Rules(limits=Limits(order_qty=Decimal(5))), AccountKind.CASH, 1, "limits"),
        (Costs(), Rules(halted="a test"), AccountKind.CASH, 1, "halted"),
        (Costs(), Rules(fee_minimum=Decimal(1)), AccountKind.CASH, 1, "fee_per_share, fee_minimum"),
        (Costs(), Rules(), AccountKind.CASH, "0.5", "lot"),
    ],
)
def test_what_the_kernel_does_not_play_is_refused_by_name(
    costs: Costs, rules: Rules, kind: AccountKind, lot: int | str, field: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        terms_of(CASH, costs, rules, None, Decimal(lot), kind)
    assert refused.value.field == field


def test_other_actions_than_splits_and_dividends_are_refused() -> None:
    delisting = CorporateAction(Symbol("A"), date(1970, 1, 2), ActionKind.DELISTING, Decimal(1))
    with pytest.raises(InvalidValue, match="splits and dividends"):
        tape_of([bar("A", [1, 2])], Costs(), Rules(), [delisting])


def test_bars_without_a_price_are_refused() -> None:
    broken = Bar(Symbol("A"), np.array([1]), *(np.array([value]) for value in (0.0, 1.0, 0.0, 1.0, 1.0)))
    with pytest.raises(InvalidValue, match="positive"):
        tape_of([broken], Costs(), Rules())
