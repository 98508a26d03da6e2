"""A parent process and its children: several that serve one port, and one that plays the session.

The parent holds the port and does nothing but see to its children: who dies is started again, after a pause
that grows; at SIGHUP each is replaced in turn, the new one serving before the old one leaves; at SIGTERM
those that serve finish what is under way and leave, then the one that plays.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import structlog

READY_WITHIN_S = 120.0
LEAVE_WITHIN_S = 30.0
LOOK_S = 0.05
PARENT_S = 0.5
PAUSE_FIRST_S, PAUSE_MAX_S = 0.5, 30.0
LIVED_S = 10.0  # whoever served and lived this long is started again as if for the first time
_COMMAND = [sys.executable, "-c", "from traderbot.cli.main import app; app()"]
_log = structlog.get_logger()


def follow_parent(parent: int | None) -> None:
    """End in good order when the parent process is gone, so that no child holds its port for ever."""

    def watch(expected: int) -> None:
        while os.getppid() == expected:
            time.sleep(PARENT_S)
        os.kill(os.getpid(), signal.SIGTERM)

    if parent is not None:
        threading.Thread(target=watch, args=(parent,), name="follow-parent", daemon=True).start()


class Child:
    """A place in the family and the process that fills it. words: of its command, without the ready file;
    metrics_port: where it shows how it does, 0 for nowhere.
    """

    def __init__(
        self, name: str, words: list[str], listener: int, folder: Path, metrics_port: int = 0
    ) -> None:
        self.name = name
        self._environment = {"TRADERBOT_METRICS_PORT": str(metrics_port)}
        self._words = words
        self._listener = listener
        self._folder = folder
        self._numbers = count(1)
        self.failures = 0
        self.again_at = 0.0
        self.process: subprocess.Popen[bytes] | None = None
        self.began = 0.0
        self._ready_file = folder / name

    def spawn(self) -> None:
        """Start a process in this place; the one that was there, if any, is somebody else's business."""
        self._ready_file = self._folder / f"{self.name}-{next(self._numbers)}"
        command = [*_COMMAND, *self._words, "--ready-file", str(self._ready_file)]
        command += ["--parent", str(os.getpid())]
        self.began = time.monotonic()
        environment = os.environ | self._environment
        self.process = subprocess.Popen(
            command, pass_fds=[self._listener], start_new_session=True, env=environment
        )

    @property
    def ready(self) -> bool:
        return self._ready_file.exists()

    def await_ready(self, given_up: Callable[[], bool]) -> bool:
        """Wait until the process serves; false where it ended, took too long or nobody waits any more."""
        until = time.monotonic() + READY_WITHIN_S
        while not self.ready:
            if given_up() or time.monotonic() > until:
                return False
            if self.process is None or self.process.poll() is not None:
                return False
            time.sleep(LOOK_S)
        return True

    def look(self) -> None:
        """Start again what has died."""
        if self.process is None:
            if time.monotonic() >= self.again_at:
                self.spawn()
        elif self.process.poll() is not None:
            lived = self.ready and time.monotonic() - self.began >= LIVED_S
            self.failures = 0 if lived else self.failures + 1
            pause = 0.0 if self.failures == 0 else min(PAUSE_FIRST_S * 2**self.failures, PAUSE_MAX_S)
            _log.error("child_died", child=self.name, status=self.process.returncode, again_in_s=pause)
            self.process, self.again_at = None, time.monotonic() + pause

    def renew(self, given_up: Callable[[], bool]) -> bool:
        """Put a new process in the place of the old one, which leaves once the new one serves; false where
        the new one did not come up, and the old one stays.
        """
        old, began = self.process, self.began
        self.spawn()
        if self.await_ready(given_up):
            if old is not None:
                end([old])
            return True
        if self.process is not None:
            end([self.process])
        self.process, self.began = old, began
        return False


def end(processes: list[subprocess.Popen[bytes]]) -> None:
    """Have processes finish what is under way and leave; whoever does not in time is killed."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    until = time.monotonic() + LEAVE_WITHIN_S
    for process in processes:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            _log.error("child_killed", pid=process.pid)
            process.kill()
            process.wait()


class Family:
    """The parent. words: options of every child. metrics_port: where the first child shows how it does, the
    others on those that follow; 0 for nowhere.
    """

    def __init__(
        self, listener: socket.socket, workers: int, words: list[str], metrics_port: int = 0
    ) -> None:
        self._metrics_port = metrics_port
        self._listener = listener
        self._workers = workers
        self._words = words
        self._stopping = False
        self._renewing = False

    def run(self, on_ready: Callable[[], None]) -> int:
        """See to the children until told to stop. Returns: the exit status."""
        with tempfile.TemporaryDirectory(prefix="traderbot-") as folder, self._signals():
            children = self._children(Path(folder))
            try:
                for child in children:
                    child.spawn()
                if not all(child.await_ready(self._told_to_stop) for child in children):
                    return 0 if self._stopping else 1
                on_ready()
                while not self._stopping:
                    for child in children:
                        child.look()
                    if self._renewing:
                        self._renewing = False
                        self._renew(children)
                    time.sleep(LOOK_S)
                return 0
            finally:
                for group in (children[:-1], children[-1:]):
                    end([child.process for child in group if child.process is not None])

    def _children(self, folder: Path) -> list[Child]:
        """Those that serve, then the one that plays."""
        fd = self._listener.fileno()
        serve = ["serve", "--api-only", "--listen-fd", str(fd), *self._words]
        names = [f"api-{number}" for number in range(1, self._workers + 1)]
        wanted = [(name, serve) for name in names] + [("worker", ["worker", *self._words])]
        first = self._metrics_port
        return [
            Child(name, words, fd, folder, first + number if first else 0)
            for number, (name, words) in enumerate(wanted)
        ]

    def _renew(self, children: list[Child]) -> None:
        """Replace one child after the other; the first that does not come up ends it."""
        for child in children:
            if self._stopping or not child.renew(self._told_to_stop):
                _log.error("renewal_ended", child=child.name)
                return
        _log.info("renewed", children=len(children))

    def _told_to_stop(self) -> bool:
        return self._stopping

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(_number: int, _frame: object) -> None:
            self._stopping = True

        def renew(_number: int, _frame: object) -> None:
            self._renewing = True

        wanted = {signal.SIGINT: stop, signal.SIGTERM: stop, signal.SIGHUP: renew}
        before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
