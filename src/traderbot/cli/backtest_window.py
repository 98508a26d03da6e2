"""The options that sweeps and validations share, and how they are read: data, window, cash, parameters."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from traderbot.infra.settings import Settings
from traderbot.market.bars import DAY, Bars
from traderbot.market.datasets import Dataset
from traderbot.market.demo import NAME, stored
from traderbot.model.errors import InvalidValue
from traderbot.model.meant import meant
from traderbot.model.symbols import symbol
from traderbot.strategies.base import Strategy

DataOption = Annotated[str, typer.Option("--data", help="Name of a data set, see `traderbot data list`.")]
SymbolsOption = Annotated[str | None, typer.Option("--symbols", help="Only these, such as AAPL,IBM.")]
StartOption = Annotated[datetime | None, typer.Option("--start", formats=["%Y-%m-%d"], help="First day.")]
EndOption = Annotated[datetime | None, typer.Option("--end", formats=["%Y-%m-%d"], help="Last day.")]
CashOption = Annotated[str, typer.Option("--cash", help="Cash to begin with.")]
ParamOption = Annotated[
    list[str] | None,
    typer.Option("--param", help="A parameter of the strategy and its value, such as fast=10. Give several."),
]
GridOption = Annotated[
    list[str] | None,
    typer.Option(
        "--grid", help="A parameter and the values to try: fast=5:50:5, or fast=5,10,20. Give several."
    ),
]


def data_of(settings: Settings, name: str) -> Dataset:
    """The data set of that name. Errors: NotFound, InvalidValue."""
    return stored(settings.home, name)


def bars_of(
    dataset: Dataset, symbols: str | None, start: datetime | None, end: datetime | None
) -> list[Bars]:
    """The bars asked for. Errors: InvalidValue, NotFound."""
    names = (
        [symbol(name.strip(), "symbols") for name in symbols.split(",")] if symbols else list(dataset.bars)
    )
    first = _midnight(start) if start else 0
    last = _midnight(end) + DAY - 1 if end else dataset.last_time
    found = [part for name in names if len(part := dataset.bars_of(name).window(first, last))]
    if not found:
        raise InvalidValue("start, end", "a window with at least one bar")
    return found


def _midnight(day: datetime) -> int:
    return int(day.replace(tzinfo=UTC).timestamp()) * 1_000_000


def parameters_of(pairs: Sequence[str] | None) -> dict[str, str]:
    """name=value of each. Errors: InvalidValue."""
    found: dict[str, str] = {}
    for pair in pairs or []:
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not name or not equals or not value:
            raise InvalidValue("--param", "name=value, such as fast=10", pair)
        if name in found:
            raise InvalidValue("--param", "each parameter once", pair)
        found[name] = value
    return found


def chosen_of(kind: type[Strategy], pairs: Sequence[str] | None) -> dict[str, object]:
    """The values of some parameters, as each reads its own. Errors: InvalidValue."""
    known, found = kind.declared(), dict[str, object]()
    for name, text in parameters_of(pairs).items():
        if name not in known:
            there = f"one of {', '.join(known)}" if known else "none: it has no parameters"
            raise InvalidValue("--param", f"{there}{meant(name, known)}", name)
        found[name] = known[name].parse(text)
    return found


def axes_of(kind: type[Strategy], texts: Sequence[str] | None) -> dict[str, list[Any]]:
    """The values to try of some parameters. Errors: InvalidValue."""
    from traderbot.backtests.sweeping.search import axis

    axes = [axis(kind, text) for text in texts or ()]
    if len({name for name, _ in axes}) < len(axes):
        raise InvalidValue("--grid", "each parameter once", " ".join(texts or ()))
    return dict(axes)


def window_words(
    data: str, symbols: str | None, start: datetime | None, end: datetime | None, cash: str
) -> Sequence[str]:
    """The options that ask for the same again, but for those that are as built in."""
    given = (
        ("--data", None if data == NAME else data),
        ("--symbols", symbols),
        ("--start", None if start is None else f"{start:%Y-%m-%d}"),
        ("--end", None if end is None else f"{end:%Y-%m-%d}"),
        ("--cash", None if cash == "100000" else cash),
    )
    return [word for name, value in given if value is not None for word in (name, value)]
