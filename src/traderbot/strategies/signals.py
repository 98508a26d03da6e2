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
from traderbot.model.bars import Bar, Times, common_times
from traderbot.model.border import weight_from_float
from traderbot.model.errors import InvalidValue
from traderbot.model.membership import EVERYBODY, Mask, Membership
from traderbot.model.symbols import Symbol
from traderbot.strategies.adjustments import on_ex_dates
from traderbot.strategies.base import Context, History, Strategy

_PLACES = 1e9
_WEIGHT_MAX = 1e6
AT_ROW = "at the bar of "
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
        field = f"{self.name}.signal ({place_of(type(self).signal)})"
        answer = self.answer(frame)
        try:
            found = np.asarray(answer, dtype=None if np.iscomplexobj(answer) else np.float64)
        except (TypeError, ValueError):
            raise InvalidValue(field, "an array of numbers", type(answer).__name__) from None
        if np.iscomplexobj(found):  # numpy would drop a part of them
            raise InvalidValue(field, "an array of numbers", "complex numbers")
        if found.shape != frame.close.shape:
            raise InvalidValue(field, f"an array of shape {frame.close.shape}", found.shape)
        if (found > _WEIGHT_MAX).any() or (found < -_WEIGHT_MAX).any():
            row, column = np.argwhere(np.abs(found) > _WEIGHT_MAX)[0]
            raise InvalidValue(
                field,
                f"finite numbers; of {frame.symbols[column]} at {told(int(frame.times[row]))}",
                float(found[row, column]),
            )
        return self.settled(found, 0, len(found))

    def answer(self, frame: Frame) -> Floats:
        """The signal as it is. What it raises is noted with the bar from which on it does."""
        try:
            return self.signal(frame)
        except MemoryError:
            raise
        except Exception as error:
            error.add_note(f"{AT_ROW}{_first_failing(self, frame)}")
            raise

    def settled(self, targets: Floats, first: int, last: int) -> Floats:
        """Rows of targets from `first` up to but not including `last`, rounded, none while it warms up."""
        rounded: Floats = targets[first:last] * _PLACES
        np.rint(rounded, out=rounded)
        rounded /= _PLACES
        rounded[: max(self.warm_up - first, 0)] = np.nan
        return rounded

    def on_step(self, ctx: Context, moved: Sequence[Bar]) -> None:
        symbols = ctx.universe
        targets = self.targets(frame_until_now(ctx, symbols, self.warm_up + 1))[-1].tolist()
        # those of the step it saw last: while an account is paused it sees none
        before = [self._seen.get(symbol, math.nan) for symbol in symbols]
        self._seen = dict(zip(symbols, targets, strict=True))
        self.follow(ctx, symbols, targets, before)
        super().on_step(ctx, moved)

    def follow(
        self, ctx: Context, symbols: Sequence[Symbol], targets: Sequence[float], before: Sequence[float]
    ) -> None:
        """Trade towards the targets of now. before: those of the bar before."""
        self.turn(
            ctx,
            [
                (symbol, target)
                for symbol, target, last in zip(symbols, targets, before, strict=True)
                if target == target and (target != last or symbol not in self.wanted)  # NaN is no opinion
                if ctx.market.mark(symbol) is not None
            ],
        )

    def turn(self, ctx: Context, changed: Sequence[tuple[Symbol, float]]) -> None:
        """Trade towards what is wanted. changed: targets of now that are not those of the bar before, of
        instruments with a price.
        """
        self._restate(ctx)
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
    times = common_times([history.times for history in histories.values()])
    member = EVERYBODY if membership is None else membership.mask(symbols, times)
    if len(symbols) == 1:
        return _alone(symbols, histories[symbols[0]], actions.get(symbols[0], ()), member)
    columns = np.full((6, len(times), len(symbols)), np.nan)
    for number, (symbol, history) in enumerate(histories.items()):
        rows: slice | Times = slice(None)
        if len(history.times) < len(times):
            rows = np.searchsorted(times, history.times)
        for field, column in enumerate(history[1:]):
            columns[field, rows, number] = column
        if len(history.times):
            columns[5, rows, number] = _growth_of(history, actions.get(symbol, ()))
    columns.flags.writeable = False
    opens, highs, lows, closes, volumes, growth = columns
    return Frame(symbols, times, opens, highs, lows, closes, volumes, growth, member)


def _alone(
    symbols: tuple[Symbol, ...], history: History, actions: Sequence[CorporateAction], member: Mask
) -> Frame:
    """The frame of one instrument, whose columns are those of its bars."""
    growth = _growth_of(history, actions)
    views = [column[:, None] for column in (*history[1:], growth)]
    for view in views:
        view.flags.writeable = False
    opens, highs, lows, closes, volumes, growth = views
    return Frame(symbols, history.times, opens, highs, lows, closes, volumes, growth, member)


def _growth_of(history: History, actions: Sequence[CorporateAction]) -> Floats:
    if actions:
        return total_growth(history.closes, *on_ex_dates(history.times, actions))
    growth = np.full(len(history.closes), np.nan)
    np.divide(history.closes[1:], history.closes[:-1], out=growth[1:])
    return growth


def since_first_bars(frame: Frame, targets: Floats) -> Floats:
    """Targets of all bars there are, without those of an instrument before its first one."""
    if not np.isnan(frame.close[:1]).any():
        return targets
    known = np.logical_or.accumulate(~np.isnan(frame.close), axis=0)
    return np.where(known, targets, np.nan)


def _first_failing(strategy: SignalStrategy, frame: Frame) -> str:
    """The bar with which the rows begin at which a signal raises, found by halving."""
    good, bad = 0, len(frame.times)
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            strategy.signal(frame.rows(0, middle))
            good = middle
        except Exception:  # noqa: BLE001 - whatever it is, it is told with the whole
            bad = middle
    return f"{told(int(frame.times[bad - 1]))[:16].replace('T', ' ')} UTC" if bad else "no rows"


def told(time: int) -> str:
    """A moment, for a message."""
    return str(np.datetime64(time, "us"))


def place_of(function: Callable[..., object]) -> str:
    """File and line of a function, for who has to mend it."""
    code = inspect.unwrap(function).__code__
    return f"{Path(code.co_filename).name} line {code.co_firstlineno}"
