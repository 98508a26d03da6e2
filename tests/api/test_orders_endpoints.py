"""Orders over a real port: place, look up, list, replace, cancel, and what belongs to somebody else."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from api.live import BuyOnce, Live, Person
from traderbot.model.rounding import notional

pytestmark = pytest.mark.integration

FIELDS = {
    "id", "client_order_id", "symbol", "side", "type", "time_in_force", "qty", "notional", "limit_price",
    "stop_price", "trail_price", "trail_percent", "hwm", "triggered_at", "extended_hours", "lots",
    "order_class", "leg", "group_id", "status", "filled_qty", "filled_avg_price", "hold", "fees",
    "placed_at", "updated_at", "expires_at", "replaces", "replaced_by", "signal_id", "strategy",
    "reason", "legs",
}  # fmt: skip


def limit(ada: Person, price: str = "20", **changed: Any) -> Any:
    return ada.order(type="limit", limit_price=price, time_in_force="gtc", **changed)


def test_an_order_is_placed_filled_and_found(live: Live, ada: Person) -> None:
    placed = ada.order(client_order_id="mine-1")
    assert placed.keys() == FIELDS
    wanted = {"symbol": "MSFT", "side": "buy", "qty": "10", "status": "new", "filled_qty": "0"}
    assert wanted.items() <= placed.items()
    assert (placed["filled_avg_price"], placed["limit_price"], placed["time_in_force"]) == (None, None, "day")
    assert Decimal(placed["hold"]) > 0
    assert ada.get(f"/orders/{placed['id']}") == placed
    live.step()
    filled = ada.get(f"/orders/{placed['id']}")
    assert (filled["status"], filled["filled_qty"], filled["hold"]) == ("filled", "10", "0")
    assert filled["updated_at"] > placed["placed_at"]
    assert ada.get("/orders:by_client_order_id", client_order_id="mine-1") == filled
    (fill,) = ada.get("/fills", order_id=placed["id"])["items"]
    assert (fill["order_id"], fill["qty"]) == (placed["id"], "10")
    paid = notional(Decimal(10), Decimal(fill["price"]))  # what was posted; the average is of that
    assert Decimal(filled["filled_avg_price"]) * 10 == paid
    assert ada.get("/fills")["items"] == [fill]


def test_a_client_order_id_is_unique_for_ever(live: Live, ada: Person, bob: Person) -> None:
    first = limit(ada, client_order_id="once")
    refused = ada.order(409, client_order_id="once")
    assert refused["code"] == "duplicate_client_order_id"
    ada.delete(f"/orders/{first['id']}")
    assert ada.order(409, client_order_id="once")["code"] == "duplicate_client_order_id"
    assert bob.order(client_order_id="once")["client_order_id"] == "once"
    unnamed = limit(ada)
    assert unnamed["client_order_id"] == unnamed["id"]
    assert ada.order(409, client_order_id=unnamed["id"])["code"] == "duplicate_client_order_id"


def test_the_list_is_filtered_and_paged(live: Live, ada: Person) -> None:
    ids = [limit(ada)["id"] for _ in range(5)]
    ids.append(ada.order(symbol="IBM", type="limit", limit_price="90", time_in_force="gtc")["id"])
    ada.delete(f"/orders/{ids[0]}")

    def listed(**params: Any) -> list[str]:
        return [one["id"] for one in ada.get("/orders", **params)["items"]]

    assert listed() == ids[::-1]
    assert listed(status="open") == ids[:0:-1]
    assert listed(status="closed") == ids[:1]
    assert listed(symbol="IBM") == ids[5:]
    assert listed(side="sell") == []
    seen, cursor = [], None
    while True:
        page = ada.get("/orders", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        limit(ada)  # what comes meanwhile moves nothing
    assert seen == ids[::-1]


def test_a_cursor_is_good_for_its_own_list_only(ada: Person, bob: Person) -> None:
    for person in (ada, bob):
        for _ in range(2):
            limit(person)
    cursor = ada.get("/orders", limit=1)["next_cursor"]
    for person, params in (
        (bob, {"cursor": cursor}),
        (ada, {"cursor": cursor, "status": "open"}),
        (ada, {"cursor": cursor[:-2] + "AA"}),
        (ada, {"cursor": "x"}),
        (ada, {"cursor": "9" * 4_000}),
        (ada, {"cursor": "\u0661"}),
    ):
        assert person.get("/orders", 422, **params)["errors"][0]["field"] == "cursor"
    for path in ("/fills", "/signals"):
        assert ada.get(path, 422, cursor=cursor)["errors"][0]["field"] == "cursor"


def test_what_is_somebody_elses_does_not_exist(live: Live, ada: Person, bob: Person) -> None:
    order_id = limit(bob)["id"]
    for ask in (
        lambda target: ada.get(f"/orders/{target}", 404),
        lambda target: ada.patch(f"/orders/{target}", {"qty": "5"}, 404),
        lambda target: ada.delete(f"/orders/{target}", 404),
        lambda target: ada.get(f"/why/{target}", 404),
    ):
        assert ask(order_id) == ask(uuid4())
    bob_name = bob.get(f"/orders/{order_id}")["client_order_id"]
    assert ada.get("/orders:by_client_order_id", 404, client_order_id=bob_name)["code"] == "not_found"
    assert ada.get("/fills", order_id=order_id)["items"] == []
    assert ada.get("/orders")["items"] == []
    assert ada.delete("/orders")["items"] == []
    assert bob.get(f"/orders/{order_id}")["status"] == "new"


def test_a_replacement_is_a_new_order_linked_both_ways(live: Live, ada: Person) -> None:
    old = limit(ada, "20")
    new = ada.patch(f"/orders/{old['id']}", {"limit_price": "21", "client_order_id": f"new-{old['id']}"})
    assert (new["replaces"], new["limit_price"], new["qty"], new["status"]) == (
        old["id"],
        "21",
        "10",
        "new",
    )
    gone = ada.get(f"/orders/{old['id']}")
    assert (gone["status"], gone["replaced_by"], gone["hold"]) == ("replaced", new["id"], "0")
    assert ada.get("/portfolio")["held"] == new["hold"]
    assert ada.patch(f"/orders/{old['id']}", {"qty": "5"}, 409)["code"] == "order_not_open"
    assert ada.patch(f"/orders/{new['id']}", {"qty": "10"}, 422)["code"] == "nothing_to_change"
    assert ada.patch(f"/orders/{new['id']}", {}, 422)["errors"][0]["field"] == "qty"
    assert ada.patch(f"/orders/{new['id']}", {"side": "sell"}, 422)["errors"][0]["field"] == "side"
    assert ada.patch(f"/orders/{new['id']}", {"stop_price": "0"}, 422)["errors"][0]["field"] == "stop_price"
    assert ada.patch(f"/orders/{new['id']}", {"limit_price": "200"}, 422)["code"] == "outside_collar"
    assert ada.get(f"/orders/{new['id']}") == new  # a refused replacement leaves the order as it was


def test_cancel_one_and_all(live: Live, ada: Person) -> None:
    orders = [limit(ada) for _ in range(3)]
    cancelled = ada.delete(f"/orders/{orders[0]['id']}")
    assert (cancelled["status"], cancelled["reason"], cancelled["hold"]) == (
        "canceled",
        "canceled_by_user",
        "0",
    )
    assert ada.delete(f"/orders/{orders[0]['id']}", 409)["code"] == "order_not_open"
    assert ada.delete("/orders")["items"] == [{"id": one["id"], "status": "canceled"} for one in orders[1:]]
    assert ada.delete("/orders")["items"] == []
    assert ada.get("/portfolio")["held"] == "0"


def test_a_repeated_request_gets_the_first_answer(live: Live, ada: Person, bob: Person) -> None:
    body = b'{"symbol":"MSFT","side":"buy","qty":"10"}'
    key = {"Idempotency-Key": "k-1"}
    first = ada.send("/orders", body, **key)
    live.step()
    again = ada.send("/orders", body, **key)
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    other = ada.send("/orders", body.replace(b"10", b"11"), **key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert "idempotency-replayed" not in other.headers
    assert bob.send("/orders", body, **key).json()["id"] != first.json()["id"]
    assert len(ada.get("/orders")["items"]) == 1


def test_a_repeated_refusal_is_the_same_refusal(live: Live, ada: Person) -> None:
    key = {"Idempotency-Key": "k-2"}
    body = b'{"symbol":"MSFT","side":"sell","qty":"10"}'
    first, again = (ada.send("/orders", body, **key) for _ in range(2))
    assert (first.status_code, first.json()["code"]) == (422, "insufficient_quantity")
    assert (again.status_code, again.content) == (422, first.content)
    assert again.headers["idempotency-replayed"] == "true"


def test_a_repeated_replacement_replaces_once(live: Live, ada: Person) -> None:
    old = limit(ada)["id"]
    first, again = (ada.patch(f"/orders/{old}", {"qty": "7"}, **{"Idempotency-Key": "k-3"}) for _ in range(2))
    assert first == again
    assert len(ada.get("/orders", status="open")["items"]) == 1
    other = limit(ada)["id"]  # the key belongs to the first order's address
    answer = ada.patch(f"/orders/{other}", {"qty": "7"}, 422, **{"Idempotency-Key": "k-3"})
    assert answer["code"] == "idempotency_key_reused"


def test_sixteen_at_once_under_one_key_make_one_order(live: Live, ada: Person) -> None:
    body = b'{"symbol":"MSFT","side":"buy","qty":"1"}'
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: ada.send("/orders", body, **{"Idempotency-Key": "k-4"}), range(16)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 15
    assert len(ada.get("/orders")["items"]) == 1


@pytest.mark.parametrize("key", ["", "x" * 129, "two words", "\u00e9".encode("latin-1").decode("latin-1")])
def test_a_key_that_is_none_is_refused(ada: Person, key: str) -> None:
    headers = {b"idempotency-key": key.encode("latin-1"), b"content-type": b"application/json"}
    answer = ada.client.post(
        "/api/v1/orders", content=b'{"symbol":"MSFT","side":"buy","qty":"1"}', headers=headers
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


def test_why_leads_from_the_signal_to_the_fill(live: Live, ada: Person, bob: Person) -> None:
    account_id = ada.user.account_id
    assert account_id is not None
    live.platform.autopilot.assign(account_id, BuyOnce())
    live.step()
    (signal,) = ada.get("/signals", symbol="MSFT")["items"]
    assert (signal["strategy"], signal["action"], signal["rationale"]["summary"]) == (
        "buy_once",
        "buy",
        "it is Monday",
    )
    live.step()
    why = ada.get(f"/why/{signal['order_id']}")
    assert [link["type"] for link in why["chain"]] == ["SignalRaised", "OrderPlaced", "OrderFilled"]
    assert why["order"] == ada.get(f"/orders/{signal['order_id']}")
    assert why["order"]["signal_id"] == signal["id"]
    assert why["signal"] == signal
    assert why["chain"][0]["actor"] == "strategy:buy_once"
    positions = [link["position"] for link in why["chain"]]
    assert positions == sorted(set(positions))
    assert bob.get("/signals")["items"] == []
    plain = ada.order()
    assert ada.get(f"/why/{plain['id']}")["signal"] is None


def test_two_idempotency_keys_are_refused(ada: Person) -> None:
    """Taking the first would make two orders of one request whose headers a proxy turned around."""
    headers = [("Idempotency-Key", "one"), ("Idempotency-Key", "two"), ("Content-Type", "application/json")]
    body = b'{"symbol":"MSFT","side":"buy","qty":"1"}'
    answer = ada.client.post("/api/v1/orders", content=body, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert ada.get("/orders")["items"] == []


def test_the_list_is_filtered_by_everything_that_is_asked(live: Live, ada: Person) -> None:
    first = limit(ada, client_order_id="a,b")
    live.step()
    second = ada.order(symbol="IBM", type="limit", limit_price="90", time_in_force="gtc")
    third = limit(ada, client_order_id="c")
    ada.delete(f"/orders/{third['id']}")

    def listed(**params: Any) -> list[str]:
        return [one["id"] for one in ada.get("/orders", **params)["items"]]

    assert listed(symbols="IBM,AAPL") == [second["id"]]
    assert listed(symbols="IBM,MSFT") == [third["id"], second["id"], first["id"]]
    assert listed(status="canceled") == [third["id"]]
    assert listed(status="held") == []
    assert listed(client_order_id=["a,b", "c", "unknown"]) == [third["id"], first["id"]]
    assert listed(client_order_id="unknown") == []
    assert listed(after=first["placed_at"]) == [third["id"], second["id"]]
    assert listed(until=second["placed_at"]) == [first["id"]]
    assert listed(after="2005-01-01", until="2005-01-02") == []
    cursor = ada.get("/orders", symbols="IBM,MSFT", limit=1)["next_cursor"]
    assert ada.get("/orders", 422, symbols="IBM", cursor=cursor)["errors"][0]["field"] == "cursor"
    assert listed(symbols="MSFT,IBM", cursor=cursor) == [second["id"], first["id"]]


def bracket(ada: Person, **changed: Any) -> Any:
    exits = {"take_profit": {"limit_price": "60"}, "stop_loss": {"stop_price": "15", "limit_price": "14.9"}}
    return ada.order(**{"order_class": "bracket", "time_in_force": "gtc", **exits, **changed})


def test_a_bracket_waits_fills_and_works(live: Live, ada: Person) -> None:
    placed = bracket(ada)
    assert (placed["order_class"], placed["leg"], placed["group_id"]) == ("bracket", "entry", placed["id"])
    profit, loss = placed["legs"]
    assert (profit["leg"], profit["type"], profit["limit_price"]) == ("take_profit", "limit", "60")
    assert (loss["leg"], loss["type"], loss["stop_price"]) == ("stop_loss", "stop_limit", "15")
    for leg in (profit, loss):
        assert (leg["status"], leg["side"], leg["hold"], leg["legs"]) == ("held", "sell", "0", None)
        assert leg["group_id"] == placed["id"]
        assert ada.get(f"/orders/{leg['id']}") == leg
    assert ada.get(f"/orders/{placed['id']}") == placed
    assert len(ada.get("/orders")["items"]) == 3
    assert ada.get("/orders", nested=True)["items"] == [placed]
    live.step()
    entry = ada.get(f"/orders/{placed['id']}")
    assert (entry["status"], [leg["status"] for leg in entry["legs"]]) == ("filled", ["new", "new"])
    assert [one["id"] for one in ada.get("/orders", status="open", nested=True)["items"]] == [placed["id"]]
    assert ada.order(422, side="sell")["code"] == "insufficient_quantity"  # the exits keep the shares
    cancelled = ada.delete(f"/orders/{profit['id']}")
    assert cancelled["status"] == "canceled"
    other = ada.get(f"/orders/{loss['id']}")
    assert (other["status"], other["reason"]) == ("canceled", "group_canceled")
    assert ada.order(side="sell")["status"] == "new"


def test_cancelling_all_ends_each_group_once(live: Live, ada: Person) -> None:
    ids = {leg["id"] for leg in bracket(ada)["legs"]} | {limit(ada)["id"]}
    gone = {one["id"] for one in ada.delete("/orders")["items"]}
    assert ids <= gone
    assert len(gone) == 4
    assert ada.get("/orders", status="open")["items"] == []
    assert "OrderRefused" not in {event["type"] for event in ada.events()}


def test_orders_that_wait_show_what_for(live: Live, ada: Person) -> None:
    ada.order()
    live.step()
    stop = ada.order(side="sell", qty="2", type="stop", stop_price="20", time_in_force="gtc")
    assert (stop["type"], stop["stop_price"], stop["triggered_at"]) == ("stop", "20", None)
    trailing = ada.order(side="sell", qty="2", type="trailing_stop", trail_percent="5", time_in_force="gtc")
    assert (trailing["trail_percent"], trailing["trail_price"]) == ("5", None)
    assert Decimal(trailing["stop_price"]) < Decimal(trailing["hwm"])
    moved = ada.patch(f"/orders/{trailing['id']}", {"trail": "10"})
    assert (moved["trail_percent"], moved["replaces"]) == ("10", trailing["id"])
    assert Decimal(moved["stop_price"]) < Decimal(trailing["stop_price"])
    lower = ada.patch(f"/orders/{stop['id']}", {"stop_price": "19", "time_in_force": "day"})
    assert (lower["stop_price"], lower["time_in_force"]) == ("19", "day")


def test_an_order_for_a_value_has_no_quantity(live: Live, ada: Person) -> None:
    placed = ada.order(qty=None, notional="500")
    assert (placed["qty"], placed["notional"], placed["status"]) == (None, "500", "new")
    assert ada.patch(f"/orders/{placed['id']}", {"qty": "5"}, 409)["code"] == "not_replaceable"
    live.step()
    filled = ada.get(f"/orders/{placed['id']}")
    assert (filled["status"], filled["qty"]) == ("filled", None)
    spent = Decimal(filled["filled_qty"]) * Decimal(filled["filled_avg_price"])
    assert abs(spent - 500) < Decimal("0.01")


def test_an_order_that_looks_once_is_gone_after_it(live: Live, ada: Person) -> None:
    order_id = limit(ada, "20", client_order_id="once-only")["id"]
    passing = ada.order(type="limit", limit_price="20", time_in_force="ioc")
    live.step()
    gone = ada.get(f"/orders/{passing['id']}")
    assert (gone["status"], gone["reason"]) == ("canceled", "not_filled_at_once")
    assert ada.get(f"/orders/{order_id}")["status"] == "new"


def test_lots_are_used_as_the_order_names_them(live: Live, ada: Person) -> None:
    for _ in range(2):
        ada.order()
        live.step()
    second, first = ada.account("/lots", symbol="MSFT")["items"]
    assert ada.order(422, side="sell", qty="5", lots=[99])["code"] == "unknown_lot"
    sold = ada.order(side="sell", qty="5", lots=[second["number"]])
    assert sold["lots"] == [second["number"]]
    live.step()
    left = {one["number"]: one["qty"] for one in ada.account("/lots", symbol="MSFT")["items"]}
    assert left == {first["number"]: "10", second["number"]: "5"}
