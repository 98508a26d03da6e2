"""`traderbot strategy`: what is listed, shown and begun."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from traderbot.cli.main import app
from traderbot.strategies.catalogue import CATALOGUE

pytestmark = pytest.mark.integration


def said(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["strategy", *arguments], env={"COLUMNS": "200"})
    return result.exit_code, result.output + (result.stderr if result.stderr_bytes else "")


def test_every_strategy_is_listed() -> None:
    code, output = said("list")
    assert code == 0
    assert all(name in output for name in CATALOGUE)


def test_parameters_are_shown_with_their_ranges() -> None:
    code, output = said("show", "moving-average")
    assert code == 0
    assert "a whole number from 2 to 5000" in output


def test_a_new_strategy_and_its_test_run_as_they_were_written(tmp_path: Path) -> None:
    code, output = said("new", "my_momentum", "--in", str(tmp_path))
    assert code == 0, output
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_momentum.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    code, output = said("show", str(tmp_path / "my_momentum.py"))
    assert (code, "invested" in output) == (0, True)


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("kept")
    code, output = said("new", "mine", "--in", str(tmp_path))
    assert code != 0
    assert "left as it is" in output
    assert [file.name for file in tmp_path.iterdir()] == ["test_mine.py"]


@pytest.mark.parametrize("name", ["My", "1x", "a-b", "../x", "a__b", "", "x" * 41])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    code, output = said("new", name, "--in", str(tmp_path / "new"))
    assert code != 0
    assert "name: expected small letters" in output
    assert not (tmp_path / "new").exists()
