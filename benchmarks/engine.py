"""Bars a second of a backtest, the engine and broker of paper, against a plain Python loop in the same run.

Usage: python benchmarks/engine.py [bars]. The reference answer for 1,000,000 bars (seed 42, SMA 20/50, 100
shares, a fee of one basis point, fills at the next open): 22,489 fills, equity 979,423.5984548 without any
rounding. Here fees are rounded down to a millionth of a dollar, fill by fill.
"""

import sys
import time
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import numpy as np

from traderbot.backtests.runner import Result, run
from traderbot.model.bars import Bar
from traderbot.model.observations import DepthUpdate
from traderbot.model.orders import Order, OrderType, Side, TimeInForce
from traderbot.model.symbols import Symbol
from traderbot.simulation.book import Book
from traderbot.simulation.broker import SimulatedBroker
from traderbot.simulation.costs import Costs
from traderbot.simulation.memory import Memory
from traderbot.simulation.sessions import Moment
from traderbot.strategies.base import Context, Strategy
from traderbot.strategies.moving_average import MovingAverageCrossover

FAST, SLOW, SHARES = 20, 50, 100
BOOK, MIDDAY = Symbol("BOOK"), Moment()
REPEATS = 3
COSTS = Costs(fee_rate=Decimal("0.0001"), slippage=Decimal(0))


class Prices(NamedTuple):
    """Minute bars; prices in whole hundred-thousandths of a dollar, int64 (n,)."""

    times: np.ndarray
    opens: np.ndarray
    highs: np.ndarray
    lows: np.ndarray
    closes: np.ndarray
    volumes: np.ndarray

    def bar(self, name: str) -> Bar:
        opens, highs, lows, closes = (column / 1e5 for column in self[1:5])
        return Bar(Symbol(name), self.times, opens, highs, lows, closes, self.volumes.astype(np.float64))


def generate(count: int, seed: int) -> Prices:
    """A geometric walk from $100: each bar gaps from the last close, then moves."""
    random = np.random.Generator(np.random.PCG64(seed))
    moves = random.standard_normal(count) * 5e-4
    gaps = random.standard_normal(count) * 1e-4
    level = np.cumsum(moves + gaps)
    closes = np.rint(1e7 * np.exp(level)).astype(np.int64)
    opens = np.rint(1e7 * np.exp(level - moves)).astype(np.int64)
    up = np.abs(random.standard_normal(count)) * 2.5e-4
    down = np.abs(random.standard_normal(count)) * 2.5e-4
    highs = np.rint(np.maximum(opens, closes) * (1 + up)).astype(np.int64)
    lows = np.rint(np.minimum(opens, closes) * (1 - down)).astype(np.int64)
    volumes = random.integers(40_000, 400_000, count) * 4
    return Prices(1_600_000_020_000_000 + np.arange(count) * 60_000_000, opens, highs, lows, closes, volumes)


def plain_loop(data: Prices) -> tuple[int, float]:
    """The same strategy with everything inlined: no engine, no events, no books; money in floats."""
    opens, closes = (data.opens / 1e5).tolist(), (data.closes / 1e5).tolist()
    cash, held, wanted, fills = 1_000_000.0, 0, 0, 0
    fast_sum = slow_sum = 0.0
    for index, close in enumerate(closes):
        if wanted:
            price = opens[index]
            cash -= wanted * price + abs(wanted) * price * 1e-4
            held += wanted
            fills += 1
            wanted = 0
        fast_sum += close
        slow_sum += close
        if index >= FAST:
            fast_sum -= closes[index - FAST]
        if index >= SLOW:
            slow_sum -= closes[index - SLOW]
        if index >= SLOW - 1:
            if fast_sum * SLOW > slow_sum * FAST:
                if not held:
                    wanted = SHARES
            elif held:
                wanted = -held
    return fills, cash + held * closes[-1]


class Flip(Strategy):
    """Buys and sells in turn on every bar, to time the whole life of an order."""

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        (ctx.sell if ctx.position(bar.symbol) else ctx.buy)(bar.symbol, SHARES)


class Brackets(Strategy):
    """Enters with two exits whenever it is out of the market, to time stops, limits and groups."""

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        if not ctx.account.orders:
            gain, loss = f"{bar.close * 1.002:.2f}", f"{bar.close * 0.998:.2f}"
            ctx.buy(bar.symbol, SHARES, time_in_force=TimeInForce.GTC, take_profit=gain, stop_loss=loss)


def book_updates(count: int) -> list[DepthUpdate]:
    """Changes of three levels a side around a price that walks."""
    random = np.random.Generator(np.random.PCG64(7))
    middles = (10_000 + np.cumsum(random.integers(-1, 2, count))).tolist()
    sizes = random.integers(0, 50, (count, 6)).tolist()
    seen = []
    for number, (middle, row) in enumerate(zip(middles, sizes, strict=True)):
        bids = tuple((Decimal(middle - 1 - far), Decimal(size)) for far, size in enumerate(row[:3]))
        asks = tuple((Decimal(middle + 1 + far), Decimal(size)) for far, size in enumerate(row[3:]))
        seen.append(DepthUpdate(BOOK, number, number, bids, asks, snapshot=True))
    return seen


def watch_book(updates: list[DepthUpdate]) -> None:
    """A resting order that no change reaches, looked at after each of them."""
    order = Order(
        UUID(int=1), BOOK, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, Decimal(1), Decimal(1), Decimal(1),
        Decimal(0), Decimal(2), 0, None, "",
    )  # fmt: skip
    book, broker, memory = Book(BOOK), SimulatedBroker(COSTS), Memory()
    for update in updates:
        book.move(update)
        broker.reports([order], {BOOK: book}, update.at, MIDDAY, memory)


def measure(work: Callable[[], object]) -> float:
    """Least seconds of processor time of a few goes."""
    best = float("inf")
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def report(name: str, bars: int, seconds: float, baseline: float, answer: str = "") -> None:
    print(f"{name:<44}{bars / seconds:>12,.0f} bars/s {baseline / seconds:>7.2f}x  {answer}")


def main() -> None:
    count = int(sys.argv[1].replace("_", "").replace(",", "")) if len(sys.argv) > 1 else 1_000_000
    data = generate(count, 42)
    bar = data.bar("ONE")
    many = [generate(count // 20, 100 + number).bar(f"N{number}") for number in range(20)]
    answers: dict[str, Result] = {}

    def backtest(name: str, strategy: Callable[[], Strategy], bars: list[Bar]) -> float:
        def work() -> None:
            answers[name] = run(strategy(), bars, costs=COSTS)

        return measure(work)

    baseline = measure(lambda: plain_loop(data))
    fills, equity = plain_loop(data)
    report("plain Python loop, no engine", count, baseline, baseline, f"{fills:,} fills, {equity:,.4f}")
    for name, strategy, bars in (
        ("1 instrument, strategy that does nothing", Strategy, [bar]),
        ("1 instrument, SMA 20/50", lambda: MovingAverageCrossover(fast=FAST, slow=SLOW, qty=SHARES), [bar]),
        ("20 instruments, strategy that does nothing", Strategy, many),
        ("20 instruments, SMA 20/50", lambda: MovingAverageCrossover(fast=FAST, slow=SLOW, qty=SHARES), many),
    ):
        seconds = backtest(name, strategy, bars)
        result = answers[name]
        played = sum(len(instrument) for instrument in bars)
        report(name, played, seconds, baseline, f"{len(result.fills):,} fills, {result.equity:,f}")
    orders = generate(min(count, 20_000), 42).bar("ONE")
    seconds = backtest("flip", Flip, [orders])
    print(f"an order placed and filled: {seconds / len(answers['flip'].fills) * 1e6:.1f} microseconds")
    seconds = backtest("brackets", Brackets, [orders])
    entries = len(answers["brackets"].fills) / 2
    print(f"an entry with two exits, from start to end: {seconds / entries * 1e6:.1f} microseconds")
    updates = book_updates(min(count, 20_000))
    seconds = measure(lambda: watch_book(updates))
    print(f"changes of a book with an order resting in it: {len(updates) / seconds:,.0f} a second")


if __name__ == "__main__":
    main()
