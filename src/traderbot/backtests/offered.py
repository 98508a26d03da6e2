"""The strategies on offer, by name: what a request may name, with its parameters."""

import inspect
from collections.abc import Mapping
from typing import Any

import msgspec

from traderbot.model.errors import InvalidValue
from traderbot.strategies.ai_forecast import AiForecast
from traderbot.strategies.base import Strategy
from traderbot.strategies.moving_average import MovingAverageCrossover

OFFERED: dict[str, type[Strategy]] = {kind.name: kind for kind in (AiForecast, MovingAverageCrossover)}
_NO_FILES = "; a strategy of your own is a file, which runs on the machine it is on, by `traderbot backtest`"


class ParameterRange(msgspec.Struct, frozen=True):
    """A parameter of a strategy. kind: whole, real, exact, choice or flag; least and most: both included;
    choices: of a choice. Exact amounts are texts.
    """

    name: str
    kind: str
    preset: Any
    least: Any = None
    most: Any = None
    choices: tuple[Any, ...] = ()


class Offer(msgspec.Struct, frozen=True):
    """A strategy that can be asked for. about: the first words of its description."""

    name: str
    about: str
    parameters: tuple[ParameterRange, ...]


def strategy_of(name: str, parameters: Mapping[str, Any]) -> Strategy:
    """A new strategy. Errors: InvalidValue naming the strategy or the parameter."""
    kind = OFFERED.get(name)
    if kind is None:
        raise InvalidValue("strategy", f"one of {', '.join(sorted(OFFERED))}{_NO_FILES}", name)
    known = {one.name for one in _parameters(kind)}
    for given in parameters:
        if given not in known:
            raise InvalidValue(f"parameters.{given}"[:60], f"a parameter of {name}: {', '.join(known)}")
    try:
        return kind(**parameters)
    except InvalidValue as error:
        raise InvalidValue(f"parameters.{error.field}", error.expected) from None


def offers() -> list[Offer]:
    """What is on offer, by name."""
    return [
        Offer(name, (inspect.getdoc(kind) or "").split("\n\n")[0], _parameters(kind))
        for name, kind in sorted(OFFERED.items())
    ]


def _parameters(kind: type[Strategy]) -> tuple[ParameterRange, ...]:
    signature = inspect.signature(kind)
    return tuple(
        ParameterRange(one.name, "whole", one.default, 1, 1000)
        for one in signature.parameters.values()
        if isinstance(one.default, int)
    )
