"""`traderbot data`: good files are stored with a report, bad ones refused with reasons."""

import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from replay.floor import floor
from traderbot.cli.main import app
from traderbot.market.datasets import load

pytestmark = pytest.mark.integration

SHARED = Path(os.environ.get("TRADERBOT_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
SP500 = SHARED / "sp500_daily" / "sp500_2013-02-08_2018-02-07.parquet"

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


def test_an_empty_home_has_the_demo(tmp_path: Path) -> None:
    found = run(tmp_path / "home", "list")
    assert found.exit_code == 0
    assert found.output.splitlines()[1].startswith(" demo ")


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


def test_columns_are_named_on_the_command_line(tmp_path: Path) -> None:
    odd = file(tmp_path, GOOD.replace("close", "settlement"), "odd.csv")
    refused = run(tmp_path / "home", "import", odd)
    assert (refused.exit_code, "no column for close" in refused.output) == (1, True)
    found = run(tmp_path / "home", "import", odd, "--column", "close=settlement")
    assert found.exit_code == 0, found.output
    assert load(tmp_path / "home" / "data" / "odd").bars_of("ODD").close.tolist() == [10.5, 10.8, 11]
    wrong = run(tmp_path / "home", "import", odd, "--column", "close", "--name", "other")
    assert "--column: expected what it holds and its name" in wrong.output


@pytest.mark.shared_data
def test_the_bad_bars_of_five_hundred_stocks_are_named_and_a_backtest_says_it_left_them_out(
    tmp_path: Path,
) -> None:
    if not SP500.is_file():
        pytest.skip(f"the shared data folder is absent: {SHARED}")
    found = run(tmp_path / "home", "import", str(SP500), "--name", "sp500", "--all")
    assert "619017 used, 23 quarantined" in found.output
    named = {
        tuple(line.split()[3:5]) for line in found.output.splitlines() if line.startswith("quarantine: row")
    }
    assert len(named) == 23
    assert {("AOS", "2014-05-19:"), ("CHD", "2014-05-19:"), ("LNT", "2016-05-19:")} <= named
    kept = (tmp_path / "home" / "data" / "sp500" / "quarantine.csv").read_text().splitlines()
    assert len(kept) == 24
    words = ["backtest", "run", "buy-and-hold", "--data", "sp500", "--symbols", "AOS,CHD"]
    told = CliRunner().invoke(app, [*words, "--home", str(tmp_path / "home")], env={"COLUMNS": "2000"})
    assert told.exit_code == 0, told.output
    assert "23 of 619040 rows were faulty and left out: AOS 2014-05-19, BBY 2016-03-14" in told.output


CLOSED = GOOD + "".join(f"2005-01-{day:02},11,12,10,11,900\n" for day in (8, 9, 15, 16, 17, 22, 23))


def test_many_findings_of_a_kind_hide_no_other(tmp_path: Path) -> None:
    path = file(tmp_path, CLOSED + "2005-01-24,11,10,12,11,900\n")
    found = run(tmp_path / "home", "import", path, "--symbol", "ACME", "--name", "few")
    assert "quarantine: 7 x not_a_session, 2005-01-08 to 2005-01-23" in found.output
    assert "quarantine: and 2 more of not_a_session" in found.output
    assert "ACME 2005-01-24: high 10.0 is below low 12.0" in found.output
    assert "2005-01-22:" not in found.output
    assert "--all lists every one of them" in found.output
    every = run(tmp_path / "home", "import", path, "--symbol", "ACME", "--name", "many", "--all")
    assert "ACME 2005-01-22:" in every.output
    assert "more" not in every.output


def test_the_demo_is_listed_and_no_name_is_cut_in_a_narrow_terminal(tmp_path: Path) -> None:
    name = "a-data-set-with-a-name-of-more-than-forty-letters-of-the-alphabet"[:64]
    run(tmp_path, "import", file(tmp_path, GOOD), "--symbol", "ACME", "--name", name)
    for terminal in ("0", "1"):
        words = ["data", "list", "--home", str(tmp_path)]
        listed = CliRunner().invoke(app, words, env={"COLUMNS": "80", "FORCE_COLOR": terminal})
        assert name in listed.output
        assert "demo" in listed.output


def test_a_data_set_is_removed_when_asked_twice(tmp_path: Path) -> None:
    run(tmp_path, "import", file(tmp_path, GOOD), "--symbol", "ACME", "--name", "acme")
    folder = tmp_path / "data" / "acme"
    kept = CliRunner().invoke(app, ["data", "remove", "acme", "--home", str(tmp_path)], input="n\n")
    assert (kept.exit_code, folder.is_dir()) == (1, True)
    gone = run(tmp_path, "remove", "acme", "--yes")
    assert (gone.exit_code, list((tmp_path / "data").iterdir())) == (0, [])
    again = run(tmp_path, "remove", "acme", "--yes")
    assert again.exit_code == 1
    assert "no data set acme" in again.output
    assert run(tmp_path, "remove", "../x", "--yes").exit_code == 1


def test_the_data_that_a_session_plays_are_not_removed(tmp_path: Path) -> None:
    with floor(tmp_path):
        pass
    found = run(tmp_path, "remove", "demo", "--yes")
    assert found.exit_code == 1
    assert "the session of this home plays it" in found.output
    assert (tmp_path / "data" / "demo").is_dir()
