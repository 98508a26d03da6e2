"""Strategies that no process should be without limits for, on offer here and in the processes of a test."""

import os
import time
from pathlib import Path

import pytest

from traderbot.model.bars import Bar
from traderbot.strategies.base import Context, Strategy
from traderbot.strategies.catalogue import CATALOGUE

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


class Dies(Strategy):
    """Ends its process without a word."""

    name = "dies"

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        os.kill(os.getpid(), 9)


UNRULY = (Loops, Eats, Raises, Dawdles, Dies)


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
