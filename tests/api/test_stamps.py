"""Two replicas on one PostgreSQL and Valkey: nobody who was told of a write reads less, whatever fails."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest
import redis

from api.live import Live, opened
from servers import Program, postgres_url, valkey

pytestmark = pytest.mark.integration

ORDER = {"symbol": "MSFT", "side": "buy", "type": "limit", "qty": "1", "limit_price": "20"}
KEY = "correct-horse-battery-staple-0123456789"


@pytest.fixture(scope="module")
def server() -> Iterator[Program]:
    with valkey() as program:
        yield program


@pytest.fixture(scope="module")
def replicas(server: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, Live]]:
    with ExitStack() as running:
        settings: dict[str, Any] = {
            "database_url": running.enter_context(postgres_url()),
            "valkey_url": f"redis://127.0.0.1:{server.port}/0",
            "secret_key": KEY,
        }
        one, two = (
            running.enter_context(opened(tmp_path_factory.mktemp(name), instance=name, **settings))
            for name in ("one", "two")
        )
        yield one, two


class Hunt:
    """Traders who write through one replica and read what they wrote through the other."""

    def __init__(self, replicas: tuple[Live, Live], traders: int, writes: int) -> None:
        self.stale: list[object] = []
        self.failed: list[object] = []
        self._replicas = replicas
        self._writes = writes
        self._threads = [
            threading.Thread(target=self._trade, args=(number,), daemon=True) for number in range(traders)
        ]

    def __enter__(self) -> "Hunt":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive()

    def _trade(self, number: int) -> None:
        one, two = self._replicas
        with one.person(name=f"hunter{number}") as person:
            headers = {"Authorization": f"Bearer {person.token}"}
            with httpx2.Client(base_url=two.url, headers=headers, timeout=30) as there:
                clients = [person.client, there]
                for placed in range(1, self._writes + 1):
                    writer, reader = clients[placed % 2], clients[1 - placed % 2]
                    self._check(writer.post("/api/v1/orders", json=ORDER), 201)
                    for client in (reader, writer, reader):
                        answer = client.get("/api/v1/orders?limit=500")
                        self._check(answer, 200)
                        held = client.get("/api/v1/portfolio")
                        self._check(held, 200)
                        found = len(answer.json()["items"]), float(held.json()["held"])
                        if found[0] != placed or not 20 * placed <= found[1] <= 21 * placed:
                            self.stale.append((number, placed, found))

    def _check(self, answer: httpx2.Response, status: int) -> None:
        if answer.status_code != status:
            self.failed.append(answer.text)


def kept(live: Live) -> float:
    found = 0.0
    for path in ("/api/v1/orders", "/api/v1/portfolio"):
        labels = {"path": path, "came": "kept"}
        found += live.platform.metrics.get_sample_value("traderbot_fast_reads_total", labels) or 0
    return found


def test_reads_through_the_other_replica_are_never_stale(replicas: tuple[Live, Live]) -> None:
    before = kept(replicas[0]) + kept(replicas[1])
    with Hunt(replicas, traders=4, writes=12) as hunt:
        pass
    assert (hunt.stale, hunt.failed) == ([], [])
    assert kept(replicas[0]) + kept(replicas[1]) > before  # so that something was there to be stale


def test_nor_while_valkey_is_emptied_killed_and_started_again(
    server: Program, replicas: tuple[Live, Live]
) -> None:
    with Hunt(replicas, traders=3, writes=12) as hunt:
        client = redis.Redis(port=server.port)
        for _ in range(5):
            time.sleep(0.1)
            client.flushall()
        server.kill()
        time.sleep(0.8)
        server.start()
        time.sleep(0.3)
        client.flushall()
    assert (hunt.stale, hunt.failed) == ([], [])


def test_a_step_is_seen_by_the_replica_that_does_not_play(replicas: tuple[Live, Live]) -> None:
    one, two = replicas
    with one.person() as person:
        headers = {"Authorization": f"Bearer {person.token}"}
        with httpx2.Client(base_url=two.url, headers=headers, timeout=30) as there:
            before = there.get("/api/v1/portfolio").json()["as_of"]
            assert there.get("/api/v1/portfolio").json()["as_of"] == before
            one.step()
            while two.platform.session.market.step != one.platform.session.market.step:
                time.sleep(0.01)
            assert there.get("/api/v1/portfolio").json()["as_of"] > before
