"""What a run's events say afterwards: the curve of its equity, its trades, and buying and holding instead.

Nothing of this costs the run itself anything.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec
import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.returns import equal_parts, total_return_index
from traderbot.backtests.runner import Result
from traderbot.engine.round_trips import RoundTrip, follow
from traderbot.model import rounding
from traderbot.model.account import NOTHING
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.amounts import Money, Price
from traderbot.model.bars import Bar, Times
from traderbot.model.border import to_float
from traderbot.model.events import CashMoved, CorporateActionApplied, Event, Execution, ExecutionBusted
from traderbot.model.orders import Side
from traderbot.model.symbols import Symbol
from traderbot.strategies.adjustments import on_ex_dates

_BUY = Side.BUY


class Curve(msgspec.Struct, frozen=True, eq=False):
    """An account at the end of every step; float64 (n,), for statistics and plots.

    times: int64 (n,), microseconds UTC. long_value: 0 or more. short_value: 0 or less.
    """

    times: Times
    equity: Floats
    cash: Floats
    long_value: Floats
    short_value: Floats

    def since(self, time: int) -> "Curve":
        """The steps from a time on."""
        first = int(self.times.searchsorted(time, "left"))
        return Curve(
            self.times[first:],
            self.equity[first:],
            self.cash[first:],
            self.long_value[first:],
            self.short_value[first:],
        )


class Trade(msgspec.Struct, frozen=True):
    """A position from flat to flat; of the last one of an instrument, as far as it got.

    qty: shares that were opened, in shares of the end where it was split. largest: the most of them held at
    a time; None in a result from before it was kept. entry_price, exit_price: averages.
    exit_at: None while it is open; exit_price and gross are then those of what was closed. gross: before
    fees. net: after them. Dividends, interest and borrow fees are the account's.
    """

    symbol: Symbol
    side: Side
    qty: Decimal
    entry_at: int
    entry_price: Price
    exit_at: int | None
    exit_price: Price | None
    executions: int
    gross: Money
    fees: Money
    net: Money
    largest: Decimal | None = None


def curve_of(result: Result, bars: Sequence[Bar]) -> Curve:
    """The account at the end of every step of a run; its last equity is that of the result."""
    columns = [bar.columns for bar in bars]
    every = [times for times, *_ in columns]
    times = every[0] if len(every) == 1 else np.unique(np.concatenate(every))
    moments, flows, held = _movements(result.events)
    moments = [moment or min(0, int(times[0])) for moment in moments]  # the deposit is older than any bar
    cash = _at(times, moments, flows)
    long_value, short_value = np.zeros(len(times)), np.zeros(len(times))
    closes = {bar.symbol: (own, close) for bar, (own, _, _, _, close, _) in zip(bars, columns, strict=True)}
    for name, (changed, quantities) in held.items():
        value = _at(times, changed, quantities) * _marks(times, *closes[name])
        long_value += np.maximum(value, 0.0)
        short_value += np.minimum(value, 0.0)
    return Curve(times, cash + long_value + short_value, cash, long_value, short_value)


def trades_of(result: Result) -> list[Trade]:
    """The round trips of a run by their entries, those still open among them.

    The sum of net is what the account realised, less its fees.
    """
    book: dict[Symbol, _Building] = {}
    done: list[Trade] = []
    for event in result.events:
        if isinstance(event, Execution):
            done += _execute(book, event)
        elif isinstance(event, CorporateActionApplied):
            done += _act(book, event)
    for name, building in book.items():
        done += building.trade(name, None)
    return sorted(done, key=lambda trade: (trade.entry_at, trade.symbol))


def buy_and_hold(
    bars: Sequence[Bar], actions: Iterable[CorporateAction], times: Times, begin: int = 0
) -> Floats:
    """What 1 became in equal parts of the instruments listed, bought at closes, as `equal_parts` has it.

    times: int64 (n,), the steps of the window. begin: the step at whose close it buys; cash until then.
    Dividends are reinvested, nothing costs anything. Returns: float64 (n,).
    """
    if begin:
        return np.concatenate((np.ones(begin), buy_and_hold(bars, actions, times[begin:])))
    held = np.full((len(times), len(bars)), np.nan)
    acts = list(actions)
    for column, bar in enumerate(bars):
        own, _, _, _, closes, _ = bar.columns
        ratios, dividends = on_ex_dates(own, [action for action in acts if action.symbol == bar.symbol])
        worth = total_return_index(closes, ratios, dividends)
        places = own.searchsorted(times, "right") - 1
        held[:, column] = np.where(places >= 0, worth[np.maximum(places, 0)], np.nan)
    return equal_parts(held)


def first_conclusion(warm_up: int, steps: int, window: int) -> int:
    """The step of a window at which a strategy first concludes something: as soon as so many bars lie before
    it, history before the window among them.

    steps: all that the run went over, of which the last `window` are the window's. Returns: 0 where the
    warm-up never ends.
    """
    begin = max(warm_up - (steps - window), 0)
    return begin if begin < window else 0


class _Building:
    """A position on its way, with what was opened and closed of it so far."""

    __slots__ = ("closed", "closed_value", "largest", "opened", "opened_value", "side", "trip")

    def __init__(self, side: Side) -> None:
        self.side = side
        self.opened = self.opened_value = self.closed = self.closed_value = self.largest = NOTHING
        self.trip: RoundTrip | None = None

    def open(self, qty: Decimal, value: Decimal) -> None:
        self.opened += qty
        self.opened_value += value
        self.largest = max(self.largest, self.opened - self.closed)

    def close(self, qty: Decimal, value: Decimal) -> None:
        self.closed += qty
        self.closed_value += value

    def act(self, event: CorporateActionApplied) -> None:
        """Let a split, which rescales what was traded, or a delisting, which closes what is left, happen."""
        if event.kind is ActionKind.SPLIT:
            self.opened = rounding.signed_split(self.opened, event.new, event.old)
            self.closed = rounding.signed_split(self.closed, event.new, event.old)
            self.largest = rounding.signed_split(self.largest, event.new, event.old)
        elif event.kind is ActionKind.DELISTING:
            self.close(self.opened - self.closed, abs(event.cash or NOTHING))

    def join(self, other: "_Building") -> None:
        """Take in what another symbol brings along when it takes this one's name."""
        self.closed += other.closed  # before the rest: of both together only what is held now counts
        self.closed_value += other.closed_value
        self.largest = max(self.largest, other.largest)
        self.open(other.opened, other.opened_value)
        mine, its = self.trip, other.trip
        if mine is not None and its is not None:
            self.trip = RoundTrip(
                min(mine.opened_at, its.opened_at),
                mine.executions + its.executions,
                mine.realised + its.realised,
                mine.fees + its.fees,
            )

    def trade(self, symbol: Symbol, exit_at: int | None) -> list[Trade]:
        """The trade it is so far; none of a symbol that was never held."""
        trip = self.trip
        if trip is None or not self.opened:
            return []
        made = Trade(
            symbol,
            self.side,
            self.opened,
            trip.opened_at,
            rounding.average_price(self.opened_value, self.opened),
            exit_at,
            rounding.average_price(self.closed_value, self.closed) if self.closed else None,
            trip.executions,
            Money(trip.realised),
            Money(trip.fees),
            Money(trip.realised - trip.fees),
            self.largest,
        )
        return [made]


def _execute(book: dict[Symbol, _Building], event: Execution) -> list[Trade]:
    """Add an execution to the position of its symbol. Returns: the trade it ended."""
    symbol, after, qty = event.symbol, event.position_qty, event.qty
    before = after - qty if event.side is _BUY else after + qty
    building = book.get(symbol)
    if building is None:
        building = book[symbol] = _Building(event.side)
    step = follow(building.trip, event)
    if abs(after) > abs(before) and before * after >= 0:
        building.open(qty, event.notional)
    else:
        closing = min(abs(before), qty)
        value = rounding.pro_rata(event.notional, closing, qty)
        building.close(closing, value)
        if after and step.ended is not None:
            book[symbol] = _Building(event.side)
            book[symbol].open(qty - closing, event.notional - value)
            book[symbol].trip = step.now
    if step.ended is None:
        building.trip = step.now
        return []
    building.trip = step.ended
    if not after:
        del book[symbol]
    return building.trade(symbol, event.at)


def _act(book: dict[Symbol, _Building], event: CorporateActionApplied) -> list[Trade]:
    """Let a corporate action happen to the position of its symbol. Returns: the trade it ended."""
    building = book.get(event.symbol)
    if building is None:
        return []
    building.act(event)
    step = follow(building.trip, event)
    building.trip = step.now
    if step.ended is not None or step.symbol != event.symbol:
        del book[event.symbol]
    if step.ended is not None:
        return building.trade(event.symbol, event.at)
    if step.symbol != event.symbol:
        known = book.setdefault(step.symbol, building)
        if known is not building:
            known.join(building)
    return []


Held = dict[Symbol, tuple[list[int], list[float]]]


def _movements(events: Iterable[Event]) -> tuple[list[int], list[float], Held]:
    """(times, cash after each movement) and, by symbol, (times, shares after each change).

    Cash is summed exactly, so that many small amounts do not drift.
    """
    times: list[int] = []
    levels: list[float] = []
    held: Held = {}
    cash = NOTHING
    for event in events:
        if isinstance(event, Execution):
            flow = event.notional if event.side is not _BUY else -event.notional
            cash += flow - event.fee
            _note(held, event.symbol, event.at, event.position_qty)
        elif isinstance(event, CashMoved):
            cash += event.amount
        elif isinstance(event, CorporateActionApplied):
            cash += event.cash or NOTHING
            if event.new_symbol is None:
                _note(held, event.symbol, event.at, event.position_qty)
            else:
                _note(held, event.symbol, event.at, NOTHING)
                _note(held, event.new_symbol, event.at, event.position_qty)
        elif isinstance(event, ExecutionBusted):
            flow = event.notional if event.side is _BUY else -event.notional
            cash += flow + event.fee
            _note(held, event.symbol, event.at, event.position_qty)
        else:
            continue
        times.append(event.at)
        levels.append(to_float(cash))
    return times, levels, held


def _note(held: Held, symbol: Symbol, at: int, qty: Decimal) -> None:
    times, quantities = held.setdefault(symbol, ([], []))
    times.append(at)
    quantities.append(to_float(qty))


def _at(times: Times, changed: list[int], levels: list[float]) -> Floats:
    """The level after the last change at or before each time; 0 before the first."""
    places = np.searchsorted(np.array(changed, dtype=np.int64), times, "right")
    found: Floats = np.concatenate(([0.0], levels))[places]
    return found


def _marks(times: Times, own: Times, closes: Floats) -> Floats:
    """The last close known at each time; 0 before the first, when nothing can be held."""
    places = own.searchsorted(times, "right")
    found: Floats = np.concatenate(([0.0], closes))[places]
    return found
