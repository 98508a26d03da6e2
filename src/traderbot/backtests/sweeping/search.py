"""Which parameter sets a sweep tries: every point of a grid, points at random, or those TPE proposes.

A search gives sets batch by batch and is told how each did, so that it comes to the same sets when a sweep
that was stopped goes on.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice, product
from typing import Any, Protocol

from numpy.random import PCG64, Generator

from traderbot.model.errors import ConfigurationError, InvalidValue
from traderbot.model.meant import meant
from traderbot.strategies.base import Strategy
from traderbot.strategies.parameters import Choice, Exact, Flag, Parameter, Real, Whole

Values = dict[str, Any]

MOST = 1_000_000
BATCH = 16  # sets that TPE proposes before it hears how they did, whatever the number of jobs
_TRIES = 100


class Search(Protocol):
    """total: sets it will try. name: says what it does; two of one name try the same sets."""

    total: int
    name: str

    def batches(self) -> Iterator[list[Values]]: ...

    def tell(self, sets: Sequence[Values], scores: Sequence[float | None]) -> None: ...


class Grid:
    """Every combination of the values given, in their order, but for those the strategy refuses.

    skipped: combinations that it refused, such as a fast average slower than the slow one.
    axes: the values of each parameter.
    """

    def __init__(self, strategy: type[Strategy], axes: Mapping[str, Sequence[Any]]) -> None:
        declared = strategy.declared()
        axes = self.axes = {
            name: [_known(declared, name).check(value) for value in values] for name, values in axes.items()
        }
        size = math.prod(len(values) for values in axes.values())
        if not axes or not 0 < size <= MOST:
            raise InvalidValue("grid", f"1 to {MOST:,} combinations of some parameters", size)
        every = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
        self._sets = [values for values in every if accepted(strategy, values)]
        if not self._sets:
            raise InvalidValue(
                "grid", f"at least one combination that {strategy.name} takes", f"{size} of none"
            )
        self.total, self.skipped = len(self._sets), size - len(self._sets)
        self.name = "grid " + "; ".join(f"{name} {', '.join(map(str, axis))}" for name, axis in axes.items())

    def batches(self) -> Iterator[list[Values]]:
        """All sets, in batches of a size that does not depend on anything."""
        sets = iter(self._sets)
        while batch := list(islice(sets, 64)):
            yield batch

    def tell(self, sets: Sequence[Values], scores: Sequence[float | None]) -> None:
        """A grid does not learn."""


class Random(Grid):
    """Different sets drawn evenly from the ranges of the parameters, the same for the same seed.

    fixed: parameters that are the same in all sets.
    """

    def __init__(
        self, strategy: type[Strategy], count: int, seed: int = 0, fixed: Mapping[str, Any] | None = None
    ) -> None:
        declared, random = _searched(strategy, count, fixed), Generator(PCG64(seed))
        self._sets, known = [], set()
        for _ in range(count * _TRIES):
            values = {name: _draw(parameter, random) for name, parameter in declared.items()}
            values |= fixed or {}
            if str(values) not in known and accepted(strategy, values):
                known.add(str(values))
                self._sets.append(values)
            if len(self._sets) == count:
                break
        if not self._sets:
            raise InvalidValue("random", f"ranges of which {strategy.name} takes some sets", count)
        self.total, self.skipped, self.axes = len(self._sets), 0, {}
        self.name = f"random {count} of seed {seed}" + _told(fixed)


class Tpe:
    """Sets proposed by the tree-structured Parzen estimator of optuna, towards the best score.

    fixed: parameters that are the same in all sets. Source: Bergstra and others 2011, "Algorithms for
    hyper-parameter optimization". Errors: ConfigurationError where optuna is not installed.
    """

    skipped = 0

    def __init__(
        self, strategy: type[Strategy], count: int, seed: int = 0, fixed: Mapping[str, Any] | None = None
    ) -> None:
        try:
            import optuna
        except ImportError:
            raise ConfigurationError("TPE needs optuna: install traderbot[research]") from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._strategy, self._declared = strategy, _searched(strategy, count, fixed)
        self._fixed = dict(fixed or {})
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=min(2 * BATCH, max(count // 4, 1)))
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._failed = optuna.trial.TrialState.FAIL
        self._asked: list[Any] = []
        self.total, self.name = count, f"tpe {count} of seed {seed}" + _told(fixed)

    def batches(self) -> Iterator[list[Values]]:
        """Batches of proposals; each has to be told of before the next is asked for."""
        left, tries = self.total, self.total * _TRIES
        while left and tries:
            batch: list[Values] = []
            self._asked = []
            while len(batch) < min(BATCH, left) and tries:
                tries -= 1
                trial = self._study.ask()
                values = {name: _suggest(trial, name, one) for name, one in self._declared.items()}
                values |= self._fixed
                if accepted(self._strategy, values):
                    batch.append(values)
                    self._asked.append(trial)
                else:
                    self._study.tell(trial, state=self._failed)
            left -= len(batch)
            yield batch

    def tell(self, sets: Sequence[Values], scores: Sequence[float | None]) -> None:
        """How the sets of the last batch did, in their order."""
        for trial, score in zip(self._asked, scores, strict=True):
            if score is None:
                self._study.tell(trial, state=self._failed)
            else:
                self._study.tell(trial, score)


def axis(strategy: type[Strategy], text: str) -> tuple[str, list[Any]]:
    """A parameter and its values: fast=5:50:5 from 5 to 50 by 5, or fast=5,10,20. Errors: InvalidValue."""
    name, _, rest = text.partition("=")
    parameter = _known(strategy.declared(), name.strip())
    parts = [part.strip() for part in rest.split(":")]
    if len(parts) == 1:
        return parameter.name, [parameter.parse(part.strip()) for part in rest.split(",")]
    try:
        first, last, step = (Decimal(part) for part in parts)
        if step <= 0 or last < first or (last - first) / step > MOST:
            raise ValueError
    except (ArithmeticError, ValueError):
        expected = "FIRST:LAST:STEP with a step above 0, or values with commas between"
        raise InvalidValue(parameter.name, expected, rest) from None
    count = int((last - first) // step)
    return parameter.name, [parameter.parse(f"{first + step * place:f}") for place in range(count + 1)]


def accepted(strategy: type[Strategy], values: Values) -> bool:
    """Whether the strategy takes these values."""
    try:
        strategy(**values)
    except InvalidValue:
        return False
    return True


def _known(declared: Mapping[str, Parameter[Any]], name: str) -> Parameter[Any]:
    if name not in declared:
        known = f"one of {', '.join(declared)}" if declared else "none: it has no parameters"
        raise InvalidValue("parameter", f"{known}{meant(name, declared)}", name)
    return declared[name]


def _told(fixed: Mapping[str, Any] | None) -> str:
    return "".join(f"; {name} {value}" for name, value in sorted((fixed or {}).items()))


def _searched(
    strategy: type[Strategy], count: int, fixed: Mapping[str, Any] | None
) -> Mapping[str, Parameter[Any]]:
    """The parameters that are searched over, by name."""
    if not 1 <= count <= MOST:
        raise InvalidValue("count", f"1 to {MOST:,} sets", count)
    declared = {name: one for name, one in strategy.declared().items() if name not in (fixed or {})}
    if not declared:
        raise InvalidValue("strategy", "one with parameters to search over", strategy.name)
    return declared


def _draw(parameter: Parameter[Any], random: Generator) -> Any:
    if isinstance(parameter, Whole):
        return int(random.integers(parameter.least, parameter.most, endpoint=True))
    if isinstance(parameter, Real) and parameter.log:
        return math.exp(random.uniform(math.log(parameter.least), math.log(parameter.most)))
    if isinstance(parameter, Real):
        return float(random.uniform(parameter.least, parameter.most))
    if isinstance(parameter, Exact):
        return _rounded(parameter, random.uniform(float(parameter.least), float(parameter.most)))
    if isinstance(parameter, Flag):
        return bool(random.integers(2))
    return _options(parameter)[int(random.integers(len(_options(parameter))))]


def _suggest(trial: Any, name: str, parameter: Parameter[Any]) -> Any:
    if isinstance(parameter, Whole):
        return trial.suggest_int(name, parameter.least, parameter.most)
    if isinstance(parameter, Real):
        return trial.suggest_float(name, parameter.least, parameter.most, log=parameter.log)
    if isinstance(parameter, Exact):
        return _rounded(parameter, trial.suggest_float(name, float(parameter.least), float(parameter.most)))
    if isinstance(parameter, Flag):
        return trial.suggest_categorical(name, [False, True])
    return trial.suggest_categorical(name, list(_options(parameter)))


def _rounded(parameter: Exact, value: float) -> Decimal:
    """To six places, which is finer than any search, and within the range."""
    return min(max(Decimal(f"{value:.6f}"), parameter.least), parameter.most)


def _options(parameter: Parameter[Any]) -> Sequence[Any]:
    if not isinstance(parameter, Choice):
        raise InvalidValue(
            parameter.name, "a parameter of a kind that can be searched", type(parameter).__name__
        )
    return parameter.grid(MOST)
