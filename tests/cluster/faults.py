"""Kill, cut, wipe and shift every part of a running cluster in turn under order flow, and look for what was
lost, doubled or skipped. Run: python -m cluster.faults ROUNDS
"""

import asyncio
import random
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

import httpx2
import redis
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from cluster.load import Load, flowing
from cluster.process import HOUR
from cluster.settling import settled
from cluster.stack import REPLICAS, WORKERS, Stack, stack
from cluster.watch import Pulse, step_on_record
from cluster.wire import until
from traderbot.infra.events.journal import events
from traderbot.infra.leases import leases
from traderbot.infra.logs import configure_logs
from traderbot.infra.storage.database import Database

TRADERS = 6
ORDER_PAUSE_S = 0.5  # of a trader after an order, so that 20 rounds end in minutes and look-ups stay small
RESUMED_WITHIN_S = 15
GOES_ON_WITHIN_S = 30
PAUSE_S = 2.0


class Round(NamedTuple):
    """What came of one fault: the longest time in seconds in which no order was acknowledged, no step played,
    no event handled outside.
    """

    fault: str
    order_s: float
    step_s: float
    event_s: float


class Faults:
    """The faults, each a method that does its worst and lets the stack recover. wrong: what they found."""

    def __init__(self, cluster: Stack, load: Load, database: Database, pulse: Pulse) -> None:
        self.wrong: list[str] = []
        self._cluster = cluster
        self._load = load
        self._database = database
        self._pulse = pulse
        self.all: dict[str, Callable[[], None]] = {
            "kill -9 of an API replica": lambda: self._kill(random.choice(REPLICAS)),
            "kill -9 of the worker that plays": lambda: self._kill(self._holder("session:%", WORKERS)),
            "kill -9 of who publishes": lambda: self._kill(self._holder("relay", (*WORKERS, "relay"))),
            "kill -9 of Valkey": lambda: self._bounce(self._cluster.valkey.kill, self._cluster.valkey.start),
            "kill -9 of NATS": lambda: self._bounce(self._cluster.nats.kill, self._cluster.nats.start),
            "PostgreSQL stopped at once": self._postgres,
            "a halt through one replica": self._halt,
            "NATS' store wiped": self._wipe,
            "kill -9 of who runs the handlers": lambda: self._kill(self._holder("handlers", WORKERS)),
            "Valkey flushed": self._flush,
            "Valkey slow, then cut off": self._slow,
            "clocks an hour on, then back": self._jump,
        }

    def round(self, fault: str) -> Round:
        """Do it and wait until everything goes on, while the pulse tells how long what stood still."""
        self._pulse.begin()
        before = self._pulse.counts()
        try:
            self.all[fault]()
            before = self._pulse.counts()
            until(lambda: not self._still(before), GOES_ON_WITHIN_S, "everything goes on")
        except AssertionError as error:
            self.wrong.append(f"{fault}: {error}; still: {', '.join(self._still(before)) or 'nothing'}")
        return Round(fault, *self._pulse.longest_s())

    def _still(self, before: tuple[int, ...]) -> list[str]:
        """What has not gone on since then."""
        now = self._pulse.counts()
        return [
            what for what, then, count in zip(Round._fields[1:], before, now, strict=True) if count == then
        ]

    def _holder(self, lease: str, among: Iterable[str]) -> str:
        """The part that has a lease."""
        asked = sa.select(leases.c.holder).where(leases.c.name.like(lease))
        with self._database.read() as connection:
            found = str(connection.execute(asked).scalar())
        return next(name for name in among if found.startswith(f"{name}."))

    def _kill(self, name: str) -> None:
        """The others have to do without it; it is started again only when the session goes on."""
        self._cluster.parts[name].kill()
        time.sleep(PAUSE_S)
        before = self._pulse.counts()
        until(lambda: not self._still(before), GOES_ON_WITHIN_S, f"everything goes on without {name}")
        self._cluster.restart(name)

    def _bounce(self, kill: Callable[[], None], start: Callable[[], None]) -> None:
        kill()
        time.sleep(PAUSE_S)
        start()

    def _wipe(self) -> None:
        self._cluster.nats.kill()
        self._cluster.nats.wipe()
        self._cluster.nats.start()

    def _postgres(self) -> None:
        """Nothing can go on without it, so what counts is the time since it is back."""
        self._cluster.postgres.stop("immediate")
        time.sleep(PAUSE_S)
        self._cluster.postgres.start()
        self._pulse.begin()

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
        first, second = (f"http://127.0.0.1:{self._cluster.parts[name].port}/api/v1" for name in REPLICAS)
        self._manage(f"{first}/admin/halts", {"detail": "a drill"})
        for trader in self._load.traders:
            bearer = {"Authorization": f"Bearer {trader.token}"}
            order = {"symbol": "MSFT", "side": "buy", "qty": "1"}
            answer = httpx2.post(f"{second}/orders", json=order, headers=bearer, timeout=15)
            if answer.status_code != 422 or answer.json()["code"] != "platform_halted":
                self.wrong.append(f"an order after the halt was answered: {answer.status_code} {answer.text}")
        code = self._manage(f"{second}/admin/halts/resume-request", {}).get("code", "")
        self._manage(f"{first}/admin/halts/resume", {"code": code})

    def _manage(self, url: str, body: dict[str, str]) -> dict[str, str]:
        key = {"X-API-Key": self._cluster.owner.key}
        answer = httpx2.post(url, json=body, headers=key, timeout=15)
        if answer.status_code >= 300:
            self.wrong.append(f"{url}: {answer.status_code} {answer.text}")
            return {}
        found: dict[str, str] = answer.json()
        return found

    def _jump(self) -> None:
        """On record an hour stays: no event is recorded before the one it follows."""
        parts = [self._cluster.parts[name] for name in (self._holder("session:%", WORKERS), REPLICAS[0])]
        for part in parts:
            part.send(signal.SIGUSR1)
        until(self._jumped, 10, "steps are recorded an hour on")
        time.sleep(PAUSE_S)
        for part in parts:
            part.send(signal.SIGUSR2)
        time.sleep(PAUSE_S)

    def _jumped(self) -> bool:
        """Whether the last step was recorded by a clock that is far on."""
        last = sa.select(events.c.recorded_at).where(events.c.type == "SessionAdvanced")
        with self._database.read() as connection:
            at = connection.execute(last.order_by(events.c.position.desc()).limit(1)).scalar_one()
        return bool(at / 1e6 > time.time() + HOUR / 2e6)


def run(
    rounds: int, console: Console, *, names: Iterable[str] = (), durable: bool = True, lease_s: int = 10
) -> tuple[list[str], list[Round]]:
    """Rounds of faults on one cluster, the named ones or all in turn. Returns: everything that was wrong, and
    each round.
    """
    with stack(durable=durable, lease_s=lease_s) as cluster:
        cluster.start()
        load = Load(cluster.url, TRADERS, ORDER_PAUSE_S)
        asyncio.run(load.sign_up())
        database = Database(cluster.database_url)
        pulse = Pulse(
            (
                lambda: load.seen.acknowledged,
                lambda: step_on_record(database),
                cluster.outside.position,
            )
        )
        faults = Faults(cluster, load, database, pulse)
        chosen = list(names) or list(faults.all)
        done: list[Round] = []
        until(lambda: cluster.outside.position() > 0 and step_on_record(database) > 0, 30, "everything runs")
        with flowing(load), pulse:
            for number in range(rounds):
                done.append(faults.round(chosen[number % len(chosen)]))
                console.print(f"round {number + 1}: {_told(done[-1])}", highlight=False, soft_wrap=True)
        wrong = faults.wrong + settled(cluster, load, database, console) + cluster.crashes()
        database.close()
        console.print(_table(done))
        return wrong, done


def _told(found: Round) -> str:
    return (
        f"{found.fault}: at most {found.order_s:.1f} s without an order, {found.step_s:.1f} s without a step,"
        f" {found.event_s:.1f} s without an event outside"
    )


def _table(done: list[Round]) -> Table:
    """How long each stood still at most, by fault."""
    table = Table("fault", "rounds", "orders", "steps", "events outside", title="stood still, seconds")
    by_fault: dict[str, list[Round]] = defaultdict(list)
    for one in done:
        by_fault[one.fault].append(one)
    for fault, rounds in by_fault.items():
        worst = [max(column) for column in list(zip(*rounds, strict=True))[1:]]
        table.add_row(fault, str(len(rounds)), *(f"{seconds:.1f}" for seconds in worst))
    return table


def main() -> None:
    console = Console()
    configure_logs("error", "console")
    wrong, done = run(int(sys.argv[1]), console)
    late = [one for one in done if one.step_s > RESUMED_WITHIN_S]
    wrong += [f"{one.fault}: {one.step_s:.1f} s without a step" for one in late]
    for line in wrong[:20]:
        console.print(line, style="red", markup=False)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
