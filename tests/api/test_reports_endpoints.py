"""A broker's reports over a real port: corrections count, what cannot be halts its symbol."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.live import Live, Person

pytestmark = pytest.mark.integration


def report(admin: Person, whose: Person, status: int = 200, /, **body: Any) -> Any:
    return admin.post(f"/admin/accounts/{whose.user.account_id}/reports", body, status)


def filled(live: Live, person: Person) -> dict[str, Any]:
    """The execution of a market order of ten shares."""
    order_id = person.order()["id"]
    live.step()
    (fill,) = person.get("/fills", order_id=order_id)["items"]
    return {"order_id": order_id, "execution_id": fill["execution_id"]}


def test_an_execution_taken_back_leaves_nothing_but_its_record(
    live: Live, admin: Person, ada: Person
) -> None:
    cash = ada.get("/portfolio")["cash"]
    execution = filled(live, ada)
    assert ada.get("/portfolio")["cash"] != cash
    answer = report(admin, ada, kind="bust", **execution)
    assert answer == {"events": ["ExecutionBusted"], "quarantined": None}
    portfolio = ada.get("/portfolio")
    assert (portfolio["cash"], portfolio["holdings"]) == (cash, [])
    assert report(admin, ada, kind="bust", **execution)["events"] == []


def test_shares_come_back_with_the_day_they_were_bought(live: Live, admin: Person, ada: Person) -> None:
    ada.order(qty="4")
    live.step()
    ada.order(qty="6")
    live.step()
    bought = {lot["number"]: lot["opened_at"] for lot in ada.account("/lots")["items"]}
    assert len(set(bought.values())) == 2
    live.step(3)
    sold = ada.order(side="sell", qty="10")["id"]
    live.step()
    (fill,) = ada.get("/fills", order_id=sold)["items"]
    report(admin, ada, kind="bust", order_id=sold, execution_id=fill["execution_id"])
    lots = [lot for lot in ada.account("/lots")["items"] if lot["qty"] != "0"]
    assert {lot["number"]: lot["opened_at"] for lot in lots} == bought
    rows = ada.account("/realised")["items"]
    taken_back = {row["lot"]: row["opened_at"] for row in rows if row["kind"] == "bust"}
    assert taken_back == bought
    assert sum(Decimal(row["realised"]) for row in rows) == 0


def test_a_fill_that_was_never_reported_counts_once(live: Live, admin: Person, ada: Person) -> None:
    order_id = ada.order(type="limit", limit_price="20", time_in_force="gtc")["id"]
    ada.delete(f"/orders/{order_id}")
    late = {"kind": "fill", "order_id": order_id, "execution_id": "mail-7", "qty": "4", "price": "20"}
    late["time"] = ada.get("/market/clock")["time"]
    assert report(admin, ada, **late)["events"] == ["OrderFilledLate"]
    assert report(admin, ada, **late)["events"] == []
    order = ada.get(f"/orders/{order_id}")
    assert (order["status"], order["filled_qty"]) == ("canceled", "4")
    assert ada.get("/positions/MSFT")["qty"] == "4"


@pytest.mark.parametrize(
    "impossible",
    [
        {"qty": "11"},
        {"price": "-1"},
        {"qty": "0"},
        {"price": "1e3"},
        {"order_id": str(UUID(int=7)), "symbol": "MSFT"},
    ],
    ids=str,
)
def test_what_cannot_be_is_put_aside_and_halts_its_symbol(
    live: Live, admin: Person, ada: Person, impossible: dict[str, str]
) -> None:
    order_id = ada.order()["id"]
    before = ada.get("/portfolio")
    raw = {"kind": "fill", "order_id": order_id, "execution_id": "x-1", "qty": "1", "price": "20"}
    answer = report(admin, ada, **raw | impossible)
    assert answer["events"][0] == "ReportQuarantined"
    assert answer["quarantined"]
    assert ada.order(422)["code"] == "symbol_halted"
    assert ada.order(symbol="AAPL")["status"] == "new"
    assert ada.get("/portfolio")["cash"] == before["cash"]
    assert ada.get("/risk/halt")["symbols"].keys() == {"MSFT"}


def test_only_the_operator_enters_reports(live: Live, admin: Person, ada: Person, bob: Person) -> None:
    assert report(ada, ada, 403, kind="canceled")["code"] == "forbidden"
    assert admin.post(f"/admin/accounts/{uuid4()}/reports", {"kind": "canceled"}, 404)["code"] == "not_found"
    assert report(admin, ada, 422, kind="bust")["errors"][0]["field"] == "execution_id"
    assert report(admin, ada, 422, kind="x\x1b[2J")["errors"][0]["field"] == "kind"
    assert report(admin, ada, 422, kind="fill", more="1")["errors"][0]["field"] == "more"
    assert report(admin, ada, 422, kind="x" * 300)["errors"][0]["field"] == "kind"
