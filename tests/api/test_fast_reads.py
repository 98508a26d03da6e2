"""Hot reads in front of the application: the same answers under the same checks, and never an old one."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client import generate_latest

from api.live import Live, Person, opened

pytestmark = pytest.mark.integration

HOT = [
    "/portfolio",
    "/positions",
    "/orders",
    "/orders?limit=2",
    "/orders?status=open",
    "/orders?status=all&nested=true&limit=7",
    "/orders?limit=02",
]
PRIVATE = ("x-request-id", "content-length", "date", "etag", "ratelimit")


def tally(live: Live, came: str) -> float:
    """How many answers came so."""
    text = generate_latest(live.platform.metrics).decode()
    lines = [line for line in text.splitlines() if line.startswith("traderbot_fast_reads_total{")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if f'came="{came}"' in line)


def made(live: Live) -> float:
    return tally(live, "made")


def raw(person: Person, path: str, **headers: str) -> httpx2.Response:
    return person.client.get(f"/api/v1{path}", headers=headers)


@pytest.mark.parametrize("path", HOT)
def test_a_kept_answer_is_the_applications_own(live: Live, ada: Person, path: str) -> None:
    ada.order()
    ada.order(type="limit", limit_price="20")
    ada.order(201, order_class="bracket", take_profit={"limit_price": "60"}, stop_loss={"stop_price": "10"})
    live.step()
    slow = raw(ada, path, Origin="http://elsewhere")  # asks for headers of its own, so it is never kept
    raw(ada, path)
    before = tally(live, "kept")
    hot = raw(ada, path)
    assert tally(live, "kept") == before + 1
    assert "etag" in hot.headers
    assert "etag" not in slow.headers
    assert (hot.status_code, hot.content) == (slow.status_code, slow.content) == (200, slow.content)
    assert {name: value for name, value in hot.headers.items() if name not in PRIVATE} == {
        name: value for name, value in slow.headers.items() if name not in PRIVATE
    }


def test_a_second_read_makes_nothing_anew_and_a_write_or_a_step_does(live: Live, ada: Person) -> None:
    first = raw(ada, "/portfolio")
    before = made(live)
    assert raw(ada, "/portfolio").content == first.content
    assert made(live) == before
    ada.order()
    assert ada.get("/portfolio")["held"] != first.json()["held"]
    assert made(live) == before + 1
    live.step()
    assert ada.get("/portfolio")["as_of"] > first.json()["as_of"]
    assert made(live) == before + 2


def test_a_change_of_the_rules_is_seen(live: Live, ada: Person, limits: Any) -> None:
    before = made(live)
    ada.get("/portfolio")
    limits(limits={"gross": "1.5"}, sectors={})
    ada.get("/portfolio")
    assert made(live) == before + 2


def test_nobody_reads_anothers_answer(live: Live, ada: Person, bob: Person) -> None:
    ada.order()
    assert len(ada.get("/orders")["items"]) == 1
    assert bob.get("/orders")["items"] == []
    mine, theirs = ada.get("/portfolio"), bob.get("/portfolio")
    assert (mine["account_id"], theirs["account_id"]) == (str(ada.user.account_id), str(bob.user.account_id))
    for path in ("/portfolio", "/orders"):
        assert raw(bob, path, **{"X-Account-Id": str(ada.user.account_id)}).status_code == 404
        assert raw(bob, path, **{"X-Account-Id": "nonsense"}).status_code == 422


def test_an_unchanged_answer_is_not_sent_again(live: Live, ada: Person) -> None:
    first = raw(ada, "/orders")
    again = raw(ada, "/orders", **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    ada.order()
    assert raw(ada, "/orders", **{"If-None-Match": first.headers["etag"]}).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/orders?limit=0", 422), ("/orders?limit=501", 422), ("/orders?status=odd", 422),
        ("/orders?cursor=x", 422), ("/orders?%00", 422), ("/portfolio/", 404),
        ("/orders?account_id=nonsense", 422), ("/orders?accoun%74_id=nonsense", 422),
        (f"/orders?client_order_id={'x' * 300}", 422), ("/orders/x?", 422),
    ],
)  # fmt: skip
def test_what_is_unusual_goes_to_the_application(live: Live, ada: Person, path: str, status: int) -> None:
    answer = raw(ada, path)
    assert answer.status_code == status
    assert "etag" not in answer.headers


def test_another_method_goes_to_the_application(ada: Person) -> None:
    answer = ada.client.head("/api/v1/portfolio")
    assert answer.status_code >= 400
    assert "etag" not in answer.headers


@pytest.mark.parametrize("path", ["/portfolio", "/orders"])
def test_without_a_good_credential_there_is_no_answer(live: Live, ada: Person, path: str) -> None:
    ada.get(path)
    url = f"{live.url}/api/v1{path}"
    for headers in (
        {},
        {"Authorization": f"Bearer {ada.token}x"},
        {"Authorization": f"Basic {ada.token}"},
        {"Authorization": f"Bearer {ada.token}", "X-API-Key": "tb_x"},
    ):
        assert httpx2.get(url, headers=headers).status_code == 401


def test_an_expired_token_ends_at_once(live: Live, ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    ada.get("/portfolio")
    tokens = live.platform.users.access_tokens
    late = live.platform.clock.now() + (tokens.life_s + 1) * 1_000_000

    class Later:
        def now(self) -> int:
            return late

    monkeypatch.setattr(tokens, "_clock", Later())
    assert raw(ada, "/portfolio").status_code == 401


def test_a_revoked_key_ends_at_once(live: Live, ada: Person) -> None:
    created = ada.post("/users/me/api-keys", {"name": "reader"})
    headers = {"X-API-Key": created["key"]}
    for _ in range(3):
        assert httpx2.get(f"{live.url}/api/v1/orders", headers=headers).status_code == 200
    assert ada.client.delete(f"/api/v1/users/me/api-keys/{created['id']}").status_code == 204
    assert httpx2.get(f"{live.url}/api/v1/orders", headers=headers).status_code == 401


def test_a_key_that_may_not_read_is_refused_also_where_the_answer_is_kept(live: Live, ada: Person) -> None:
    created = ada.post("/users/me/api-keys", {"name": "trades only", "scopes": ["trade"]})
    ada.get("/orders")
    before = tally(live, "kept")
    for _ in range(2):
        answer = httpx2.get(f"{live.url}/api/v1/orders", headers={"X-API-Key": created["key"]})
        assert answer.status_code == 403
    assert tally(live, "kept") == before


def test_each_read_counts_once_and_the_last_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path, rate_general="5/hour") as live, live.person() as person:
        left = [raw(person, "/orders").headers["ratelimit"].split(";")[1] for _ in range(5)]
        assert left == ["r=4", "r=3", "r=2", "r=1", "r=0"]
        assert (tally(live, "kept"), tally(live, "made")) == (4, 1)
        for _ in range(2):
            refused = raw(person, "/orders")
            assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
            assert int(refused.headers["retry-after"]) > 0
        assert tally(live, "kept") == 4


def test_fifty_who_ask_at_once_for_the_same_cost_one_making(live: Live, ada: Person) -> None:
    ada.order(type="limit", limit_price="20")
    before = made(live)
    headers = {"Authorization": f"Bearer {ada.token}"}

    async def ask() -> list[bytes]:
        async with httpx2.AsyncClient(base_url=live.url, headers=headers, timeout=30) as client:
            found = await asyncio.gather(*(client.get("/api/v1/orders?limit=50") for _ in range(50)))
        assert {answer.status_code for answer in found} == {200}
        return [answer.content for answer in found]

    assert len(set(asyncio.run(ask()))) == 1
    assert made(live) == before + 1


def test_a_cleared_answer_is_made_anew(live: Live, ada: Person, admin: Person) -> None:
    ada.get("/orders")
    before = made(live)
    admin.delete("/admin/cache")
    ada.get("/orders")
    assert made(live) == before + 1


def test_saved_queries_are_told(live: Live, ada: Person) -> None:
    for _ in range(3):
        ada.get("/portfolio")
    name, labels = "traderbot_fast_reads_saved_queries_total", {"path": "/api/v1/portfolio"}
    assert (live.platform.metrics.get_sample_value(name, labels) or 0) > 0


def test_no_read_after_an_acknowledged_write_is_old(live: Live) -> None:
    wrong: list[Any] = []

    def trade(number: int) -> None:
        with live.person(name=f"hunter{number}") as person:
            for placed in range(1, 26):
                person.order(type="limit", limit_price="20")
                listed = len(person.get("/orders?limit=500")["items"])
                open_too = len(person.get("/orders?status=open&limit=500")["items"])
                if (listed, open_too) != (placed, placed):
                    wrong.append((number, placed, listed, open_too))

    threads = [threading.Thread(target=trade, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    live.step()
    for thread in threads:
        thread.join()
    assert wrong == []
