"""Backtests for users: ask for one, look, cancel; and the slots that run them."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.engine import Connection

from traderbot.backtests import repository
from traderbot.backtests.jobs import Queue, Slot, lease_name
from traderbot.backtests.offered import strategy_of
from traderbot.backtests.repository import Backtest
from traderbot.backtests.requests import Order, Request
from traderbot.infra.clock import Clock
from traderbot.infra.database import Database, Writer
from traderbot.infra.duties import OnDuty
from traderbot.infra.ids import new_id
from traderbot.infra.leases import Leases
from traderbot.infra.settings import Settings
from traderbot.market.datasets import Instrument, dataset_name
from traderbot.model.errors import Conflict, InvalidValue, NotFound
from traderbot.model.rules import Rules

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TooManyBacktests(Conflict):
    """As many wait or run for this user as may at once."""

    code = "too_many_backtests"


class _Listed(msgspec.Struct, frozen=True):
    """What is needed of a data set's dataset.json."""

    instruments: tuple[Instrument, ...]
    first: date
    last: date


class Backtests:
    """The door to backtests. rules: those in force for a paper account, of which the fee is replaced."""

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

    def submit(self, user_id: UUID, request: Request) -> Backtest:
        """Queue a backtest, once all that can be known to be wrong with it is not. Errors: InvalidValue,
        NotFound, TooManyBacktests.
        """
        request.check_amounts()
        strategy_of(request.strategy, request.parameters)
        self._check_data(request)
        backtest_id, now, most = new_id(), self._clock.now(), self._settings.backtest_queue

        def add(connection: Connection) -> None:
            if repository.live_count(connection, user_id) >= most:
                raise TooManyBacktests(f"{most} of your backtests wait or run; cancel one, or wait for it")
            repository.drop_oldest(connection, user_id)
            repository.add(connection, backtest_id, user_id, request, now)

        self._queue.write(add)
        self._queue.wake()
        return self.find(user_id, backtest_id)

    def find(self, user_id: UUID, backtest_id: UUID) -> Backtest:
        """One of a user's own. Errors: NotFound."""
        return self.find_all(user_id, [backtest_id])[0]

    def find_all(self, user_id: UUID, ids: list[UUID]) -> list[Backtest]:
        """These of a user's own, in this order. Errors: NotFound."""
        with self._database.read() as connection:
            found = {one.id: one for one in repository.find_several(connection, user_id, ids)}
        if len(found) < len(set(ids)):
            raise NotFound("No such backtest.")
        return [found[one] for one in ids]

    def curve(self, user_id: UUID, backtest_id: UUID) -> Any:
        """Its curve. Errors: NotFound; Conflict where it is not done."""
        return self._part(repository.curve_of, user_id, backtest_id)

    def trades(self, user_id: UUID, backtest_id: UUID) -> Any:
        """Its round trips. Errors: NotFound; Conflict where it is not done."""
        return self._part(repository.trades_of, user_id, backtest_id)

    def cancel(self, user_id: UUID, backtest_id: UUID) -> Backtest:
        """End it at once. Errors: NotFound; Conflict where it is over."""
        now = self._clock.now()
        if not self._queue.write(lambda c: repository.cancel(c, user_id, backtest_id, now)):
            raise Conflict(f"it is {self.find(user_id, backtest_id).status} already")
        self._queue.kill(backtest_id)
        return self.find(user_id, backtest_id)

    def remove(self, user_id: UUID, backtest_id: UUID) -> None:
        """End it and forget it. Errors: NotFound."""
        if not self._queue.write(lambda c: repository.remove(c, user_id, backtest_id)):
            raise NotFound("No such backtest.")
        self._queue.kill(backtest_id)

    def _part(self, query: Callable[..., Any], user_id: UUID, backtest_id: UUID) -> Any:
        with self._database.read() as connection:
            found = query(connection, user_id, backtest_id)
        if found is None:
            raise Conflict(f"it is {self.find(user_id, backtest_id).status}; this is there once it is done")
        return found

    def _check_data(self, request: Request) -> None:
        """Errors: InvalidValue naming data, symbols, start or end."""
        try:
            listed = msgspec.json.decode((self._folder(request) / "dataset.json").read_bytes(), type=_Listed)
        except (OSError, msgspec.MsgspecError):
            raise InvalidValue("data", "a data set of this platform, such as demo", request.data) from None
        known = {one.symbol for one in listed.instruments}
        for symbol in request.symbols:
            if symbol not in known:
                raise InvalidValue("symbols", f"instruments of {request.data}, such as {min(known)}", symbol)
        if len(set(request.symbols)) < len(request.symbols):
            raise InvalidValue("symbols", "each instrument once")
        span = f"a time from {listed.first} to {listed.last}, the days of {request.data}"
        if request.start is not None and _date(request.start) > listed.last:
            raise InvalidValue("start", span)
        if request.end is not None and _date(request.end) < listed.first:
            raise InvalidValue("end", span)

    def _folder(self, request: Request) -> Path:
        try:
            return self._settings.home / "data" / dataset_name(request.data)
        except InvalidValue as error:
            raise InvalidValue("data", error.expected) from None

    def _order_of(self, found: Backtest) -> Order:
        request, settings = found.request, self._settings
        rules = msgspec.structs.replace(self._rules, fee_rate=request.costs.fee_rate)
        return Order(
            request,
            rules,
            str(self._folder(request)),
            settings.backtest_memory_mb,
            settings.backtest_seconds,
        )


def _date(micros: int) -> date:
    return (_EPOCH + timedelta(microseconds=micros)).date()
