"""A sweep that is killed in the middle goes on, on whatever backend, to the same tables byte by byte."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backtests.sweeping.test_kernel import walk
from traderbot.backtests.sweeping.search import Grid
from traderbot.backtests.sweeping.sweep import Backend, sweep
from traderbot.model.errors import Conflict
from traderbot.strategies.moving_average import MovingAverageCrossover

pytestmark = pytest.mark.integration

AXES = {"fast": list(range(3, 15)), "slow": list(range(40, 52))}
SWEEP = """
import sys
from pathlib import Path
from backtests.sweeping.test_sweep_files import swept
swept(Path(sys.argv[2]), sys.argv[1], lambda done, of: print(done, of, flush=True))
"""


def swept(out: Path, backend: Backend, progress: object = None) -> list[object]:
    """Of a strategy that the engine plays, which takes its time."""
    result = sweep(
        MovingAverageCrossover,
        [walk("AAA", 700, 3)],
        Grid(MovingAverageCrossover, AXES),
        jobs=1 if backend == "here" else 2,
        backend=backend,
        out=out,
        resume=True,
        progress=progress,  # type: ignore[arg-type]
    )
    return list(result.figures)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[object]]:
    """The sweep that nobody stopped."""
    out = tmp_path_factory.mktemp("whole")
    return out, swept(out, "here")


@pytest.mark.parametrize("backend", ["processes", "dask"])
def test_a_killed_sweep_goes_on_to_the_same_tables(
    backend: Backend, whole: tuple[Path, list[object]], tmp_path: Path
) -> None:
    command = [sys.executable, "-c", SWEEP, backend, str(tmp_path)]
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=paths) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "64 144\n"
        os.kill(running.pid, signal.SIGKILL)
    assert not (tmp_path / "sets.parquet").exists()
    parts = {path: path.stat().st_mtime_ns for path in tmp_path.glob("part-*")}
    assert parts

    assert swept(tmp_path, backend) == whole[1]
    assert all(path.stat().st_mtime_ns == at for path, at in parts.items())
    for table in ("sets.parquet", "executions.parquet"):
        assert (tmp_path / table).read_bytes() == (whole[0] / table).read_bytes()


def test_two_sweeps_do_not_write_in_one_folder(tmp_path: Path) -> None:
    bars, grid = [walk("AAA", 100, 3)], Grid(MovingAverageCrossover, {"fast": [3], "slow": [9]})
    refused: list[str] = []

    def again(done: int, of: int) -> None:
        with pytest.raises(Conflict, match="another sweep writes in") as told:
            sweep(MovingAverageCrossover, bars, grid, out=tmp_path, resume=True)
        refused.append(told.value.detail)

    sweep(MovingAverageCrossover, bars, grid, out=tmp_path, progress=again)
    assert len(refused) == 1
    sweep(MovingAverageCrossover, bars, grid, out=tmp_path, resume=True)
