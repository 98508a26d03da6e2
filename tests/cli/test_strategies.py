"""`traderbot strategy`: what is listed, shown and begun."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from backtests.validation.test_verdict import GOOD
from traderbot.backtests.material import strategy_of
from traderbot.backtests.validation.record import Record, about, save
from traderbot.backtests.validation.verdict import Thresholds, verdict
from traderbot.cli.main import app
from traderbot.cli.opened import open_database
from traderbot.infra.events.journal import read
from traderbot.infra.settings import load_settings
from traderbot.model.platform_events import AdministrationDone
from traderbot.strategies.base import Strategy
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


def test_a_name_with_hyphens_names_a_module_that_can_be_imported(tmp_path: Path) -> None:
    code, output = said("new", "my-first", "--in", str(tmp_path))
    assert code == 0, output
    assert {file.name for file in tmp_path.iterdir()} == {"my_first.py", "test_my_first.py"}
    file = tmp_path / "my_first.py"
    assert f"try: traderbot backtest run {file}" in output
    assert strategy_of(file, None).name == "my-first"


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("kept")
    code, output = said("new", "mine", "--in", str(tmp_path))
    assert code != 0
    assert "left as it is" in output
    assert [file.name for file in tmp_path.iterdir()] == ["test_mine.py"]


@pytest.mark.parametrize("name", ["My", "1x", "a--b", "a-", "../x", "a__b", "", "x" * 41])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    code, output = said("new", name, "--in", str(tmp_path / "new"))
    assert code != 0
    assert "name: expected small letters" in output
    assert not (tmp_path / "new").exists()


def account_in(home: Path) -> str:
    result = CliRunner().invoke(
        app, ["user", "create", "ada@example.com", "--home", str(home)], env={"COLUMNS": "200"}
    )
    assert result.exit_code == 0, result.output
    return result.output.split("account ")[1].split()[0]


def proven(strategy: Strategy, changed: dict[str, Any], folder: Path) -> None:
    """A validation of the strategy, of good evidence but for what is changed."""
    evidence = msgspec.structs.replace(GOOD, **changed)
    record = Record(
        about=about(strategy, strategy.values()),
        seed=0,
        evidence=evidence,
        thresholds=Thresholds(),
        verdict=verdict(evidence),
        differences=[],
    )
    save(record, folder)


def test_a_strategy_is_given_to_an_account_with_its_validation(tmp_path: Path) -> None:
    home, account = tmp_path / "home", account_in(tmp_path / "home")
    assert said("new", "mine", "--in", str(tmp_path))[0] == 0
    file = tmp_path / "mine.py"
    to = ["--account", account, "--home", str(home)]
    code, output = said("assign", str(file), *to)
    assert (code, "--unvalidated to go without one" in output) == (1, True)
    made = strategy_of(str(file), {"bars": "90"})
    proven(made, {"looks": 8, "ahead": ["it knows tomorrow"]}, tmp_path)
    proof = ["--validation", str(tmp_path / "validation.json")]
    code, output = said("assign", str(file), *to, *proof)
    assert (code, "validation is of another parameters" in output) == (1, True), output
    code, output = said("assign", str(file), "--param", "bars=90", *to, *proof)
    assert (code, "validation says reject" in output) == (1, True), output
    proven(made, {}, tmp_path)
    code, output = said("assign", str(file), "--param", "bars=90", *to, *proof)
    assert code == 0, output
    code, output = said("assigned", "--home", str(home))
    assert all(word in output for word in (account, "mine", "bars=90"))
    with open_database(load_settings({"home": home})) as database, database.read() as connection:
        told = [one.event for one in read(connection) if isinstance(one.event, AdministrationDone)]
    assert told[-1].detail["validation"].startswith("promote: ")
    assert said("unassign", "mine", *to)[0] == 0
    code, output = said("unassign", "mine", *to)
    assert (code, "no strategy mine trades" in output) == (1, True)


def test_a_second_strategy_of_an_account_is_warned_of(tmp_path: Path) -> None:
    account = account_in(tmp_path)
    to = ["--account", account, "--unvalidated", "--home", str(tmp_path)]
    code, output = said("assign", "equal-weight", *to)
    assert (code, "warning" in output) == (0, False), output
    code, output = said("assign", "buy-and-hold", *to)
    assert (code, "warning: equal-weight trades this account too" in output) == (0, True), output
    code, output = said("assigned", "--home", str(tmp_path))
    assert (code, output.count("trades")) == (0, 2), output
