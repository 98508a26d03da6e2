"""Database queries that kept answers save, and what a hit costs.

A thousand users ask for portfolio and orders as Zipf has it, one request in twenty places an order; one
process on SQLite, then two on PostgreSQL with Valkey, each request through either. Every answer is compared
with the application's own of the same moment, and whoever wrote looks for the order through the other
process. Then the same load again where nothing is remembered, neither answers nor callers.
Run: PYTHONPATH=src:tests python benchmarks/saved_reads.py [--users N] [--requests N]
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
from cashews import Cache
from prometheus_client import CollectorRegistry

from servers import postgres, valkey
from traderbot.api.app import Api, build_app
from traderbot.bootstrap import Platform
from traderbot.infra.caching.cache import PUBLIC, FunctionCache
from traderbot.infra.limits.valkey import connect
from traderbot.infra.logs import configure_logs
from traderbot.infra.settings import Settings
from traderbot.infra.storage.queries import counted_queries
from users.desk import PASSWORD, weak_passwords

ORDER = msgspec.json.encode(
    {"symbol": "MSFT", "side": "buy", "type": "limit", "qty": "1", "limit_price": "20"}
)
PATHS = ("/api/v1/portfolio", "/api/v1/orders")
WRITES = 0.05
TIMES = 100_000
RATES = dict.fromkeys(("rate_general", "rate_trading", "rate_risk", "rate_address"), "9999999/minute")


async def ask(app: Any, token: str, path: str, body: bytes | None = None) -> tuple[int, bytes, int]:
    """Status, body and the number of statements of one request."""
    parts: list[bytes] = []
    status = 0
    headers = [(b"authorization", f"Bearer {token}".encode()), (b"content-type", b"application/json")]
    if body is not None:
        headers.append((b"content-length", b"%d" % len(body)))
    scope = {
        "type": "http", "http_version": "1.1", "method": "GET" if body is None else "POST", "path": path,
        "raw_path": path.encode(), "query_string": b"", "headers": headers, "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80), "scheme": "http", "root_path": "", "state": {},
    }  # fmt: skip

    async def receive() -> Any:
        return {"type": "http.request", "body": body or b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)
        parts.append(message.get("body", b""))

    with counted_queries() as asked:
        await app(scope, receive, send)
    return status, b"".join(parts), asked.count


@contextmanager
def platforms(shared: bool) -> Iterator[list[Platform]]:
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        settings: dict[str, Any] = {"secret_key": "benchmark" * 5, **RATES}
        if shared:
            settings["database_url"] = running.enter_context(postgres()).url()
            settings["valkey_url"] = f"redis://127.0.0.1:{running.enter_context(valkey()).port}/0"
        opened = []
        for name in ("one", "two") if shared else ("one",):
            platform = Platform.open(Settings(home=folder / name, instance=name, **settings))
            running.callback(platform.close)
            platform.users.passwords = weak_passwords()
            opened.append(platform)
        yield opened


async def load(shared: bool, users: int, requests: int, *, cached: bool) -> dict[str, int]:
    """Play the load. Returns: what was counted."""
    chance = random.Random(1)
    counts = dict.fromkeys(("reads", "queries", "different", "stale", "writes"), 0)
    with platforms(shared) as opened:
        people = [opened[0].users.create_user(f"p{n}@example.com", PASSWORD) for n in range(users)]
        tokens = [opened[0].users.access_tokens.issue(person) for person in people]
        shares = [1 / rank for rank in range(1, users + 1)]
        apps = [build_app(platform) for platform in opened]
        async with AsyncExitStack() as running:
            for app in apps:
                await running.enter_async_context(app.router.lifespan_context(app))
            await asyncio.sleep(0.5)
            for who in chance.choices(range(users), shares, k=requests):
                app: Any = chance.choice(apps)
                if chance.random() < WRITES:
                    status, body, _ = await ask(app, tokens[who], PATHS[1], ORDER)
                    assert status == 201, body
                    _, found, _ = await ask(apps[-1 - apps.index(app)], tokens[who], PATHS[1])
                    counts["writes"] += 1
                    counts["stale"] += msgspec.json.decode(body)["id"].encode() not in found
                    continue
                path = chance.choice(PATHS)
                counts["reads"] += 1
                if cached:
                    await compare(app, tokens[who], path, counts)
                    continue
                opened[apps.index(app)].users.credentials.forget(people[who].id)
                counts["queries"] += (await ask(app.whole, tokens[who], path))[2]
        if cached and not shared:
            await lookups(apps[0], tokens[0], opened[0])
    return counts


async def compare(app: Api, token: str, path: str, counts: dict[str, int]) -> None:
    """One read through the cache, and the application's own beside it."""
    status, body, cost = await ask(app, token, path)
    _, own, _ = await ask(app.whole, token, path)
    assert status == 200, body
    counts["queries"] += cost
    counts["different"] += body != own


async def per_call(call: Callable[[], Awaitable[Any]], times: int) -> float:
    """Nanoseconds of one call."""
    await call()
    began = time.perf_counter_ns()
    for _ in range(times):
        await call()
    return (time.perf_counter_ns() - began) / times


async def lookups(app: Any, token: str, platform: Platform) -> None:
    """What finding a kept answer takes, without what surrounds it in a request."""
    await ask(app, token, PATHS[0])
    reads, account_id = app.state.fast_reads, platform.users.authenticate(token).account_id
    assert account_id is not None
    began = time.perf_counter_ns()
    for _ in range(TIMES):
        kept = reads._kept.get((account_id.int, PATHS[0], b""))
        assert kept.stamp == reads._stamps.known(account_id)
    print(f"a kept answer found and compared   {(time.perf_counter_ns() - began) / TIMES:10,.0f} ns")
    store, functions = Cache(), FunctionCache(CollectorRegistry())
    store.setup("mem://")
    await store.set("key", "value")

    @functions.cached("one", ttl_s=60, tenant=lambda: PUBLIC, key=lambda: 1)
    async def one() -> str:
        return "value"

    print(f"cashews' own get from memory       {await per_call(lambda: store.get('key'), TIMES):10,.0f} ns")
    print(f"a cached function from memory      {await per_call(one, TIMES // 10):10,.0f} ns")
    began = time.perf_counter_ns()
    for _ in range(3000):
        await ask(app, token, PATHS[0])
    print(f"a whole request that hits          {(time.perf_counter_ns() - began) / 3000:10,.0f} ns")
    await functions.close()


async def shared_lookup() -> None:
    """The stamp by one round trip beside redis-py's own GET."""
    with platforms(shared=True) as opened:
        person = opened[0].users.create_user("p@example.com", PASSWORD)
        app: Any = build_app(opened[0])
        async with app.router.lifespan_context(app):
            await asyncio.sleep(0.5)
            stamps, client = app.state.fast_reads._stamps, connect(opened[0].settings.valkey_url or "")
            rounds = []
            for _ in range(5):
                ours = await per_call(lambda: stamps.find(person.account_id), 2000)
                rounds.append((ours, await per_call(lambda: client.get("traderbot:head"), 2000)))
            ours, theirs = sorted(rounds, key=lambda pair: pair[0] / pair[1])[2]
            print(
                f"a shared stamp, one round trip     {ours:10,.0f} ns: {ours / theirs:.2f} of redis-py's GET"
            )
            await client.aclose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=20_000)
    options = parser.parse_args()
    configure_logs("warning", "console")
    for shared, words in ((False, "one process, SQLite"), (True, "two, PostgreSQL and Valkey")):
        got = asyncio.run(load(shared, options.users, options.requests, cached=True))
        without = asyncio.run(load(shared, options.users, options.requests, cached=False))["queries"]
        print(
            f"{words}: {got['reads']:,} reads, {got['writes']:,} writes; database queries with the cache"
            f" {got['queries']:,}, without {without:,}, saved {1 - got['queries'] / without:.1%};"
            f" different answers {got['different']}, stale {got['stale']}"
        )
    asyncio.run(shared_lookup())


if __name__ == "__main__":
    main()
