"""A database that goes away, cuts connections or crosses writers loses nothing and doubles nothing."""

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from servers import CannotRun, Postgres, postgres_url, shared_postgres
from soak.paths import Paths, Tail, paths_on
from soak.scenarios import ask_the_same, open_account, write_at_once
from traderbot.infra.migrations import migrate
from traderbot.infra.storage.database import Database
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.errors import Unavailable
from traderbot.model.reasons import Reason
from traderbot.trading import tables as t
from traderbot.trading.command_path import CommandPath
from traderbot.trading.work import Idempotency, Work
from trading.rig import SESSION, D, StillMarket, check, order

pytestmark = pytest.mark.integration


@pytest.fixture
def url() -> Iterator[str]:
    with postgres_url() as url:
        yield url


@pytest.fixture
def on(url: str) -> Iterator[Paths]:
    with paths_on(url) as paths:
        yield paths


def test_64_writers_on_one_account_lose_no_update(url: str) -> None:
    found = write_at_once(url, writers=64, accounts=1, commands=1_000)
    assert found.wrong == []
    assert found.events == found.commands + 2


def test_a_reader_is_given_every_event_in_order_beside_slow_commits_and_rollbacks(url: str) -> None:
    found = write_at_once(url, writers=32, accounts=8, commands=600, paths=4, delay_s=0.01)
    assert found.wrong == []
    assert found.commands > 500


def test_of_100_equal_requests_at_once_by_two_paths_comes_one_order(url: str) -> None:
    assert ask_the_same(url, parallel=100, rounds=3).wrong == []


def test_a_halt_committed_by_one_path_is_seen_by_the_other_from_then_on(on: Paths) -> None:
    account_id = open_account(on.of(0))
    assert not on.of(1).submit(Work([(account_id, order("1"))])).refusals
    for version, halted in ((1, "stop"), (2, None), (3, "stop")):
        rules = e.RulesChanged({"version": version, "halted": halted})
        on.of(0).submit(Work(facts=[("rules", rules)]))
        outcome = on.of(1).submit(Work([(account_id, order("1"))]))
        reasons = [refusal.reason for refusal in outcome.refusals]
        assert reasons == ([Reason.PLATFORM_HALTED] if halted else [])
    check(on.databases[0])


def test_a_halt_waits_for_decisions_under_way_and_the_next_wait_for_it(on: Paths) -> None:
    """Also where there are no rules yet, so no row that could be held."""
    account_id = open_account(on.of(0))
    deciding, go_on = threading.Event(), threading.Event()

    def hold_up(_connection: object) -> None:
        deciding.set()
        go_on.wait(10)

    under_way = on.of(1).enqueue(Work([(account_id, order("1"))], job=hold_up))
    assert deciding.wait(10)
    halt = on.of(0).enqueue(Work(facts=[("rules", e.RulesChanged({"version": 1, "halted": "stop"}))]))
    time.sleep(0.1)
    assert not halt.done()
    go_on.set()
    assert not under_way.result(10).refusals
    halt.result(10)
    assert on.of(1).submit(Work([(account_id, order("1"))])).refusals


def test_both_paths_append_to_the_same_session_user_and_rules(on: Paths) -> None:
    for version in range(1, 9):
        facts: list[tuple[str, e.Event]] = [("rules", e.RulesChanged({"version": version}))]
        on.of(version).submit(Work(facts=facts))
    futures = [
        on.of(n).enqueue(Work(facts=[("rules", e.RulesChanged({"version": 9 + n}))])) for n in range(20)
    ]
    for future in futures:
        future.result(10)
    assert len(check(on.databases[0])) == 28


def test_one_account_is_opened_once_by_two_paths(on: Paths) -> None:
    opened = []
    for _ in range(10):
        account_id = order().order_id
        works = [Work([(account_id, c.OpenAccount(account_id, account_id, SESSION, "USD"))]) for _ in "ab"]
        futures = [on.of(n).enqueue(work) for n, work in enumerate(works)]
        opened.append(sum(future.exception(10) is None for future in futures))
    assert opened == [1] * 10
    check(on.databases[0])


def test_a_deadlock_is_tried_again(on: Paths) -> None:
    """Two works that lock the same accounts in opposite order, while neither knows beforehand."""
    first, second = open_account(on.of(0)), open_account(on.of(0))
    meet = threading.Barrier(2)
    tried: list[int] = []

    def crossing(mine: Any, other: Any) -> Work:
        def touch(_account: Any) -> list[c.Command]:
            tried.append(1)
            if len(tried) <= 2:
                meet.wait(10)
            work.plans.append((other, lambda _account: [c.DepositCash(D(1))]))
            return [c.DepositCash(D(1))]

        work = Work(plans=[(mine, touch)])
        return work

    futures = [on.of(n).enqueue(crossing(*pair)) for n, pair in enumerate(((first, second), (second, first)))]
    for future in futures:
        future.result(20)
    assert len(tried) > 2, "one of them was the victim"
    check(on.databases[0])


async def _flow(on: Paths, accounts: list[Any], stop: threading.Event) -> tuple[set[Any], int]:
    """Orders by many callers, each sent again under its key until it is answered. Returns: those
    acknowledged, and how often the answer was to come again.
    """
    acknowledged: set[Any] = set()
    turned_away = 0

    async def call(number: int) -> None:
        nonlocal turned_away
        while not stop.is_set():
            place = order("1")
            key = Idempotency(str(place.order_id), bytes(32))
            while True:
                try:
                    work = Work([(accounts[number % len(accounts)], place)], key=key)
                    outcome = await on.of(number).asubmit(work)
                except Unavailable:
                    turned_away += 1
                    await asyncio.sleep(0.05)
                    continue
                assert not outcome.refusals, outcome.refusals
                acknowledged.add(place.order_id)
                break

    await asyncio.gather(*(call(number) for number in range(12)))
    return acknowledged, turned_away


def _run_flow(on: Paths, trouble: Any) -> tuple[set[Any], int]:
    """The flow with some trouble in the middle of it; the journal must have every order once."""
    accounts = [open_account(on.of(0)) for _ in range(4)]
    stop = threading.Event()

    def make_trouble() -> None:
        time.sleep(0.3)
        trouble()
        time.sleep(0.3)
        stop.set()

    maker = threading.Thread(target=make_trouble)
    maker.start()
    acknowledged, turned_away = asyncio.run(_flow(on, accounts, stop))
    maker.join()
    placed = [x.event.order_id for x in check(on.databases[0]) if isinstance(x.event, e.OrderPlaced)]
    assert len(placed) == len(set(placed))
    assert set(placed) == acknowledged
    return acknowledged, turned_away


def test_cut_connections_lose_and_double_nothing(on: Paths) -> None:
    name = on.databases[0].url.database
    assert name is not None

    def cut() -> None:
        for _ in range(10):
            shared_postgres().terminate_backends(name)
            time.sleep(0.1)

    acknowledged, _ = _run_flow(on, cut)
    assert len(acknowledged) > 50


def test_a_server_that_is_away_for_a_while_loses_and_doubles_nothing() -> None:
    """A server of its own: it is stopped as by a crash, and started again."""
    try:
        server = Postgres(durable=True)
    except CannotRun as error:
        pytest.skip(f"PostgreSQL cannot be started here: {error}")
    try:
        url = server.url(server.create())
        database = Database(url)
        migrate(database)
        database.close()

        def restart() -> None:
            server.stop()
            time.sleep(2)
            server.start()

        with paths_on(url) as on:
            acknowledged, turned_away = _run_flow(on, restart)
        assert len(acknowledged) > 50
        assert turned_away > 10, "callers are told quickly, not kept waiting"
    finally:
        server.close()


class Proxied:
    """A driver's connection whose COMMIT reaches the server, but whose answer is lost with the connection."""

    def __init__(self, database: Database) -> None:
        self.dialect = database.dialect
        self.real = self.dialect.do_commit
        self.dialect.do_commit = self.commit  # type: ignore[method-assign]

    def commit(self, connection: Any) -> None:
        self.dialect.do_commit = self.real  # type: ignore[method-assign]
        driver: psycopg.Connection[Any] = connection.driver_connection
        driver.pgconn.send_query(b"COMMIT")
        driver.pgconn.flush()
        driver.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")


def test_a_commit_whose_connection_dies_is_answered_as_it_ended(on: Paths) -> None:
    """The connection is gone while the server still works on the COMMIT: it is waited for, not guessed."""
    account_id = open_account(on.of(0))
    for _ in range(5):
        Proxied(on.databases[0])
        assert not on.of(0).submit(Work([(account_id, order("1"))])).refusals
    placed = [x for x in check(on.databases[0]) if isinstance(x.event, e.OrderPlaced)]
    assert len(placed) == 5


def test_a_commit_is_not_given_up_while_it_is_under_way(on: Paths) -> None:
    """The server is slow with a COMMIT whose connection is gone: the same request elsewhere waits for it."""
    account_id, path = open_account(on.of(0)), on.of(0)
    slow = sa.text(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$"
    )
    path.write(lambda connection: connection.execute(slow))
    trigger = "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON client_order_ids DEFERRABLE INITIALLY DEFERRED"
    path.write(
        lambda connection: connection.execute(sa.text(f"{trigger} FOR EACH ROW EXECUTE FUNCTION slow()"))
    )
    key = Idempotency("k", bytes(32))
    place = order("1")
    Proxied(on.databases[0])
    first = path.enqueue(Work([(account_id, place)], key=key))
    time.sleep(0.3)
    second = on.of(1).enqueue(Work([(account_id, place)], key=key))
    assert {first.result(10).replayed, second.result(10).replayed} == {False, True}
    with on.databases[0].read() as connection:
        assert len(list(connection.execute(sa.select(t.orders)))) == 1


def test_an_unreachable_database_is_said_at_once_and_to_everybody() -> None:
    gone = Database("postgresql://127.0.0.1:9/nothing")
    path = CommandPath(gone, StillClock())
    start = time.monotonic()
    futures = [path.enqueue(Work([(order().order_id, order("1"))])) for _ in range(50)]
    errors = [future.exception(10) for future in futures]
    assert time.monotonic() - start < 5
    assert {type(error).__name__ for error in errors} == {"DatabaseUnavailable"}
    assert {getattr(error, "retry_after_s", None) for error in errors} == {1}
    path.close()
    gone.close()


class StillClock:
    def now(self) -> int:
        return 1


def test_a_reader_goes_on_over_an_outage_of_its_connections(on: Paths) -> None:
    tail = Tail(on.databases[0])
    account_id = open_account(on.of(0))
    on.of(0).submit(Work([(account_id, order("1"))], markets={SESSION: StillMarket()}))
    assert tail.stop() == []
    assert len(tail.seen) == 3
