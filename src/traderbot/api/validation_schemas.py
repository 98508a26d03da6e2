"""Bodies and answers about the validation of a backtest."""

from typing import Any
from uuid import UUID

import numpy as np
from pydantic import ConfigDict, Field

from traderbot.api.backtest_schemas import WorkOut, work_of
from traderbot.api.schemas_common import Answer, Body, TimeOut
from traderbot.backtests.reporting.summaries import kept_points
from traderbot.backtests.requests import Validation
from traderbot.backtests.submitted.repository import Backtest
from traderbot.backtests.validation.record import Record


class ValidationIn(Body):
    """How hard to try."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"quick": True, "tried": 12}]})

    quick: bool = Field(default=False, description="The same checks with fewer runs.")
    trials: int | None = Field(
        default=None, ge=1, le=500, description="Parameter sets around the chosen one, at most."
    )
    tried: int = Field(
        default=0, ge=0, le=1_000_000, description="Parameter sets that were tried before this one."
    )
    seed: int = Field(default=0, ge=0, le=1 << 31, description="Decides all that is left to chance.")

    @property
    def task(self) -> Validation:
        return Validation(self.quick, self.trials, self.tried, self.seed)


class CheckOut(Answer):
    """One check: what was measured beside what is asked for, and what it guards against."""

    name: str
    value: str
    threshold: str
    outcome: str = Field(description="passed, watch, rejected or not measured.")
    why: str


class ForwardOut(Answer):
    """A walk-forward. efficiency: of its Sharpe ratio to those of its trainings. winning: share of the tests
    that gained.
    """

    anchored: bool
    tests: int
    sharpe: float
    efficiency: float | None
    winning: float


class BaselineOut(Answer):
    """A baseline: its Sharpe ratio, by how much the strategy's is higher, and how likely that is chance."""

    name: str
    sharpe: float
    difference: float | None
    p_value: float | None


class ComparedCurveOut(Answer):
    """What one dollar became, as columns, beside the best baseline."""

    times: list[TimeOut]
    equity: list[float]
    baseline: list[float]


class ValidationOut(WorkOut):
    """The validation of a backtest that was asked for last, and what came out of it.

    verdict: promote, watch or reject; words: why, in a sentence; null until it is done. figures: Sharpe
    ratios a year, probabilities and shares as fractions, null where one could not be measured.
    """

    backtest_id: UUID
    quick: bool
    trials: int | None
    tried: int
    seed: int
    verdict: str | None = None
    words: str | None = None
    checks: list[CheckOut] = Field(default=[])
    figures: dict[str, Any] = Field(default={})
    walk_forward: list[ForwardOut] = Field(default=[])
    baselines: list[BaselineOut] = Field(default=[])
    curve: ComparedCurveOut | None = None


def validation_out(found: Backtest, record: Record | None) -> ValidationOut:
    """A validation as an answer. record: what came out, None before."""
    task = found.task
    assert isinstance(task, Validation)
    assert found.parent_id is not None
    return ValidationOut(
        **work_of(found),
        backtest_id=found.parent_id,
        quick=task.quick,
        trials=task.trials,
        tried=task.tried,
        seed=task.seed,
        **({} if record is None else _outcome(record)),
    )


def _outcome(record: Record) -> dict[str, Any]:
    evidence, verdict = record.evidence, record.verdict
    return {
        "verdict": verdict.standing.value,
        "words": verdict.words,
        "checks": [CheckOut.model_validate(check) for check in verdict.checks],
        "figures": {name: getattr(evidence, name) for name in evidence.__struct_fields__},
        "walk_forward": [
            ForwardOut(
                anchored=one.anchored,
                tests=len(one.steps),
                sharpe=one.sharpe,
                efficiency=one.efficiency,
                winning=one.winning,
            )
            for one in record.forwards
        ],
        "baselines": [BaselineOut.model_validate(one) for one in record.comparisons],
        "curve": _curve(record),
    }


def _curve(record: Record) -> ComparedCurveOut | None:
    if not record.times:
        return None
    kept = kept_points(np.array(record.equity)).tolist()
    return ComparedCurveOut(
        times=[record.times[place] for place in kept],
        equity=[round(record.equity[place], 6) for place in kept],
        baseline=[round(record.baseline[place], 6) for place in kept],
    )
