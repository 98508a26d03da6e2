"""The tail: every committed event of every process, in the order of the journal, soon after its commit.

On PostgreSQL a thread reads the journal by position. Positions are given under the lock that makes their
order the order of commits, so whoever reads behind the last one seen skips nothing and sees nothing twice. A
writer's NOTIFY only says that it is worth looking; it is looked every tenth of a second without one. On
SQLite there is one writing process, whose command path feeds the tail as it commits.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from traderbot.infra.events.journal import Recorded, last_position, read
from traderbot.infra.storage.bulk import cursor_of
from traderbot.infra.storage.database import Database

Listener = Callable[[list[Recorded]], None]
CHANNEL = "traderbot_events"
PAGE = 1000
POLL_S = 0.1
RETRY_S = 0.5
_NOTIFY = f"SELECT pg_notify('{CHANNEL}', '')"
_log = structlog.get_logger()


def notify(connection: Connection) -> None:
    """Have the tails of all processes look at the journal once this transaction is committed; on SQLite there
    is nobody to tell.
    """
    if connection.dialect.name == "postgresql":
        cursor_of(connection).execute(_NOTIFY)


class Tail:
    """Follows the journal of a database from its present end on. Listeners are called in the order in which
    they came, in one thread, and must be quick; one that raises is told and does not stop the others.

    position: of the last event that all listeners have heard.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listeners: list[Listener] = []
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        with database.read() as connection:
            self.position = last_position(connection)
        self._seen = self.position

    @property
    def lag(self) -> int:
        """Events known to be committed that listeners have not heard yet."""
        return max(0, self._seen - self.position)

    def follow(self, listener: Listener) -> None:
        """Have the listener hear every event committed from now on."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Read the journal in a thread; nothing where the command path feeds this."""
        if self._database.shared and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="tail", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Finish the page under way, then end."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def feed(self, recorded: list[Recorded]) -> None:
        """Pass on what was committed, behind what was passed on before."""
        if not recorded:
            return
        self._seen = max(self._seen, recorded[-1].position)
        for listener in self._listeners:
            try:
                listener(recorded)
            except Exception as error:  # noqa: BLE001 - one listener's fault is not the others'
                _log.error("tail_listener_failed", error=repr(error), exc_info=error)
        self.position = recorded[-1].position

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
            except Exception as error:  # noqa: BLE001 - the loop's edge: a lost connection is made again
                _log.warning("tail_interrupted", error=str(getattr(error, "orig", error)))
                self._stopping.wait(RETRY_S)

    def _follow(self) -> None:
        """Read with one connection until stopped. Errors: those of the connection."""
        with self._database.roles.connect() as connection:
            try:
                connection.exec_driver_sql(f"LISTEN {CHANNEL}")
                driver: Any = connection.connection.driver_connection
                while not self._stopping.is_set():
                    while self._read_page(connection) == PAGE:
                        pass
                    for _ in driver.notifies(timeout=POLL_S, stop_after=1):
                        pass
            finally:
                with suppress(sa.exc.SQLAlchemyError):
                    connection.invalidate()  # it listens: nobody else is to get it from the pool

    def _read_page(self, connection: Connection) -> int:
        recorded = read(connection, after=self.position, limit=PAGE)
        self.feed(recorded)
        if len(recorded) == PAGE:
            self._seen = max(self._seen, last_position(connection))
        return 0 if self._stopping.is_set() else len(recorded)
