"""What a kind of database has to offer; each has a file of its own."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from enum import Enum
from typing import NamedTuple, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine


class Trouble(Enum):
    """What an error of the driver means for whoever was at work."""

    CONFLICT = "another writer was in the way; the same transaction may succeed when it is tried again"
    LOST = "the connection is gone, or there never was one"
    REFUSED = "the database is there, but does not do it now: a full disk, a lock that is not let go"
    OTHER = "the statement itself is at fault"


class Limits(NamedTuple):
    """What can be set of the connections. readers: kept open for reading; statement_timeout_s: the longest a
    reading statement may take, where the database can stop one.
    """

    readers: int = 8
    statement_timeout_s: int = 30


USUAL = Limits()
READERS_BEYOND = 32
"""Reading connections that a moment's rush may open besides; they are closed again."""


class Backend(Protocol):
    """Engines for one writer and many readers, and what differs from database to database.

    roles: what leases are taken by and the journal is listened to; never waits behind orders for long.
    """

    writer: Engine
    readers: Engine
    alone: Engine  # a new connection each time, outside any transaction
    roles: Engine

    def trouble(self, error: BaseException) -> Trouble:
        """What an error means, raised by SQLAlchemy or by the driver itself."""
        ...

    def tidy(self, connection: Connection) -> None:
        """Do what can be put off until nothing waits. connection: the writer's, idle."""
        ...

    def damage(self, connection: Connection) -> str | None:
        """The first thing that the database finds wrong with its files; None where all is well."""
        ...

    def take_time(self, connection: Connection) -> None:
        """Let this transaction last as long as it must: migrations and audits, never orders."""
        ...

    def wait_briefly(self, connection: Connection) -> None:
        """Give up waiting for a table after seconds: whoever waits for one makes all others wait behind."""
        ...

    def hold_still(self, connection: Connection, tables: Iterable[sa.Table]) -> None:
        """Keep everybody else from changing these tables until the transaction ends."""
        ...

    def scratch(self) -> AbstractContextManager[str]:
        """The URL of an empty database of the same kind that is gone after the block."""
        ...
