"""The command path: one writer takes the waiting work, decides it in memory, commits it together and answers.

Work that waits while a commit is under way goes into the next one (group commit), so the cost of a durable
commit is shared. A failed transaction is rolled back, everything remembered is dropped, and its works run one
by one, so that a bad one takes nobody along; one that another process crossed is tried again as it is. A
COMMIT that fails has an unknown outcome: it is settled by asking the database for its last event.
"""

import asyncio
import concurrent.futures
import queue
import secrets
import threading
import time
from collections.abc import Callable
from itertools import groupby
from typing import TypeVar
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Transaction

from traderbot.engine.market import Market
from traderbot.infra.clock import Clock
from traderbot.infra.events.journal import Recorded, StreamMoved
from traderbot.infra.logs import caused_by
from traderbot.infra.storage.database import Database, DatabaseUnavailable, Trouble
from traderbot.model.errors import TraderbotError, Unavailable
from traderbot.trading.batch import AccountFailed, Batch, NoMarket, Reactions
from traderbot.trading.memory import Memory
from traderbot.trading.unsettled import Unsettled
from traderbot.trading.watching import Committed, PathWatch, Unwatched
from traderbot.trading.work import Outcome, Work

__all__ = ["AccountFailed", "CommandPath", "NoMarket", "OutcomeUnknown"]

T = TypeVar("T")
BATCH_MAX = 256
IDLE_SECONDS = 1.0  # without work for this long, the writer tidies up the write-ahead log
_log = structlog.get_logger()


ATTEMPTS = 8  # of a transaction that other writers cross; the pauses between them add up to half a second
FIRST_PAUSE_S = 0.002
BREATHER_S = 0.5  # after the database could not be reached, works are turned away for this long
_UNKNOWN = "The commit failed and its outcome is unknown; send the same request again to learn it."


class OutcomeUnknown(Unavailable):
    """The commit failed and the database could not say whether it happened; the work was not tried again.
    Whoever sends it again under the same key gets this answer until the database has said it.
    """

    code = "outcome_unknown"
    retry_after_s = 1


class _Unreachable(Exception):  # noqa: N818 - what it says
    """There is no connection to be had."""


class CommandPath:
    """The one writer of a process. `submit` and `asubmit` are safe from any thread and any event loop."""

    def __init__(self, database: Database, clock: Clock, reactions: Reactions | None = None) -> None:
        self._reactions = reactions or {}
        self._memory = Memory(database)
        self._clock = clock
        self._database = database
        self._connection: Connection | None = None
        self._unsettled: list[Unsettled] = []
        self._unreachable_until = 0.0
        self._waiting: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._listeners: list[Callable[[list[Recorded]], None]] = []
        self.watch: PathWatch = Unwatched()
        self._told: list[Callable[[], None]] = []
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._write, name="command-path", daemon=True)
        self._thread.start()

    @property
    def markets(self) -> dict[UUID, Market]:
        """The market of each session that runs here, as of the last commit."""
        return self._memory.markets

    @property
    def waiting(self) -> int:
        """Works that wait for the writer."""
        return self._waiting.qsize()

    def listen(self, listener: Callable[[list[Recorded]], None]) -> None:
        """Have the listener called in the writer's thread after every commit with its events; it must be
        quick.
        """
        self._listeners.append(listener)

    def acknowledging(self, call: Callable[[], None]) -> None:
        """Have this called in the writer's thread before it answers by what listeners may not have heard of:
        an answer on record of another process, or a commit whose outcome was unknown.
        """
        self._told.append(call)

    def enqueue(self, work: Work) -> "concurrent.futures.Future[Outcome]":
        """Hand work over; the future is done when it is committed. Errors: Unavailable after `close`."""
        future: concurrent.futures.Future[Outcome] = concurrent.futures.Future()
        future.set_running_or_notify_cancel()  # it can no longer be cancelled: what was handed over is done
        work.future = future
        self._put(work)
        return future

    def submit(self, work: Work) -> Outcome:
        """Hand work over and wait until it is committed or refused."""
        return self.enqueue(work).result()

    async def asubmit(self, work: Work) -> Outcome:
        """As `submit`, for an event loop; cancelling the caller does not cancel the work."""
        work.loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = work.loop.create_future()
        work.future = future
        self._put(work)
        return await future

    def write(self, job: Callable[[Connection], T]) -> T:
        """Run a job in a transaction of the writer and wait for its commit."""
        result: T = self.submit(Work(job=job)).result
        return result

    def close(self) -> None:
        """Commit what waits, then stop. Later work is refused."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._waiting.put(None)
        self._thread.join()

    def _put(self, work: Work) -> None:
        with self._closing:
            if self._closed:
                raise Unavailable("traderbot is stopping; nothing was done")
            work.handed_over = time.perf_counter()
            self._waiting.put(work)

    def _write(self) -> None:
        stopping = False
        while not stopping:
            first = self._next()
            works: list[Work] = []
            stopping = first is None
            if first is not None:
                works.append(first)
                stopping = self._drain(works)
            if works:
                self._commit_or_tell(works)
                _answer(works)
        self._disconnect()

    def _next(self) -> Work | None:
        """Wait for work; None is the end. When none comes for a while, use the time to tidy up."""
        try:
            return self._waiting.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            if self._connection is not None:
                self._database.tidy(self._connection)
            return self._waiting.get()

    def _drain(self, works: list[Work]) -> bool:
        """Take what else is waiting; true if the end was among it."""
        while len(works) < BATCH_MAX:
            try:
                work = self._waiting.get_nowait()
            except queue.Empty:
                return False
            if work is None:
                return True
            works.append(work)
        return False

    def _commit_or_tell(self, works: list[Work]) -> None:
        """Commit; a fault of the path itself is told to whoever waits, who would else wait for ever."""
        try:
            self._commit(works)
        except Exception as error:  # noqa: BLE001 - the edge of the writer's loop
            _log.error("writer_failed", error=repr(error), exc_info=error)
            self._memory.forget()
            for work in works:
                work.answer = work.answer or OutcomeUnknown(_UNKNOWN)

    def _commit(self, works: list[Work]) -> None:
        """Run the works in one transaction; if it fails, each in its own, as those that ask for it."""
        if len(works) > 1 and any(work.alone for work in works):
            for alone, group in groupby(works, key=lambda work: work.alone):
                for part in [[work] for work in group] if alone else [list(group)]:
                    self._commit(part)
            return
        if self._unsettled:
            self._settle_earlier()
            works = self._without_unsettled(works)
        error = self._attempt(works) if works else None
        if error is None:
            return
        if len(works) > 1 and not isinstance(error, OutcomeUnknown | _Unreachable):
            for work in works:
                self._commit([work])
            return
        if isinstance(error, _Unreachable) or self._database.trouble(error) is not Trouble.OTHER:
            _log.error("database_failed", error=str(getattr(error, "orig", error)), **_cause(works))
            error = DatabaseUnavailable("The database cannot be written; nothing was done. Try again later.")
        elif not isinstance(error, TraderbotError):
            _log.error("work_failed", error=repr(error), **_cause(works))
        self.watch.failed(len(works))
        for work in works:
            work.answer = error

    def _attempt(self, works: list[Work]) -> BaseException | None:
        """One transaction; again, from what is on record, where another writer or a lost connection was in
        the way. Gives back what it failed by.
        """
        for attempt in range(ATTEMPTS):
            began_at, began = self._clock.now(), time.perf_counter()
            try:
                batch = self._transact(works)
            except BaseException as error:  # noqa: BLE001 - the edge of the writer's loop: answered, never lost
                self._memory.forget()
                if not self._worth_another(error, attempt):
                    return error
            else:
                seconds, waited = time.perf_counter() - began, max(0.0, began - works[0].handed_over)
                self._publish(batch, works)
                self._report(Committed(works, batch.appends.recorded, began_at, seconds, waited))
                return None
            self.watch.retried()
            time.sleep(FIRST_PAUSE_S * 2**attempt * (1 + secrets.randbelow(1000) / 1000))
        raise AssertionError("the last attempt returns")

    def _worth_another(self, error: BaseException, attempt: int) -> bool:
        """Whether the same works may go through when they are tried again."""
        if isinstance(error, OutcomeUnknown | _Unreachable):
            return False
        trouble = self._database.trouble(error)
        if trouble is Trouble.LOST:  # whatever hung on the connection is gone, and nothing was committed
            return attempt == 0
        crossed = trouble is Trouble.CONFLICT or (self._database.shared and isinstance(error, StreamMoved))
        return crossed and attempt < ATTEMPTS - 1

    def _connect(self) -> Connection:
        """The writer's connection. Errors: _Unreachable, for a moment after a failure without a new try, so
        that many works do not wait one after the other.
        """
        if self._connection is None:
            if time.monotonic() < self._unreachable_until:
                raise _Unreachable("the database could not be reached a moment ago")
            try:
                self._connection = self._database.writer.connect()
            except sa.exc.SQLAlchemyError as error:
                self._unreachable_until = time.monotonic() + BREATHER_S
                raise _Unreachable(str(getattr(error, "orig", error))) from error
        return self._connection

    def _transact(self, works: list[Work]) -> Batch:
        """One transaction, committed when this returns."""
        connection = self._connect()
        try:
            transaction = connection.begin()
            batch = Batch(self._memory, connection, self._clock.now(), works, self._reactions)
            for work in works:
                work.answer = batch.run(work)
            batch.flush()
        except TraderbotError:
            self._roll_back(transaction)
            raise
        except BaseException:
            self._disconnect()
            raise
        try:
            transaction.commit()
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the outcome is looked up
            self._settle(Unsettled(batch, works), error)
        return batch

    def _roll_back(self, transaction: Transaction) -> None:
        """Undo the work and keep the connection, unless that is gone too."""
        try:
            transaction.rollback()
        except sa.exc.SQLAlchemyError:
            self._disconnect()

    def _settle(self, commit: Unsettled, error: Exception) -> None:
        """Find out whether a failed COMMIT committed. Errors: the commit's own, if it did not;
        OutcomeUnknown.
        """
        _log.error("commit_failed", error=repr(error))
        self._disconnect()
        if not commit.can_be_settled:
            raise OutcomeUnknown(_UNKNOWN) from error
        try:
            committed = commit.committed(self._database)
        except Exception as failure:
            self._unsettled.append(commit)
            raise OutcomeUnknown(_UNKNOWN) from failure
        if not committed:
            raise error

    def _settle_earlier(self) -> None:
        """Ask again for the commits that nobody could tell the outcome of, as far as it can be told now."""
        while self._unsettled:
            try:
                self._connect()
                committed = self._unsettled[0].committed(self._database)
            except Exception as error:  # noqa: BLE001 - as unknown as before
                _log.warning("commit_still_unknown", error=repr(error))
                return
            self._unsettled.pop(0)
            _log.warning("commit_settled", committed=committed)
            if committed:
                self._tell()

    def _without_unsettled(self, works: list[Work]) -> list[Work]:
        """Answer the works that an unknown commit may have done already; gives back the others."""
        others = []
        for work in works:
            if any(commit.concerns(work) for commit in self._unsettled):
                work.answer = OutcomeUnknown(_UNKNOWN)
            else:
                others.append(work)
        return others

    def _disconnect(self) -> None:
        """Give up the connection and with it any transaction left open; the next work opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _publish(self, batch: Batch, works: list[Work]) -> None:
        batch.publish()
        for listener in self._listeners:
            try:
                listener(batch.appends.recorded)
            except Exception as error:  # noqa: BLE001 - a listener's fault must not undo a commit
                _log.error("listener_failed", error=repr(error))
        if any(isinstance(work.answer, Outcome) and work.answer.replayed for work in works):
            self._tell()

    def _tell(self) -> None:
        for call in self._told:
            try:
                call()
            except Exception as error:  # noqa: BLE001 - as of listeners
                _log.error("listener_failed", error=repr(error))

    def _report(self, transaction: Committed) -> None:
        try:
            self.watch.committed(transaction)
        except Exception as error:  # noqa: BLE001 - counting must not undo a commit
            _log.error("watch_failed", error=repr(error))


def _cause(works: list[Work]) -> dict[str, str]:
    """Which request a log line is about, where it is about one."""
    return caused_by(works[0].meta) if len(works) == 1 else {}


def _answer(works: list[Work]) -> None:
    """Resolve the futures; those of one event loop with one wake-up."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Work]] = {}
    for work in works:
        if work.loop is not None:
            by_loop.setdefault(work.loop, []).append(work)
        elif work.future is not None:
            _resolve(work)
    for loop, group in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve_all, group)
        except RuntimeError:  # the loop is gone, and with it everybody who waited
            _log.warning("answer_undeliverable", works=len(group))


def _resolve_all(works: list[Work]) -> None:
    for work in works:
        _resolve(work)


def _resolve(work: Work) -> None:
    future, answer = work.future, work.answer
    if future is None or future.done():
        return
    if isinstance(answer, BaseException):
        future.set_exception(answer)
    elif answer is not None:
        future.set_result(answer)
