"""Bars, corporate actions and costs as the compiled path plays them, or a refusal."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from traderbot.backtests.sweeping.kernel import MARK, OPEN, VOLUME, lay
from traderbot.backtests.sweeping.prices import Prices
from traderbot.model.account import AccountKind
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.amounts import AMOUNT_MAX, Money
from traderbot.model.bars import Bar, Columns, Floats, Times, common_times
from traderbot.model.border import quantity_from_float
from traderbot.model.errors import InvalidValue
from traderbot.model.rules import NO_LIMITS, Rules
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs

Whole = NDArray[np.int64]
Array = TypeVar("Array", Floats, Whole)

_BILLION = 1_000_000_000
_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()
_WHOLE_MOST = 9.2e9
_KINDS = {ActionKind.DIVIDEND: 0, ActionKind.SPLIT: 1}


class Tape(NamedTuple):
    """Bars of some instruments side by side, as the kernel plays them.

    times: int64 (T,), of the rows, microseconds. closes: float64 (T, N), the last ones, NaN before the first.
    actions: int64 (A, 5), in the order they are due: row, column, kind, and the amount in billionths and 1,
    or new and old.
    """

    symbols: tuple[Symbol, ...]
    times: Times
    closes: Floats
    prices: Prices
    actions: Whole

    @property
    def ends(self) -> Whole:
        """The last row of each day, int64 (D,); a bar at midnight UTC is of the day before."""
        return self.prices.ends


def tape_of(bars: Sequence[Bar], costs: Costs, rules: Rules, actions: Sequence[CorporateAction] = ()) -> Tape:
    """Lay bars out for the kernel. Errors: InvalidValue where it cannot play them."""
    known = [bar.whole() for bar in bars]
    if not known or not all(len(columns[0]) for columns in known):
        raise InvalidValue("bars", "at least one instrument, and a bar of each", len(known))
    for _, opening, _, _, close, volume in known:
        _check_prices(opening, "open")
        _check_prices(close, "close")
        if not (volume.min() >= 0 and volume.max() <= _WHOLE_MOST):
            raise InvalidValue("volume", "volumes of zero or more", float(volume[~(volume >= 0)][:1].sum()))
    times = common_times([own for own, *_ in known])
    table = np.empty((len(times), len(known), 3), np.int64)
    closes, ages = _lay(known, times, table)
    limits = np.array([rules.stale_after, *costs.participation.as_integer_ratio()], np.int64)
    prices = Prices(_fixed(table), _fixed(ages), _fixed(last_rows(times)), _fixed(limits))
    due = _due({bar.symbol: column for column, bar in enumerate(bars)}, actions, times)
    return Tape(tuple(bar.symbol for bar in bars), times, _fixed(closes), prices, due)


def _lay(known: Sequence[Columns], times: Times, table: Whole) -> tuple[Floats, Whole]:
    """Fill a table with a column for each instrument. Returns: the last closes and the ages of Prices."""
    missing = any(len(own) < len(times) for own, *_ in known)
    closes = known[0][4][:, None] if len(known) == 1 else np.full((len(times), len(known)), np.nan)
    if missing:
        table[:] = 0
    for column, (own, opening, _, _, close, volume) in enumerate(known):
        whole = len(own) == len(times)
        rows = np.empty(0, np.int64) if whole else np.searchsorted(times, own)
        for kind, values in ((OPEN, opening), (MARK, close), (VOLUME, volume)):
            for place in lay(values, rows, column, kind, table).tolist():
                table[place if whole else rows[place], column, kind] = _exact(float(values[place]))
        if len(known) > 1:
            closes[slice(None) if whole else rows, column] = close
    if not missing:
        return closes, np.empty((0, 0), np.int64)
    last = _last_rows_known(~np.isnan(closes))
    table[:, :, MARK] = np.take_along_axis(table[:, :, MARK], last, axis=0)
    return np.take_along_axis(closes, last, axis=0), np.asarray(times[:, None] - times[last])


def _exact(value: float) -> int:
    """A price or volume in billionths, digit by digit."""
    return int(quantity_from_float(value) * _BILLION)


def _fixed(array: Array) -> Array:
    """A view that nobody can write to: then the kernel is compiled for one kind of arrays alone."""
    view = array[:]
    view.flags.writeable = False
    return view


def last_rows(times: Times) -> Whole:
    """The last row of each day, int64 (D,); a bar at midnight UTC is of the day before."""
    first, last = -(-int(times[0]) // _DAY), -(-int(times[-1]) // _DAY)
    if last - first > len(times):  # more days than bars
        days = -(-times // _DAY)
        return np.append(np.flatnonzero(np.diff(days)), len(days) - 1)
    rows = np.searchsorted(times, np.arange(first, last) * _DAY, "right") - 1
    return np.append(rows[np.diff(rows, prepend=-1) > 0], len(times) - 1)


def _check_prices(values: Floats, field: str) -> None:
    least, most = float(values.min()), float(values.max())
    if not least > 0:
        raise InvalidValue(field, "positive prices", float(values[~(values > 0)][0]))
    if not least * 1e9 > 0.5:
        raise InvalidValue(field, "prices of a billionth and more", least)
    if not most <= _WHOLE_MOST:
        raise InvalidValue(field, f"a finite number up to {AMOUNT_MAX}", most)


def terms_of(
    cash: Money, costs: Costs, rules: Rules, units: Decimal | None, lot: Decimal, kind: AccountKind
) -> Whole:
    """What an account trades under. Errors: InvalidValue, naming what the kernel does not play."""
    _check(costs, rules, lot, kind)
    share = [0, 0] if units is None else list(units.as_integer_ratio())
    slippage, fee = costs.slippage.as_integer_ratio(), costs.fee_rate.as_integer_ratio()
    held, collar = rules.fee_rate.as_integer_ratio(), rules.collar.as_integer_ratio()
    most = min(int(rules.max_order_value * _BILLION), 9_000_000_000 * _BILLION)
    start = int(cash * 1_000_000)
    if not 0 <= start <= 4_000_000_000_000_000:
        raise InvalidValue("cash", "from 0 to 4,000,000,000 for a compiled run", cash)
    if units is not None and (units <= 0 or max(share) > _BILLION):
        raise InvalidValue("units", "shares a compiled run can count, above 0", units)
    return np.array([start, int(lot), *share, *slippage, *fee, *held, *collar, most], np.int64)


def _check(costs: Costs, rules: Rules, lot: Decimal, kind: AccountKind) -> None:
    played = "what a compiled run plays"
    if kind is not AccountKind.CASH:
        raise InvalidValue("kind", f"a cash account, {played}", kind)
    for name in ("fees", "impact"):
        if getattr(costs, name) is not None:
            raise InvalidValue(name, f"none: a fixed fee_rate and slippage are {played}", "set")
    if costs.latency:
        raise InvalidValue("latency", f"0, {played}", costs.latency)
    if rules.limits != NO_LIMITS:
        raise InvalidValue("limits", f"none, {played}", "set")
    if rules.halted is not None or rules.halted_symbols:
        raise InvalidValue("halted", f"no halt, {played}", rules.halted or sorted(rules.halted_symbols)[0])
    if rules.fee_per_share or rules.fee_minimum:
        raise InvalidValue("fee_per_share, fee_minimum", f"none, {played}", "set")
    if lot < 1 or lot % 1 or lot > 1_000_000:
        raise InvalidValue("lot", f"whole shares up to 1,000,000, {played}", lot)


def _last_rows_known(there: NDArray[np.bool_]) -> Whole:
    """For each column and row, the row of its last bar; 0 before the first."""
    rows = np.where(there, np.arange(len(there))[:, None], 0)
    np.maximum.accumulate(rows, axis=0, out=rows)
    return rows


def _due(columns: Mapping[Symbol, int], actions: Sequence[CorporateAction], times: Times) -> Whole:
    """Actions of the instruments by the first row after the midnight their ex-date begins with."""
    rows = []
    for action in sorted(actions, key=lambda action: action.ex_date):
        if action.kind not in _KINDS:
            raise InvalidValue("actions", "splits and dividends, what a compiled run plays", action.kind)
        midnight = (action.ex_date.toordinal() - _EPOCH) * _DAY
        row = int(np.searchsorted(times, midnight, side="right"))
        if action.symbol not in columns or row == len(times):
            continue
        amount = 0 if action.amount is None else int(action.amount * _BILLION)
        figures = (amount, 1) if action.kind is ActionKind.DIVIDEND else (action.new, action.old)
        rows.append((row, columns[action.symbol], _KINDS[action.kind], *figures))
    return np.array(rows, np.int64).reshape(-1, 5)
