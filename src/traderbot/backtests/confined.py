"""A backtest of somebody's own file in a process of its own, within limits of time and memory.

`python -m traderbot.backtests.confined` is that process: it reads one errand from its standard input and
writes messages to its standard output, a line each; what a strategy prints goes to standard error. Where the
input ends, whoever started it is gone, and it ends as well.
"""

import contextlib
import ctypes
import os
import pickle
import resource
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import msgspec

from traderbot.backtests.backtest import Backtest, BacktestResult
from traderbot.backtests.reporting.documents import Document
from traderbot.backtests.submitted.job import within_limits
from traderbot.infra.offspring import ending_offspring
from traderbot.model.amounts import Money
from traderbot.model.bars import Bar
from traderbot.model.errors import InvalidValue, TraderbotError
from traderbot.model.symbols import Symbol
from traderbot.strategies.faults import StrategyFailed, TimeIsUp, bar_in_words, error_in_words

MODULE = "traderbot.backtests.confined"
SECONDS, SECONDS_MAX = 600, 86_400
MEMORY_MB, MEMORY_MB_LEAST, MEMORY_MB_MAX = 4_096, 64, 1 << 20
GRACE_S = 3.0  # for what holds its process up, before it is ended
_STARTS_WITHIN_S = 120.0
_LOOK_S = 0.1
_PART = 1 << 20
_ROOM = 64 << 20  # bytes, to say that memory ran out
_ORPHANED = 3
_WHEN_PARENT_DIES = 1  # PR_SET_PDEATHSIG of Linux
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")


class Errand(msgspec.Struct, frozen=True):
    """What a process is given. terms: of `Backtest`; out: a folder for the report; seconds: of the clock."""

    strategy: str
    parameters: dict[str, str]
    terms: dict[str, Any]
    out: Path | None
    seconds: int = SECONDS
    memory_mb: int = MEMORY_MB


class Outcome(msgspec.Struct, frozen=True, tag_field="is", tag="outcome"):
    """What a run came to. held: the benchmark's end; holdings: symbol, quantity, cost; report: its page."""

    document: Document
    held: float
    executions: int
    holdings: list[tuple[Symbol, Decimal, Money]]
    seconds: float
    report: str | None


class At(msgspec.Struct, frozen=True, tag_field="is", tag="at"):
    """The bar the run is at, microseconds UTC."""

    time: int


class Failed(msgspec.Struct, frozen=True, tag_field="is", tag="failed"):
    """The end of a run that did not go through, in words."""

    detail: str


Message = Outcome | At | Failed
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Outcome | At | Failed)


def check_limits(seconds: int, memory_mb: int) -> None:
    """Errors: InvalidValue naming the option."""
    if not 1 <= seconds <= SECONDS_MAX:
        raise InvalidValue("--time-limit", f"1 to {SECONDS_MAX} seconds", seconds)
    if not MEMORY_MB_LEAST <= memory_mb <= MEMORY_MB_MAX:
        raise InvalidValue("--memory-limit", f"{MEMORY_MB_LEAST} to {MEMORY_MB_MAX} MB", memory_mb)


def outcome_of(backtest: Backtest, out: Path | None, watch: "_Watch | None" = None) -> Outcome:
    """Run it here, and write its report where one is asked for. Errors: those of the run."""
    began = time.perf_counter()
    result = backtest.run(None if watch is None else watch.follow)
    seconds = time.perf_counter() - began
    return _outcome(result, out, seconds)


def confined(errand: Errand) -> Outcome:
    """Run it in a process of its own. An interrupt here ends it as well. Errors: StrategyFailed naming the
    strategy and the bar, TraderbotError for what else the process says.
    """
    with ending_offspring():
        return _confined(errand)


def _confined(errand: Errand) -> Outcome:
    environment = dict(os.environ) | dict.fromkeys(_ONE_THREAD, "1")
    process = subprocess.Popen(
        [sys.executable, "-m", MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        start_new_session=True,  # an interrupt from the terminal is for us, and we end it
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with contextlib.suppress(BrokenPipeError):
            pickle.dump(errand, process.stdin)
            process.stdin.flush()  # and left open: its end tells the process that we are gone
        return _followed(process, process.stdout.fileno(), errand)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its session: also what the strategy forked
        process.wait()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


def _outcome(result: BacktestResult, out: Path | None, seconds: float) -> Outcome:
    held = [position for position in result.result.account.positions.values() if position.qty]
    return Outcome(
        result.document,
        float(result.held[-1]),
        len(result.result.fills),
        [(position.symbol, position.qty, Money(position.cost)) for position in held],
        seconds,
        None if out is None else str(result.report(out)),
    )


def _followed(process: "subprocess.Popen[bytes]", handle: int, errand: Errand) -> Outcome:
    """What a process comes to, ended when it does not stop by itself. Errors: StrategyFailed,
    TraderbotError.
    """
    name, at = Path(errand.strategy).name, 0
    for line in _lines(handle, errand.seconds + GRACE_S):
        if line is None:
            raise StrategyFailed(f"{name}{_bar(at)}: stopped after {errand.seconds} s (--time-limit)")
        try:
            message = _decoder.decode(line)
        except msgspec.MsgspecError:
            raise StrategyFailed(f"{name}{_bar(at)}: it wrote where only its run does") from None
        if isinstance(message, Outcome):
            return message
        if isinstance(message, Failed):
            raise StrategyFailed(message.detail)
        at = message.time
    code = process.wait()
    if code == -signal.SIGXCPU:
        raise StrategyFailed(f"{name}{_bar(at)}: stopped after {errand.seconds} s (--time-limit)")
    if not at and code > 0:
        raise StrategyFailed(
            f"{name}: its process ended with code {code} before the first bar; {errand.memory_mb} MB may be"
            " too little to begin with (--memory-limit)"
        )
    how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
    raise StrategyFailed(
        f"{name}{_bar(at)}: its process ended {how}; it may use {errand.memory_mb} MB (--memory-limit)"
    )


def _lines(handle: int, seconds: float) -> Iterator[bytes | None]:
    """Lines as they come, to the end of what is written; None where that takes longer from the first on."""
    rest, deadline = bytearray(), time.monotonic() + _STARTS_WITHIN_S
    began = False
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([handle], [], [], left)[0]:
            continue
        part = os.read(handle, _PART)
        if not part:
            return
        if not began:
            began, deadline = True, time.monotonic() + seconds
        rest += part
        if b"\n" in part:
            *lines, last = rest.split(b"\n")
            yield from map(bytes, lines)
            rest = bytearray(last)
    yield None


def _bar(moment: int) -> str:
    return f", {bar_in_words(moment)}"


def main() -> None:
    """Carry out the errand on standard input."""
    errand: Errand = pickle.load(sys.stdin.buffer)  # noqa: S301 - from who started this process
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a strategy prints is not a message
    _end_with_parent()
    _write(out, At(0))
    _limit(errand)
    watch = _Watch(out)
    try:
        backtest = Backtest(errand.strategy, parameters=errand.parameters, **errand.terms)
        last: Message = outcome_of(backtest, errand.out, watch)
    except MemoryError as error:
        last = _out_of_memory(errand, error, watch)
    except TimeIsUp as error:
        last = Failed(f"{Path(errand.strategy).name}{_bar(watch.time)}: {error}")
    except TraderbotError as error:
        last = Failed(error.detail)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the end of this process, told
        traceback.print_exc()
        last = Failed(f"{Path(errand.strategy).name}{_bar(watch.time)}: {error_in_words(error)}")
    signal.setitimer(signal.ITIMER_REAL, 0)
    watch.close()
    _write(out, last)


def _end_with_parent() -> None:
    """Have the kernel end this process with the one that started it, also while a strategy holds it up."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_WHEN_PARENT_DIES, signal.SIGKILL)


def _limit(errand: Errand) -> None:
    """Limits by the kernel; a second of the clock before them a strategy is told where it is."""
    own = msgspec.structs.replace(errand, seconds=errand.seconds + int(2 * GRACE_S) + 30)
    within_limits(own)
    memory = resource.getrlimit(resource.RLIMIT_AS)[0]
    resource.setrlimit(resource.RLIMIT_AS, (memory - _ROOM, memory))

    def stop(_signal: int, _frame: object) -> None:
        raise TimeIsUp(f"stopped after {errand.seconds} s (--time-limit)")

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, errand.seconds, 1.0)  # again, for who catches it


def _out_of_memory(errand: Errand, error: MemoryError, watch: "_Watch") -> Failed:
    memory = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    file = Path(errand.strategy.partition(".py:")[0]).stem
    lines = [
        f", {Path(frame.filename).name} line {frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).stem == file
    ]
    where = f"{Path(errand.strategy).name}{lines[-1] if lines else ''}{_bar(watch.time)}"
    return Failed(f"{where}: needs more than {errand.memory_mb} MB of memory (--memory-limit)")


class _Watch:
    """Tells which bar the run is at, and ends the process when nobody is there to be told."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._bars: Sequence[Bar] = ()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    @property
    def time(self) -> int:
        """Of the newest bar, microseconds UTC; 0 before there is one."""
        return max((bar.time for bar in self._bars if bar.index >= 0), default=0)

    def follow(self, bars: Sequence[Bar]) -> None:
        self._bars = bars

    def close(self) -> None:
        """Say no more."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        said = 0
        while not self._closing.wait(_LOOK_S):
            if select.select([0], [], [], 0)[0] and not os.read(0, 1):
                os._exit(_ORPHANED)
            now = self.time
            if now != said:
                said = now
                _write(self._out, At(now))


def _write(out: IO[bytes], message: Message) -> None:
    text = memoryview(msgspec.json.encode(message) + b"\n")
    with contextlib.suppress(BrokenPipeError):
        while text:
            text = text[out.write(text) :]


if __name__ == "__main__":
    main()
