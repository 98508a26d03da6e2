"""A strategy of one's own file runs in a process of its own, which ends in time and says where it was."""

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from traderbot.backtests.backtest import Backtest
from traderbot.backtests.confined import Errand, check_limits, confined, outcome_of
from traderbot.market.demo import ensure_demo
from traderbot.model.errors import InvalidValue, TraderbotError

pytestmark = pytest.mark.integration

HEAD = """import os
import time
import numpy as np
from traderbot.strategies.base import Strategy
from traderbot.strategies.signals import SignalStrategy


class Mine(Strategy):
    name = "mine"

    def on_bar(self, ctx, bar):
        if bar.index == 9:
            """

MAIN = "from traderbot.cli.main import app; app()"
STUBBORN = """while True:
                try: time.sleep(60)
                except BaseException: pass"""

GARBAGE = """[os.write(fd, b"{\\n") for fd in range(3, 20) if f"{fd}" in os.listdir("/proc/self/fd")
                and os.readlink(f"/proc/self/fd/{fd}").startswith("pipe")]
            time.sleep(60)"""
FORKS = """
            for way in range(3):
                if not (pid := os.fork()):
                    time.sleep(60)
                with open({path!r}, "a") as file:
                    file.write(f"{{pid}}\\n")
            {end}"""


@pytest.fixture(scope="module")
def terms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("home")
    ensure_demo(home)
    return {"data": "demo", "symbols": "IBM", "home": home}


def file_of(folder: Path, act: str) -> str:
    path = folder / "mine.py"
    path.write_text(f"{HEAD}{act}\n")
    return str(path)


def test_the_outcome_is_that_of_a_run_here_and_the_report_is_written(
    tmp_path: Path, terms: dict[str, Any]
) -> None:
    errand = Errand("moving-average", {"fast": "10"}, terms, tmp_path / "out", memory_mb=2_048)
    away = confined(errand)
    here = outcome_of(Backtest("moving-average", parameters={"fast": "10"}, **terms), None)
    assert away.document == here.document
    assert (away.held, away.executions, away.holdings) == (here.held, here.executions, here.holdings)
    assert away.report == str(tmp_path / "out" / "report.html")
    assert (tmp_path / "out" / "result.json").is_file()


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("while True: pass", "mine, mine.py line 13, at the bar of 2000-03-14 "),
        ("time.sleep(60)", "mine, mine.py line 13, at the bar of 2000-03-14 "),
        (STUBBORN, "mine.py, at the bar of 2000-03-14 "),
    ],
)
def test_one_that_does_not_come_back_is_stopped_and_told_with_its_bar(
    tmp_path: Path, terms: dict[str, Any], act: str, said: str
) -> None:
    with pytest.raises(TraderbotError) as stopped:
        confined(Errand(file_of(tmp_path, act), {}, terms, None, seconds=1))
    assert said in stopped.value.detail
    assert "stopped after 1 s (--time-limit)" in stopped.value.detail


def test_one_that_eats_memory_is_stopped_and_told_with_its_bar(tmp_path: Path, terms: dict[str, Any]) -> None:
    act = "self.kept = [os.urandom(1 << 20) for _ in range(100_000)]"
    with pytest.raises(TraderbotError) as stopped:
        confined(Errand(file_of(tmp_path, act), {}, terms, None, memory_mb=512))
    told = "mine.py, mine.py line 13, at the bar of 2000-03-14 21:00 UTC: needs more than 512 MB of memory"
    assert told in stopped.value.detail


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("os.kill(os.getpid(), 9)", "its process ended by SIGKILL"),
        ("os._exit(7)", "its process ended with code 7"),
        ("1 / 0", "mine, mine.py line 13, at the bar of 2000-03-14 21:00 UTC: ZeroDivisionError"),
        ("raise KeyboardInterrupt", "mine.py, at the bar of 2000-03-14 21:00 UTC: KeyboardInterrupt"),
        (GARBAGE, "mine.py.*: it wrote where only its run does"),
        ("ctx.mark('NONE')", "no price of NONE is known yet"),
    ],
)
def test_how_it_ended_is_told(tmp_path: Path, terms: dict[str, Any], act: str, said: str) -> None:
    with pytest.raises(TraderbotError, match=said):
        confined(Errand(file_of(tmp_path, act), {}, terms, None))


def test_what_a_strategy_prints_is_no_message(
    tmp_path: Path, terms: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    found = confined(Errand(file_of(tmp_path, 'print(\'{"is":"failed"}\')'), {}, terms, None))
    assert found.executions == 0
    assert '{"is":"failed"}' in capfd.readouterr().err


@pytest.mark.parametrize(
    ("how", "act"),
    [(signal.SIGINT, "while True: pass"), (signal.SIGKILL, "sum(iter(int, 1))")],  # that lets no thread in
)
def test_nothing_is_left_when_who_started_it_is_gone(
    tmp_path: Path, terms: dict[str, Any], how: signal.Signals, act: str
) -> None:
    noted = f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); {act}"
    act = noted if "while" not in act else noted.replace("; while", "\n            while")
    file = file_of(tmp_path, act)
    command = [sys.executable, "-c", MAIN, "backtest", "run", file, "--home", str(terms["home"])]
    parent = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        child = _eventually(lambda: int((tmp_path / "pid").read_text()))
        parent.send_signal(how)
        assert parent.wait(20) != 0
        _eventually(lambda: _gone(child))
    finally:
        parent.kill()
        parent.wait()


def test_what_libraries_set_aside_is_not_the_strategys(tmp_path: Path, terms: dict[str, Any]) -> None:
    errand = Errand(file_of(tmp_path, "pass"), {}, terms, None, seconds=60, memory_mb=256)
    assert confined(errand).executions == 0


@pytest.mark.parametrize("end", ["pass", "1 / 0", "while True: pass"])
def test_what_a_strategy_forks_ends_with_its_run(tmp_path: Path, terms: dict[str, Any], end: str) -> None:
    note = tmp_path / "pids"
    errand = Errand(file_of(tmp_path, FORKS.format(path=str(note), end=end)), {}, terms, None, seconds=2)
    with contextlib.suppress(TraderbotError):
        confined(errand)
    children = [int(line) for line in note.read_text().split()]
    assert len(children) == 3
    for child in children:
        _eventually(lambda child=child: _gone(child))


def _gone(pid: int) -> bool:
    """Errors: ValueError while it is there; one that waits to be reaped by init is gone."""
    state = Path(f"/proc/{pid}/stat")
    if state.exists() and state.read_text().rpartition(") ")[2][0] not in "ZX":
        raise ValueError(pid)
    return True


def _eventually(ask: Any) -> Any:
    for _ in range(300):
        try:
            return ask()
        except (OSError, ValueError):
            time.sleep(0.1)
    return ask()


@pytest.mark.parametrize(
    ("seconds", "memory", "option"),
    [(0, 512, "--time-limit"), (86_401, 512, "--time-limit"), (5, 8, "--memory-limit"), (5, -1, "--memory")],
)
def test_limits_that_are_none_are_refused(seconds: int, memory: int, option: str) -> None:
    with pytest.raises(InvalidValue, match=option):
        check_limits(seconds, memory)
