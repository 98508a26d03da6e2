"""Open the session of a database, or find the one that is on record."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.ids import new_id
from traderbot.infra.storage.database import Database
from traderbot.infra.storage.latches import STEPS
from traderbot.market.datasets import Dataset
from traderbot.market.sessions import ReplaySession
from traderbot.model.errors import ConfigurationError
from traderbot.model.events import SessionOpened
from traderbot.trading import tables as t
from traderbot.trading.command_path import CommandPath
from traderbot.trading.streams import session_stream
from traderbot.trading.work import Work


def open_session(path: CommandPath, database: Database, dataset: Dataset, start: date) -> tuple[bool, UUID]:
    """The session on record; the first process of all opens one that stands just before `start`. Returns:
    whether it was on record already, and its id. Errors: ConfigurationError for a start that the data set
    does not have, or for a session that plays other data.
    """
    with database.read() as connection:
        found = _on_record(connection, dataset)
    if found is not None:
        return True, found
    replay = ReplaySession(dataset)
    replay.start_at(_first_day(dataset, start))
    session_id = new_id()
    opened = SessionOpened(
        replay.time, session_id, dataset.name, dataset.sha256, dataset.calendar, replay.step
    )
    work = Work(streams=[session_stream(session_id)], alone=True)

    def decide(connection: Connection) -> UUID | None:
        STEPS.take(connection)  # another process may be starting as well
        there = _on_record(connection, dataset)
        work.facts[:] = [] if there is not None else [(session_stream(session_id), opened)]
        return there

    work.job = decide
    there: UUID | None = path.submit(work).result
    return there is not None, there or session_id


def _on_record(connection: Connection, dataset: Dataset) -> UUID | None:
    """Errors: ConfigurationError for other data."""
    row = connection.execute(sa.select(t.market_sessions).order_by(t.market_sessions.c.at.desc())).first()
    if row is None:
        return None
    if row.dataset_hash != dataset.sha256:
        raise ConfigurationError(
            f"home: its session plays data {row.dataset_hash[:12]}, but the data set {dataset.name}"
            f" is now {dataset.sha256[:12]}; begin in another home"
        )
    session_id: UUID = row.id
    return session_id


def _first_day(dataset: Dataset, wanted: date) -> date:
    """The start that is set. Errors: ConfigurationError where the data set does not have that day."""
    first, last = dataset.sessions.date_of(dataset.first_time), dataset.sessions.date_of(dataset.last_time)
    if not first < wanted <= last:
        raise ConfigurationError(
            f"replay_start (--start): expected a date after {first}, up to {last}, got {wanted}"
        )
    return wanted
