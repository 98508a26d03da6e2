"""Splits and dividends as columns beside bars, so that returns are right on the day they count."""

from collections.abc import Mapping, Sequence
from datetime import date
from operator import itemgetter

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.returns import adjustment_factors
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.bars import Columns, Times
from traderbot.model.symbols import Symbol

_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()


def restating(actions: Mapping[Symbol, Sequence[CorporateAction]]) -> list[tuple[int, CorporateAction]]:
    """What changes how many shares of what are held: splits, changes of symbol and delistings, oldest first,
    each with the start of its ex-date in microseconds UTC.
    """
    every = (action for group in actions.values() for action in group)
    found = [(restating_from(action), action) for action in every if action.kind is not ActionKind.DIVIDEND]
    return sorted(found, key=itemgetter(0))


def restating_from(action: CorporateAction) -> int:
    """Start of an action's ex-date in microseconds UTC: it takes effect in the first step after that."""
    return (action.ex_date.toordinal() - _EPOCH) * _DAY


def on_ex_dates(times: Times, actions: Sequence[CorporateAction]) -> tuple[Floats, Floats]:
    """New shares per old share and cash per old share, each float64 (n,), on the first bar of the ex-date or
    after it; what was before the first bar or is after the last counts nowhere.

    times: int64 (n,), microseconds UTC of the closes; one at midnight is of the day before.
    """
    splits, dividends = np.ones(len(times)), np.zeros(len(times))
    days = (times - 1) // _DAY
    for action in actions:
        day = action.ex_date.toordinal() - _EPOCH
        row = int(days.searchsorted(day))
        if row >= len(days) or (row == 0 and days[0] != day):
            continue
        if action.kind is ActionKind.SPLIT:
            splits[row] *= action.new / action.old
        elif action.amount is not None and action.kind is ActionKind.DIVIDEND:
            dividends[row] += float(action.amount)
    return splits, dividends


def adjusted(columns: Columns, actions: Sequence[CorporateAction]) -> Columns:
    """Bars as if the splits and dividends given had always been: comparable with the last bar's prices.

    What happened after the last bar counts nowhere, so that nothing comes from the future. Volumes follow
    splits alone.
    """
    times, opens, highs, lows, closes, volumes = columns
    splits, dividends = on_ex_dates(times, actions)
    factors = adjustment_factors(closes, splits, dividends)
    later = np.ones(len(times))
    later[:-1] = np.cumprod(splits[:0:-1])[::-1]
    return times, opens * factors, highs * factors, lows * factors, closes * factors, volumes * later
