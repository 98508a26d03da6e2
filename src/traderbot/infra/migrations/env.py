"""Alembic's environment: runs on the connection that `migrate` gives, inside its transaction."""

from alembic import context

from traderbot.infra.storage.database import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
