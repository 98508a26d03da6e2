"""Replay sessions: a data set played back bar by bar on a clock of its own, which can pause, hurry and jump
forward.

A step is every bar that became known at one moment. The session only knows where it stands: the caller plays
a step (matches orders, commits) and then says so with `played`. It is made with the last step already played,
so that a restart goes on where the journal ends.
"""

import datetime as dt
import math
import threading
import time
from collections.abc import Callable
from datetime import date

import msgspec
import numpy as np

from traderbot.market.bars import Bars
from traderbot.market.calendars import Dates, as_date
from traderbot.market.datasets import Dataset
from traderbot.model.actions import CorporateAction
from traderbot.model.bars import Times
from traderbot.model.errors import Conflict, InvalidValue, InvariantBroken
from traderbot.model.symbols import Symbol

NOT_STARTED = -1
SPEED_MIN, SPEED_MAX = 0.001, 10_000.0  # steps a second


class ClockSnapshot(msgspec.Struct, frozen=True):
    """Where a replay stands, all of one moment.

    time: microseconds UTC, market time of the last step played. step: its index, -1 before the first.
    speed: steps a second, 0 as fast as possible. jump_to: set while a jump is under way.
    """

    time: int
    date: dt.date
    paused: bool
    speed: float
    step: int
    first_step: int
    steps: int
    ended: bool
    start: dt.date
    end: dt.date
    jump_to: dt.date | None


class Controls(msgspec.Struct, frozen=True):
    """How a replay's clock goes. speed: steps a second, 0 as fast as possible. jump_to: a day up to whose end
    every step is played at once.
    """

    paused: bool = False
    speed: float = 1.0
    jump_to: dt.date | None = None


class Timeline:
    """The steps of a data set in order: which bars and corporate actions belong to each. Unchanging."""

    def __init__(self, dataset: Dataset) -> None:
        parts = list(dataset.bars.values())
        times = np.concatenate([bars.times for bars in parts])
        order = np.argsort(times, kind="stable")  # within a step the instruments keep their order by symbol
        moments, starts = np.unique(times[order], return_index=True)
        self.times: Times = moments
        self.dates: Dates = dataset.sessions.dates_of(moments)
        self._parts = parts
        self._starts = np.append(starts, len(order))
        self._owners = np.repeat(np.arange(len(parts), dtype=np.int32), [len(bars) for bars in parts])[order]
        self._places = np.concatenate([np.arange(len(bars), dtype=np.int64) for bars in parts])[order]
        self._actions: dict[int, list[CorporateAction]] = {}
        for action in dataset.actions:
            step = self.first_step(action.ex_date)
            if step < len(self) and action.ex_date >= as_date(self.dates[0]):
                self._actions.setdefault(step, []).append(action)

    def __len__(self) -> int:
        return len(self.times)

    def bars_of(self, step: int) -> list[tuple[Bars, int]]:
        """The bars of a step as (an instrument's bars, index into them), by symbol."""
        first, last = int(self._starts[self._checked(step)]), int(self._starts[step + 1])
        owners, places = self._owners[first:last].tolist(), self._places[first:last].tolist()
        return [(self._parts[owner], place) for owner, place in zip(owners, places, strict=True)]

    def actions_of(self, step: int) -> list[CorporateAction]:
        """Actions that take effect before the bars of a step: those with its session's day as their ex-date.

        They come with the session's first step; an ex-date without any bar comes with the next step there is.
        """
        return list(self._actions.get(self._checked(step), ()))

    def time_of(self, step: int) -> int:
        """Market time of a step, microseconds UTC; before the first step, a microsecond before that step."""
        return int(self.times[0]) - 1 if step == NOT_STARTED else int(self.times[self._checked(step)])

    def date_of(self, step: int) -> date:
        """Day of the session that a step belongs to; before the first step, the day of that step."""
        return as_date(self.dates[0 if step == NOT_STARTED else self._checked(step)])

    def first_step(self, day: date) -> int:
        """The first step of the session on `day` or of the next with a bar; `len(timeline)` when none."""
        return int(self.dates.searchsorted(np.datetime64(day, "D"), "left"))

    def last_step(self, day: date) -> int:
        """The last step of the session on `day` or of the one before; -1 when there is none."""
        return int(self.dates.searchsorted(np.datetime64(day, "D"), "right")) - 1

    def _checked(self, step: int) -> int:
        if not 0 <= step < len(self):
            raise InvalidValue("step", f"a step from 0 to {len(self) - 1}", step)
        return step


class ReplaySession:
    """The replay clock over a data set, shared safely by the loop that plays and the threads that control.

    own_speed: the one it was made with.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        step: int = NOT_STARTED,
        first_step: int | None = None,
        speed: float = 1.0,
        paused: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.dataset = dataset
        self.timeline = Timeline(dataset)
        if isinstance(step, bool) or not NOT_STARTED <= step < len(self.timeline):
            raise InvalidValue("step", f"a step from {NOT_STARTED} to {len(self.timeline) - 1}", step)
        self._changed = threading.Condition()
        self._monotonic = monotonic
        self._step = step
        self._first_step = min(step + 1, len(self.timeline) - 1) if first_step is None else first_step
        self.own_speed = self._speed = _speed(speed)
        self._paused = _flag(paused)
        self._jump_step = NOT_STARTED
        self._jump_date: date | None = None
        self._last_due = -math.inf
        self._stopped = False

    @property
    def step(self) -> int:
        """Index of the last step played, -1 before the first."""
        return self._step

    @property
    def time(self) -> int:
        """Market time of the last step played, microseconds UTC: nothing later is known."""
        return self.timeline.time_of(self._step)

    @property
    def ended(self) -> bool:
        """Whether the last step there is has been played."""
        return self._step == len(self.timeline) - 1

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped

    def snapshot(self) -> ClockSnapshot:
        """Where the replay stands."""
        with self._changed:
            return self.as_of(self._step, self.controls)

    def as_of(self, step: int, controls: Controls) -> ClockSnapshot:
        """Where this replay stands after another step, its clock going as the controls say."""
        jump_to = controls.jump_to
        if jump_to is not None and self.timeline.last_step(jump_to) <= step:
            jump_to = None
        last = len(self.timeline) - 1
        return ClockSnapshot(
            time=self.timeline.time_of(step),
            date=self.timeline.date_of(step),
            paused=controls.paused,
            speed=controls.speed,
            step=step,
            first_step=self._first_step,
            steps=len(self.timeline),
            ended=step == last,
            start=self.timeline.date_of(self._first_step),
            end=self.timeline.date_of(last),
            jump_to=jump_to,
        )

    def control(
        self, *, paused: bool | None = None, speed: float | None = None, jump_to: date | None = None
    ) -> ClockSnapshot:
        """As `turned`, at once."""
        with self._changed:
            self.take(
                turned(self.timeline, self._step, self.controls, paused=paused, speed=speed, jump_to=jump_to)
            )
            return self.snapshot()

    @property
    def controls(self) -> Controls:
        """How the clock goes now; a jump that has arrived is none any more."""
        return Controls(self._paused, self._speed, self._jump_date)

    def take(self, controls: Controls) -> None:
        """Go on as the controls say."""
        with self._changed:
            self._paused, self._speed, self._jump_date = controls.paused, controls.speed, controls.jump_to
            self._jump_step = (
                NOT_STARTED if controls.jump_to is None else self.timeline.last_step(controls.jump_to)
            )
            self._finish_jump()
            self._changed.notify_all()

    def stand_at(self, step: int) -> None:
        """Stand behind a step that somebody else has played."""
        with self._changed:
            self._step = step
            self._finish_jump()
            self._changed.notify_all()

    def go_on(self) -> None:
        """Play on after a `stop`."""
        with self._changed:
            self._stopped = False

    def start_at(self, day: date) -> int:
        """Begin just before `day`: bars before it are history, the next step is its first. Returns: `step`.

        Errors: InvalidValue for a day outside the data; Conflict once a step was played.
        """
        with self._changed:
            if self._step != NOT_STARTED:
                raise Conflict("start: the replay is under way; begin in another home to start elsewhere")
            _within(self.timeline, "start", day)
            self._first_step = self.timeline.first_step(day)
            self._step = self._first_step - 1
            self._changed.notify_all()
            return self._step

    def stop(self) -> None:
        """Wake whoever waits; nothing is due until `go_on`."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def wait_for_next(self, timeout_s: float | None = None) -> int | None:
        """Block until the next step is due and return its index; the caller plays it and calls `played`.

        Returns: None when stopped or at the end, or after `timeout_s`. A pause is waited through.
        """
        with self._changed:
            give_up = math.inf if timeout_s is None else self._monotonic() + timeout_s
            while not self._stopped and not self.ended:
                now, wait = self._monotonic(), self.due_in()
                if wait == 0:
                    self._last_due = self._next_due(now)
                    return self._step + 1
                left = min(math.inf if wait is None else wait, give_up - now)
                if left <= 0:
                    return None
                self._changed.wait(None if left == math.inf else left)
            return None

    def due_in(self) -> float | None:
        """Seconds until the next step is due; None when it never is: paused, stopped or at the end."""
        with self._changed:
            if self._stopped or self.ended:
                return None
            if self._step < self._jump_step:
                return 0.0
            if self._paused:
                return None
            if self._speed == 0:
                return 0.0
            return max(self._last_due + 1 / self._speed - self._monotonic(), 0.0)

    def played(self, step: int) -> None:
        """The step is committed: it is now the last one played. Errors: InvariantBroken unless the next."""
        with self._changed:
            if step != self._step + 1 or step >= len(self.timeline):
                raise InvariantBroken(
                    f"step {step} was played after step {self._step} of {len(self.timeline)}"
                )
            self._step = step
            self._finish_jump()
            self._changed.notify_all()

    def bars_of(self, step: int) -> list[tuple[Bars, int]]:
        """The bars of a step as (an instrument's bars, index into them), by symbol. Errors: InvalidValue."""
        return self.timeline.bars_of(step)

    def actions_of(self, step: int) -> list[CorporateAction]:
        """Splits and dividends that take effect before the bars of a step. Errors: InvalidValue."""
        return self.timeline.actions_of(step)

    def history(self, symbol: Symbol, upto: int | None = None) -> Bars:
        """Bars of an instrument known at `upto`, and never later than now. Errors: NotFound."""
        now = self.time
        return self.dataset.bars_of(symbol).until(now if upto is None else min(upto, now))

    def mark(self, symbol: Symbol) -> tuple[float, int] | None:
        """Last known close of an instrument and its time, None before its first bar. Errors: NotFound."""
        bars = self.dataset.bars_of(symbol)
        known = bars.known_by(self.time)
        return (float(bars.close[known - 1]), int(bars.times[known - 1])) if known else None

    def _next_due(self, now: float) -> float:
        """The moment the coming step counts from: keeps the beat, but does not run after what was missed."""
        if self._speed == 0 or self._step < self._jump_step:
            return now
        beat = self._last_due + 1 / self._speed
        return beat if now - beat < 1 / self._speed else now

    def _finish_jump(self) -> None:
        if self._step >= self._jump_step:
            self._jump_step, self._jump_date = NOT_STARTED, None


def turned(
    timeline: Timeline,
    step: int,
    before: Controls,
    *,
    paused: bool | None = None,
    speed: float | None = None,
    jump_to: date | None = None,
) -> Controls:
    """Pause or go on, change the speed, jump: all of it or, when one cannot be taken, nothing.

    step: the last one played. jump_to: every step up to the end of that day is played as fast as possible,
    even while paused; a pause asked for later ends the jump.
    Errors: InvalidValue naming the field; Conflict for a jump backwards or after the end.
    """
    new_paused = before.paused if paused is None else _flag(paused)
    new_speed = before.speed if speed is None else _speed(speed)
    jump = None if paused else before.jump_to
    if jump_to is not None:
        _check_jump(timeline, step, jump_to)
        jump = jump_to
    if jump is not None and timeline.last_step(jump) <= step:
        jump = None
    return Controls(new_paused, new_speed, jump)


def _check_jump(timeline: Timeline, step: int, day: date) -> None:
    """Errors: InvalidValue, Conflict."""
    _within(timeline, "jump_to", day)
    if step == len(timeline) - 1:
        raise Conflict("jump_to: the replay has ended; begin in another home to play it again")
    now = timeline.date_of(step)
    if day < now or timeline.last_step(day) < step:
        raise Conflict(
            f"jump_to: the replay stands at {now} and only goes forward; begin in another home to go back"
        )


def _within(timeline: Timeline, field: str, day: date) -> None:
    first, last = timeline.date_of(0), timeline.date_of(len(timeline) - 1)
    plain = isinstance(day, date) and not isinstance(day, dt.datetime)
    if not plain or not first <= day <= last:
        raise InvalidValue(field, f"a date from {first} to {last}", day)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidValue("paused", "true or false", value)
    return value


def _speed(value: object) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not (value == 0 or SPEED_MIN <= value <= SPEED_MAX):  # type: ignore[operator]  # false for NaN as well
        raise InvalidValue("speed", f"steps a second from 0 (as fast as possible) to {SPEED_MAX:g}", value)
    return float(value)  # type: ignore[arg-type]
