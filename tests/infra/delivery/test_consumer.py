"""A consumer with its own database: each event takes effect once, whatever comes twice or fails."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Connection

from infra.journals import Desk, Reader, in_context, until, url_of
from servers import CannotRun, Program, nats
from traderbot.infra.delivery.consumer import Consumer
from traderbot.infra.events.envelopes import Envelope
from traderbot.infra.migrations import migrate
from traderbot.infra.storage.database import Database

pytestmark = pytest.mark.integration
ALL = ["traderbot.events.>"]


@pytest.fixture
def server() -> Iterator[Program]:
    try:
        with nats() as server:
            yield server
    except CannotRun as error:
        pytest.skip(f"NATS cannot be started here: {error}")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    database = Database(f"sqlite:///{tmp_path / 'journal.db'}")
    migrate(database)
    yield Desk(database)
    database.close()


def test_every_event_takes_effect_once_and_in_order(desk: Desk, server: Program, tmp_path: Path) -> None:
    relay = desk.relay(server)
    reader = Reader(tmp_path, server, ALL)
    reader.consumer.start()
    desk.append(900)
    until(lambda: len(reader.seen()) >= 900)
    relay.stop()
    reader.close()
    assert reader.seen() == list(range(1, 901))
    assert reader.consumer.trouble is None


def test_nothing_comes_twice_after_a_stop_in_the_flow(desk: Desk, server: Program, tmp_path: Path) -> None:
    relay = desk.relay(server)
    desk.append(3000)
    for enough in (1, 700, 3000):
        reader = Reader(tmp_path, server, ALL)
        reader.consumer.start()
        until(lambda: len(reader.seen()) >= enough)  # noqa: B023 - called at once
        reader.close()
    relay.stop()
    assert reader.seen() == list(range(1, 3001))


def test_messages_that_were_not_acknowledged_come_again_in_order_and_change_nothing(
    desk: Desk, server: Program, tmp_path: Path
) -> None:
    """The server forgets what was acknowledged; only the consumer's own database knows it."""
    relay = desk.relay(server)
    desk.append(100)
    reader = Reader(tmp_path, server, ALL)
    reader.consumer.start()
    until(lambda: len(reader.seen()) == 100)
    reader.close()
    in_context(server, lambda context: context.delete_consumer("TRADERBOT", "reader"))
    reader = Reader(tmp_path, server, ALL)
    reader.consumer.start()
    desk.append(10)
    until(lambda: len(reader.seen()) >= 110)
    reader.close()
    relay.stop()
    assert reader.seen() == list(range(1, 111))


def test_messages_given_to_somebody_who_died_come_before_newer_ones(
    desk: Desk, server: Program, tmp_path: Path
) -> None:
    relay = desk.relay(server)
    desk.append(20)
    reader = Reader(tmp_path, server, ALL)
    reader.consumer.start()
    until(lambda: len(reader.seen()) == 20)
    reader.close()
    desk.append(20)
    until(lambda: relay.position == 40)

    async def take_and_die(context):  # type: ignore[no-untyped-def]
        subscription = await context.pull_subscribe_bind(durable="reader", stream="TRADERBOT")
        assert len(await subscription.fetch(5)) == 5

    in_context(server, take_and_die)
    reader = Reader(tmp_path, server, ALL)
    reader.consumer.start()
    until(lambda: len(reader.seen()) >= 40)
    reader.close()
    relay.stop()
    assert reader.seen() == list(range(1, 41))


def test_a_wiped_store_in_mid_run_changes_nothing_for_a_consumer(
    desk: Desk, server: Program, tmp_path: Path
) -> None:
    relay = desk.relay(server)
    reader = Reader(tmp_path, server, ALL)
    reader.consumer.start()
    desk.append(500)
    until(lambda: len(reader.seen()) > 100)
    server.kill()
    server.wipe()
    server.start()
    desk.append(50)
    until(lambda: len(reader.seen()) >= 550)
    relay.stop()
    reader.close()
    assert reader.seen() == list(range(1, 551))


def test_a_relay_that_dies_before_its_checkpoint_changes_nothing_for_a_consumer(
    desk: Desk, server: Program, tmp_path: Path
) -> None:
    relay = desk.relay(server)
    until(lambda: relay.trouble is None)
    reader = Reader(tmp_path, server, ALL)
    reader.consumer.start()
    desk.refuse = True
    desk.append(60)
    until(lambda: len(reader.seen()) == 60)
    relay.stop()
    desk.refuse = False
    relay = desk.relay(server)
    desk.append(1)
    until(lambda: len(reader.seen()) >= 61)
    relay.stop()
    reader.close()
    assert reader.seen() == list(range(1, 62))


def test_a_handler_that_fails_is_tried_again_and_nothing_behind_it_is_handled(
    desk: Desk, server: Program, tmp_path: Path
) -> None:
    relay = desk.relay(server)
    reader = Reader(tmp_path, server, ALL)
    mended = threading.Event()

    def handle(connection: Connection, envelope: Envelope) -> None:
        reader.handle(connection, envelope)
        if envelope.position == 30 and not mended.is_set():
            raise OSError("no")

    reader.consumer = Consumer(url_of(server), "reader", ALL, handle, reader.engine)
    reader.consumer.start()
    desk.append(50)
    until(lambda: len(reader.seen()) == 29 and reader.consumer.trouble == "no")
    mended.set()
    until(lambda: len(reader.seen()) >= 50)
    reader.close()
    relay.stop()
    assert reader.seen() == list(range(1, 51))


def test_subjects_choose_by_type_and_by_stream(desk: Desk, server: Program, tmp_path: Path) -> None:
    relay = desk.relay(server)
    one = f"traderbot.events.*.user.{desk.users[1]}"
    readers = {
        subject: Reader(tmp_path, server, [subject], name)
        for subject, name in ((one, "one"), ("traderbot.events.UserRegistered.>", "registered"))
    }
    for reader in readers.values():
        reader.consumer.start()
    desk.append(23)
    until(lambda: len(readers[one].seen()) >= 5)
    until(lambda: len(readers["traderbot.events.UserRegistered.>"].seen()) >= 5)
    for reader in readers.values():
        reader.close()
    relay.stop()
    assert readers[one].seen() == [2, 7, 12, 17, 22]
    assert readers["traderbot.events.UserRegistered.>"].seen() == [1, 2, 3, 4, 5]


def test_a_missing_event_stops_a_consumer_of_all_types(desk: Desk, server: Program, tmp_path: Path) -> None:
    relay = desk.relay(server)
    reader = Reader(tmp_path, server, ALL)
    desk.append(5)
    reader.consumer.start()
    until(lambda: len(reader.seen()) == 5)
    reader.consumer.stop()
    desk.append(15)
    until(lambda: relay.position == 20)
    relay.stop()
    in_context(server, lambda context: context.delete_msg("TRADERBOT", 8))
    reader = Reader(tmp_path, server, ALL)
    reader.consumer.start()
    until(lambda: "version 3 at position 13 does not follow version 1" in (reader.consumer.trouble or ""))
    reader.close()
    assert reader.seen() == [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12]
