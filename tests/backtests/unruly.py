"""Strategies that no process should be without limits for, on offer here and in the processes of a test."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from traderbot.model.bars import Bar, Floats
from traderbot.model.events import OrderFilled
from traderbot.strategies.base import Context, Strategy
from traderbot.strategies.catalogue import CATALOGUE
from traderbot.strategies.parameters import Whole
from traderbot.strategies.signals import Frame, SignalStrategy

TESTS = Path(__file__).parents[1]


class Loops(Strategy):
    """Never comes back from its first bar."""

    name = "loops"

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        while True:
            pass


class Eats(Strategy):
    """Takes memory at every bar."""

    name = "eats"

    def __init__(self, **values: object) -> None:
        super().__init__(**values)
        self.kept: list[bytes] = []

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        self.kept.append(os.urandom(1 << 20))


class Raises(Strategy):
    """Divides by zero."""

    name = "raises"

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        _ = 1 / (bar.index * 0)


class Dawdles(Strategy):
    """Sleeps at every bar: not by processor time, but it takes its time."""

    name = "dawdles"

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        time.sleep(0.02)


class Ponders(SignalStrategy):
    """A signal whose every order takes a moment."""

    name = "ponders"

    def signal(self, frame: Frame) -> Floats:
        return np.where(np.nan_to_num(frame.close * 100).astype(np.int64) % 5 < 2, 0.5, 0.0)

    def on_fill(self, ctx: Context, fill: OrderFilled) -> None:
        time.sleep(0.005)


class Tarries(Strategy):
    """Buys once, and takes its time before it begins."""

    name = "tarries"
    days = Whole(10, 1, 100)

    def on_start(self, ctx: Context) -> None:
        time.sleep(0.1)

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        if bar.index % self.days == 0:
            ctx.buy(bar.symbol, 1)


class Dies(Strategy):
    """Ends its process without a word."""

    name = "dies"

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        os.kill(os.getpid(), 9)


UNRULY = (Loops, Eats, Raises, Dawdles, Ponders, Tarries, Dies)


def offer_here() -> None:
    """In a process that is told to import this."""
    CATALOGUE.update({kind.name: kind for kind in UNRULY})


def offer(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Here and in every process started from here, for one test."""
    for kind in UNRULY:
        monkeypatch.setitem(CATALOGUE, kind.name, kind)
    (folder / "sitecustomize.py").write_text("from backtests.unruly import offer_here\n\noffer_here()\n")
    paths = [str(folder), str(TESTS), str(TESTS.parent / "src")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
