"""The strategies on offer, by name: what a request may name, with its parameters."""

import inspect
from collections.abc import Mapping
from typing import Any

import msgspec

from traderbot.infra.journal import canonical
from traderbot.model.errors import InvalidValue
from traderbot.strategies.base import Strategy
from traderbot.strategies.catalogue import CATALOGUE as OFFERED
from traderbot.strategies.parameters import Exact, Parameter

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
    known = kind.declared()
    for given in parameters:
        if given not in known:
            words = (
                f"a parameter of {name}: {', '.join(known)}" if known else f"no parameters, {name} has none"
            )
            raise InvalidValue(f"parameters.{given}"[:60], words)
    try:
        return kind(**{given: _read(known[given], value) for given, value in parameters.items()})
    except InvalidValue as error:
        raise InvalidValue(f"parameters.{error.field}", error.expected) from None


def _read(parameter: Parameter[Any], value: object) -> object:
    """A value as JSON has it: exact amounts are texts."""
    return parameter.parse(value) if isinstance(parameter, Exact) and isinstance(value, str) else value


def offers() -> list[Offer]:
    """What is on offer, by name."""
    return [
        Offer(name, (inspect.getdoc(kind) or "").split("\n\n")[0], _parameters(kind))
        for name, kind in sorted(OFFERED.items())
    ]


def _parameters(kind: type[Strategy]) -> tuple[ParameterRange, ...]:
    return tuple(_range_of(parameter) for parameter in kind.declared().values())


def _range_of(parameter: Parameter[Any]) -> ParameterRange:
    least, most = getattr(parameter, "least", None), getattr(parameter, "most", None)
    preset, choices = parameter.initial, tuple(getattr(parameter, "choices", ()))
    if isinstance(parameter, Exact):
        preset, least, most = (canonical(value) for value in (preset, least, most))
    return ParameterRange(parameter.name, parameter.kind, preset, least, most, choices)
