import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from traderbot.cli.main import app

pytestmark = pytest.mark.integration


def called(home: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["backtest", *arguments, "--home", str(home)], env={"COLUMNS": "160"})
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def test_a_strategy_runs_over_the_demo_data_and_says_what_came_of_it(home: Path) -> None:
    code, said = called(home, "run", "moving-average", "--symbols", "AAPL,IBM", "--cash", "50000")
    assert code == 0, said
    for word in ("equity", "Sharpe ratio", "held: equal parts", "Hit rate", "6,540 in", "fills"):
        assert word in said


def test_a_name_in_place_of_a_command_is_run(home: Path) -> None:
    code, said = called(home, "moving-average", "--symbols", "IBM")
    assert code == 0
    assert "moving-average on demo, 2000-03-01 to 2013-03-01" in said


def test_a_later_start_leaves_the_earlier_bars_as_history(home: Path) -> None:
    _, whole = called(home, "run", "moving-average", "--symbols", "IBM")
    _, late = called(home, "run", "moving-average", "--symbols", "IBM", "--start", "2010-01-04")
    assert "2010-01-04 to 2013-03-01" in late
    assert "3,270 in" in whole
    assert "3,270 in" in late


def test_a_report_is_written_and_written_again_from_its_result(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    code, said = called(home, "run", "moving-average", "--param", "fast=10", "--out", str(folder))
    assert code == 0
    assert f"report: {folder / 'report.html'}" in said.replace("\n", "")
    assert json.loads((folder / "result.json").read_bytes())["parameters"]["fast"] == 10
    code, said = called(home, "run", "moving-average", "--out", str(folder))
    assert code == 1
    assert "is there already" in said
    again = tmp_path / "again.html"
    done = CliRunner().invoke(app, ["backtest", "report", str(folder), "--out", str(again)])
    assert done.exit_code == 0
    assert again.read_bytes() == (folder / "report.html").read_bytes()


def test_strategies_and_results_stand_side_by_side(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    called(home, "run", "moving-average", "--symbols", "IBM", "--out", str(folder))
    code, said = called(
        home, "compare", "moving-average", "moving-average:fast=5,slow=9", str(folder), "--symbols", "IBM"
    )
    assert code == 0
    equity = next(line for line in said.splitlines() if line.strip().startswith("equity"))
    first, second, stored = equity.split()[1:]
    assert first == stored != second
    assert "with care" not in said
    _, other = called(home, "compare", "moving-average", str(folder))
    assert "compare them with care" in other


def test_a_file_of_prices_and_a_strategy_of_ones_own_run(home: Path, tmp_path: Path) -> None:
    rows = ["date,open,high,low,close,volume"]
    rows += [f"2024-01-{day:02},10,11,9,10,1000" for day in (2, 3, 4, 5, 8, 9)]
    rows.append("2024-01-10,10,11,9,99,1000")
    (tmp_path / "AAA.csv").write_text("\n".join(rows))
    (tmp_path / "mine.py").write_text(
        "from traderbot.strategies.base import Strategy\n\n\nclass Mine(Strategy):\n    name = 'mine'\n"
    )
    code, said = called(home, "run", str(tmp_path / "mine.py"), "--data", str(tmp_path / "AAA.csv"))
    assert code == 0
    assert "mine on aaa-csv" in said
    assert "close 99.0 is outside low 9.0 to high 11.0" in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no-such"], "strategy: expected one of ai-forecast"),
        (["run", "no-such"], "strategy: expected one of ai-forecast"),
        (["run", "moving-average", "--symbols", "XYZ"], "no instrument XYZ"),
        (["run", "moving-average", "--symbols", "aapl"], "symbols: expected a ticker"),
        (["run", "moving-average", "--cash", "1e5"], "cash: expected a decimal"),
        (["run", "moving-average", "--data", "nothing"], "nothing"),
        (["run", "moving-average", "--start", "yesterday"], "--start"),
        (["run", "moving-average", "--start", "2020-01-01"], "start, end: expected a window with bars"),
        (["run", "moving-average", "--start", "2010-01-04", "--end", "2009-01-02"], "end: expected a day"),
        (["run", "moving-average", "--param", "fast"], "--param: expected name=value"),
        (["run", "moving-average", "--param", "fast=0"], "fast: expected a whole number from 1"),
        (["run", "moving-average", "--param", "fast=5", "--param", "fast=6"], "each parameter once"),
        (["run", "moving-average", "--param", "fast=90"], "fast: expected a number of bars"),
        (["run", "moving-average", "--account-type", "gold"], "--account-type"),
        (["compare", "moving-average"], "contenders: expected 2 to 12"),
        (
            ["compare", "moving-average", "my-report"],
            "run wrote with --out, got 'my-report'",
        ),
        (["compare", "moving-average", "none.json"], "no result at none.json"),
    ],
)
def test_what_cannot_be_run_is_told_by_name(home: Path, arguments: list[str], told: str) -> None:
    code, said = called(home, *arguments)
    assert code != 0
    assert told in said
    assert "Traceback" not in said


def test_a_report_goes_into_a_page(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["backtest", "report", str(tmp_path), "--out", "report.pdf"])
    assert done.exit_code == 1
    assert "--out: expected a file that ends in .html" in done.output
