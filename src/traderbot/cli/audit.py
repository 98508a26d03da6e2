"""`traderbot audit`: check the journal, and rebuild the tables from it."""

from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from time import perf_counter
from typing import Annotated

import msgspec
import typer
from rich.progress import Progress, SpinnerColumn, TextColumn
from sqlalchemy.engine import Connection

from traderbot.cli import journal as journal_commands
from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.opened import maintenance, open_audited
from traderbot.cli.told import told
from traderbot.infra.clock import WallClock
from traderbot.infra.events import archiving, journal
from traderbot.infra.events.archives import Archive
from traderbot.infra.events.archiving import damaged_archive
from traderbot.infra.events.checkpoints import Checkpoint, Marks
from traderbot.infra.events.event_schemas import event_schemas
from traderbot.infra.events.journal import Meta
from traderbot.infra.events.seals import Seal
from traderbot.model.errors import InvalidValue
from traderbot.model.platform_events import AdministrationDone
from traderbot.trading import audit
from traderbot.trading.as_of import position_at
from traderbot.trading.audit import record_in
from traderbot.trading.streams import PLATFORM_STREAM

app = typer.Typer(help="The journal of this home.", no_args_is_help=True)
journal_commands.install(app)


PublicKey = Annotated[
    str | None, typer.Option("--public-key", help="Of whoever signed; this home's key without it.")
]


@app.command("verify")
def verify(
    checkpoint: Annotated[
        Path | None, typer.Option("--checkpoint", help="Find what was rewritten since this was made.")
    ] = None,
    public_key: PublicKey = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Check every event's place and hash, archived ones too; names the first bad one."""
    settings = settings_or_exit({"home": home}, config)
    with open_audited(settings) as database, told(), database.read() as connection:
        damage = database.damage(connection)
        if damage is not None:
            typer.echo(f"the database file is damaged: {damage}", err=True)
            raise typer.Exit(1)
        key, witness = public_key or Seal(settings.home).public_key, None
        if checkpoint is not None:
            witness = Checkpoint.opened(checkpoint.read_bytes(), key)
            if witness.is_of_another({stream for stream, _ in journal.heads(connection)}):
                typer.echo(
                    "no account, user or session of the checkpoint is in this journal: it is the checkpoint"
                    " of another journal, or everything was replaced", err=True,
                )  # fmt: skip
                raise typer.Exit(1)
        began = perf_counter()
        fault = damaged_archive(connection, key)
        found = journal.verify(connection, witness)
        took = perf_counter() - began
    _whole(found.fault or fault)
    typer.echo(
        f"{found.events:,} events in {found.streams:,} streams: every chain holds"
        f" ({took:.1f} s, {found.events / took:,.0f} events/s)"
    )
    if witness is not None:
        typer.echo(f"the checkpoint at position {witness.content.position:,} agrees")


def _whole(fault: str | None) -> None:
    if fault is not None:
        typer.echo(f"the journal is damaged at {fault}", err=True)
        raise typer.Exit(1)


@app.command("checkpoint")
def checkpoint(
    out: Annotated[Path, typer.Option("--out", help="The file to write; keep it elsewhere.")],
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Verify the journal and sign what it is now, so that a later rewriting of it is found."""
    settings = settings_or_exit({"home": home}, config)
    with open_audited(settings) as database, told():
        seal = Seal(settings.home)
        marks = Marks(seal)
        with database.read() as connection:
            found = journal.verify(connection, marks)
        _whole(found.fault)
        out.write_bytes(marks.file)
    typer.echo(f"signed {found.events:,} events in {out}")
    typer.echo(f"public key {seal.public_key}")


@app.command("archive")
def archive(
    before_position: Annotated[
        int | None, typer.Option("--before-position", help="The first position that stays.")
    ] = None,
    before: Annotated[
        datetime | None, typer.Option("--before", help="What was recorded before this day, UTC.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Write the file; leave the rows in place.")] = False,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Move old events into a Parquet file of the home; everything that reads the journal goes on reading them
    there.
    """
    settings = settings_or_exit({"home": home}, config)
    with open_audited(settings) as database, told():
        place = before_position
        with database.read() as connection:
            _whole(journal.verify(connection).fault)
            if before is not None:
                moment = int(before.replace(tzinfo=UTC).timestamp()) * 1_000_000
                place = min(position_at(connection, moment - 1) + 1, journal.last_position(connection))
        if place is None:
            raise InvalidValue("before", "a day, or --before-position")
        with maintenance(database, settings) as lease:

            def note(connection: Connection, found: Archive) -> None:
                lease.check(connection)
                _note(connection, found)

            found = archiving.archive(database, settings.home, place, WallClock().now(), note, keep=keep)
            removed = archiving.remove(database)
    if found is None:
        typer.echo(f"nothing to archive; {removed:,} rows removed")
    else:
        typer.echo(f"events {found.first:,} to {found.last:,} are in {found.file}; {removed:,} rows removed")


def _note(connection: Connection, found: Archive) -> None:
    """Who archived what, in the journal from the moment it counts."""
    detail = {
        "first": found.first, "last": found.last, "file": found.file, "sha256": found.sha256.hex(),
        "keep": found.keep,
    }  # fmt: skip
    record_in(connection, PLATFORM_STREAM, AdministrationDone("events_archived", detail), Meta(_operator()))


def _operator() -> str:
    return f"operator:{getuser()}"


@app.command("schemas")
def schemas() -> None:
    """Print the JSON Schema of every event."""
    typer.echo(msgspec.json.format(msgspec.json.encode(event_schemas())).decode())


@app.command("rebuild")
def rebuild(
    replace: Annotated[
        bool, typer.Option("--replace", help="Put the rebuilt rows in place of tables that differ.")
    ] = False,
    table: Annotated[str | None, typer.Option("--table", help="Only this table.")] = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Fold the whole journal into fresh tables and compare them with those in use."""
    settings = settings_or_exit({"home": home}, config)
    with open_audited(settings) as database, told():
        with database.read() as connection:
            fault = journal.verify(connection).fault
        if fault is not None:
            typer.echo(f"the journal is damaged at {fault}; nothing was rebuilt", err=True)
            raise typer.Exit(1)
        with Progress(SpinnerColumn(), TextColumn("{task.description}"), transient=True) as bar:
            task = bar.add_task("folding")
            result = audit.rebuild(
                database,
                replace=replace,
                only=table,
                progress=lambda events: bar.update(task, description=f"{events:,} events folded"),
            )
    typer.echo(f"{result.events:,} events folded into {result.rows:,} rows")
    for found in result.differences:
        typer.echo(f"{found.table}: {found.missing} rows missing, {found.extra} too many", err=True)
    if not result.differences:
        typer.echo("the tables in use are identical")
    elif replace:
        typer.echo("the tables that differed were replaced")
    else:
        typer.echo("run again with --replace to put the rebuilt rows in place", err=True)
        raise typer.Exit(1)
