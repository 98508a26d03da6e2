"""Bodies and answers about rebalancing."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from traderbot.api.limits_endpoints import Sector
from traderbot.api.risk_schemas import LossOut, ReasonOut, Share
from traderbot.api.schemas_common import (
    Answer,
    Body,
    DecimalOut,
    MoneyIn,
    NumberIn,
    RatioIn,
    SymbolIn,
    TimeOut,
)
from traderbot.model.amounts import ONE, ZERO, Money
from traderbot.portfolios.spans import Every
from traderbot.rebalancing.models import Model
from traderbot.rebalancing.wanted import SYMBOLS_MAX, Between, Expected, LotChoice, Others, Wanted

_MAPPED_MAX = 500
Weight = Annotated[DecimalOut, Field(description="A share of equity.")]


class BetweenIn(Body):
    """A smallest and a largest share of equity."""

    low: RatioIn = ZERO
    high: RatioIn = ONE


class ViewIn(Body):
    """What you expect of a symbol."""

    symbol: SymbolIn
    expected: NumberIn = Field(description="Its return over a year, a fraction such as 0.08.")
    confidence: NumberIn = Field(description="From 0 to 1.")


class RebalancingIn(Body):
    """Either `weights`, or a `model` over `symbols`; what the weights keep to; how to trade. Weights, bounds
    and bands are shares of equity.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"weights": {"AAPL": "0.3", "MSFT": "0.3"}, "band": "0.01"},
                {"model": "minimum_variance", "max_weight": "0.4", "turnover": "0.25", "whole_shares": False},
            ]
        }
    )

    weights: dict[SymbolIn, RatioIn] = Field(default_factory=dict, max_length=SYMBOLS_MAX)
    model: Model | None = Field(default=None, description="Where no weights are given.")
    symbols: list[SymbolIn] = Field(
        default_factory=list, max_length=SYMBOLS_MAX, description="Of a model; none for all that is held."
    )
    days: int = Field(default=500, description="Daily returns that a model goes by.")
    views: list[ViewIn] = Field(
        default_factory=list,
        max_length=SYMBOLS_MAX,
        description="Of black_litterman; none for those of the account's newest AI signals.",
    )
    min_weight: RatioIn = ZERO
    max_weight: RatioIn = ONE
    bounds: dict[SymbolIn, BetweenIn] = Field(
        default_factory=dict, max_length=SYMBOLS_MAX, description="In place of min_weight and max_weight."
    )
    sectors: dict[Sector, BetweenIn] = Field(default_factory=dict, max_length=_MAPPED_MAX)
    turnover: RatioIn | None = Field(
        default=None, description="The most that half of what is bought and sold may be; for models."
    )
    cash_buffer: RatioIn = Decimal("0.02")
    others: Others = Field(default="keep", description="What becomes of positions that are not named.")
    band: RatioIn = Field(default=ZERO, description="A symbol that is off by no more is left alone.")
    min_trade: MoneyIn = Field(default=Money(ZERO), description="Trades worth less are left out.")
    whole_shares: bool = True
    slack: RatioIn = Field(default=Decimal("0.02"), description="How far above its mark a buy may fill.")
    lots: LotChoice = Field(default="account", description="Which lots a sale uses up first.")
    no_wash_sale: bool = False
    tax_short: RatioIn = Field(
        default=ZERO, description="Rate for the estimate of the tax on short-term gains."
    )
    tax_long: RatioIn = ZERO

    def wanted(self) -> Wanted:
        """Errors: InvalidValue."""
        return Wanted(
            weights=dict(self.weights),
            model=self.model,
            symbols=tuple(self.symbols),
            days=self.days,
            views=tuple(
                Expected(one.symbol, float(one.expected), float(one.confidence)) for one in self.views
            ),
            min_weight=self.min_weight,
            max_weight=self.max_weight,
            bounds=_between(self.bounds),
            sectors=_between(self.sectors),
            turnover=self.turnover,
            cash_buffer=self.cash_buffer,
            others=self.others,
            band=self.band,
            min_trade=self.min_trade,
            whole_shares=self.whole_shares,
            slack=self.slack,
            lots=self.lots,
            no_wash_sale=self.no_wash_sale,
            tax_short=self.tax_short,
            tax_long=self.tax_long,
        )


def _between(given: Mapping[Any, BetweenIn]) -> dict[Any, Between]:
    return {name: Between(one.low, one.high) for name, one in given.items()}


class PlanIn(Body):
    """What is done again and again: at the first step of each period, or as soon as a weight has drifted, or
    both.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"target": {"model": "equal"}, "every": "month", "drift": "0.05"}]}
    )

    target: RebalancingIn
    every: Every | None = Field(default=None, strict=False)
    drift: RatioIn | None = Field(default=None, description="A weight that is off by more is set right.")
    automatic: bool = Field(default=False, description="Approved at once; else each proposal waits.")


class BetweenOut(Answer):
    """A smallest and a largest share of equity."""

    low: DecimalOut
    high: DecimalOut


class ViewOut(Answer):
    """An expected return over a year and how sure it is."""

    symbol: str
    expected: float
    confidence: float


class WantedOut(Answer):
    """What was asked for, defaults included."""

    weights: dict[str, DecimalOut]
    model: Model | None
    symbols: list[str]
    days: int
    views: list[ViewOut]
    min_weight: DecimalOut
    max_weight: DecimalOut
    bounds: dict[str, BetweenOut]
    sectors: dict[str, BetweenOut]
    turnover: DecimalOut | None
    cash_buffer: DecimalOut
    others: Others
    band: DecimalOut
    min_trade: DecimalOut
    whole_shares: bool
    slack: DecimalOut
    lots: LotChoice
    no_wash_sale: bool
    tax_short: DecimalOut
    tax_long: DecimalOut


class LineOut(Answer):
    """A symbol before and after."""

    symbol: str
    qty_before: DecimalOut
    weight_before: Weight
    target: DecimalOut | None = Field(description="What was aimed at; null for what is left as it is.")
    qty_after: DecimalOut
    weight_after: Weight


class TermGainsOut(Answer):
    """Of the lots that are sold, gross of fees, by how long they were held."""

    short: DecimalOut
    long: DecimalOut


class RebalancingTradeOut(Answer):
    """An order as it would be placed."""

    symbol: str
    side: Literal["buy", "sell"]
    qty: DecimalOut
    mark: DecimalOut
    value: DecimalOut
    limit: DecimalOut | None = Field(description="Of a buy, from the mark of now; a sale is at the market.")
    fee: DecimalOut
    slippage: DecimalOut
    lots: list[int]
    gains: TermGainsOut


class LeftAloneOut(Answer):
    """Why a symbol is not traded, or less than its target asks for."""

    symbol: str
    code: str
    detail: str


class RiskFiguresOut(Answer):
    """Of one day at 95%, by the platform's usual method."""

    var: LossOut | None
    shortfall: LossOut | None
    volatility: Share = Field(description="Of the past year, yearly, as a share of equity.")
    beta: float | None
    largest: Share = Field(description="Of the largest position in equity.")
    reasons: list[ReasonOut]


class FrontierPointOut(Answer):
    """Of a year, fractions."""

    volatility: float
    expected: float
    weights: dict[str, float]


class FrontierOut(Answer):
    """The least volatility for each expected return within the constraints; where before and after lie."""

    points: list[FrontierPointOut]
    before: FrontierPointOut
    after: FrontierPointOut


class DraftOut(Answer):
    """The trades with their costs and tax, and the risk before and after."""

    as_of: TimeOut
    equity: DecimalOut
    cash: DecimalOut
    cash_after: DecimalOut
    lines: list[LineOut]
    trades: list[RebalancingTradeOut] = Field(description="Sales first, as they are placed.")
    left: list[LeftAloneOut]
    turnover: DecimalOut = Field(description="Half of what is bought and sold, as a share of equity.")
    fees: DecimalOut
    slippage: DecimalOut
    gains: TermGainsOut
    tax: DecimalOut = Field(description="An estimate at the given rates; below 0 where losses save.")
    risk_before: RiskFiguresOut
    risk_after: RiskFiguresOut
    frontier: FrontierOut | None
    views: list[ViewOut]
    notes: list[ReasonOut]


Status = Literal["proposed", "rejected", "selling", "buying", "done", "stopped"]


class ProposalBriefOut(Answer):
    """A proposal in a list."""

    id: UUID
    account_id: UUID
    made_at: TimeOut
    status: Status
    plan: bool = Field(description="Whether the account's plan made it.")
    decided_at: TimeOut | None
    decided_by: UUID | None
    orders: list[UUID] = Field(description="Placed for it so far.")
    why: str | None = Field(description="What stopped it.")


class ProposalOut(ProposalBriefOut):
    """A proposal, whole."""

    wanted: WantedOut
    draft: DraftOut


class PlanOut(Answer):
    """The account's plan."""

    account_id: UUID
    wanted: WantedOut
    every: Every | None
    drift: DecimalOut | None
    automatic: bool
    looked_at: TimeOut | None = Field(description="Market time when it was last due; null before.")
    targets: dict[str, DecimalOut] = Field(description="Its weights of then.")


class OwnPlanOut(Answer):
    """The account's plan, null where it has none."""

    plan: PlanOut | None


class PlanGoneOut(Answer):
    """The account has no plan any more."""

    account_id: UUID


class ModelOut(Answer):
    """A model and whether this installation has what it needs."""

    name: Model
    title: str
    available: bool
    needs: str | None = Field(description="What to install where it is not available.")


class ModelsOut(Answer):
    """All models."""

    items: list[ModelOut]
