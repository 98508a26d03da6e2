from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from traderbot.cli.backtest_sweep import app

pytestmark = pytest.mark.integration

NAME = "moving-average-signal"
GRID = ["--grid", "fast=5,10", "--grid", "slow=20:40:10"]


def sweep(home: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*arguments, "--symbols", "IBM", "--home", str(home)])
    return result.exit_code, result.output


def test_a_grid_is_swept_and_the_best_are_shown_with_a_warning(tmp_path: Path) -> None:
    code, said = sweep(tmp_path, NAME, *GRID, "--jobs", "2")
    assert code == 0
    assert "best of 6 sets" in said
    assert "6 x 3,270 bars" in said
    assert f"traderbot backtest validate {NAME}" in " ".join(said.split())
    assert len(pl.read_parquet(tmp_path / "sweeps" / f"{NAME}-demo" / "sets.parquet")) == 6


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
        ([NAME, "--grid", "fast=5", "--grid", "fast=9"], "grid: expected each parameter once"),
        ([NAME, *GRID, "--jobs", "0"], "jobs: expected 1 to"),
        ([NAME, *GRID, "--backend", "moon"], "backend: expected one of"),
        ([NAME, *GRID, "--by", "luck"], "by: expected one of"),
        ([NAME, *GRID, "--end", "1990-01-01"], "end: expected a day with bars"),
    ],
)
def test_what_cannot_be_swept_is_told_by_name(tmp_path: Path, arguments: list[str], told: str) -> None:
    code, said = sweep(tmp_path, *arguments)
    assert code != 0
    assert told in " ".join(said.split())
    assert "Traceback" not in said
