"""What an answer about an account was made from: its version, its session's step and the rules' version.

Where this process is alone with its database, every commit passes here before whoever asked for it is
answered, so what is remembered is what holds. An answer made after its stamp was read is at least as new.
"""

import threading
from collections.abc import Callable
from typing import NamedTuple, Protocol
from uuid import UUID

import sqlalchemy as sa

from traderbot.infra.database import Database
from traderbot.infra.journal import Recorded
from traderbot.model.events import RulesChanged, SessionAdvanced
from traderbot.trading import tables as t
from traderbot.trading.projection import RULES_SCOPE
from traderbot.trading.streams import account_of

ACCOUNTS_MAX = 100_000


class Stamp(NamedTuple):
    """account: its version; step: of its session; rules: their version. All only grow."""

    account: int
    step: int
    rules: int

    @property
    def etag(self) -> bytes:
        return b'W/"%x-%x-%x"' % self


class Stamps(Protocol):
    """The stamps of accounts as they are now."""

    def known(self, account_id: UUID) -> Stamp | None:
        """The stamp, without waiting for anything; None where it has to be looked up."""
        ...

    def look_up(self, account_id: UUID) -> Stamp | None:
        """The stamp, from the database; None without such an account. Blocks."""
        ...


class OwnStamps:
    """Of a process that is alone with its database: remembered, moved by every commit."""

    def __init__(self, database: Database, listen: "Listen") -> None:
        self._database = database
        self._lock = threading.Lock()
        self._stamps: dict[UUID, Stamp] = {}
        self._moved = 0  # commits heard; a look-up that one overtook is not remembered
        listen(self._hear)

    def known(self, account_id: UUID) -> Stamp | None:
        return self._stamps.get(account_id)

    def look_up(self, account_id: UUID) -> Stamp | None:
        while True:
            moved = self._moved
            stamp = stamp_of(self._database, account_id)
            with self._lock:
                if moved == self._moved:
                    if stamp is not None:
                        self._remember(account_id, stamp)
                    return stamp

    def _remember(self, account_id: UUID, stamp: Stamp) -> None:
        if len(self._stamps) >= ACCOUNTS_MAX:
            self._stamps = {}
        self._stamps[account_id] = stamp

    def _hear(self, recorded: list[Recorded]) -> None:
        """Take note of a commit; in the writer's thread, before its answers."""
        with self._lock:
            self._moved += 1
            for entry in recorded:
                if isinstance(entry.event, SessionAdvanced | RulesChanged):
                    self._stamps = {}  # every account is worth something else now
                    continue
                account_id = account_of(entry.stream)
                if account_id is not None and (known := self._stamps.get(account_id)) is not None:
                    self._stamps[account_id] = known._replace(account=entry.version)


class ReadStamps:
    """Where other processes write as well: asked of the database each time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, account_id: UUID) -> Stamp | None:
        return None

    def look_up(self, account_id: UUID) -> Stamp | None:
        return stamp_of(self._database, account_id)


Listen = Callable[[Callable[[list[Recorded]], None]], None]


def stamps_of(database: Database, listen: Listen) -> Stamps:
    """The stamps of a process. listen: has a listener called after each of its commits."""
    return ReadStamps(database) if database.shared else OwnStamps(database, listen)


def stamp_of(database: Database, account_id: UUID) -> Stamp | None:
    """The stamp of an account as the database has it."""
    with database.read() as connection:
        row = connection.execute(_STAMP, {"account": account_id}).first()
    return None if row is None else Stamp(row[0], -1 if row[1] is None else row[1], row[2] or 0)


_RULES = sa.select(t.rules.c.version).where(t.rules.c.scope == RULES_SCOPE).scalar_subquery()
_STAMP = (
    sa.select(t.accounts.c.version, t.market_sessions.c.step, _RULES)
    .select_from(t.accounts.outerjoin(t.market_sessions, t.market_sessions.c.id == t.accounts.c.session_id))
    .where(t.accounts.c.id == sa.bindparam("account"))
)
