"""`traderbot db`: look at the database, and keep it in shape."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from sqlalchemy.engine import Connection

from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.doctor import Check, check_disk, check_server, check_sqlite, report
from traderbot.cli.looking import print_facts, print_table
from traderbot.cli.opened import database_of, maintenance, open_database
from traderbot.cli.told import told
from traderbot.infra.clock import WallClock
from traderbot.infra.events.archiving import remove
from traderbot.infra.events.journal import last_position
from traderbot.infra.migrations import schema_of
from traderbot.infra.settings import Settings
from traderbot.infra.storage.database import Database
from traderbot.infra.storage.partitions import parts_ahead, parts_of, rest_is_used
from traderbot.infra.upkeep import (
    as_plain,
    broken_indexes,
    forget,
    make_parts_ahead,
    misplaced_events,
    refresh,
    statistics,
)
from traderbot.trading.audit import refresh_snapshots
from traderbot.trading.retention import KEEP_ANSWERS_DAYS, forget_answers
from traderbot.users.repository import forget_old_tokens

app = typer.Typer(help="The database: check it, look at it, keep it in shape.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_DAY = 86_400_000_000
_MAINTAIN = "run `traderbot db maintain`"


@app.command("check")
def check(home: HomeOption = None, config: FileOption = None, as_json: AsJson = False) -> None:
    """Look for damage, a wrong schema, missing parts and lost events; also while traderbot runs."""
    settings = settings_or_exit({"home": home}, config)
    with _looking(settings) as database:
        report(checks_of(database, settings), as_json=as_json)


@app.command("stats")
def stats(home: HomeOption = None, config: FileOption = None, as_json: AsJson = False) -> None:
    """Sizes of tables and indexes, and how they are used; also while traderbot runs."""
    settings = settings_or_exit({"home": home}, config)
    with _looking(settings) as database:
        found = statistics(database)
        if as_json:
            typer.echo(json.dumps(as_plain(found), indent=2))
            return
        hits = None if found.cache_hits is None else f"{found.cache_hits:.1%}"
        print_facts({"bytes": found.bytes, "found in memory": hits})
        print_table(("table", "rows", "bytes", "of indexes", "read whole"), found.tables)
        print_table(("index", "table", "bytes", "used"), found.indexes)
        if found.connections:
            print_table(("connections", "open"), found.connections.items())


@app.command("maintain")
def maintain(home: HomeOption = None, config: FileOption = None) -> None:
    """Make parts ahead, forget what is kept for a time only, gather statistics and give back room.

    On PostgreSQL while the system runs; a database file belongs to the traderbot that runs in its home, so
    stop that first.
    """
    settings = settings_or_exit({"home": home}, config)
    with open_database(settings) as database, maintenance(database, settings):
        for line in maintained(database, settings, WallClock().now()):
            typer.echo(line)


def maintained(database: Database, settings: Settings, now: int) -> Iterator[str]:
    """Do what there is to do, each step in small transactions; yields what was done, in words."""
    made = make_parts_ahead(database, settings.partition_events)
    yield f"made {made} parts of the journal"
    old = now - KEEP_ANSWERS_DAYS * _DAY
    answers = forget(database, lambda connection, most: forget_answers(connection, old, most))
    yield f"forgot {answers} answers of requests older than {KEEP_ANSWERS_DAYS} days"
    tokens = forget(database, lambda connection, most: forget_old_tokens(connection, now, most))
    yield f"forgot {tokens} refresh tokens that had expired"
    yield f"removed {remove(database)} archived events from the table"
    yield f"took {refresh_snapshots(database)} snapshots of accounts"
    yield from refresh(database)


def checks_of(database: Database, settings: Settings) -> list[Check]:
    """Everything that can be found without changing anything."""
    checks = [check_server(settings.database_url)] if database.shared else [check_sqlite()]
    with database.read() as connection:
        schema = _schema(connection)
        checks.append(schema)
        if schema.state == "ok":
            checks += [_files(database, connection), _events(connection), _indexes(connection)]
            checks += _parts(connection) if database.shared else []
    checks.append(check_disk(settings.home))
    return checks


def _schema(connection: Connection) -> Check:
    found, wanted = schema_of(connection)
    if found == wanted:
        return Check("schema", "ok", f"at {found}")
    return Check(
        "schema", "failed", f"at {found or 'nothing'}, this version needs {wanted}", "start traderbot once"
    )


def _files(database: Database, connection: Connection) -> Check:
    damage = database.damage(connection)
    if damage is None:
        return Check("files", "ok", "no damage found")
    return Check("files", "failed", damage, "restore a backup, then run `traderbot audit verify`")


def _events(connection: Connection) -> Check:
    wrong = misplaced_events(connection)
    if wrong is None:
        return Check("journal", "ok", f"{last_position(connection)} positions, none missing")
    return Check("journal", "failed", wrong, "run `traderbot audit verify`; restore a backup")


def _indexes(connection: Connection) -> Check:
    broken = broken_indexes(connection)
    if not broken:
        return Check("indexes", "ok", "all in use")
    return Check("indexes", "failed", f"broken off: {', '.join(broken)}", "REINDEX INDEX CONCURRENTLY each")


def _parts(connection: Connection) -> list[Check]:
    ahead = parts_ahead(connection, last_position(connection))
    told = f"{len(parts_of(connection))}, {ahead} of them ahead"
    found = [Check("parts", "ok", told) if ahead else Check("parts", "failed", told, _MAINTAIN)]
    if rest_is_used(connection):
        found.append(Check("last part", "failed", "events_rest has events that found no part", _MAINTAIN))
    return found


@contextmanager
def _looking(settings: Settings) -> Iterator[Database]:
    """The database for reading alone, whoever else works in it."""
    with told():
        database = database_of(settings)
        try:
            yield database
        finally:
            database.close()
