"""kill -9 of a platform that runs a backtest: its process ends too, and the next start takes it up again."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from e2e.demo import Demo, running, wait_for

pytestmark = pytest.mark.integration


def children(parent: int) -> list[int]:
    """Processes of backtests that this one started."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            stat, command = (folder / "stat").read_text(), (folder / "cmdline").read_bytes()
        except OSError:  # no process, or gone
            continue
        ours = b"traderbot.backtests.submitted.job" in command
        if ours and int(stat.rpartition(")")[2].split()[1]) == parent:
            found.append(int(folder.name))
    return found


def test_a_backtest_outlives_its_platform_and_its_process_does_not(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running(home, "--speed", "1") as demo:
        asked = demo.api.post("/backtests", json={"strategy": "ai-forecast", "symbols": ["MSFT", "IBM"]})
        assert asked.status_code == 202, asked.text
        path = f"/backtests/{asked.json()['id']}"
        (child,) = wait_for(lambda: children(demo.process.pid) or None)
        assert wait_for(lambda: looked(demo, path)["progress"] or None) < 1
        demo.kill()
        wait_for(lambda: None if _alive(child) else True, 20)
    with running(home, "--speed", "1") as demo:

        def over() -> Any:
            found = looked(demo, path)
            return found if found["status"] not in ("queued", "running") else None

        found = wait_for(over, 120)
        assert (found["status"], found["progress"]) == ("done", 1), found
        assert demo.get(f"{path}/curve")["equity"]


def looked(demo: Demo, path: str) -> Any:
    """The backtest, asked for no more often than the rate limits allow."""
    time.sleep(0.7)
    return demo.get(path)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
