"""Bodies and answers about sweeps."""

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from pydantic import ConfigDict, Field

from traderbot.api.backtest_schemas import (
    AskedOut,
    BacktestIn,
    Shown,
    Value,
    WorkOut,
    answered,
    work_of,
)
from traderbot.api.schemas_common import Answer, DecimalOut, PlainText
from traderbot.backtests.requests import Sweep
from traderbot.backtests.submitted.grids import COMBINATIONS_MAX
from traderbot.backtests.submitted.repository import Backtest

_AXES_MAX, _VALUES_MAX = 20, 500
Best = Literal["sharpe", "total_return", "cagr", "max_drawdown"]


class SweepIn(BacktestIn):
    """What to try: as for a backtest, where `parameters` are those that are the same in all sets."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "strategy": "time-series-momentum",
                    "grid": {"lookback": [60, 120, 250]},
                    "data": "demo",
                    "symbols": ["MSFT", "IBM"],
                }
            ]
        }
    )

    grid: dict[
        Annotated[PlainText, Field(max_length=60)], Annotated[list[Value], Field(max_length=_VALUES_MAX)]
    ] = Field(default={}, max_length=_AXES_MAX, description="The values of each parameter.")
    random: int | None = Field(
        default=None,
        ge=1,
        le=COMBINATIONS_MAX,
        description="Instead of a grid: so many sets drawn at random.",
    )
    tpe: int | None = Field(
        default=None,
        ge=1,
        le=COMBINATIONS_MAX,
        description="Instead of a grid: so many sets proposed by TPE.",
    )
    seed: int = Field(default=0, ge=0, lt=2**32, description="Of what is drawn.")
    by: Best = Field(default="sharpe", description="What the best set is by, and what TPE goes by.")

    @property
    def task(self) -> Sweep:
        return Sweep(
            {
                name: [str(value) if isinstance(value, Decimal) else value for value in values]
                for name, values in self.grid.items()
            },
            self.random,
            self.tpe,
            self.seed,
            self.by,
        )


class SweepOut(AskedOut, WorkOut):
    """A sweep: what was asked, how far it is, and how many sets it tried.

    skipped: combinations that the strategy does not take; failed: sets without an outcome; best: number of
    the set with the highest figure, which `by` names. All null until it is done. random, tpe: how many sets
    were asked for instead of a grid, which is empty then.
    """

    grid: dict[str, list[Shown]]
    random: int | None = None
    tpe: int | None = None
    seed: int = 0
    by: str = "sharpe"
    sets: int | None = None
    skipped: int | None = None
    failed: int | None = None
    best: int | None = None


class SetOut(Answer):
    """One combination with its figures; fractions, not percent, null where there is none. costs: the fees.
    error: why it has no outcome.
    """

    number: int
    parameters: dict[str, Shown]
    equity: DecimalOut | None
    total_return: float | None
    cagr: float | None
    sharpe: float | None
    max_drawdown: float | None
    exposure: float | None
    turnover: float | None
    trades: int
    executions: int
    costs: DecimalOut
    error: str | None


def sweep_out(found: Backtest) -> SweepOut:
    """A sweep as an answer."""
    assert isinstance(found.task, Sweep)
    return SweepOut(
        **msgspec.structs.asdict(found.task),
        **work_of(found),
        **answered(found.request),
        **(found.summary or {}),
    )


def set_out(row: dict[str, Any]) -> SetOut:
    """A set as an answer."""
    return SetOut.model_validate(row | {"parameters": row["values"], "error": row["error"] or None})
