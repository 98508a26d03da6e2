"""The head in Valkey: nobody who finds one misses what was acknowledged before, whatever fails."""

import asyncio
from collections.abc import Iterator

import pytest
import redis

from servers import Program, postgres_url, valkey
from traderbot.infra.caching.heads import _BEGIN, _KEEP, KEY, Head, HeadKeeper, position_of
from traderbot.infra.clock import WallClock
from traderbot.infra.events.journal import last_position
from traderbot.infra.ids import new_id
from traderbot.infra.storage.database import Database
from traderbot.model.events import PreferencesChanged
from traderbot.trading.command_path import CommandPath
from traderbot.trading.streams import user_stream
from traderbot.trading.work import Work

pytestmark = pytest.mark.integration


class Writer:
    """A process that writes, with its keeper turned by hand."""

    def __init__(self, database_url: str, port: int) -> None:
        self.database = Database(database_url)
        self.path = CommandPath(self.database, WallClock())
        self.held: list[float] = []
        self.url = f"redis://127.0.0.1:{port}/0"
        self.keeper = HeadKeeper(self.database, self.url, self.held.append)
        self.path.listen(self.keeper.hear)
        self.path.acknowledging(self.keeper.catch_up)

    def write(self) -> int:
        """One acknowledged event. Returns: its position."""
        user = new_id()
        self.path.submit(Work(facts=[(user_stream(user), PreferencesChanged(user))]))
        with self.database.read() as connection:
            return last_position(connection)

    def head(self) -> int | None:
        async def run() -> int | None:
            head = Head(self.url)
            try:
                return await head.read()
            finally:
                await head.close()

        return asyncio.run(run())

    def close(self) -> None:
        self.keeper.stop()
        self.path.close()
        self.database.close()


@pytest.fixture
def server() -> Iterator[Program]:
    with valkey() as program:
        yield program


@pytest.fixture
def two(server: Program) -> Iterator[tuple[Writer, Writer]]:
    with postgres_url() as url:
        writers = Writer(url, server.port), Writer(url, server.port)
        yield writers
        for writer in writers:
            writer.close()


def still(server: Program) -> "redis.Redis":
    """A client; the head no longer ends by itself, however slow this machine is."""
    client = redis.Redis(port=server.port)
    client.persist(KEY)
    return client


def test_what_either_acknowledges_is_in_the_head(server: Program, two: tuple[Writer, Writer]) -> None:
    one, other = two
    assert one.keeper.keep()
    still(server)
    for writer in (one, other, one):
        position = writer.write()
        assert one.head() == position
    assert one.held == other.held == []


def test_a_lost_head_counts_for_nothing_until_somebody_has_read_the_journal(
    server: Program, two: tuple[Writer, Writer]
) -> None:
    one, other = two
    one.keeper.keep()
    client = still(server)
    client.flushall()
    assert one.head() is None
    position = one.write()
    assert one.head() is None
    assert one.held == []
    client.eval(_BEGIN, 1, KEY, "another", "300")
    client.persist(KEY)
    assert other.head() is None
    assert other.keeper.keep()
    assert other.head() == position


def test_what_was_read_under_a_lost_head_is_not_entered(server: Program, two: tuple[Writer, Writer]) -> None:
    one, _ = two
    client = redis.Redis(port=server.port)
    name, now = client.eval(_BEGIN, 1, KEY, "first", "60000")
    with one.database.read() as connection:
        before = last_position(connection)
    one.write()
    client.flushall()
    client.eval(_BEGIN, 1, KEY, "second", "60000")
    assert client.eval(_KEEP, 1, KEY, name, str(before), str(now + 60_000)) == 0
    assert one.head() is None


def test_a_head_is_never_lowered_and_ends_without_keepers(
    server: Program, two: tuple[Writer, Writer]
) -> None:
    one, _ = two
    one.keeper.keep()
    assert 0 < redis.Redis(port=server.port).pttl(KEY) <= 300
    client = still(server)
    position = one.write()
    one.keeper._raise(position - 1)
    assert one.head() == position
    client.pexpire(KEY, 1)
    asyncio.run(asyncio.sleep(0.02))
    assert one.head() is None


def test_a_writer_that_cannot_raise_the_head_holds_its_answers_back(
    server: Program, two: tuple[Writer, Writer]
) -> None:
    one, other = two
    one.keeper.keep()
    server.kill()
    position = one.write()
    assert len(one.held) == 1
    assert one.held[0] > 0.3
    assert one.head() is None
    server.start()
    assert one.head() is None
    assert other.keeper.keep()
    assert other.head() == position


def test_what_is_told_again_raises_the_head_to_all_that_was_committed(
    server: Program, two: tuple[Writer, Writer]
) -> None:
    one, other = two
    other.keeper.keep()
    still(server)
    one.path._listeners.clear()  # it dies between its commit and the head
    position = one.write()
    assert (other.head() or 0) < position
    other.keeper.catch_up()
    assert other.head() == position


@pytest.mark.parametrize(
    ("head", "position"), [(None, None), (b"0 name 7", None), (b"1 name 7", 7), (b"nonsense", None)]
)
def test_a_head_says_a_position_once_it_is_ready(head: bytes | None, position: int | None) -> None:
    assert position_of(head) == position
