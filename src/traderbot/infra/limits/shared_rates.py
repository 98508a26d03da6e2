"""Rate limits of all processes together, kept in Valkey: one script call a request, a local share without it.

Windows and low rates ask the server each time. A bucket with a high rate is taken from in small leases: each
process holds tokens that it has taken already, all processes together at most a hundredth of the quota.
"""

import asyncio
import concurrent.futures
import contextlib
import os
import socket
from collections import OrderedDict
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from traderbot.infra.limits.rate_script import script
from traderbot.infra.limits.rates import (
    SECOND,
    Ask,
    Asks,
    Decision,
    Decisions,
    MemoryRates,
    Policy,
    admitted,
    check_cost,
    monotonic,
)
from traderbot.infra.limits.valkey import TIMEOUT_S, Breaker, connect, failures
from traderbot.infra.settings import Settings

if TYPE_CHECKING:
    from redis.asyncio import Redis

T = TypeVar("T")
PREFIX = "traderbot:rate:"
_BEAT_S = 1.0
_ALIVE_US = 5 * SECOND
_LEASED_SHARE = 100  # of the quota, what all processes together may hold unused
_LEASE_KEPT_US = SECOND
_LEASES_MAX = 10_000
_FROM_THREAD_S = 1.0
_SLICES = 3
_BEAT = """
local t = redis.call('TIME') local now = t[1] * 1000000 + t[2]
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
return redis.call('ZCARD', KEYS[1])
"""
Mode = Literal["take", "peek", "back"]


@dataclass(slots=True)
class _Lease:
    """Tokens that this process has taken for a key and not used. left, reset_us: as the server said last."""

    tokens: int = 0
    since: int = 0
    left: int = 0
    reset_us: int = 0
    refused_until: int = 0
    filling: bool = False


class SharedRates:
    """The limits of all processes on one Valkey, for one event loop; `alone` without it, for any thread.

    instance: this process's name among them. When the server cannot be asked, each process admits its share,
    less what it has admitted already: the limit divided by the processes alive when it last answered.
    """

    def __init__(
        self,
        client: "Redis",
        instance: str,
        *,
        prefix: str = PREFIX,
        text: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._client = client
        self._instance = instance
        self._prefix = prefix
        self._script = client.register_script(text or script())
        self._beat = client.register_script(_BEAT)
        self._timeout_s = timeout_s
        self._failures = failures()
        self.breaker = Breaker("rate limits")
        self.processes = 1
        self.round_trips = 0
        self._local = MemoryRates()
        self._shares: dict[tuple[str, int], Policy] = {}
        self._leases: OrderedDict[tuple[str, str], _Lease] = OrderedDict()
        self._probing: asyncio.Task[None] | None = None
        self.loop: asyncio.AbstractEventLoop | None = None

    async def take(self, asks: Asks, cost: int = 1) -> Decisions:
        """Take from all of these limits, or from none where one refuses: at most one round trip."""
        if self.breaker.open:
            self._probe_when_due()
            return self.alone(asks, cost)
        leases = [self._lease(ask) if cost == 1 else None for ask in asks]
        if any(leases):
            return await self._take_with_leases(asks, leases)
        return await self._asked(asks, cost)

    async def peek(self, asks: Asks) -> Decisions:
        """What each limit would say to one more; takes nothing."""
        if not self.breaker.open:
            try:
                return _decisions(asks, await self._call("peek", asks, 1))
            except self._failures as error:
                self.breaker.failed(error)
        return self._local.peek(self._shared_out(asks))

    async def give_back(self, asks: Asks, cost: int = 1) -> None:
        """Take nothing after all."""
        if not self.breaker.open:
            try:
                await self._call("back", asks, 0, [cost] * len(asks))
            except self._failures as error:
                self.breaker.failed(error)
            else:
                return
        self._local.give_back(self._shared_out(asks), cost)

    async def reset(self, asks: Asks) -> None:
        """Forget what these keys have taken, for all processes."""
        for ask in asks:
            self._leases.pop((ask.policy.spelled, ask.key), None)
        self._local.reset(self._shared_out(asks))
        try:
            await self._within(self._client.delete(*[self._name(ask) for ask in asks]))
        except self._failures as error:
            self.breaker.failed(error)

    def alone(self, asks: Asks, cost: int = 1) -> Decisions:
        """Take from this process's share of the limits."""
        shared = self._shared_out(asks)
        return self._local.take(shared, min([cost, *[ask.policy.most for ask in shared]]))

    async def run(self) -> None:
        """Say once a second that this process is alive, and count those that are, until cancelled."""
        self.loop = asyncio.get_running_loop()
        try:
            while True:
                await self._heartbeat()
                await asyncio.sleep(_BEAT_S)
        finally:
            self.loop = None
            await self.leave()

    async def leave(self) -> None:
        """No longer count as alive, and close the connections."""
        with contextlib.suppress(*self._failures):  # it will be forgotten soon
            await self._within(self._client.zrem(f"{self._prefix}processes", self._instance))
        await self._client.aclose()

    async def _heartbeat(self) -> None:
        try:
            alive = await self._within(
                self._beat(keys=[f"{self._prefix}processes"], args=[self._instance, _ALIVE_US])
            )
        except self._failures as error:
            self.breaker.failed(error)
        else:
            self.processes = max(int(alive), 1)
            self.breaker.answered()

    def _probe_when_due(self) -> None:
        if self.breaker.probe_due():
            self._probing = asyncio.get_running_loop().create_task(self._heartbeat())

    async def _asked(self, asks: Asks, cost: int, extra: Sequence[int] = ()) -> Decisions:
        try:
            decisions = _decisions(asks, await self._call("take", asks, cost, extra))
        except self._failures as error:
            self.breaker.failed(error)
            return self.alone(asks, cost)
        if admitted(decisions):
            self._count_here(asks, cost)
        return decisions

    def _count_here(self, asks: Asks, cost: int) -> None:
        """Count what was admitted under this process's share too: losing the server grants nothing."""
        for ask in self._shared_out(asks):
            self._local.take((ask,), min(cost, ask.policy.most))

    async def _call(self, mode: Mode, asks: Asks, cost: int, extra: Sequence[int] = ()) -> list[int]:
        """The script's answer: remaining, microseconds to reset and to wait, and what was taken besides."""
        arguments: list[Any] = [mode]
        for number, (policy, _) in enumerate(asks):
            window = policy.algorithm == "window"
            arguments += (
                "w" if window else "b",
                policy.unit,
                policy.rate,
                policy.quota if window else policy.cap,
                policy.period,
                cost,
                extra[number] if extra else 0,
            )
        self.round_trips += 1
        keys = [self._name(ask) for ask in asks]
        answer: list[int] = await self._within(self._script(keys=keys, args=arguments))
        return answer

    async def _within(self, call: Awaitable[T]) -> T:
        """What the server answers in time. Errors: TimeoutError, and those of `failures`.

        The time is waited for in slices, so that a process which was itself held up sees the answer that has
        come meanwhile.
        """
        asked = asyncio.ensure_future(call)
        try:
            for _ in range(_SLICES):
                await asyncio.wait((asked,), timeout=self._timeout_s / _SLICES)
                if asked.done():
                    return asked.result()
            raise TimeoutError
        finally:
            asked.cancel()

    def _name(self, ask: Ask) -> str:
        return f"{self._prefix}{ask.policy.spelled}:{ask.key}"

    def _shared_out(self, asks: Asks) -> list[Ask]:
        shared = []
        for policy, key in asks:
            wanted = (policy.spelled, self.processes)
            share = self._shares.get(wanted)
            if share is None or share.quota != max(policy.quota // self.processes, 1):
                share = self._shares[wanted] = policy.share(self.processes)
            shared.append(Ask(share, key))
        return shared

    # Leases

    def _size(self, policy: Policy) -> int:
        if policy.algorithm == "window":
            return 1
        return min(policy.quota, policy.burst) // (_LEASED_SHARE * self.processes)

    def _lease(self, ask: Ask) -> _Lease | None:
        if self._size(ask.policy) < 2:
            return None
        named = (ask.policy.spelled, ask.key)
        lease = self._leases.get(named)
        if lease is None:
            lease = self._leases[named] = _Lease()
            while len(self._leases) > _LEASES_MAX:
                self._leases.popitem(last=False)
        else:
            self._leases.move_to_end(named)
        return lease

    async def _take_with_leases(self, asks: Asks, leases: Sequence[_Lease | None]) -> Decisions:
        now = monotonic()
        answers: dict[int, Decision] = {}
        left: list[int] = []
        for number, lease in enumerate(leases):
            if lease is not None and now - lease.since > _LEASE_KEPT_US:
                lease.tokens = 0
            if lease is not None and lease.tokens > 0:
                lease.tokens -= 1
                limit = asks[number].policy.burst
                answers[number] = Decision(True, limit, lease.left + lease.tokens, lease.reset_us, 0)
            elif lease is not None and len(asks) == 1 and lease.refused_until > now:
                wait = lease.refused_until - now
                return [Decision(False, asks[0].policy.burst, 0, max(lease.reset_us, wait), wait)]
            else:
                left.append(number)
        if left:
            found = await self._fill([asks[number] for number in left], [leases[number] for number in left])
            answers.update(zip(left, found, strict=True))
            if not all(one.allowed for one in found):
                for number, lease in enumerate(leases):
                    if lease is not None and number not in left:
                        lease.tokens += 1
        return [answers[number] for number in range(len(asks))]

    async def _fill(self, asks: Asks, leases: Sequence[_Lease | None]) -> Decisions:
        """Ask the server, and for each lease for more than this request needs; one request at a time does."""
        filling = [lease for lease in leases if lease is not None and not lease.filling]
        extra = [
            self._size(ask.policy) - 1 if any(lease is one for one in filling) else 0
            for ask, lease in zip(asks, leases, strict=True)
        ]
        for lease in filling:
            lease.filling = True
        try:
            answer = await self._call("take", asks, 1, extra)
        except self._failures as error:
            self.breaker.failed(error)
            return self.alone(asks)
        finally:
            for lease in filling:
                lease.filling = False
        decisions, now = _decisions(asks, answer), monotonic()
        for number, (held, decision) in enumerate(zip(leases, decisions, strict=True)):
            if held is not None:
                held.left, held.reset_us = decision.remaining, decision.reset_us
                held.refused_until = now + decision.retry_us
                more = answer[4 * number + 3]
                held.tokens += more
                held.since = now
                if more:
                    self._count_here(asks[number : number + 1], more)
        if admitted(decisions):
            self._count_here(asks, 1)
        return decisions


class RatesFromThreads:
    """The shared limits for worker threads, which may wait."""

    def __init__(self, shared: SharedRates) -> None:
        self._shared = shared

    def take(self, asks: Asks, cost: int = 1) -> Decisions:
        """As `SharedRates.take`; alone while no event loop serves it."""
        loop = self._shared.loop
        if loop is None or not loop.is_running():
            return self._shared.alone(asks, cost)
        asked = asyncio.run_coroutine_threadsafe(self._shared.take(asks, cost), loop)
        try:
            return asked.result(_FROM_THREAD_S)
        except (TimeoutError, concurrent.futures.CancelledError):
            asked.cancel()
            return self._shared.alone(asks, cost)

    def give_back(self, asks: Asks, cost: int = 1) -> None:
        """As `SharedRates.give_back`, without waiting for it."""
        loop = self._shared.loop
        if loop is not None and loop.is_running():
            asyncio.run_coroutine_threadsafe(self._shared.give_back(asks, cost), loop)


def open_rates(settings: Settings) -> MemoryRates | SharedRates:
    """Where rates are counted: in Valkey for all processes, or in this one. Errors: ConfigurationError."""
    if settings.valkey_url is None:
        return MemoryRates()
    instance = settings.instance or f"{socket.gethostname()}:{os.getpid()}"
    return SharedRates(connect(settings.valkey_url, timeout_s=4 * TIMEOUT_S), instance)


def from_threads(rates: MemoryRates | SharedRates) -> MemoryRates | RatesFromThreads:
    """The same limits for code in worker threads."""
    return rates if isinstance(rates, MemoryRates) else RatesFromThreads(rates)


class SharedLimiter:
    """One policy over any keys, in all processes together.

    (await limiter.take("user:123")).allowed, await limiter.remaining("user:123").
    """

    def __init__(self, policy: Policy, rates: SharedRates) -> None:
        self.policy = policy
        self._rates = rates

    async def take(self, key: str, cost: int = 1) -> Decision:
        """Take, or be refused and take nothing. Errors: InvalidValue for a cost beyond the policy."""
        asks = (Ask(self.policy, key),)
        check_cost(asks, cost)
        return (await self._rates.take(asks, cost))[0]

    async def peek(self, key: str) -> Decision:
        """What one more would be answered; takes nothing."""
        return (await self._rates.peek((Ask(self.policy, key),)))[0]

    async def remaining(self, key: str) -> int:
        """How much can be taken now."""
        return (await self.peek(key)).remaining

    async def give_back(self, key: str, cost: int = 1) -> None:
        """Take nothing after all."""
        await self._rates.give_back((Ask(self.policy, key),), cost)

    async def reset(self, key: str) -> None:
        """Forget what the key has taken."""
        await self._rates.reset((Ask(self.policy, key),))


def _decisions(asks: Asks, answer: Sequence[int]) -> Decisions:
    decisions = []
    for number, ask in enumerate(asks):
        remaining, reset, wait, _ = answer[4 * number : 4 * number + 4]
        decisions.append(Decision(not wait, ask.policy.burst, remaining, reset, wait))
    return decisions
