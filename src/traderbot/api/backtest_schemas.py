"""Bodies and answers about backtests."""

from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from traderbot.api.schemas_common import (
    Answer,
    Body,
    BpsIn,
    CashIn,
    DecimalOut,
    PlainText,
    RatioIn,
    SymbolIn,
    TimeIn,
    TimeOut,
)
from traderbot.backtests.repository import Backtest
from traderbot.backtests.requests import Request, Status, plain
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
    slippage_bps: BpsIn | None = Field(default=None, description="Of a market order's price; as for paper.")
    participation: RatioIn | None = Field(
        default=None, description="Largest part of a bar's volume that an order may take; as for paper."
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
    """A strategy that a backtest may name."""

    name: str
    about: str
    parameters: list[ParameterOut]


class StrategiesOut(Answer):
    """All strategies on offer, by name."""

    items: list[StrategyOut]


class BacktestOut(Answer):
    """A backtest: what was asked, how far it is, and its figures once it is done.

    metrics: money as exact decimal strings, ratios as numbers, null where there is none. verdict: what its
    validation says; null: it was not validated.
    """

    id: UUID
    status: Status
    progress: float = Field(ge=0, le=1)
    strategy: str
    parameters: dict[str, Shown]
    data: str
    symbols: list[str]
    start: TimeOut | None
    end: TimeOut | None
    cash: DecimalOut
    account: AccountKind
    fee_bps: DecimalOut
    slippage_bps: DecimalOut
    participation: DecimalOut
    created_at: TimeOut
    started_at: TimeOut | None
    finished_at: TimeOut | None
    error: str | None = Field(description="Why it failed.")
    metrics: dict[str, Shown] | None
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
    qty: DecimalOut
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
    request = found.request
    return BacktestOut(
        id=found.id,
        status=found.status,
        progress=found.progress,
        created_at=found.created_at,
        started_at=found.started_at,
        finished_at=found.finished_at,
        error=found.error,
        metrics=found.summary,
        **asked_of(request),
    )


def asked_of(request: Request) -> dict[str, Any]:
    """What was asked, by name."""
    values = {name: getattr(request, name) for name in request.__struct_fields__}
    return values | {"symbols": list(request.symbols)}


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
    )
