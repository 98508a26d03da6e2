"""Command paths as several processes have them on one database, and a reader that follows their journal."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from traderbot.infra.clock import WallClock
from traderbot.infra.events.journal import read
from traderbot.infra.storage.database import Database
from traderbot.trading.command_path import CommandPath
from trading.rig import SESSION, StillMarket


class Paths:
    """Command paths over one database, each with connections of its own."""

    def __init__(self, url: str, number: int) -> None:
        self.databases = [Database(url) for _ in range(number)]
        self.paths: list[CommandPath] = []
        self.open()

    def open(self) -> None:
        """Begin, or begin again as after a restart."""
        for path in self.paths:
            path.close()
        self.paths = [CommandPath(database, WallClock()) for database in self.databases]
        for path in self.paths:
            path.markets[SESSION] = StillMarket()

    def of(self, number: int) -> CommandPath:
        return self.paths[number % len(self.paths)]

    def delay_commits(self, longest_s: float, seed: int = 1) -> None:
        """Let each commit wait for a random time, with everything locked that it has locked."""
        for number, database in enumerate(self.databases):
            chosen, real = random.Random(seed + number), database.dialect.do_commit

            def commit(connection: Any, chosen: random.Random = chosen, real: Any = real) -> None:
                time.sleep(chosen.uniform(0, longest_s))
                real(connection)

            database.dialect.do_commit = commit  # type: ignore[method-assign]

    def close(self) -> None:
        for path in self.paths:
            path.close()
        for database in self.databases:
            database.close()


@contextmanager
def paths_on(url: str, number: int = 0) -> Iterator[Paths]:
    """Command paths for a block. number: how many; else two, and on SQLite one."""
    paths = Paths(url, number or (1 if url.startswith("sqlite") else 2))
    try:
        yield paths
    finally:
        paths.close()


class Tail:
    """Reads the journal by position while others write, as followers do, and keeps what it was given."""

    def __init__(self, database: Database) -> None:
        self.seen: list[tuple[int, str, int]] = []
        self._database = database
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self) -> None:
        last = 0
        while True:
            stopping = self._stopping.is_set()
            with self._database.read() as connection:
                found = read(connection, after=last)
            self.seen += [(entry.position, entry.stream, entry.version) for entry in found]
            if found:
                last = found[-1].position
            elif stopping:
                return

    def stop(self) -> list[str]:
        """Read to the end. Returns: what was skipped or out of order."""
        self._stopping.set()
        self._thread.join()
        wrong, versions = [], dict[str, int]()
        for wanted, (position, stream, version) in enumerate(self.seen, 1):
            if position != wanted:
                wrong.append(f"position {position} where {wanted} was expected")
            if version != versions.get(stream, 0) + 1:
                wrong.append(f"{stream}: version {version} at {position} after {versions.get(stream, 0)}")
            versions[stream] = version
        return wrong[:10]
