from datetime import date

import pytest

from traderbot.market.bars import TimeFrame
from traderbot.market.readers.wanted import Wanted, frame_of_rows
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.unit
HOUR = 3_600_000_000
AAA = Symbol("AAA")


def wanted(start: date, end: date, *symbols: Symbol) -> Wanted:
    return Wanted(symbols or (AAA,), start, end, TimeFrame.DAY, "America/New_York")


def test_days_are_those_of_the_exchange_on_the_day_its_clock_changes_too() -> None:
    one = wanted(date(2024, 3, 10), date(2024, 3, 10))
    assert one.last - one.first == 23 * HOUR
    assert one.day_of(one.first) == date(2024, 3, 10)
    assert one.day_of(one.first - 1_000_000) == date(2024, 3, 9)


def test_rows_outside_of_the_days_are_left_out() -> None:
    one = wanted(date(2024, 1, 2), date(2024, 1, 3))
    moments = (one.first - 1, one.first, one.last - 1, one.last)
    rows = [("AAA", moment, 1.0, 2.0, None, 1.0, 5.0) for moment in moments]
    assert frame_of_rows(rows, one)["moment"].to_list() == list(moments[1:3])


def test_nonsense_is_refused() -> None:
    with pytest.raises(InvalidValue, match="start, end"):
        wanted(date(2024, 1, 3), date(2024, 1, 2))
    with pytest.raises(InvalidValue, match="symbols"):
        wanted(date(2024, 1, 2), date(2024, 1, 2), AAA, AAA)
    with pytest.raises(InvalidValue, match="symbols"):
        Wanted((), date(2024, 1, 2), date(2024, 1, 2), TimeFrame.DAY, "UTC")
