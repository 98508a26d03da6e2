"""Parameter sets to try, where nobody says which: values around the chosen ones."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from traderbot.model.errors import InvalidValue
from traderbot.strategies.base import Strategy
from traderbot.strategies.parameters import Choice, Flag, Parameter, Real, Whole

_FACTORS = (Decimal("0.5"), Decimal("0.7"), Decimal(1), Decimal("1.4"), Decimal(2))


def grid_around(strategy: Strategy) -> dict[str, Sequence[object]]:
    """Half to twice each number, and every word: what might as well have been chosen.

    A whole range says little about a choice, as most of it is nowhere near. Exact parameters are quantities:
    how much is traded is not what is chosen from the past.
    """
    values = strategy.values()
    found: Mapping[str, list[object]] = {
        name: _around(parameter, values[name]) for name, parameter in strategy.declared().items()
    }
    return {name: near for name, near in found.items() if len(near) > 1}


def _around(parameter: Parameter[Any], chosen: Any) -> list[object]:
    if isinstance(parameter, Choice | Flag):
        return list(parameter.grid(10))
    if not isinstance(parameter, Whole | Real):
        return []
    near: set[Any] = set()
    for factor in _FACTORS:
        value = (
            round(factor * chosen) if isinstance(parameter, Whole) else float(factor * Decimal(repr(chosen)))
        )
        try:
            near.add(parameter.check(value))
        except InvalidValue:
            continue
    return sorted(near)
