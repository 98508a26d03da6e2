"""Rebuild the trading tables from the journal alone, and compare them with those in use."""

from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.engine.apply import apply
from traderbot.infra.clock import WallClock
from traderbot.infra.events.journal import Journal, Meta, Recorded, last_position, read
from traderbot.infra.migrations import migrate
from traderbot.infra.storage.database import Database, insert_into
from traderbot.model.account import Account
from traderbot.model.errors import InvalidValue
from traderbot.model.events import Event
from traderbot.trading import snapshots
from traderbot.trading import tables as t
from traderbot.trading.projection import Projection, Statements
from traderbot.trading.streams import account_of

PAGE = 2000


class Difference(NamedTuple):
    """A table whose rebuilt rows are not those in use. missing, extra: rows only in the rebuilt one, only
    in the one in use.
    """

    table: str
    missing: int
    extra: int


class Rebuild(NamedTuple):
    """What a rebuild found. events: folded; rows: written; differences: none where the tables in use are
    the fold.
    """

    events: int
    rows: int
    differences: list[Difference]


def rebuild(
    database: Database,
    *,
    replace: bool = False,
    only: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Rebuild:
    """Fold the whole journal into fresh tables aside and compare. replace: put the rebuilt rows in place of
    those that differ, while others go on writing: they are held only while the last events are folded and the
    rows change places. only: the one table that counts.

    A process that runs notices by an account's version that its copy is behind; a copy that was made from a
    row that was altered by hand stays, so processes that traded since then must be started again.
    Errors: InvalidValue for a table that no fold makes.
    """
    tables = [table for table in t.FOLDED if only in (None, table.name)]
    if not tables:
        raise InvalidValue("table", f"one of {', '.join(table.name for table in t.FOLDED)}")
    with database.scratch() as fresh:
        migrate(fresh)
        folding = _Folding(fresh, progress)
        with database.read() as used:  # one state, however much is written meanwhile
            folding.go_on(used)
            differences, rows = _compared(tables, fresh, used)
        if replace and differences:
            with database.read() as used:
                folding.go_on(used)  # most of what came meanwhile, before anybody has to wait
            with database.repair(t.FOLDED) as connection:
                folding.go_on(connection)
                _replace(database, fresh, connection, {found.table for found in differences})
        return Rebuild(folding.count, rows, differences)


class _Folding:
    """The fold of a journal as far as it has come. count: events folded."""

    def __init__(self, fresh: Database, progress: Callable[[int], None] | None) -> None:
        self._fresh = fresh
        self._progress = progress
        self._accounts: dict[UUID, Account] = {}
        self._versions: dict[str, int] = {}
        self._statements = Statements(fresh.dialect)
        self._after = 0
        self.count = 0

    def go_on(self, journal: Connection) -> None:
        """Project every event there is by now, a page at a time."""
        with self._fresh.write() as target:
            self._fresh.take_time(target)
            while page := read(journal, after=self._after, limit=PAGE):
                projection = Projection(self._statements)
                for recorded in page:
                    self._project(recorded, projection)
                projection.flush(target, self._accounts, self._versions)
                self._after = page[-1].position
                if self._progress is not None:
                    self._progress(self.count)

    def _project(self, recorded: Recorded, projection: Projection) -> None:
        account = None
        account_id = account_of(recorded.stream)
        if account_id is not None:
            account = self._accounts.setdefault(account_id, Account(account_id))
            apply(account, recorded.event)
        self._versions[recorded.stream] = recorded.version
        projection.add(recorded, account)
        self.count += 1


def _compared(tables: list[sa.Table], fresh: Database, used: Connection) -> tuple[list[Difference], int]:
    with fresh.read() as rebuilt:
        found = [_compare(table, rebuilt, used) for table in tables]
        return [one for one in found if one is not None], sum(_count(table, rebuilt) for table in tables)


def record(database: Database, stream: str, event: Event, meta: Meta) -> None:
    """Append one event that no table is folded from, also while others write."""
    with database.write() as connection:
        record_in(connection, stream, event, meta)


def record_in(connection: Connection, stream: str, event: Event, meta: Meta) -> None:
    """As `record`, in a transaction that goes on."""
    journal = Journal(connection.dialect)
    journal.lock_streams(connection, {stream})
    appends = journal.stage(connection, WallClock().now())
    appends.add(stream, event, meta)
    appends.flush()
    appends.check()


def _rows(table: sa.Table, connection: Connection) -> set[tuple[object, ...]]:
    return {tuple(row) for row in connection.execute(sa.select(table))}


def _count(table: sa.Table, connection: Connection) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def _compare(table: sa.Table, rebuilt: Connection, used: Connection) -> Difference | None:
    wanted, found = _rows(table, rebuilt), _rows(table, used)
    if wanted == found:
        return None
    return Difference(table.name, len(wanted - found), len(found - wanted))


def _replace(database: Database, fresh: Database, connection: Connection, names: set[str]) -> None:
    """Put the rebuilt rows in place, all tables in one transaction."""
    with fresh.read() as rebuilt:
        for table in t.FOLDED:
            if table.name in names:
                connection.execute(sa.delete(table))
                rows = [dict(row._mapping) for row in rebuilt.execute(sa.select(table))]
                insert_into(table, database.dialect).run(connection, rows)


def refresh_snapshots(database: Database, every: int = snapshots.EVERY) -> int:
    """Take the snapshots that are due, one of each account that had so many events since its last. Returns:
    how many.
    """
    c, taken = t.accounts.c, 0
    last = sa.select(t.snapshots.c.account_id, sa.func.max(t.snapshots.c.version).label("version"))
    last_of = (
        last.where(t.snapshots.c.shape == snapshots.shape()).group_by(t.snapshots.c.account_id).subquery()
    )
    behind = c.version - sa.func.coalesce(last_of.c.version, 0)
    query = sa.select(c.id).outerjoin(last_of, last_of.c.account_id == c.id).where(behind >= every)
    with database.read() as connection:
        due = list(connection.execute(query).scalars())
    for account_id in due:
        with database.read() as connection:
            entry, account = snapshots.folded(connection, account_id, last_position(connection))
        if entry is not None:
            with database.write() as connection:
                snapshots.take(connection, entry, account)
            taken += 1
    return taken
