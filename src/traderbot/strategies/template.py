"""The text of a new strategy and of its test."""

import re

from traderbot.model.errors import InvalidValue

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LENGTH_MAX = 40


def new_strategy(name: str) -> dict[str, str]:
    """The files of a strategy of that name: its own and its test, by file name. Errors: InvalidValue."""
    given, name = name, name.replace("-", "_")
    if len(name) > _LENGTH_MAX or _NAME.fullmatch(name) is None:
        raise InvalidValue("name", "small letters, digits and single hyphens, such as my-momentum", given)
    kind = "".join(part.capitalize() for part in name.split("_"))
    words = {"NAME": name, "DASHED": name.replace("_", "-"), "KIND": kind}
    return {
        f"{name}.py": _filled(_STRATEGY, words),
        f"test_{name}.py": _filled(_TEST, words),
    }


def _filled(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text


_STRATEGY = '''"""@KIND@: holds what has risen over the last bars, in equal parts."""

import numpy as np

from traderbot.strategies.parameters import Real, Whole
from traderbot.strategies.signals import Frame, SignalStrategy


class @KIND@(SignalStrategy):
    """bars: how far back is looked; invested: the most of equity that is held in shares."""

    name = "@DASHED@"

    # Parameters: a first value, a least and a most. `traderbot backtest sweep` searches in between.
    bars = Whole(60, 2, 500)
    invested = Real(0.9, 0.1, 1.0)

    @property
    def warm_up(self) -> int:
        """Rows of history that a conclusion needs. Until then nothing is traded."""
        return self.bars

    def signal(self, frame: Frame) -> np.ndarray:
        """Targets by bar (row) and instrument (column), as fractions of equity; NaN keeps what is held.

        Row t may only use rows up to t: a signal that looks ahead is found and refused. `growth` has splits
        and dividends in it, so it says what was earned; raw prices jump at splits.
        """
        logs = np.log(frame.growth)
        rise = np.full(logs.shape, np.nan)
        for row in range(self.bars, len(logs)):
            rise[row] = logs[row - self.bars + 1 : row + 1].sum(axis=0)  # NaN where bars are missing
        rising = rise > 0
        share = self.invested / np.maximum(rising.sum(axis=1, keepdims=True), 1)
        return np.where(np.isnan(rise), np.nan, np.where(rising, share, 0.0))
'''

_TEST = '''"""What @DASHED@ does on prices whose answer is known. Run: python -m pytest test_@NAME@.py"""

import numpy as np

from @NAME@ import @KIND@
from traderbot.backtests.runner import run
from traderbot.market.bars import DAY, make_bars
from traderbot.model.symbols import Symbol


def bars_of(name: str, closes: np.ndarray):
    """Daily bars that open at the close before."""
    opens = np.concatenate([closes[:1], closes[:-1]])
    times = 20 * DAY // 24 + DAY * np.arange(len(closes))
    low, high = np.minimum(opens, closes), np.maximum(opens, closes)
    return make_bars(Symbol(name), times, opens, high, low, closes, np.full(len(closes), 1e6)).cursor()


def test_it_holds_what_rises_and_not_what_falls() -> None:
    days = np.arange(200)
    rising, falling = bars_of("UP", 50 * 1.002**days), bars_of("DOWN", 50 * 0.998**days)
    result = run(@KIND@(bars=20), [rising, falling])
    assert {fill.symbol for fill in result.fills} == {"UP"}
    assert result.equity > 1_000_000


def test_a_run_can_be_repeated_to_the_cent() -> None:
    walk = 50 * np.exp(np.cumsum(np.random.default_rng(7).normal(0, 0.01, 400)))
    first, second = (run(@KIND@(), [bars_of("WALK", walk)]) for _ in range(2))
    assert first.equity == second.equity
    assert len(first.fills) == len(second.fills)
'''
