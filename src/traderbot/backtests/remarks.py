"""What to say of a result besides its figures: each thing once, with how often and since when."""

from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np

from traderbot.backtests.runner import Result
from traderbot.market.importer import LEFT_OUT
from traderbot.model.account import AccountKind
from traderbot.model.actions import CorporateAction
from traderbot.model.bars import Bar, Floats
from traderbot.model.events import OrderPlaced, OrderRefused
from traderbot.model.membership import Membership
from traderbot.model.reasons import Reason
from traderbot.strategies.base import Strategy
from traderbot.strategies.faults import bar_in_words
from traderbot.strategies.signals import Frame, SignalStrategy, frame_of, place_of

_ROUNDING = 1e-6  # that of weights such as a third, in 9 places each


def of_the_data(notes: Iterable[str]) -> tuple[str, ...]:
    """What a stored data set says of rows that were left out of it."""
    return tuple(note for note in notes if LEFT_OUT in note)


def of_the_run(
    strategy: Strategy,
    result: Result,
    bars: Sequence[Bar],
    actions: Iterable[CorporateAction],
    membership: Membership | None,
    start: int = 0,
) -> tuple[str, ...]:
    """Orders that were refused, by reason, targets beyond what there was cash for, and why nothing was traded
    at all. start: from when the strategy acted, microseconds.
    """
    refused = [
        event
        for event in result.events
        if isinstance(event, OrderRefused)
        and event.reason is not Reason.SESSION_ENDED  # of the last bar: none comes after it
    ]
    said = list(_refused(strategy, refused))
    if not isinstance(strategy, SignalStrategy):
        return tuple(said)
    placed = any(isinstance(one, OrderPlaced) for one in result.events)
    borrows = result.account.kind is AccountKind.MARGIN or strategy.units is not None
    if (placed and not borrows) or not (placed or refused):
        frame = _frame_of(bars, actions, membership)
        said += _beyond(strategy, frame, start) if placed else _silent(strategy, frame)
    return tuple(said)


def _frame_of(
    bars: Sequence[Bar], actions: Iterable[CorporateAction], membership: Membership | None
) -> Frame:
    acts = list(actions)
    by_symbol = {bar.symbol: [action for action in acts if action.symbol == bar.symbol] for bar in bars}
    return frame_of(bars, by_symbol, membership)


def _refused(strategy: Strategy, events: list[OrderRefused]) -> Iterable[str]:
    ordered = sorted(events, key=lambda event: event.reason)
    for reason, group in groupby(ordered, key=lambda event: event.reason):
        found = list(group)
        first = min(found, key=lambda event: event.at)
        count = "1 order" if len(found) == 1 else f"{len(found)} orders"
        yield (
            f"{strategy.name}: {count} refused, {reason.value}; the first one, in {first.symbol}"
            f" {bar_in_words(first.at)}: {first.detail}"
        )


def _beyond(strategy: SignalStrategy, frame: Frame, start: int) -> Iterable[str]:
    """Whether the targets of long positions add up to more than all of equity, which cash cannot buy."""
    sums = _gross(strategy.targets(frame), frame)
    sums[frame.times < start] = 0.0
    rows = np.flatnonzero(sums > 1 + _ROUNDING)
    if len(rows):
        place = f"{strategy.name}.signal ({place_of(type(strategy).signal)})"
        yield (
            f"{place}: targets add up to more than a cash account can hold at {len(rows)} of {len(sums)}"
            f" bars, at most to {sums.max():.0%} of equity; the first one"
            f" {bar_in_words(int(frame.times[rows[0]]))}: {sums[rows[0]]:.0%}. What comes first gets the"
            " cash, the rest is not bought: scale the targets, or use a margin account"
        )


def _gross(targets: Floats, frame: Frame) -> Floats:
    """The sum of the targets above 0 that hold in each row, float64 (T,), of what still has bars to come."""
    rows = np.where(np.isnan(targets), 0, np.arange(len(targets))[:, None])
    held = np.take_along_axis(targets, np.maximum.accumulate(rows, axis=0), axis=0)
    listed = np.logical_or.accumulate(~np.isnan(frame.close)[::-1], axis=0)[::-1]
    known = np.logical_or.accumulate(~np.isnan(frame.close), axis=0)
    found: Floats = np.where(listed & known & (held > 0), held, 0.0).sum(axis=1)
    return found


def _silent(strategy: SignalStrategy, frame: Frame) -> Iterable[str]:
    """Whether the signal never had an opinion, which is mostly a NaN that went through a computation."""
    place = f"{strategy.name}.signal ({place_of(type(strategy).signal)})"
    if len(frame.times) <= strategy.warm_up:
        yield (
            f"{place}: nothing was traded, as its warm-up takes {strategy.warm_up} bars and there are"
            f" {len(frame.times)}"
        )
    elif np.isnan(strategy.targets(frame)).all():
        first = bar_in_words(int(frame.times[strategy.warm_up]))
        yield f"{place}: nothing was traded, as every target is NaN (no opinion), the first one {first}"
