"""Backtests for users: ask for one, look, cancel; and the slots that run them."""

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.engine import Connection

from traderbot.backtests.requests import LIVE, Kind, Order, Request, Status, Sweep, Task, Validation
from traderbot.backtests.submitted import keys, repository
from traderbot.backtests.submitted.datasets import DataOffer, check_data, data_offers, folder_of
from traderbot.backtests.submitted.grids import check_size, check_sweep
from traderbot.backtests.submitted.jobs import Queue, Slot, lease_name
from traderbot.backtests.submitted.offered import strategy_of
from traderbot.backtests.submitted.repository import Backtest
from traderbot.infra.clock import Clock
from traderbot.infra.delivery.duties import OnDuty
from traderbot.infra.ids import new_id
from traderbot.infra.leases import Leases
from traderbot.infra.settings import Settings
from traderbot.infra.storage.database import Database, Writer
from traderbot.model.errors import Conflict, NotFound
from traderbot.model.rules import Rules
from traderbot.trading.work import Idempotency


class TooManyBacktests(Conflict):
    """As many wait or run for this user as may at once."""

    code = "too_many_backtests"


_NO_SUCH: dict[Kind, str] = {
    "backtest": "No such backtest.",
    "validation": "It was not validated.",
    "sweep": "No such sweep.",
}


class Submitted(NamedTuple):
    """What was queued. replayed: for an earlier, equal request under the same key."""

    backtest: Backtest
    replayed: bool


class _New(NamedTuple):
    """What is to be queued."""

    request: Request
    kind: Kind
    parent_id: UUID | None
    task: Task | None

    def queued(self, user_id: UUID, made: keys.Made) -> Backtest:
        """As it is when it was just queued, which is the answer also where it is asked for again."""
        waiting: Status = "queued"
        row = made.id, user_id, waiting, self.request, 0.0, 0, None, made.at, None, None, None, None
        return Backtest(*row, kind=self.kind, parent_id=self.parent_id, task=self.task)


class Backtests:
    """The door to backtests. rules: those in force for a paper account, of which the fees are replaced."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        writer: Writer,
        clock: Clock,
        rules: Rules,
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._rules = rules
        self._queue = Queue(
            database, writer, clock, self._order_of, settings.backtest_seconds, settings.backtest_jobs
        )

    def duties(self, leases: Leases) -> list[OnDuty]:
        """What runs them, a slot each."""

        def duty(slot: int) -> OnDuty:
            return OnDuty(leases, lease_name(slot), lambda lease: Slot(slot, lease, leases, self._queue))

        return [duty(slot) for slot in range(self._queue.slots)]

    def listen(self, follower: Callable[[], None]) -> None:
        """Have the follower called after every change made by this process; it must be quick."""
        self._queue.followers.append(follower)

    def submit(self, user_id: UUID, request: Request, key: Idempotency | None = None) -> Submitted:
        """Queue a backtest, once all that can be known to be wrong with it is not. Errors: InvalidValue,
        NotFound, TooManyBacktests, KeyReused.
        """
        self._check(request)
        return self._queued(user_id, _New(request, "backtest", None, None), key)

    def validate(
        self, user_id: UUID, backtest_id: UUID, task: Validation, key: Idempotency | None = None
    ) -> Submitted:
        """Queue the validation of a backtest that is done. Errors: NotFound, InvalidValue, TooManyBacktests,
        KeyReused; Conflict where it is not done, or is being validated.
        """
        task.check()
        found = self.find(user_id, backtest_id)
        if found.status != "done":
            raise Conflict(f"it is {found.status}; a backtest is validated once it is done")
        return self._queued(user_id, _New(found.request, "validation", backtest_id, task), key)

    def sweep(
        self, user_id: UUID, request: Request, task: Sweep, key: Idempotency | None = None
    ) -> Submitted:
        """Queue a sweep. Errors: InvalidValue, NotFound, TooManyBacktests, KeyReused."""
        request.check_amounts()
        check_sweep(request, task)
        check_size(request, task, check_data(self._settings.home, request))
        return self._queued(user_id, _New(request, "sweep", None, task), key)

    def find(self, user_id: UUID, backtest_id: UUID, kind: Kind = "backtest") -> Backtest:
        """One of a user's own. Errors: NotFound."""
        return self.find_all(user_id, [backtest_id], kind)[0]

    def find_all(self, user_id: UUID, ids: list[UUID], kind: Kind = "backtest") -> list[Backtest]:
        """These of a user's own, in this order. Errors: NotFound."""
        with self._database.read() as connection:
            found = {one.id: one for one in repository.find_several(connection, user_id, ids, kind)}
        if len(found) < len(set(ids)):
            raise NotFound(_NO_SUCH[kind])
        return [found[one] for one in ids]

    def validation(self, user_id: UUID, backtest_id: UUID) -> Backtest:
        """The validation of a backtest that was asked for last. Errors: NotFound."""
        self.find(user_id, backtest_id)
        with self._database.read() as connection:
            found = repository.newest_validation(connection, user_id, backtest_id)
        if found is None:
            raise NotFound(_NO_SUCH["validation"])
        return found

    def data_offers(self) -> list[DataOffer]:
        """The data sets that a request may name."""
        return data_offers(self._settings.home)

    def curve(self, user_id: UUID, backtest_id: UUID) -> Any:
        """Its curve. Errors: NotFound; Conflict where it is not done."""
        return self._part(repository.curve_of, user_id, backtest_id)

    def trades(self, user_id: UUID, backtest_id: UUID, kind: Kind = "backtest") -> Any:
        """Its round trips, the sets of a sweep. Errors: NotFound; Conflict where it is not done."""
        return self._part(repository.trades_of, user_id, backtest_id, kind)

    def report(self, user_id: UUID, backtest_id: UUID, kind: Kind = "backtest") -> bytes:
        """What its page is made from, JSON. Errors: NotFound; Conflict where it is not done."""
        found: bytes = self._part(repository.report_of, user_id, backtest_id, kind)
        return found

    def cancel(self, user_id: UUID, backtest_id: UUID, kind: Kind = "backtest") -> Backtest:
        """End it at once. Errors: NotFound; Conflict where it is over."""
        now = self._clock.now()
        if not self._queue.write(lambda c: repository.cancel(c, user_id, backtest_id, now, kind)):
            raise Conflict(f"it is {self.find(user_id, backtest_id, kind).status} already")
        self._queue.kill(backtest_id)
        return self.find(user_id, backtest_id, kind)

    def remove(self, user_id: UUID, backtest_id: UUID, kind: Kind = "backtest") -> None:
        """End it and forget it. Errors: NotFound."""
        if not self._queue.write(lambda c: repository.remove(c, user_id, backtest_id, kind)):
            raise NotFound(_NO_SUCH[kind])
        self._queue.kill(backtest_id)

    def _part(
        self, query: Callable[..., Any], user_id: UUID, backtest_id: UUID, kind: Kind = "backtest"
    ) -> Any:
        status = self.find(user_id, backtest_id, kind).status
        with self._database.read() as connection:
            found = query(connection, user_id, backtest_id)
        if status != "done" or found is None:
            raise Conflict(f"it is {status}; this is there once it is done")
        return found

    def _check(self, request: Request) -> None:
        """Errors: InvalidValue naming the field."""
        request.check_amounts()
        strategy_of(request.strategy, request.parameters)
        check_data(self._settings.home, request)

    def _queued(self, user_id: UUID, new: _New, key: Idempotency | None) -> Submitted:
        """Put it in the queue; what an earlier, equal request under the key put there is not put again."""
        made = keys.Made(new_id(), self._clock.now())

        def add(connection: Connection) -> keys.Made:
            earlier = None if key is None else keys.recall(connection, user_id, key)
            if earlier is not None:
                return earlier
            self._check_room(connection, user_id, new)
            if key is not None and not keys.remember(connection, user_id, key, made):
                return keys.recall(connection, user_id, key) or made  # of another process, just now
            repository.drop_oldest(connection, user_id, new.kind)
            if new.parent_id is not None:
                repository.drop_validations(connection, user_id, new.parent_id)
            repository.add(
                connection,
                made.id,
                user_id,
                new.request,
                made.at,
                kind=new.kind,
                parent_id=new.parent_id,
                task=new.task,
            )
            return made

        found = self._queue.write(add)
        self._queue.wake()
        return Submitted(new.queued(user_id, found), found != made)

    def _check_room(self, connection: Connection, user_id: UUID, new: _New) -> None:
        """Errors: TooManyBacktests; Conflict where the backtest is being validated."""
        most = self._settings.backtest_queue
        if repository.live_count(connection, user_id) >= most:
            raise TooManyBacktests(f"{most} of your backtests wait or run; cancel one, or wait for it")
        if new.parent_id is not None:
            before = repository.newest_validation(connection, user_id, new.parent_id)
            if before is not None and before.status in LIVE:
                raise Conflict("it is being validated already; cancel that, or wait for it")

    def _order_of(self, found: Backtest) -> Order:
        request, settings = found.request, self._settings
        fees = request.costs.rules
        rules = msgspec.structs.replace(
            self._rules,
            fee_rate=fees.fee_rate,
            fee_per_share=fees.fee_per_share,
            fee_minimum=fees.fee_minimum,
        )
        return Order(
            request,
            rules,
            str(folder_of(settings.home, request.data)),
            settings.backtest_memory_mb,
            settings.backtest_seconds,
            found.task,
        )
