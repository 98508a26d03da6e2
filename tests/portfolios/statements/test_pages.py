"""Pages stand alone, escape what people wrote, and show the figures of the statement."""

from pathlib import Path

import pytest

from portfolios.accounts import book_of, wandered
from portfolios.made import book
from portfolios.statements.lots import Event, book_of_lots
from traderbot.model.rounding import cents
from traderbot.portfolios.statements.pages import statement_page, tax_page
from traderbot.portfolios.statements.statement import statement_of
from traderbot.portfolios.statements.tax import tax_year

pytestmark = pytest.mark.integration

OWNER = "<script>alert(1)</script> & sons"


def stands_alone(page: str) -> None:
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; sons" in page
    assert "http" not in page
    assert "nan" not in page.casefold().replace("finance", "")


def test_a_statement(tmp_path: Path) -> None:
    with wandered(tmp_path, 1) as (rig, account_id):
        found = statement_of(book_of(rig, account_id), "2005-01", {})
    page = statement_page(found, OWNER)
    stands_alone(page)
    for amount in (found.cash_start, found.cash_end, found.performance.end_equity, found.performance.gain):
        assert f"{cents(amount):,.2f}" in page
    assert page.count("<polyline") == 1
    assert all(one.symbol in page for one in found.holdings)


def test_an_empty_period_and_a_loss_of_all() -> None:
    stands_alone(statement_page(statement_of(book([100.0], {0: 100.0}), "2004-01", {}), OWNER))
    lost = statement_of(book([100.0, 0.0, 0.0], {0: 100.0}), "2005-01", {})
    stands_alone(statement_page(lost, OWNER))


def test_a_tax_year() -> None:
    events = [
        Event("2010-03-01", 1, "100", "1000"),
        Event("2010-06-01", 1, "-100", "-1000", "-250"),
        Event("2010-06-21", 2, "-100", "-800"),
        Event("2010-12-01", 2, "100", "800", "300"),
    ]
    page = tax_page(tax_year(book_of_lots(events, "2011-03-01"), 2010), OWNER)
    stands_alone(page)
    assert "The year is settled." in page
    assert "<td>S</td>" in page  # sold short
    assert "Not settled" in tax_page(tax_year(book_of_lots(events, "2010-12-31"), 2010), OWNER)
