"""The process of one backtest, from the side of who started it."""

import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import msgspec
import structlog

from traderbot.backtests.requests import Failed, Message, Order, Progress, message_from, needs_more
from traderbot.backtests.submitted import job

_log = structlog.get_logger()
_PART = 1 << 16
_LINE_MAX = 64 << 20
_ENDS_WITHIN_S = 10
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
_OUT_OF_MEMORY = ("memoryerror", "memory allocation", "out of memory", "can't start new thread")
_SECRETS = "TRADERBOT_"  # settings with passwords are none of a strategy's business


class Process:
    """A backtest that runs. `messages` reads what it says; `kill` ends it at once, from any thread."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_SECRETS)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", job.MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=environment | dict.fromkeys(_ONE_THREAD, "1"),
            start_new_session=True,  # an interrupt from the terminal is for the platform
        )
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(msgspec.json.encode(order) + b"\n")
            self._process.stdin.flush()  # and left open: its end tells the process that we are gone
        except BrokenPipeError:
            _log.warning("backtest_did_not_start", said=self._last_words())

    @property
    def pid(self) -> int:
        return self._process.pid

    def messages(self, pause_s: float) -> Iterator[Message | None]:
        """What it says, as it says it; None after every pause without a word. The last message is Done or
        Failed, whatever happened to the process.
        """
        assert self._process.stdout is not None
        handle, rest = self._process.stdout.fileno(), bytearray()
        last: Message | None = None
        while True:
            if not select.select([handle], [], [], pause_s)[0]:
                yield None
                continue
            part = os.read(handle, _PART)
            if not part or len(rest) > _LINE_MAX:
                break
            rest += part
            *lines, left = rest.split(b"\n") if b"\n" in part else (rest,)
            rest = bytearray(left)
            for line in lines:
                last = message_from(bytes(line))
                yield last
        if part:
            self.kill()  # it says more than it may
        code = self._ended()
        if last is None or isinstance(last, Progress):
            yield Failed(self._why(code))

    def _ended(self) -> int:
        """How it ended; its output has, so it soon does."""
        try:
            return self._process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()

    def close(self) -> None:
        """End it and give back what it used here."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._said.close()

    def _why(self, code: int) -> str:
        """Why a process ended without its last message."""
        order = self._order
        if code == -signal.SIGXCPU:
            return f"stopped after {order.seconds} s of processor time"
        said = self._last_words()
        _log.warning("backtest_process_ended", code=code, said=said)
        if any(sign in said.lower() for sign in _OUT_OF_MEMORY):
            return needs_more(order)
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
        return f"the process ended {how} before it had a result; it may use {order.memory_mb} MB of memory"

    def _last_words(self) -> str:
        """The end of what it wrote as errors, for the log."""
        length = self._said.seek(0, os.SEEK_END)
        self._said.seek(max(0, length - 500))
        return self._said.read().decode(errors="replace")
