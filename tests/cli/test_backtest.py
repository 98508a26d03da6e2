from pathlib import Path

import pytest
from typer.testing import CliRunner

from traderbot.cli.main import app

pytestmark = pytest.mark.integration


def backtest(home: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["backtest", *arguments, "--home", str(home)])
    return result.exit_code, result.output


def test_a_strategy_runs_over_the_demo_data_and_says_what_came_of_it(tmp_path: Path) -> None:
    code, said = backtest(tmp_path, "moving-average", "--symbols", "AAPL,IBM", "--cash", "50000")
    assert code == 0
    assert "equity" in said
    assert "6,540 in" in said
    assert "executions" in said


def test_a_later_start_leaves_the_earlier_bars_as_history(tmp_path: Path) -> None:
    _, whole = backtest(tmp_path, "moving-average", "--symbols", "IBM")
    _, late = backtest(tmp_path, "moving-average", "--symbols", "IBM", "--start", "2010-01-04")
    assert whole != late
    assert "3,270 in" in whole
    assert "3,270 in" in late


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no-such"], "strategy: expected one of ai-forecast, moving-average"),
        (["moving-average", "--symbols", "XYZ"], "no instrument XYZ"),
        (["moving-average", "--symbols", "aapl"], "symbols: expected a ticker"),
        (["moving-average", "--cash", "1e5"], "cash: expected a decimal"),
        (["moving-average", "--data", "nothing"], "nothing"),
        (["moving-average", "--start", "yesterday"], "--start"),
    ],
)
def test_what_cannot_be_run_is_told_by_name(tmp_path: Path, arguments: list[str], told: str) -> None:
    code, said = backtest(tmp_path, *arguments)
    assert code != 0
    assert told in said
    assert "Traceback" not in said
