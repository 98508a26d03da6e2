"""Handlers of events: in order, once in effect, whatever fails on the way."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from uuid import UUID

import pytest
import sqlalchemy as sa
import structlog
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from servers import postgres_url
from traderbot.infra.delivery import handler_records as records
from traderbot.infra.delivery.bus import Bus, Handler, each
from traderbot.infra.delivery.handler_records import DEAD, RETRYING, WAITING, LostTurn
from traderbot.infra.events.journal import Meta, Recorded, read_all
from traderbot.infra.ids import new_id
from traderbot.infra.storage.database import Database
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.errors import TraderbotError
from traderbot.trading.deliveries import ATTEMPTS, BATCH, Deliveries
from traderbot.trading.streams import user_stream
from traderbot.trading.work import Work
from trading.rig import Rig

pytestmark = pytest.mark.integration

_done = sa.table("done", sa.column("position", sa.BigInteger), sa.column("stream", sa.Text))


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.time = 2_000_000_000_000_000

    def now(self) -> int:
        return self.time


class Stand:
    """A handler that writes down what it is given, and fails where it is told to."""

    def __init__(self, rig: Rig, **options: object) -> None:
        self.rig = rig
        self.clock = Clock()
        self.fails: set[str] = set()
        self.calls: list[list[int]] = []
        self.before: Callable[[], None] = lambda: None
        with rig.database.write() as connection:
            connection.execute(sa.text("CREATE TABLE IF NOT EXISTS done (position BIGINT, stream TEXT)"))
        self.bus = Bus(handlers=[Handler("notes", frozenset({e.PreferencesChanged}), self.handle)])
        self.registry = CollectorRegistry()
        self.options = options
        self.deliveries = self.new()

    def new(self) -> Deliveries:
        """Another runner, as after a restart or in another process."""
        return Deliveries(
            self.bus,
            self.rig.path,
            self.rig.database,
            self.clock,
            **self.options,  # type: ignore[arg-type]
        )

    def handle(self, connection: sa.Connection, recorded: Sequence[Recorded]) -> None:
        self.calls.append([one.position for one in recorded])
        self.before()
        for one in recorded:
            connection.execute(sa.insert(_done).values(position=one.position, stream=one.stream))
            if one.stream in self.fails:
                raise RuntimeError(f"cannot take {one.stream}")

    def say(self, *users: UUID) -> list[int]:
        """An event for each user; their positions."""
        first = self.rig.read(lambda connection: len(list(read_all(connection))))
        for user in users:
            self.rig.path.submit(Work(facts=[(user_stream(user), e.PreferencesChanged(user))]))
        return list(range(first + 1, first + 1 + len(users)))

    def run(self) -> None:
        """Rounds until there is nothing to do at once."""
        while self.deliveries.deliver()[0]:
            pass

    def later(self, seconds: int = 3600) -> None:
        self.clock.time += seconds * 1_000_000
        self.run()

    @property
    def done(self) -> list[int]:
        return self.rig.read(
            lambda connection: list(connection.execute(sa.select(_done.c.position)).scalars())
        )

    @property
    def aside(self) -> list[tuple[int, str]]:
        found = self.rig.read(lambda connection: records.page(connection, before=None, limit=100))
        return [(one.position, one.state) for one in reversed(found)]


@pytest.fixture
def stand(rig: Rig) -> Stand:
    return Stand(rig)


ANN, BEN = new_id(), new_id()


def test_each_event_is_handled_once_in_order_and_a_restart_goes_on_behind_it(stand: Stand) -> None:
    said = stand.say(ANN, BEN, ANN)
    stand.run()
    assert stand.done == said
    stand.deliveries = stand.new()
    more = stand.say(BEN)
    stand.run()
    assert stand.done == said + more


def test_only_events_of_its_types_are_given(stand: Stand) -> None:
    stand.rig.open()
    said = stand.say(ANN)
    stand.rig.open()
    stand.run()
    assert stand.calls == [said]
    assert stand.bus.standings(stand.rig.database, stand.clock.now())[0].behind == 0


def test_more_than_a_batch_is_handled_in_batches(rig: Rig) -> None:
    stand = Stand(rig)
    facts: list[tuple[str, e.Event]] = [(user_stream(ANN), e.PreferencesChanged(ANN))] * (BATCH + 5)
    rig.path.submit(Work(facts=facts))
    stand.run()
    assert [len(call) for call in stand.calls] == [BATCH, 5]
    assert stand.done == sorted(stand.done)
    assert len(stand.done) == BATCH + 5


def test_what_a_handler_wrote_is_gone_with_the_transaction_that_fails(stand: Stand) -> None:
    """As by a kill between the handler and the commit: neither its rows nor its place are there."""
    said = stand.say(ANN, BEN)

    def cut() -> None:
        raise KeyboardInterrupt

    stand.before = cut
    with pytest.raises(BaseException):  # noqa: B017 - whatever ends a process
        stand.run()
    assert stand.done == []
    stand.before = lambda: None
    stand.deliveries = stand.new()
    stand.run()
    assert stand.done == said


KILLED = """
import os, signal, sys
import sqlalchemy as sa
from traderbot.infra.delivery.bus import Bus, Handler
from traderbot.infra.clock import WallClock
from traderbot.infra.storage.database import Database
from traderbot.model.events import PreferencesChanged
from traderbot.trading.command_path import CommandPath
from traderbot.trading.deliveries import Deliveries

def handle(connection, recorded):
    for one in recorded:
        connection.execute(sa.text(f"INSERT INTO done VALUES ({one.position}, '{one.stream}')"))
    os.kill(os.getpid(), signal.SIGKILL)

database = Database(sys.argv[1])
bus = Bus(handlers=[Handler("notes", frozenset({PreferencesChanged}), handle)])
Deliveries(bus, CommandPath(database, WallClock()), database, WallClock()).deliver()
"""


def test_a_process_killed_between_the_handler_and_its_commit_leaves_nothing_and_misses_nothing(
    stand: Stand,
) -> None:
    (first,) = stand.say(ANN)
    stand.run()
    more = stand.say(BEN, ANN)
    url = stand.rig.database.url.render_as_string(hide_password=False)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    ended = subprocess.run([sys.executable, "-c", KILLED, url], env=environment, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    assert stand.done == [first]
    stand.deliveries = stand.new()
    stand.run()
    assert stand.done == [first, *more]


def test_an_event_that_fails_holds_up_its_own_stream_alone(stand: Stand) -> None:
    stand.fails.add(user_stream(ANN))
    first, second, third, fourth = stand.say(ANN, BEN, ANN, BEN)
    stand.run()
    assert stand.done == [second, fourth]
    assert stand.aside == [(first, RETRYING), (third, WAITING)]
    (fifth,) = stand.say(ANN)
    stand.run()
    assert stand.aside[-1] == (fifth, WAITING)
    stand.fails.clear()
    stand.deliveries = stand.new()  # what is to be tried again is on record
    stand.run()
    assert stand.done == [second, fourth]  # not due yet
    stand.later()
    assert stand.done == [second, fourth, first, third, fifth]
    assert stand.aside == []


def test_log_lines_of_a_handler_name_the_request_behind_the_event(stand: Stand) -> None:
    stand.fails.add(user_stream(ANN))
    meta = Meta("user:1", "together-1", request="request-1")
    stand.rig.path.submit(Work(facts=[(user_stream(ANN), e.PreferencesChanged(ANN))], meta=meta))
    bound: list[dict[str, object]] = []
    stand.before = lambda: bound.append(structlog.contextvars.get_contextvars())
    with capture_logs() as logs:
        stand.run()
    cause = {"request_id": "request-1", "correlation_id": "together-1", "handler": "notes"}
    assert cause.items() <= bound[0].items()
    (line,) = [line for line in logs if line["event"] == "event_put_aside"]
    assert cause.items() <= line.items()


def test_after_so_many_attempts_it_is_dead_and_its_stream_goes_on(stand: Stand) -> None:
    stand.fails.add(user_stream(ANN))
    (first,) = stand.say(ANN)
    for _ in range(ATTEMPTS + 2):
        stand.later()
    assert stand.aside == [(first, DEAD)]
    assert [first] == [position for call in stand.calls[1 : ATTEMPTS + 1] for position in call][:1]
    stand.fails.clear()
    (second,) = stand.say(ANN)
    stand.run()
    assert stand.done == [second]
    standing = stand.bus.standings(stand.rig.database, stand.clock.now())[0]
    assert (standing.dead, standing.behind) == (1, 0)


def test_commands_of_a_handler_are_in_its_transaction(rig: Rig) -> None:
    account_id = rig.open()
    fails = [True]

    def pause(connection: sa.Connection, one: Recorded) -> list[tuple[UUID, c.Command]]:
        if fails:
            return [(account_id, c.PauseTrading("x")), (new_id(), c.PauseTrading("no such account"))]
        return [(account_id, c.PauseTrading("x"))]

    bus = Bus(handlers=[Handler("pauses", frozenset({e.PreferencesChanged}), each(pause))])
    deliveries = Deliveries(bus, rig.path, rig.database, clock := Clock())
    rig.path.submit(Work(facts=[(user_stream(ANN), e.PreferencesChanged(ANN))]))
    deliveries.deliver()
    assert rig.load(account_id).halted is None
    fails.clear()
    clock.time += 3_600_000_000
    deliveries.deliver()
    assert rig.load(account_id).halted == "x"
    rig.check()


def test_the_fence_is_asked_in_the_transaction(rig: Rig) -> None:
    def fence(_connection: sa.Connection) -> None:
        raise TraderbotError("somebody else runs the handlers")

    stand = Stand(rig, fence=fence)
    stand.say(ANN)
    with pytest.raises(LostTurn):
        stand.run()
    assert stand.done == []


def test_the_thread_is_woken_by_commits(rig: Rig) -> None:
    stand = Stand(rig)
    rig.path.listen(lambda recorded: stand.deliveries.wake() if recorded else None)
    handled = threading.Event()
    stand.deliveries.listen(handled.set)
    stand.deliveries.start()
    said = stand.say(ANN)
    assert handled.wait(10)
    stand.deliveries.stop()
    assert stand.done == said


def test_of_two_runners_one_loses_and_nothing_is_done_twice() -> None:
    """Two processes on PostgreSQL believe that the handlers are theirs."""
    with postgres_url() as url:
        rigs = [Rig(Database(url)), Rig(Database(url))]
        stands = [Stand(rig) for rig in rigs]
        try:
            said = stands[0].say(ANN, BEN, ANN)
            for stand in stands:
                stand.deliveries._begin()
            stands[0].run()
            with pytest.raises(LostTurn):
                stands[1].run()
            assert stands[0].done == said
            stands[1].deliveries = stands[1].new()
            stands[1].run()
            assert stands[0].done == said
        finally:
            for rig in rigs:
                rig.close()
