"""Looks on while load runs: how far behind the durable handlers are, and how long what stood still."""

import threading
import time
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from traderbot.infra.delivery.handler_records import handler_positions
from traderbot.infra.events.journal import events
from traderbot.infra.storage.database import Database
from traderbot.trading import tables as t

EVERY_S = 0.1
PULSE_S = 0.05
HANDLER, TYPE = "notify_order_placed", "OrderPlaced"


class Watch:
    """Samples in a thread between `start` and `stop`. waits_s: how old the oldest event was, at each look,
    that the handler of placed orders had not handled; 0 where it had handled all.
    """

    def __init__(self, database: Database) -> None:
        self.waits_s: list[float] = []
        self._database = database
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self.waits_s.sort()

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_S):
            self.waits_s.append(self._look())

    def _look(self) -> float:
        own = handler_positions.c
        done = sa.select(own.position).where(own.handler == HANDLER).scalar_subquery()
        oldest = sa.select(sa.func.min(events.c.recorded_at)).where(
            events.c.type == TYPE, events.c.position > sa.func.coalesce(done, 0)
        )
        with self._database.read() as connection:
            at = connection.execute(oldest).scalar()
        return 0.0 if at is None else max(0.0, time.time() - at / 1e6)


def step_on_record(database: Database) -> int:
    """The last step played, -1 before the first."""
    with database.read() as connection:
        found: int | None = connection.execute(sa.select(sa.func.max(t.market_sessions.c.step))).scalar()
    return -1 if found is None else found


class Pulse:
    """For the block it is entered for: the longest time in which each of some counts did not move."""

    def __init__(self, counters: Sequence[Callable[[], int]]) -> None:
        self._counters = counters
        self._counts = [0] * len(counters)
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self.begin()

    def __enter__(self) -> "Pulse":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def begin(self) -> None:
        """Measure from now on."""
        with self._guard:
            self._moved_at = [time.monotonic()] * len(self._counters)
            self._longest = [0.0] * len(self._counters)

    def counts(self) -> tuple[int, ...]:
        """Where each stood at the last look."""
        with self._guard:
            return tuple(self._counts)

    def longest_s(self) -> tuple[float, ...]:
        """The longest standstill of each since `begin`, one that lasts still among them."""
        now = time.monotonic()
        with self._guard:
            return tuple(max(a, now - b) for a, b in zip(self._longest, self._moved_at, strict=True))

    def _run(self) -> None:
        while not self._stopping.wait(PULSE_S):
            for number, counter in enumerate(self._counters):
                try:
                    count = counter()
                except Exception:  # noqa: BLE001 - a database that is gone has not moved
                    continue
                self._see(number, count)

    def _see(self, number: int, count: int) -> None:
        now = time.monotonic()
        with self._guard:
            if count != self._counts[number]:
                self._longest[number] = max(self._longest[number], now - self._moved_at[number])
                self._counts[number], self._moved_at[number] = count, now
