"""The relay against a real NATS server: every committed event once and in order, whatever breaks."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from infra.journals import Desk, held, in_context, until
from servers import CannotRun, Program, nats
from traderbot.infra.delivery.relay import relay_positions
from traderbot.infra.events.journal import events
from traderbot.infra.storage.database import Database

pytestmark = pytest.mark.integration


@pytest.fixture
def server() -> Iterator[Program]:
    try:
        with nats() as server:
            yield server
    except CannotRun as error:
        pytest.skip(f"NATS cannot be started here: {error}")


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def positions(server: Program) -> list[int]:
    return [envelope.position for envelope in held(server)]


def test_every_event_is_published_once_in_order(desk: Desk, server: Program) -> None:
    desk.append(700)
    relay = desk.relay(server)
    for _ in range(20):
        desk.append(3)
        relay.wake()
    until(lambda: relay.position == 760)
    relay.stop()
    assert positions(server) == list(range(1, 761))
    assert relay.metrics.lag_events == 0
    with desk.database.read() as connection:
        assert connection.execute(sa.select(relay_positions.c.position)).scalar() == 760


def test_a_restart_goes_on_behind_the_last_event(desk: Desk, server: Program) -> None:
    desk.append(10)
    for _ in range(3):
        relay = desk.relay(server)
        desk.append(10)
        until(lambda: relay.position == desk.last())  # noqa: B023 - called at once
        relay.stop()
    assert positions(server) == list(range(1, 41))


def test_what_was_published_without_a_checkpoint_does_not_come_twice(desk: Desk, server: Program) -> None:
    relay = desk.relay(server)
    until(lambda: relay.trouble is None)
    desk.refuse = True
    desk.append(50)
    until(lambda: relay.trouble is not None and "disk is full" in relay.trouble)
    relay.stop()
    desk.refuse = False
    with desk.database.read() as connection:
        assert connection.execute(sa.select(relay_positions.c.position)).scalar() == 0
    relay = desk.relay(server)
    desk.append(5)
    until(lambda: relay.position == 55)
    relay.stop()
    assert positions(server) == list(range(1, 56))


def test_nothing_is_lost_when_nats_is_killed_in_the_flow(desk: Desk, server: Program) -> None:
    relay = desk.relay(server)
    for round_ in range(3):
        desk.append(400)
        until(lambda: relay.position > 100 + round_ * 400)  # noqa: B023 - called at once
        desk.append(400)
        server.kill()
        desk.append(20)
        until(lambda: relay.trouble is not None and relay.metrics.lag_events > 0)
        assert relay.metrics.lag_seconds > 0
        server.start()
        until(lambda: relay.position == desk.last())
    relay.stop()
    assert positions(server) == list(range(1, desk.last() + 1))


def test_a_wiped_store_is_filled_again(desk: Desk, server: Program) -> None:
    relay = desk.relay(server)
    desk.append(300)
    until(lambda: relay.position == 300)
    server.kill()
    server.wipe()
    server.start()
    desk.append(30)
    until(lambda: positions(server) == list(range(1, 331)))
    relay.stop()


@pytest.mark.parametrize("how", ["purge", "delete", "one", "last"])
def test_a_stream_that_loses_events_in_mid_run_is_built_anew(desk: Desk, server: Program, how: str) -> None:
    """A purged stream refuses the same message ids for two minutes: the relay must not be fooled by that."""
    relay = desk.relay(server)
    desk.append(30)
    until(lambda: relay.position == 30)

    async def lose(context: Any) -> None:
        if how == "purge":
            await context.purge_stream("TRADERBOT")
        elif how == "delete":
            await context.delete_stream("TRADERBOT")
        else:
            await context.delete_msg("TRADERBOT", 7 if how == "one" else 30)

    in_context(server, lose)
    desk.append(3)
    until(lambda: positions(server) == list(range(1, 34)))
    relay.stop()


def test_nothing_is_published_behind_a_purge(
    desk: Desk, server: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server itself refuses it: looking at the stream from time to time would come too late."""
    monkeypatch.setattr("traderbot.infra.delivery.relay.LOOK_S", 1000.0)
    relay = desk.relay(server)
    desk.append(30)
    until(lambda: relay.position == 30)
    in_context(server, lambda context: context.purge_stream("TRADERBOT"))
    desk.append(3)
    until(lambda: positions(server) == list(range(1, 34)))
    relay.stop()


def test_a_rebuild_on_demand_publishes_everything_again(desk: Desk, server: Program) -> None:
    desk.append(40)
    relay = desk.relay(server)
    until(lambda: relay.position == 40)
    relay.stop()
    relay = desk.relay(server, rebuild=True)
    until(lambda: relay.metrics.published._value.get() == 40)
    relay.stop()
    assert positions(server) == list(range(1, 41))


def test_two_relays_at_once_do_no_harm(desk: Desk, server: Program) -> None:
    relays = [desk.relay(server) for _ in range(2)]
    for _ in range(30):
        desk.append(10)
        for relay in relays:
            relay.wake()
    until(lambda: any(relay.position == 300 for relay in relays))
    for relay in relays:
        relay.stop()
    assert positions(server) == list(range(1, 301))


@pytest.mark.parametrize(
    "otherwise",
    [
        sa.update(relay_positions).values(journal="other"),
        sa.delete(events).where(events.c.position > 2),
        sa.update(events).where(events.c.position == 4).values(hash=bytes(32)),
    ],
    ids=["another", "restored", "changed"],
)
def test_a_stream_that_is_not_of_this_journal_is_left_alone(
    desk: Desk, server: Program, otherwise: sa.Executable
) -> None:
    desk.append(4)
    relay = desk.relay(server)
    until(lambda: relay.position == 4)
    relay.stop()
    with desk.database.write() as connection:
        connection.execute(otherwise)
    relay = desk.relay(server)
    until(lambda: relay.trouble is not None and "not in this journal" in relay.trouble)
    relay.stop()
    assert positions(server) == [1, 2, 3, 4]


def test_events_that_are_archived_are_left_out(desk: Desk, server: Program) -> None:
    desk.append(20)
    with desk.database.write() as connection:
        connection.execute(sa.delete(events).where(events.c.position <= 5))
    relay = desk.relay(server)
    until(lambda: relay.position == 20)
    relay.stop()
    with desk.database.write() as connection:
        connection.execute(sa.delete(events).where(events.c.position <= 10))
    relay = desk.relay(server)
    until(lambda: relay.trouble is None)
    desk.append(1)
    until(lambda: relay.position == 21)
    relay.stop()
    assert positions(server) == list(range(6, 22))


def test_without_the_lease_nothing_is_published(desk: Desk, server: Program) -> None:
    def check(_connection: sa.Connection) -> None:
        raise OSError("the lease is lost")

    desk.append(4)
    relay = desk.relay(server, check=check)
    until(lambda: relay.trouble is not None and "lease is lost" in relay.trouble)
    relay.stop()
    assert positions(server) == []


def test_a_server_that_is_not_there_is_told_and_waited_for(desk: Desk, server: Program) -> None:
    server.kill()
    desk.append(7)
    relay = desk.relay(server)
    until(lambda: relay.trouble is not None and "cannot be reached" in relay.trouble)
    until(lambda: relay.metrics.lag_events == 7)
    server.start()
    until(lambda: relay.position == 7)
    relay.stop()
    assert relay.trouble is None
