"""Copies of accounts that strategies look at, kept up to date from what the command path commits.

Reading an account from its tables at every step costs more than everything else a step does, and the
writer's own accounts are nobody else's to look at: it changes them before a commit is sure.
"""

from queue import Empty, SimpleQueue
from uuid import UUID

import sqlalchemy as sa

from traderbot.engine.apply import apply
from traderbot.infra.events.journal import Recorded
from traderbot.infra.storage.database import Database
from traderbot.model.account import Account
from traderbot.model.errors import InvariantBroken, NotFound
from traderbot.trading import tables as t
from traderbot.trading.accounts import load_account
from traderbot.trading.command_path import CommandPath
from traderbot.trading.streams import account_stream


class AccountCopies:
    """Used by one thread, fed by the writer's. A copy that missed an event is read from the tables again."""

    def __init__(self, path: CommandPath, database: Database) -> None:
        self._database = database
        self._news: SimpleQueue[Recorded] = SimpleQueue()
        self._streams: dict[str, UUID] = {}
        self._copies: dict[UUID, tuple[Account, int]] = {}
        path.listen(self._committed)

    def get(self, account_id: UUID) -> Account:
        """The account as of the last commit. Errors: NotFound."""
        self._streams.setdefault(
            account_stream(account_id), account_id
        )  # before it is read: nothing is missed
        self._catch_up()
        if account_id in self._copies and self._moved_elsewhere(account_id):
            del self._copies[account_id]
        if account_id not in self._copies:
            self._copies[account_id] = self._read(account_id)
        return self._copies[account_id][0]

    def forget(self) -> None:
        """Read every account again when it is next asked for: after a commit whose outcome was unknown."""
        self._copies.clear()

    def _moved_elsewhere(self, account_id: UUID) -> bool:
        """Whether another process has changed the account, of which this one's writer says nothing."""
        if not self._database.shared:
            return False
        with self._database.read() as connection:
            return connection.execute(_VERSION, {"of": account_id}).scalar() != self._copies[account_id][1]

    def _committed(self, recorded: list[Recorded]) -> None:
        """In the writer's thread."""
        for entry in recorded:
            if entry.stream in self._streams:
                self._news.put(entry)

    def _catch_up(self) -> None:
        while True:
            try:
                entry = self._news.get_nowait()
            except Empty:
                return
            account_id = self._streams[entry.stream]
            account, version = self._copies.get(account_id, (None, 0))
            if account is None or entry.version <= version:
                continue
            try:
                if entry.version > version + 1:
                    raise InvariantBroken(f"{entry.stream}: version {entry.version} follows {version}")
                apply(account, entry.event)
                self._copies[account_id] = (account, entry.version)
            except InvariantBroken:
                del self._copies[account_id]

    def _read(self, account_id: UUID) -> tuple[Account, int]:
        with self._database.read() as connection:
            account = load_account(connection, account_id)
            version = connection.execute(_VERSION, {"of": account_id}).scalar()
        if account is None or version is None:
            raise NotFound("No such account.")
        return account, version


_VERSION = sa.select(t.accounts.c.version).where(t.accounts.c.id == sa.bindparam("of"))
