"""Leases: one suite for both databases. A process is an object with a database handle of its own."""

import threading
from collections.abc import Iterator

import pytest

from traderbot.infra.leases import Lease, LeaseLost, Leases, holder_name
from traderbot.infra.storage.database import Database

pytestmark = pytest.mark.integration
NAME = "session:1"
SHORT_S = 0.3


class Monotonic:
    """A process's own clock, which a test lets jump."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def other(database: Database) -> Iterator[Database]:
    """The same database as another process has it."""
    again = Database(database.url.render_as_string(hide_password=False))
    yield again
    again.close()


def taken(leases: Leases) -> Lease:
    lease = leases.acquire(NAME)
    assert lease is not None
    return lease


def check(database: Database, lease: Lease) -> None:
    with database.write() as connection:
        lease.check(connection)


def test_a_lease_has_one_holder_until_it_is_let_go(database: Database, other: Database) -> None:
    one, two = Leases(database, "one", 60), Leases(other, "two", 60)
    lease = taken(one)
    assert two.acquire(NAME) is None
    assert two.acquire("session:2") is not None, "another lease is another matter"
    found = two.find(NAME)
    assert found == ("one", True)
    check(database, lease)
    one.release(lease)
    assert not lease.held()
    assert two.find(NAME) == ("", False)
    next_one = taken(two)
    assert next_one.token == lease.token + 1
    for leases in (one, two):
        leases.close()
    assert one.find(NAME) == ("", False), "a clean end lets go"


def test_whoever_falls_silent_loses_it_and_is_refused_afterwards(database: Database, other: Database) -> None:
    silent, two = Leases(database, "one", SHORT_S), Leases(other, "two", 60)
    silent._keep = lambda: None  # type: ignore[method-assign]  # as if the process were stopped
    lease = taken(silent)
    waiting = threading.Event()
    while (successor := two.acquire(NAME)) is None:
        waiting.wait(0.02)
    assert successor.token == lease.token + 1
    with pytest.raises(LeaseLost, match=NAME):
        check(database, lease)
    assert not lease.held()
    check(other, successor)
    silent.renew()
    assert two.find(NAME) == ("two", True), "a renewal that comes late takes nothing back"
    two.close()


def test_it_is_renewed_as_long_as_its_holder_lives(database: Database, other: Database) -> None:
    one, two = Leases(database, "one", SHORT_S), Leases(other, "two", SHORT_S)
    lease = taken(one)
    waiting = threading.Event()
    for _ in range(15):
        waiting.wait(SHORT_S / 5)
        assert two.acquire(NAME) is None
        assert lease.held()
    one.close()


def test_of_many_that_race_one_wins(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    several = [Database(url) for _ in range(4)]
    processes = [Leases(one, f"process {number}", 60) for number, one in enumerate(several)]
    barrier, won = threading.Barrier(len(processes)), list[Lease]()

    def race(leases: Leases) -> None:
        barrier.wait(10)
        lease = leases.acquire(NAME)
        if lease is not None:
            won.append(lease)

    threads = [threading.Thread(target=race, args=(leases,)) for leases in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [lease.token for lease in won] == [1]
    for leases, one in zip(processes, several, strict=True):
        leases.close()
        one.close()


def test_nobody_takes_it_in_the_midst_of_a_transaction_that_has_asked(
    database: Database, other: Database
) -> None:
    """The successor waits for the transaction, so that nothing of the old holder's comes after it."""
    silent, two = Leases(database, "one", SHORT_S), Leases(other, "two", 60)
    silent._keep = lambda: None  # type: ignore[method-assign]
    lease = taken(silent)
    order: list[str] = []

    def succeed() -> None:
        waiting = threading.Event()
        while two.acquire(NAME) is None:
            waiting.wait(0.02)
        order.append("taken")

    thread = threading.Thread(target=succeed)
    with database.write() as connection:
        lease.check(connection)
        thread.start()
        thread.join(2 * SHORT_S)
        order.append("committed")
    thread.join(30)
    assert order == ["committed", "taken"]
    two.close()


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_jumps_moves_no_lease(database: Database, other: Database, jump: float) -> None:
    """Forwards, the holder takes it for lost, but nobody else gets it; backwards, it keeps nothing for
    longer than the database says.
    """
    mine, theirs = Monotonic(), Monotonic()
    one, two = Leases(database, "one", 60, monotonic=mine), Leases(other, "two", 60, monotonic=theirs)
    lease = taken(one)
    mine.now += jump
    theirs.now -= jump
    assert lease.held() is (jump < 0)
    assert two.acquire(NAME) is None
    check(database, lease)
    assert one.renew()
    assert lease.held()
    with database.roles.begin() as connection:
        connection.exec_driver_sql("UPDATE leases SET expires_at = 0")  # its time has run out
    assert two.acquire(NAME) is not None
    with pytest.raises(LeaseLost):
        check(database, lease)
    for leases in (one, two):
        leases.close()


def test_taking_ones_own_again_fences_what_was_taken_before(database: Database) -> None:
    one = Leases(database, "one", 60)
    first, second = taken(one), taken(one)
    assert (second.token, first.held(), second.held()) == (first.token + 1, False, True)
    with pytest.raises(LeaseLost):
        check(database, first)
    one.close()


def test_whoever_is_alone_takes_over_at_once_and_needs_no_renewal(database: Database) -> None:
    killed = taken(Leases(database, "killed", 3600, alone=True))
    own = Monotonic()
    alone = Leases(database, "next", 3600, alone=True, monotonic=own)
    lease = taken(alone)
    assert lease.token == killed.token + 1
    own.now += 10**9
    assert lease.held()
    assert alone._thread is None
    alone.close()


def test_a_database_that_is_gone_is_no_lease_lost_for_ever(database: Database) -> None:
    one = Leases(database, "one", 60)
    lease = taken(one)
    with database.roles.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE leases RENAME TO away")
    assert not one.renew()
    assert lease.held(), "its time has not run out yet"
    with database.roles.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO leases")
    assert one.renew()
    one.close()


def test_no_two_processes_have_one_name() -> None:
    assert holder_name("api").startswith("api.")
    assert holder_name("api") != holder_name("api")
    assert holder_name("") != holder_name("")
