"""The whole platform as several processes on real servers: PostgreSQL, Valkey, NATS, two API replicas behind
a proxy, two workers and a relay; each can be killed and started again.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from cluster.outside import Outside
from cluster.seed import Owner, seed
from cluster.wire import Wire, until
from e2e.demo import free_port
from servers import Postgres, nats, postgres, valkey

UP_WITHIN_S = 180
SPEED = 4  # steps of the replay a second
REPLICAS = ("replica-1", "replica-2")
WORKERS = ("worker-1", "worker-2")
PARTS = {
    **dict.fromkeys(REPLICAS, ("serve", "--api-only")),
    **dict.fromkeys(WORKERS, ("worker",)),
    "relay": ("relay",),
}
"""The processes, with the words of their commands."""


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

    @property
    def ready_file(self) -> Path:
        return self.home.with_suffix(".ready")

    def start(self) -> None:
        self.ready_file.unlink(missing_ok=True)
        places = ["--home", str(self.home), "--ready-file", str(self.ready_file)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cluster.process", *self.arguments, *places],
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
        """Whether it is ready, for requests if it serves any."""
        assert self.process is not None
        assert self.process.poll() is None, f"{self.name} ended: {self.log.read_text()[-2000:]}"
        if self.port is None or not self.ready_file.exists():
            return self.ready_file.exists()
        try:
            return httpx2.get(f"http://127.0.0.1:{self.port}/health/ready", timeout=5).status_code == 200
        except httpx2.HTTPError:
            return False


class Stack:
    """Everything that runs. url: of the proxy; the way to Valkey leads over a wire that can be cut. outside:
    a consumer of the published events; owner: of the deployment, whose account the AI trades.
    """

    owner: Owner

    def __init__(self, folder: Path, opened: ExitStack, *, durable: bool, lease_s: int) -> None:
        self.folder = folder
        self.postgres: Postgres = opened.enter_context(postgres(durable=durable, folder=folder))
        self.valkey = opened.enter_context(valkey())
        self.nats = opened.enter_context(nats())
        self.to_valkey = Wire([self.valkey.port])
        opened.callback(self.to_valkey.close)
        self.database_url = self.postgres.url(self.postgres.create())
        self.nats_url = f"nats://127.0.0.1:{self.nats.port}"
        valkey_url = f"redis://127.0.0.1:{self.to_valkey.port}/0"
        self.settings = settings_of(self.database_url, valkey_url, self.nats_url) | {"lease_s": str(lease_s)}
        self.environment = self._environment()
        ports = {name: free_port() for name in REPLICAS}
        self.parts = {name: self._part(name, ports.get(name)) for name in PARTS}
        self.balancer = Wire(list(ports.values()))
        opened.callback(self.balancer.close)
        self.outside = Outside(self.nats_url, folder)
        opened.callback(self.outside.stop)
        self.url = f"http://127.0.0.1:{self.balancer.port}"

    def _environment(self) -> dict[str, str]:
        """Ours without settings that a developer may have."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("TRADERBOT_")}
        given = {f"TRADERBOT_{name.upper()}": value for name, value in self.settings.items()}
        return own | given | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}

    def _part(self, name: str, port: int | None) -> Part:
        environment = self.environment | {"TRADERBOT_INSTANCE": name}
        arguments = [*PARTS[name], *(() if port is None else ("--port", str(port)))]
        return Part(name, arguments, self.folder / name, environment, port)

    def start(self) -> None:
        """Start every part at once on an empty database, put the owner on record, wait for all."""
        for part in self.parts.values():
            part.start()
        self.outside.start()
        self.owner = seed(self.settings, self.folder / "seed")
        for part in self.parts.values():
            until(part.serves, UP_WITHIN_S, f"{part.name} is ready")

    def restart(self, name: str) -> None:
        """Start a part that has ended, and wait until it is ready."""
        self.parts[name].start()
        until(self.parts[name].serves, UP_WITHIN_S, f"{name} is ready")

    def leave(self) -> list[str]:
        """Tell every part to leave, those that serve first. Returns: who did not do so in good order."""
        left = {name: part.stop() for name, part in self.parts.items()}
        return [
            f"{name} left with status {status}: {self.parts[name].log.read_text()[-1000:]}"
            for name, status in left.items()
            if status
        ]

    def complaints(self) -> list[str]:
        """What the parts logged as errors, and what is no line of their log at all."""
        found = []
        for part in self.parts.values():
            for line in part.log.read_text(errors="replace").splitlines():
                level = json.loads(line).get("level") if line.startswith("{") else None
                if level in ("error", "critical") or line.startswith("Traceback"):
                    found.append(f"{part.name}: {line[:300]}")
        return found

    def crashes(self) -> list[str]:
        """Requests that nobody answered in words, with the end of what was raised."""
        found = []
        for part in self.parts.values():
            text = part.log.read_text(errors="replace")
            logged = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
            found += [
                f"{part.name}: {entry.get('exception', '')[-1000:]}"
                for entry in logged
                if "ASGI application" in entry.get("event", "")
            ]
        return found

    def close(self) -> None:
        """End what still runs."""
        for part in self.parts.values():
            if part.process is not None and part.process.poll() is None:
                part.kill()


def settings_of(database_url: str, valkey_url: str, nats_url: str) -> dict[str, str]:
    """What every process is told."""
    return {
        "database_url": database_url,
        "valkey_url": valkey_url,
        "nats_url": nats_url,
        "secret_key": secrets.token_hex(32),
        "log_format": "json",
        "replay_speed": str(SPEED),
        "rate_general": "1000000/minute",
        "rate_trading": "1000000/minute",
        "rate_address": "1000000/minute",
        "access_token_minutes": "1440",  # a clock that jumps an hour ends no token
    }


@contextmanager
def stack(*, durable: bool = True, lease_s: int = 10) -> Iterator[Stack]:
    """A platform that is yet to be started, for a block; on a real disk where durable."""
    with ExitStack() as opened:
        name = tempfile.mkdtemp(prefix=".cluster-", dir=Path.cwd() if durable else None)
        folder = Path(name)
        folder.chmod(0o755)  # the database server may run as somebody else
        opened.callback(shutil.rmtree, folder, ignore_errors=True)
        found = Stack(folder, opened, durable=durable, lease_s=lease_s)
        opened.callback(found.close)
        yield found
