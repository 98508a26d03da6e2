"""What signals over many instruments share: gaps, listings and the days on which weights are set anew.

A signal is to give the same from a window as from all bars. So an instrument counts where it has a bar now
and one a fixed number of rows ago, and a row without a bar in between is one in which nothing moved.
"""

import numpy as np
from numpy.typing import NDArray

from traderbot.analytics.arrays import Floats
from traderbot.model.bars import Times
from traderbot.model.membership import EVERYBODY
from traderbot.strategies.parameters import Choice
from traderbot.strategies.signals import Frame

Marks = NDArray[np.bool_]

_DAY = 86_400_000_000
_UNITS = {"month": "datetime64[M]", "day": "datetime64[D]"}
_WEEK = 7 * _DAY
_MONDAY = 4 * _DAY  # of the first week after the epoch, which was a Thursday


def every(preset: str = "month") -> Choice:
    """The parameter for how often weights are set anew."""
    return Choice(preset, *(word for word in ("month", "week", "day", "bar") if word != preset))


def sides() -> Choice:
    """The parameter for whether it sells short as well, which takes a margin account."""
    return Choice("long", "both")


def moves(frame: Frame) -> Floats:
    """Gross total return of each row, 1 where an instrument has no bar or its first one."""
    return np.where(np.isnan(frame.growth), 1.0, frame.growth)


def settled(frame: Frame, rows: int) -> Marks:
    """Where an instrument has a bar now and had one so many rows ago."""
    here = ~np.isnan(frame.close)
    found = np.zeros_like(here)
    found[rows:] = here[rows:] & here[: max(len(here) - rows, 0)]
    return found


def shifted(values: Floats) -> Floats:
    """The values of one row before, NaN in the first row."""
    before = np.full_like(values, np.nan)
    before[1:] = values[:-1]
    return before


def starts(times: Times, period: str) -> Marks:
    """Rows that are the first of a month, week (from Monday, UTC), day or bar; the first row is none."""
    if period == "bar":
        number = np.arange(len(times))
    elif period == "week":
        number = (times - _MONDAY) // _WEEK
    else:
        number = times.astype("datetime64[us]").astype(_UNITS[period]).astype(np.int64)
    found = np.zeros(len(times), dtype=np.bool_)
    found[1:] = number[1:] != number[:-1]
    return found


def members_only(targets: Floats, frame: Frame) -> Floats:
    """The targets of members of the index; nothing of anything else, from the row on in which it leaves."""
    if frame.member is EVERYBODY:
        return targets
    return np.where(frame.member, targets, 0.0)


def held_between(weights: Floats, rows: Marks, known: Marks) -> Floats:
    """Weights in these rows where they are known, no opinion elsewhere."""
    return np.where(rows[:, None] & known, weights, np.nan)


def shares_of(known: Marks) -> Floats:
    """One over the number of instruments known in each row, 0 where there are none; (T, 1)."""
    count = known.sum(axis=1, keepdims=True)
    return np.where(count, 1.0 / np.maximum(count, 1), 0.0)
