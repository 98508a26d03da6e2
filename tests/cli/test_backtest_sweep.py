import shlex
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from traderbot.backtests.validation.record import FILE, load
from traderbot.cli.main import app

pytestmark = pytest.mark.integration

NAME = "moving-average-signal"
GRID = ["--grid", "fast=5,10", "--grid", "slow=20:40:10"]


def sweep(home: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(
        app, ["backtest", "sweep", *arguments, "--symbols", "IBM", "--home", str(home)]
    )
    return result.exit_code, result.output


def test_a_grid_is_swept_and_the_best_are_shown_with_a_warning(tmp_path: Path) -> None:
    code, said = sweep(tmp_path, NAME, *GRID, "--jobs", "2")
    assert code == 0
    assert "best of 6 sets" in said
    assert "6 x 3,270 bars" in said
    line = said.strip().splitlines()[-1]
    assert line.startswith(f"traderbot backtest validate {NAME} --home ")
    assert "--grid fast=5,10 --grid slow=20,30,40 --trials 6" in line
    assert len(pl.read_parquet(tmp_path / "sweeps" / f"{NAME}-demo" / "sets.parquet")) == 6


def test_the_line_it_ends_with_validates_the_best_set_over_the_same_days(tmp_path: Path) -> None:
    window = ("--start", "2009-01-02", "--end", "2012-12-31", "--cash", "50000")
    code, said = sweep(tmp_path, NAME, *GRID, *window)
    assert code == 0
    command, *words = shlex.split(said.strip().splitlines()[-1])
    out = tmp_path / "out"
    result = CliRunner().invoke(app, [*words, "--quick", "--out", str(out)])
    assert command == "traderbot"
    assert "Traceback" not in result.output
    record = load(out / FILE)
    assert record.evidence.trials == 6
    best = pl.read_parquet(tmp_path / "sweeps" / f"{NAME}-demo" / "sets.parquet").sort("sharpe")
    assert record.about.parameters["fast"] == str(best["fast"][-1])
    assert record.about.parameters["slow"] == str(best["slow"][-1])


def test_what_was_drawn_at_random_is_counted_as_tried(tmp_path: Path) -> None:
    code, said = sweep(tmp_path, NAME, "--random", "3")
    assert code == 0
    assert said.strip().splitlines()[-1].endswith("--tried 3")


def test_a_folder_with_a_sweep_asks_for_resume(tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "mine")]
    assert sweep(tmp_path, NAME, *GRID, *out)[0] == 0
    code, said = sweep(tmp_path, NAME, *GRID, *out)
    assert code != 0
    assert "--resume" in said
    assert sweep(tmp_path, NAME, *GRID, *out, "--resume")[0] == 0


def test_what_the_kernel_does_not_play_is_said(tmp_path: Path) -> None:
    code, said = sweep(tmp_path, "moving-average", "--random", "2", "--seed", "1")
    assert code == 0
    assert "Played by the engine, not compiled: not a signal strategy." in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no-such", *GRID], "strategy: expected one of"),
        ([NAME], "search: expected one of --grid, --random and --tpe"),
        ([NAME, *GRID, "--tpe", "5"], "search: expected one of"),
        ([NAME, "--grid", "quick=5"], "parameter: expected one of fast, slow, shares"),
        ([NAME, "--grid", "fast=9:1:1"], "fast: expected FIRST:LAST:STEP"),
        ([NAME, "--grid", "fast=5", "--grid", "fast=9"], "--grid: expected each parameter once"),
        ([NAME, *GRID, "--jobs", "0"], "jobs: expected 1 to"),
        ([NAME, *GRID, "--backend", "moon"], "backend: expected one of"),
        ([NAME, *GRID, "--by", "luck"], "by: expected one of"),
        ([NAME, *GRID, "--end", "1990-01-01"], "start, end: expected a window with at least one bar"),
        ([NAME, "--grid", "fasd=5"], "did you mean fast"),
        ([NAME, *GRID, "--data", "dmeo"], "no data set dmeo; there are demo; did you mean demo"),
        (["moving-avarage-signal", *GRID], f"did you mean {NAME}"),
    ],
)
def test_what_cannot_be_swept_is_told_by_name(tmp_path: Path, arguments: list[str], told: str) -> None:
    code, said = sweep(tmp_path, *arguments)
    assert code != 0
    assert told in " ".join(said.split())
    assert "Traceback" not in said
