"""Measurements side by side: best of a few goes, a table with a JSON line each, and peers asked in turn."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from engine import Prices

HERE = Path(__file__).parent


class Outcome(NamedTuple):
    """What one go took and came to. processor: its seconds of processor time, of all threads."""

    seconds: float
    processor: float
    fills: int
    equity: float


class Peer:
    """A peer in a process of its own environment, which does its work once whenever it is asked."""

    def __init__(self, python: str, script: str, path: Path, *arguments: str) -> None:
        command = [python, str(HERE / "peers" / script), str(path), *arguments]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.name, self.mb = script, 0

    def ask(self) -> Outcome:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write("\n")
        stdin.flush()
        said = json.loads(stdout.readline())
        self.name, self.mb = said["name"], round(said["mb"])
        return Outcome(said["seconds"], said["processor"], said["fills"], said["equity"])

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@contextmanager
def peer(variable: str, script: str, data: Prices, folder: Path, *arguments: str) -> Iterator[Peer | None]:
    """The peer whose environment's interpreter a variable names, or None where it names none."""
    python = os.environ.get(variable)
    if python is None:
        print(f"{script}: {variable} names no interpreter, left out")
        yield None
        return
    path = folder / f"{len(data.times)}-{data.closes[-1]}.npz"
    if not path.exists():
        columns = {name: getattr(data, name + "s") / 1e5 for name in ("open", "high", "low", "close")}
        np.savez(path, times=data.times, volume=data.volumes.astype(np.float64), **columns)
    started = Peer(python, script, path, *arguments)
    try:
        yield started
    finally:
        started.close()


def timed(work: Callable[[], tuple[int, float]]) -> Outcome:
    """One go. work: gives fills and equity."""
    start, used = time.perf_counter(), time.process_time()
    fills, equity = work()
    return Outcome(time.perf_counter() - start, time.process_time() - used, fills, equity)


def best(work: Callable[[], Any], goes: int = 3) -> tuple[float, Any]:
    """Least seconds of processor time of a few goes, and what the last one gave: others share the cores."""
    least, found = float("inf"), None
    for _ in range(goes):
        start = time.process_time()
        found = work()
        least = min(least, time.process_time() - start)
    return least, found


def tell(name: str, seconds: float, bars: int = 0, **more: Any) -> None:
    rate = f"{bars / seconds:>14,.0f} bars/s" if bars else " " * 21
    known = "  ".join(f"{key} {value:,}" for key, value in more.items())
    print(f"{name:<58}{seconds:>10.4f} s {rate}  {known}")
    print(json.dumps({"name": name, "seconds": round(seconds, 5), "bars": bars, **more}), flush=True)


def reach(name: str, value: float, asked: float, unit: str = "") -> None:
    """A figure beside what it is to reach: at least that many times, or at most so much of a unit."""
    reached = value <= asked if unit else value >= asked
    words = f"{value:,.2f} {unit}, at most {asked:,g}" if unit else f"{value:,.1f} times, at least {asked:,g}"
    print(f"  {name:<56} {words}: {'reached' if reached else 'NOT REACHED'}")
    print(
        json.dumps({"name": name, "value": round(value, 3), "asked": asked, "reached": reached}), flush=True
    )


def in_turn(
    name: str,
    ours: Callable[[], Outcome],
    other: Peer,
    rounds: int,
    bars: int,
    *,
    asked: float,
    other_bars: int = 0,
    compiles: bool = False,
    by: str = "processor",
) -> None:
    """Rounds of one go of each, one after the other: medians of both and the median of the ratios.

    other_bars: where the peer plays fewer; ratios are of bars a second. compiles: whether its first go is
    told by itself. by: seconds of the "processor", or of the clock where a side uses several threads.
    """
    other_bars = other_bars or bars
    if compiles:
        first = other.ask()
        tell(f"{other.name}, {name}, first call", first.seconds, other_bars, fills=first.fills)
    pairs = [(ours(), other.ask()) for _ in range(rounds)]
    sides = (("traderbot", 0, bars, {}), (other.name, 1, other_bars, {"mb": other.mb}))
    for label, side, count, more in sides:
        goes = [pair[side] for pair in pairs]
        taken = median(getattr(one, by) for one in goes)
        told = {"fills": goes[0].fills, "equity": round(goes[0].equity, 6), **more}
        clock = round(median(one.seconds for one in goes), 3)
        tell(f"{label}, {name}", taken, count, **told, clock=clock)
    ratios = [(bars / getattr(one, by)) / (other_bars / getattr(two, by)) for one, two in pairs]
    print(f"  rounds: {', '.join(f'{ratio:.1f}' for ratio in ratios)}")
    reach(f"{name}: times {other.name}, median of rounds", median(ratios), asked)


def fresh(code: str, goes: int = 3) -> tuple[float, float, str]:
    """Least seconds of a new process, of the clock and of the processor, and what the last one said."""
    command = [sys.executable, "-c", code]
    # the platform refuses settings it does not know, such as the names of the peers' interpreters
    known = {name: value for name, value in os.environ.items() if not name.startswith("TRADERBOT_")}
    clock = processor = float("inf")
    said = ""
    for _ in range(goes):
        start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        said = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, cwd=HERE, env=known
        ).stdout
        clock = min(clock, time.perf_counter() - start)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        processor = min(processor, used)
    return clock, processor, said
