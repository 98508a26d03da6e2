"""`traderbot doctor`: what it finds, what it says to do, and how it exits."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from servers import postgres, postgres_url
from traderbot.cli import doctor
from traderbot.cli.doctor import (
    Check,
    check_clock,
    check_disk,
    check_home,
    check_lock,
    check_server,
    check_sqlite,
    examine,
    run_doctor,
)
from traderbot.infra.clock import WallClock
from traderbot.infra.storage.database import lock_home
from users.desk import HandClock

pytestmark = pytest.mark.integration

runner = CliRunner(env={"COLUMNS": "250"})
app = typer.Typer()
app.command()(run_doctor)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def examined(home: Path, port: int, **environment: str) -> tuple[int, dict[str, dict[str, str]]]:
    shown = runner.invoke(app, ["--json", "--home", str(home), "--port", str(port)], env=environment)
    return shown.exit_code, {check["name"]: check for check in json.loads(shown.stdout)}


def test_all_is_well(tmp_path: Path, free_port: int) -> None:
    status, checks = examined(tmp_path, free_port)
    assert status == 0
    assert {"versions", "settings", "sqlite", "clock", "home", "disk", "lock", "port", "exposure"} == set(
        checks
    )
    assert {check["state"] for check in checks.values()} <= {"ok", "warning"}
    assert not (tmp_path / "lock").exists()  # looking changes nothing


def test_a_home_that_is_not_yet_there_is_well(tmp_path: Path, free_port: int) -> None:
    status, checks = examined(tmp_path / "a" / "b", free_port)
    assert status == 0
    assert "will be made" in checks["home"]["found"]
    assert not (tmp_path / "a").exists()


def test_a_taken_port_fails_with_what_to_do(tmp_path: Path, taken_port: int) -> None:
    status, checks = examined(tmp_path, taken_port)
    assert status == 1
    assert checks["port"]["state"] == "failed"
    assert "--port" in checks["port"]["remedy"]


def test_a_running_traderbot_explains_lock_and_port(tmp_path: Path, taken_port: int) -> None:
    with lock_home(tmp_path):
        status, checks = examined(tmp_path, taken_port)
        assert status == 0
        assert "is running" in checks["lock"]["found"]
        assert checks["port"]["state"] == "ok"
    assert "no traderbot" in check_lock(tmp_path).found


def test_a_wrong_setting_fails_by_name(tmp_path: Path, free_port: int) -> None:
    status, checks = examined(tmp_path, free_port, TRADERBOT_COLLAR="much")
    assert status == 1
    assert checks["settings"]["found"].startswith("collar: expected a plain decimal")


def test_an_open_door_is_a_warning(tmp_path: Path, free_port: int) -> None:
    status, checks = examined(tmp_path, free_port, TRADERBOT_HOST="0.0.0.0")
    assert status == 0
    assert checks["exposure"]["state"] == "warning"
    closed = examined(tmp_path, free_port, TRADERBOT_HOST="0.0.0.0", TRADERBOT_OPEN_REGISTRATION="false")[1]
    assert closed["exposure"]["state"] == "ok"


def test_a_secret_others_can_read_fails(tmp_path: Path) -> None:
    key = tmp_path / "secret.key"
    key.write_text("x")
    key.chmod(0o640)
    assert check_home(tmp_path) == Check("home", "failed", f"{key} can be read by others", f"chmod 600 {key}")


def test_a_home_that_is_a_file_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert check_home(tmp_path / "file").state == "failed"


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ("3.6.23", "ok"), ("3.7.0", "warning"), ("3.40.1", "warning"), ("3.44.5", "warning"), ("3.44.6",
        "ok"),
        ("3.45.0", "warning"), ("3.50.6", "warning"), ("3.50.7", "ok"), ("3.51.2", "warning"), ("3.51.3",
        "ok"),
        ("3.53.4", "ok"), ("4.0.0", "ok"),
    ],
)  # fmt: skip
def test_sqlite_with_the_wal_reset_bug_is_a_warning(version: str, state: str) -> None:
    assert check_sqlite(version).state == state


def test_the_sqlite_in_use_is_well() -> None:
    assert check_sqlite().state == "ok"


@pytest.mark.parametrize(("free", "state"), [(10**10, "ok"), (5 * 10**8, "warning"), (10**7, "failed")])
def test_disk(tmp_path: Path, free: int, state: str) -> None:
    assert check_disk(tmp_path, free).state == state
    assert check_disk(tmp_path).found.endswith("GB free")


def test_a_clock_that_cannot_be_right_fails() -> None:
    assert check_clock(HandClock(0)).state == "failed"
    assert check_clock(HandClock(2**52)).state == "failed"
    assert check_clock(WallClock()).state == "ok"


def test_further_checks_count(tmp_path: Path, free_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    broken = Check("journal", "failed", "event 7 was changed", "restore a backup")
    with pytest.raises(typer.Exit) as ended:
        examine({"home": tmp_path, "port": free_port}, None, as_json=False, further=lambda _: [broken])
    assert ended.value.exit_code == 1
    assert "event 7 was changed" in capsys.readouterr().out
    assert doctor.run_doctor.__doc__


def test_a_server_that_would_lose_commits_fails() -> None:
    with postgres_url() as url:
        check = check_server(url)
    assert (check.name, check.state) == ("database", "failed")
    assert "fsync off" in check.found


def test_a_server_that_keeps_them_is_well() -> None:
    with postgres(durable=True) as server:
        check = check_server(server.url())
    assert check.state == "ok"
    assert check.found.startswith("PostgreSQL 1")
    assert check_server(server.url()).state == "failed", "it is gone"
