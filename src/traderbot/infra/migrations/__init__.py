"""The database's schema, step by step: alembic migrations run at every start."""

import logging
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from traderbot.infra.database import Database
from traderbot.infra.latches import SCHEMA
from traderbot.model.errors import ConfigurationError


def migrate(database: Database) -> None:
    """Bring the schema to the newest version, in one transaction; nothing where it is there already.

    Errors: ConfigurationError for a file that is no database of this platform, is damaged, or was written by
    a newer version.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it would tell of every step at each start
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    known = ScriptDirectory.from_config(config)
    try:
        with database.write() as connection:
            database.take_time(connection)
            SCHEMA.take(connection)  # another process may be starting as well
            found = MigrationContext.configure(connection).get_current_revision()
            if found == known.get_current_head():
                return
            if found is not None and found not in {script.revision for script in known.walk_revisions()}:
                raise ConfigurationError(
                    f"database_url: its schema is {found}, which this version does not know; was it written"
                    " by a newer traderbot?"
                )
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except sa.exc.DBAPIError as error:
        raise ConfigurationError(f"database_url: {database.url} cannot be used: {error.orig}") from error
