"""Kill, cut, wipe and shift every part of a running cluster in turn under order flow, and look for what was
lost, doubled or skipped. Run: python -m cluster.faults ROUNDS
"""

import asyncio
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
import redis
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from cluster.checks import handled_once, look
from cluster.load import Load
from cluster.stack import Stack, stack
from cluster.wire import until
from traderbot.infra.database import Database
from traderbot.trading import tables as t

TRADERS = 6
RESUMED_WITHIN_S = 15
CAUGHT_UP_WITHIN_S = 60
PAUSE_S = 2.0


@dataclass
class Round:
    """What came of one fault. flow_s, step_s: until the next order was acknowledged, the next step played."""

    number: int
    fault: str
    flow_s: float
    step_s: float


class Faults:
    """The faults, each a method that does its worst and then lets the stack recover."""

    def __init__(self, cluster: Stack, load: Load, database: Database) -> None:
        self._cluster = cluster
        self._load = load
        self._database = database
        self.wrong: list[str] = []
        self.all: dict[str, Callable[[], None]] = {
            "kill -9 of an API replica": lambda: self._kill(random.choice(("replica-1", "replica-2"))),
            "kill -9 of the worker that plays": lambda: self._kill(self.player()),
            "kill -9 of the relay": lambda: self._kill("relay"),
            "kill -9 of Valkey": self._valkey,
            "kill -9 of NATS": self._nats,
            "PostgreSQL stopped at once": self._postgres,
            "kill -9 of the idle worker": lambda: self._kill(self.idle()),
            "NATS' store wiped": self._wipe,
            "Valkey flushed": self._flush,
            "Valkey slow, then cut off": self._slow,
            "a halt through one replica": self._halt,
            "clocks an hour on, then back": self._jump,
        }

    def step(self) -> int:
        """The last step on record, as far as the database can be read."""
        with self._database.read() as connection:
            found: int | None = connection.execute(sa.select(sa.func.max(t.market_sessions.c.step))).scalar()
        return -1 if found is None else found

    def player(self) -> str:
        """The worker that holds the session."""
        holder = sa.text("SELECT holder FROM leases WHERE name LIKE 'session:%'")
        with self._database.read() as connection:
            found = str(connection.execute(holder).scalar())
        return "worker-2" if "worker-2" in found else "worker-1"

    def idle(self) -> str:
        return "worker-1" if self.player() == "worker-2" else "worker-2"

    def _kill(self, name: str) -> None:
        """The others have to do without it until the order flow and the session go on."""
        part = self._cluster.parts[name]
        part.kill()
        if name.startswith("worker"):
            step = self.step()
            until(lambda: self.step() > step, RESUMED_WITHIN_S, f"the session goes on without {name}")
        else:
            time.sleep(PAUSE_S)
        self._cluster.restart(name)

    def _valkey(self) -> None:
        self._cluster.valkey.kill()
        time.sleep(PAUSE_S)
        self._cluster.valkey.start()

    def _nats(self) -> None:
        self._cluster.nats.kill()
        time.sleep(PAUSE_S)
        self._cluster.nats.start()

    def _wipe(self) -> None:
        self._cluster.nats.kill()
        self._cluster.nats.wipe()
        self._cluster.nats.start()

    def _postgres(self) -> None:
        self._cluster.postgres.stop("immediate")
        time.sleep(PAUSE_S)
        self._cluster.postgres.start()

    def _flush(self) -> None:
        redis.Redis(port=self._cluster.valkey.port).flushall()

    def _slow(self) -> None:
        self._cluster.to_valkey.delay_s = 0.3
        time.sleep(PAUSE_S)
        self._cluster.to_valkey.cut()
        time.sleep(PAUSE_S)
        self._cluster.to_valkey.mend()

    def _halt(self) -> None:
        """From the answer of one replica on, the other approves nothing that opens; then all go on."""
        first, second = (f"http://127.0.0.1:{self._cluster.parts[name].port}/api/v1" for name in _REPLICAS)
        key = {"X-API-Key": self._cluster.owner_key}
        halted = httpx2.post(f"{first}/admin/halts", json={"detail": "a drill"}, headers=key, timeout=15)
        if halted.status_code >= 300:
            self.wrong.append(f"halt: {halted.status_code} {halted.text}")
            return
        for trader in self._load.traders:
            bearer = {"Authorization": f"Bearer {trader.token}"}
            order = {"symbol": "MSFT", "side": "buy", "qty": "1"}
            answer = httpx2.post(f"{second}/orders", json=order, headers=bearer, timeout=15)
            if answer.status_code == 201:
                self.wrong.append("an order was approved after the halt was answered")
        code = httpx2.post(f"{second}/admin/halts/resume-request", json={}, headers=key, timeout=15)
        resume = {"code": code.json().get("code", "")}
        done = httpx2.post(f"{first}/admin/halts/resume", json=resume, headers=key, timeout=15)
        if done.status_code >= 300:
            self.wrong.append(f"resume: {done.status_code} {done.text}")

    def _jump(self) -> None:
        for name in (self.player(), "replica-1"):
            self._cluster.parts[name].send(signal.SIGUSR1)
        time.sleep(PAUSE_S)
        for name in (self.player(), "replica-1"):
            self._cluster.parts[name].send(signal.SIGUSR2)


_REPLICAS = ("replica-1", "replica-2")


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


def run(rounds: int, console: Console) -> list[str]:
    """Rounds of faults on one cluster. Returns: everything that was wrong."""
    with stack() as cluster:
        cluster.start()
        load = Load(cluster.url, TRADERS)
        asyncio.run(load.sign_up())
        database = Database(cluster.database_url)
        faults = Faults(cluster, load, database)
        names = list(faults.all)
        with flowing(load):
            for number in range(rounds):
                name = names[number % len(names)]
                console.print(_told(_round(faults, load, number + 1, name)))
        wrong = faults.wrong + settled(cluster, load, database, console)
        database.close()
        return wrong


def _round(faults: Faults, load: Load, number: int, name: str) -> Round:
    began = time.monotonic()
    faults.all[name]()
    acknowledged, step = load.seen.acknowledged, faults.step()
    until(lambda: load.seen.acknowledged > acknowledged, RESUMED_WITHIN_S, f"orders after {name}")
    flow_s = time.monotonic() - began
    until(lambda: faults.step() > step, RESUMED_WITHIN_S, f"the next step after {name}")
    return Round(number, name, flow_s, time.monotonic() - began)


def _told(found: Round) -> str:
    times = f"orders after {found.flow_s:.1f} s, steps after {found.step_s:.1f} s"
    return f"round {found.number}: {found.fault}: {times}"


def settled(cluster: Stack, load: Load, database: Database, console: Console) -> list[str]:
    """Wait until handlers and consumers have caught up, then look for everything. Prints a table."""
    wrong: list[str] = []
    try:
        until(lambda: not _unhandled(database, load), CAUGHT_UP_WITHIN_S, "handlers catch up")
    except AssertionError:
        wrong += _unhandled(database, load)
    found = look(database, load.traders)
    seen = load.seen
    table = Table(title="what was seen")
    table.add_column("what")
    table.add_column("figure", justify="right")
    ordered = sorted(seen.seconds)
    for what, figure in (
        ("orders acknowledged", seen.acknowledged),
        ("orders on record", found.orders),
        ("events", found.events),
        ("steps played", found.steps),
        ("requests sent again", sum(seen.failures.values())),
        ("reads after one's own write", seen.reads),
        ("of these, stale", len(seen.stale)),
        ("median seconds of an order", f"{ordered[len(ordered) // 2]:.3f}" if ordered else "-"),
        ("slowest order, seconds", f"{ordered[-1]:.1f}" if ordered else "-"),
        ("wrong", len(found.wrong) + len(wrong)),
    ):
        table.add_row(what, str(figure))
    console.print(table)
    if seen.stale:
        wrong.append(f"{len(seen.stale)} reads did not know the order just acknowledged")
    return wrong + found.wrong


def _unhandled(database: Database, load: Load) -> list[str]:
    return handled_once(database, "order_placed", "OrderPlaced", load.traders)


def main() -> None:
    console = Console()
    wrong = run(int(sys.argv[1]), console)
    for line in wrong[:20]:
        console.print(line, style="red", markup=False)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
