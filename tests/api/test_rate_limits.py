"""How often a caller may ask, through the real port."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as open_socket

from api.live import PASSWORD, Live, Person, opened
from servers import Program, postgres_url, valkey
from traderbot.api.rate_limits import ROUTES, SIGN_IN, UNCOUNTED, RateLimits

pytestmark = pytest.mark.integration
PROXIES = "127.0.0.0/8"


@pytest.fixture
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The limits that hold where nobody has set any; the tests' client is a trusted proxy."""
    rates = {
        "rate_general": "100/minute",
        "rate_trading": "50/minute",
        "rate_risk": "10/minute",
        "rate_address": "1000/minute",
        "rate_roles": ["admin:general=300/minute"],
    }
    with opened(tmp_path_factory.mktemp("strict"), trusted_proxies=[PROXIES], **rates) as built:
        yield built


def statuses(person: Person, times: int, path: str = "/portfolio", **headers: str) -> list[int]:
    return [person.client.get(f"/api/v1{path}", headers=headers).status_code for _ in range(times)]


def test_a_user_gets_what_the_policy_says_and_then_a_problem(strict: Live) -> None:
    with strict.person() as ann, strict.person() as bob:
        first = ann.client.get("/api/v1/portfolio")
        assert first.headers["ratelimit-policy"] == '"general";q=100;w=60, "address";q=1000;w=60'
        assert first.headers["ratelimit"].startswith('"general";r=99;t=60, "address";r=999;t=')
        assert statuses(ann, 99) == [200] * 99
        refused = ann.client.get("/api/v1/portfolio")
        assert refused.status_code == 429
        assert refused.headers["content-type"] == "application/problem+json"
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.headers["ratelimit"].startswith('"general";r=0;t=')
        assert refused.json()["code"] == "rate_limited"
        assert refused.json()["detail"].startswith(
            "too many requests: the limit general is 100 in 60 seconds; ask again in "
        )
        assert "x-request-id" in refused.headers
        assert statuses(bob, 1) == [200]
        for spelling in ("/Portfolio", "//portfolio", "/portfolio/", "/%70ortfolio", "/portfolio?x=1"):
            assert statuses(ann, 1, spelling) == [429]


def test_what_trades_and_what_analyses_has_less(strict: Live) -> None:
    with strict.person() as ann:
        order = {"symbol": "MSFT", "side": "buy", "type": "market", "qty": "1"}
        previews = [ann.client.post("/api/v1/orders/preview", json=order).status_code for _ in range(12)]
        assert previews == [200] * 10 + [429] * 2
        answers = [ann.client.post("/api/v1/orders", json=order) for _ in range(52)]
        assert [one.status_code for one in answers] == [201] * 50 + [429] * 2
        assert '"trading";q=50;w=60' in answers[0].headers["ratelimit-policy"]
        assert ann.client.delete("/api/v1/orders").status_code == 429
        assert len(ann.account("/activities", status=200, limit=1)) >= 1  # reading goes on
        general = ann.client.get("/api/v1/portfolio").headers["ratelimit"]
        assert general.startswith('"general";r=38;')  # 60 that went through and two reads; no refused one


def test_a_halt_goes_through_when_nothing_else_does(strict: Live) -> None:
    with strict.person() as ann:
        statuses(ann, 100)
        assert statuses(ann, 1) == [429]
        assert ann.client.post("/api/v1/risk/halt", json={"detail": "stop"}).status_code < 300


def test_roles_users_and_keys_have_rates_of_their_own(strict: Live) -> None:
    with ExitStack() as opened_for:
        admin, ann = (opened_for.enter_context(strict.person(role)) for role in ("admin", "trader"))
        assert '"general";q=300;w=60' in admin.client.get("/api/v1/portfolio").headers["ratelimit-policy"]
        key = ann.post("/users/me/api-keys", {"name": "bot"})
        rates = {f"user:{ann.user.id}:general": "20/minute", f"key:{key['id']}:general": "3/minute"}
        shown = admin.put("/admin/rate-limits", {"rates": rates})
        assert shown["rates"] == rates
        assert shown["settings"]["general"] == "100/minute"
        with httpx2.Client(base_url=strict.url, headers={"X-API-Key": key["key"]}) as bot:
            asked = [bot.get("/api/v1/portfolio") for _ in range(5)]
        assert [one.status_code for one in asked] == [200] * 3 + [429] * 2
        assert "key-general is 3 in 60" in asked[-1].json()["detail"]
        left = statuses(ann, 20)
        assert left.count(200) == 16  # one made the key, the key's three count for its user
        reset = admin.client.post("/api/v1/admin/rate-limits/reset", json={"user_id": str(ann.user.id)})
        assert reset.status_code == 204
        assert statuses(ann, 1) == [200]
        assert ann.client.put("/api/v1/admin/rate-limits", json={"rates": {}}).status_code == 403


def test_an_administrators_act_is_an_event_and_outlives_the_process(tmp_path: Any) -> None:
    with opened(tmp_path) as built, built.person("admin") as admin:
        admin.put("/admin/rate-limits", {"rates": {"risk": "3/hour"}})
        from traderbot.infra.events.journal import read

        with built.platform.database.read() as connection:
            (recorded,) = read(connection, stream="platform")
        assert recorded.event.what == "rate_limits_changed"
        assert recorded.event.detail == {"rates": {"risk": "3/hour"}}
        assert recorded.meta.actor == f"user:{admin.user.id}"
    with opened(tmp_path) as again, again.person("admin") as admin:
        assert admin.get("/admin/rate-limits")["rates"] == {"risk": "3/hour"}


@pytest.mark.parametrize(
    "rates",
    [
        {"generally": "1/minute"},
        {"general": "0/minute"},
        {"general": "1/week"},
        {"role:king:general": "1/minute"},
    ],
)
def test_a_rate_that_is_none_is_refused(admin: Person, rates: dict[str, str]) -> None:
    admin.put("/admin/rate-limits", {"rates": rates}, 422)


def test_an_address_is_limited_before_anybody_is_known(tmp_path: Any) -> None:
    with (
        opened(tmp_path, rate_address="20/hour", trusted_proxies=[PROXIES]) as built,
        httpx2.Client(base_url=built.url) as nobody,
    ):

        def ask(address: str, token: str = "tb_invented") -> int:
            headers = {"X-Forwarded-For": address, "Authorization": f"Bearer {token}"}
            return nobody.get("/api/v1/portfolio", headers=headers).status_code

        found = [ask("198.51.100.7", f"tb_{number}") for number in range(24)]
        assert found[:20] == [401] * 20
        assert found[-1] == 429
        assert ask("6.6.6.6, 198.51.100.7") == 429  # what stands left was written by the caller
        assert ask("198.51.100.8") == 401
        one_network = [ask(f"2001:db8::{number}") for number in range(1, 25)]
        assert one_network[:20] == [401] * 20
        assert one_network[-1] == 429
        assert [nobody.get("/health").status_code for _ in range(50)] == [200] * 50


def test_an_untrusted_peer_cannot_choose_its_address(tmp_path: Any) -> None:
    with opened(tmp_path, rate_address="10/hour") as built, httpx2.Client(base_url=built.url) as nobody:
        found = [
            nobody.get("/api/v1/portfolio", headers={"X-Forwarded-For": f"10.0.0.{number}"}).status_code
            for number in range(12)
        ]
        assert found.count(429) >= 1


def test_registrations_from_one_address_are_few(strict: Live) -> None:
    with httpx2.Client(base_url=strict.url, headers={"X-Forwarded-For": "198.51.100.9"}) as visitor:
        found = [
            visitor.post(
                "/api/v1/auth/register", json={"email": f"v{number}@example.com", "password": PASSWORD}
            ).status_code
            for number in range(22)
        ]
    assert found[:20] == [201] * 20
    assert 429 in found


def test_a_websocket_handshake_counts_for_its_address(tmp_path: Any) -> None:
    with opened(tmp_path, rate_address="3/hour") as built:
        url = built.url.replace("http", "ws") + "/api/v1/ws"
        for _ in range(3):
            open_socket(url).close()
        with pytest.raises(InvalidStatus) as refused:
            open_socket(url)
        assert refused.value.response.status_code == 429


def test_a_page_elsewhere_may_read_the_limits(tmp_path: Any) -> None:
    with opened(tmp_path, cors_origins=["https://desk.example.com"], rate_address="1/hour") as built:
        origin = {"Origin": "https://desk.example.com"}
        answers = [httpx2.get(f"{built.url}/api/v1/portfolio", headers=origin) for _ in range(2)]
        assert [one.status_code for one in answers] == [401, 429]
        value = built.platform.metrics.get_sample_value
        assert value("traderbot_rate_refusals_total", {"limit": "address"}) == 1
        assert (value("traderbot_rate_degraded"), value("traderbot_rate_processes")) == (0, 1)
        for one in answers:
            assert "RateLimit" in one.headers["access-control-expose-headers"]
            assert one.headers["access-control-allow-origin"] == origin["Origin"]


def test_the_routes_that_are_named_are_there(live: Live) -> None:
    described = httpx2.get(f"{live.url}/api/openapi.json").json()["paths"]
    named = [*(route for routes in ROUTES.values() for route in routes), *UNCOUNTED, *SIGN_IN]
    for method, path in named:
        assert method.lower() in described[path]
        assert "429" in described[path][method.lower()]["responses"]
    limits: RateLimits = live.app.state.limits
    assert limits.class_of("DELETE", "/api/v1/orders/0198c7a2-5d01-7f3b-a2d4-93c1d0b7e645") == "trading"
    assert limits.class_of("GET", "/api/v1/orders") == "general"


@pytest.fixture(scope="module")
def server() -> Iterator[Program]:
    with valkey() as running:
        yield running


def test_two_replicas_admit_one_quota_and_go_on_without_valkey(
    tmp_path_factory: pytest.TempPathFactory, server: Program
) -> None:
    """The user's token is good at both."""
    shared = {"valkey_url": f"redis://127.0.0.1:{server.port}/0", "rate_general": "30/hour"}
    key = {"secret_key": "correct-horse-battery-staple-0123456789"}
    with ExitStack() as running:
        at = running.enter_context(postgres_url())
        one, two = (
            running.enter_context(
                opened(tmp_path_factory.mktemp(name), instance=name, database_url=at, **shared, **key)
            )
            for name in ("one", "two")
        )
        ann = running.enter_context(one.person())
        there = running.enter_context(
            httpx2.Client(base_url=two.url, headers=dict(ann.client.headers), timeout=30)
        )

        while [live.app.state.limits.processes for live in (one, two)] != [2, 2]:
            time.sleep(0.05)

        def ask(times: int) -> list[int]:
            clients = [ann.client, there]
            return [clients[number % 2].get("/api/v1/market/clock").status_code for number in range(times)]

        answers = ask(34)
        assert 28 <= answers.count(200) <= 32  # 30, or a slow machine took Valkey for gone once
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            frozen = ask(60)
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        assert set(frozen) <= {200, 429}
        assert answers.count(200) + frozen.count(200) <= 33  # each its half, less what it has admitted
        server.kill()
        assert set(ask(20)) == {429}
        server.start()
