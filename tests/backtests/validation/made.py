"""Data with a known truth, and strategies that are honest, lucky or cheating on purpose."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from traderbot.backtests.validation.subject import Subject
from traderbot.market.bars import Bars, make_bars
from traderbot.model.bars import Bar
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs
from traderbot.strategies.base import Context, Strategy
from traderbot.strategies.parameters import Whole

DAY = 86_400_000_000
FIRST = 10_957 * DAY + 21 * 3_600_000_000  # 2000-01-01, 21:00 UTC
AAA, BBB = Symbol("AAA"), Symbol("BBB")


def bars_of(closes: np.ndarray, symbol: Symbol = AAA, volume: float = 1e9) -> Bars:
    """Daily bars that open at the close before."""
    closes = np.round(closes, 2)
    opens = np.concatenate([closes[:1], closes[:-1]])
    times = FIRST + np.arange(len(closes)) * DAY
    highs, lows = np.maximum(opens, closes), np.minimum(opens, closes)
    return make_bars(symbol, times, opens, highs, lows, closes, np.full(len(closes), volume))


def walk(rows: int, seed: int, drift: float = 0.0, scale: float = 0.01) -> np.ndarray:
    return 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(drift, scale, rows)))


def level(rows: int, seed: int) -> np.ndarray:
    """A walk that ends where it begins."""
    steps = np.random.default_rng(seed).normal(0, 0.01, rows)
    return 100 * np.exp(np.cumsum(steps - steps.mean()))


def waves(rows: int, seed: int, scale: float = 0.008) -> np.ndarray:
    """Trends of random length and direction under noise: what a short average really follows."""
    random = np.random.default_rng(seed)
    drift = np.repeat(random.choice([-0.003, 0.003], rows // 20 + 1), 20)[:rows]
    return 100 * np.exp(np.cumsum(drift + random.normal(0, scale, rows)))


class Trend(Strategy):
    """Holds what stands above its average of `length` closes."""

    name = "trend"
    length = Whole(6, 2, 2000)

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        closes = ctx.history(bar.symbol, self.length).closes
        if len(closes) < self.length:
            return
        hold(ctx, bar, bar.close > closes.mean())


class Peeking(Strategy):
    """Buys before a rise: it reads the next bar's close, as close.shift(-1) does."""

    name = "peeking"

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        closes = bar._columns[4]
        following = closes[bar.index + 1] if bar.index + 1 < len(closes) else bar.close
        hold(ctx, bar, following > bar.close)


class Dice(Strategy):
    """Long or flat by nothing but its number: no skill at all, and as many variants as one likes."""

    name = "dice"

    number = Whole(0, 0, 1000)

    def __init__(self, **values: object) -> None:
        super().__init__(**values)
        self.throws = np.random.default_rng(self.number).random(4000) < 0.5

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        hold(ctx, bar, bool(self.throws[(bar.time - FIRST) // (5 * DAY)]))


class Forever(Strategy):
    """Goes by all bars since the first, though it declares no warm-up: long where those of the past rose."""

    name = "forever"

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        closes = ctx.history(bar.symbol).closes
        hold(ctx, bar, bar.close > closes[0])


def hold(ctx: Context, bar: Bar, wanted: bool, qty: int = 100) -> None:
    held = ctx.position(bar.symbol)
    if wanted and not held:
        ctx.buy(bar.symbol, qty)
    elif held and not wanted:
        ctx.sell(bar.symbol, held)


def subject(
    kind: type[Strategy],
    *bars: Bars,
    chosen: Mapping[str, object] | None = None,
    grid: Mapping[str, Any] | None = None,
    warm_up: int = 0,
    cash: int = 100_000,
) -> Subject:
    return Subject(
        name=kind.name,
        make=lambda values: kind(**values),
        bars=bars,
        chosen=chosen or {},
        grid=grid or {},
        cash=Decimal(cash),  # type: ignore[arg-type]  # as written in a test
        costs=Costs(slippage=Decimal("0.0001")),
        warm_up=warm_up,
    )
