"""Open what a command works on; what cannot be opened is said on one line, without a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import Connection

from traderbot.bootstrap import Platform, limits_of
from traderbot.cli.told import told
from traderbot.infra.delivery.duties import EVERYTHING, Duties
from traderbot.infra.ids import instance_name
from traderbot.infra.leases import Lease, Leases, holder_name
from traderbot.infra.logs import configure_logs
from traderbot.infra.migrations import migrate
from traderbot.infra.settings import Settings
from traderbot.infra.storage.database import Database, lock_home
from traderbot.model.errors import ConfigurationError, Conflict


@contextmanager
def open_platform(settings: Settings, quiet: bool = False, duties: Duties = EVERYTHING) -> Iterator[Platform]:
    """A platform whose session stands still until it is started.

    quiet: log warnings only, unless a level was set: for somebody who looks at the page, not at the log.
    """
    chosen = settings.origins["log_level"] != "built in"
    level = "warning" if quiet and not chosen else settings.log_level
    configure_logs(level, settings.log_format, instance=instance_name(settings.instance))
    with told():
        platform = Platform.open(settings, duties)
    try:
        yield platform
    finally:
        platform.close()


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The database of a home that no other process has, with its schema up to date. A home without one is
    told, not made: an audit of the wrong directory must not succeed.
    """
    with told():
        database = database_of(settings)
        lock = lock_home(settings.home, shared=database.shared)
        try:
            migrate(database)
        except BaseException:
            lock.close()
            raise
    try:
        with told():
            yield database
    finally:
        database.close()
        lock.close()


@contextmanager
def open_audited(settings: Settings) -> Iterator[Database]:
    """The database for an audit: of a home that no other process has, or one that processes share, which may
    go on meanwhile.
    """
    with told():
        database = database_of(settings)
    if not database.shared:
        database.close()
        with open_database(settings) as own:
            yield own
        return
    try:
        with told():
            migrate(database)
            yield database
    finally:
        database.close()


@contextmanager
def look_into(settings: Settings) -> Iterator[Connection]:
    """A connection that only reads, also while traderbot runs in the home. What has no database is told."""
    with told():
        database = database_of(settings)
        try:
            with database.read() as connection:
                yield connection
        finally:
            database.close()


def database_of(settings: Settings) -> Database:
    """Errors: ConfigurationError where there is no file yet, of a database that is one."""
    database = Database(settings.database_url, limits=limits_of(settings))
    if database.url.get_backend_name() == "sqlite" and not Path(database.url.database or "").is_file():
        raise ConfigurationError(
            f"home: no database at {database.url.database}; name the right home with --home"
        )
    return database


@contextmanager
def maintenance(database: Database, settings: Settings) -> Iterator[Lease]:
    """The right to change what is old, for one process at a time. Errors: Conflict while another has it."""
    leases = Leases(database, holder_name(settings.instance), settings.lease_s, alone=not database.shared)
    try:
        lease = leases.acquire("maintenance")
        if lease is None:
            raise Conflict("Another process is maintaining this database; let it finish.")
        yield lease
    finally:
        leases.close()
