"""`demo` and `serve` as a person starts and stops them: real processes, real signals."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from traderbot.bootstrap import Platform
from traderbot.cli.main import app
from traderbot.cli.serve import Login, demo_login
from traderbot.infra.settings import load_settings
from traderbot.model.errors import ConfigurationError
from traderbot.users.people import Principal

pytestmark = pytest.mark.integration

COMMAND = [sys.executable, "-c", "from traderbot.cli.main import app; app()"]
WITHIN_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Running:
    """A traderbot process that serves. facts: what its ready file says."""

    def __init__(self, home: Path, *words: str) -> None:
        ready = home / "ready.json"
        self.log = home.parent / f"{home.name}.log"
        home.mkdir(exist_ok=True)
        arguments = [
            *COMMAND,
            *words,
            "--home",
            str(home),
            "--port",
            str(free_port()),
            "--ready-file",
            str(ready),
        ]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TRADERBOT_")}
        ready.unlink(missing_ok=True)
        with self.log.open("w") as log:
            self.process = subprocess.Popen(arguments, stdout=log, stderr=log, env=environment)
        until = time.monotonic() + WITHIN_S
        while not ready.exists():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.05)
        assert stat.S_IMODE(ready.stat().st_mode) == 0o600
        self.facts: dict[str, str] = json.loads(ready.read_text())

    def ask(self, path: str, body: object = None) -> Any:
        headers = {"X-API-Key": self.facts["api_key"], "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.facts["url"] + path, data, headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def running(home: Path, *words: str) -> Iterator[Running]:
    one = Running(home, *words)
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait(10)


def test_a_demo_keeps_what_it_acknowledged_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    home = tmp_path / "home"
    order = {
        "symbol": "IBM",
        "side": "buy",
        "type": "limit",
        "qty": "1",
        "limit_price": "60",
        "time_in_force": "gtc",
    }
    with running(home, "demo", "--speed", "50") as first:
        placed = [first.ask("/api/v1/orders", order)["id"] for _ in range(5)]
        placed.append(first.ask("/api/v1/orders", order)["id"])
        assert first.stop(signal.SIGTERM) == 0, first.log.read_text()
        assert "Traceback" not in first.log.read_text()
    with running(home, "demo", "--speed", "0.01", "--start", "2010-01-04") as second:
        assert {name: second.facts[name] for name in ("email", "password", "api_key")} == {
            name: first.facts[name] for name in ("email", "password", "api_key")
        }
        open_orders = second.ask("/api/v1/orders?status=open&limit=200")["items"]
        assert set(placed) <= {order["id"] for order in open_orders}
        clock = second.ask("/api/v1/market/clock")
        assert "2004-12-31" <= clock["date"] < "2006-01-01"
        assert second.stop(signal.SIGINT) == 0, second.log.read_text()
    assert "--start: counts for a new home only" in second.log.read_text()
    assert "Traceback" not in second.log.read_text()


def test_a_killed_demo_starts_again_with_everything(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running(home, "demo", "--speed", "100") as first:
        until = time.monotonic() + 30
        while not first.ask("/api/v1/signals")["items"]:
            assert time.monotonic() < until, "no signal of the AI"
            time.sleep(0.1)
        before = first.ask("/api/v1/market/clock")
        first.process.kill()
        first.process.wait(10)
    found = CliRunner().invoke(app, ["audit", "rebuild", "--home", str(home)])
    assert found.exit_code == 0, found.output
    with running(home, "serve", "--speed", "0.01") as second:
        second.facts["api_key"] = first.facts["api_key"]
        assert second.ask("/api/v1/market/clock")["step"] >= before["step"]
        with urllib.request.urlopen(second.facts["url"] + "/health/ready", timeout=20) as answer:
            assert answer.status == 200
        assert second.stop() == 0


def invoke(*words: str) -> Any:
    return CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})


def test_a_port_in_use_is_told_before_anything_is_made(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = invoke("demo", "--home", str(tmp_path / "home"), "--port", str(port))
    assert found.exit_code == 1
    assert f"port: 127.0.0.1:{port} cannot be taken" in found.output
    assert not (tmp_path / "home").exists()


def test_a_home_in_use_is_told(tmp_path: Path) -> None:
    platform = Platform.open(load_settings({"home": tmp_path}))
    found = invoke("serve", "--home", str(tmp_path), "--port", str(free_port()))
    platform.close()
    assert found.exit_code == 1
    assert "in use by another traderbot" in found.output


def test_a_ready_file_that_cannot_be_written_ends_it_in_order(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ready = tmp_path / "file" / "ready.json"
    found = invoke(
        "demo", "--home", str(tmp_path / "home"), "--port", str(free_port()), "--ready-file", str(ready)
    )
    assert found.exit_code == 1, found.output
    assert "Traceback" not in found.output
    assert "ready.json" in found.output
    assert invoke("audit", "verify", "--home", str(tmp_path / "home")).exit_code == 0


@pytest.mark.parametrize(
    "words", [["serve", "--workers", "2", "--port", "8322"], ["serve", "--api-only"], ["worker"]]
)
def test_several_processes_need_postgresql(tmp_path: Path, words: list[str]) -> None:
    found = invoke(*words, "--home", str(tmp_path))
    assert found.exit_code == 2
    assert "needs PostgreSQL" in found.output
    assert not (tmp_path / "traderbot.db").exists()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--speed", "-1"], "--speed"),
        (["--speed", "nan"], "--speed"),
        (["--speed", "fast"], "--speed"),
        (["--start", "2005-13-01"], "--start"),
        (["--start", "soon"], "--start"),
        (["--start", "1999-01-04"], "--start"),
        (["--port", "0"], "--port"),
    ],
)
def test_a_wrong_option_is_named(tmp_path: Path, words: list[str], named: str) -> None:
    port = [] if "--port" in words else ["--port", str(free_port())]
    found = invoke("demo", "--home", str(tmp_path), *port, *words)
    assert found.exit_code in (1, 2)
    assert named in found.output
    assert "Traceback" not in found.output


def test_the_demo_login_survives_a_start_cut_short_at_any_point(tmp_path: Path) -> None:
    path = tmp_path / "demo-login.json"
    platform = Platform.open(load_settings({"home": tmp_path}))
    try:
        path.write_bytes(msgspec.json.encode(Login("demo@traderbot.local", "a-long-password")))
        login, account_id = demo_login(platform)  # cut short before the user was made
        assert login.password == "a-long-password"
        path.write_bytes(msgspec.json.encode(Login(login.email, login.password)))
        again, same_account = demo_login(platform)  # cut short before the key was on file
        assert same_account == account_id
        assert platform.users.authenticate(again.api_key).account_id == account_id
        principal = Principal(
            platform.users.authenticate(again.api_key).user_id, account_id, "admin", "token"
        )
        for key in platform.users.api_keys(principal.user_id):
            platform.users.revoke_api_key(principal.user_id, key.id)
        renewed, _ = demo_login(platform)  # revoked in the page
        assert platform.users.authenticate(renewed.api_key).account_id == account_id
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.write_text("{")
        with pytest.raises(ConfigurationError, match="cannot be read"):
            demo_login(platform)
        path.unlink()
        with pytest.raises(ConfigurationError, match="is gone"):
            demo_login(platform)
    finally:
        platform.close()
