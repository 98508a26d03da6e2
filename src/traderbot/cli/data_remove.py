"""`traderbot data remove`: take a data set out of a home, unless a session there plays it."""

from shutil import rmtree
from typing import Annotated

import sqlalchemy as sa
import typer

from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.opened import database_of
from traderbot.cli.told import told
from traderbot.infra.ids import new_id
from traderbot.infra.settings import Settings
from traderbot.market.datasets import dataset_name, list_datasets
from traderbot.model.errors import ConfigurationError, Conflict, NotFound
from traderbot.model.meant import meant
from traderbot.trading import tables as t


def remove_data(
    name: Annotated[str, typer.Argument(help="Name of a data set, see `traderbot data list`.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Remove a data set and its quality report from this home. Results that were made from it stay.

    Refused while a session of the home plays it, for its accounts and the strategies assigned to them.
    """
    settings = settings_or_exit({"home": home}, config)
    with told():
        folder = settings.home / "data" / dataset_name(name)
        if not folder.is_dir():
            known = [one.name for one in list_datasets(settings.home)]
            raise NotFound(f"no data set {name} in {folder.parent}{meant(name, known)}")
        if _is_played(settings, name):
            raise Conflict(f"{name}: the session of this home plays it, and its accounts trade by it")
        if not yes and not typer.confirm(f"Remove {folder}?"):
            typer.echo(f"{name} stays")
            raise typer.Exit(1)
        gone = folder.with_name(f".{name}-{new_id().hex}")
        folder.rename(gone)  # at once, so that nobody reads half of it
        rmtree(gone)
    typer.echo(f"removed: {name}")


def _is_played(settings: Settings, name: str) -> bool:
    """Whether a session on record plays it."""
    try:
        database = database_of(settings)
    except ConfigurationError:
        return False  # no session was ever begun here
    try:
        with database.read() as connection:
            sessions = t.market_sessions
            if not sa.inspect(connection).has_table(sessions.name):
                return False
            return connection.scalar(sa.select(sessions.c.id).where(sessions.c.dataset == name)) is not None
    finally:
        database.close()
