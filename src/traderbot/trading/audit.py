"""Rebuild the trading tables from the journal alone, and compare them with those in use."""

from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.engine.apply import apply
from traderbot.infra.database import Database, insert_into
from traderbot.infra.journal import last_position, read_all
from traderbot.infra.migrations import migrate
from traderbot.model.account import Account
from traderbot.model.errors import Conflict
from traderbot.trading import tables as t
from traderbot.trading.projection import Projection, Statements

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
    database: Database, *, replace: bool = False, progress: Callable[[int], None] | None = None
) -> Rebuild:
    """Fold the whole journal into fresh tables aside and compare. replace: put the rebuilt rows in place of
    those that differ; processes that have traded since they were altered must then be started again.

    Errors: Conflict where somebody appended to the journal before the rows could be replaced.
    """
    with database.scratch() as fresh:
        migrate(fresh)
        with database.read() as used:  # one state, however much is written meanwhile
            with fresh.write() as target:
                fresh.take_time(target)
                events = _fold_into(used, target, fresh, progress)
            with fresh.read() as rebuilt:
                differences = [
                    found for table in t.FOLDED if (found := _compare(table, rebuilt, used)) is not None
                ]
                rows = sum(_count(table, rebuilt) for table in t.FOLDED)
        if replace and differences:
            with fresh.read() as rebuilt:
                _replace(database, rebuilt, {found.table for found in differences}, events)
        return Rebuild(events, rows, differences)


def _fold_into(
    journal: Connection, target: Connection, fresh: Database, progress: Callable[[int], None] | None
) -> int:
    """Project every event of the journal, a page at a time."""
    statements = Statements(fresh.dialect)
    accounts: dict[UUID, Account] = {}
    versions: dict[str, int] = {}
    projection, count = Projection(statements), 0
    for recorded in read_all(journal):
        account = None
        if recorded.stream.startswith("account:"):
            account_id = UUID(recorded.stream.removeprefix("account:"))
            account = accounts.setdefault(account_id, Account(account_id))
            apply(account, recorded.event)
        versions[recorded.stream] = recorded.version
        projection.add(recorded, account)
        count += 1
        if count % PAGE == 0:
            projection.flush(target, accounts, versions)
            projection = Projection(statements)
            if progress is not None:
                progress(count)
    projection.flush(target, accounts, versions)
    if progress is not None:
        progress(count)
    return count


def _rows(table: sa.Table, connection: Connection) -> set[tuple[object, ...]]:
    return {tuple(row) for row in connection.execute(sa.select(table))}


def _count(table: sa.Table, connection: Connection) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def _compare(table: sa.Table, rebuilt: Connection, used: Connection) -> Difference | None:
    wanted, found = _rows(table, rebuilt), _rows(table, used)
    if wanted == found:
        return None
    return Difference(table.name, len(wanted - found), len(found - wanted))


def _replace(database: Database, rebuilt: Connection, names: set[str], events: int) -> None:
    """Put the rebuilt rows in place, all tables in one transaction."""
    with database.repair(t.FOLDED) as connection:
        if last_position(connection) != events:
            raise Conflict("Events were appended while the tables were rebuilt; nothing was replaced.")
        for table in t.FOLDED:
            if table.name in names:
                connection.execute(sa.delete(table))
                rows = [dict(row._mapping) for row in rebuilt.execute(sa.select(table))]
                insert_into(table, database.dialect).run(connection, rows)
