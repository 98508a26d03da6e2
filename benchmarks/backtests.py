"""Backtests: the event-driven engine, the compiled kernel and sweeps, beside plain baselines and peers.

Usage: python benchmarks/backtests.py [bars]. A table, and a JSON line for each measurement. Where
TRADERBOT_PEER_PYTHON names the interpreter of an environment with vectorbt and backtesting, they do the same
work in the same run. Seconds are those of the clock, the best of three.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from engine import COSTS, FAST, SHARES, SLOW, Prices, generate, plain_loop
from traderbot.analytics.indicators import moving_average
from traderbot.backtests import kernel
from traderbot.backtests.runner import run
from traderbot.backtests.search import Grid
from traderbot.backtests.sweep import sweep
from traderbot.backtests.tape import tape_of, terms_of
from traderbot.backtests.turning import turns_of
from traderbot.model.account import AccountKind
from traderbot.model.amounts import Money
from traderbot.model.bars import Floats
from traderbot.model.errors import InvalidValue
from traderbot.strategies.base import Strategy
from traderbot.strategies.moving_average import MovingAverageCrossover
from traderbot.strategies.parameters import Whole
from traderbot.strategies.signals import Frame, SignalStrategy, frame_of

CASH = Money(Decimal(1_000_000))
HERE = Path(__file__).parent
FASTS, SLOWS = list(range(5, 25)), list(range(30, 130, 5))


class Averages(SignalStrategy):
    """The crossover of plain averages, 100 shares."""

    name = "averages"
    fast = Whole(FAST, 1, 1_000)
    slow = Whole(SLOW, 2, 5_000)

    def check(self) -> None:
        if self.fast >= self.slow:
            raise InvalidValue("fast", f"below slow ({self.slow})", self.fast)

    @property
    def warm_up(self) -> int:
        return self.slow - 1

    @property
    def units(self) -> Decimal:
        return Decimal(SHARES)

    def signal(self, frame: Frame) -> Floats:
        closes = frame.close[:, 0]
        gap = moving_average(closes, self.fast) > moving_average(closes, self.slow)
        return gap[:, None].astype(np.float64)


def bare(fast: int, slow: int) -> Callable[..., Any]:
    """The same in numba with nothing around it: money in floats, no checks, nothing kept."""

    @njit
    def loop(opens, closes):  # type: ignore[no-untyped-def]
        cash, held, wanted, fills = 1e6, 0, 0, 0
        fast_sum = slow_sum = 0
        for index in range(len(closes)):
            if wanted:
                price = opens[index] * 1e-5
                cash -= wanted * price + abs(wanted) * price * 1e-4
                held, fills, wanted = held + wanted, fills + 1, 0
            fast_sum, slow_sum = fast_sum + closes[index], slow_sum + closes[index]
            if index >= fast:
                fast_sum -= closes[index - fast]
            if index >= slow:
                slow_sum -= closes[index - slow]
            if index >= slow - 1:
                if fast_sum * slow > slow_sum * fast:
                    if not held:
                        wanted = 100
                elif held:
                    wanted = -held
        return fills, cash + held * closes[-1] * 1e-5

    return loop


def best(work: Callable[[], Any], goes: int = 3) -> tuple[float, Any]:
    """Least seconds of a few goes, and what the last one gave."""
    least, found = float("inf"), None
    for _ in range(goes):
        start = time.perf_counter()
        found = work()
        least = min(least, time.perf_counter() - start)
    return least, found


def tell(name: str, seconds: float, bars: int = 0, **more: Any) -> None:
    rate = f"{bars / seconds:>14,.0f} bars/s" if bars else " " * 21
    known = "  ".join(f"{key} {value:,}" for key, value in more.items())
    print(f"{name:<52}{seconds:>10.4f} s {rate}  {known}")
    print(json.dumps({"name": name, "seconds": round(seconds, 5), "bars": bars, **more}), flush=True)


def fresh(code: str, *arguments: str) -> tuple[float, str]:
    """Seconds of a new process, and what it said."""
    command = [sys.executable, "-c", code, *arguments]
    return best(lambda: subprocess.run(command, check=True, capture_output=True, text=True, cwd=HERE).stdout)


def event_driven(data: Prices, count: int) -> None:
    bar = data.bar("ONE")
    seconds, answer = best(lambda: plain_loop(data))
    tell("plain Python loop, no engine", seconds, count, fills=answer[0], equity=round(answer[1], 4))
    many = [generate(count // 20, 100 + number).bar(f"N{number}") for number in range(20)]
    cases: list[tuple[str, Callable[[], Strategy], list[Any]]] = [
        ("event-driven, SMA 20/50, 1 instrument", lambda: MovingAverageCrossover(qty=SHARES), [bar]),
        ("event-driven, nothing done, 1 instrument", Strategy, [bar]),
        ("event-driven, SMA 20/50, 20 instruments", lambda: MovingAverageCrossover(qty=SHARES), many),
        ("event-driven, SMA 20/50 as a signal, 1 instrument", Averages, [bar]),
    ]
    for name, make, bars in cases:
        seconds, result = best(lambda make=make, bars=bars: run(make(), bars, costs=COSTS))
        tell(name, seconds, count, fills=len(result.fills), equity=float(result.equity))


def compiled(data: Prices, count: int) -> None:
    bar, loop = data.bar("ONE"), bare(FAST, SLOW)
    loop(data.opens[:1000], data.closes[:1000])
    seconds, answer = best(lambda: loop(data.opens, data.closes))
    tell("bare numba loop, nothing kept", seconds, count, fills=answer[0], equity=round(answer[1], 4))
    strategy, frame = Averages(), frame_of([bar])
    terms = terms_of(CASH, COSTS, COSTS.rules, strategy.units, strategy.lot, AccountKind.CASH)

    def whole() -> kernel.Played:
        tape = tape_of([bar], COSTS, COSTS.rules)
        return kernel.play(tape.table, turns_of(strategy, frame), tape.actions, terms)

    seconds, played = best(whole)
    tell(
        "compiled, data prepared, SMA 20/50",
        seconds,
        count,
        fills=len(played.fills),
        equity=played.equity / 1e6,
    )
    tape, changes = tape_of([bar], COSTS, COSTS.rules), turns_of(strategy, frame)
    few = changes[:: max(1, len(changes) // (count // 1000))][: count // 1000].copy()
    few[:, 2] = np.where(np.arange(len(few)) % 2 == 0, 10**9, 0)
    for name, these in (("kernel alone, SMA 20/50", changes), ("kernel alone, 1,000 fills a million", few)):
        seconds, played = best(lambda these=these: kernel.play(tape.table, these, tape.actions, terms))
        tell(name, seconds, count, fills=len(played.fills), equity=played.equity / 1e6)


def sweep_once() -> None:
    """Run in a process of its own, for its memory."""
    bar = generate(100_000, 7).bar("ONE")
    axes = {"fast": FASTS, "slow": SLOWS}

    def work() -> Any:
        return sweep(Averages, [bar], Grid(Averages, axes), cash=CASH, costs=COSTS, jobs=2)

    start = time.perf_counter()
    work()
    first = time.perf_counter() - start
    seconds, result = best(work, 5)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    fills = sum(len(one.fills) for one in result.tried)
    equity = sum(float(one.figures.equity) for one in result.tried)
    print(
        json.dumps([first, seconds, memory, fills, equity, sum(bool(one.engine) for one in result.figures)])
    )


def new_processes() -> None:
    seconds, _ = fresh("pass")
    tell("a Python process", seconds)
    took, _ = fresh("import traderbot")
    tell("import traderbot, without the process", took - seconds)
    _, said = fresh("import backtests; backtests.sweep_once()")
    first, warm, memory, fills, equity, engine = json.loads(said)
    tell("sweep 400 x 100k, first in its process", first, 40_000_000)
    tell(
        "sweep 400 x 100k, warm, 2 threads",
        warm,
        40_000_000,
        fills=fills,
        equity=round(equity, 4),
        mb=memory,
        by_engine=engine,
    )
    code = (
        "import time; start = time.perf_counter(); import backtests as b;"
        "bar = b.generate(1000, 7).bar('ONE');"
        "b.sweep(b.Averages, [bar], b.Grid(b.Averages, {'fast': [5]}), costs=b.COSTS);"
        "print(time.perf_counter() - start)"
    )
    _, said = fresh(code)
    tell("first compiled call in a new process, imports included", float(said))


def peers(data: Prices) -> None:
    python = os.environ.get("TRADERBOT_PEER_PYTHON")
    if python is None:
        print("peers: TRADERBOT_PEER_PYTHON names no interpreter, left out")
        return
    with tempfile.TemporaryDirectory() as folder:
        for label, prices, script, what in (
            ("1M", data, "vectorbt_peer.py", "single"),
            ("400 x 100k", generate(100_000, 7), "vectorbt_peer.py", "sweep"),
            ("1M", data, "backtesting_peer.py", ""),
        ):
            path = Path(folder) / "bars.npz"
            columns = {name: getattr(prices, name + "s") / 1e5 for name in ("open", "high", "low", "close")}
            np.savez(path, times=prices.times, volume=prices.volumes.astype(np.float64), **columns)
            command = [python, str(HERE / "peers" / script), str(path), *([what] if what else [])]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            for line in said.splitlines():
                found = json.loads(line)
                bars = 40_000_000 if what == "sweep" else len(prices.times)
                more = {
                    "fills": found["fills"],
                    "equity": round(found["equity"], 4),
                    "mb": round(found["mb"]),
                }
                tell(f"{found['name']}, {label} {what}".strip(), found["seconds"], bars, **more)


def main() -> None:
    count = int(sys.argv[1].replace("_", "").replace(",", "")) if len(sys.argv) > 1 else 1_000_000
    data = generate(count, 42)
    new_processes()
    compiled(data, count)
    event_driven(data, count)
    peers(data)


if __name__ == "__main__":
    main()
