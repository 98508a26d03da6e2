"""The S&P 500 of the crises that scenarios take their shapes from, stored with the package (sp500.csv)."""

from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.market.calendars import Dates

NAME = "S&P 500"
_FILE = Path(__file__).with_name("sp500.csv")


class Crisis(NamedTuple):
    """A fall of the index from one close to another."""

    name: str
    title: str
    first: date
    last: date


CRISES = (
    Crisis("dotcom-2000", "The end of the dot-com boom", date(2000, 3, 24), date(2002, 10, 9)),
    Crisis("credit-2008", "The financial crisis", date(2007, 10, 9), date(2009, 3, 9)),
    Crisis("euro-2011", "The euro debt crisis", date(2011, 4, 29), date(2011, 10, 3)),
    Crisis("rates-2018", "The fourth quarter of 2018", date(2018, 9, 20), date(2018, 12, 24)),
    Crisis("covid-2020", "The first weeks of the pandemic", date(2020, 2, 19), date(2020, 3, 23)),
)
"""From the highest to the lowest close of each fall."""


class Fall(NamedTuple):
    """What the index did in a crisis. move: from first to last close; worst_day: the worst of `days`."""

    move: float
    worst_day: float
    days: int


@cache
def closes() -> tuple[Dates, Floats]:
    """Days and closing levels, both (n,)."""
    rows = [line.split(",") for line in _FILE.read_text(encoding="utf-8").splitlines() if line[:1].isdigit()]
    days = np.array([row[0] for row in rows], dtype="datetime64[D]")
    return days, np.array([float(row[1]) for row in rows])


@cache
def returns() -> tuple[Dates, Floats]:
    """Daily returns by day; none across the gap before 2020."""
    days, levels = closes()
    near = np.diff(days) < np.timedelta64(10, "D")  # the longest pause, of September 2001, was a week
    return days[1:][near], (levels[1:] / levels[:-1] - 1)[near]


@cache
def fall(crisis: Crisis) -> Fall:
    days, levels = closes()
    inside = (days >= np.datetime64(crisis.first)) & (days <= np.datetime64(crisis.last))
    level = levels[inside]
    daily = level[1:] / level[:-1] - 1
    return Fall(float(level[-1] / level[0] - 1), float(daily.min()), len(daily))
