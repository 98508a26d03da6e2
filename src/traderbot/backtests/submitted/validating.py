"""The validation of a submitted backtest: the procedure of `traderbot backtest validate`, on what it ran."""

import zlib
from collections.abc import Callable

import msgspec

from traderbot.backtests.requests import Order, Results, Validation
from traderbot.backtests.submitted.datasets import traded
from traderbot.backtests.submitted.offered import strategy_of
from traderbot.backtests.validation.grids import grid_around
from traderbot.backtests.validation.procedure import QUICK, Work, validate
from traderbot.backtests.validation.record import about, encoded
from traderbot.backtests.validation.subject import Subject
from traderbot.market.datasets import Dataset
from traderbot.market.resampling import coarser_of

# Share of the time that each kind of work takes about, in the order in which it is done.
_PARTS = {
    "lookahead": 0.08,
    "warm-up": 0.05,
    "trials": 0.35,
    "walk-forward": 0.12,
    "neighbours": 0.1,
    "stress": 0.25,
}


def validated(order: Order, dataset: Dataset, task: Validation, tell: Callable[[float], None]) -> Results:
    """The verdict, and the record it is from. tell: is given the share that is done. Errors: InvalidValue."""
    subject = subject_of(order, dataset)
    made = subject.make(subject.chosen)
    work = work_of(task)
    record = validate(
        subject,
        about(made, made.values(), dataset.name, dataset.sha256),
        work,
        progress=_Share(tell),
    )
    verdict = record.verdict
    summary = {"verdict": verdict.standing.value, "words": verdict.words}
    return Results(summary, {}, [], zlib.compress(encoded(record)))


def subject_of(order: Order, dataset: Dataset) -> Subject:
    """What is validated: the backtest's strategy, window, money and costs. Errors: InvalidValue."""
    request = order.request
    one = strategy_of(request.strategy, request.parameters)
    return Subject(
        name=one.name,
        make=lambda given: type(one)(**given),
        bars=traded(order, dataset),
        chosen=one.values(),
        grid=grid_around(one),
        cash=request.cash,
        rules=order.rules,
        costs=request.costs,
        actions=dataset.actions,
        kind=request.account,
        warm_up=one.warm_up,
        coarser=coarser_of(dataset),
        membership=dataset.membership,
    )


def work_of(task: Validation) -> Work:
    """How much is tried."""
    work = QUICK if task.quick else Work()
    trials = work.trials if task.trials is None else task.trials
    return msgspec.structs.replace(work, trials=trials, tried=task.tried, seed=task.seed)


class _Share:
    """How much of all work is done, told as it grows."""

    def __init__(self, tell: Callable[[float], None]) -> None:
        self._tell, self._told = tell, 0.0

    def __call__(self, what: str, done: int, of: int) -> None:
        before = 0.0
        for name, part in _PARTS.items():
            if name == what:
                self._told = max(self._told, before + part * done / max(of, 1))
                self._tell(self._told)
                return
            before += part
