"""Locks that a transaction holds to its end, whatever rows there are."""

from sqlalchemy.engine import Connection

from traderbot.infra.storage.bulk import cursor_of

_FAMILY = 7_734  # of this platform's among a database's advisory locks


class Latch:
    """A lock that writers of several processes take in turn. On SQLite the write transaction is that lock."""

    def __init__(self, number: int) -> None:
        self._exclusive = f"SELECT pg_advisory_xact_lock({_FAMILY}, {number})"
        self._shared = f"SELECT pg_advisory_xact_lock_shared({_FAMILY}, {number})"

    def take(self, connection: Connection, *, shared: bool = False) -> None:
        """Wait for the lock. shared: together with others who also only share it. What it guards is read by
        a later statement: this one sees what was committed before the wait.
        """
        if connection.dialect.name == "postgresql":
            cursor_of(connection).execute(self._shared if shared else self._exclusive)


SCHEMA, APPENDS, RULES, STEPS = Latch(1), Latch(2), Latch(3), Latch(4)
