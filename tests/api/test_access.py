"""What a credential is good for, over a real port: an account, a user, a platform."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from websockets.sync.client import connect

from api.live import JSON, Live, Person
from docs.tables import DOCS
from traderbot.users.roles import Role

pytestmark = pytest.mark.integration


def test_a_key_of_one_account_does_nothing_else(live: Live, ada: Person) -> None:
    """Nor does an admin's: what it is good for is its account."""
    other = ada.post("/users/me/api-keys", {"name": "other"})["id"]
    with live.person("admin", name="root") as root:
        for person in (ada, root):
            body = {"name": "one", "account_id": str(person.user.account_id)}
            headers = {"X-API-Key": person.post("/users/me/api-keys", body)["key"]}
            with httpx2.Client(base_url=f"{live.url}/api/v1", headers=headers) as bound:
                assert bound.get("/orders").status_code == 200
                refused = [
                    bound.get("/users/me/api-keys"),
                    bound.delete(f"/users/me/api-keys/{other}"),
                    bound.get("/admin/limits"),
                    bound.post("/admin/halts", json={"detail": "mine"}),
                    bound.post("/market/clock", json={"paused": True}),
                    bound.put(f"/accounts/{person.user.account_id}/limits", json={}),
                ]
                assert [answer.status_code for answer in refused] == [403] * 6
    assert other in [key["id"] for key in ada.get("/users/me/api-keys")["items"]]


def test_what_trades_by_a_key_takes_no_limit_and_no_halt_away(live: Live, ada: Person) -> None:
    account = ada.user.account_id
    ada.put(f"/accounts/{account}/limits", {"order_qty": "5"})
    key = ada.post("/users/me/api-keys", {"name": "bot"})["key"]
    with httpx2.Client(base_url=f"{live.url}/api/v1", headers={"X-API-Key": key}) as bot:
        assert bot.put(f"/accounts/{account}/limits", json={}).status_code == 403
        assert bot.post("/risk/halt", json={"detail": "enough"}).status_code == 200
        assert bot.post("/risk/halt/resume-request", json={}).status_code == 403
        code = ada.post("/risk/halt/resume-request", {}, 200)["code"]
        assert bot.post("/risk/halt/resume", json={"code": code}).status_code == 403
    ada.post("/risk/halt/resume", {"code": code}, 200)


Kind = tuple[Role, str, list[str] | None, bool]
"""A role, "token" or "key", the key's scopes, and whether it is bound to one account."""

KINDS: list[Kind] = [
    ("viewer", "token", None, False),
    ("viewer", "key", ["read"], False),
    ("trader", "token", None, False),
    ("trader", "key", ["read"], False),
    ("trader", "key", ["trade"], False),
    ("trader", "key", ["read", "trade"], True),
    ("admin", "token", None, False),
    ("admin", "key", ["manage"], False),
    ("admin", "key", ["trade", "manage"], False),
    ("owner", "token", None, False),
    ("owner", "key", ["read", "trade"], False),
]
OF_ROLE = {"viewer": ["read"], "trader": ["read", "trade"]}
NOBODY = "018f4e9a-5c1e-7b1a-9a53-2f0d5c3b7a10"


def expected(needs: str, kind: Kind) -> bool:
    """Whether the table's words let such a caller in."""
    role, via, given, bound = kind
    scopes = given or OF_ROLE.get(role, ["read", "trade", "manage"])
    signed_in = via == "token"
    if needs == "signed in":
        return signed_in
    if needs.startswith("signed in; or scope trade"):
        return signed_in or ("trade" in scopes and not bound)
    if needs.startswith("scope trade, signed in"):
        return "trade" in scopes and (signed_in or ("manage" in scopes and not bound))
    if needs == "scope manage":
        return "manage" in scopes and not bound
    if needs.endswith(", by no key of one account"):
        return needs.split()[1].removesuffix(",") in scopes and not bound
    assert needs in ("scope read", "scope trade"), needs
    return needs.removeprefix("scope ") in scopes


def routes_of_the_page() -> list[tuple[str, str, str]]:
    """Method, path and need of every route, as docs/roles.md lists them."""
    text = (DOCS / "roles.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| `(\w+) (/[^` ]*)` \| (.+) \|$", text, re.MULTILINE)
    return [(method, path, needs) for method, path, needs in found]


@contextmanager
def credential(live: Live, kind: Kind) -> Iterator[tuple[httpx2.Client, Person]]:
    role, via, scopes, bound = kind
    with live.person(role, name=role) as person:
        headers = {"Authorization": f"Bearer {person.token}"}
        if via == "key":
            body = {"name": "key", "scopes": scopes}
            body |= {"account_id": str(person.user.account_id)} if bound else {}
            headers = {"X-API-Key": person.post("/users/me/api-keys", body)["key"]}
        with httpx2.Client(base_url=live.url, headers=headers, timeout=30) as client:
            yield client, person


def filled(path: str, person: Person) -> str:
    path = path.replace("{account_id}", str(person.user.account_id)).replace("{symbol}", "MSFT")
    return re.sub(r"{\w+}", NOBODY, path)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind[0]}-{kind[1]}-{kind[2]}-{kind[3]}")
def test_every_route_lets_in_whom_the_page_says(live: Live, kind: Kind) -> None:
    wrong = []
    with credential(live, kind) as (client, person):
        for method, path, needs in routes_of_the_page():
            if needs == "nothing":
                continue
            status = client.request(method, filled(path, person), headers=JSON).status_code
            assert status != 401, (method, path)
            if (status != 403) != expected(needs, kind):
                wrong.append((method, path, needs, status))
    assert wrong == []


def test_every_route_but_the_open_ones_asks_who_it_is(live: Live, ada: Person) -> None:
    described = {(method, path) for method, path, _ in routes_of_the_page()}
    listed = httpx2.get(f"{live.url}/api/openapi.json").json()["paths"]
    served = {(method.upper(), path) for path, methods in listed.items() for method in methods}
    assert described == served
    with httpx2.Client(base_url=live.url, headers=JSON) as nobody:
        for method, path, needs in routes_of_the_page():
            status = nobody.request(method, filled(path, ada)).status_code
            assert (status == 401) == (needs != "nothing"), (method, path, status)


def socket_answer(live: Live, key: str) -> dict[str, Any]:
    with connect(live.url.replace("http", "ws") + "/api/v1/ws") as socket:
        socket.send(json.dumps({"action": "authenticate", "token": key}))
        answer: dict[str, Any] = json.loads(socket.recv(timeout=10))
    return answer


def test_the_websocket_needs_read(live: Live, ada: Person) -> None:
    trading = ada.post("/users/me/api-keys", {"name": "blind", "scopes": ["trade"]})["key"]
    assert socket_answer(live, trading)["code"] == "forbidden"
    with live.person("viewer", name="viewer") as viewer:
        assert socket_answer(live, viewer.token) == {"type": "authenticated"}


def test_a_key_is_bound_by_its_grants_from_the_first_order_on(live: Live, bob: Person) -> None:
    body = {"name": "bot", "symbols": ["MSFT"], "daily_notional": "600"}
    made = bob.post("/users/me/api-keys", body)
    assert (made["scopes"], made["symbols"]) == (["read", "trade"], ["MSFT"])
    assert (made["daily_notional"], made["expires_at"]) == ("600", None)
    listed = bob.get("/users/me/api-keys")["items"][0]
    assert listed == {name: value for name, value in made.items() if name != "key"}
    order = {"symbol": "MSFT", "side": "buy", "type": "limit", "limit_price": "25", "qty": "10"}
    with httpx2.Client(base_url=f"{live.url}/api/v1", headers={"X-API-Key": made["key"]}) as bot:
        other = bot.post("/orders", json={**order, "symbol": "AAPL", "limit_price": "60"})
        assert (other.status_code, other.json()["code"]) == (422, "symbol_not_granted")
        placed = [bot.post("/orders", json=order, headers={"Idempotency-Key": "a"}) for _ in range(3)]
        assert [one.status_code for one in placed] == [201] * 3
        batch = bot.post("/orders/batch", json={"orders": [order] * 3}).json()["items"]
        assert [one["status"] for one in batch] == [201, 422, 422]
        assert batch[1]["problem"]["code"] == "daily_notional_spent"
        assert "limit 600" in batch[1]["problem"]["detail"]
        shown = [
            bot.post("/orders/preview", json={**order, "symbol": name}).json() for name in ("MSFT", "AAPL")
        ]
        bounds = [{check["name"]: check["passed"] for check in one["checks"][:2]} for one in shown]
        assert bounds == [
            {"granted_symbol": True, "daily_notional": False},
            {"granted_symbol": False, "daily_notional": False},
        ]
        assert [one["approved"] for one in shown] == [False, False]
        assert (
            "spent 500" in shown[0]["checks"][1]["detail"] or "spent 600" in shown[0]["checks"][1]["detail"]
        )
        order_id = placed[0].json()["id"]
        dearer = bot.patch(f"/orders/{order_id}", json={"limit_price": "26", "qty": "20"})
        assert (dearer.status_code, dearer.json()["code"]) == (422, "daily_notional_spent")
        assert bot.delete(f"/orders/{order_id}").status_code == 200
    bob.order()


def test_thirty_requests_at_once_and_money_for_one(live: Live, bob: Person) -> None:
    key = bob.post("/users/me/api-keys", {"name": "bot", "daily_notional": "250"})["key"]
    order = {"symbol": "MSFT", "side": "buy", "type": "limit", "limit_price": "25", "qty": "10"}
    with (
        httpx2.Client(base_url=live.url, headers={"X-API-Key": key}, timeout=30) as bot,
        ThreadPoolExecutor(30) as pool,
    ):
        tries = [pool.submit(bot.post, "/api/v1/orders", json=order) for _ in range(30)]
        statuses = sorted(one.result().status_code for one in tries)
    assert statuses == [201] + [422] * 29


@pytest.mark.parametrize(
    "grants",
    [
        {"scopes": []}, {"scopes": ["read", "read"]}, {"scopes": ["all"]}, {"scopes": "read"},
        {"symbols": []}, {"symbols": ["MSFT", "MSFT"]}, {"symbols": ["M SFT"]}, {"symbols": "MSFT"},
        {"daily_notional": "0"}, {"daily_notional": "-1"}, {"daily_notional": "NaN"},
        {"daily_notional": True},
        {"expires_at": "2005-01-03T21:00:00Z"}, {"expires_at": 5}, {"grants": {}}, {"key_id": NOBODY},
    ],
    ids=str,
)  # fmt: skip
def test_grants_that_are_none_make_no_key(ada: Person, grants: dict[str, Any]) -> None:
    ada.post("/users/me/api-keys", {"name": "x", **grants}, 422)
    assert ada.get("/users/me/api-keys")["items"] == []
