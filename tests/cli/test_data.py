"""`traderbot data`: good files are stored with a report, bad ones refused with reasons."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from traderbot.cli.main import app
from traderbot.market.datasets import load

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


def test_a_table_of_members_is_kept_with_the_data_set(tmp_path: Path) -> None:
    table = file(tmp_path, "ticker,start_date,end_date\nACME,2005-01-04,\n", "members.csv")
    changes = file(tmp_path, "date,add,remove\n2005-01-05,,ACME\n", "changes.csv")
    words = ("import", file(tmp_path, GOOD), "--symbol", "ACME", "--membership", table)
    found = run(tmp_path / "home", *words, "--membership", changes)
    assert found.exit_code == 0, found.output
    kept = load(tmp_path / "home" / "data" / "my-prices").membership
    assert kept is not None
    assert [kept.members(date(2005, 1, day)) for day in (3, 4, 5)] == [set(), {"ACME"}, set()]
    wrong = run(tmp_path / "home", *words[:4], "--name", "other", "--membership", changes)
    assert wrong.exit_code == 1
    assert "before one of changes" in wrong.output
