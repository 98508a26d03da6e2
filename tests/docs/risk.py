"""The tables of docs/risk.md: how each method's value at risk was covered on real prices, 2000 to 2022.

20 large American stocks, equally weighted (skfolio's data set: those large at its end, so their fate was
kinder than the market's). Each day is foreseen from the 1,000 days before it, parameters refitted every 20
days (Monte Carlo every 60). Computing all takes most of a minute; the tests compute
part of it anew.
Write the tables with: PYTHONPATH=src:tests python tests/docs/risk.py
"""

import re
from functools import cache
from pathlib import Path

import numpy as np

from analytics.risk.samples import stocks
from traderbot.analytics.arrays import Floats
from traderbot.analytics.risk.coverage import Coverage, Verdict, cover
from traderbot.analytics.risk.rolling import METHODS, Method, forecasts

PAGE = Path(__file__).resolve().parents[2] / "docs" / "risk.md"
LEVELS = (0.95, 0.99)
FIRST, LAST = "2000-01-01", "2022-12-31"
WINDOW = 1000
REFIT: dict[Method, int] = {"monte_carlo": 60}
CRISES = {
    "2000-02": ("2000-03-24", "2002-10-09"),
    "2007-09": ("2007-10-09", "2009-03-09"),
    "2011": ("2011-04-29", "2011-10-03"),
    "2018": ("2018-09-20", "2018-12-24"),
    "2020": ("2020-02-19", "2020-03-23"),
}
COLUMNS = ("method", "level", "days", "beyond", "expected", "Kupiec p", "Christoffersen p", "Z2", "Z2 p")
HEAD = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"


@cache
def days() -> np.ndarray:
    """The day of each return."""
    from skfolio.datasets import load_sp500_dataset

    return np.asarray(load_sp500_dataset().index[1:], dtype="datetime64[D]")


def span(first: str, last: str) -> tuple[int, int]:
    found = days()
    return int(found.searchsorted(np.datetime64(first))), int(
        found.searchsorted(np.datetime64(last), "right")
    )


@cache
def foreseen(
    method: Method, first: str = "2000-01-01", last: str = "2022-12-31"
) -> tuple[Floats, Floats, Floats]:
    """What was made, and VaR and shortfall by level, of the days from first to last."""
    begin, end = span(first, last)
    made = stocks()[begin - WINDOW : end] / stocks().shape[1]
    var, shortfall = forecasts(made, method, LEVELS, WINDOW, REFIT.get(method, 20))
    return made.sum(axis=1)[WINDOW:], var, shortfall


def coverage(method: Method, place: int, first: str, last: str) -> Coverage:
    made, var, shortfall = foreseen(method)
    origin = span(FIRST, LAST)[0]
    begin, end = span(first, last)
    part = slice(begin - origin, end - origin)
    return cover(made[part], var[part, place], shortfall[part, place], LEVELS[place])


def shown(test: Verdict) -> str:
    return "-" if test.p_value is None else f"{test.p_value:.3f}"


def row(method: Method, place: int, first: str, last: str) -> str:
    found = coverage(method, place, first, last)
    statistic = found.shortfall.statistic
    return (
        f"| `{method}` | {LEVELS[place]:.0%} | {found.days:,} | {found.exceeded} | {found.expected:.1f}"
        f" | {shown(found.kupiec)} | {shown(found.christoffersen)}"
        f" | {'-' if statistic is None else f'{statistic:.2f}'} | {shown(found.shortfall)} |"
    )


def whole() -> str:
    rows = [row(method, place, FIRST, LAST) for place in (0, 1) for method in METHODS]
    return "\n".join([HEAD, *rows])


def crises() -> str:
    """Days beyond the VaR in each fall, of those expected."""
    rows = []
    for place, level in enumerate(LEVELS):
        for method in METHODS:
            cells = []
            for ends in CRISES.values():
                found = coverage(method, place, *ends)
                cells.append(f"{found.exceeded} / {found.expected:.1f}")
            rows.append(f"| `{method}` | {level:.0%} | {' | '.join(cells)} |")
    return "\n".join(
        [f"| method | level | {' | '.join(CRISES)} |", "|---|---|" + "---|" * len(CRISES), *rows]
    )


TABLES = {"coverage": whole, "crises": crises}


def with_tables(text: str) -> str:
    for label, make in TABLES.items():
        block = f"<!-- {label} -->\n{make()}\n<!-- /{label} -->"
        text, found = re.subn(
            rf"<!-- {label} -->.*?<!-- /{label} -->", lambda _, block=block: block, text, flags=re.DOTALL
        )
        if found != 1:
            raise ValueError(f"expected one place for the table {label}, found {found}")
    return text


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
