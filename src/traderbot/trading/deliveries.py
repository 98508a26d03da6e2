"""Runs the handlers of the bus: reads the journal by position and gives each handler the events of its types.

What a handler writes and how far it has read are one work of the command path, so after a crash at any moment
an event is either done and behind it, or neither. Usually the works of all handlers share a transaction with
whatever else is being written. A batch that fails is done again event by event, each in a transaction of its
own; the event that fails then is put aside, and only its own stream waits for it.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from itertools import groupby
from typing import Any

import structlog
from prometheus_client import CollectorRegistry
from sqlalchemy.engine import Connection

from traderbot.infra.clock import Clock
from traderbot.infra.delivery import handler_records as records
from traderbot.infra.delivery.bus import Bus, Handler
from traderbot.infra.delivery.handler_records import DEAD, REPLAYING, RETRYING, WAITING, Aside, LostTurn
from traderbot.infra.events.journal import Meta, Recorded, StreamMoved, last_position, read
from traderbot.infra.logs import caused_by
from traderbot.infra.storage.backend import Trouble
from traderbot.infra.storage.database import Database
from traderbot.infra.traces import Traces
from traderbot.model.errors import TraderbotError, Unavailable
from traderbot.trading.command_path import CommandPath
from traderbot.trading.delivery_metrics import DeliveryMetrics
from traderbot.trading.work import Outcome, Work

BATCH = 500
ATTEMPTS = 5
BACKOFF_S = (1.0, 5.0, 30.0, 120.0)  # before the second try, the third, ...
POLL_S = 1.0  # without a wake-up, such as of commits of other processes
SETTLE_S = 5.0  # a place that moved over events of other types goes on record this often
_NOT_ITS_FAULT = (Unavailable, LostTurn, StreamMoved)
_MICROS = 1_000_000
_log = structlog.get_logger()

Fence = Callable[[Connection], object]


class HandlerFailed(TraderbotError):  # noqa: N818 - what happened, as the other errors say it
    """A handler raised; nothing of its work was committed."""

    code = "handler_failed"


class Deliveries:
    """The one runner of all handlers. `start` begins a thread; `deliver` is one round of it.

    fence: called in the transaction of every work; raises where this process is no longer the one to run the
    handlers. backoff_s: pauses between the attempts at an event.
    """

    def __init__(
        self,
        bus: Bus,
        path: CommandPath,
        database: Database,
        clock: Clock,
        *,
        registry: CollectorRegistry | None = None,
        fence: Fence | None = None,
        backoff_s: Sequence[float] = BACKOFF_S,
        traces: Traces | None = None,
    ) -> None:
        self._handlers = {handler.name: handler for handler in bus.handlers}
        self._path = path
        self._database = database
        self._clock = clock
        self._metrics = DeliveryMetrics(registry, list(self._handlers), traces)
        self._fence = fence
        self._backoff_s = backoff_s
        self._places: dict[str, int] | None = None  # how far each has read
        self._stored: dict[str, int] = {}  # and how far the database says so
        self._settled_at = 0
        self._followers: list[Callable[[], None]] = []
        self._woken = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def listen(self, follower: Callable[[], None]) -> None:
        """Have the follower called after handlers did something; it must be quick."""
        self._followers.append(follower)

    def under(self, fence: Fence) -> "Deliveries":
        """Run under this fence from the next start on, from where the database says that the handlers are."""
        self._fence, self._places = fence, None
        return self

    def wake(self) -> None:
        """Say that there may be new events; from any thread."""
        self._woken.set()

    def start(self) -> None:
        """Run the handlers in a thread, until `stop`."""
        if self._thread is None and self._handlers:
            self._stopping = False
            self._thread = threading.Thread(target=self._run, name="deliveries", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Finish the round under way, then stop."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping = True
            self._woken.set()
            thread.join()

    def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            more, pause = False, POLL_S
            try:
                more, pause = self.deliver()
            except Exception as error:  # noqa: BLE001 - the loop's edge
                self._places = None  # to be read again: nobody knows what of it is committed
                _log.warning("deliveries_interrupted", error=repr(error))
            if not more:
                self._woken.wait(pause)

    def deliver(self) -> tuple[bool, float]:
        """One round: what was put aside and is due again, then what is new. Gives back whether there may be
        more at once, and otherwise for how many seconds there is nothing to do without a wake-up.

        Errors: whatever kept a work from being committed that is no fault of its events.
        """
        if self._places is None:
            self._begin()
        assert self._places is not None
        with self._database.read() as connection:
            aside = records.to_be_done(connection)
            head = last_position(connection)
            found = {place: self._read(connection, place) for place in set(self._places.values())}
        due_in = self._again([letter for letter in aside if letter.handler in self._handlers])
        if aside:
            with self._database.read() as connection:
                aside = records.to_be_done(connection)
        held_up = {(letter.handler, letter.stream) for letter in aside if letter.state != REPLAYING}
        self._take_up(found, head, held_up)
        self._settle()
        self._metrics.behind({name: head - place for name, place in self._places.items()})
        more = any(place < head for place in self._places.values())
        return more, min(POLL_S, due_in)

    def _begin(self) -> None:
        """Learn from the database how far each handler has come; new ones begin."""
        names = list(self._handlers)
        self._path.write(lambda connection: records.begin(connection, names))
        with self._database.read() as connection:
            known = records.positions(connection)
        self._stored = {name: known[name] for name in names}
        self._places = dict(self._stored)

    def _read(self, connection: Connection, place: int) -> list[Recorded]:
        """The next events behind a place that the handlers standing there ask for."""
        assert self._places is not None
        asking = [self._handlers[name] for name, where in self._places.items() if where == place]
        types = sorted({kind.__name__ for handler in asking for kind in handler.types})
        return read(connection, after=place, limit=BATCH, types=types)

    def _take_up(self, found: Mapping[int, list[Recorded]], head: int, held_up: set[tuple[str, str]]) -> None:
        """Give every handler its next events; the works are handed over together, so that they may share a
        transaction.
        """
        assert self._places is not None
        under_way: list[tuple[Handler, list[Recorded], int, Future[Outcome]]] = []
        began = self._clock.now()
        for name, handler in self._handlers.items():
            events = found[self._places[name]]
            until = events[-1].position if len(events) == BATCH else max(head, self._places[name])
            own = [one for one in events if type(one.event) in handler.types]
            if own:
                work = self._work(handler, own, until, held_up)
                under_way.append((handler, own, until, self._path.enqueue(work)))
            else:
                self._places[name] = until
        failure: BaseException | None = None
        for handler, own, until, future in under_way:
            error = future.exception()
            if error is None:
                self._moved(handler.name, until)
                self._metrics.handled(handler.name, own, began, self._clock.now())
            elif isinstance(error, _NOT_ITS_FAULT):
                failure = error
            else:
                _log.warning("handler_batch_failed", handler=handler.name, events=len(own), error=repr(error))
                self._one_by_one(handler, own, until, held_up)
        if under_way:
            self.tell()
        if failure is not None:
            raise failure

    def _one_by_one(
        self, handler: Handler, own: list[Recorded], until: int, held_up: set[tuple[str, str]]
    ) -> None:
        """A batch that failed again, each event in a transaction of its own; what fails is put aside."""
        for number, one in enumerate(own, 1):
            place, began = until if number == len(own) else one.position, self._clock.now()
            try:
                self._path.submit(self._work(handler, [one], place, held_up, alone=True))
            except _NOT_ITS_FAULT:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a handler raises
                letter = self._failed(handler.name, one, 0, error)
                self._path.submit(self._put_aside(handler, letter, place))
                held_up.add((handler.name, one.stream))
            else:
                self._metrics.handled(handler.name, [one], began, self._clock.now())
            self._moved(handler.name, place)

    def _again(self, letters: Iterable[Aside]) -> float:
        """Try what was put aside and is due: of each stream the oldest first, those behind it once it is
        done. Gives back the seconds until the next is due.
        """
        due_in = POLL_S
        tried = False
        for name, own in groupby(letters, key=lambda letter: letter.handler):
            held_up: set[str] = set()
            for letter in own:
                if letter.state != REPLAYING and letter.stream in held_up:
                    continue
                left = (letter.next_try_at - self._clock.now()) / _MICROS
                if letter.state != WAITING and left > 0:
                    due_in = min(due_in, left)
                    if letter.state == RETRYING:
                        held_up.add(letter.stream)
                    continue
                tried = True
                if self._try_again(self._handlers[name], letter) == RETRYING:
                    held_up.add(letter.stream)
        if tried:
            self.tell()
        return due_in

    def _try_again(self, handler: Handler, letter: Aside) -> str | None:
        """One event put aside. Gives back its state from now on, None when it is handled."""
        with self._database.read() as connection:
            found = read(connection, after=letter.position - 1, limit=1)
        if not found or found[0].position != letter.position:
            lost = "its event is no longer in the journal"
            self._path.submit(
                self._work_of(handler, lambda c: records.change(c, letter, state=DEAD, error=lost))
            )
            return DEAD
        event, commands = found[0], Work(alone=True, meta=_meta_of(handler))

        def job(connection: Connection) -> None:
            self._check(connection)
            records.take(connection, letter)
            commands.commands[:] = self._handled(handler, connection, [event])

        commands.job, began = job, self._clock.now()
        try:
            self._path.submit(commands)
        except _NOT_ITS_FAULT:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a handler raises
            new = self._failed(handler.name, event, letter.attempts, error, again=letter.state != REPLAYING)
            changed = {name: getattr(new, name) for name in ("state", "attempts", "next_try_at", "error")}
            self._path.submit(self._work_of(handler, lambda c: records.change(c, letter, **changed)))
            return new.state
        self._metrics.handled(handler.name, [event], began, self._clock.now())
        return None

    def _failed(
        self, name: str, event: Recorded, attempts: int, error: Exception, *, again: bool = True
    ) -> Aside:
        """What is kept of an event that failed once more: it is tried again, or dead."""
        attempts += 1
        more = again and attempts < ATTEMPTS
        state = RETRYING if more else DEAD
        pause = self._backoff_s[min(attempts, len(self._backoff_s)) - 1] if more else 0
        due = self._clock.now() + int(pause * _MICROS)
        said = error.detail if isinstance(error, TraderbotError) else repr(error)
        kind = type(event.event).__name__
        self._metrics.failed(name, dead=not more)
        cause = caused_by(event.meta)
        _log.warning(
            "event_put_aside", handler=name, position=event.position, state=state, error=said, **cause
        )
        return Aside(name, event.position, event.stream, kind, state, attempts, due, said)

    def _work(
        self,
        handler: Handler,
        own: Sequence[Recorded],
        until: int,
        held_up: set[tuple[str, str]],
        *,
        alone: bool = False,
    ) -> Work:
        """The work that handles events and moves the handler on; those whose stream is held up are put aside
        behind what holds it up.
        """
        before = self._stored[handler.name]
        later = [one for one in own if (handler.name, one.stream) in held_up]
        now = [one for one in own if (handler.name, one.stream) not in held_up] if later else own
        work = Work(alone=alone, meta=_meta_of(handler))

        def job(connection: Connection) -> None:
            self._check(connection)
            records.move(connection, handler.name, before, until)
            if later:
                records.put_aside(connection, [_behind(handler.name, one) for one in later])
            work.commands[:] = self._handled(handler, connection, now) if now else []

        work.job = job
        return work

    def _put_aside(self, handler: Handler, letter: Aside, until: int) -> Work:
        before = self._stored[handler.name]

        def job(connection: Connection) -> None:
            records.move(connection, handler.name, before, until)
            records.put_aside(connection, [letter])

        return self._work_of(handler, job)

    def _work_of(self, handler: Handler, job: Callable[[Connection], Any]) -> Work:
        """A work of one job, if this process is still the one to do it."""

        def checked(connection: Connection) -> None:
            self._check(connection)
            job(connection)

        return Work(job=checked, meta=_meta_of(handler))

    def _check(self, connection: Connection) -> None:
        """Errors: LostTurn."""
        if self._fence is not None:
            try:
                self._fence(connection)
            except TraderbotError as error:
                raise LostTurn(error.detail) from error

    def _handled(self, handler: Handler, connection: Connection, events: Sequence[Recorded]) -> list[Any]:
        """The commands that a handler gives. Errors: HandlerFailed; those of the database itself as they
        are.
        """
        cause = caused_by(events[0].meta) if len(events) == 1 else {}
        try:
            with structlog.contextvars.bound_contextvars(handler=handler.name, **cause):
                return list(handler.handle(connection, events) or ())
        except Exception as error:
            if self._database.trouble(error) is not Trouble.OTHER:
                raise
            raise HandlerFailed(f"{handler.name}: {error!r}") from error

    def _moved(self, name: str, place: int) -> None:
        assert self._places is not None
        self._places[name] = self._stored[name] = place

    def _settle(self) -> None:
        """Put on record the places that moved over events of other types, now and then."""
        assert self._places is not None
        moved = {name: place for name, place in self._places.items() if place != self._stored[name]}
        now = self._clock.now()
        if not moved or abs(now - self._settled_at) < SETTLE_S * _MICROS:
            return
        stored = self._stored

        def job(connection: Connection) -> None:
            self._check(connection)
            for name, place in moved.items():
                records.move(connection, name, stored[name], place)

        self._path.submit(Work(job=job))
        self._stored = stored | moved
        self._settled_at = now

    def tell(self) -> None:
        """Call the followers."""
        for follower in self._followers:
            try:
                follower()
            except Exception as error:  # noqa: BLE001 - a follower's fault must not stop the handlers
                _log.error("follower_failed", error=repr(error))


def _meta_of(handler: Handler) -> Meta:
    return Meta(actor=f"handler:{handler.name}")


def _behind(name: str, one: Recorded) -> Aside:
    return Aside(name, one.position, one.stream, type(one.event).__name__, WAITING, 0, 0, "")
