"""Whether the warm-up that a strategy declares is one, told with the file and the line to be mended."""

import inspect
from pathlib import Path

import numpy as np

from traderbot.model.errors import InvalidValue
from traderbot.strategies.base import Strategy

_EXPECTED = "a whole number of bars from 0 on"


def check_warm_up(strategy: Strategy) -> None:
    """Errors: InvalidValue naming the strategy, the file and the line."""
    try:
        found: object = strategy.warm_up
    except Exception as error:
        raise InvalidValue(_field(strategy), _EXPECTED, f"{type(error).__name__}: {error}") from error
    if callable(found):
        raise InvalidValue(_field(strategy), f"{_EXPECTED}: put @property above it", "a method")
    if isinstance(found, bool) or not isinstance(found, int | np.integer) or found < 0:
        raise InvalidValue(_field(strategy), _EXPECTED, "None" if found is None else found)


def _field(strategy: Strategy) -> str:
    place = _place(type(strategy))
    return f"{strategy.name}.warm_up" + (f" ({place})" if place else "")


def _place(kind: type[Strategy]) -> str:
    """File and line of what declares it; nothing where the source is not at hand."""
    owner = next(one for one in kind.__mro__ if "warm_up" in vars(one))
    try:
        lines, first = inspect.getsourcelines(owner)
        file = Path(inspect.getfile(owner)).name
    except (TypeError, OSError):  # made by hand
        return ""
    own = ("def warm_up", "warm_up")
    found = (number for number, line in enumerate(lines) if line.strip().startswith(own))
    return f"{file} line {first + next(found, 0)}"
