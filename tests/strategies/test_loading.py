"""Strategies by name and out of files."""

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
