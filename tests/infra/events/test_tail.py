"""The tail on PostgreSQL: nothing skipped, nothing twice, whatever happens to connections and listeners."""

import threading
import time
from collections.abc import Iterator
from uuid import UUID

import pytest

from servers import shared_postgres
from traderbot.infra.clock import WallClock
from traderbot.infra.events.journal import Recorded
from traderbot.infra.events.tail import PAGE, Tail
from traderbot.infra.storage.database import Database
from traderbot.model.events import UserRegistered
from traderbot.trading.command_path import CommandPath
from traderbot.trading.streams import user_stream
from traderbot.trading.work import Work

pytestmark = pytest.mark.integration


class Ear:
    """Remembers the positions it was told of."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    def __call__(self, recorded: list[Recorded]) -> None:
        self.heard += [entry.position for entry in recorded]


@pytest.fixture
def paths(postgres: Database) -> Iterator[list[CommandPath]]:
    """Three processes that write."""
    url = postgres.url.render_as_string(hide_password=False)
    databases = [Database(url) for _ in range(3)]
    paths = [CommandPath(database, WallClock()) for database in databases]
    yield paths
    for path, database in zip(paths, databases, strict=True):
        path.close()
        database.close()


def write(path: CommandPath, number: int, times: int) -> None:
    for step in range(times):
        user = UUID(int=number * 1000 + step)
        path.submit(Work(facts=[(user_stream(user), UserRegistered(user))]))


def until(ear: Ear, count: int) -> None:
    last = time.monotonic() + 30
    while len(ear.heard) < count:
        assert time.monotonic() < last, (len(ear.heard), count)
        time.sleep(0.01)


def test_every_event_of_every_process_is_heard_once_and_in_order(
    postgres: Database, paths: list[CommandPath]
) -> None:
    write(paths[0], 9, 3)
    tail, ear = Tail(postgres), Ear()
    assert tail.position == 3, "it begins at the present end"
    tail.follow(ear)
    tail.start()
    threads = [threading.Thread(target=write, args=(path, n, 60)) for n, path in enumerate(paths)]
    for thread in threads:
        thread.start()
    assert postgres.url.database is not None
    for _ in range(3):
        time.sleep(0.05)
        shared_postgres().execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{postgres.url.database}' AND application_name = 'traderbot role'"
        )
    for thread in threads:
        thread.join()
    until(ear, 180)
    tail.stop()
    assert ear.heard == list(range(4, 184))
    assert (tail.position, tail.lag) == (183, 0)


def test_more_than_a_page_at_once_comes_whole(postgres: Database, paths: list[CommandPath]) -> None:
    tail, ear = Tail(postgres), Ear()
    tail.follow(ear)
    users = [UUID(int=number) for number in range(1, PAGE + 12)]
    paths[0].submit(Work(facts=[(user_stream(user), UserRegistered(user)) for user in users]))
    tail.start()
    until(ear, len(users))
    tail.stop()
    assert ear.heard == list(range(1, len(users) + 1))


def test_a_listener_that_fails_does_not_keep_the_others_from_hearing(
    postgres: Database, paths: list[CommandPath]
) -> None:
    tail, ear = Tail(postgres), Ear()

    def deaf(_recorded: list[Recorded]) -> None:
        raise ArithmeticError("not this one")

    tail.follow(deaf)
    tail.follow(ear)
    tail.start()
    write(paths[0], 1, 2)
    until(ear, 2)
    tail.stop()
    assert ear.heard == [1, 2]


def test_on_sqlite_it_is_fed_by_the_one_who_writes(tmp_path: object) -> None:
    from servers import database_url

    with database_url("sqlite", tmp_path) as url:  # type: ignore[arg-type]
        database = Database(url)
        path, tail, ear = CommandPath(database, WallClock()), Tail(database), Ear()
        path.listen(tail.feed)
        tail.follow(ear)
        tail.start()
        write(path, 1, 3)
        assert ear.heard == [1, 2, 3], "heard before the answer is given"
        tail.stop()
        path.close()
        database.close()
