"""Order flow through the proxy that never gives up: every order is sent again under its own key until it is
answered, and what was acknowledged is remembered.
"""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx2

from traderbot.infra.ids import new_id

PASSWORD = "correct horse battery staple"
SYMBOLS = ("AAPL", "MSFT", "IBM", "GOOG")
AGAIN_AFTER_S = 0.1
GIVE_UP_AFTER_S = 60


@dataclass
class Trader:
    """One person with a paper account. placed: orders acknowledged, by their client order id."""

    number: int
    token: str = ""
    account_id: UUID | None = None
    placed: dict[str, UUID] = field(default_factory=dict)


@dataclass
class Seen:
    """What the clients saw. refused: orders, by reason; wrong: answers that nobody should get; failures: what
    was sent again; stale: reads that did not know the order just acknowledged; seconds: of each order and of
    each read.
    """

    acknowledged: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    stale: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    read_seconds: list[float] = field(default_factory=list)


class Load:
    """Traders that place orders at one address until stopped. pause_s: of each after an order."""

    def __init__(self, url: str, traders: int, pause_s: float = 0.0) -> None:
        self.url = url
        self.pause_s = pause_s
        self.traders = [Trader(number) for number in range(traders)]
        self.seen = Seen()
        self._stopping = False

    def stop(self) -> None:
        self._stopping = True

    async def sign_up(self) -> None:
        async with self._client() as client:
            for trader in self.traders:
                person = {"email": f"trader{trader.number}@example.com", "password": PASSWORD}
                answer = await self._ask(client, "POST", "/auth/register", json=person)
                assert answer.status_code == 201, answer.text
                trader.token = answer.json()["access_token"]
                trader.account_id = UUID(answer.json()["user"]["account_id"])

    async def run(self) -> None:
        async with self._client() as client:
            await asyncio.gather(*(self._trade(client, trader) for trader in self.traders))

    def _client(self) -> httpx2.AsyncClient:
        limits = httpx2.Limits(max_connections=64, max_keepalive_connections=64)
        return httpx2.AsyncClient(base_url=f"{self.url}/api/v1", timeout=15, limits=limits)

    async def _trade(self, client: httpx2.AsyncClient, trader: Trader) -> None:
        headers = {"Authorization": f"Bearer {trader.token}"}
        while not self._stopping:
            name = str(new_id())
            order = {
                "symbol": random.choice(SYMBOLS),
                "side": random.choice(("buy", "buy", "sell")),
                "qty": "1",
                "client_order_id": name,
            }
            keyed = headers | {"Idempotency-Key": name}
            began = time.monotonic()
            answer = await self._ask(client, "POST", "/orders", json=order, headers=keyed)
            self.seen.seconds.append(time.monotonic() - began)
            if answer.status_code == 201:
                trader.placed[name] = UUID(answer.json()["id"])
                self.seen.acknowledged += 1
                await self._read_back(client, headers, answer.json()["id"])
            elif answer.status_code == 422:
                self.seen.refused[answer.json()["code"]] += 1
            else:
                self.seen.wrong[f"POST /orders: {answer.status_code} {answer.text[:200]}"] += 1
            if self.pause_s:
                await asyncio.sleep(self.pause_s)

    async def _read_back(self, client: httpx2.AsyncClient, headers: dict[str, str], order_id: str) -> None:
        """A read after one's own write sees it, whichever replica answers."""
        began = time.monotonic()
        answer = await self._ask(client, "GET", "/orders", headers=headers, params={"limit": "50"})
        self.seen.read_seconds.append(time.monotonic() - began)
        if answer.status_code != 200:
            self.seen.wrong[f"GET /orders: {answer.status_code} {answer.text[:200]}"] += 1
        elif order_id not in {order["id"] for order in answer.json()["items"]}:
            self.seen.stale.append(order_id)

    async def _ask(self, client: httpx2.AsyncClient, method: str, path: str, **parts: Any) -> httpx2.Response:
        """The first answer that is one: what fails on the way or by 503 is asked again."""
        give_up = time.monotonic() + GIVE_UP_AFTER_S
        while True:
            try:
                answer = await client.request(method, path, **parts)
            except httpx2.HTTPError as error:
                self.seen.failures[type(error).__name__] += 1
            else:
                if answer.status_code < 500:
                    return answer
                self.seen.failures[str(answer.status_code)] += 1
                if answer.status_code != 503 or "retry-after" not in answer.headers:
                    self.seen.wrong[f"{method} {path}: {answer.status_code} {answer.text[:200]}"] += 1
            if time.monotonic() > give_up:
                raise AssertionError(f"{method} {path}: no answer for {GIVE_UP_AFTER_S} s")
            await asyncio.sleep(AGAIN_AFTER_S)


@contextmanager
def flowing(load: Load) -> Iterator[None]:
    """Order flow for a block. Errors: what ended it before its time."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(load.run())
        except BaseException as error:  # noqa: BLE001 - told when the block ends
            failed.append(error)

    thread = threading.Thread(target=run, name="load", daemon=True)
    thread.start()
    try:
        yield
    finally:
        load.stop()
        thread.join(90)
    if failed:
        raise failed[0]
