"""Rate limits in Valkey, by a real server: as in memory, together with other processes, and without it."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

import pytest

from infra.rates_contract import RatesContract, Stand
from servers import Program, valkey
from traderbot.infra.limits.rate_script import script
from traderbot.infra.limits.rates import SECOND, Ask, Decision, Policy, admitted, policy
from traderbot.infra.limits.shared_rates import RatesFromThreads, SharedLimiter, SharedRates
from traderbot.infra.limits.valkey import connect

pytestmark = pytest.mark.integration
T = TypeVar("T")
_BY_HAND = "local now = tonumber(redis.call('GET', 'clock'))"
_PATIENT = 10.0


@pytest.fixture(scope="module")
def server() -> Iterator[Program]:
    with valkey() as running:
        yield running


def rates_on(server: Program, instance: str = "a", **more: Any) -> SharedRates:
    arguments = {"timeout_s": _PATIENT, **more}
    client = connect(f"redis://127.0.0.1:{server.port}/0", timeout_s=arguments["timeout_s"])
    return SharedRates(client, instance, **arguments)


class _Valkey(Stand):
    """Two processes' stores on one server, asked in turn."""

    def __init__(self, server: Program, runner: asyncio.Runner) -> None:
        self._runner = runner
        self.clients = [rates_on(server, name, text=script(_BY_HAND)) for name in "ab"]
        self.run(self.clients[0]._client.flushall())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def next(self) -> SharedRates:
        self.clients.reverse()
        return self.clients[0]

    def set_clock(self, now: int) -> None:
        self.run(self.next()._client.set("clock", now))

    def take(self, asks: Sequence[Ask], cost: int = 1) -> list[Decision]:
        return self.run(self.next().take(asks, cost))

    def peek(self, asks: Sequence[Ask]) -> list[Decision]:
        return self.run(self.next().peek(asks))

    def give_back(self, asks: Sequence[Ask], cost: int = 1) -> None:
        self.run(self.next().give_back(asks, cost))

    def reset(self, asks: Sequence[Ask]) -> None:
        self.run(self.next().reset(asks))

    def take_at_once(self, asks: Sequence[Ask], takers: int) -> list[bool]:
        async def all_of_them() -> list[bool]:
            found = await asyncio.gather(*[self.next().take(asks) for _ in range(takers)])
            return [admitted(one) for one in found]

        return self.run(all_of_them())

    def close(self) -> None:
        for one in self.clients:
            self.run(one._client.aclose())


class TestSharedRates(RatesContract):
    @pytest.fixture
    def make(self, server: Program) -> Iterator[Callable[[], AbstractContextManager[Stand]]]:
        with asyncio.Runner() as runner:
            stand = _Valkey(server, runner)

            @contextmanager
            def opened() -> Iterator[Stand]:
                runner.run(stand.clients[0]._client.flushall())
                yield stand

            yield opened
            stand.close()


def test_a_limiter_tells_what_remains_in_all_processes(server: Program) -> None:
    async def check() -> None:
        one, other = (SharedLimiter(policy("told", "100/minute"), rates_on(server, name)) for name in "ab")
        assert (await one.take("user:123", cost=40)).allowed
        assert await other.remaining("user:123") == 60
        await other.give_back("user:123", 10)
        assert await one.remaining("user:123") == 70
        await other.reset("user:123")
        assert await one.remaining("user:123") == 100

    asyncio.run(check())


def test_every_request_is_one_round_trip_at_most(server: Program) -> None:
    async def check() -> None:
        rates = rates_on(server)
        asks = tuple(
            Ask(policy(name, rate), "trip") for name, rate in (("x", "9/minute"), ("y", "9000/minute"))
        )
        for number in range(12):
            await rates.take(asks)
            assert rates.round_trips == number + 1

    asyncio.run(check())


def test_leases_never_admit_more_than_the_bucket_holds(server: Program) -> None:
    """Tokens in a lease are taken before they are used; those of a process that is gone are lost."""

    async def check() -> None:
        clients = [rates_on(server, name) for name in "abcd"]
        leased = Policy("leased", 2000, 86_400 * SECOND)
        answers: list[list[Decision]] = []
        for _ in range(700):
            answers += await asyncio.gather(*[one.take((Ask(leased, "u"),)) for one in clients])
        assert 1980 <= sum(map(admitted, answers)) <= 2000
        assert sum(one.round_trips for one in clients) < 1000

    asyncio.run(check())


def test_a_refusal_elsewhere_gives_the_leased_token_back(server: Program) -> None:
    async def check() -> None:
        rates = rates_on(server)
        leased, tight = Policy("l2", 1000, 86_400 * SECOND), Policy("t2", 3, 3600 * SECOND, "window")
        for _ in range(20):
            await rates.take((Ask(leased, "u"), Ask(tight, "u")))
        lease = rates._leases[leased.spelled, "u"]
        assert (await rates.peek((Ask(leased, "u"),)))[0].remaining + lease.tokens == 997

    asyncio.run(check())


def test_without_the_server_each_process_admits_its_share(server: Program) -> None:
    async def check() -> None:
        with valkey() as own:
            several = [rates_on(own, name, timeout_s=0.2) for name in "abcd"]
            for one in [*several, *several]:
                await one._heartbeat()
            assert [one.processes for one in several] == [4] * 4
            own.kill()
            limited = Policy("general", 20, 3600 * SECOND, "window")
            found = [[admitted(await one.take((Ask(limited, "u"),))) for _ in range(8)] for one in several]
            assert found == [[True] * 5 + [False] * 3] * 4
            own.start()
            for one in several:
                await one._heartbeat()
                assert not one.breaker.open
            assert sum([admitted(await several[0].take((Ask(limited, "u"),))) for _ in range(30)]) == 20

    asyncio.run(check())


def test_a_frozen_server_is_waited_for_once_and_taken_up_again(server: Program) -> None:
    async def check() -> None:
        with valkey() as own:
            rates = rates_on(own, timeout_s=0.1)
            ask = (Ask(Policy("general", 50, 3600 * SECOND, "window"), "u"),)
            assert admitted(await rates.take(ask))
            os.kill(own.process.pid, signal.SIGSTOP)
            try:
                assert admitted(await rates.take(ask))
                asked = rates.round_trips
                assert sum([admitted(await rates.take(ask)) for _ in range(200)]) == 48
                assert rates.round_trips == asked
            finally:
                os.kill(own.process.pid, signal.SIGCONT)
            while rates.breaker.open:
                await rates.take(ask)  # asks again by itself, in the background
                await asyncio.sleep(0.05)
            assert (await rates.peek(ask))[0].remaining >= 47

    asyncio.run(check())


def test_a_flushed_server_is_no_error(server: Program) -> None:
    async def check() -> None:
        rates = rates_on(server)
        ask = (Ask(policy("flushed", "5/hour"), "u"),)
        for _ in range(3):
            await rates._client.flushall()
            await rates._client.script_flush()
            assert (await rates.take(ask))[0].remaining == 4
        assert not rates.breaker.open

    asyncio.run(check())


def test_a_process_that_leaves_is_no_longer_counted(server: Program) -> None:
    async def check() -> None:
        stays, leaves = rates_on(server, "stays"), rates_on(server, "leaves")
        await stays._client.flushall()
        life = asyncio.create_task(leaves.run())
        while leaves.loop is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await leaves._heartbeat()
        await stays._heartbeat()
        assert stays.processes == 2
        life.cancel()
        await asyncio.wait([life])
        await stays._heartbeat()
        assert stays.processes == 1

    asyncio.run(check())


def test_worker_threads_count_with_the_others(server: Program) -> None:
    rates = rates_on(server)
    limited = (Ask(policy("threads", "4/hour"), "u"),)
    threads = RatesFromThreads(rates)
    assert threads.take(limited)[0].remaining == 3  # nobody serves it yet: its own share
    ready, done = threading.Event(), threading.Event()

    async def serve() -> None:
        await rates._client.flushall()
        life = asyncio.create_task(rates.run())
        while rates.loop is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        ready.set()
        while not done.is_set():  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0.01)
        life.cancel()
        await asyncio.wait([life])

    loop = threading.Thread(target=lambda: asyncio.run(serve()))
    loop.start()
    try:
        ready.wait(10)
        assert [threads.take(limited)[0].allowed for _ in range(5)] == [True] * 4 + [False]
        threads.give_back(limited)
        while rates.loop is not None and not threads.take(limited)[0].allowed:
            pass
    finally:
        done.set()
        loop.join()
