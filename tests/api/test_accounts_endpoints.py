"""Several accounts of one user over a real port: opening, money, lot method, limits; whose they are."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from api.live import Live, Person
from traderbot.api.accounts_endpoints import ACCOUNTS_EACH_MAX

pytestmark = pytest.mark.integration


def opened(ada: Person, kind: str = "cash", cash: str = "10000") -> str:
    account_id: str = ada.post("/accounts", {"name": "second", "kind": kind})["id"]
    ada.post(f"/accounts/{account_id}/deposits", {"amount": cash})
    return account_id


def test_accounts_are_opened_listed_and_apart(live: Live, ada: Person) -> None:
    (first,) = ada.get("/accounts")["items"]
    assert (first["id"], first["kind"], first["cash"]) == (str(ada.user.account_id), "cash", "100000")
    second = ada.post("/accounts", {"name": "long and short", "kind": "margin"})
    assert (second["name"], second["kind"], second["cash"]) == ("long and short", "margin", "0")
    assert (second["broker"], second["lot_method"], second["halted"]) == ("paper", "fifo", None)
    assert ada.get("/accounts")["items"] == [first, second]
    assert ada.get(f"/accounts/{second['id']}") == second
    ada.post(f"/accounts/{second['id']}/deposits", {"amount": "5000"})
    by_header = {"X-Account-Id": second["id"]}
    body = {"symbol": "MSFT", "side": "buy", "qty": "1"}
    order = ada.post("/orders", body, 201, **by_header)
    assert ada.get("/orders")["items"] == []
    assert ada.get(f"/orders/{order['id']}", 404)["code"] == "not_found"
    assert ada.get(f"/orders/{order['id']}", account_id=second["id"]) == order
    live.step()
    assert [one["symbol"] for one in ada.get("/positions", account_id=second["id"])["items"]] == ["MSFT"]
    assert ada.get("/positions")["items"] == []
    assert ada.get("/portfolio", account_id=second["id"])["kind"] == "margin"


def test_another_users_account_does_not_exist(live: Live, ada: Person, bob: Person) -> None:
    theirs, nobodys = str(bob.user.account_id), str(uuid4())
    paths: list[tuple[str, str, Any]] = [
        ("GET", "", None), ("POST", "/deposits", {"amount": "1"}), ("POST", "/withdrawals", {"amount": "1"}),
        ("PUT", "/lot-method", {"method": "lifo"}), ("GET", "/limits", None), ("PUT", "/limits", {}),
        ("GET", "/lots", None), ("GET", "/activities", None), ("GET", "/realised", None),
        ("GET", "/realised.csv", None), ("GET", "/as-of", None),
        ("GET", "/books?market_time=2005-01-03", None),
    ]  # fmt: skip
    for method, path, body in paths:
        answers = [
            ada.client.request(method, f"/api/v1/accounts/{account_id}{path}", json=body)
            for account_id in (theirs, nobodys)
        ]
        assert [answer.status_code for answer in answers] == [404, 404], path
        assert answers[0].json() == answers[1].json()
    for method, path in (
        ("GET", "/orders"), ("GET", "/portfolio"), ("GET", "/events"), ("DELETE", "/orders"),
        ("GET", "/fills"), ("GET", "/signals"), ("GET", "/risk/halt"),
    ):  # fmt: skip
        answer = ada.client.request(method, f"/api/v1{path}", headers={"X-Account-Id": theirs})
        assert (answer.status_code, answer.json()["detail"]) == (404, "No such account.")
    body = b'{"symbol":"MSFT","side":"buy","qty":"1"}'
    assert ada.send("/orders", body, **{"X-Account-Id": theirs}).status_code == 404
    assert (
        ada.send("/orders/batch", b'{"orders":[' + body + b"]}", **{"X-Account-Id": theirs}).status_code
        == 404
    )
    assert [event["type"] for event in bob.events()] == ["AccountOpened", "CashMoved"]


def test_one_account_a_request(live: Live, ada: Person) -> None:
    mine = str(ada.user.account_id)
    headers = [("X-Account-Id", mine), ("X-Account-Id", opened(ada))]
    assert ada.client.get("/api/v1/orders", headers=headers).status_code == 422
    assert ada.client.get("/api/v1/orders", params={"account_id": mine + "\x00"}).status_code == 422
    for wrong in ("x", "", mine.replace("-", "")):
        answer = ada.client.get("/api/v1/orders", params={"account_id": wrong})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "X-Account-Id")


@pytest.mark.parametrize(
    "body",
    [
        {}, {"name": ""}, {"name": "x" * 81}, {"name": 1}, {"name": "x", "kind": "crypto"},
        {"name": "\u202ex"},
        {"name": "x", "broker": "alpaca"}, {"name": "x", "user_id": str(UUID(int=7))},
        {"name": "x", "cash": "5"},
    ],
    ids=str,
)  # fmt: skip
def test_an_account_is_opened_by_its_name_and_kind_only(ada: Person, body: Any) -> None:
    assert ada.post("/accounts", body, 422)["code"] == "invalid_value"
    assert len(ada.get("/accounts")["items"]) == 1


def test_nobody_opens_accounts_without_end(live: Live, ada: Person) -> None:
    def ask(number: int) -> int:
        return ada.client.post("/api/v1/accounts", json={"name": f"number {number}"}).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(ACCOUNTS_EACH_MAX + 5)))
    assert sorted(answers) == [201] * (ACCOUNTS_EACH_MAX - 1) + [409] * 6
    assert len(ada.get("/accounts")["items"]) == ACCOUNTS_EACH_MAX


def test_money_in_and_out_is_exact_and_safe_to_repeat(live: Live, ada: Person) -> None:
    path, key = f"/accounts/{ada.user.account_id}", {"Idempotency-Key": "d-1"}
    moved = ada.post(f"{path}/deposits", {"amount": "0.000001"}, 201, **key)
    assert (moved["kind"], moved["amount"]) == ("deposit", "0.000001")
    assert ada.post(f"{path}/deposits", {"amount": "0.000001"}, 201, **key) == moved
    assert ada.account()["cash"] == "100000.000001"
    other = ada.post(f"{path}/deposits", {"amount": "2"}, 422, **key)
    assert other["code"] == "idempotency_key_reused"
    ada.order(type="limit", limit_price="20", qty="1000", time_in_force="gtc")
    refused = ada.post(f"{path}/withdrawals", {"amount": "90000"}, 422)
    assert refused["code"] == "insufficient_funds"
    taken = ada.post(f"{path}/withdrawals", {"amount": "70000"})
    assert (taken["kind"], taken["amount"]) == ("withdrawal", "-70000")
    assert ada.account()["cash"] == "30000.000001"
    kinds = [one["kind"] for one in ada.account("/activities")["items"]]
    assert kinds == ["withdrawal", "deposit", "deposit"]
    (only,) = ada.account("/activities", kind="withdrawal")["items"]
    assert (only["amount"], only["symbol"]) == ("-70000", None)


@pytest.mark.parametrize(
    "amount", ["0", "-1", "1.0000001", "1e3", "NaN", "9999999999999999", True, None, [], "1_0", " 5 ", 1e400]
)
def test_an_amount_that_is_none_moves_no_money(ada: Person, amount: Any) -> None:
    if amount == 1e400:
        assert ada.send(f"/accounts/{ada.user.account_id}/deposits", b'{"amount":1e400}').status_code == 422
        return
    for name in ("deposits", "withdrawals"):
        problem = ada.post(f"/accounts/{ada.user.account_id}/{name}", {"amount": amount}, 422)
        assert problem["errors"][0]["field"] == "amount"
    assert ada.account()["cash"] == "100000"


def test_parallel_withdrawals_never_overdraw(live: Live, ada: Person) -> None:
    path = f"/api/v1/accounts/{ada.user.account_id}/withdrawals"
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda _: ada.client.post(path, json={"amount": "30000"}).status_code, range(20))
        )
    assert sorted(answers) == [201] * 3 + [422] * 17
    assert ada.account()["cash"] == "10000"


def test_the_lot_method_decides_what_is_sold_first(live: Live, ada: Person) -> None:
    for _ in range(2):
        ada.order()
        live.step()
    path = f"/accounts/{ada.user.account_id}/lot-method"
    assert ada.put(path, {"method": "lifo"}) == {"method": "lifo"}
    assert ada.account()["lot_method"] == "lifo"
    assert ada.put(path, {"method": "best"}, 422)["errors"][0]["field"] == "method"
    ada.order(side="sell")
    live.step()
    (left,) = ada.account("/lots")["items"]
    assert left["number"] == 1


def test_limits_count_at_once_and_are_on_record(live: Live, ada: Person) -> None:
    path = f"/accounts/{ada.user.account_id}/limits"
    before = ada.get(path)
    assert before["account"]["order_value"] is None
    after = ada.put(path, {"order_value": "100", "restricted": ["IBM"], "gross": "1.5"})
    assert after["platform"] == before["platform"]
    assert (after["account"]["order_value"], after["account"]["restricted"]) == ("100", ["IBM"])
    assert ada.get(path) == after
    assert ada.order(422)["code"] == "order_value_limit"
    assert ada.order(422, symbol="IBM", qty="1")["code"] == "restricted_symbol"
    assert ada.order(qty="1")["status"] == "new"
    assert ada.put(path, {})["account"] == before["account"]
    assert ada.order()["status"] == "new"
    changes = [event for event in ada.events() if event["type"] == "LimitsChanged"]
    assert [event["actor"] for event in changes] == [f"user:{ada.user.id}"] * 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"order_value": "-1"}, "order_value"), ({"order_qty": "0"}, "order_qty"),
        ({"gross": "101"}, "gross"),
        ({"daily_loss": "1.5"}, "daily_loss"), ({"orders_per_day": 0}, "orders_per_day"),
        ({"orders_per_day": True}, "orders_per_day"), ({"orders_per_second": "5"}, "orders_per_second"),
        ({"restricted": ["msft"]}, "restricted.0"), ({"restricted": "MSFT"}, "restricted"),
        ({"no_shorting": "yes"}, "no_shorting"), ({"max_order_value": "5"}, "max_order_value"),
        ({"halted": None}, "halted"),
    ],
    ids=str,
)  # fmt: skip
def test_a_limit_that_is_none_is_named(ada: Person, body: Any, field: str) -> None:
    path = f"/accounts/{ada.user.account_id}/limits"
    assert ada.put(path, body, 422)["errors"][0]["field"] == field
    assert "LimitsChanged" not in {event["type"] for event in ada.events()}


def test_only_a_margin_account_sells_short(live: Live, ada: Person) -> None:
    margin = opened(ada, "margin")
    body = {"symbol": "MSFT", "side": "sell", "qty": "10"}
    order = ada.post("/orders", body, 201, **{"X-Account-Id": margin})
    live.step()
    (held,) = ada.get("/positions", account_id=margin)["items"]
    assert (held["qty"], held["side"]) == ("-10", "short")
    assert ada.order(422, side="sell")["code"] in {"insufficient_quantity", "shorting_not_allowed"}
    assert ada.get(f"/orders/{order['id']}", account_id=margin)["status"] == "filled"


def test_a_bound_key_is_good_for_its_account_only(live: Live, ada: Person, bob: Person) -> None:
    second = opened(ada)
    theirs = {"name": "bot", "account_id": str(bob.user.account_id)}
    assert ada.post("/users/me/api-keys", theirs, 404)["code"] == "not_found"
    key = ada.post("/users/me/api-keys", {"name": "bot", "account_id": second})
    assert key["account_id"] == second
    assert ada.get("/users/me/api-keys")["items"][0]["account_id"] == second
    with httpx2.Client(base_url=f"{live.url}/api/v1", headers={"X-API-Key": key["key"]}) as client:
        assert client.get("/portfolio").json()["account_id"] == second
        assert [one["id"] for one in client.get("/accounts").json()["items"]] == [second]
        for params in ({"account_id": str(ada.user.account_id)}, {"account_id": str(bob.user.account_id)}):
            assert client.get("/portfolio", params=params).status_code == 404
        assert client.get(f"/accounts/{ada.user.account_id}").status_code == 404
        assert client.post("/accounts", json={"name": "third"}).status_code == 403
        events = client.get("/events", params={"stream": "all"}).json()["items"]
        assert {event["stream"] for event in events} == {f"account:{second}"}
        placed = client.post("/orders", json={"symbol": "MSFT", "side": "buy", "qty": "1"})
        assert placed.status_code == 201
    assert ada.get("/orders", account_id=second)["items"] == [placed.json()]


def test_another_currency_is_refused_wherever_one_could_be_named(ada: Person) -> None:
    opened_in = ada.post("/accounts", {"name": "euros", "currency": "EUR"}, 422)
    paid_in = ada.post(f"/accounts/{ada.user.account_id}/deposits", {"amount": "1", "currency": "EUR"}, 422)
    for refused in (opened_in, paid_in):
        assert [one["field"] for one in refused["errors"]] == ["currency"]
    assert ada.get("/portfolio/allocation", 422, by="currency")["errors"][0]["field"] == "by"
