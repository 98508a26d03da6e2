"""Backtests of users on a real database, each in a real process: limits, cancels, what a crash leaves."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa

from backtests.unruly import offer
from servers import KINDS, database_url
from traderbot.backtests.requests import Request
from traderbot.backtests.submitted import repository
from traderbot.backtests.submitted.repository import Backtest
from traderbot.backtests.submitted.service import Backtests, TooManyBacktests
from traderbot.backtests.submitted.tables import backtests
from traderbot.infra.clock import WallClock
from traderbot.infra.delivery.duties import OnDuty
from traderbot.infra.ids import new_id
from traderbot.infra.leases import Leases
from traderbot.infra.migrations import migrate
from traderbot.infra.settings import Settings
from traderbot.infra.storage.database import Database
from traderbot.market.demo import ensure_demo
from traderbot.model.account import AccountKind
from traderbot.model.errors import Conflict, InvalidValue, NotFound
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.trading.command_path import CommandPath

pytestmark = pytest.mark.integration

ADA, BOB = new_id(), new_id()
ASKED = Request(
    "moving-average",
    {"fast": 5, "slow": 20, "qty": 10},
    "demo",
    (Symbol("MSFT"),),
    None,
    None,
    Decimal(100_000),
    AccountKind.CASH,
    Decimal(1),
    Decimal(2),
    Decimal("0.1"),
)


def asked(**changed: Any) -> Request:
    return msgspec.structs.replace(ASKED, **changed)


@dataclass
class Desk:
    """What one process of the platform has of backtests."""

    database: Database
    service: Backtests
    leases: Leases
    duties: list[OnDuty] = field(default_factory=list)

    def start(self) -> None:
        self.duties = self.service.duties(self.leases)
        for duty in self.duties:
            duty.start()

    def submit(self, user: UUID, request: Request) -> Backtest:
        return self.service.submit(user, request).backtest

    def stop(self) -> None:
        for duty in self.duties:
            duty.stop()
        self.duties = []

    def until(self, backtest_id: UUID, wanted: Callable[[Backtest], bool], user: UUID = ADA) -> Backtest:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = self.service.find(user, backtest_id)
            if wanted(found):
                return found
            time.sleep(0.02)
        raise AssertionError(f"still {found}")

    def over(self, backtest_id: UUID, user: UUID = ADA) -> Backtest:
        return self.until(backtest_id, lambda one: one.status not in ("queued", "running"), user)


@contextmanager
def desk(url: str, home: Path, holder: str = "here", **changed: Any) -> Iterator[Desk]:
    """A desk on this database."""
    database = Database(url)
    migrate(database)
    path = CommandPath(database, WallClock())
    leases = Leases(database, holder, 3, alone=not database.shared)
    settings = Settings(home=home, **changed)
    found = Desk(database, Backtests(settings, database, path, WallClock(), Rules()), leases)
    try:
        yield found
    finally:
        found.stop()
        leases.close()
        path.close()
        database.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("home")
    ensure_demo(made)
    return made


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with database_url(request.param, tmp_path) as found:
        yield found


@pytest.fixture
def unruly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "path").mkdir()
    offer(monkeypatch, tmp_path / "path")


def test_a_backtest_waits_runs_and_has_its_results(url: str, home: Path) -> None:
    with desk(url, home) as here:
        changes: list[int] = []
        here.service.listen(lambda: changes.append(1))
        submitted = here.submit(ADA, ASKED)
        assert (submitted.status, submitted.progress, submitted.request) == ("queued", 0.0, ASKED)
        with pytest.raises(Conflict, match="once it is done"):
            here.service.curve(ADA, submitted.id)
        here.start()
        found = here.over(submitted.id)
        assert (found.status, found.error, found.progress, found.attempts) == ("done", None, 1.0, 1)
        assert found.created_at <= (found.started_at or 0) <= (found.finished_at or 0)
        assert found.summary is not None
        curve, trades = here.service.curve(ADA, found.id), here.service.trades(ADA, found.id)
        assert len(curve["times"]) == len(curve["equity"]) == found.summary["steps"]
        assert f"{curve['equity'][-1]:.2f}" == f"{Decimal(found.summary['equity']):.2f}"
        assert len(trades) == found.summary["trades"] > 10
        assert len(changes) >= 3


def test_nobody_else_sees_cancels_or_removes_it(url: str, home: Path) -> None:
    with desk(url, home) as here:
        mine = here.submit(ADA, ASKED).id
        for call in (here.service.find, here.service.curve, here.service.cancel, here.service.remove):
            with pytest.raises(NotFound):
                call(BOB, mine)
        assert here.service.find(ADA, mine).status == "queued"
        here.service.remove(ADA, mine)
        with pytest.raises(NotFound):
            here.service.find(ADA, mine)


def test_as_many_as_are_set_wait_and_run_for_a_user(url: str, home: Path) -> None:
    with desk(url, home, backtest_queue=2) as here:
        first = here.submit(ADA, ASKED)
        here.submit(ADA, ASKED)
        with pytest.raises(TooManyBacktests, match="2 of your backtests"):
            here.submit(ADA, ASKED)
        here.submit(BOB, ASKED)
        assert here.service.cancel(ADA, first.id).status == "cancelled"
        here.submit(ADA, ASKED)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"strategy": "my_strategy.py"}, "strategy"),
        ({"parameters": {"fast": 0}}, "parameters.fast"),
        ({"parameters": {"quick": 2}}, "parameters.quick"),
        ({"data": "nowhere"}, "data"),
        ({"data": "../demo"}, "data"),
        ({"symbols": (Symbol("TSLA"),)}, "symbols"),
        ({"symbols": (Symbol("IBM"), Symbol("IBM"))}, "symbols"),
        ({"start": 10, "end": 10}, "end"),
        ({"start": 2_000_000_000_000_000}, "start"),
        ({"end": 0}, "end"),
        ({"cash": Decimal(0)}, "cash"),
        ({"fee_bps": Decimal(-1)}, "fee_bps"),
        ({"participation": Decimal(0)}, "participation"),
    ],
)
def test_what_cannot_be_run_is_refused_by_its_field(
    tmp_path: Path, home: Path, changed: dict[str, Any], field: str
) -> None:
    with desk(f"sqlite:///{tmp_path / 'here.db'}", home) as here:
        with pytest.raises(InvalidValue) as caught:
            here.submit(ADA, asked(**changed))
        assert caught.value.field == field


@pytest.mark.usefixtures("unruly")
@pytest.mark.parametrize(
    ("strategy", "limits", "error"),
    [
        ("loops", {"backtest_seconds": 1}, "stopped after 1 s"),
        ("dawdles", {"backtest_seconds": 1}, "stopped after 1 s"),
        ("eats", {"backtest_memory_mb": 200}, "eats needs more than 200 MB of memory"),
        ("raises", {}, "ZeroDivisionError: division by zero"),
        ("dies", {}, "the process ended by SIGKILL"),
    ],
)
def test_what_gets_out_of_hand_ends_alone(
    tmp_path: Path, home: Path, strategy: str, limits: dict[str, Any], error: str
) -> None:
    with desk(f"sqlite:///{tmp_path / 'here.db'}", home, **limits) as here:
        here.start()
        bad = here.submit(ADA, asked(strategy=strategy, parameters={}))
        found = here.over(bad.id)
        assert found.status == "failed"
        assert error in (found.error or "")
        if strategy == "raises":
            assert "raises, unruly.py line" in (found.error or "")
            good = here.submit(ADA, ASKED)  # the slot goes on
            assert here.over(good.id).status == "done"


@pytest.mark.usefixtures("unruly")
def test_a_cancel_ends_the_process_at_once(url: str, home: Path) -> None:
    with desk(url, home) as here:
        here.start()
        slow = here.submit(ADA, asked(strategy="dawdles", parameters={}))
        here.until(slow.id, lambda one: one.progress > 0)
        process = here.service._queue._running[slow.id]
        assert here.service.cancel(ADA, slow.id).status == "cancelled"
        process._process.wait(10)
        with pytest.raises(Conflict, match="cancelled already"):
            here.service.cancel(ADA, slow.id)
        good = here.submit(ADA, ASKED)
        assert here.over(good.id).status == "done"
        assert here.service.find(ADA, slow.id).status == "cancelled"


@pytest.mark.usefixtures("unruly")
def test_a_stop_in_good_order_has_it_wait_for_the_next_start(url: str, home: Path) -> None:
    with desk(url, home) as here:
        here.start()
        slow = here.submit(ADA, asked(strategy="dawdles", parameters={}))
        here.until(slow.id, lambda one: one.status == "running")
        here.stop()
        found = here.service.find(ADA, slow.id)
        assert (found.status, found.attempts, found.progress) == ("queued", 0, 0.0)


def test_what_a_crash_left_is_taken_up_once_and_then_failed(url: str, home: Path) -> None:
    with desk(url, home) as here:
        once, twice, gone = (here.submit(ADA, ASKED) for _ in range(3))
        for one, attempts, slot in ((once, 0, 0), (twice, 1, 0), (gone, 0, 7)):
            left = one._replace(attempts=attempts)
            assert here.service._queue.write(lambda c, f=left, s=slot: repository.take(c, f, s, 1))
        here.start()
        assert here.over(once.id).attempts == 2
        assert here.over(once.id).status == "done"
        assert here.over(twice.id).error == "the platform stopped twice while it ran"
        assert here.over(gone.id).status == "done"


@pytest.mark.usefixtures("unruly")
def test_of_two_platforms_one_runs_it_and_either_cancels(tmp_path: Path, home: Path) -> None:
    with (
        database_url("postgresql", tmp_path) as url,
        desk(url, home, "one") as one,
        desk(url, home, "two") as two,
    ):
        one.start()
        two.start()
        slow = two.submit(ADA, asked(strategy="dawdles", parameters={}))
        one.until(slow.id, lambda found: found.progress > 0)
        running = [here for here in (one, two) if here.service._queue._running]
        assert len(running) == 1
        other = two if running == [one] else one
        other.service.cancel(ADA, slow.id)
        deadline = time.monotonic() + 20
        while running[0].service._queue._running:
            assert time.monotonic() < deadline, "it runs on"
            time.sleep(0.02)
        done = [other.submit(ADA, ASKED).id for _ in range(3)]
        assert {one.over(each).attempts for each in done} == {1}


def test_users_take_turns_and_the_oldest_results_go(url: str, home: Path) -> None:
    with desk(url, home) as here:
        first, second = (here.submit(ADA, ASKED) for _ in range(2))
        bobs = here.submit(BOB, ASKED)

        def taken(connection: sa.Connection) -> UUID:
            found = repository.next_waiting(connection)
            assert found is not None
            assert repository.take(connection, found, 0, 1)
            return found.id

        assert [here.service._queue.write(taken) for _ in range(3)] == [first.id, bobs.id, second.id]

        def over(connection: sa.Connection) -> None:
            connection.execute(sa.update(backtests).values(status="failed"))
            for _ in range(repository.KEPT):
                repository.add(connection, new_id(), ADA, ASKED, 1)
            connection.execute(sa.update(backtests).values(status="failed"))

        here.service._queue.write(over)
        here.submit(ADA, ASKED)
        with here.database.read() as connection:
            kept = repository.page(connection, ADA, limit=500, before=None, status="failed")
        assert len(kept) == repository.KEPT
        assert {first.id, second.id} & {one.id for one in kept} == set()
        assert here.service.find(BOB, bobs.id).status == "failed"
