"""The real `traderbot demo` as a process, for tests and anybody who wants to kill it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2

T = TypeVar("T")
COMMAND = Path(sys.executable).with_name("traderbot")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def wait_for(ask: Callable[[], T | None], seconds: float = 30) -> T:
    """What `ask` gives back once it is something."""
    deadline = time.monotonic() + seconds
    while (found := ask()) is None:
        assert time.monotonic() < deadline, f"nothing after {seconds} s"
        time.sleep(0.05)
    return found


class Demo:
    """One run of the demo. api: a client signed in as the demo user by the API key."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.ready = home.with_name(f"{home.name}.ready.json")
        self.ready.unlink(missing_ok=True)
        self.log = home.with_name(f"{home.name}.log")
        given = ["--home", str(home), "--port", str(free_port()), "--ready-file", str(self.ready), *arguments]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [COMMAND, "demo", *given], stdout=log, stderr=log, env=_environment()
            )
        try:
            self.login: dict[str, str] = wait_for(self._login)
        except BaseException:
            self.kill()
            raise
        self.url = self.login["url"]
        self.api = httpx2.Client(
            base_url=f"{self.url}/api/v1", headers={"X-API-Key": self.login["api_key"]}, timeout=30
        )

    def _login(self) -> dict[str, str] | None:
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        found: dict[str, str] | None = json.loads(self.ready.read_bytes()) if self.ready.exists() else None
        return found

    def get(self, path: str, **params: Any) -> Any:
        answer = self.api.get(path, params=params)
        answer.raise_for_status()
        return answer.json()

    def kill(self) -> None:
        """As a power cut for the process: nothing is flushed, nothing is said."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """As Ctrl-C. Returns: the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


def traderbot(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments], capture_output=True, text=True, env=_environment(), check=False, timeout=120
    )


def _environment() -> dict[str, str]:
    """Ours without settings that a developer may have. One user clicks in a minute what people do in ten."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("TRADERBOT_")}
    return own | {"TRADERBOT_RATE_GENERAL": "10000/minute", "TRADERBOT_RATE_RISK": "1000/minute"}


@contextmanager
def running(home: Path, *arguments: str) -> Iterator[Demo]:
    demo = Demo(home, *arguments)
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.kill()
