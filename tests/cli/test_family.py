"""A parent and its children on PostgreSQL: they serve one port, die, are replaced and leave without a request
lost.
"""

import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from cli.test_serve import COMMAND, WITHIN_S, free_port
from servers import postgres_url
from traderbot.cli.family import Child, end

pytestmark = pytest.mark.integration


def free_ports(count: int) -> int:
    """The first of so many free ports in a row."""
    while True:
        first = free_port()
        with ExitStack() as held, suppress(OSError, OverflowError):
            for port in range(first, first + count):
                held.enter_context(socket.create_server(("127.0.0.1", port)))
            return first


class Serving:
    """`traderbot serve --workers 2` on a database of its own, with a user who may ask."""

    def __init__(self, home: Path, url: str) -> None:
        self.log = home.parent / "log"
        port = str(free_port())
        ready = home.parent / "ready.json"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TRADERBOT_")}
        self.metrics_port = free_ports(3)
        environment |= {"TRADERBOT_DATABASE_URL": url, "TRADERBOT_LEASE_S": "3"}
        environment["TRADERBOT_METRICS_PORT"] = str(self.metrics_port)
        options = ["--home", str(home), "--port", port, "--speed", "20", "--ready-file", str(ready)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "serve", "--workers", "2", *options], stdout=log, stderr=log, env=environment
            )
        self.until(ready.exists)
        self.url = json.loads(ready.read_text())["url"]

    def until(self, holds: Callable[[], Any]) -> None:
        last = time.monotonic() + WITHIN_S
        while not holds():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < last, self.log.read_text()
            time.sleep(0.05)

    def ready(self) -> Any:
        with urllib.request.urlopen(f"{self.url}/health/ready", timeout=20) as answer:
            return json.load(answer)

    def children(self, kind: str) -> set[int]:
        """Process ids of the children that serve or play."""
        found = set()
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                parent = (path / "stat").read_text().rpartition(")")[2].split()[1]
                words = (path / "cmdline").read_bytes().split(b"\0")
                if int(parent) == self.process.pid and kind.encode() in words:
                    found.add(int(path.name))
        return found


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with postgres_url() as url:
        one = Serving(tmp_path_factory.mktemp("several") / "home", url)
        yield one
        one.process.terminate()
        assert one.process.wait(60) == 0, one.log.read_text()
        assert "Traceback" not in one.log.read_text()
        assert "child_killed" not in one.log.read_text()


def test_several_serve_and_one_plays(serving: Serving) -> None:
    assert len(serving.children("serve")) == 2
    assert len(serving.children("worker")) == 1
    serving.until(lambda: serving.ready()["parts"]["session"].startswith("played elsewhere"))
    before = serving.ready()["market_time"]
    serving.until(lambda: serving.ready()["market_time"] > before)


def test_each_child_shows_how_it_does_on_a_port_of_its_own(serving: Serving) -> None:
    def players() -> list[bool]:
        found = []
        for port in range(serving.metrics_port, serving.metrics_port + 3):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
                found.append(b"\ntraderbot_session_playing 1.0" in answer.read())
        return found

    serving.until(lambda: players() == [False, False, True])


@pytest.mark.parametrize("kind", ["serve", "worker"])
def test_a_child_that_is_killed_is_replaced(serving: Serving, kind: str) -> None:
    before = serving.children(kind)
    killed = before.copy().pop()
    os.kill(killed, signal.SIGKILL)
    serving.until(lambda: len(serving.children(kind) - {killed}) == len(before))
    market = serving.ready()["market_time"]
    serving.until(lambda: serving.ready()["market_time"] > market)


def test_a_rolling_restart_loses_no_request(serving: Serving) -> None:
    before = serving.children("serve") | serving.children("worker")
    stop, failed, answered = threading.Event(), list[str](), list[int]()

    def ask() -> None:
        while not stop.wait(0.02):
            try:
                with urllib.request.urlopen(f"{serving.url}/health", timeout=20) as answer:
                    answered.append(answer.status)
            except (OSError, urllib.error.URLError) as error:
                failed.append(repr(error))

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    serving.process.send_signal(signal.SIGHUP)
    serving.until(lambda: "renewed" in serving.log.read_text())
    stop.set()
    for asker in askers:
        asker.join(30)
    assert failed == []
    assert set(answered) == {200}
    now = serving.children("serve") | serving.children("worker")
    assert len(now) == 3
    assert not now & before


def test_a_child_that_dies_at_once_is_tried_again_after_a_pause(tmp_path: Path) -> None:
    child = Child("api", ["no-such-command"], os.open(os.devnull, os.O_RDONLY), tmp_path)
    child.spawn()
    assert not child.await_ready(lambda: False)
    child.look()
    assert child.process is None
    assert child.failures == 1
    assert child.again_at > time.monotonic()
    child.look()
    assert child.process is None, "not before the pause is over"
    end([])
