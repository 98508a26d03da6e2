"""Strategies that are a pure function from bars to target weights, traded alike wherever they run.

The function sees whole arrays; so it runs once over all bars in a backtest or a sweep, and over a window that
ends now everywhere else, with the same trades.
"""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.returns import total_growth
from traderbot.model import rounding
from traderbot.model.account import NOTHING, AccountKind
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.bars import Bar, Times
from traderbot.model.border import weight_from_float
from traderbot.model.errors import InvalidValue
from traderbot.model.membership import EVERYBODY, Mask, Membership
from traderbot.model.symbols import Symbol
from traderbot.strategies.adjustments import on_ex_dates
from traderbot.strategies.base import Context, History, Strategy

_PLACES = 1e9
_WEIGHT_MAX = 1e6
_SHARE = Decimal(1)


class Frame(NamedTuple):
    """Bars of several instruments at common times, oldest first.

    times: int64 (T,), microseconds UTC. The others float64 (T, N), a column for each symbol, raw, NaN where
    an instrument has no bar. growth: what one unit of money held since the instrument's bar before became,
    splits and dividends included; NaN at its first bar. member: bool (T, N), whether an instrument belonged
    to the index; (1, 1) and true where nobody said who did.
    """

    symbols: tuple[Symbol, ...]
    times: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    growth: Floats
    member: Mask = EVERYBODY

    def rows(self, first: int, last: int) -> "Frame":
        """The rows from `first` up to but not including `last`, as views."""
        return Frame(
            self.symbols,
            self.times[first:last],
            self.open[first:last],
            self.high[first:last],
            self.low[first:last],
            self.close[first:last],
            self.volume[first:last],
            self.growth[first:last],
            self.member if self.member is EVERYBODY else self.member[first:last],
        )


class SignalStrategy(Strategy):
    """A strategy whose whole conclusion is a target for each instrument at each bar.

    units: None, or the shares that a target of 1 stands for; else a target is a fraction of equity. lot: the
    smallest quantity it trades. The rule of trading, exact everywhere: where an instrument's target is not
    that of the bar before, the quantity wanted is set anew from equity and price of now; until its first bar
    an instrument has no target. At each step what is still open of an order is cancelled, and while less or
    more than wanted is held, the difference is ordered at the market, sales first; a buy of a cash account
    takes no more than available cash surely pays for, the rest waits for the next step; from long to short
    are two orders at two steps. Splits and changes of symbol restate what is wanted as they do positions; of
    what is delisted nothing is wanted any more.
    """

    lot: Decimal = _SHARE

    def __init__(self, **values: object) -> None:
        super().__init__(**values)
        self.wanted: dict[Symbol, Decimal] = {}
        self._seen: dict[Symbol, float] = {}
        self._restated = 0

    @property
    def units(self) -> Decimal | None:
        return None

    def signal(self, frame: Frame) -> Floats:
        """Targets, float64 (T, N): NaN for no opinion, below 0 for short. A row may go by the `warm_up` rows
        before it and by none after it. Raw prices jump at splits: what compares bars goes by `growth`, and
        the functions of analytics that fold windows give the same from a window as from all bars.
        """
        raise NotImplementedError

    def targets(self, frame: Frame) -> Floats:
        """The signal, checked, rounded to 9 places, no opinion while it warms up. Errors: InvalidValue naming
        the strategy.
        """
        field = f"{self.name}.signal ({_place_of(type(self).signal)})"
        answer = self.signal(frame)
        try:
            found = np.asarray(answer, dtype=np.float64)
        except (TypeError, ValueError):
            raise InvalidValue(field, "an array of numbers", type(answer).__name__) from None
        if found.shape != frame.close.shape:
            raise InvalidValue(field, f"an array of shape {frame.close.shape}", found.shape)
        wrong = np.isinf(found) | (np.abs(found) > _WEIGHT_MAX)
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise InvalidValue(
                field,
                f"finite numbers; of {frame.symbols[column]} at {_told(int(frame.times[row]))}",
                float(found[row, column]),
            )
        rounded: Floats = np.rint(found * _PLACES) / _PLACES
        rounded[: self.warm_up] = np.nan
        return rounded

    def on_step(self, ctx: Context, moved: Sequence[Bar]) -> None:
        symbols = ctx.universe
        targets = self.targets(frame_until_now(ctx, symbols, self.warm_up + 1))[-1].tolist()
        # those of the step it saw last: while an account is paused it sees none
        before = [self._seen.get(symbol, math.nan) for symbol in symbols]
        self._seen = dict(zip(symbols, targets, strict=True))
        self.follow(ctx, symbols, targets, before)

    def follow(
        self, ctx: Context, symbols: Sequence[Symbol], targets: Sequence[float], before: Sequence[float]
    ) -> None:
        """Trade towards the targets of now. before: those of the bar before."""
        self._restate(ctx)
        changed = [
            (symbol, target)
            for symbol, target, last in zip(symbols, targets, before, strict=True)
            if target == target and (target != last or symbol not in self.wanted)  # NaN is no opinion
            if ctx.market.mark(symbol) is not None
        ]
        if changed:
            equity = ctx.equity if self.units is None else NOTHING
            for symbol, target in changed:
                self.wanted[symbol] = self._quantity(ctx, symbol, target, equity)
            self._restated = ctx.time
        if ctx.account.orders or not self.done(ctx):
            self._trade(ctx)

    def done(self, ctx: Context) -> bool:
        """Whether it holds what it wants."""
        held = ctx.account.positions
        for symbol, wanted in self.wanted.items():
            position = held.get(symbol)
            if wanted if position is None else position.qty != wanted:
                return False
        return True

    def state(self) -> dict[str, Any] | None:
        seen = {symbol: None if math.isnan(target) else target for symbol, target in self._seen.items()}
        wanted = [[symbol, str(qty)] for symbol, qty in self.wanted.items()]  # in the order of its buys
        return {"wanted": wanted, "seen": seen, "restated": self._restated}

    def restore(self, state: dict[str, Any]) -> None:
        self.wanted = {Symbol(symbol): Decimal(qty) for symbol, qty in state["wanted"]}
        self._seen = {
            Symbol(symbol): math.nan if target is None else target for symbol, target in state["seen"].items()
        }
        self._restated = state["restated"]

    def _restate(self, ctx: Context) -> None:
        """Keep what is wanted in the shares of now."""
        for action in ctx.restated(self._restated):
            wanted = self.wanted.get(action.symbol)
            if not wanted:
                continue
            if action.kind is ActionKind.SPLIT:
                self.wanted[action.symbol] = rounding.signed_split(wanted, action.new, action.old)
            else:
                self.wanted[action.symbol] = NOTHING
                if action.new_symbol is not None:
                    self.wanted[action.new_symbol] = self.wanted.get(action.new_symbol, NOTHING) + wanted
            self._restated = ctx.time

    def _quantity(self, ctx: Context, symbol: Symbol, target: float, equity: Decimal) -> Decimal:
        weight, units = weight_from_float(target, f"{self.name}.signal"), self.units
        if units is not None:
            qty = rounding.whole_steps(abs(weight) * units, self.lot)
        elif not weight:
            return NOTHING
        else:
            qty = rounding.shares_for(rounding.budget(equity, weight), ctx.mark(symbol), self.lot)
        return -qty if weight < 0 else qty

    def _trade(self, ctx: Context) -> None:
        """Order the differences. A sale never goes through nothing, nor does a buy."""
        for order in ctx.orders:
            if order.symbol in self.wanted:
                ctx.cancel(order.id)
        differences: list[tuple[Symbol, Decimal]] = []
        for symbol, wanted in self.wanted.items():
            held = ctx.position(symbol)
            if held != wanted:
                goal = wanted if held * wanted >= 0 else NOTHING
                differences.append((symbol, goal - held))
        for symbol, difference in differences:
            if difference < 0:
                ctx.sell(symbol, -difference)
        cash: Decimal = ctx.available
        limited = ctx.account.kind is AccountKind.CASH
        for symbol, difference in differences:
            if difference <= 0:
                continue
            qty = difference
            if limited:
                most, price_max = affordable(ctx, symbol, cash, self.lot)
                qty = min(qty, most)
                cash -= rounding.hold(qty, price_max, ctx.rules.fee_rate) if qty else NOTHING
            if qty:
                ctx.buy(symbol, qty)


def affordable(ctx: Context, symbol: Symbol, cash: Decimal, lot: Decimal) -> tuple[Decimal, Decimal]:
    """The most that a market buy may ask for with this cash, and the price it is held at."""
    rules = ctx.rules
    price_max = rounding.price_at(ctx.mark(symbol), 1 + rules.collar)
    spendable = cash - (rules.fee_minimum or 0)
    if spendable <= 0:
        return NOTHING, price_max
    each = price_max + (rules.fee_per_share or 0)
    return rounding.affordable(spendable, each, rules.fee_rate, lot), price_max


def frame_of(
    bars: Sequence[Bar],
    actions: Mapping[Symbol, Sequence[CorporateAction]] | None = None,
    membership: Membership | None = None,
) -> Frame:
    """All bars of these instruments, whatever their cursors stand at."""
    histories = {bar.symbol: History(*bar.whole()) for bar in bars}
    return _framed(histories, actions or {}, membership)


def frame_until_now(ctx: Context, symbols: Sequence[Symbol], rows: int) -> Frame:
    """The last so many rows that are known now."""
    # one more, as growth goes by the close before
    histories = {symbol: ctx.history(symbol, rows + 1) for symbol in symbols}
    frame = _framed(histories, {symbol: ctx.actions(symbol) for symbol in symbols}, ctx.membership)
    return frame.rows(max(len(frame.times) - rows, 0), len(frame.times))


def _framed(
    histories: Mapping[Symbol, History],
    actions: Mapping[Symbol, Sequence[CorporateAction]],
    membership: Membership | None,
) -> Frame:
    symbols = tuple(histories)
    times = _all_times([history.times for history in histories.values()])
    columns = np.full((6, len(times), len(symbols)), np.nan)
    for number, (symbol, history) in enumerate(histories.items()):
        rows = np.searchsorted(times, history.times)
        for field, column in enumerate(history[1:]):
            columns[field, rows, number] = column
        if len(rows):
            events = on_ex_dates(history.times, actions.get(symbol, ()))
            columns[5, rows, number] = total_growth(history.closes, *events)
    columns.flags.writeable = False
    opens, highs, lows, closes, volumes, growth = columns
    member = EVERYBODY if membership is None else membership.mask(symbols, times)
    return Frame(symbols, times, opens, highs, lows, closes, volumes, growth, member)


def _all_times(every: Sequence[Times]) -> Times:
    if not every:
        return np.empty(0, dtype=np.int64)
    first = every[0]
    if all(len(times) == len(first) and np.array_equal(times, first) for times in every[1:]):
        return first
    found: Times = np.unique(np.concatenate(every))
    return found


def since_first_bars(frame: Frame, targets: Floats) -> Floats:
    """Targets of all bars there are, without those of an instrument before its first one."""
    known = np.logical_or.accumulate(~np.isnan(frame.close), axis=0)
    return np.where(known, targets, np.nan)


def check_causal(strategy: SignalStrategy, frame: Frame, targets: Floats, looks: int = 16) -> None:
    """Refuse a strategy whose targets do not follow from the rows that it may go by, as far as a few looks at
    windows tell, which is what it is shown outside a backtest. Errors: InvalidValue naming strategy,
    instrument and bar.
    """
    rows, window = len(frame.times), strategy.warm_up + 2
    for cut in sorted({rows * number // looks for number in range(1, looks + 1)}):
        if cut <= strategy.warm_up:
            continue
        seen = strategy.targets(frame.rows(max(cut - window, 0), cut))[-2:]
        column = _first_difference(seen, targets[cut - len(seen) : cut])
        if column is None:
            continue
        prefix = strategy.targets(frame.rows(0, cut))[-2:]
        alone = _first_difference(prefix, targets[cut - len(prefix) : cut])
        where = f"for {frame.symbols[column]} at {_told(int(frame.times[cut - 1]))}"
        if alone is not None:
            expected = f"no look ahead: its target {where} is another once the bars after it are known"
        else:
            expected = f"a target {where} that follows from the {strategy.warm_up} bars of its warm_up"
        raise InvalidValue(f"{strategy.name}.signal ({_place_of(type(strategy).signal)})", expected)


def _first_difference(seen: Floats, whole: Floats) -> int | None:
    """The first column in which two parts of targets differ."""
    differs = ~((seen == whole) | (np.isnan(seen) & np.isnan(whole)))
    return int(np.argwhere(differs)[0][1]) if differs.any() else None


def _told(time: int) -> str:
    return str(np.datetime64(time, "us"))


def _place_of(function: Callable[..., object]) -> str:
    """File and line of a function, for who has to mend it."""
    code = inspect.unwrap(function).__code__
    return f"{Path(code.co_filename).name} line {code.co_firstlineno}"
