"""The first minute: seconds from `traderbot demo` in an empty home to what somebody new waits for.

Run: python benchmarks/first_minute.py. Exits with 1 when a target is missed.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2

GIVE_UP_S = 180


class Waiting:
    """Asks the demo until it answers as wished."""

    def __init__(self, url: str, ready: Path) -> None:
        self.client = httpx2.Client(base_url=url, timeout=30)
        self.ready = ready

    def health(self) -> bool:
        return self.client.get("/health").status_code == 200

    def page(self) -> bool:
        answer = self.client.get("/")
        return answer.status_code == 200 and "<html" in answer.text

    def _get(self, path: str) -> Any:
        if "x-api-key" not in self.client.headers:
            self.client.headers["x-api-key"] = json.loads(self.ready.read_bytes())["api_key"]
        return self.client.get(f"/api/v1{path}").json()

    def portfolio(self) -> bool:
        return Decimal(self._get("/portfolio")["equity"]) > 0

    def fill(self) -> bool:
        """A filled order that follows from a signal of the AI strategy."""
        orders = self._get("/orders?status=closed")["items"]
        return any(order["status"] == "filled" and order["signal_id"] for order in orders)


def seconds_until(began: float, done: Callable[[], bool], process: subprocess.Popen[bytes]) -> float:
    while True:
        try:
            if done():
                return time.monotonic() - began
        except (httpx2.TransportError, FileNotFoundError):
            pass  # not yet
        if process.poll() is not None or time.monotonic() - began > GIVE_UP_S:
            raise SystemExit("the demo ended, or takes for ever")
        time.sleep(0.02)


def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix=".first-minute-", dir=Path(__file__).parent) as folder:
        ready = Path(folder) / "ready.json"
        command = [str(Path(sys.executable).with_name("traderbot")), "demo", "--home", f"{folder}/home"]
        command += ["--port", str(port), "--ready-file", str(ready)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TRADERBOT_")}
        began = time.monotonic()
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
        )
        try:
            waiting = Waiting(f"http://127.0.0.1:{port}", ready)
            lines = [
                ("/health answers", waiting.health, 10),
                ("the page answers", waiting.page, 10),
                ("a priced portfolio", waiting.portfolio, 15),
                ("an AI order is filled", waiting.fill, 60),
            ]
            missed = False
            for words, done, target in lines:
                seconds = seconds_until(began, done, process)
                missed |= seconds > target
                print(f"{words:24}{seconds:7.2f} s   target {target} s", flush=True)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)
    sys.exit(missed)


if __name__ == "__main__":
    main()
