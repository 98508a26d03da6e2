"""Statements and tax years over a real port."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from api.live import Live, Person

pytestmark = pytest.mark.integration

D = Decimal


@pytest.fixture(scope="module")
def trader(live: Live) -> Iterator[Person]:
    """Somebody who bought, and sold some of it."""
    with live.person(name="dora") as person:
        person.order(qty="40")
        live.step(3)
        person.order(side="sell", qty="15")
        live.step(3)
        yield person


def test_a_statement_adds_up_with_the_portfolio(trader: Person) -> None:
    portfolio = trader.get("/portfolio")
    year = portfolio["as_of"][:4] if "as_of" in portfolio else "2005"
    found = trader.get(f"/portfolio/statements/{year}", benchmark="IBM")
    moved = sum((D(one["amount"]) for one in found["movements"]), D(0))
    assert D(found["cash_start"]) + moved == D(found["cash_end"])
    assert found["performance"]["end_equity"] == portfolio["equity"]
    kinds = [one["kind"] for one in found["movements"] if one["symbol"]]
    assert [kind for kind in kinds if kind != "dividend"] == ["buy", "sell"]
    assert found["holdings"][0]["qty"] == "25"
    assert found["performance"]["benchmark"] is not None


def test_the_files(trader: Person) -> None:
    for path, words in (("statements/2005", "Statement 2005"), ("tax/2005", "Gains and losses 2005")):
        answer = trader.client.get(f"/api/v1/portfolio/{path}", params={"format": "html"})
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["content-disposition"].startswith("attachment; filename=")
        assert words in answer.text
        assert trader.user.email in answer.text
        rows = trader.client.get(f"/api/v1/portfolio/{path}", params={"format": "csv"})
        assert rows.headers["content-type"] == "text/csv; charset=utf-8"


def test_a_tax_year(trader: Person) -> None:
    found = trader.get("/portfolio/tax/2005")
    (sold,) = found["sold"]
    assert (sold["symbol"], sold["qty"], sold["term"]) == ("MSFT", "15", "short")
    assert D(sold["gain"]) == D(sold["proceeds"]) - D(sold["cost"]) + D(sold["disallowed"])
    assert found["gain"] == sold["gain"]
    assert found["open_reason"].startswith("the account has closes up to 2005")
    assert trader.get("/portfolio/tax/2004")["sold"] == []


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("statements/2005-13", {}, "period"),
        ("statements/2005", {"format": "pdf"}, "format"),
        ("statements/2005", {"benchmark": "ZZZZ"}, "benchmark"),
        ("statements/20050000000", {}, "period"),
        ("tax/12", {}, "year"),
        ("tax/2005", {"wash_sales": "perhaps"}, "wash_sales"),
    ],
)
def test_bad_input_names_its_field(trader: Person, path: str, query: dict[str, str], field: str) -> None:
    problem = trader.get(f"/portfolio/{path}", 422, **query)
    assert [one["field"] for one in problem["errors"]] == [field]


def test_nobody_else_sees_it(trader: Person, bob: Person) -> None:
    headers = {"X-Account-Id": str(trader.user.account_id)}
    for path in ("statements/2005", "tax/2005"):
        assert bob.client.get(f"/api/v1/portfolio/{path}", headers=headers).status_code == 404
