"""The strategies on offer: what a request may name, with the parameters of each and their ranges."""

import inspect
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from traderbot.model.errors import InvalidValue
from traderbot.strategies.base import Strategy
from traderbot.strategies.catalogue import CATALOGUE
from traderbot.strategies.parameters import Choice, Parameter
from traderbot.strategies.signals import SignalStrategy

_NO_FILES = "; a strategy of your own is a file, which runs on the machine it is on, by `traderbot backtest`"


class ParameterRange(msgspec.Struct, frozen=True):
    """A parameter of a strategy. preset: its usual value; least, most: both included; choices: of a choice.
    Exact amounts are texts.
    """

    name: str
    kind: str
    preset: Any
    least: Any
    most: Any
    choices: tuple[str, ...]


class Offer(msgspec.Struct, frozen=True):
    """A strategy that can be asked for. about: the first words of its description. sweeps: whether a sweep
    takes it.
    """

    name: str
    about: str
    sweeps: bool
    parameters: tuple[ParameterRange, ...]


def strategy_of(name: str, parameters: Mapping[str, Any]) -> Strategy:
    """A new strategy. parameters: as JSON has them; a text is read by its parameter. Errors: InvalidValue
    naming the strategy or the parameter.
    """
    kind = CATALOGUE.get(name)
    if kind is None:
        raise InvalidValue("strategy", f"one of {', '.join(sorted(CATALOGUE))}{_NO_FILES}", name)
    known = kind.declared()
    try:
        return kind(**{each: _value(known.get(each), value) for each, value in parameters.items()})
    except InvalidValue as error:
        raise InvalidValue(f"parameters.{error.field}", error.expected) from None


def offers() -> list[Offer]:
    """What is on offer, by name."""
    return [
        Offer(
            name,
            _about(kind),
            issubclass(kind, SignalStrategy),
            tuple(_range(one) for one in kind.declared().values()),
        )
        for name, kind in sorted(CATALOGUE.items())
    ]


def _about(kind: type[Strategy]) -> str:
    return (inspect.getdoc(kind) or "").split("\n\n")[0].replace("\n", " ")


def _value(parameter: Parameter[Any] | None, value: object) -> object:
    return parameter.parse(value) if parameter is not None and isinstance(value, str) else value


def _range(parameter: Parameter[Any]) -> ParameterRange:
    least, most = (_plain(getattr(parameter, side, None)) for side in ("least", "most"))
    choices = tuple(parameter.choices) if isinstance(parameter, Choice) else ()
    return ParameterRange(parameter.name, parameter.kind, _plain(parameter.initial), least, most, choices)


def _plain(value: object) -> object:
    return f"{value:f}" if isinstance(value, Decimal) else value
