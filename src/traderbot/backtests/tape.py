"""Bars, corporate actions and costs as the whole numbers that the compiled path plays, or a refusal."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from traderbot.model.account import AccountKind
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.amounts import Money
from traderbot.model.bars import Bar, Floats, Times
from traderbot.model.border import price_from_float, quantity_from_float
from traderbot.model.errors import InvalidValue
from traderbot.model.rules import NO_LIMITS, Rules
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs

Whole = NDArray[np.int64]

_BILLION = 1_000_000_000
_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()
_SURE = 9.0e15  # below it a float tells every whole number
_WHOLE_MOST = 9.2e9
_KINDS = {ActionKind.DIVIDEND: 0, ActionKind.SPLIT: 1}


class Tape(NamedTuple):
    """Bars of some instruments side by side, a row for each time any of them has a bar; raw.

    times: int64 (T,), microseconds. table: int64 (T, N, 5): the open in billionths, 0 where there is no bar;
    the last close, 0 before the first; the shares that an account may take of the bar, -1 of one without a
    volume; the row at which an order of the day ends that is placed here; 1 where the close is not stale.
    actions: int64 (A, 5), in the order they are due: row, column, kind, and the amount in billionths and 1,
    or new and old. closes: float64 (T, N), the last ones. ends: int64 (D,), the last row of each day, a bar
    at midnight UTC being of the day before.
    """

    symbols: tuple[Symbol, ...]
    times: Times
    table: Whole
    actions: Whole
    closes: Floats
    ends: Whole


def tape_of(bars: Sequence[Bar], costs: Costs, rules: Rules, actions: Sequence[CorporateAction] = ()) -> Tape:
    """Lay bars out for the kernel. Errors: InvalidValue where it cannot play them."""
    known = [bar.whole() for bar in bars]
    if not known or not all(len(columns[0]) for columns in known):
        raise InvalidValue("bars", "at least one instrument, and a bar of each", len(known))
    times = known[0][0] if len(known) == 1 else np.unique(np.concatenate([own for own, *_ in known]))
    table = np.zeros((len(times), len(bars), 5), np.int64)
    for column, (own, opening, _, _, close, volume) in enumerate(known):
        rows = np.searchsorted(times, own)
        table[rows, column, 0] = exact(opening, "open")
        table[rows, column, 1] = exact(close, "close")
        table[rows, column, 2] = _room(volume, costs.participation)
    last = _last_rows_known(table[:, :, 0] > 0)
    table[:, :, 1] = np.take_along_axis(table[:, :, 1], last, axis=0)
    table[:, :, 4] = times[:, None] - times[last] <= rules.stale_after
    table[:, :, 3] = _last_rows(times)[:, None]
    due = _due({bar.symbol: column for column, bar in enumerate(bars)}, actions, times)
    days = -(-times // _DAY)
    ends = np.append(np.flatnonzero(np.diff(days)), len(days) - 1)
    return Tape(tuple(bar.symbol for bar in bars), times, table, due, table[:, :, 1] / _BILLION, ends)


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


def exact(values: Floats, field: str) -> Whole:
    """Prices in billionths, as model.border reads them. Errors: InvalidValue.

    What a float says for sure is taken from it; the few that lie near the middle between two billionths, or
    are too large, are read digit by digit.
    """
    if not np.all(values > 0):
        raise InvalidValue(field, "positive prices", float(values[~(values > 0)][0]))
    whole = _billionths(values, lambda value: int(price_from_float(value, field) * _BILLION))
    if not np.all(whole > 0):
        raise InvalidValue(field, "prices of a billionth and more", float(values[whole <= 0][0]))
    return whole


def _billionths(values: Floats, slowly: Callable[[float], int]) -> Whole:
    scaled = values * 1e9
    nearest = np.rint(scaled)
    unsure = ~(np.abs(scaled - nearest) < 0.5 - 1e-9 - np.abs(scaled) * 5e-16) | ~(scaled < _SURE)
    whole = np.where(unsure, 0, nearest).astype(np.int64)
    plain = unsure & (values == np.floor(values)) & (values <= _WHOLE_MOST)
    whole[plain] = values[plain].astype(np.int64) * _BILLION
    unsure &= ~plain
    for place in np.flatnonzero(unsure).tolist():
        whole[place] = slowly(float(values[place]))
    return np.maximum(whole, 0)


def _room(volumes: Floats, participation: Decimal) -> Whole:
    """Whole shares of the part of each volume that an account may take."""
    if not np.all(volumes >= 0):
        raise InvalidValue("volume", "volumes of zero or more", float(volumes[~(volumes >= 0)][0]))
    parts = _billionths(volumes, lambda value: int(quantity_from_float(value) * _BILLION))
    num, den = participation.as_integer_ratio()
    whole, rest = np.divmod(parts, _BILLION)
    room = (whole * num + rest * num // _BILLION) // den
    return np.asarray(np.where(parts > 0, room, -1), dtype=np.int64)


def _last_rows_known(there: NDArray[np.bool_]) -> Whole:
    """For each column and row, the row of its last bar; 0 before the first."""
    rows = np.where(there, np.arange(len(there))[:, None], 0)
    np.maximum.accumulate(rows, axis=0, out=rows)
    return rows


def _last_rows(times: Times) -> Whole:
    """The last row of the day whose bars come next; a bar at midnight UTC belongs to the day before."""
    days = -(-times // _DAY)
    ends = np.searchsorted(days, days, side="right") - 1
    following = np.minimum(np.arange(len(times)) + 1, len(times) - 1)
    return np.asarray(ends[following], dtype=np.int64)


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
