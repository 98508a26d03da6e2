"""`traderbot demo` and `traderbot serve`: run the platform with its API and page."""

import gc
import json
import os
import resource
import secrets
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from uuid import UUID

import msgspec
import typer
import uvicorn
from rich.console import Console
from rich.panel import Panel

from traderbot.api.app import STATIC, build_app
from traderbot.api.bounded_http import BoundedHttp
from traderbot.bootstrap import Platform
from traderbot.cli.config import FileOption, HomeOption
from traderbot.cli.opened import open_platform, told
from traderbot.infra.settings import Settings, load_settings
from traderbot.model.errors import ConfigurationError, Unauthorized
from traderbot.users import repository
from traderbot.users.people import Grants, Principal
from traderbot.users.roles import SCOPES

DEMO_EMAIL = "demo@traderbot.local"
FILES_KEPT = 256  # for the database, the data and the models
LOGIN_FILE = "demo-login.json"
HostOption = Annotated[str | None, typer.Option("--host", help="Address to listen on.")]
PortOption = Annotated[int | None, typer.Option("--port", help="Port to listen on.")]
SpeedOption = Annotated[
    float | None, typer.Option("--speed", help="Bars a second of the replay; 0 is as fast as it can.")
]
StartOption = Annotated[
    str | None, typer.Option("--start", help="First session of a new replay, such as 2005-01-03.")
]
ReadyOption = Annotated[
    Path | None,
    typer.Option(
        "--ready-file", help="Write JSON with url, email, password and api_key here once it serves."
    ),
]
OPTIONS = {
    "home": "--home",
    "host": "--host",
    "port": "--port",
    "replay_speed": "--speed",
    "replay_start": "--start",
}


class Login(msgspec.Struct, frozen=True):
    """How to sign in to the demo; kept in HOME/demo-login.json, readable by its owner only."""

    email: str
    password: str
    api_key: str = ""


class _Server(uvicorn.Server):
    """Calls back once it listens. failure: what the callback raised; the server then stops."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self.failure: ConfigurationError | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        try:
            self._on_ready()
        except ConfigurationError as error:
            self.failure, self.should_exit = error, True


def demo(
    home: HomeOption = None,
    host: HostOption = None,
    port: PortOption = None,
    speed: SpeedOption = None,
    start: StartOption = None,
    ready_file: ReadyOption = None,
    config: FileOption = None,
) -> None:
    """Start everything on real prices: a demo user, a paper account with 100,000, a replay, and the AI
    strategy trading it.
    """
    given = {"home": home, "host": host, "port": port, "replay_speed": speed, "replay_start": start}
    settings = _settings(given, config)
    with _listener(settings) as listener, open_platform(settings, quiet=True) as platform, told():
        _tell_of_start(platform, start)
        login, account_id = demo_login(platform)
        platform.trade_by_ai(account_id)
        _run(platform, listener, login, ready_file)


def serve(
    home: HomeOption = None,
    host: HostOption = None,
    port: PortOption = None,
    speed: SpeedOption = None,
    start: StartOption = None,
    ready_file: ReadyOption = None,
    config: FileOption = None,
) -> None:
    """Run the API and the page for the users of this home, on the replay session on record."""
    given = {"home": home, "host": host, "port": port, "replay_speed": speed, "replay_start": start}
    settings = _settings(given, config)
    with _listener(settings) as listener, open_platform(settings) as platform, told():
        _tell_of_start(platform, start)
        if (settings.home / LOGIN_FILE).exists():  # the strategy goes on where the demo left it
            platform.trade_by_ai(demo_login(platform)[1])
        _run(platform, listener, None, ready_file)


def demo_login(platform: Platform) -> tuple[Login, UUID]:
    """The demo user's login and account: made at the first start, the same ever after.

    The password is on file before the user exists, so that a start cut short is finished by the next.
    Errors: ConfigurationError where the file is gone or damaged.
    """
    path = platform.settings.home / LOGIN_FILE
    login = read_login(platform.settings)
    with platform.database.read() as connection:
        found = repository.user_and_hash(connection, DEMO_EMAIL)
    if login is None:
        if found is not None:
            raise ConfigurationError(
                f"home: {path}, with its demo user's password, is gone; begin in another home"
            )
        login = Login(DEMO_EMAIL, secrets.token_urlsafe(12))
        _write_private(path, msgspec.json.encode(login))
    user = (
        found[0]
        if found is not None
        else platform.users.create_user(login.email, login.password, role="owner", display_name="Demo")
    )
    try:
        platform.users.authenticate(login.api_key)
    except Unauthorized:  # none yet, or revoked since
        principal = Principal(user.id, user.account_id, user.role, "token")
        _, api_key = platform.users.create_api_key(principal, "demo", grants=Grants(SCOPES))
        login = msgspec.structs.replace(login, api_key=api_key)
        _write_private(path, msgspec.json.encode(login))
    if user.account_id is None:
        raise ConfigurationError("home: its demo user has no account; begin in another home")
    return login, user.account_id


def read_login(settings: Settings) -> Login | None:
    """The login on file, None where no demo was started. Errors: ConfigurationError for a damaged file."""
    path = settings.home / LOGIN_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Login)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigurationError(f"home: {path} cannot be read ({error}); begin in another home") from None


def _settings(command_line: Mapping[str, object], config: Path | None) -> Settings:
    """The settings; a wrong one is told on stderr by its option, and ends the command with status 2."""
    try:
        return load_settings(command_line, config=config)
    except ConfigurationError as error:
        for line in error.detail.splitlines():
            name, separator, rest = line.partition(":")
            given = rest.endswith("(from the command line)")
            typer.echo(f"{OPTIONS.get(name, name) if given else name}{separator}{rest}", err=True)
        raise typer.Exit(2) from None


def _tell_of_start(platform: Platform, start: str | None) -> None:
    if start is not None and platform.resumed:
        now = platform.session.replay.snapshot().date
        typer.echo(f"--start: counts for a new home only; this one's replay goes on after {now}", err=True)


def _run(platform: Platform, listener: socket.socket, login: Login | None, ready_file: Path | None) -> None:
    """Serve until told to stop, then let requests under way finish."""
    settings = platform.settings
    url = url_of(settings)
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)  # one left by an earlier run would say that this one serves

    def ready() -> None:
        if ready_file is not None:
            facts = {"url": url} | (msgspec.to_builtins(login) if login is not None else {})
            _write_private(ready_file, json.dumps(facts).encode())
        _announce(url, settings, login)
        platform.start()

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
    server = _Server(config, ready)
    gc.freeze()  # what lives as long as the process is not looked through again: it held orders up for 30 ms
    with _stopped_by_signals(server):
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
def _listener(settings: Settings) -> Iterator[socket.socket]:
    """The port, taken before anything else is begun. Exits with what to do where it is taken."""
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


def _announce(url: str, settings: Settings, login: Login | None) -> None:
    lines = [f"[bold]{url}[/]" + ("" if STATIC.is_dir() else "  (the page is not built: run `make web`)")]
    if login is not None:
        lines += [
            f"e-mail   [bold]{login.email}[/]",
            f"password [bold]{login.password}[/]",
            f"API key  {login.api_key}",
        ]
    lines += [f"home     {settings.home}", "stop with Ctrl-C; start again to go on where it stopped"]
    Console().print(Panel("\n".join(lines), title="traderbot is running", expand=False))


def _write_private(path: Path, content: bytes) -> None:
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
