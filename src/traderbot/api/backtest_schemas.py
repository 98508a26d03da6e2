"""Bodies and answers about backtests."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from traderbot.api.schemas_common import (
    Answer,
    Body,
    BpsIn,
    CashIn,
    DecimalOut,
    MoneyIn,
    PlainText,
    RatioIn,
    SymbolIn,
    TimeIn,
    TimeOut,
    decimal_text,
)
from traderbot.backtests.reporting.documents import costs_in_words
from traderbot.backtests.requests import (
    LATENCY_MS_MAX,
    Request,
    SquareRoot,
    Status,
    VolumeShare,
    plain,
)
from traderbot.backtests.submitted.datasets import DataOffer
from traderbot.backtests.submitted.repository import Backtest
from traderbot.model.account import AccountKind
from traderbot.model.amounts import Money

SYMBOLS_MAX = 1_000
PARAMETERS_MAX = 50
_ASKED: JsonDict = {
    "strategy": "moving-average",
    "parameters": {"fast": 20, "slow": 50},
    "data": "demo",
    "symbols": ["MSFT", "IBM"],
    "start": "2003-01-01",
    "end": "2010-12-31T23:59:59Z",
    "cash": "100000",
}
Value = bool | int | Decimal | Annotated[PlainText, Field(max_length=100)]


Shown = bool | int | float | str | None


class VolumeShareIn(Body):
    """Slippage by size: price_impact times the squared share of a bar's volume. limit: the largest share."""

    model: Literal["volume_share"]
    price_impact: RatioIn = Decimal("0.1")
    limit: RatioIn = Decimal("0.025")


class SquareRootIn(Body):
    """Slippage by size: coefficient times volatility times the square root of the share of a volume."""

    model: Literal["square_root"]
    volatility: RatioIn = Field(description="Of a bar's return, a fraction.")
    coefficient: RatioIn = Decimal(1)


ImpactIn = Annotated[VolumeShareIn | SquareRootIn, Field(discriminator="model")]


class BacktestIn(Body):
    """What to run. A strategy is named, as `GET /api/v1/strategies` has it; the rest has a usual value."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ASKED]})

    strategy: PlainText = Field(max_length=100, description="Its name. Files are not taken.")
    parameters: dict[Annotated[PlainText, Field(max_length=60)], Value] = Field(
        default={}, max_length=PARAMETERS_MAX, description="Those that are to differ from their usual value."
    )
    data: PlainText = Field(default="demo", max_length=64, description="A data set of this platform.")
    symbols: list[SymbolIn] = Field(
        default=[],
        max_length=SYMBOLS_MAX,
        description="Only these instruments of it; without any, all.",
    )
    start: TimeIn | None = Field(default=None, description="Trade from then on; bars before are history.")
    end: TimeIn | None = Field(default=None, description="The last bar that may be known.")
    cash: CashIn = Money(Decimal(100_000))
    account: AccountKind = Field(default=AccountKind.CASH, strict=False)
    fee_bps: BpsIn | None = Field(default=None, description="Of a fill's value; as set for paper without it.")
    fee_per_share: MoneyIn | None = Field(default=None, description="USD a share, on top of fee_bps.")
    fee_minimum: MoneyIn | None = Field(default=None, description="USD an order costs at least.")
    slippage_bps: BpsIn | None = Field(
        default=None, description="Of a market order's price, which is half the spread; as for paper."
    )
    participation: RatioIn | None = Field(
        default=None, description="Largest part of a bar's volume that an order may take; as for paper."
    )
    impact: ImpactIn | None = Field(default=None, description="Slippage by size, on top of slippage_bps.")
    latency_ms: int = Field(
        default=0, ge=0, le=LATENCY_MS_MAX, description="From a decision to the market, milliseconds."
    )


class ParameterOut(Answer):
    """A parameter of a strategy. preset: its usual value; least, most: its range, both included."""

    name: str
    kind: str = Field(description="whole, real, exact, choice or flag.")
    preset: Shown
    least: Shown
    most: Shown
    choices: list[Shown]


class StrategyOut(Answer):
    """A strategy that a backtest may name. sweeps: whether a sweep may name it too."""

    name: str
    about: str
    sweeps: bool
    parameters: list[ParameterOut]


class StrategiesOut(Answer):
    """All strategies on offer, by name."""

    items: list[StrategyOut]


class DataSetOut(Answer):
    """A data set. first, last: days of its first and last bar. time_frames: its own, and the coarser ones
    that strategies may read. quarantined: rows of its file that were left out as faulty.
    """

    name: str
    calendar: str = Field(description="Of its exchange.")
    time_frames: list[str]
    symbols: list[str]
    bars: int
    quarantined: int
    first: date
    last: date
    source: str
    licence: str


class DataSetsOut(Answer):
    """All data sets that a backtest may name, by name."""

    items: list[DataSetOut]


class ImpactOut(Answer):
    """Slippage by size; what belongs to another model is null."""

    model: str
    price_impact: DecimalOut | None = None
    limit: DecimalOut | None = None
    volatility: DecimalOut | None = None
    coefficient: DecimalOut | None = None


class AskedOut(Answer):
    """What was asked of a run. assumptions: its costs and rules of filling, in words."""

    strategy: str
    parameters: dict[str, Shown]
    data: str
    symbols: list[str]
    start: TimeOut | None
    end: TimeOut | None
    cash: DecimalOut
    account: AccountKind
    fee_bps: DecimalOut
    fee_per_share: DecimalOut | None
    fee_minimum: DecimalOut | None
    slippage_bps: DecimalOut
    participation: DecimalOut
    impact: ImpactOut | None
    latency_ms: int
    assumptions: dict[str, str]


class WorkOut(Answer):
    """How far something is that waits, runs or is over."""

    id: UUID
    status: Status
    progress: float = Field(ge=0, le=1)
    created_at: TimeOut
    started_at: TimeOut | None
    finished_at: TimeOut | None
    error: str | None = Field(description="Why it failed.")


class BacktestOut(AskedOut, WorkOut):
    """A backtest: what was asked, how far it is, and its figures once it is done.

    metrics: money as exact decimal strings, ratios as numbers, null where there is none. verdict: promote,
    watch or reject, as its validation says; null: it was not validated.
    """

    metrics: dict[str, Shown] | None
    validation: Status | None = Field(default=None, description="How far its newest validation is.")
    verdict: str | None = None


class CurveOut(Answer):
    """Equity over the run, as columns. Long runs keep the highs and lows of a few thousand stretches.

    drawdown: below the highest equity so far, a fraction.
    """

    times: list[TimeOut]
    equity: list[float]
    drawdown: list[float]


class TradeOut(Answer):
    """A round trip in one instrument, flat to flat. exit_at, exit_price: null while it is open."""

    symbol: str
    side: str
    qty: DecimalOut = Field(description="All that was opened.")
    largest: DecimalOut | None = Field(
        default=None,
        description="The most held at a time; null of a backtest from before it was kept.",
    )
    entry_at: TimeOut
    entry_price: DecimalOut
    exit_at: TimeOut | None
    exit_price: DecimalOut | None
    gross: DecimalOut
    fees: DecimalOut
    net: DecimalOut


class GrowthOut(Answer):
    """How one dollar grew, as columns."""

    times: list[TimeOut]
    growth: list[float]


class ComparedOut(Answer):
    """One of the backtests that are compared. differs: the parts of the request in which they differ."""

    backtest: BacktestOut
    differs: dict[str, Any]
    curve: GrowthOut


class ComparisonOut(Answer):
    """Backtests side by side, in the order of their ids."""

    items: list[ComparedOut]


def backtest_out(found: Backtest) -> BacktestOut:
    """A backtest as an answer."""
    return BacktestOut(
        metrics=found.summary,
        validation=found.validation,
        verdict=found.verdict,
        **work_of(found),
        **answered(found.request),
    )


def work_of(found: Backtest) -> dict[str, Any]:
    """How far it is, by name."""
    return {name: getattr(found, name) for name in WorkOut.model_fields}


def answered(request: Request) -> dict[str, Any]:
    """What was asked, by name, with the assumptions that follow from it."""
    return asked_of(request) | {"assumptions": costs_in_words(request.costs)}


def asked_of(request: Request) -> dict[str, Any]:
    """What was asked, by name."""
    values = {name: getattr(request, name) for name in request.__struct_fields__}
    return values | {"symbols": list(request.symbols), "impact": _impact_out(request.impact)}


def _impact_out(impact: VolumeShare | SquareRoot | None) -> dict[str, str] | None:
    if impact is None:
        return None
    model = "volume_share" if isinstance(impact, VolumeShare) else "square_root"
    return {"model": model} | {name: decimal_text(getattr(impact, name)) for name in impact.__struct_fields__}


def request_of(body: BacktestIn, fee_bps: Decimal, slippage_bps: Decimal, participation: Decimal) -> Request:
    """What a body asks; the costs are those of paper where it says none."""
    return Request(
        strategy=body.strategy,
        parameters=plain(body.parameters),
        data=body.data,
        symbols=tuple(body.symbols),
        start=body.start,
        end=body.end,
        cash=body.cash,
        account=body.account,
        fee_bps=fee_bps if body.fee_bps is None else body.fee_bps,
        slippage_bps=slippage_bps if body.slippage_bps is None else body.slippage_bps,
        participation=participation if body.participation is None else body.participation,
        fee_per_share=body.fee_per_share,
        fee_minimum=body.fee_minimum,
        impact=_impact_of(body),
        latency_ms=body.latency_ms,
    )


def _impact_of(body: BacktestIn) -> VolumeShare | SquareRoot | None:
    match body.impact:
        case VolumeShareIn(price_impact=price_impact, limit=limit):
            return VolumeShare(price_impact, limit)
        case SquareRootIn(volatility=volatility, coefficient=coefficient):
            return SquareRoot(volatility, coefficient)
    return None


def data_set_out(offer: DataOffer) -> DataSetOut:
    """A data set as an answer."""
    return DataSetOut.model_validate(offer)
