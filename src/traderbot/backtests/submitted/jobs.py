"""Slots: each runs one backtest at a time, in whichever process has the slot's lease.

The lease fences every write, and every write names the attempt it is of. So a backtest runs once at a time
among any number of platforms; where one of them dies, the next holder of the slot finds the run on record and
has it wait again, once; what was cancelled is ended as soon as its slot hears of it.
"""

import threading
import time
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

import structlog
from sqlalchemy.engine import Connection

from traderbot.backtests.requests import Done, Failed, Message, Order, Progress
from traderbot.backtests.submitted import repository
from traderbot.backtests.submitted.processes import Process
from traderbot.backtests.submitted.repository import Backtest
from traderbot.infra.clock import Clock
from traderbot.infra.leases import Lease, LeaseLost, Leases
from traderbot.infra.storage.database import Database, Writer

T = TypeVar("T")
ATTEMPTS = 2
POLL_S = 1.0  # for what other processes queue
LOOK_S = 0.25  # at most so often is progress written, and is it seen whether the run is still wanted
TWICE = "the platform stopped twice while it ran"
_log = structlog.get_logger()


def lease_name(slot: int) -> str:
    return f"backtests-{slot}"


class Queue:
    """What all slots of this process have in common.

    order_of: what a process is given for a request. seconds: of wall time, after which a run is ended. told:
    called after every change.
    """

    def __init__(
        self,
        database: Database,
        writer: Writer,
        clock: Clock,
        order_of: Callable[[Backtest], Order],
        seconds: float,
        slots: int,
    ) -> None:
        self.database = database
        self.clock = clock
        self.order_of = order_of
        self.seconds = seconds
        self.slots = slots
        self.followers: list[Callable[[], None]] = []
        self._writer = writer
        self._woken = [threading.Event() for _ in range(slots)]
        self._running: dict[UUID, Process] = {}

    def write(self, job: Callable[[Connection], T]) -> T:
        """A change of rows, told to the followers."""
        result = self._writer.write(job)
        for follower in self.followers:
            follower()
        return result

    def wake(self) -> None:
        """There may be something to run."""
        for event in self._woken:
            event.set()

    def wait(self, slot: int) -> None:
        """Until there may be something to run."""
        self._woken[slot].wait(POLL_S)
        self._woken[slot].clear()

    def began(self, backtest_id: UUID, process: Process) -> None:
        self._running[backtest_id] = process

    def ended(self, backtest_id: UUID) -> None:
        self._running.pop(backtest_id, None)

    def kill(self, backtest_id: UUID) -> None:
        """End its process, where it runs here; others see it in the row."""
        process = self._running.get(backtest_id)
        if process is not None:
            process.kill()


class Slot:
    """Runs what waits, one after the other, between `start` and `stop`."""

    def __init__(self, number: int, lease: Lease, leases: Leases, queue: Queue) -> None:
        self._number = number
        self._lease = lease
        self._leases = leases
        self._queue = queue
        self._stopping = threading.Event()
        self._process: Process | None = None
        self._thread = threading.Thread(target=self._run, name=f"backtests-{number}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End what runs and have it wait again."""
        self._stopping.set()
        process = self._process
        if process is not None:
            process.kill()
        self._queue.wake()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                found = self._next()
                if found is None:
                    self._queue.wait(self._number)
                else:
                    self._play(found)
            except LeaseLost:
                return
            except Exception as error:  # noqa: BLE001 - the loop's edge: tried again
                _log.warning("backtests_failed", slot=self._number, error=repr(error))
                self._stopping.wait(POLL_S)

    def _write(self, job: Callable[[Connection], T]) -> T:
        """A change under the lease. Errors: LeaseLost."""

        def fenced(connection: Connection) -> T:
            self._lease.check(connection)
            return job(connection)

        return self._queue.write(fenced)

    def _next(self) -> Backtest | None:
        """The backtest to run now, taken; None where none waits."""
        with self._queue.database.read() as connection:
            if not repository.waiting(connection):
                return None
            running = repository.abandoned(connection)
        for backtest_id, slot, attempt in running:
            if self._is_dead(slot):
                self._take_up(backtest_id, attempt)
        return self._write(self._take)

    def _is_dead(self, slot: int) -> bool:
        """Whether what ran in a slot has nobody: it was this one, which we have, or one that nobody has."""
        if slot == self._number:
            return True
        if slot < self._queue.slots or self._number:
            return False  # its own holder sees to it
        held = self._leases.find(lease_name(slot))
        return held is None or not held.live

    def _take_up(self, backtest_id: UUID, attempt: int) -> None:
        now = self._queue.clock.now()
        if attempt < ATTEMPTS:
            self._write(lambda c: repository.put_back(c, backtest_id, attempt, counted=True))
        else:
            self._write(lambda c: repository.fail(c, backtest_id, attempt, TWICE, now))
        _log.warning("backtest_abandoned", backtest=str(backtest_id), attempt=attempt)

    def _take(self, connection: Connection) -> Backtest | None:
        found = repository.next_waiting(connection)
        if found is None or not repository.take(connection, found, self._number, self._queue.clock.now()):
            return None
        return found._replace(attempts=found.attempts + 1)

    def _play(self, found: Backtest) -> None:
        """One run in its process, to its end."""
        try:
            process = Process(self._queue.order_of(found))
        except OSError as error:
            self._end(found, Failed(f"no process could be started: {error.strerror}"))
            return
        self._process = process
        self._queue.began(found.id, process)
        try:
            last = self._follow(found, process)
        finally:
            self._queue.ended(found.id)
            self._process = None
            process.close()
        if self._stopping.is_set() and not isinstance(last, Done):
            self._write(lambda c: repository.put_back(c, found.id, found.attempts, counted=False))
        elif last is not None:
            self._end(found, last)

    def _follow(self, found: Backtest, process: Process) -> Message | None:
        """Its last message; None where it is no longer wanted."""
        until, wrote, done, written = time.monotonic() + self._queue.seconds, 0.0, 0.0, 0.0
        for message in process.messages(LOOK_S):
            if message is not None and not isinstance(message, Progress):
                return message
            now = time.monotonic()
            if now >= until:
                return Failed(f"stopped after {self._queue.seconds:g} s")
            if self._stopping.is_set():
                return None
            if message is not None:
                done = message.done
            if now - wrote < LOOK_S:
                continue
            wrote = now
            if not self._still_wanted(found, done, moved=done != written):
                return None
            written = done
        return None

    def _still_wanted(self, found: Backtest, done: float, *, moved: bool) -> bool:
        """Put its progress on record; false where it was cancelled or is somebody else's."""
        if moved:
            return self._write(lambda c: repository.progress(c, found.id, found.attempts, done))
        with self._queue.database.read() as connection:
            return self._lease.held() and repository.runs(connection, found.id, found.attempts)

    def _end(self, found: Backtest, last: Message) -> None:
        now = self._queue.clock.now()
        if isinstance(last, Done):
            results = last.results
            self._write(lambda c: repository.finish(c, found.id, found.attempts, results, now))
            _log.info("backtest_done", backtest=str(found.id), strategy=found.request.strategy)
        elif isinstance(last, Failed):
            error = last.detail
            self._write(lambda c: repository.fail(c, found.id, found.attempts, error, now))
            _log.info("backtest_failed", backtest=str(found.id), error=error)
