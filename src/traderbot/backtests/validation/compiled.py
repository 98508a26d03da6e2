"""A signal strategy's run by the compiled kernel, as far as a validation asks about a run.

The fills are those of the engine, and the equity is added up in the order in which that of its curve is, so
that a verdict is the same either way.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import NDArray

from traderbot.analytics.sharing import sharing
from traderbot.backtests.validation.tracks import Track
from traderbot.market.bars import Bars
from traderbot.model import rounding
from traderbot.model.account import AccountKind
from traderbot.model.actions import CorporateAction
from traderbot.model.amounts import Money
from traderbot.model.bars import Floats, Times
from traderbot.model.border import to_float
from traderbot.model.membership import Membership
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs
from traderbot.strategies.base import Strategy
from traderbot.strategies.causality import check_causal, hooks_of
from traderbot.strategies.signals import Frame, SignalStrategy, frame_of, since_first_bars

if TYPE_CHECKING:
    from traderbot.backtests.sweeping.prices import Played

Whole = NDArray[np.int64]

_EXACT = 1 << 53  # up to it a float holds every whole number


class Outcome(NamedTuple):
    """What a validation asks of a run. filled: share of the shares asked for that was executed.
    round_trips: from flat to flat, of an instrument each, that ended.
    """

    track: Track
    filled: float
    fills: int
    round_trips: int


class Terms(NamedTuple):
    """What an account trades under."""

    cash: Money
    costs: Costs
    rules: Rules
    kind: AccountKind


def plain(strategy: Strategy) -> TypeGuard[SignalStrategy]:
    """Whether its signal is all there is to a strategy."""
    return isinstance(strategy, SignalStrategy) and not hooks_of(type(strategy))


class Compiled:
    """Bars laid out once for many runs over them. Errors: InvalidValue where the kernel cannot play them,
    ImportError without numba.
    """

    def __init__(
        self,
        bars: Sequence[Bars],
        actions: Sequence[CorporateAction],
        membership: Membership | None,
        terms: Terms,
    ) -> None:
        from traderbot.backtests.sweeping.tape import tape_of  # takes numba along, which is slow to import

        cursors = [one.cursor() for one in bars]
        self._tape = tape_of(cursors, terms.costs, terms.rules, actions)
        self._terms = terms
        grouped: dict[Symbol, list[CorporateAction]] = {}
        for action in actions:
            grouped.setdefault(action.symbol, []).append(action)
        self._frame: Frame = frame_of(cursors, grouped, membership)
        self._marks = [_marks(one, self._tape.times) for one in bars]

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """While it lasts, indicators of these bars are worked out once for all runs."""
        with sharing(self._frame[2:8]):
            yield

    def outcome(self, strategy: SignalStrategy) -> Outcome | None:
        """A run; None where the kernel does not play it, or the strategy fails: the engine says how."""
        from traderbot.backtests.sweeping import kernel
        from traderbot.backtests.sweeping.tape import terms_of
        from traderbot.backtests.turning import changes_of

        known = self._terms
        try:
            terms = terms_of(known.cash, known.costs, known.rules, strategy.units, strategy.lot, known.kind)
            targets = strategy.targets(self._frame)
            check_causal(strategy, self._frame, targets)
        except Exception:  # noqa: BLE001 - whatever a strategy's own code may raise
            return None
        changes = changes_of(since_first_bars(self._frame, targets))
        if changes is None:
            return None
        played = kernel.play(self._tape.prices, changes, self._tape.actions, terms)
        found = self._equity(played) if played.status == kernel.PLAYED else None
        if found is None:
            return None
        equity, round_trips = found
        asked, filled = int(played.ordered), int(np.abs(played.fills[:, kernel.QTY]).sum())
        share = float(rounding.ratio(Decimal(filled), Decimal(asked))) if asked else 1.0
        track = Track(self._tape.times, equity, to_float(known.cash))
        return Outcome(track, share, len(played.fills), round_trips)

    def _equity(self, played: "Played") -> tuple[Floats, int] | None:
        """At every close, (T,), and the round trips that ended; None where floats would not hold it."""
        from traderbot.backtests.sweeping import kernel

        fills, rows = played.fills, len(self._tape.times)
        cash = np.zeros(rows, np.int64)
        flow = np.where(fills[:, kernel.QTY] > 0, -fills[:, kernel.VALUE], fills[:, kernel.VALUE])
        np.add.at(cash, fills[:, kernel.ROW], flow - fills[:, kernel.FEE])
        np.add.at(cash, played.paid[:, 0], played.paid[:, 2])
        cash = np.cumsum(cash) + int(self._terms.cash * 1_000_000)
        if np.abs(cash).max() >= _EXACT:
            return None
        long_value, short_value = np.zeros(rows), np.zeros(rows)
        owners, ended = fills[:, kernel.OWNER], 0
        for column in dict.fromkeys(owners.tolist()):  # by their first executions, as curve_of adds them
            own = fills[owners == column]
            held = self._held(column, own[:, kernel.ROW], own[:, kernel.QTY])
            ended += int(np.count_nonzero((held[:-1] != 0) & (held[1:] == 0)))
            value = held * self._marks[column]
            long_value += np.maximum(value, 0.0)
            short_value += np.minimum(value, 0.0)
        return np.asarray(cash / 1e6 + long_value + short_value), ended

    def _held(self, column: int, rows: Whole, shares: Whole) -> Whole:
        """Shares after every step: those traded, rescaled by the splits, which come first in a step."""
        from traderbot.backtests.sweeping import kernel

        held = np.zeros(len(self._tape.times), np.int64)
        np.add.at(held, rows, shares)
        acts = self._tape.actions
        splits = acts[(acts[:, 1] == column) & (acts[:, 2] == kernel.SPLIT)].tolist()
        carried = begun = 0
        for row, _, _, new, old in [*splits, (len(held), column, kernel.SPLIT, 1, 1)]:
            held[begun:row] = np.cumsum(held[begun:row]) + carried
            carried = int(held[row - 1]) if row else 0
            carried, begun = carried * new // old, row
        return held


def _marks(one: Bars, times: Times) -> Floats:
    """The last close known at each time; 0 before the first."""
    found: Floats = np.concatenate(([0.0], one.close))[one.times.searchsorted(times, "right")]
    return found
