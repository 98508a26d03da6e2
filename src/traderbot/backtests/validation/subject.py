"""What is validated: a way to make a strategy, the data it is tried on, and the parameters to choose from."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from decimal import Decimal
from functools import cached_property
from itertools import product
from math import prod
from typing import Any, NamedTuple

import msgspec
import numpy as np

from traderbot.backtests.reporting.results import trades_of
from traderbot.backtests.runner import Result, run
from traderbot.backtests.validation.compiled import Compiled, Outcome, Terms, plain
from traderbot.backtests.validation.tracks import Track, rows_a_year, sampled, track_of
from traderbot.market.bars import Bars
from traderbot.model import rounding
from traderbot.model.account import AccountKind
from traderbot.model.actions import CorporateAction
from traderbot.model.amounts import Money
from traderbot.model.bars import Floats, Times
from traderbot.model.errors import InvalidValue
from traderbot.model.events import OrderFilled, OrderPlaced
from traderbot.model.membership import Membership
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs
from traderbot.strategies.base import Coarser, Strategy
from traderbot.strategies.loading import received, to_send
from traderbot.strategies.signals import Frame, frame_of

Parameters = Mapping[str, object]
Progress = Callable[[str, int, int], None]
"""(what is being done, how much of it is done, of how much)."""


def silent(what: str, done: int, of: int) -> None:
    """Progress that nobody watches."""


class Maker:
    """A fresh strategy for parameters, in whatever process."""

    def __init__(self, kind: type[Strategy]) -> None:
        self._kind = kind

    def __call__(self, parameters: Parameters) -> Strategy:
        return self._kind(**parameters)

    def __reduce__(self) -> tuple[Any, ...]:
        return _maker, (to_send(self._kind),)


def _maker(sent: type[Strategy] | str) -> Maker:
    return Maker(received(sent))


class Subject(msgspec.Struct, frozen=True, dict=True, eq=False):
    """make: a fresh strategy for parameters; chosen: those in question; grid: the values each may take.

    warm_up: bars a strategy needs before it concludes anything. fast: whether a signal strategy is played by
    the compiled kernel where that can, which comes to the same.
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
    fast: bool = True

    @cached_property
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

    @cached_property
    def chosen_result(self) -> Result:
        """The run of the parameters in question, which many checks go by."""
        return self.result()

    @cached_property
    def compiled(self) -> Compiled | None:
        """The bars laid out for the kernel; None where that is not there or does not play them."""
        if not self.fast or not plain(self.make(self.chosen)):
            return None
        names = {one.symbol for one in self.bars}
        actions = [action for action in self.actions if action.symbol in names]
        terms = Terms(self.cash, self.costs, self.rules or self.costs.rules, self.kind)
        try:
            return Compiled(self.bars, actions, self.membership, terms)
        except (InvalidValue, ImportError):
            return None

    def outcome(self, parameters: Parameters | None = None) -> Outcome:
        """What a run came to, compiled where that can be. Errors: those of the strategy and InvalidValue."""
        strategy = self.make(self.chosen if parameters is None else parameters)
        found = None
        if plain(strategy) and self.compiled is not None:
            found = self.compiled.outcome(strategy)
        return found or outcome_of(self.result(parameters), self.bars)

    def track(self, parameters: Parameters | None = None) -> Track:
        """The account of one run."""
        return self.outcome(parameters).track

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """While it lasts, what runs of other parameters have in common is worked out once."""
        with nullcontext() if self.compiled is None else self.compiled.sharing():
            yield

    @cached_property
    def frame(self) -> Frame:
        """All bars, as a signal strategy is given them."""
        actions: dict[Symbol, list[CorporateAction]] = {}
        for action in self.actions:
            actions.setdefault(action.symbol, []).append(action)
        return frame_of([one.cursor() for one in self.bars], actions, self.membership)

    @cached_property
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


def outcome_of(result: Result, bars: Sequence[Bars]) -> Outcome:
    """What a run of the engine came to."""
    ended = sum(1 for trade in trades_of(result) if trade.exit_at is not None)
    return Outcome(track_of(result, bars), filled_share(result), len(result.fills), ended)


def filled_share(result: Result) -> float:
    """Shares executed of those that orders asked for; 1 where none asked."""
    asked = sum((event.qty for event in result.events if type(event) is OrderPlaced), Decimal(0))
    filled = sum((event.qty for event in result.events if type(event) is OrderFilled), Decimal(0))
    return float(rounding.ratio(filled, asked)) if asked else 1.0


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


def returns_with(subject: Subject, parameters: Parameters) -> Floats:
    """Returns of a run with these parameters, float64 (T,)."""
    return subject.returns_of(subject.track(parameters))


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
