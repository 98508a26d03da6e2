"""`traderbot demo`, `serve` and `worker`: run the platform, or parts of it."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from uuid import UUID

import msgspec
import typer

from traderbot.bootstrap import Platform
from traderbot.cli.config import FileOption, HomeOption
from traderbot.cli.family import Family, follow_parent
from traderbot.cli.opened import open_platform
from traderbot.cli.serving import (
    Login,
    listening,
    run_server,
    showing_itself,
    stop_signal,
    tell_ready,
    write_private,
)
from traderbot.cli.told import told
from traderbot.infra.delivery.duties import API_ONLY, EVERYTHING, WORKER
from traderbot.infra.settings import Settings, load_settings
from traderbot.model.errors import ConfigurationError, Unauthorized
from traderbot.trading.session_clock import turn
from traderbot.trading.work import SYSTEM
from traderbot.users import repository
from traderbot.users.people import Grants, Principal
from traderbot.users.roles import SCOPES

DEMO_EMAIL = "demo@traderbot.local"
LOGIN_FILE = "demo-login.json"
LAST_PORT = 65_535
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
WorkersOption = Annotated[
    int,
    typer.Option("--workers", min=1, max=64, help="Processes that serve; beside more than one, one plays."),
]
ApiOnlyOption = Annotated[
    bool, typer.Option("--api-only", help="Serve requests only; another process plays the session.")
]
ListenOption = Annotated[int | None, typer.Option("--listen-fd", hidden=True)]
ParentOption = Annotated[int | None, typer.Option("--parent", hidden=True)]
OPTIONS = {
    "home": "--home",
    "host": "--host",
    "port": "--port",
    "replay_speed": "--speed",
    "replay_start": "--start",
}


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
    with listening(settings) as listener, open_platform(settings, quiet=True) as platform, told():
        _take_in(platform, start, speed)
        login, account_id = demo_login(platform)
        platform.trade_by_ai(account_id)
        run_server(platform, listener, login, ready_file)


def serve(
    home: HomeOption = None,
    host: HostOption = None,
    port: PortOption = None,
    speed: SpeedOption = None,
    start: StartOption = None,
    ready_file: ReadyOption = None,
    config: FileOption = None,
    workers: WorkersOption = 1,
    api_only: ApiOnlyOption = False,
    listen_fd: ListenOption = None,
    parent: ParentOption = None,
) -> None:
    """Run the API and the page for the users of this home, on the replay session on record."""
    given = {"home": home, "host": host, "port": port, "replay_speed": speed, "replay_start": start}
    settings = _settings(given, config)
    if workers > 1 or api_only:
        _need_postgresql(settings, "--workers" if workers > 1 else "--api-only")
    if workers > 1:
        common = {"--home": home, "--speed": speed, "--config": config}
        words = [w for name, value in common.items() if value is not None for w in (name, str(value))]
        _serve_by_several(settings, workers, words, ready_file, start, speed)
        return
    follow_parent(parent)
    duties = API_ONLY if api_only else EVERYTHING
    with (
        listening(settings, listen_fd) as listener,
        open_platform(settings, duties=duties) as platform,
        told(),
    ):
        if not api_only and parent is None:
            _take_in(platform, start, speed)
            if (settings.home / LOGIN_FILE).exists():  # the strategy goes on where the demo left it
                platform.trade_by_ai(demo_login(platform)[1])
        run_server(platform, listener, None, ready_file, announced=listen_fd is None)


def worker(
    home: HomeOption = None,
    speed: SpeedOption = None,
    start: StartOption = None,
    ready_file: ReadyOption = None,
    config: FileOption = None,
    parent: ParentOption = None,
) -> None:
    """Play the market session with its strategies and do what follows from events, beside processes that
    serve the API; on PostgreSQL. Of several workers one plays, the others stand by.
    """
    settings = _settings({"home": home, "replay_speed": speed, "replay_start": start}, config)
    _need_postgresql(settings, "worker")
    follow_parent(parent)
    with open_platform(settings, duties=WORKER) as platform, told():
        if parent is None:
            _take_in(platform, start, speed)
        if ready_file is not None:
            write_private(ready_file, b"{}")
        platform.start()
        with stop_signal() as stopping, showing_itself(platform):
            stopping.wait()


def _need_postgresql(settings: Settings, what: str) -> None:
    """Errors: tells what is missing, and exits with status 2."""
    if settings.database_url.startswith("sqlite"):
        typer.echo(
            f"{what}: needs PostgreSQL, as SQLite serves one process; set database_url to"
            " postgresql://USER:PASSWORD@HOST/NAME",
            err=True,
        )
        raise typer.Exit(2)


def _serve_by_several(
    settings: Settings,
    workers: int,
    words: list[str],
    ready_file: Path | None,
    start: str | None,
    speed: float | None,
) -> None:
    """Take the port, see that the platform can be opened, then have child processes serve and play. words:
    options that they are started with.
    """
    if settings.metrics_port + workers > LAST_PORT:
        typer.echo(
            f"metrics_port: expected at most {LAST_PORT - workers}, as each process has its own", err=True
        )
        raise typer.Exit(2)
    with listening(settings) as listener, told():
        with open_platform(settings, duties=API_ONLY) as platform:
            _take_in(platform, start, speed)
            if (settings.home / LOGIN_FILE).exists():
                platform.trade_by_ai(demo_login(platform)[1])
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)
        family = Family(listener, workers, words, settings.metrics_port)
        raise typer.Exit(family.run(lambda: tell_ready(settings, None, ready_file)))


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
        write_private(path, msgspec.json.encode(login))
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
        write_private(path, msgspec.json.encode(login))
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


def _take_in(platform: Platform, start: str | None, speed: float | None) -> None:
    """A speed of the command line is a turn of the clock, where that was turned before; a start comes too
    late.
    """
    session = platform.session
    if speed is not None and session.replay.snapshot().speed != speed:
        platform.path.submit(turn(session.session_id, session.replay, SYSTEM, speed=speed))
    if start is not None and platform.resumed:
        now = platform.session.replay.snapshot().date
        typer.echo(f"--start: counts for a new home only; this one's replay goes on after {now}", err=True)
