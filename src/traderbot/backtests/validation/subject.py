"""What is validated: a way to make a strategy, the data it is tried on, and the parameters to choose from."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import product
from math import prod
from typing import NamedTuple

import msgspec
import numpy as np

from traderbot.backtests.runner import Result, run
from traderbot.backtests.validation.tracks import Track, rows_a_year, sampled, track_of
from traderbot.market.bars import Bars
from traderbot.model.account import AccountKind
from traderbot.model.actions import CorporateAction
from traderbot.model.amounts import Money
from traderbot.model.bars import Floats, Times
from traderbot.model.errors import InvalidValue
from traderbot.model.membership import Membership
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs
from traderbot.strategies.base import Coarser, Strategy
from traderbot.strategies.signals import Frame, frame_of

Parameters = Mapping[str, object]
Progress = Callable[[str, int, int], None]
"""(what is being done, how much of it is done, of how much)."""


def silent(what: str, done: int, of: int) -> None:
    """Progress that nobody watches."""


class Subject(msgspec.Struct, frozen=True):
    """make: a fresh strategy for parameters; chosen: those in question; grid: the values each may take.

    warm_up: bars a strategy needs before it concludes anything.
    """

    name: str
    make: Callable[[Parameters], Strategy]
    bars: Sequence[Bars]
    chosen: Parameters
    grid: Mapping[str, Sequence[object]]
    cash: Money = Money(Decimal(1_000_000))
    rules: Rules | None = None
    costs: Costs = Costs()
    actions: Sequence[CorporateAction] = ()
    kind: AccountKind = AccountKind.CASH
    warm_up: int = 0
    coarser: Coarser | None = None
    membership: Membership | None = None

    @property
    def times(self) -> Times:
        """Times of the steps, int64 (T,)."""
        found: Times = np.unique(np.concatenate([one.times for one in self.bars]))
        return found

    def result(self, parameters: Parameters | None = None) -> Result:
        """One run. Errors: those of the strategy and InvalidValue."""
        names = {one.symbol for one in self.bars}
        return run(
            self.make(self.chosen if parameters is None else parameters),
            [one.cursor() for one in self.bars],
            cash=self.cash,
            rules=self.rules,
            costs=self.costs,
            actions=[action for action in self.actions if action.symbol in names],
            kind=self.kind,
            coarser=self.coarser,
            membership=self.membership,
        )

    def track(self, parameters: Parameters | None = None) -> Track:
        """The account of one run."""
        return track_of(self.result(parameters), self.bars)

    @property
    def frame(self) -> Frame:
        """All bars, as a signal strategy is given them."""
        actions: dict[Symbol, list[CorporateAction]] = {}
        for action in self.actions:
            actions.setdefault(action.symbol, []).append(action)
        return frame_of([one.cursor() for one in self.bars], actions, self.membership)

    @property
    def rows(self) -> Times:
        """Times of the rows that statistics are made on: from the end of the warm-up, one a day."""
        times = self.times
        return sampled(times[min(self.warm_up, len(times) // 2) :])

    def returns_of(self, track: Track) -> Floats:
        """Returns of an account at `rows`, float64 (T,)."""
        times = self.times
        return track.since(int(times[min(self.warm_up, len(times) // 2)])).at(self.rows).returns

    def within(self, first: int, last: int) -> "Subject":
        """The same with the bars from `first` to `last` and the warm-up before. Errors: InvalidValue."""
        times = self.times
        begin = int(times[max(0, int(np.searchsorted(times, first)) - self.warm_up)])
        bars = [part for one in self.bars if len(part := one.window(begin, last))]
        if not any(len(one.window(first, last)) for one in bars):
            raise InvalidValue("window", "at least one bar in it", f"{first} to {last}")
        return msgspec.structs.replace(self, bars=bars)


class Trials(NamedTuple):
    """returns: float64 (T, N), one column for each of `sets`, the chosen one first, at `times`."""

    sets: list[Parameters]
    times: Times
    returns: Floats

    @property
    def a_year(self) -> float:
        """Rows a year."""
        return rows_a_year(self.times)


def candidates(subject: Subject, most: int) -> list[Parameters]:
    """The chosen parameters first, then up to `most` - 1 others spread evenly over the grid.

    What the strategy itself refuses, such as a fast average slower than the slow one, is left out.
    """
    names = list(subject.grid)
    size = prod(len(values) for values in subject.grid.values())
    found: list[Parameters] = [dict(subject.chosen)]
    every = product(*(subject.grid[name] for name in names))
    stride = max(1.0, size / max(most, 1))
    due = 0.0
    for number, values in enumerate(every if names else ()):
        if number < due or len(found) >= most:
            continue
        parameters = {**subject.chosen, **dict(zip(names, values, strict=True))}
        if parameters in found or not accepted(subject, parameters):
            continue
        found.append(parameters)
        due += stride
    return found


def accepted(subject: Subject, parameters: Parameters) -> bool:
    """Whether the strategy takes these parameters."""
    try:
        subject.make(parameters)
    except InvalidValue:
        return False
    return True


def run_trials(subject: Subject, most: int, progress: Progress = silent) -> Trials:
    """Run every candidate over all bars; a run knows the past only, so a slice of it is a run's too."""
    sets = candidates(subject, most)
    times = subject.rows
    returns = np.empty((len(times), len(sets)))
    for number, parameters in enumerate(sets):
        returns[:, number] = subject.returns_of(subject.track(parameters))
        progress("trials", number + 1, len(sets))
    return Trials(sets, times, returns)


def sharpe(returns: Floats) -> float:
    """Sharpe ratio per row; 0 where nothing moves."""
    if len(returns) < 2:
        return 0.0
    spread = float(returns.std(ddof=1))
    return float(returns.mean()) / spread if spread > 1e-15 else 0.0


def sharpes(returns: Floats) -> Floats:
    """Sharpe ratio per row of each column; 0 where nothing moves."""
    spread = returns.std(axis=0, ddof=1)
    flat = spread <= 1e-15
    return np.asarray(np.where(flat, 0.0, returns.mean(axis=0) / np.where(flat, 1.0, spread)))
