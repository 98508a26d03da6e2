"""The database's schema, step by step: alembic migrations run at every start."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import sleep

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy.engine import Connection

from traderbot.infra.storage.database import Database, Trouble
from traderbot.infra.storage.latches import SCHEMA
from traderbot.model.errors import ConfigurationError


def migrate(database: Database) -> None:
    """Bring the schema to the newest version while other processes go on working; nothing where it is there
    already. What can be done beside writers comes first, the rest is one transaction.

    Errors: ConfigurationError for a file that is no database of this platform, is damaged, or was written by
    a newer version, or where others did not let go of a table for a minute.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it would tell of every step at each start
    try:
        with database.write() as connection:
            database.take_time(connection)
            SCHEMA.take(connection)  # another process may be starting as well
            config = configuration(connection)
            known = ScriptDirectory.from_config(config)
            found = MigrationContext.configure(connection).get_current_revision()
            if found == known.get_current_head():
                return
            missing = _missing(known, found)
            if found is not None:
                database.take_time(connection)  # any statement without rows: it lets go of the last snapshot
                _prepare(database, missing)
            _again(database, partial(_switch, database, connection, config))
    except sa.exc.DBAPIError as error:
        raise ConfigurationError(f"database_url: {database.url} cannot be used: {error.orig}") from error


def configuration(connection: Connection) -> Config:
    """Alembic's, for commands on this connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def schema_of(connection: Connection) -> tuple[str | None, str | None]:
    """The revision that a database has, and the one that this version needs."""
    head = ScriptDirectory.from_config(configuration(connection)).get_current_head()
    return MigrationContext.configure(connection).get_current_revision(), head


def _missing(known: ScriptDirectory, found: str | None) -> list[Script]:
    """The steps that are still to be done, in order. Errors: ConfigurationError for an unknown schema."""
    steps = list(known.walk_revisions())[::-1]
    names = [step.revision for step in steps]
    if found is not None and found not in names:
        raise ConfigurationError(
            f"database_url: its schema is {found}, which this version does not know; was it written"
            " by a newer traderbot?"
        )
    return steps if found is None else steps[names.index(found) + 1 :]


def _prepare(database: Database, steps: Sequence[Script]) -> None:
    """What a step can do beside writers: each statement a transaction of its own, which gives way to them."""
    with database.outside() as connection:
        database.wait_briefly(connection)
        for step in steps:
            prepare = getattr(step.module, "prepare", None)
            if prepare is not None:
                _again(database, partial(prepare, connection))


def _switch(database: Database, connection: Connection, config: Config) -> None:
    """The steps themselves; where they do not get a table, nothing is changed."""
    with connection.begin_nested():
        database.wait_briefly(connection)
        command.upgrade(config, "head")


def _again(database: Database, work: Callable[[], object]) -> None:
    """Do the work, again where a table was not to be had within seconds: whoever waits for one makes all
    others wait behind.
    """
    for _ in range(_ATTEMPTS):
        try:
            work()
            return
        except sa.exc.DBAPIError as error:
            wait = database.shared and database.trouble(error) in (Trouble.CONFLICT, Trouble.REFUSED)
            if not wait:
                raise
            sleep(_PAUSE_S)
    work()


_ATTEMPTS = 20
_PAUSE_S = 0.5
