"""Books on real and on made-up prices."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.market.bars import TimeFrame, make_bars
from traderbot.market.calendars import sessions_between
from traderbot.market.datasets import Dataset, Instrument, make_dataset
from traderbot.market.demo import build_demo
from traderbot.model.amounts import Money, Quantity
from traderbot.model.symbols import Symbol
from traderbot.risk.book import Book, Held

demo = cache(build_demo)


def at(day: str) -> int:
    """The evening of a day, microseconds."""
    return int(np.datetime64(f"{day}T23:00", "us").astype(np.int64))


def book(
    dataset: Dataset, time: int, holdings: Mapping[str, int], cash: int = 10_000, peak: int | None = None
) -> Book:
    """qty by symbol, at the last closes known."""
    held = []
    for name, qty in sorted(holdings.items()):
        bars = dataset.bars[Symbol(name)].until(time)
        value = Decimal(qty) * Decimal(str(round(float(bars.close[-1]), 4)))
        held.append(Held(Symbol(name), Quantity(Decimal(qty)), Money(value)))
    equity = Decimal(cash) + sum((one.value for one in held), Decimal(0))
    return Book(dataset, time, "USD", equity, tuple(held), None if peak is None else Decimal(peak))


def made_up(closes: Mapping[str, Floats], first: date = date(2015, 1, 2)) -> Dataset:
    """Daily bars that begin on a session; NaN leaves a bar out."""
    count = max(len(one) for one in closes.values())
    sessions = sessions_between("XNYS", first, date(first.year + count // 200 + 2, 1, 1))
    bars = {}
    for name, close in closes.items():
        there = ~np.isnan(close)
        times, price = sessions.closes[: len(close)][there], close[there]
        volume = np.full(len(price), 1e6)
        bars[Symbol(name)] = make_bars(Symbol(name), times, price, price, price, price, volume)
    instruments = [Instrument(Symbol(name), name, "XNYS") for name in closes]
    return make_dataset(
        "made-up", "XNYS", TimeFrame.DAY, instruments, bars, [], sessions, source="test", licence="none"
    )


def walk(seed: int, count: int = 800, deviation: float = 0.01) -> Floats:
    """A price that goes at random."""
    return np.asarray(50 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, deviation, count))))
