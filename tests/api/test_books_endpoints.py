"""Lots, activities and realised gains over a real port, as JSON and as CSV."""

import csv
import io
from decimal import Decimal

import pytest

from api.live import Live, Person

pytestmark = pytest.mark.integration


def traded(live: Live, ada: Person) -> None:
    """Two lots bought, one and a half sold."""
    for _ in range(2):
        ada.order()
        live.step()
    ada.order(side="sell", qty="15")
    live.step()


def test_lots_are_listed_held_and_closed(live: Live, ada: Person) -> None:
    traded(live, ada)
    (held,) = ada.account("/lots")["items"]
    assert (held["number"], held["qty"], held["opened_qty"], held["closed_at"]) == (2, "5", "10", None)
    (closed,) = ada.account("/lots", closed=True)["items"]
    assert (closed["number"], closed["qty"], closed["cost"]) == (1, "0", "0")
    assert ada.account("/lots", symbol="IBM")["items"] == []
    assert ada.account("/lots", 422, symbol="ibm")["code"] == "invalid_value"


def test_realised_gains_are_paged_and_add_up(live: Live, ada: Person) -> None:
    traded(live, ada)
    rows = ada.account("/realised")["items"]
    assert [(one["lot"], one["qty"]) for one in rows] == [(1, "10"), (2, "5")]
    for one in rows:
        assert Decimal(one["realised"]) == Decimal(one["proceeds"]) - Decimal(one["cost"])
    total = sum(Decimal(one["realised"]) for one in rows)
    assert total == Decimal(ada.get("/portfolio")["realised_pnl"])
    page = ada.account("/realised", limit=1)
    assert page["items"] == rows[:1]
    rest = ada.account("/realised", limit=1, cursor=page["next_cursor"])
    assert (rest["items"], rest["next_cursor"]) == (rows[1:], None)
    assert ada.account("/realised", until=rows[0]["time"])["items"] == []


def test_the_csv_has_the_same_rows(live: Live, ada: Person) -> None:
    traded(live, ada)
    answer = ada.client.get(f"/api/v1/accounts/{ada.user.account_id}/realised.csv")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="realised.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["symbol"] for row in rows] == ["MSFT", "MSFT"]
    expected = [one["realised"] for one in ada.account("/realised")["items"]]
    assert [row["gain"] for row in rows] == expected


@pytest.mark.parametrize("path", ["/lots", "/activities", "/realised"])
def test_pages_are_bounded_and_their_cursors_their_own(ada: Person, bob: Person, path: str) -> None:
    for params in ({"limit": 0}, {"limit": 10**9}, {"cursor": "x"}, {"limit": "all"}):
        assert ada.account(path, 422, **params)["code"] == "invalid_value"
    ada.post(f"/accounts/{ada.user.account_id}/deposits", {"amount": "1"})
    cursor = ada.account("/activities", limit=1)["next_cursor"]
    assert bob.account(path, 422, cursor=cursor)["errors"][0]["field"] == "cursor"
