"""A warm-up of the wrong type is told with the file and the line, before anything is run."""

from pathlib import Path

import numpy as np
import pytest

from traderbot.backtests.material import strategy_of
from traderbot.backtests.sweeping.search import Grid
from traderbot.backtests.sweeping.sweep import sweep
from traderbot.model.bars import Bar
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol
from traderbot.strategies.loading import strategy_class

pytestmark = pytest.mark.unit

HEAD = """import numpy as np
from traderbot.strategies.parameters import Whole
from traderbot.strategies.signals import SignalStrategy


class Mine(SignalStrategy):
    name = "mine"
    bars = Whole(3, least=1, most=9)

    def signal(self, frame):
        return np.ones_like(frame.close)

"""
PROPERTY = "    @property\n    def warm_up(self):\n        return {}\n"


def written(folder: Path, text: str) -> str:
    file = folder / "mine.py"
    file.write_text(HEAD + text)
    return str(file)


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        (PROPERTY.format('"20"'), 14, "20"),
        (PROPERTY.format("2.5"), 14, "2.5"),
        (PROPERTY.format("-1"), 14, "-1"),
        (PROPERTY.format("True"), 14, "True"),
        (PROPERTY.format("None"), 14, "None"),
        (PROPERTY.format("1 / 0"), 14, "ZeroDivisionError"),
        ("    def warm_up(self):\n        return 20\n", 13, "put @property above it"),
        ('    warm_up = "20"\n', 13, "20"),
    ],
)
def test_a_wrong_warm_up_names_file_and_line(tmp_path: Path, text: str, line: int, told: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(InvalidValue) as refused:
        strategy_of(file, {})
    assert refused.value.field == f"mine.warm_up (mine.py line {line})"
    assert "a whole number of bars from 0 on" in refused.value.detail
    assert told in refused.value.detail
    with pytest.raises(InvalidValue):
        strategy_of(strategy_class(file)(), {})
    days, flat = np.arange(1, 31) * 86_400_000_000, np.full(30, 10.0)
    bar = Bar(Symbol("AAA"), days, flat, flat, flat, flat, flat)
    with pytest.raises(InvalidValue, match=r"mine\.py line"):
        sweep(strategy_class(file), [bar], Grid(strategy_class(file), {"bars": [3]}))


@pytest.mark.parametrize("text", ["", PROPERTY.format("self.bars"), "    warm_up = 20\n"])
def test_a_whole_number_is_taken(tmp_path: Path, text: str) -> None:
    assert strategy_of(written(tmp_path, text), {"bars": "5"}).warm_up in (0, 5, 20)
