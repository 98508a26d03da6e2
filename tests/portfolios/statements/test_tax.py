"""Tax years: sums by term, what else was earned, and when a year is settled."""

from decimal import Decimal

import pytest

from portfolios.statements.lots import Event, book_of_lots
from traderbot.model.errors import InvalidValue
from traderbot.portfolios.statements.tax import tax_csv, tax_year

pytestmark = pytest.mark.integration

D = Decimal
EVENTS = [
    Event("2009-01-05", 1, "10", "100"),
    Event("2010-06-01", 1, "-4", "-40", "20", "1"),
    Event("2010-12-20", 2, "10", "150"),
    Event("2010-12-30", 2, "-10", "-150", "-50"),
    Event("2011-01-10", 3, "5", "55"),
]


def test_a_year_by_term() -> None:
    found = tax_year(book_of_lots(EVENTS, "2011-02-28"), 2010)
    assert (found.long_term.disposals, found.long_term.gain) == (1, 19)
    assert (found.short_term.proceeds, found.short_term.cost) == (100, 150)
    assert (found.short_term.disallowed, found.short_term.gain) == (25, -25)  # 5 of 10 were bought in January
    assert (found.gain, found.open_reason) == (-6, None)
    assert tax_year(book_of_lots(EVENTS, "2011-02-28"), 2010, wash_sales=False).gain == -31
    assert tax_year(book_of_lots(EVENTS, "2011-02-28"), 2009).sold == []


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        ("2010-12-30", "the account has closes up to 2010-12-30 only"),
        ("2011-01-11", "a purchase up to 2011-01-30 may still make a wash sale of a loss of December"),
        ("2011-01-31", None),
    ],
)
def test_when_a_year_is_settled(last: str, reason: str | None) -> None:
    events = [one for one in EVENTS if one.day <= last]
    assert tax_year(book_of_lots(events, last), 2010).open_reason == reason


def test_the_file_has_every_disposal() -> None:
    lines = tax_csv(tax_year(book_of_lots(EVENTS, "2011-02-28"), 2010)).splitlines()
    assert lines == [
        "symbol,qty,acquired,disposed,term,sold_short,proceeds,cost,wash_added,disallowed,gain",
        "XYZ,4,2009-01-05,2010-06-01,long,no,59,40,0,0,19",
        "XYZ,10,2010-12-20,2010-12-30,short,no,100,150,0,25,-25",
    ]


def test_what_is_no_year_is_refused() -> None:
    with pytest.raises(InvalidValue, match="year"):
        tax_year(book_of_lots(EVENTS, "2011-02-28"), 12)
