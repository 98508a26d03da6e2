"""The platform's limits over a real port: every account goes by them from the answer on."""

from typing import Any

import pytest

from api.live import Live, Person

pytestmark = pytest.mark.integration


def test_every_account_goes_by_them_and_by_its_own_the_tighter_counts(
    limits: Any, ada: Person, bob: Person, admin: Person
) -> None:
    version = admin.get("/admin/limits")["version"]
    answer = limits(limits={"order_qty": "5", "gross": "2"})
    assert (answer["version"], answer["limits"]["order_qty"]) == (version + 1, "5")
    for person in (ada, bob):
        assert person.order(422)["code"] == "order_qty_limit"
        assert person.order(qty="5")["status"] == "new"
    ada.put(f"/accounts/{ada.user.account_id}/limits", {"order_qty": "3"})
    assert ada.order(422, qty="4")["code"] == "order_qty_limit"
    assert bob.order(qty="4")["status"] == "new"
    limits()
    assert bob.order()["status"] == "new"


def test_whether_a_loss_pauses_the_account_is_a_setting_of_both(limits: Any, ada: Person) -> None:
    assert not limits()["limits"]["halt_on_breach"]
    assert limits(limits={"daily_loss": "0.5", "halt_on_breach": True})["limits"]["halt_on_breach"]
    path = f"/accounts/{ada.user.account_id}/limits"
    assert ada.put(path, {"drawdown": "0.5", "halt_on_breach": True})["account"]["halt_on_breach"]
    assert "halt_on_breach" in str(ada.put(path, {"halt_on_breach": "yes"}, 422))


def test_a_sector_is_limited_by_its_symbols(limits: Any, ada: Person) -> None:
    limits(limits={"sector": "0.001"}, sectors={"MSFT": "Software", "AAPL": "Software"})
    assert ada.order(422)["code"] == "sector_limit"
    assert limits(limits={"sector": "1"})["sectors"] == {"AAPL": "Software", "MSFT": "Software"}
    assert ada.order()["status"] == "new"


def test_the_terms_of_margin_accounts_count(limits: Any, ada: Person, admin: Person) -> None:
    terms = admin.get("/admin/limits")["margin"]
    account = ada.post("/accounts", {"name": "margin", "kind": "margin"})["id"]
    ada.post(f"/accounts/{account}/deposits", {"amount": "1000"})
    preview = {"symbol": "MSFT", "side": "buy", "type": "market", "qty": "60"}
    mine = {"X-Account-Id": account}
    assert ada.post("/orders/preview", preview, 200, **mine)["approved"]
    limits(margin=terms | {"initial": "1"})
    assert not ada.post("/orders/preview", preview, 200, **mine)["approved"]
    limits(margin=terms)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"limits": {"gross": "101"}}, "gross"),
        ({"limits": {"orders_per_day": 0}}, "orders_per_day"),
        ({"limits": {"more": 1}}, "more"),
        ({"sectors": {"not a symbol": "x"}}, "sectors"),
        ({"sectors": {"MSFT": ""}}, "sectors"),
        ({"margin": {"initial": "0.5"}}, "margin"),
    ],
)
def test_what_cannot_be_is_named(limits: Any, body: dict[str, Any], field: str) -> None:
    assert field in str(limits(422, **body))


def test_only_the_operator_sees_and_sets_them(live: Live, ada: Person) -> None:
    assert ada.get("/admin/limits", 403)["code"] == "forbidden"
    assert ada.put("/admin/limits", {"limits": {}}, 403)["code"] == "forbidden"
