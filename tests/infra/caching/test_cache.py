"""Cached functions: once for many, apart by tenant, ended by events, and at work without Valkey."""

import asyncio
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from servers import Program, valkey
from traderbot.infra.caching.cache import PREFIX, PUBLIC, FunctionCache
from traderbot.infra.events.journal import Meta, Recorded
from traderbot.infra.ids import new_id
from traderbot.model.errors import InvalidValue, NotFound
from traderbot.model.events import PreferencesChanged

pytestmark = pytest.mark.integration


class Source:
    """Something dear that counts how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    def read(self, user: str, what: int) -> list[object]:
        self.calls += 1
        return [user, what, self.calls]

    def on(self, cache: FunctionCache, **changed: object) -> object:
        how = {"ttl_s": 60, "tenant": lambda user, _what: user, "key": lambda _user, what: what}
        return cache.cached("quotes", **{**how, **changed})(self.read)  # type: ignore[arg-type]


def made(url: str | None = None) -> FunctionCache:
    return FunctionCache(CollectorRegistry(), url)


@pytest.fixture
def server() -> Iterator[Program]:
    with valkey() as program:
        yield program


def url_of(server: Program) -> str:
    return f"redis://127.0.0.1:{server.port}/0"


async def until(condition: object) -> None:
    """Wait for something that another connection does."""
    for _ in range(1000):
        if await condition():  # type: ignore[operator]
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come about")


def test_fifty_who_ask_at_once_cost_one_call() -> None:
    async def run() -> None:
        cache, source = made(), Source()
        read = source.on(cache)
        found = await asyncio.gather(*(read("ada", 1) for _ in range(50)))  # type: ignore[operator]
        assert source.calls == 1
        assert all(one == ["ada", 1, 1] for one in found)
        assert (cache.entries["quotes"].hits, cache.entries["quotes"].misses) == (49, 1)

    asyncio.run(run())


def test_tenants_are_apart_and_nobody_is_no_tenant() -> None:
    async def run() -> None:
        source = Source()
        read = source.on(made())
        assert (await read("ada", 1))[0] == "ada"  # type: ignore[operator]
        assert (await read("bob", 1))[0] == "bob"  # type: ignore[operator]
        with pytest.raises(InvalidValue, match="tenant"):
            await read("", 1)  # type: ignore[operator]

    asyncio.run(run())


def test_an_event_ends_what_it_changes() -> None:
    async def run() -> None:
        cache, source = made(), Source()
        read = source.on(cache, ends_with=["PreferencesChanged"])
        await read("ada", 1)  # type: ignore[operator]
        event = Recorded(1, "user:x", 1, PreferencesChanged(new_id()), Meta("system"), 0)
        cache.heard([event])
        assert (await read("ada", 1))[2] == 2  # type: ignore[operator]
        assert await cache.clear("quotes") == ["quotes"]
        assert (await read("ada", 1))[2] == 3  # type: ignore[operator]
        with pytest.raises(NotFound):
            await cache.clear("nothing")

    asyncio.run(run())


def test_a_value_that_was_dropped_elsewhere_is_not_served_from_memory(server: Program) -> None:
    async def run() -> None:
        one, other = made(url_of(server)), made(url_of(server))
        first, second = Source(), Source()
        read, read_too = first.on(one, tenant=lambda *_: PUBLIC), second.on(other, tenant=lambda *_: PUBLIC)
        shared = 1
        while True:  # a machine that is busy may take a server for gone, and then each works it out
            await read("x", shared)  # type: ignore[operator]
            before = second.calls
            await read_too("x", shared)  # type: ignore[operator]
            if second.calls == before:
                break
            shared += 1
            assert shared < 20
            await asyncio.sleep(1)
        worked_out = first.calls
        await asyncio.sleep(5.1)  # cashews overlooks what it wrote itself for five seconds
        await other.clear("quotes")

        async def fresh() -> bool:
            await read("x", shared)  # type: ignore[operator]
            return first.calls > worked_out

        await until(fresh)
        await one.close()
        await other.close()

    asyncio.run(run())


def test_without_valkey_memory_serves_and_with_it_again_nothing_old(server: Program) -> None:
    async def run() -> None:
        cache, source = made(url_of(server)), Source()
        read = source.on(cache)
        await read("ada", 1)  # type: ignore[operator]
        server.kill()
        before = source.calls
        for _ in range(20):
            assert (await read("ada", 1))[0] == "ada"  # type: ignore[operator]
        assert source.calls <= before + 2
        server.start()
        cache._gone_until = 0.0

        async def fresh() -> bool:
            return bool((await read("ada", 1))[2] > 1)  # type: ignore[operator]

        await until(fresh)
        await cache.close()

    asyncio.run(run())


def test_nothing_is_pickled(server: Program) -> None:
    async def run() -> None:
        import redis.asyncio

        cache, source = made(url_of(server)), Source()
        await source.on(cache)("ada", 1)  # type: ignore[operator]
        client = redis.asyncio.Redis(port=server.port)
        values = [await client.get(key) for key in await client.keys(f"{PREFIX}quotes:*")]
        assert len(values) == 1
        assert b'["ada",1,1]' in values[0].replace(b'\\"', b'"')
        await client.aclose()
        await cache.close()

    asyncio.run(run())
