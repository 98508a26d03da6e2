"""Sweeps that users ask for: every combination of some values of parameters, or sets drawn at random or
proposed by TPE; bounded in number and bars.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from traderbot.backtests.requests import Order, Request, Results, Sweep
from traderbot.backtests.submitted.datasets import Listed, traded
from traderbot.backtests.sweeping.search import Grid, Random, Search, Tpe
from traderbot.market.datasets import Dataset
from traderbot.model.errors import InvalidValue
from traderbot.strategies.base import Strategy
from traderbot.strategies.catalogue import CATALOGUE
from traderbot.strategies.signals import SignalStrategy

COMBINATIONS_MAX = 2_000
BARS_MAX = 200_000_000  # combinations times bars, so that a sweep ends within the limits of its process


def check_sweep(request: Request, task: Sweep) -> None:
    """Errors: InvalidValue naming strategy, parameters or grid."""
    kind = CATALOGUE.get(request.strategy)
    if kind is None or not issubclass(kind, SignalStrategy):
        names = [name for name, one in sorted(CATALOGUE.items()) if issubclass(one, SignalStrategy)]
        raise InvalidValue("strategy", f"one of {', '.join(names)}, which are signals", request.strategy)
    if bool(task.grid) + (task.random is not None) + (task.tpe is not None) != 1:
        raise InvalidValue("grid", "values of some parameters; or instead of it random, or tpe")
    if not 0 < task.size <= COMBINATIONS_MAX:
        field = "grid" if task.grid else "tpe" if task.random is None else "random"
        raise InvalidValue(field, f"1 to {COMBINATIONS_MAX:,} combinations of some parameters", task.size)
    twice = sorted(set(task.grid) & set(request.parameters))
    if twice:
        raise InvalidValue(f"parameters.{twice[0]}", "a parameter that is not in the grid")
    _search(kind, request, task)


def check_size(request: Request, task: Sweep, listed: Listed) -> None:
    """Errors: InvalidValue for more bars in all than a sweep may play."""
    size = task.size
    share = len(request.symbols or listed.instruments) / max(len(listed.instruments), 1)
    bars = max(int(listed.bars * share), 1)
    if size * bars > BARS_MAX:
        raise InvalidValue("grid", f"at most {BARS_MAX // bars:,} combinations over {bars:,} bars", size)


def swept(order: Order, dataset: Dataset, task: Sweep, tell: Callable[[float], None]) -> Results:
    """The figures of every combination. tell: is given the share that is done. Errors: InvalidValue."""
    from traderbot.backtests.sweeping.sweep import sweep  # compiles, which only this needs

    request = order.request
    kind = CATALOGUE[request.strategy]
    result = sweep(
        kind,
        [bars.cursor() for bars in traded(order, dataset)],
        _search(kind, request, task),
        cash=request.cash,
        costs=request.costs,
        rules=order.rules,
        actions=dataset.actions,
        kind=request.account,
        progress=lambda done, of: tell(done / max(of, 1)),
        membership=dataset.membership,
        by=task.by,
    )
    best = result.best(1, task.by)
    summary = {
        "sets": len(result.tried),
        "skipped": result.skipped,
        "failed": sum(bool(one.error) for one in result.figures),
        "best": best[0].number if best else None,
    }
    return Results(summary, {}, [msgspec.to_builtins(one) for one in result.figures])


def _search(kind: type[Strategy], request: Request, task: Sweep) -> Search:
    """What is tried; parameters that are the same in all sets have one value. Errors: InvalidValue."""
    fixed = _axes(kind, {name: [value] for name, value in request.parameters.items()}, "parameters")
    same = {name: value for name, (value,) in fixed.items()}
    if task.random is not None:
        return Random(kind, task.random, task.seed, same)
    if task.tpe is not None:
        return Tpe(kind, task.tpe, task.seed, same)
    return Grid(kind, fixed | _axes(kind, task.grid, "grid"))


def _axes(kind: type[Strategy], given: Mapping[str, Sequence[Any]], field: str) -> dict[str, list[Any]]:
    """The values of each parameter as it reads them. Errors: InvalidValue naming it."""
    declared, axes = kind.declared(), {}
    for name, values in given.items():
        if name not in declared:
            raise InvalidValue(f"{field}.{name}", f"one of {', '.join(declared) or 'no parameters'}")
        one = declared[name]
        try:
            axes[name] = [
                one.parse(value) if isinstance(value, str) else one.check(value) for value in values
            ]
        except InvalidValue as error:
            raise InvalidValue(f"{field}.{name}", error.expected) from None
        if not values or len(set(axes[name])) < len(values):  # as read: "5" and "05" are one
            raise InvalidValue(f"{field}.{name}", "one value or more, each once")
    return axes
