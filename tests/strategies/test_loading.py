"""Strategies by name and out of files."""

import sys
from pathlib import Path

import pytest

from traderbot.model.errors import InvalidValue
from traderbot.strategies.loading import received, strategy_class, to_send
from traderbot.strategies.moving_average import MovingAverageCrossover

pytestmark = pytest.mark.unit

ONE = "from traderbot.strategies.base import Strategy\n\n\nclass Mine(Strategy):\n    name = 'mine'\n"
TWO = ONE + "\n\nclass Other(Mine):\n    name = 'other'\n"


def test_a_name_is_of_the_catalogue() -> None:
    assert strategy_class("moving-average") is MovingAverageCrossover


def test_a_file_gives_its_strategy(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(ONE)
    assert strategy_class(str(file)).name == "mine"


def test_what_is_sent_to_another_process_is_found_there_again(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(ONE)
    assert to_send(strategy_class(str(file))) == f"{file.resolve()}:Mine"
    assert received(f"{file.resolve()}:Mine").name == "mine"
    assert received(to_send(MovingAverageCrossover)) is MovingAverageCrossover


def test_of_several_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(TWO)
    assert strategy_class(f"{file}:Other").name == "other"
    with pytest.raises(InvalidValue, match="CLASS with one of Mine, Other"):
        strategy_class(str(file))
    with pytest.raises(InvalidValue, match="Mine, Other, got 'Third'"):
        strategy_class(f"{file}:Third")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "one strategy in"),
        ("x = 1\ny = (\n", "mine.py line 2: SyntaxError"),
        ("x = 1\n1 / 0\n", "mine.py line 2: ZeroDivisionError: division by zero"),
        ("import nowhere_at_all\n", "mine.py line 1: ModuleNotFoundError"),
        ("raise SystemExit(0)\n", "mine.py line 1: SystemExit"),
    ],
)
def test_a_file_without_a_strategy_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(text)
    with pytest.raises(InvalidValue, match=said):
        strategy_class(str(file))


@pytest.mark.parametrize("text", ["momentum-of-mine", "nowhere.py", "nowhere.py:Mine"])
def test_what_is_not_there_is_refused_with_what_is(text: str) -> None:
    with pytest.raises(InvalidValue, match="moving-average"):
        strategy_class(text)


NEIGHBOURLY = """import random
from helpers import NAME, stdlib
from traderbot.strategies.base import Strategy


class Mine(Strategy):
    name = NAME

    def on_start(self, ctx):
        import helpers

        self.again = helpers.NAME
"""


def neighbourly(folder: Path, name: str) -> Path:
    folder.mkdir()
    (folder / "helpers.py").write_text(f"import random\n\nNAME = {name!r}\nstdlib = random.Random\n")
    (folder / "random.py").write_text("raise ValueError('a neighbour stands in for the standard library')\n")
    file = folder / "mine.py"
    file.write_text(NEIGHBOURLY)
    return file


def test_what_lies_beside_a_file_can_be_imported_and_nothing_of_it_stays(tmp_path: Path) -> None:
    paths, finders = list(sys.path), list(sys.meta_path)
    one, two = (neighbourly(tmp_path / name, name) for name in ("one", "two"))
    assert strategy_class(str(one)).name == "one"
    kind = strategy_class(str(two))
    assert kind.name == "two"  # and not what the file in the other folder found
    started = kind()
    started.on_start(None)  # type: ignore[arg-type]
    assert vars(started)["again"] == "two"
    assert (sys.path, sys.meta_path) == (paths, finders)
    (tmp_path / "two" / "helpers.py").write_text("NAME = 'three and more'\nstdlib = 1\n")
    assert strategy_class(str(two)).name == "three and more"


def test_a_fault_of_a_neighbour_is_told_with_its_place(tmp_path: Path) -> None:
    file = neighbourly(tmp_path / "one", "one")
    (file.parent / "helpers.py").write_text("x = 1\ny = (\n")
    with pytest.raises(InvalidValue, match=r"helpers\.py line 2: SyntaxError"):
        strategy_class(str(file))
    (file.parent / "helpers.py").unlink()
    with pytest.raises(InvalidValue, match=r"mine\.py line 2: ModuleNotFoundError: No module named"):
        strategy_class(str(file))
