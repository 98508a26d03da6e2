"""What an answer about an account was made from: its version, the step that the market stands at here, and
the rules' version.

Where this process is alone with its database, every commit passes here before whoever asked for it is
answered, so what is remembered is what holds. Where others write too, it is what holds while the tail has
heard as far as the head (`infra/caching/heads.py`). What is made after its stamp was read is as new as it.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol
from uuid import UUID

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool

from traderbot.infra.caching.heads import Head
from traderbot.infra.events.journal import Recorded
from traderbot.infra.events.tail import Tail
from traderbot.infra.storage.database import Database
from traderbot.model.events import RulesChanged
from traderbot.trading import tables as t
from traderbot.trading.projection import RULES_SCOPE
from traderbot.trading.streams import account_of

if TYPE_CHECKING:
    from traderbot.bootstrap import Platform

ACCOUNTS_MAX = 100_000


class Stamp(NamedTuple):
    """account: its version; step: of the market; rules: their version. All only grow."""

    account: int
    step: int
    rules: int

    @property
    def etag(self) -> bytes:
        return b'W/"%x-%x-%x"' % self


class Stamps(Protocol):
    """The stamps of accounts as they are now."""

    def known(self, account_id: UUID) -> Stamp | None:
        """The stamp, without waiting for anything; None where it has to be found."""
        ...

    async def find(self, account_id: UUID) -> Stamp | None:
        """The stamp, wherever it has to be asked for; None without such an account."""
        ...

    async def close(self) -> None: ...


Step = Callable[[], int]
"""The step that this process's market stands at, from which its answers are made."""


class OwnStamps:
    """Of a process that is alone with its database: remembered, moved by every commit."""

    def __init__(self, database: Database, step: Step) -> None:
        self._database = database
        self._step = step
        self._lock = threading.Lock()
        self._accounts: dict[int, Stamp] = {}  # by id, each of the step it was last asked at
        self._moved = 0  # commits heard; a look-up that one overtook is not remembered

    def known(self, account_id: UUID) -> Stamp | None:
        found, step = self._accounts.get(account_id.int), self._step()
        if found is None or found[1] == step:
            return found
        return Stamp(found[0], step, found[2])

    async def find(self, account_id: UUID) -> Stamp | None:
        return await run_in_threadpool(self.look_up, account_id)

    async def close(self) -> None:
        """Nothing is open."""

    def look_up(self, account_id: UUID) -> Stamp | None:
        """The stamp from the database, remembered from now on."""
        while True:
            moved, step = self._moved, self._step()
            found = versions_of(self._database, account_id)
            with self._lock:
                if moved == self._moved:
                    if found is None:
                        return None
                    stamp = Stamp(found[0], step, found[1])
                    self._remember(account_id, stamp)
                    return stamp

    def hear(self, recorded: list[Recorded]) -> None:
        """Take note of a commit, before anybody is told of it."""
        with self._lock:
            self._moved += 1
            for entry in recorded:
                if isinstance(entry.event, RulesChanged):
                    self._accounts = {}
                    continue
                account_id = account_of(entry.stream)
                if account_id is not None and (known := self._accounts.get(account_id.int)) is not None:
                    version = max(known.account, entry.version)
                    self._accounts[account_id.int] = Stamp(version, self._step(), known.rules)

    def forget(self) -> None:
        """Something was committed that was not heard of."""
        with self._lock:
            self._moved += 1
            self._accounts = {}

    def _remember(self, account_id: UUID, stamp: Stamp) -> None:
        if len(self._accounts) >= ACCOUNTS_MAX:
            self._accounts = {}
        self._accounts[account_id.int] = stamp


class SharedStamps:
    """Where other processes write as well: remembered and moved by the tail, and good while that has heard as
    far as the head; else asked of the database.
    """

    def __init__(self, database: Database, step: Step, tail: Tail, head: Head | None) -> None:
        self._own = OwnStamps(database, step)
        self._tail = tail
        self._head = head
        tail.follow(self._own.hear)

    def known(self, account_id: UUID) -> Stamp | None:
        return None

    async def find(self, account_id: UUID) -> Stamp | None:
        head = None if self._head is None else await self._head.read()
        if head is not None and self._tail.position >= head:
            found = self._own.known(account_id)
            if found is not None:
                return found
        return await self._own.find(account_id)

    async def close(self) -> None:
        if self._head is not None:
            await self._head.close()


def stamps_of(platform: "Platform") -> Stamps:
    """The stamps of a platform's accounts."""
    database, session = platform.database, platform.session
    url = platform.settings.valkey_url

    def step() -> int:
        return session.market.step

    if database.shared:
        return SharedStamps(database, step, platform.tail, None if url is None else Head(url))
    own = OwnStamps(database, step)
    platform.path.listen(own.hear)
    platform.path.acknowledging(own.forget)
    return own


def versions_of(database: Database, account_id: UUID) -> tuple[int, int] | None:
    """The versions of an account and of the rules as the database has them."""
    with database.read() as connection:
        row = connection.execute(_VERSIONS, {"account": account_id}).first()
    return None if row is None else (row[0], row[1] or 0)


_RULES = sa.select(t.rules.c.version).where(t.rules.c.scope == RULES_SCOPE).scalar_subquery()
_VERSIONS = sa.select(t.accounts.c.version, _RULES).where(t.accounts.c.id == sa.bindparam("account"))
