"""The parameter map: what becomes of the strategy a step beside the parameters that were chosen."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import numpy as np

from traderbot.backtests.validation.crew import ALONE, Crew
from traderbot.backtests.validation.subject import (
    Progress,
    Subject,
    Trials,
    accepted,
    returns_with,
    sharpe,
    sharpes,
    silent,
)


class Neighbour(msgspec.Struct, frozen=True):
    """sharpe: a year, with `parameter` at `value` and the others as chosen."""

    parameter: str
    value: str
    sharpe: float


class Point(msgspec.Struct, frozen=True):
    """One trial of the map."""

    parameters: dict[str, str]
    sharpe: float


def neighbours(
    subject: Subject, trials: Trials, progress: Progress = silent, crew: Crew = ALONE
) -> list[Neighbour]:
    """The next value below and above the chosen one of each numeric parameter, run where no trial was."""
    planned = [
        (name, parameters)
        for name, values in subject.grid.items()
        for value in beside(values, subject.chosen.get(name))
        if accepted(subject, parameters := {**subject.chosen, name: value})
    ]
    missing = [parameters for _, parameters in planned if parameters not in trials.sets]
    run = crew.each(subject, returns_with, [(parameters,) for parameters in missing])
    found = []
    for number, (name, parameters) in enumerate(planned):
        known = parameters in trials.sets
        returns = trials.returns[:, trials.sets.index(parameters)] if known else next(run)
        found.append(Neighbour(name, str(parameters[name]), sharpe(returns) * trials.a_year**0.5))
        progress("neighbours", number + 1, len(planned))
    return found


def beside(values: Sequence[object], chosen: object) -> list[object]:
    """The nearest values below and above; none for what has no order."""
    numbers = [value for value in values if _ordered(value)]
    if not _ordered(chosen) or len(numbers) < len(values):
        return []
    below = [value for value in numbers if value < chosen]  # type: ignore[operator]  # both are numbers
    above = [value for value in numbers if value > chosen]  # type: ignore[operator]
    return ([max(below)] if below else []) + ([min(above)] if above else [])  # type: ignore[type-var]


def ratio(found: Sequence[Neighbour], chosen: float) -> float | None:
    """Median Sharpe ratio of the neighbours, as a part of the chosen one's; None where there is none."""
    if not found or not chosen > 0:
        return None
    return float(np.median([neighbour.sharpe for neighbour in found])) / chosen


def points(trials: Trials) -> list[Point]:
    """Every trial and its Sharpe ratio a year."""
    yearly = sharpes(trials.returns) * trials.a_year**0.5
    return [
        Point({name: str(value) for name, value in parameters.items()}, float(found))
        for parameters, found in zip(trials.sets, yearly, strict=True)
    ]


def _ordered(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
