"""`traderbot doctor`: looks at the machine and the home directory, and says what to do about what it
finds.
"""

import fcntl
import json
import os
import platform
import shutil
import socket
import stat
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import sqlalchemy as sa
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import traderbot
from traderbot.cli.config import FileOption, HomeOption
from traderbot.infra.clock import Clock, WallClock, rfc3339
from traderbot.infra.settings import Settings, load_settings
from traderbot.infra.storage.database import Database
from traderbot.model.errors import ConfigurationError, TraderbotError

State = Literal["ok", "warning", "failed"]
_MARKS = {"ok": "[green]ok[/]", "warning": "[yellow]warning[/]", "failed": "[red]failed[/]"}
_EARLIEST = 1_767_225_600_000_000  # 2026-01-01: the clock cannot be earlier than this program
_LATEST = 4_102_444_800_000_000  # 2100-01-01
_DISK_LOW = 1_000_000_000
_DISK_OUT = 100_000_000


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, what was found, and what to do where that is not well."""

    name: str
    state: State
    found: str
    remedy: str = ""


def check_versions() -> Check:
    """The Python and traderbot in use."""
    machine = f"{platform.system()} {platform.machine()}"
    found = f"traderbot {traderbot.__version__}, Python {platform.python_version()}, {machine}"
    return Check("versions", "ok", found)


def check_sqlite(version: str | None = None) -> Check:
    """The SQLite in use, and whether it has the WAL-reset bug, which can corrupt a database.

    Source: sqlite.org/wal.html, "the WAL-reset bug": 3.7.0 to 3.51.2, mended in 3.44.6, 3.50.7 and 3.51.3.
    """
    if version is None:
        try:
            from pysqlite3 import dbapi2
        except ImportError:
            return Check(
                "sqlite",
                "failed",
                "the package pysqlite3 cannot be loaded",
                "install traderbot again, with its dependencies",
            )
        version = str(dbapi2.sqlite_version)
    number = tuple(int(part) for part in version.split("."))
    mended = number >= (3, 51, 3) or (3, 50, 7) <= number < (3, 51, 0) or (3, 44, 6) <= number < (3, 45, 0)
    if number >= (3, 7, 0) and not mended:
        return Check(
            "sqlite", "warning", f"SQLite {version} has the WAL-reset bug", "install pysqlite3 0.6.1 or later"
        )
    return Check("sqlite", "ok", f"SQLite {version}")


def check_clock(clock: Clock) -> Check:
    """Whether the machine's clock can be right: tokens and records depend on it."""
    now = clock.now()
    if not _EARLIEST <= now < _LATEST:
        return Check("clock", "failed", f"it says {rfc3339(now)}", "set the clock, best by NTP")
    return Check("clock", "ok", rfc3339(now))


def check_home(home: Path) -> Check:
    """Whether the home directory, or the place where it will be made, can be written and is nobody else's to
    read.
    """
    existing = _existing(home)
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Check(
            "home",
            "failed",
            f"{existing} cannot be written",
            "make it writable, or choose another with --home",
        )
    if existing != home:
        return Check("home", "ok", f"{home} will be made at the first start")
    key = home / "secret.key"
    if key.exists() and stat.S_IMODE(key.stat().st_mode) & 0o077:
        return Check("home", "failed", f"{key} can be read by others", f"chmod 600 {key}")
    return Check("home", "ok", f"{home} is writable")


def check_disk(home: Path, free: int | None = None) -> Check:
    """Whether the disk of the home directory has room. free: bytes."""
    left = shutil.disk_usage(_existing(home)).free if free is None else free
    state: State = "failed" if left < _DISK_OUT else "warning" if left < _DISK_LOW else "ok"
    remedy = "" if state == "ok" else "free some space: a full disk stops trading"
    return Check("disk", state, f"{left / 1e9:.1f} GB free", remedy)


def lock_holder(home: Path) -> str | None:
    """The process id of the traderbot that has this home, "" where it left none; None if nobody has it."""
    try:
        with (home / "lock").open() as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return (home / "lock").read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None
    return None


def check_lock(home: Path) -> Check:
    """Whether a traderbot is running in this home."""
    holder = lock_holder(home)
    if holder is None:
        return Check("lock", "ok", "no traderbot is running in this home")
    return Check("lock", "ok", f"a traderbot is running in this home (process {holder or 'unknown'})")


def check_port(settings: Settings) -> Check:
    """Whether the port can be listened on."""
    where = f"{settings.host}:{settings.port}"
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if lock_holder(settings.home) is not None:
            return Check("port", "ok", f"{where} is taken, as it should be by the traderbot that is running")
        return Check(
            "port",
            "failed",
            f"{where} cannot be taken: {error.strerror or error}",
            "choose another with --port or TRADERBOT_PORT",
        )
    return Check("port", "ok", f"{where} is free")


def check_exposure(settings: Settings) -> Check:
    """Whether strangers can reach what is only safe among friends."""
    if settings.host in {"127.0.0.1", "::1", "localhost"} or not settings.open_registration:
        return Check("exposure", "ok", f"listens on {settings.host}")
    remedy = "set open_registration = false unless that is wanted, and put a proxy with TLS in front"
    return Check(
        "exposure", "warning", f"listens on {settings.host}, and anybody there may open an account", remedy
    )


def check_server(url: str) -> Check:
    """Whether the PostgreSQL server that is set answers, and keeps what it says that it committed."""
    try:
        database = Database(url)
        try:
            with database.read() as connection:
                names = ("server_version", "fsync", "synchronous_commit")
                asked = sa.select(*(sa.func.current_setting(name) for name in names))
                version, fsync, synchronous = connection.execute(asked).one()
        finally:
            database.close()
    except TraderbotError as error:
        return Check("database", "failed", error.detail, "start the server, or mend database_url")
    if "off" in (fsync, synchronous):
        found = f"PostgreSQL {version} with fsync {fsync}, synchronous_commit {synchronous}"
        return Check("database", "failed", found, "turn both on: a power cut would lose orders")
    return Check("database", "ok", f"PostgreSQL {version}")


def check_settings(settings: Settings) -> Check:
    """That the settings are valid, and how many are set."""
    given = [name for name, origin in settings.origins.items() if origin != "built in"]
    return Check("settings", "ok", f"valid; set: {', '.join(given) or 'none, all built in'}")


def machine_checks(settings: Settings, clock: Clock) -> list[Check]:
    """Every check that needs no journal."""
    return [
        check_versions(),
        check_settings(settings),
        check_sqlite() if settings.database_url.startswith("sqlite") else check_server(settings.database_url),
        check_clock(clock),
        check_home(settings.home),
        check_disk(settings.home),
        check_lock(settings.home),
        check_port(settings),
        check_exposure(settings),
    ]


def report(checks: list[Check], *, as_json: bool) -> None:
    """Print the checks. Exits with status 1 if one failed."""
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        table = Table(box=None, header_style="bold")
        for heading in ("check", "", "found", "what to do"):
            table.add_column(heading, overflow="fold")
        for check in checks:
            table.add_row(check.name, _MARKS[check.state], escape(check.found), escape(check.remedy))
        Console().print(table)
    if any(check.state == "failed" for check in checks):
        raise typer.Exit(1)


def run_doctor(
    home: HomeOption = None,
    config: FileOption = None,
    port: Annotated[
        int | None, typer.Option("--port", help="Port to look at, instead of the one set.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look at the machine and the home directory, and say what to do about what is wrong."""
    examine({"home": home, "port": port}, config, as_json=as_json)


def examine(
    command_line: dict[str, object],
    config: Path | None,
    *,
    as_json: bool,
    further: Callable[[Settings], list[Check]] | None = None,
) -> None:
    """Run and print the checks. further: checks of other rooms, such as the journal's chain, given by the
    caller.
    """
    try:
        settings = load_settings(command_line, config=config)
    except ConfigurationError as error:
        failed = Check(
            "settings", "failed", error.detail, "mend what is named; `traderbot config` lists what can be set"
        )
        report([check_versions(), failed, check_sqlite(), check_clock(WallClock())], as_json=as_json)
        return
    checks = machine_checks(settings, WallClock())
    report(checks + (further(settings) if further is not None else []), as_json=as_json)


def _existing(path: Path) -> Path:
    """The path, or its nearest parent that exists."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path
