"""An account with 100 positions over HTTP: analysis warm and after a fill, portfolio, status, scenarios.

Beside them, asked in turn in the same run: a FastAPI route that answers a constant behind a check of the
token. One client over one connection; server and client share a process, so the processor time of a request
is that of both. Prices are made up: 1,200 days of 100 symbols with a common factor.
Run: PYTHONPATH=src:tests python benchmarks/risk_over_http.py [--rounds N]
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import httpx2
import numpy as np

from api.live import opened, served
from http_peers import constant
from http_peers import token as peer_token
from risk.samples import made_up
from traderbot import bootstrap
from traderbot.market.datasets import Dataset
from traderbot.risk.warming import warm

ASSETS, DAYS = 100, 1_200


def prices() -> Dataset:
    random = np.random.default_rng(5)
    common = random.normal(0, 0.008, DAYS)
    closes = {
        f"S{number}": 50 * np.exp(np.cumsum(common + random.normal(0, 0.012, DAYS)))
        for number in range(ASSETS)
    }
    return made_up(closes)


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Milliseconds by the clock and of the processor."""
    clock, used = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - clock) * 1000, (time.process_time() - used) * 1000


def run(rounds: int) -> dict[str, list[tuple[float, float]]]:
    """By question, each round's times."""
    taken: dict[str, list[tuple[float, float]]] = {}
    dataset = prices()
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(bootstrap, "ensure_demo", lambda _home: dataset),
        opened(Path(folder) / "home", replay_start=date(2019, 6, 3), log_level="warning") as live,
        live.person() as ada,
        served(constant) as peer,
        httpx2.Client(base_url=peer, headers={"Authorization": f"Bearer {peer_token(1)}"}) as other,
    ):
        warm().join()
        for number in range(ASSETS):
            ada.order(symbol=f"S{number}", qty="5")
        live.step()
        assert len(ada.get("/positions")["items"]) == ASSETS

        def bare() -> None:
            assert other.get("/api/v1/portfolio").status_code == 200

        def filled() -> None:
            ada.order(symbol="S0", qty="1")
            live.step()

        asked: dict[str, Callable[[], Any]] = {
            "bare FastAPI": bare,
            "portfolio, warm": lambda: ada.get("/portfolio"),
            "risk status, warm": lambda: ada.get("/risk/status"),
            "risk analysis, warm": lambda: ada.get("/risk/analysis"),
            "scenarios, warm": lambda: ada.get("/risk/scenarios"),
            "factors, warm": lambda: ada.get("/risk/factors"),
        }
        taken["risk analysis, the first"] = [timed(asked["risk analysis, warm"])]
        for work in asked.values():
            work()
        for _ in range(rounds):
            for name, work in asked.items():
                work()  # what the fill before made cold is not what is measured here
                taken.setdefault(name, []).append(timed(work))
            for path in ("portfolio", "risk/status", "risk/analysis"):
                filled()
                after = timed(lambda path=path: ada.get(f"/{path}"))  # type: ignore[misc]
                taken.setdefault(f"{path}, after a fill", []).append(after)
    return taken


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    found = run(parser.parse_args().rounds)
    print(f"account with {ASSETS} positions over HTTP, median of each in ms")
    print(f"{'':<30} {'clock':>8} {'processor':>10}")
    for name, times in found.items():
        clock, used = (median(column) for column in zip(*times, strict=True))
        print(f"{name:<30} {clock:8.1f} {used:10.1f}")
