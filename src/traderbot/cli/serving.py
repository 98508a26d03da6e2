"""Serve a platform over HTTP until it is told to stop: the port, the server, the end in good order."""

import asyncio
import gc
import json
import os
import resource
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import msgspec
import typer
import uvicorn
from rich.console import Console
from rich.panel import Panel

from traderbot.bootstrap import Platform
from traderbot.infra.metrics_server import showing
from traderbot.infra.settings import Settings
from traderbot.model.errors import ConfigurationError
from traderbot.risk.warming import warm

FILES_KEPT = 256  # for the database, the data and the models
DRAIN_S = 0.5
"""How long connections that were accepted already have to send their request, where others go on serving."""


class Login(msgspec.Struct, frozen=True):
    """How to sign in to the demo; kept in HOME/demo-login.json, readable by its owner only."""

    email: str
    password: str
    api_key: str = ""


class _Server(uvicorn.Server):
    """Calls back once it listens. failure: what the callback raised; the server then stops."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None], platform: Platform) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._platform = platform
        self.failure: ConfigurationError | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        try:
            self._on_ready()
        except ConfigurationError as error:
            self.failure, self.should_exit = error, True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections; those that are open get their answer, and are told to come no more."""
        self._platform.draining = True
        if self._platform.database.shared and not self.force_exit:
            for server in self.servers:
                server.close()
            self.server_state.default_headers = [
                *self.server_state.default_headers,
                (b"connection", b"close"),
            ]
            await asyncio.sleep(DRAIN_S)
        await super().shutdown(sockets)


def showing_itself(platform: Platform) -> AbstractContextManager[None]:
    """Show how this process does on the port set for that, if one is."""
    from traderbot.api.health import ready_answer

    settings = platform.settings
    return showing(
        settings.metrics_host, settings.metrics_port, platform.metrics, lambda: ready_answer(platform)
    )


def run_server(
    platform: Platform,
    listener: socket.socket,
    login: Login | None,
    ready_file: Path | None,
    *,
    announced: bool = True,
) -> None:
    """Serve until told to stop, then let requests under way finish."""
    from traderbot.api.app import build_app  # takes as long to import as all else; commands that do not serve
    from traderbot.api.bounded_http import BoundedHttp  # shall not wait for it

    settings = platform.settings
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)  # one left by an earlier run would say that this one serves

    def ready() -> None:
        tell_ready(settings, login, ready_file, announced=announced)
        platform.start()
        warm()

    config = uvicorn.Config(
        build_app(platform),
        http=BoundedHttp,
        limit_concurrency=_connections_max(),
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ws_max_size=65_536,
        ws_ping_interval=20,
        timeout_graceful_shutdown=5,
    )
    server = _Server(config, ready, platform)
    gc.freeze()  # what lives as long as the process is not looked through again: it held orders up for 30 ms
    with _stopped_by_signals(server), showing_itself(platform):
        server.run(sockets=[listener])
    if server.failure is not None:
        raise server.failure


def _connections_max() -> int:
    """Connections served at once: what the machine lets a process have open, less what the platform needs."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = 65_536 if most == resource.RLIM_INFINITY else min(most, 65_536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    return max(64, min(files - FILES_KEPT, 10_000))


@contextmanager
def _stopped_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the server and nothing else. uvicorn raises them once more when it has stopped,
    which would end the process before the platform is closed.
    """

    def stop(_number: int, _frame: object) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def listening(settings: Settings, inherited: int | None = None) -> Iterator[socket.socket]:
    """The port, taken before anything else is begun. Exits with what to do where it is taken. inherited: the
    file descriptor of one that the parent process listens on.
    """
    if inherited is not None:
        with socket.socket(fileno=inherited) as listener:
            listener.setblocking(False)
            yield listener
        return
    where = f"{settings.host}:{settings.port}"
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM
        )[0]
        listener = socket.socket(family, kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)  # two that only bind could share a port; who connects now waits until it serves
        listener.setblocking(False)
    except OSError as error:
        reason = error.strerror or str(error)
        typer.echo(f"port: {where} cannot be taken ({reason}); choose another with --port", err=True)
        raise typer.Exit(1) from None
    with listener:
        yield listener


def url_of(settings: Settings) -> str:
    """Where a browser on this machine finds the page."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared only
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def tell_ready(
    settings: Settings, login: Login | None, ready_file: Path | None, *, announced: bool = True
) -> None:
    """Write the ready file and tell the person where to look. Errors: ConfigurationError."""
    url = url_of(settings)
    if ready_file is not None:
        facts = {"url": url} | (msgspec.to_builtins(login) if login is not None else {})
        write_private(ready_file, json.dumps(facts).encode())
    if announced:
        _announce(url, settings, login)


@contextmanager
def stop_signal() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set."""
    stopping = threading.Event()
    before = {
        number: signal.signal(number, lambda _number, _frame: stopping.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _announce(url: str, settings: Settings, login: Login | None) -> None:
    from traderbot.api.app import STATIC

    lines = [f"[bold]{url}[/]" + ("" if STATIC.is_dir() else "  (the page is not built: run `make web`)")]
    if login is not None:
        lines += [
            f"e-mail   [bold]{login.email}[/]",
            f"password [bold]{login.password}[/]",
            f"API key  {login.api_key}",
        ]
    lines += [f"home     {settings.home}", "stop with Ctrl-C; start again to go on where it stopped"]
    Console().print(Panel("\n".join(lines), title="traderbot is running", expand=False))


def write_private(path: Path, content: bytes) -> None:
    """Write a file whole, readable by its owner only. Errors: ConfigurationError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from None
