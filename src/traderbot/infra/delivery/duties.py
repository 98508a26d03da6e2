"""What a process takes on, and how what only one process may do is kept running."""

import threading
from collections.abc import Callable
from typing import Protocol

import msgspec
import structlog

from traderbot.infra.leases import Lease, Leases

ASK_AGAIN_S = 0.5
WATCH_S = 0.1
_log = structlog.get_logger()


class Duties(msgspec.Struct, frozen=True):
    """Which parts a process takes on: requests, the market session with its strategies, durable handlers, the
    relay of events, backtests. All but requests are done by one process at a time, whoever has the lease; of
    backtests, each slot.
    """

    api: bool = True
    session: bool = True
    handlers: bool = True
    relay: bool = True
    backtests: bool = True


EVERYTHING = Duties()
API_ONLY = Duties(session=False, handlers=False, relay=False, backtests=False)
WORKER = Duties(api=False)


class Runnable(Protocol):
    """Something that runs by itself between `start` and `stop`."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class OnDuty:
    """Runs something whenever this process has its lease: waits for the lease, begins, and stops when the
    lease is lost, to wait for it again.

    begin: makes what runs, given the lease that fences its writes; called anew each time the lease is taken.
    """

    def __init__(self, leases: Leases, name: str, begin: Callable[[Lease], Runnable]) -> None:
        self.name = name
        self._leases = leases
        self._begin = begin
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"duty-{name}", daemon=True)

    def start(self) -> None:
        """Wait for the lease, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop what runs, let the lease go, end."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                lease = self._leases.acquire(self.name)
                if lease is not None:
                    self._run_under(lease)
            except Exception as error:  # noqa: BLE001 - the loop's edge: tried again
                _log.warning("duty_failed", duty=self.name, error=repr(error))
            self._stopping.wait(ASK_AGAIN_S)

    def _run_under(self, lease: Lease) -> None:
        try:
            running = self._begin(lease)
            running.start()
            try:
                while lease.held() and not self._stopping.wait(WATCH_S):
                    pass
            finally:
                running.stop()
        finally:
            self._leases.release(lease)
