"""`traderbot data`: good files are stored with a report, bad ones refused with reasons."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from traderbot.cli.main import app

pytestmark = pytest.mark.integration

GOOD = """date,open,high,low,close,volume
2005-01-03,10,11,9,10.5,1000
2005-01-04,10.5,11,10,10.8,1200
2005-01-05,10.8,11.2,10.5,11,900
"""
BAD_ROW = GOOD + "2005-01-06,11,10,12,11,900\n"


def run(home: Path, *words: str) -> Any:
    return CliRunner().invoke(app, ["data", *words, "--home", str(home)], env={"COLUMNS": "200"})


def file(folder: Path, text: str, name: str = "my prices.csv") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_a_good_file_is_stored_under_its_name_and_listed(tmp_path: Path) -> None:
    found = run(tmp_path / "home", "import", file(tmp_path, GOOD), "--symbol", "ACME")
    assert found.exit_code == 0, found.output
    assert "stored as my-prices in" in found.output
    listed = run(tmp_path / "home", "list")
    assert listed.exit_code == 0
    assert "my-prices" in listed.output
    assert "2005-01-03" in listed.output


def test_a_bad_row_is_set_aside_and_told(tmp_path: Path) -> None:
    found = run(tmp_path / "home", "import", file(tmp_path, BAD_ROW), "--symbol", "ACME", "--name", "acme")
    assert found.exit_code == 0, found.output
    assert "5" in found.output
    assert (tmp_path / "home" / "data" / "acme" / "quarantine.csv").exists()


@pytest.mark.parametrize(
    ("text", "words", "told"),
    [
        ("", ["--symbol", "ACME"], ""),
        ("a,b\n1,2\n", ["--symbol", "ACME"], "open"),
        (GOOD, ["--symbol", "acme!"], "symbol"),
        (GOOD, ["--symbol", "ACME", "--calendar", "MOON"], "MOON"),
        (GOOD, ["--symbol", "ACME", "--name", "../up"], "name"),
        (GOOD, [], "symbol"),
    ],
)
def test_a_file_that_cannot_be_used_ends_with_status_1_and_stores_nothing(
    tmp_path: Path, text: str, words: list[str], told: str
) -> None:
    found = run(tmp_path / "home", "import", file(tmp_path, text), *words)
    assert found.exit_code == 1, found.output
    assert told in found.output
    assert "Traceback" not in found.output
    assert not list((tmp_path / "home").glob("data/*"))


@pytest.mark.parametrize("path", ["missing.csv", "."])
def test_a_file_that_is_not_there_is_told(tmp_path: Path, path: str) -> None:
    found = run(tmp_path / "home", "import", str(tmp_path / path), "--symbol", "ACME", "--name", "acme")
    assert found.exit_code == 1
    assert "Traceback" not in found.output


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    source = file(tmp_path, GOOD)
    assert run(tmp_path / "home", "import", source, "--symbol", "ACME").exit_code == 0
    again = run(tmp_path / "home", "import", source, "--symbol", "ACME")
    assert again.exit_code == 1
    assert "my-prices" in again.output


def test_an_empty_home_says_what_to_do(tmp_path: Path) -> None:
    found = run(tmp_path / "home", "list")
    assert found.exit_code == 0
    assert "traderbot demo" in found.output
