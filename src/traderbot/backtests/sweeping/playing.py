"""One parameter set of a sweep, played: its figures and every execution.

A signal strategy is played by the compiled kernel; what that does not play, and any other strategy, by the
engine. The outcome of a set does not depend on the others.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from traderbot.analytics.arrays import Floats
from traderbot.analytics.performance import days_a_year, sharpe_ratio
from traderbot.analytics.sharing import sharing
from traderbot.analytics.trade_figures import turnover
from traderbot.backtests.reporting.results import curve_of, trades_of
from traderbot.backtests.runner import run
from traderbot.backtests.sweeping import kernel
from traderbot.backtests.sweeping.measuring import Measured, measure
from traderbot.backtests.sweeping.search import Values
from traderbot.backtests.sweeping.tape import Tape, tape_of, terms_of
from traderbot.backtests.turning import turns_of
from traderbot.model.account import AccountKind
from traderbot.model.actions import CorporateAction
from traderbot.model.amounts import Money
from traderbot.model.bars import Bar, Times, common_times
from traderbot.model.errors import InvalidValue
from traderbot.model.events import OrderFilled
from traderbot.model.membership import Membership
from traderbot.model.orders import Side
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs
from traderbot.strategies.base import Strategy
from traderbot.strategies.causality import check_causal, hooks_of
from traderbot.strategies.signals import Frame, SignalStrategy, frame_of

_YEAR = 365.25 * 86_400 * 1e6
_CENT = 0.01
_WHY = {
    kernel.TOO_LARGE: "amounts too large for whole numbers of 64 bits",
    kernel.NOT_WHOLE: "a split that leaves parts of shares",
    kernel.SHORT: "targets below 0",
    kernel.UNPRICED: "a target for an instrument without a price",
}


class Figures(msgspec.Struct, frozen=True):
    """One set's outcome; fractions, not percent. number: its place in the search. equity, costs (the fees):
    exact. sharpe: from daily returns. exposure: share of the steps with a position. turnover: a year, half
    of what was bought and sold over the mean equity. trades: round
    trips, from flat to flat, that ended. error: why it has no
    outcome. engine: why it was not played by the kernel, empty where it was.
    """

    number: int
    values: dict[str, Any]
    equity: Decimal | None = None
    total_return: float | None = None
    cagr: float | None = None
    sharpe: float | None = None
    max_drawdown: float | None = None
    exposure: float | None = None
    turnover: float | None = None
    trades: int = 0
    executions: int = 0
    costs: Decimal = Decimal(0)
    engine: str = ""
    error: str = ""


class Tried(NamedTuple):
    """fills: int64 (k, 6), as kernel.Played has them but for shares in billionths. equity: float64 (T,),
    empty unless asked for.
    """

    figures: Figures
    fills: NDArray[np.int64]
    equity: Floats


class Setting(NamedTuple):
    """What all sets of a sweep have in common. curves: numbers of the sets whose curve is kept."""

    strategy: type[Strategy]
    bars: Sequence[Bar]
    cash: Money
    costs: Costs
    rules: Rules
    actions: Sequence[CorporateAction]
    kind: AccountKind
    curves: frozenset[int]
    membership: Membership | None = None


class Player:
    """Plays parameter sets under one setting; `why` says why none of them is compiled, empty if they are."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.why = ""
        self.times = common_times([bar.whole()[0] for bar in setting.bars])
        self.year = days_a_year(self.times)
        self.frame: Frame | None = None
        self.tape: Tape | None = None
        if not issubclass(setting.strategy, SignalStrategy):
            self.why = "not a signal strategy"
            return
        if own := hooks_of(setting.strategy):
            self.why = f"a signal strategy with {', '.join(own)} of its own"
            return
        try:
            self._terms(Decimal(1), Decimal(1))
            self.tape = tape_of(setting.bars, setting.costs, setting.rules, setting.actions)
        except InvalidValue as error:
            self.why = str(error)
            return
        grouped: dict[Any, list[CorporateAction]] = {}
        for action in setting.actions:
            grouped.setdefault(action.symbol, []).append(action)
        self.frame = frame_of(setting.bars, grouped, setting.membership)
        for column in self.frame[1:]:
            column.flags.writeable = False

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """While it lasts, indicators of the same data are worked out once for all sets."""
        with nullcontext() if self.frame is None else sharing(self.frame[2:8]):
            yield

    def check(self, values: Values) -> None:
        """Refuse a signal that looks ahead, as far as a few looks tell. Errors: InvalidValue."""
        if self.frame is not None:
            strategy = self.setting.strategy(**values)
            assert isinstance(strategy, SignalStrategy)
            check_causal(strategy, self.frame, strategy.targets(self.frame))

    def play(self, numbered: tuple[int, Values]) -> Tried:
        """One set; what the strategy or the data refuse is its outcome."""
        number, values = numbered
        try:
            return (
                self._compiled(number, values) if self.tape is not None else self._engine(*numbered, self.why)
            )
        except InvalidValue as error:
            figures = Figures(number, values, error=str(error), engine=self.why)
            return Tried(figures, np.empty((0, 6), np.int64), np.empty(0))

    def _terms(self, units: Decimal | None, lot: Decimal) -> NDArray[np.int64]:
        setting = self.setting
        return terms_of(setting.cash, setting.costs, setting.rules, units, lot, setting.kind)

    def _compiled(self, number: int, values: Values) -> Tried:
        tape, frame, strategy = self.tape, self.frame, self.setting.strategy(**values)
        assert tape is not None
        assert frame is not None
        assert isinstance(strategy, SignalStrategy)
        try:
            terms = self._terms(strategy.units, strategy.lot)
        except InvalidValue as error:
            return self._engine(number, values, str(error))
        played = kernel.play(tape.prices, turns_of(strategy, frame), tape.actions, terms)
        if played.status != kernel.PLAYED:
            return self._engine(number, values, _WHY[played.status])
        found = measure(tape, played, int(terms[kernel.CASH]), keep=number in self.setting.curves)
        played.fills[:, kernel.QTY] *= 1_000_000_000
        fees = Decimal(int(played.fills[:, kernel.FEE].sum())).scaleb(-6)
        exact = Decimal(played.equity).scaleb(-6)
        figures = _figures(number, values, exact, fees, len(played.fills), found, self.times, self.year)
        return Tried(figures, played.fills, found.equity)

    def _engine(self, number: int, values: Values, why: str) -> Tried:
        setting = self.setting
        bars = [
            Bar(bar.symbol, *bar.whole()) for bar in setting.bars
        ]  # cursors of its own, of the same columns
        result = run(
            setting.strategy(**values),
            bars,
            cash=setting.cash,
            rules=setting.rules,
            costs=setting.costs,
            actions=setting.actions,
            kind=setting.kind,
            membership=setting.membership,
        )
        curve = curve_of(result, bars)
        days = -(-curve.times // 86_400_000_000)
        ends = np.append(np.flatnonzero(np.diff(days)), len(days) - 1)
        peaks = np.maximum.accumulate(curve.equity)
        fees = sum((fill.fee for fill in result.fills), Decimal(0))
        found = Measured(
            curve.equity[ends],
            float(np.max(1.0 - curve.equity / peaks)),
            int(np.count_nonzero((curve.long_value != 0) | (curve.short_value != 0))),
            float(sum((fill.notional for fill in result.fills), Decimal(0))),
            float(curve.equity.mean()),
            float(fees),
            sum(1 for trade in trades_of(result) if trade.exit_at is not None),
            curve.equity if number in setting.curves else np.empty(0),
        )
        figures = _figures(
            number, values, result.equity, fees, len(result.fills), found, self.times, self.year
        )
        fills = _whole(result.fills, [bar.symbol for bar in bars], self.times)
        return Tried(msgspec.structs.replace(figures, engine=why), fills, found.equity)


def _whole(fills: Sequence[OrderFilled], symbols: Sequence[Symbol], times: Times) -> NDArray[np.int64]:
    """Executions as `Tried` keeps them."""
    columns = {name: place for place, name in enumerate(symbols)}
    rows = [
        (
            int(np.searchsorted(times, fill.at)),
            columns[fill.symbol],
            int((fill.qty if fill.side is Side.BUY else -fill.qty).scaleb(9)),
            int(fill.price.scaleb(9)),
            int(fill.notional.scaleb(6)),
            int(fill.fee.scaleb(6)),
        )
        for fill in fills
    ]
    return np.array(rows, np.int64).reshape(-1, 6)


def _figures(
    number: int,
    values: Values,
    equity: Decimal,
    fees: Decimal,
    executions: int,
    found: Measured,
    times: Times,
    year: int,
) -> Figures:
    """The figures as analytics.performance and analytics.trade_figures define them."""
    closes = found.closes
    first, last = float(closes[0]), float(closes[-1])
    returns = closes[1:] / closes[:-1] - 1.0 if closes.min() >= _CENT else np.empty(0)
    growth = last / first if first >= _CENT else None
    return Figures(
        number=number,
        values=values,
        equity=equity,
        total_return=None if growth is None else growth - 1.0,
        cagr=growth ** (year / (len(closes) - 1)) - 1.0 if growth and len(closes) > 1 else None,
        sharpe=sharpe_ratio(returns, year) if len(returns) > 1 else None,
        max_drawdown=-found.drawdown,
        exposure=found.in_market / len(times),
        turnover=turnover(found.traded, np.array([found.average]), float(times[-1] - times[0]) / _YEAR),
        trades=found.trades,
        executions=executions,
        costs=fees,
    )
