"""Leases: what one process does alone, held for a while at a time and fenced by a token.

A lease is a row with its holder, its end by the database's clock, and a token that grows with every new
holder. What it guards is done in transactions that ask `Lease.check`: the row stays locked to their end, so
nobody takes the lease in their midst, and whoever lost it is refused however late its transaction comes. No
process's own clock decides who holds a lease: a monotonic one only tells when to renew it, and from when on
the holder has to take it for lost.
"""

import secrets
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from traderbot.infra.ids import instance_name
from traderbot.infra.storage.columns import TIME, metadata
from traderbot.infra.storage.database import Database
from traderbot.model.errors import TraderbotError

_log = structlog.get_logger()
_MICROS = 1_000_000

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),  # empty: let go
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("expires_at", TIME, nullable=False),  # by the database's clock
)


class LeaseLost(TraderbotError):  # noqa: N818 - what happened
    """Another process has taken over, or may have; nothing was done."""

    code = "lease_lost"


class Held(NamedTuple):
    """Who has a lease. live: whether its time has not run out, by the database's clock."""

    holder: str
    live: bool


class Lease:
    """A lease that this process took. token: of this holder alone; a later holder's is larger."""

    def __init__(self, name: str, token: int, until: float, monotonic: Callable[[], float]) -> None:
        self.name = name
        self.token = token
        self._until = until
        self._monotonic = monotonic
        self._lost = False

    def held(self) -> bool:
        """Whether this process may take it that the lease is still its own."""
        return not self._lost and self._monotonic() < self._until

    def check(self, connection: Connection) -> None:
        """Keep the lease for the rest of this transaction. Errors: LeaseLost where somebody else has it."""
        token = connection.execute(_TOKEN, {"name": self.name}).scalar()
        if token != self.token:
            self.lose()
            raise LeaseLost(f"the lease {self.name} was taken by another process")

    def lose(self) -> None:
        """It is no longer ours, whatever the time."""
        self._lost = True

    def extend(self, until: float) -> None:
        """It was renewed. until: of the monotonic clock."""
        self._until = until


class Leases:
    """The leases of this process, renewed in a thread of their own at a third of their life.

    alone: whether no other process can write to the database, as where the home directory is locked: leases
    are then taken over at once, and need no renewal.
    """

    def __init__(
        self,
        database: Database,
        holder: str,
        life_s: float,
        *,
        alone: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.holder = holder
        self._database = database
        self._life_s = life_s
        self._alone = alone
        self._monotonic = monotonic
        self._statements = _Statements(database.dialect.name)
        self._kept: list[Lease] = []
        self._guard = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def acquire(self, name: str) -> Lease | None:
        """Take a lease that is free, whose time has run out, or that this process has already; None where
        somebody else has it. Errors: those of the database.
        """
        if not self._alone:
            found = self.find(name)  # asked without a lock: the holder's transactions are not to wait for us
            if found is not None and found.live and found.holder not in ("", self.holder):
                return None
        began = self._monotonic()
        asked = {"name": name, "holder": self.holder, "life": int(self._life_s * _MICROS)}
        with self._database.roles.begin() as connection:
            token = connection.execute(self._statements.take, asked | {"alone": self._alone}).scalar()
        if token is None:
            return None
        until = float("inf") if self._alone else began + self._life_s
        lease = Lease(name, token, until, self._monotonic)
        with self._guard:
            for earlier in self._kept:
                if earlier.name == name:
                    earlier.lose()
            self._kept = [kept for kept in self._kept if kept.name != name] + [lease]
            if self._thread is None and not self._alone and not self._closing.is_set():
                self._thread = threading.Thread(target=self._keep, name="leases", daemon=True)
                self._thread.start()
        _log.info("lease_taken", lease=name, fence=token, holder=self.holder)
        return lease

    def release(self, lease: Lease) -> None:
        """Let go at once, so that another process need not wait for its end. A database that cannot be
        reached is left to let it run out.
        """
        lease.lose()
        with self._guard:
            self._kept = [kept for kept in self._kept if kept is not lease]
        try:
            with self._database.roles.begin() as connection:
                connection.execute(self._statements.let_go, {"of": lease.name, "ours": lease.token})
        except sa.exc.SQLAlchemyError as error:
            _log.warning("lease_not_released", lease=lease.name, error=str(getattr(error, "orig", error)))

    def find(self, name: str) -> Held | None:
        """Who has a lease; None where nobody ever had it."""
        with self._database.roles.begin() as connection:
            row = connection.execute(self._statements.find, {"name": name}).first()
        return None if row is None else Held(row.holder, bool(row.live and row.holder))

    @property
    def held(self) -> list[str]:
        """Names of the leases that this process may take for its own."""
        with self._guard:
            return [lease.name for lease in self._kept if lease.held()]

    def close(self) -> None:
        """Let go of everything and end the renewals."""
        self._closing.set()
        with self._guard:
            thread, kept = self._thread, list(self._kept)
        if thread is not None:
            thread.join()
        for lease in kept:
            self.release(lease)

    def _keep(self) -> None:
        """Renew until closed; what cannot be renewed is tried again soon, until its time has run out."""
        pause = self._life_s / 3
        while not self._closing.wait(pause):
            pause = self._life_s / 3 if self.renew() else self._life_s / 20

    def renew(self) -> bool:
        """Renew all leases once; false where the database could not be asked."""
        with self._guard:
            kept = list(self._kept)
        for lease in kept:
            began = self._monotonic()
            asked = {"of": lease.name, "ours": lease.token, "life": int(self._life_s * _MICROS)}
            try:
                with self._database.roles.begin() as connection:
                    changed = connection.execute(self._statements.renew, asked).rowcount
            except sa.exc.SQLAlchemyError as error:
                _log.warning("lease_not_renewed", lease=lease.name, error=str(getattr(error, "orig", error)))
                return False
            if changed:
                lease.extend(began + self._life_s)
                continue
            lease.lose()
            with self._guard:
                self._kept = [other for other in self._kept if other is not lease]
            _log.warning("lease_lost", lease=lease.name, fence=lease.token)
        return True


class _Statements:
    """The statements of leases, with the clock of this kind of database."""

    def __init__(self, dialect: str) -> None:
        now: sa.ColumnClause[int] = sa.literal_column(_NOW[dialect], TIME)
        life = sa.bindparam("life", type_=TIME)
        of = leases.c.name == sa.bindparam("of"), leases.c.token == sa.bindparam("ours")
        self.find = sa.select(leases.c.holder, (leases.c.expires_at > now).label("live")).where(
            leases.c.name == sa.bindparam("name")
        )
        self.renew = sa.update(leases).where(*of).values(expires_at=now + life)
        self.let_go = sa.update(leases).where(*of).values(holder="", expires_at=0)
        self.take = sa.text(_TAKE.format(now=_NOW[dialect].replace(":", r"\:")))


_NOW = {
    "postgresql": "(extract(epoch from clock_timestamp()) * 1000000)::bigint",
    "sqlite": "CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER)",
}
_TAKE = """
INSERT INTO leases (name, holder, token, expires_at) VALUES (:name, :holder, 1, {now} + :life)
ON CONFLICT (name) DO UPDATE
SET holder = excluded.holder, token = leases.token + 1, expires_at = {now} + :life
WHERE leases.holder IN ('', excluded.holder) OR leases.expires_at <= {now} OR :alone
RETURNING token
"""
_TOKEN = sa.select(leases.c.token).where(leases.c.name == sa.bindparam("name")).with_for_update(read=True)


def holder_name(instance: str) -> str:
    """A name for this process that no other has: the one that is set, or host and process id; then a few
    letters of chance, so that two processes with one name never take each other for themselves.
    """
    return f"{instance_name(instance)}.{secrets.token_hex(3)}"
