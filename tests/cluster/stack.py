"""The whole platform as several processes on real servers: PostgreSQL, Valkey, NATS, two API replicas behind
a proxy, two workers and a relay; each can be killed and started again.
"""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from cluster.wire import Wire, until
from e2e.demo import free_port
from servers import Postgres, nats, postgres, valkey

UP_WITHIN_S = 60
SPEED = 4  # steps of the replay a second


@dataclass
class Part:
    """One process of the platform. arguments: of the command; port: where it serves, if it does."""

    name: str
    arguments: list[str]
    home: Path
    environment: dict[str, str]
    port: int | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        return self.home.with_suffix(".log")

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cluster.process", *self.arguments, "--home", str(self.home)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
            )

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """As a power cut for the process."""
        self.send(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(10)

    def stop(self) -> int:
        """Let it drain and leave. Returns: its exit status."""
        self.send(signal.SIGTERM)
        assert self.process is not None
        return self.process.wait(60)

    def serves(self) -> bool:
        """Whether it is ready for requests; one that serves none is ready once it runs."""
        assert self.process is not None
        assert self.process.poll() is None, f"{self.name} ended: {self.log.read_text()[-2000:]}"
        if self.port is None:
            return True
        try:
            return httpx2.get(f"http://127.0.0.1:{self.port}/health/ready", timeout=5).status_code == 200
        except httpx2.HTTPError:
            return False


class Stack:
    """Everything that runs. url: of the proxy; the way to Valkey leads over a wire that can be cut."""

    def __init__(self, folder: Path, opened: ExitStack, *, durable: bool = True) -> None:
        self.folder = folder
        self.postgres: Postgres = opened.enter_context(postgres(durable=durable, folder=folder))
        self.valkey = opened.enter_context(valkey())
        self.nats = opened.enter_context(nats())
        self.to_valkey = Wire([self.valkey.port])
        opened.callback(self.to_valkey.close)
        self.database_url = self.postgres.url(self.postgres.create())
        self.nats_url = f"nats://127.0.0.1:{self.nats.port}"
        self.environment = self._environment()
        ports = [free_port(), free_port()]
        self.parts = {
            part.name: part
            for part in (
                self._part("replica-1", ["serve", "--api-only", "--port", str(ports[0])], ports[0]),
                self._part("replica-2", ["serve", "--api-only", "--port", str(ports[1])], ports[1]),
                self._part("worker-1", ["worker"]),
                self._part("worker-2", ["worker"]),
                self._part("relay", ["relay"]),
            )
        }
        self.balancer = Wire(ports)
        opened.callback(self.balancer.close)
        self.url = f"http://127.0.0.1:{self.balancer.port}"

    def _environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("TRADERBOT_")}
        settings = {
            "database_url": self.database_url,
            "valkey_url": f"redis://127.0.0.1:{self.to_valkey.port}/0",
            "nats_url": self.nats_url,
            "secret_key": secrets.token_hex(32),
            "replay_speed": str(SPEED),
            "rate_general": "1000000/minute",
            "rate_trading": "1000000/minute",
            "rate_address": "1000000/minute",
            "log_format": "json",
            "access_token_minutes": "1440",
        }
        paths = os.pathsep.join(path for path in sys.path if path)
        return (
            own
            | {f"TRADERBOT_{name.upper()}": value for name, value in settings.items()}
            | {"PYTHONPATH": paths}
        )

    def _part(self, name: str, arguments: list[str], port: int | None = None) -> Part:
        environment = self.environment | {"TRADERBOT_INSTANCE": name}
        return Part(name, arguments, self.folder / name, environment, port)

    def start(self) -> None:
        """Start every part and wait until all are ready."""
        for part in self.parts.values():
            part.start()
        for part in self.parts.values():
            until(part.serves, UP_WITHIN_S, f"{part.name} is ready")

    def restart(self, name: str) -> None:
        """Start a part that has ended, and wait until it is ready."""
        self.parts[name].start()
        until(self.parts[name].serves, UP_WITHIN_S, f"{name} is ready")

    def close(self) -> None:
        """End what still runs."""
        for part in self.parts.values():
            if part.process is not None and part.process.poll() is None:
                part.kill()


@contextmanager
def stack(*, durable: bool = True) -> Iterator[Stack]:
    """A running platform for a block, on a real disk where durable."""
    with ExitStack() as opened:
        name = tempfile.mkdtemp(prefix=".cluster-", dir=Path.cwd() if durable else None)
        folder = Path(name)
        folder.chmod(0o755)  # the database server may run as somebody else
        opened.callback(_remove, folder)
        found = Stack(folder, opened, durable=durable)
        opened.callback(found.close)
        yield found


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def seconds_until(met: object) -> float:  # pragma: no cover - filled by the faults
    """How long something takes to become true."""
    began = time.monotonic()
    until(met, 60, "it becomes true")  # type: ignore[arg-type]
    return time.monotonic() - began
