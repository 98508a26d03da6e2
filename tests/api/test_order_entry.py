"""What must never work about an order, over a real port: each abuse gets a problem and leaves no trace."""

import gc
import http.client
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.live import JSON, Live, Person
from traderbot.engine.market import Mark

pytestmark = pytest.mark.integration

SOMEBODY = str(UUID(int=7))

NO_AMOUNTS = [
    "0", '"0"', "-1", '"-1"', "-0", '"-0"', "-0.0", '"NaN"', '"Infinity"', "1e308", '"1e308"', "1e400",
    '"1e400"',
    '"1e200000"', "1e2", "1E0", "10e-1", "1.5e1", '"1e2"', "0." + "1" * 30, '"0.' + "1" * 30 + '"', '"1_0"',
    '" 5 "', '"\\u0661\\u0660"', '"\\uff11"', "true", "null", "[]", "{}", '["10"]', '""',
    '"+1"', '"0x10"', '"1,5"',
    "12345678901234567.89", "9200000001", '"10\\u0000"', '"' + "9" * 100_000 + '"',
]  # fmt: skip


def refused(person: Person, body: bytes, status: int = 422, **headers: str) -> Any:
    answer = person.send("/orders", body, **headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert "Traceback" not in answer.text
    return problem


@pytest.fixture(autouse=True)
def _nothing_is_left(ada: Person) -> Iterator[None]:
    """Whatever a test here sends on ada's behalf, no order of hers and no event comes of it."""
    yield
    assert ada.get("/orders")["items"] == []
    assert [event["type"] for event in ada.events()] == ["AccountOpened", "CashMoved"]


@pytest.mark.parametrize("field", ["qty", "limit_price"])
@pytest.mark.parametrize("amount", NO_AMOUNTS, ids=lambda text: text[:24])
def test_an_amount_that_is_none_is_named_cheaply(ada: Person, field: str, amount: str) -> None:
    if amount == "null":
        pytest.skip("the same as a field that is not there")
    other = '"limit_price":"25"' if field == "qty" else '"qty":"10"'
    body = f'{{"symbol":"MSFT","side":"buy","type":"limit","{field}":{amount},{other}}}'
    began = time.perf_counter()
    problem = refused(ada, body.encode())
    assert time.perf_counter() - began < 0.5
    (wrong,) = problem["errors"]
    assert wrong["field"] == field
    assert "decimal" in wrong["expected"]


@pytest.mark.parametrize(
    "amount", ["NaN", "Infinity", "-Infinity", "1" * 5_000, "1e999999", "01", "1.", ".5", "--1"]
)
def test_a_number_that_is_no_json_is_a_400(ada: Person, amount: str) -> None:
    problem = refused(ada, f'{{"symbol":"MSFT","side":"buy","qty":{amount}}}'.encode(), 400)
    assert problem["code"] == "malformed_json"


@pytest.mark.parametrize(
    "text",
    [
        "", "A" * 10_000, "MSFT\\u0000", "\\u202eTFSM", "MS\\u0415T", "msft", " MSFT", "../etc", "MSFT/..",
        "MSFT'; DROP TABLE orders;--", "MSFT\\n", "\\ud83d\\ude00", "1MSFT", "M" * 11, "%4dSFT", "\\uff2dSFT",
    ],
    ids=lambda text: text[:20] or "empty",
)  # fmt: skip
def test_a_symbol_that_is_none_is_a_422(ada: Person, text: str) -> None:
    problem = refused(ada, f'{{"symbol":"{text}","side":"buy","qty":"1"}}'.encode())
    assert [wrong["field"] for wrong in problem["errors"]] == ["symbol"]
    assert problem["code"] == "invalid_value"


@pytest.mark.parametrize("text", ["..%2f..%2fetc", "A" * 300, "%00", "%ed%a0%80", "%e2%80%ae", "msft", "'--"])
def test_a_symbol_in_an_address_is_held_to_the_same(ada: Person, text: str) -> None:
    for path in (f"/market/bars/{text}", f"/positions/{text}"):
        answer = ada.client.get(f"/api/v1{path}")
        assert answer.status_code in {404, 422}
        assert answer.headers["content-type"] == "application/problem+json"
    answer = ada.client.get(f"/api/v1/orders?symbol={text}")
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "invalid_value"), (b"null", 422, "invalid_value"), (b"[]", 422, "invalid_value"),
        (b'"x"', 422, "invalid_value"), (b"{", 400, "malformed_json"), (b"{}{}", 400, "malformed_json"),
        (b"\xff\xfe", 400, "malformed_json"), (b'{"symbol":"\xc3"}', 400, "malformed_json"),
        (b'{"symbol":"\\ud800","side":"buy","qty":"1"}', 400, "malformed_json"),
        (b'{"symbol":"MSFT","side":"buy","qty":"1","qty":"1"}', 400, "malformed_json"),
        (b'{"symbol":"MSFT","side":"buy","qty":"1","q\\u0074y":"1"}', 400, "malformed_json"),
        (b"[" * 100_000, 400, "malformed_json"), (b'{"a":' * 100_000, 400, "malformed_json"),
        (b'{"qty":' + b"[" * 50 + b"]" * 50 + b"}", 422, "invalid_value"),
    ],
    ids=lambda part: str(part)[:30],
)  # fmt: skip
def test_a_body_that_is_none(ada: Person, body: bytes, status: int, code: str) -> None:
    began = time.perf_counter()
    assert refused(ada, body, status)["code"] == code
    assert time.perf_counter() - began < 0.5


def test_only_json_is_read(ada: Person) -> None:
    body = b'{"symbol":"MSFT","side":"buy","qty":"1"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = ada.client.post("/api/v1/orders", content=body, headers={"content-type": kind})
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "extra",
    [
        {"is_admin": True}, {"status": "filled"}, {"filled_qty": "10"}, {"account_id": SOMEBODY},
        {"id": SOMEBODY}, {"signal_id": SOMEBODY}, {"legs": []}, {"__proto__": {}},
        {"hold": "0"},
    ],
    ids=lambda extra: next(iter(extra)),
)  # fmt: skip
def test_a_field_that_is_not_the_callers_is_refused(ada: Person, bob: Person, extra: dict[str, Any]) -> None:
    problem = ada.order(422, **extra)
    assert problem["errors"] == [{"field": next(iter(extra)), "expected": "no such field"}]
    order_id = bob.order(type="limit", limit_price="20", time_in_force="gtc")["id"]
    assert bob.patch(f"/orders/{order_id}", {"qty": "5", **extra}, 422)["errors"] == problem["errors"]
    assert bob.delete(f"/orders/{order_id}")["status"] == "canceled"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"side": "short"}, "side"), ({"side": "BUY"}, "side"), ({"side": 1}, "side"),
        ({"side": None}, "side"),
        ({"type": "iceberg"}, "type"), ({"time_in_force": "gtd"}, "time_in_force"),
        ({"symbol": None}, "symbol"),
        ({"symbol": 7}, "symbol"), ({"qty": None}, "qty"), ({"limit_price": "25"}, "limit_price"),
        ({"notional": "5"}, "qty"), ({"type": "stop"}, "stop_price"), ({"stop_price": "25"}, "stop_price"),
        ({"qty": None, "notional": "-5"}, "notional"), ({"qty": None, "notional": "5.1234567"}, "notional"),
        ({"qty": None, "notional": "50", "time_in_force": "gtc"}, "notional"),
        ({"type": "stop_limit", "stop_price": "25"}, "limit_price"),
        ({"type": "trailing_stop"}, "trail_price"),
        ({"type": "trailing_stop", "trail_price": "1", "trail_percent": "1"}, "trail_price"),
        ({"type": "trailing_stop", "trail_percent": "100"}, "trail_percent"),
        ({"trail_percent": "5"}, "trail_percent"), ({"time_in_force": "fok", "qty": "1.5"}, "qty"),
        ({"type": "stop", "stop_price": "30", "time_in_force": "ioc"}, "time_in_force"),
        ({"extended_hours": True}, "extended_hours"), ({"extended_hours": 1}, "extended_hours"),
        ({"lots": [1]}, "lots"), ({"lots": [0]}, "lots.0"), ({"lots": [True]}, "lots.0"),
        ({"lots": ["1"]}, "lots.0"), ({"lots": list(range(1, 200))}, "lots"), ({"lots": {}}, "lots"),
        ({"order_class": "mleg"}, "order_class"), ({"order_class": "bracket"}, "take_profit"),
        ({"take_profit": {"limit_price": "30"}}, "take_profit"), ({"take_profit": []}, "take_profit"),
        ({"order_class": "oto", "take_profit": {"limit_price": "0"}}, "take_profit.limit_price"),
        ({"order_class": "oto", "take_profit": {"price": "1"}}, "take_profit.limit_price"),
        ({"order_class": "oto", "stop_loss": {"stop_price": "1e2"}}, "stop_loss.stop_price"),
        ({"order_class": "oco", "stop_loss": {"stop_price": "20"}}, "type"),
        ({"order_class": "oto", "stop_loss": {"stop_price": "20"}, "qty": "1.5"}, "qty"),
        ({"order_class": "oto", "stop_loss": {"stop_price": "20"}, "time_in_force": "ioc"}, "time_in_force"),
        ({"type": "limit"}, "limit_price"), ({"client_order_id": ""}, "client_order_id"),
        ({"client_order_id": "x" * 129}, "client_order_id"), ({"client_order_id": "a b"}, "client_order_id"),
        ({"client_order_id": "a\r\nb"}, "client_order_id"), ({"client_order_id": 5}, "client_order_id"),
        ({"client_order_id": "\u00e9"}, "client_order_id"),
    ],
    ids=str,
)  # fmt: skip
def test_each_wrong_field_is_named(ada: Person, changed: dict[str, Any], field: str) -> None:
    assert ada.order(422, **changed)["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"limit_price": "2672"}, "outside_collar"), ({"limit_price": "0.01"}, "outside_collar"),
        ({"limit_price": "25.005"}, "off_tick"), ({"limit_price": "25.123456789"}, "off_tick"),
        ({"qty": "9199999999", "limit_price": "25"}, "order_value_limit"),
        ({"qty": "10000", "limit_price": "25"}, "insufficient_buying_power"),
        ({"symbol": "FB", "limit_price": "25"}, "unknown_symbol"),
        ({"symbol": "ZZZZ", "limit_price": "25"}, "unknown_symbol"),
        ({"side": "sell", "limit_price": "25"}, "insufficient_quantity"),
    ],
    ids=str,
)  # fmt: skip
def test_the_gate_refuses_with_its_code(live: Live, bob: Person, changed: dict[str, str], code: str) -> None:
    problem = bob.order(422, **{"type": "limit", **changed})
    assert problem["code"] == code
    assert problem["detail"]
    (event,) = [event for event in bob.events() if event["type"] == "OrderRefused"]
    assert event["data"]["reason"] == code
    assert bob.get("/portfolio")["held"] == "0"
    assert bob.get("/orders")["items"] == []


def test_a_stale_quote_is_not_traded_on(live: Live, bob: Person) -> None:
    market = live.platform.session.market
    mark = market.mark("MSFT")  # type: ignore[arg-type]
    assert mark is not None
    market._marks["MSFT"] = Mark(mark.price, mark.at - 8 * 86_400_000_000)  # type: ignore[index]
    try:
        assert bob.order(422)["code"] == "stale_quote"
    finally:
        market._marks["MSFT"] = mark  # type: ignore[index]


@pytest.mark.parametrize(
    "path",
    [
        "/orders?limit=1000000000", "/orders?limit=0", "/orders?limit=-1", "/orders?limit=x",
        "/orders?limit=1e2",
        "/orders?status=weird", "/orders?side=short", "/orders?symbols=AAPL,msft", "/orders?after=yesterday",
        "/orders?until=2005-13-45", "/orders?until=9999-01-01", "/orders?nested=maybe",
        "/orders?client_order_id=" + "x" * 200, "/orders?account_id=x", "/events?stream=everybody",
        "/events?recorded_after=now", "/events?before=-1", "/orders?cursor=" + "A" * 600, "/fills?order_id=x",
        "/fills?limit=501", "/signals?limit=1000000000", "/events?after=-1", "/events?after=" + "9" * 30,
        "/events?limit=1000000000", "/events?type=x", "/portfolio/history?limit=1000000000", "/orders/x",
        "/orders/00000000000000000000000000000000", "/why/x",
    ],
)  # fmt: skip
def test_ranges_and_filters_are_held_to_their_bounds(ada: Person, path: str) -> None:
    answer = ada.client.get(f"/api/v1{path}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_value")


def test_a_huge_position_is_behind_the_last_event(ada: Person) -> None:
    assert ada.get("/events", after=2**62) == {"items": [], "next_after": 2**62, "next_before": None}
    assert ada.client.get("/api/v1/orders?offset=-1").json()["items"] == []  # no such parameter


def test_a_hundred_megabytes_are_refused_unread(live: Live, ada: Person) -> None:
    wire = http.client.HTTPConnection(live.url.removeprefix("http://"), timeout=10)
    headers = {**JSON, "Authorization": f"Bearer {ada.token}"}
    wire.putrequest("POST", "/api/v1/orders")
    for name, value in {**headers, "Content-Length": "100000000"}.items():
        wire.putheader(name, value)
    wire.endheaders()
    assert wire.getresponse().status == 413  # not one byte of the body was sent
    wire.close()
    chunks = (b" " * 65_536 for _ in range(1_600))
    gc.collect()
    tracemalloc.start()
    try:
        answer = ada.client.post("/api/v1/orders", content=chunks, headers=JSON)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert peak < 10_000_000


def test_who_is_nobody_gets_a_401_before_anything_is_read(live: Live, ada: Person) -> None:
    for headers in ({"Authorization": "Bearer x"}, {"Authorization": ""}, {"Authorization": "Basic eDp5"}):
        for body in (b"{", b'{"symbol":"MSFT","side":"buy","qty":"1"}', b"[" * 100_000):
            answer = ada.client.post("/api/v1/orders", content=body, headers={**JSON, **headers})
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
    for key in ("tb_" + "x" * 43, ada.token):
        del ada.client.headers["Authorization"]
        assert ada.client.get("/api/v1/orders", headers={"X-API-Key": key}).status_code == 401
        ada.client.headers["Authorization"] = f"Bearer {ada.token}"


def test_an_expired_token_and_a_refresh_token_open_no_route(live: Live, ada: Person) -> None:
    class Past:
        def now(self) -> int:
            return (int(time.time()) - 3600) * 1_000_000

    _, tokens = live.platform.users.register(f"{uuid4()}@example.com", "correct horse battery")
    for token in (live.token(ada.user, Past()), tokens.refresh_token, tokens.access_token + "x"):
        for method, path in (
            ("POST", "/orders"),
            ("GET", "/portfolio"),
            ("DELETE", "/orders"),
            ("GET", "/events"),
        ):
            answer = ada.client.request(
                method, f"/api/v1{path}", headers={"Authorization": f"Bearer {token}"}
            )
            assert answer.status_code == 401


def test_cash_for_one_buys_one_of_a_hundred_at_once(live: Live, bob: Person) -> None:
    body = b'{"symbol":"MSFT","side":"buy","type":"limit","qty":"3000","limit_price":"25"}'
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: bob.send("/orders", body), range(100)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201] + [422] * 99
    assert {answer.json()["code"] for answer in answers if answer.status_code == 422} == {
        "insufficient_buying_power"
    }
    portfolio = bob.get("/portfolio")
    assert Decimal(portfolio["available"]) >= 0
    assert len(bob.get("/orders", status="open")["items"]) == 1


def test_cancel_and_replace_at_once_end_in_one_legal_state(live: Live, bob: Person) -> None:
    for _ in range(10):
        order_id = bob.order(type="limit", limit_price="20", time_in_force="gtc")["id"]
        with ThreadPoolExecutor(2) as pool:
            cancel = pool.submit(bob.client.delete, f"/api/v1/orders/{order_id}")
            replace = pool.submit(bob.client.patch, f"/api/v1/orders/{order_id}", json={"qty": "7"})
            answers = [cancel.result(), replace.result()]
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        loser = next(answer for answer in answers if answer.status_code == 409)
        assert loser.json()["code"] == "order_not_open"
        left = bob.get("/orders", status="open")["items"]
        final = bob.get(f"/orders/{order_id}")
        if answers[0].status_code == 200:
            assert (final["status"], left) == ("canceled", [])
        else:
            assert (final["status"], [one["qty"] for one in left]) == ("replaced", ["7"])
        bob.delete("/orders")
    assert bob.get("/portfolio")["held"] == "0"
