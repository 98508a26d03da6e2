"""Does the future change the past? The data are cut at sampled times and the strategy asked again.

A strategy that knows the past only concludes the same up to the cut. And does the past before the warm-up
matter? It is started later, and has to agree once its warm-up is over.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from traderbot.backtests.runner import Result
from traderbot.backtests.validation.crew import ALONE, Crew
from traderbot.backtests.validation.subject import Progress, Subject, silent
from traderbot.infra.clock import rfc3339
from traderbot.model.account import AccountKind
from traderbot.model.bars import Floats, Times
from traderbot.model.events import OrderCancelled, OrderFilled, OrderPlaced, OrderRefused, OrderReplaced
from traderbot.strategies.signals import Frame, SignalStrategy

_SETTLING = 5  # steps a started strategy may take to get its orders filled


class Difference(msgspec.Struct, frozen=True):
    """Where a strategy concluded otherwise. time: of the bar; cut: last bar known, or first bar given."""

    strategy: str
    symbol: str
    time: int
    cut: int
    whole: str
    part: str

    @property
    def words(self) -> str:
        """For people."""
        return (
            f"{self.strategy}: at the bar of {rfc3339(self.time)}, {self.symbol}: {self.whole} with all data,"
            f" {self.part} with the data up to {rfc3339(self.cut)}"
        )


class Causality(msgspec.Struct, frozen=True):
    """cuts: how many were tried; differences: the first of each cut that changed something."""

    cuts: int
    differences: list[Difference]


class Agreement(msgspec.Struct, frozen=True):
    """share: of steps and instruments after the warm-up at which a later start agrees; worst: where not."""

    starts: int
    share: float
    worst: Difference | None = None


class _Asked(NamedTuple):
    time: int
    symbol: str
    words: str


def sampled_cuts(subject: Subject, count: int, seed: int) -> Times:
    """Times of steps after the warm-up, one in each of `count` equal parts."""
    from numpy.random import PCG64, Generator

    times = subject.times
    if subject.kind is AccountKind.MARGIN or (subject.rules is not None and subject.rules.limits.daily_loss):
        times = _day_ends(times)  # what happens at the close of a day is known only at a day's last bar
    first = min(subject.warm_up, len(times) // 2)
    edges = np.linspace(first, len(times) - 1, count + 1)
    random = Generator(PCG64(seed))
    rows = edges[:-1] + random.random(count) * np.diff(edges)
    return np.asarray(times[np.unique(rows.astype(np.int64))])


def look_ahead(
    subject: Subject, cuts: Sequence[int], progress: Progress = silent, crew: Crew = ALONE
) -> Causality:
    """Compare what is concluded up to each cut, of all data and of those up to the cut only.

    Of a signal strategy its targets are compared, of any other the orders it asks for.
    """
    strategy = subject.make(subject.chosen)
    if isinstance(strategy, SignalStrategy):
        return _signal_ahead(strategy, subject, cuts, progress)
    whole, found = asked_of(subject.chosen_result), []
    parts = crew.each(subject, _asked_until, [(int(cut),) for cut in cuts])
    for number, (cut, part) in enumerate(zip(cuts, parts, strict=True)):
        difference = _first_difference(
            subject.name, [ask for ask in whole if ask.time <= cut], part, int(cut)
        )
        found += [difference] if difference is not None else []
        progress("lookahead", number + 1, len(cuts))
    return Causality(len(cuts), found)


def _asked_until(subject: Subject, cut: int) -> list[_Asked]:
    """What is asked for where the bars up to the cut are all there are."""
    first = int(subject.times[0])
    return asked_of(msgspec.structs.replace(subject, warm_up=0).within(first, cut).result())


def _signal_ahead(
    strategy: SignalStrategy, subject: Subject, cuts: Sequence[int], progress: Progress
) -> Causality:
    frame = subject.frame
    whole, found = strategy.targets(frame), []
    for number, cut in enumerate(cuts):
        rows = int(np.searchsorted(frame.times, cut, "right"))
        part = strategy.targets(frame.rows(0, rows))
        difference = _first_row(strategy.name, frame, whole[:rows], part, 0, int(cut))
        found += [difference] if difference is not None else []
        progress("lookahead", number + 1, len(cuts))
    return Causality(len(cuts), found)


def _signal_warm(
    strategy: SignalStrategy, subject: Subject, starts: Sequence[int], progress: Progress
) -> Agreement:
    frame = subject.frame
    whole = strategy.targets(frame)
    agreed = compared = 0
    worst: Difference | None = None
    for number, start in enumerate(starts):
        row = int(np.searchsorted(frame.times, start))
        later = later_frame(subject, int(start))
        part, first = strategy.targets(later)[strategy.warm_up :], row + strategy.warm_up
        same = _same(whole[first:], part)
        agreed, compared = agreed + int(same.sum()), compared + same.size
        worst = worst or _first_row(strategy.name, frame, whole[first:], part, first, int(start))
        progress("warm-up", number + 1, len(starts))
    return Agreement(len(starts), agreed / compared if compared else 1.0, worst)


def later_frame(subject: Subject, start: int) -> Frame:
    """What a strategy is given that is started at a bar: the growth to its first bar is not known."""
    return msgspec.structs.replace(subject, warm_up=0).within(start, int(subject.times[-1])).frame


def _first_row(
    name: str, frame: Frame, whole: Floats, part: Floats, first: int, cut: int
) -> Difference | None:
    differs = np.argwhere(~_same(whole, part))
    if not len(differs):
        return None
    row, column = differs[0].tolist()
    words = [
        "no opinion" if np.isnan(value) else f"a target of {value:g}"
        for value in (whole[row, column], part[row, column])
    ]
    return Difference(name, frame.symbols[column], int(frame.times[first + row]), cut, *words)


def _same(whole: Floats, part: Floats) -> NDArray[np.bool_]:
    return np.asarray((whole == part) | (np.isnan(whole) & np.isnan(part)))


def asked_of(result: Result) -> list[_Asked]:
    """Every order asked for and cancelled, in the order it was decided."""
    symbols: dict[object, str] = {}
    asked = []
    for event in result.events:
        if isinstance(event, OrderPlaced | OrderRefused):
            symbols[event.order_id] = event.symbol
            amount = event.qty if event.notional is None else f"{event.notional} worth"
            limit = "" if event.limit_price is None else f" at {event.limit_price}"
            words = f"{event.side} {event.type} {amount}{limit}"
            asked.append(_Asked(event.at, event.symbol, words))
        elif isinstance(event, OrderCancelled | OrderReplaced):
            asked.append(_Asked(event.at, symbols.get(event.order_id, "?"), type(event).__name__))
    return asked


def warm_up(
    subject: Subject, starts: Sequence[int], progress: Progress = silent, crew: Crew = ALONE
) -> Agreement:
    """Start at each of these times with nothing held, and compare on which side each position is.

    Sizes differ, as the equity does. Steps of the warm-up, and a few to get filled, do not count. Of a signal
    strategy the targets have to be the same.
    """
    strategy = subject.make(subject.chosen)
    if isinstance(strategy, SignalStrategy):
        return _signal_warm(strategy, subject, starts, progress)
    times = subject.times
    whole = sides_of(subject.chosen_result, subject, times)
    agreed = compared = 0
    worst: Difference | None = None
    parts = crew.each(subject, _sides_from, [(int(start),) for start in starts])
    for number, (start, part) in enumerate(zip(starts, parts, strict=True)):
        row = int(np.searchsorted(times, start))
        from_row = row + subject.warm_up + _SETTLING
        same = part[from_row:] == whole[from_row:]
        agreed, compared = agreed + int(same.sum()), compared + same.size
        if worst is None and not same.all():
            at, column = np.argwhere(~same)[0].tolist()
            worst = Difference(
                subject.name,
                subject.bars[column].symbol,
                int(times[from_row + at]),
                int(start),
                _SIDES[int(whole[from_row + at, column])],
                _SIDES[int(part[from_row + at, column])],
            )
        progress("warm-up", number + 1, len(starts))
    return Agreement(len(starts), agreed / compared if compared else 1.0, worst)


def _sides_from(subject: Subject, start: int) -> Floats:
    """The sides of a run that begins at a bar."""
    later = msgspec.structs.replace(subject, warm_up=0).within(start, int(subject.times[-1]))
    return sides_of(later.result(), subject, subject.times)


def sides_of(result: Result, subject: Subject, times: Times) -> Floats:
    """1 where an instrument is held, -1 where it is short, 0 where flat, (T, N)."""
    sides = np.zeros((len(times), len(subject.bars)))
    columns = {one.symbol: column for column, one in enumerate(subject.bars)}
    for event in result.events:
        if type(event) is OrderFilled:
            row = int(np.searchsorted(times, event.at))
            sides[row:, columns[event.symbol]] = int(event.position_qty > 0) - int(event.position_qty < 0)
    return sides


_SIDES = {1: "long", 0: "flat", -1: "short"}


def _first_difference(
    name: str, whole: Sequence[_Asked], part: Sequence[_Asked], cut: int
) -> Difference | None:
    for before, after in zip(whole, part, strict=False):
        if before != after:
            first = min(before, after, key=lambda ask: ask.time)
            same_bar = before.time == after.time and before.symbol == after.symbol
            return Difference(
                name,
                first.symbol,
                first.time,
                cut,
                before.words if first is before or same_bar else "no order",
                after.words if first is after or same_bar else "no order",
            )
    if len(whole) > len(part):
        more = whole[len(part)]
        return Difference(name, more.symbol, more.time, cut, more.words, "no order")
    if len(part) > len(whole):
        more = part[len(whole)]
        return Difference(name, more.symbol, more.time, cut, "no order", more.words)
    return None


def _day_ends(times: Times) -> Times:
    days = -(-times // 86_400_000_000)
    return np.asarray(times[np.append(days[1:] != days[:-1], True)])
