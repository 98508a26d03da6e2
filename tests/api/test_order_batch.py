"""Many orders in one request, and orders that are only looked at, over a real port."""

from decimal import Decimal
from typing import Any

import pytest

from api.live import JSON, Live, Person

pytestmark = pytest.mark.integration

BUY = {"symbol": "MSFT", "side": "buy", "qty": "1"}
LIMIT = {**BUY, "type": "limit", "limit_price": "20", "time_in_force": "gtc"}


def test_each_order_of_a_batch_has_its_own_outcome_in_order(live: Live, ada: Person) -> None:
    orders: list[Any] = [
        LIMIT,
        {**BUY, "qty": "0"},
        {**BUY, "side": "sell"},
        {**LIMIT, "client_order_id": "mine"},
        {**LIMIT, "client_order_id": "mine"},
        "no order",
        {**BUY, "status": "filled"},
        {**LIMIT, "order_class": "oto", "stop_loss": {"stop_price": "15"}},
    ]
    items = ada.post("/orders/batch", {"orders": orders}, 200)["items"]
    assert [one["status"] for one in items] == [201, 422, 422, 201, 409, 422, 422, 201]
    codes = [one["problem"] and one["problem"]["code"] for one in items]
    assert codes == [
        None, "invalid_value", "insufficient_quantity", None, "duplicate_client_order_id", "invalid_value",
        "invalid_value", None,
    ]  # fmt: skip
    assert items[1]["problem"]["errors"][0]["field"] == "qty"
    assert items[6]["problem"]["errors"] == [{"field": "status", "expected": "no such field"}]
    placed = [one["order"] for one in items if one["order"] is not None]
    assert all((one["order"] is None) is (one["problem"] is not None) for one in items)
    assert placed[1]["client_order_id"] == "mine"
    listed = {one["id"]: one for one in ada.get("/orders", nested=True)["items"]}
    assert listed == {one["id"]: one for one in placed}
    assert [one["id"] for one in ada.get("/orders", nested=True)["items"]] == [
        one["id"] for one in reversed(placed)
    ]


def test_a_repeated_batch_gets_its_first_outcomes(live: Live, ada: Person) -> None:
    key = {"Idempotency-Key": "batch-1"}
    body = b'{"orders":[' + b'{"symbol":"MSFT","side":"buy","qty":"1"},' * 2 + b'{"symbol":"A"}]}'
    first, again = (ada.send("/orders/batch", body, **key) for _ in range(2))
    assert first.status_code == 200
    assert again.json() == first.json()
    assert len(ada.get("/orders")["items"]) == 2
    longer = body.replace(b"[{", b'[{"symbol":"MSFT","side":"buy","qty":"3"},{')
    for other in (body.replace(b'"1"', b'"2"'), longer):
        refused = ada.send("/orders/batch", other, **key)
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    assert ada.post("/orders", BUY, 422, **key)["code"] == "idempotency_key_reused"
    twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "b"), *JSON.items()]
    answer = ada.client.post("/api/v1/orders/batch", content=body, headers=twice)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert len(ada.get("/orders")["items"]) == 2


def test_a_batch_is_bounded(live: Live, ada: Person) -> None:
    assert ada.post("/orders/batch", {"orders": []}, 422)["errors"][0]["field"] == "orders"
    assert ada.post("/orders/batch", {"orders": [BUY] * 501}, 422)["errors"][0]["field"] == "orders"
    for body in ({}, {"orders": BUY}, {"orders": None}, {"orders": [BUY], "atomic": True}):
        assert ada.post("/orders/batch", body, 422)["code"] == "invalid_value"
    deep = b'{"orders":[' + b"[" * 1_000 + b"]" * 1_000 + b"]}"
    assert ada.send("/orders/batch", deep).status_code == 400
    double = b'{"orders":[{"symbol":"MSFT","side":"buy","qty":"1","qty":"2"}]}'
    assert ada.send("/orders/batch", double).json()["code"] == "malformed_json"
    assert ada.get("/orders")["items"] == []


def test_five_hundred_orders_are_one_request(live: Live, ada: Person) -> None:
    items = ada.post("/orders/batch", {"orders": [LIMIT] * 500}, 200)["items"]
    assert {one["status"] for one in items} == {201}
    ids = [one["order"]["id"] for one in items]
    assert len(set(ids)) == 500
    listed = [one["id"] for one in ada.get("/orders", limit=500)["items"]]
    assert listed == ids[::-1]
    held = Decimal(ada.get("/portfolio")["held"])
    assert held == sum(Decimal(one["order"]["hold"]) for one in items)
    assert len(ada.delete("/orders")["items"]) == 500


def test_cash_for_some_buys_some(live: Live, ada: Person) -> None:
    items = ada.post("/orders/batch", {"orders": [{**LIMIT, "qty": "1000"}] * 10}, 200)["items"]
    assert [one["status"] for one in items] == [201] * 4 + [422] * 6
    assert items[-1]["problem"]["code"] == "insufficient_buying_power"


def test_a_preview_changes_nothing_and_foresees_the_hold(live: Live, ada: Person) -> None:
    before = len(ada.events())
    seen = ada.post("/orders/preview", {**LIMIT, "qty": "10"}, 200)
    assert seen["approved"] is True
    assert all(check["passed"] for check in seen["checks"])
    assert (seen["position_qty"], seen["qty"]) == ("10", "10")
    assert Decimal(seen["available_after"]) == Decimal(seen["available_before"]) - Decimal(seen["hold"])
    assert len(ada.events()) == before
    assert ada.get("/orders")["items"] == []
    assert ada.order(type="limit", limit_price="20", time_in_force="gtc")["hold"] == seen["hold"]


def test_a_preview_names_every_check_that_fails(live: Live, ada: Person) -> None:
    ada.post("/risk/halt", {"detail": "enough"}, 200)
    seen = ada.post("/orders/preview", {**LIMIT, "limit_price": "2.505", "qty": "1000000"}, 200)
    assert seen["approved"] is False
    failed = {check["reason"] for check in seen["checks"] if check["passed"] is False}
    assert {"account_halted", "outside_collar", "off_tick", "insufficient_buying_power"} <= failed
    unknown = ada.post("/orders/preview", {**LIMIT, "symbol": "ZZZZ"}, 200)
    assert (unknown["approved"], unknown["mark"], unknown["hold"]) == (False, None, None)
    assert ada.post("/orders/preview", {**LIMIT, "qty": "-1"}, 422)["errors"][0]["field"] == "qty"
