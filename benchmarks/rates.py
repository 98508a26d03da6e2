"""Rate limits: what of a policy several processes on one Valkey admit together, and what counting costs.

python benchmarks/rates.py [--seconds 6] [--peer PYTHON]. Prints the share of each policy that 8 processes
admitted, each of them asking more than its part, then microseconds a request of this process's own limits,
beside slowapi's in the same run where --peer names the interpreter of an environment that holds it.
"""

import argparse
import asyncio
import json
import multiprocessing as mp
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from servers import valkey
from traderbot.api.client_address import ClientAddresses
from traderbot.api.rate_limits import RateLimited, RateLimits
from traderbot.infra.ids import new_id
from traderbot.infra.limits.rates import (
    SECOND,
    Ask,
    MemoryRates,
    Policy,
    admitted,
    policy,
)
from traderbot.infra.limits.shared_rates import SharedRates
from traderbot.infra.limits.valkey import connect
from traderbot.infra.settings import Settings
from traderbot.users.people import Principal
from traderbot.users.rates import RateBook

PROCESSES = 8
SLOWAPI_US = 36.0  # the least that slowapi was measured to add to a request on such a machine, one limit
POLICIES = (
    Policy("100/minute as a window, in 6 s", 100, 6 * SECOND, "window"),
    Policy("100/minute as a bucket, in 6 s", 100, 6 * SECOND, "bucket", 10),
    Policy("500/s window", 500, SECOND, "window"),
    Policy("1,000/s", 1000, SECOND),
    Policy("5,000/s", 5000, SECOND),
    Policy("300,000/minute", 300_000, 60 * SECOND, "bucket", 20_000),
)


def taker(port: int, number: int, asked: Policy, seconds: float, start: Any, found: Any) -> None:
    """One process: asks for twice its part."""
    found.put((number, *asyncio.run(_take(port, number, asked, seconds, start))))


async def _take(
    port: int, number: int, asked: Policy, seconds: float, start: Any
) -> tuple[int, int, int, int]:
    rates = SharedRates(connect(f"redis://127.0.0.1:{port}/0", timeout_s=0.2), f"process-{number}")
    life = asyncio.create_task(rates.run())
    ask = (Ask(asked, "user:123"),)
    every = asked.period / asked.quota / SECOND * PROCESSES / 2
    allowed = asked_for = alone = 0
    await asyncio.sleep(0)
    await asyncio.to_thread(start.wait)
    until = time.monotonic() + seconds
    following = time.monotonic() + every * number / PROCESSES
    while (now := time.monotonic()) < until:
        if now < following:
            await asyncio.sleep(following - now)
            continue
        following = max(following + every, now - 0.05)
        alone += rates.breaker.open
        asked_for += 1
        allowed += admitted(await rates.take(ask))
    life.cancel()
    await asyncio.wait([life])
    return allowed, asked_for, rates.round_trips, alone


def shares(seconds: float) -> bool:
    """Whether all policies came out between 97% and 101%."""
    print(f"{PROCESSES} processes on one Valkey, {seconds:g} s each, asking for twice the policy\n")
    print(f"{'policy':32} {'admitted':>9} {'allowed':>9} {'share':>7} {'asked':>8} {'trips':>8} {'alone':>6}")
    good = True
    with valkey() as server:
        for asked in POLICIES:
            context = mp.get_context("fork")
            start, found = context.Barrier(PROCESSES + 1), context.Queue()
            takers = [
                context.Process(target=taker, args=(server.port, number, asked, seconds, start, found))
                for number in range(PROCESSES)
            ]
            for one in takers:
                one.start()
            start.wait()
            results = [found.get() for _ in takers]
            for one in takers:
                one.join()
            total, tried, trips, alone = (sum(column) for column in list(zip(*results, strict=True))[1:])
            most = asked.quota * seconds * SECOND / asked.period
            most += asked.burst if asked.algorithm == "bucket" else 0
            share = total / most
            good = good and 0.97 <= share <= 1.01
            print(
                f"{asked.name:32} {total:9,} {most:9,.0f} {share:7.1%} {tried:8,} {trips:8,} {alone:6,}",
                flush=True,
            )
    return good


def timed(work: Callable[[], object], times: int) -> float:
    """Microseconds of this process's own time for one, the least of five rounds."""
    rounds = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(times):
            work()
        rounds.append((time.process_time() - began) / times)
    return min(rounds) * 1e6


def slowapi_us(peer: str | None) -> float:
    """The least that slowapi adds to a request."""
    if peer is None:
        return SLOWAPI_US
    script = Path(__file__).with_name("slowapi_peer.py")
    said = subprocess.run([peer, str(script)], capture_output=True, text=True, check=True).stdout
    added: dict[str, float] = json.loads(said)
    for name, cost in added.items():
        print(f"{f'slowapi, {name}, two limits':45} {cost:7.2f}")
    return min(added.values())


def costs(peer: str | None) -> bool:
    """Whether the limits cost at most a fifth of slowapi."""
    rates = MemoryRates()
    names = ("general", "trading", "address")
    buckets = tuple(Ask(policy(name, "9999999/minute"), "user:123") for name in names)
    windows = tuple(Ask(policy(name, "500/second"), f"user:{name}") for name in names)
    bucket: dict[str, list[float]] = {}

    def plain() -> bool:
        now = time.monotonic()
        entry = bucket.setdefault("user:123", [1e6, now])
        tokens = min(1e6, entry[0] + (now - entry[1]) * 1e6)
        entry[0], entry[1] = tokens - 1, now
        return tokens >= 1

    print("\nmicroseconds of processor time, this process's own limits\n")
    for name, work in (
        ("a plain bucket of floats, one", plain),
        ("take, one bucket", lambda: rates.take(buckets[:1])),
        ("take, three buckets", lambda: rates.take(buckets)),
        ("take, three windows (mostly full)", lambda: rates.take(windows)),
    ):
        print(f"{name:45} {timed(work, 20_000):7.2f}")
    bare, limited = asyncio.run(_requests())
    print(f"{'a request through the middleware, limits only':45} {limited - bare:7.2f}")
    fifth = slowapi_us(peer) / 5
    print(f"{'a fifth of what slowapi adds at least':45} {fifth:7.2f}")
    return limited - bare <= fifth


class _Known:
    """Somebody who is known already, so that only the limits are measured."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal

    def authenticate_in_memory(self, _credential: str) -> Principal:
        return self._principal


async def _requests() -> tuple[float, float]:
    principal = Principal(new_id(), new_id(), "trader", "token")
    rates = dict.fromkeys(("rate_general", "rate_trading", "rate_risk", "rate_address"), "9999999/minute")
    limits = RateLimits(
        _Known(principal),  # type: ignore[arg-type]
        RateBook(Settings(**rates)),  # type: ignore[arg-type]
        MemoryRates(),
        addresses=ClientAddresses(),
    )

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(_message: Any) -> None:
        pass

    headers = [(b"host", b"desk"), (b"authorization", b"Bearer token"), (b"accept", b"*/*")]

    async def measured(called: Callable[..., Awaitable[None]]) -> float:
        rounds = []
        for _ in range(5):
            began = time.process_time()
            for _ in range(20_000):
                scope = {"type": "http", "method": "GET", "path": "/api/v1/portfolio", "headers": headers}
                scope |= {"client": ("127.0.0.1", 1), "state": {"address": "127.0.0.1"}}
                await called(scope, None, send)
            rounds.append((time.process_time() - began) / 20_000)
        return min(rounds) * 1e6

    return await measured(app), await measured(RateLimited(app, limits))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--peer")
    options = parser.parse_args()
    within = shares(options.seconds)
    cheap = costs(options.peer)
    print(
        f"\nadmitted within 97% to 101%: {'yes' if within else 'NO'}; cost: {'kept' if cheap else 'NOT KEPT'}"
    )
    return 0 if within and cheap else 1


if __name__ == "__main__":
    sys.exit(main())
