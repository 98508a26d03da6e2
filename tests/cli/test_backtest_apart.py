"""Sweeps and validations of files that loop, eat memory, fork or are killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import sleep

import pytest

pytestmark = pytest.mark.integration

FILE = """
import os, sys, time
from traderbot.strategies.base import Strategy
from traderbot.strategies.parameters import Whole

class Mine(Strategy):
    name = "mine"
    length = Whole(3, 1, 9)

    def on_bar(self, ctx, bar):
        BODY
"""
PLAYED = ("--symbols", "IBM", "--start", "2012-01-03")
GRID = ("--grid", "length=1,2,3")


def begun(folder: Path, body: str, command: str, *words: str) -> "subprocess.Popen[str]":
    (folder / "mine.py").write_text(FILE.replace("BODY", body))
    line = ["backtest", command, "mine.py", *PLAYED, *words, "--home", str(folder / "home")]
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"  # pytest-xdist ignores it
        "from traderbot.cli.main import app; app()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, *line],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(folder: Path, body: str, command: str, *words: str) -> tuple[int, str, str]:
    process = begun(folder, body, command, *words)
    said, complained = process.communicate()
    return process.returncode, said, " ".join(complained.split())


def pids(folder: Path, count: int) -> Sequence[int]:
    """Of the processes that wrote down theirs; waits until there are so many."""
    while len(found := [int(path.name[4:]) for path in folder.glob("pid.*")]) < count:
        sleep(0.05)
    return found


def gone(process: int) -> bool:
    stat = Path(f"/proc/{process}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_sweep_of_a_file_prints_what_it_found(tmp_path: Path) -> None:
    body = 'print("seen", file=sys.stderr)'
    code, said, told = ended(tmp_path, body, "sweep", *GRID)
    assert code == 0
    assert "best of 3 sets of mine.py on demo" in said
    assert "seen" in told


@pytest.mark.parametrize(
    ("command", "words"),
    [("sweep", GRID), ("sweep", (*GRID, "--backend", "processes", "--jobs", "2")), ("validate", ())],
)
def test_one_that_loops_for_ever_is_stopped_with_its_pool(
    tmp_path: Path, command: str, words: tuple[str, ...]
) -> None:
    body = 'open(f"pid.{os.getpid()}", "w")\n        while True: pass'
    code, _, told = ended(tmp_path, body, command, *words, "--time-limit", "8")
    assert code == 1
    assert told == "mine.py: stopped after 8 s (--time-limit)"
    assert all(gone(process) for process in pids(tmp_path, 1))


@pytest.mark.parametrize("words", [(), ("--backend", "processes", "--jobs", "2")])
def test_one_that_eats_memory_is_told_so(tmp_path: Path, words: tuple[str, ...]) -> None:
    body = "self.eaten = bytearray(1 << 30)"
    _, said, told = ended(tmp_path, body, "sweep", *GRID, *words, "--memory-limit", "512")
    assert "512 MB" in " ".join(said.split()) + told
    assert "--memory-limit" in " ".join(said.split()) + told
    assert "Traceback" not in told


def test_a_member_of_the_pool_that_is_killed_is_told_in_words(tmp_path: Path) -> None:
    body = "os.kill(os.getpid(), 9)"
    code, _, told = ended(tmp_path, body, "sweep", *GRID, "--backend", "processes", "--jobs", "2")
    assert code == 1
    assert told.startswith("a process that worked for this one was ended from outside")


def test_an_interrupt_leaves_no_process_behind(tmp_path: Path) -> None:
    body = """
        if os.fork() == 0:
            os.setsid()
        open(f"pid.{os.getpid()}", "w").close()
        time.sleep(600)"""
    process = begun(tmp_path, body, "sweep", *GRID, "--backend", "processes", "--jobs", "2")
    there = pids(tmp_path, 2)
    os.kill(process.pid, signal.SIGINT)
    _, complained = process.communicate()
    assert process.returncode != 0
    assert "Traceback" not in complained
    assert all(gone(one) for one in there)
