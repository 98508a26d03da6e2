"""Commits whose outcome is not known yet, and how it is found out."""

from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.events.journal import events
from traderbot.infra.storage.database import Database
from traderbot.trading import tables as t
from traderbot.trading.batch import Batch
from traderbot.trading.streams import account_stream
from traderbot.trading.work import Work


class Unsettled:
    """One commit that nobody knows to have happened, as it can be recognised in the database: by the last
    event it appended to a stream, or where it appended none, by an idempotency record.

    A commit under way in the database holds the append lock and the locks of its accounts until it is over,
    also when the connection that asked for it is gone. So it is asked for under that lock: what is not there
    then, will never be.
    """

    def __init__(self, batch: Batch, works: Iterable[Work]) -> None:
        self._head = next(iter(batch.appends.heads.items()), None)
        self._key = next(iter(batch.new_keys), None)
        self._streams = {account_stream(account_id) for account_id in batch.accounts}
        for work in works:
            self._streams |= streams_of(work)

    @property
    def can_be_settled(self) -> bool:
        """Whether it left anything to be recognised by."""
        return self._head is not None or self._key is not None

    def concerns(self, work: Work) -> bool:
        """Whether the work is about the same accounts or streams, such as the same request sent again."""
        return not self._streams.isdisjoint(streams_of(work))

    def committed(self, database: Database) -> bool:
        """Ask the database. Errors: those of the database, and it is as unknown as before."""
        with database.after_commits_under_way() as connection:
            return self._is_there(connection)

    def _is_there(self, connection: Connection) -> bool:
        if self._head is not None:
            stream, head = self._head
            last = sa.select(events.c.hash).where(events.c.stream == stream, events.c.version == head.version)
            return connection.execute(last).scalar() == head.hash
        assert self._key is not None
        account_id, key = self._key
        keys = t.idempotency_keys.c
        found = sa.select(keys.created_at).where(keys.account_id == account_id, keys.key == key)
        lock = sa.select(t.accounts.c.version).where(t.accounts.c.id == account_id).with_for_update()
        connection.execute(lock)
        return connection.execute(found).first() is not None


def streams_of(work: Work) -> set[str]:
    """The streams a work is known to be about."""
    about: set[UUID] = {account_id for account_id, _ in (*work.commands, *work.plans)}
    appended = {stream for stream, _ in work.facts} | set(work.streams)
    return appended | {account_stream(account_id) for account_id in about}
