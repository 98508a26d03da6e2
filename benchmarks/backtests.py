"""Backtests: the event-driven engine, the compiled kernel and sweeps, beside plain baselines and peers.

Usage: python benchmarks/backtests.py [--bars N] [--rounds N] [PART...], parts: new, event, signal, single,
sweep, memory. A table, and a JSON line for each measurement. TRADERBOT_PEER_PYTHON names the interpreter of
an environment with vectorbt and backtesting, TRADERBOT_NAUTILUS_PYTHON of one with nautilus_trader; they do
the same work in the same run, in turn. Seconds are those of the processor, as others share the cores: the
best of a few, or the median where two are compared; where several threads work, those of the clock.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from beside import HERE, Outcome, best, fresh, in_turn, peer, reach, tell, timed
from engine import COSTS, FAST, SHARES, SLOW, Prices, generate, plain_loop
from traderbot.analytics.indicators import moving_average
from traderbot.backtests.runner import Result, run
from traderbot.backtests.sweeping import kernel
from traderbot.backtests.sweeping.search import Grid
from traderbot.backtests.sweeping.sweep import sweep
from traderbot.backtests.sweeping.tape import tape_of, terms_of
from traderbot.backtests.turning import turns_of
from traderbot.model.account import AccountKind
from traderbot.model.amounts import Money
from traderbot.model.bars import Bar, Floats
from traderbot.model.errors import InvalidValue
from traderbot.strategies.base import Strategy
from traderbot.strategies.cross_sectional_momentum import CrossSectionalMomentum
from traderbot.strategies.moving_average import MovingAverageCrossover
from traderbot.strategies.parameters import Whole
from traderbot.strategies.signals import Frame, SignalStrategy, frame_of

CASH = Money(Decimal(1_000_000))
FASTS, SLOWS = list(range(5, 25)), list(range(30, 130, 5))
PARTS = ("new", "event", "signal", "single", "sweep", "memory")
RESEARCH, NAUTILUS = "TRADERBOT_PEER_PYTHON", "TRADERBOT_NAUTILUS_PYTHON"


@njit(cache=True)
def above(closes, fast, slow):  # type: ignore[no-untyped-def]
    """1 where the fast average is above the slow one, else 0, in one pass over whole hundred-thousandths."""
    found = np.full((len(closes), 1), np.nan)
    fast_sum = slow_sum = 0
    for row in range(len(closes)):
        close = np.int64(np.rint(closes[row, 0] * 1e5))
        fast_sum, slow_sum = fast_sum + close, slow_sum + close
        if row >= fast:
            fast_sum -= np.int64(np.rint(closes[row - fast, 0] * 1e5))
        if row >= slow:
            slow_sum -= np.int64(np.rint(closes[row - slow, 0] * 1e5))
        if row >= slow - 1:
            found[row, 0] = 1.0 if fast_sum * slow > slow_sum * fast else 0.0
    return found


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


class Compiled(Averages):
    """The same, its signal compiled by numba."""

    name = "averages-compiled"

    def signal(self, frame: Frame) -> Floats:
        found: Floats = above(frame.close, self.fast, self.slow)
        return found


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


def played(make: Callable[[], Strategy], bars: Sequence[Bar]) -> Outcome:
    def work() -> tuple[int, float]:
        result = run(make(), bars, costs=COSTS)
        return len(result.fills), float(result.equity)

    return timed(work)


def new_process(name: str, code: str, asked: float, goes: int = 3, less: float = 0, bars: int = 0) -> str:
    """A line of a new process: processor time, beside that of the clock."""
    clock, processor, said = fresh(code, goes)
    tell(name, processor - less, bars, clock=round(clock - less, 3))
    if asked:
        reach(name, processor - less, asked, "s")
    return said


def new_processes() -> None:
    empty = fresh("pass")[1]
    new_process("a Python process", "pass", 0)
    new_process("import traderbot, without the process", "import traderbot", 0.3, less=empty)
    code = (
        "import backtests as b; bar = b.generate(1000, 7).bar('ONE');"
        "b.sweep(b.Averages, [bar], b.Grid(b.Averages, {'fast': [5]}), costs=b.COSTS)"
    )
    new_process("first compiled call in a new process, imports included", code, 1.5, 5)
    with tempfile.TemporaryDirectory() as home:
        code = (
            "import sys; from traderbot.cli.main import app;"
            f"sys.argv = ['traderbot', 'backtest', 'run', 'moving-average', '--home', '{home}',"
            f" '--out', '{home}/' + str(__import__('uuid').uuid4())]; app()"
        )
        said = new_process("first backtest from the shell: five stocks, data, report", code, 5, 1)
        print(next(line for line in said.splitlines() if line.split()[:1] == ["bars"]))
        new_process("the second", code, 0)


def event_driven(data: Prices, rounds: int, folder: Path) -> None:
    count, bar = len(data.times), data.bar("ONE")

    def crossover() -> Strategy:
        return MovingAverageCrossover(fast=FAST, slow=SLOW, qty=SHARES)

    seconds, answer = best(lambda: plain_loop(data))
    tell("plain Python loop, no engine", seconds, count, fills=answer[0], equity=round(answer[1], 6))
    many = [generate(count // 20, 100 + number).bar(f"N{number}") for number in range(20)]
    seconds, quiet = best(lambda: run(Strategy(), [bar], costs=COSTS))
    tell("traderbot, on_bar that does nothing", seconds, count, fills=len(quiet.fills))
    reach("a strategy that does nothing, millions of bars a second", count / seconds / 1e6, 2)
    part = Bar(bar.symbol, *(column[: count // 5] for column in bar.whole()))
    pairs = [(played(crossover, [part]), played(crossover, [bar])) for _ in range(rounds)]
    reach(
        "time of all bars over that of a fifth",
        min(b.processor / a.processor for a, b in pairs),
        5.5,
        "times",
    )
    with peer(RESEARCH, "backtesting_peer.py", data, folder) as other:
        if other is not None:
            in_turn(
                "on_bar, SMA 20/50", lambda: played(crossover, [bar]), other, rounds, count, asked=3.5,
            )  # fmt: skip
    few = min(count, 50_000)
    with peer(NAUTILUS, "nautilus_peer.py", data, folder, str(few)) as other:
        if other is not None:
            in_turn(
                "on_bar, SMA 20/50", lambda: played(crossover, [bar]), other, rounds, count, asked=35,
                other_bars=few,
            )  # fmt: skip
            fills, equity = at_the_close(data, few)
            print(f"  what it is to come to, at the close: {fills:,} fills, equity {equity:,}")
    seconds, result = best(lambda: run(crossover(), many, costs=COSTS))
    tell(
        "traderbot, on_bar, SMA 20/50, 20 instruments", seconds, count, fills=len(result.fills),
        equity=float(result.equity),
    )  # fmt: skip


def at_the_close(data: Prices, count: int) -> tuple[int, float]:
    """Fills and equity of the crossover where orders fill at the close they were decided on."""
    closes = data.closes[:count]
    targets = above((closes / 1e5)[:, None], FAST, SLOW)[:, 0]
    fills, cash, held = 0, 1e6, 0
    for price, target in zip((closes / 1e5).tolist(), targets.tolist(), strict=True):
        wanted = SHARES if target == 1 else 0
        if wanted != held:
            cash -= (wanted - held) * price + abs(wanted - held) * price * 1e-4
            fills, held = fills + 1, wanted
    return fills, round(cash + held * float(closes[-1]) / 1e5, 6)


def signals(data: Prices) -> None:
    """A compiled signal in the event loop: every order through gate, ledger and lots."""
    count, bar = len(data.times), data.bar("ONE")
    for fast, slow in ((1_000, 4_000), (500, 1_500), (FAST, SLOW)):
        seconds, result = best(lambda f=fast, s=slow: run(Compiled(fast=f, slow=s), [bar], costs=COSTS), 9)
        fills = len(result.fills)
        label = f"compiled signal in the event loop, averages {fast}/{slow}"
        tell(label, seconds, count, fills=fills, equity=float(result.equity))
        if slow > SLOW:
            each = fills * 1_000_000 // count
            reach(f"millions of bars a second at {each} fills a million", count / seconds / 1e6, 20)
    seconds, result = best(lambda: run(Averages(), [bar], costs=COSTS))
    tell("numpy signal in the event loop, SMA 20/50", seconds, count, fills=len(result.fills))


def single(data: Prices, rounds: int, folder: Path) -> None:
    """One compiled run from columns of floats to fills and equity, beside vectorbt's."""
    count, bar, loop = len(data.times), data.bar("ONE"), bare(FAST, SLOW)
    loop(data.opens[:1000], data.closes[:1000])
    seconds, answer = best(lambda: loop(data.opens, data.closes))
    tell("bare numba loop, nothing kept", seconds, count, fills=answer[0], equity=round(answer[1], 6))

    def whole(strategy: SignalStrategy) -> tuple[int, float]:
        terms = terms_of(CASH, COSTS, COSTS.rules, strategy.units, strategy.lot, AccountKind.CASH)
        tape = tape_of([bar], COSTS, COSTS.rules)
        found = kernel.play(tape.prices, turns_of(strategy, frame_of([bar])), tape.actions, terms)
        return len(found.fills), found.equity / 1e6

    for make in (Averages, Compiled):
        seconds, (fills, equity) = best(lambda make=make: whole(make()), 5)
        label = f"compiled run from bars, signal in {'numba' if make is Compiled else 'numpy'}"
        tell(label, seconds, count, fills=fills, equity=equity)
    with peer(RESEARCH, "vectorbt_peer.py", data, folder, "single") as other:
        if other is not None:
            in_turn(
                "compiled run, SMA 20/50", lambda: timed(lambda: whole(Compiled())), other, 3 * rounds, count,
                asked=8, compiles=True,
            )  # fmt: skip


def sweep_once() -> tuple[int, float]:
    bar = generate(100_000, 7).bar("ONE")
    grid = Grid(Averages, {"fast": FASTS, "slow": SLOWS})
    result = sweep(Averages, [bar], grid, cash=CASH, costs=COSTS, jobs=2)
    assert not any(one.engine for one in result.figures)  # the kernel played them all
    return sum(len(one.fills) for one in result.tried), sum(
        float(one.figures.equity or 0) for one in result.tried
    )


def sweep_alone() -> None:
    """Run in a process of its own, for its memory: the first sweep, the best of five more, peak."""
    first = timed(sweep_once)
    warm = min(timed(sweep_once) for _ in range(5))
    memory = peak_mb()
    print(json.dumps([first.seconds, warm, memory]))


def sweeps(rounds: int, folder: Path) -> None:
    bars = 40_000_000
    first, warm, memory = json.loads(fresh("import backtests; backtests.sweep_alone()", 1)[2])
    seconds, _, fills, equity = warm
    tell("sweep 400 x 100k, first in its process, by the clock", first, bars)
    tell("sweep 400 x 100k, 2 threads, by the clock", seconds, bars, fills=fills, equity=equity, mb=memory)
    reach("memory of the sweep", memory, 400, "MB")
    sweep_once()
    with peer(RESEARCH, "vectorbt_peer.py", generate(100_000, 7), folder, "sweep") as other:
        if other is not None:
            in_turn(
                "sweep 400 x 100k", lambda: timed(sweep_once), other, min(rounds, 2), bars,
                asked=20, compiles=True, by="seconds",
            )  # fmt: skip
            reach("memory of the sweep, share of vectorbt's", memory / other.mb, 0.1, "of it")


def universe() -> None:
    """Run in a process of its own, for its memory: 500 stocks, five years of days, cross-sectional."""
    bars = [generate(1260, 1_000 + number).bar(f"S{number}") for number in range(500)]
    for number, bar in enumerate(bars):
        times, *rest = bar.whole()
        bars[number] = Bar(bar.symbol, times[0] + np.arange(len(times)) * 86_400_000_000, *rest)
    start = time.process_time()
    result: Result = run(CrossSectionalMomentum(), bars, costs=COSTS)
    seconds = time.process_time() - start
    memory = peak_mb()
    print(json.dumps([seconds, len(result.fills), float(result.equity), memory]))


def peak_mb() -> int:
    """Most memory that this program held. getrusage would count what the starting process held, too: Linux
    keeps the greater of both over an exec.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) // 1024


def universes() -> None:
    seconds, fills, equity, memory = json.loads(fresh("import backtests; backtests.universe()", 1)[2])
    tell("500 stocks x 5 years, cross-sectional", seconds, 630_000, fills=fills, equity=equity, mb=memory)
    reach("memory of 500 stocks x 5 years", memory, 2048, "MB")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("parts", nargs="*", choices=[*PARTS, []])
    options.add_argument("--bars", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    parts = given.parts or PARTS
    print(f"Python {sys.version.split()[0]}, numpy {np.__version__}, from {HERE}")
    data = generate(given.bars, 42)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for part, work in (
            ("new", new_processes),
            ("event", lambda: event_driven(data, given.rounds, folder)),
            ("signal", lambda: signals(data)),
            ("single", lambda: single(data, given.rounds, folder)),
            ("sweep", lambda: sweeps(given.rounds, folder)),
            ("memory", universes),
        ):
            if part in parts:
                work()


if __name__ == "__main__":
    main()
