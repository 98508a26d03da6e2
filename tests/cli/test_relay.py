"""`traderbot relay` as a process of its own: what it publishes, how it ends, what it refuses."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa

from cli.desk import run
from cli.test_serve import free_port
from infra.journals import Desk, held, until, url_of
from servers import CannotRun, Program, nats, postgres_url
from traderbot.infra.delivery.relay import relay_positions
from traderbot.infra.storage.database import Database

pytestmark = pytest.mark.integration


@pytest.fixture
def server() -> Iterator[Program]:
    try:
        with nats() as server:
            yield server
    except CannotRun as error:
        pytest.skip(f"NATS cannot be started here: {error}")


@pytest.fixture
def desk() -> Iterator[Desk]:
    with postgres_url() as url:
        database = Database(url)
        yield Desk(database)
        database.close()


@contextmanager
def relaying(desk: Desk, server: Program, home: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "TRADERBOT_NATS_URL": url_of(server),
        "TRADERBOT_DATABASE_URL": desk.database.url.render_as_string(hide_password=False),
    }
    program = "from traderbot.cli.main import app; app()"
    command = [sys.executable, "-c", program, "relay", "--home", str(home), *words]
    with subprocess.Popen(command, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def positions(server: Program) -> list[int]:
    return [envelope.position for envelope in held(server)]


def test_it_publishes_until_it_is_told_to_stop(desk: Desk, server: Program, tmp_path: Path) -> None:
    desk.append(30)
    with relaying(desk, server, tmp_path) as process:
        until(lambda: positions(server) == list(range(1, 31)))
        desk.append(400)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    there = positions(server)
    assert there == list(range(1, len(there) + 1))
    with desk.database.read() as connection:
        assert connection.execute(sa.select(relay_positions.c.position)).scalar() == len(there)


def test_killed_in_the_flow_another_that_stood_by_goes_on(
    desk: Desk, server: Program, tmp_path: Path
) -> None:
    with relaying(desk, server, tmp_path) as first:
        until(lambda: held(server) or desk.append(1))
        with relaying(desk, server, tmp_path):
            for _ in range(20):
                desk.append(50)
            first.kill()
            desk.append(50)
            until(lambda: positions(server) == list(range(1, desk.last() + 1)))


def test_rebuild_takes_a_stream_over(desk: Desk, server: Program, tmp_path: Path) -> None:
    desk.append(30)
    relay = desk.relay(server)
    until(lambda: relay.position == 30)
    relay.stop()
    with desk.database.write() as connection:
        connection.execute(sa.delete(relay_positions))
    with relaying(desk, server, tmp_path, "--rebuild"):
        until(lambda: rebuilds_of(desk) > 0)
        until(lambda: positions(server) == list(range(1, 31)))


def rebuilds_of(desk: Desk) -> int:
    """How often the stream was built anew."""
    with desk.database.read() as connection:
        return connection.execute(sa.select(relay_positions.c.rebuilds)).scalar() or 0


def test_without_an_address_it_says_what_is_missing(tmp_path: Path) -> None:
    done = run(tmp_path, "relay")
    assert done.exit_code == 1
    assert "nats_url: expected" in done.stderr


def test_without_the_package_it_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nats", None)
    monkeypatch.setenv("TRADERBOT_NATS_URL", "nats://127.0.0.1:9")
    done = run(tmp_path, "relay")
    assert done.exit_code == 1
    assert "install traderbot[nats]" in done.stderr


def test_it_shows_how_it_does_on_a_port_of_its_own(
    desk: Desk, server: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("TRADERBOT_METRICS_PORT", str(port))
    desk.append(3)

    def asked(path: str) -> httpx2.Response | None:
        try:
            return httpx2.get(f"http://127.0.0.1:{port}{path}")
        except httpx2.TransportError:
            return None

    def published() -> bool:
        answer = asked("/metrics")
        return answer is not None and "traderbot_relay_published_total 3.0" in answer.text

    with relaying(desk, server, tmp_path):
        until(published)
        ready = asked("/health/ready")
        assert ready is not None
        assert ready.json() == {"status": "ready", "parts": {"database": "ok", "relay": "publishes here"}}
