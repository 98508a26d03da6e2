"""Bodies and answers about risk."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from traderbot.api.limits_endpoints import Sector
from traderbot.api.schemas_common import Answer, Body, DecimalOut, NumberIn, PlainText, SymbolIn, TimeOut

SHOCKS_MAX = 10_000
Method = Literal["historical", "filtered", "normal", "student", "monte_carlo"]
Factor = Literal["market", "size", "value"]
Colour = Literal["green", "amber", "red"]
Share = Annotated[float | None, Field(description="A fraction; null with a reason in `reasons`.")]


class ReasonOut(Answer):
    """Why a figure is null or means less than usual."""

    figure: str = Field(description="Which figure, or all.")
    code: str
    detail: str
    symbol: str | None


class LossOut(Answer):
    """A loss, positive, with its 90% interval."""

    amount: DecimalOut
    share: Share = Field(description="Of equity.")
    low: DecimalOut | None
    high: DecimalOut | None


class PositionRiskOut(Answer):
    """One position's part in the account's risk."""

    symbol: str
    value: DecimalOut
    weight: Share
    volatility: float = Field(description="Of its daily returns, a year.")
    beta: float | None
    var: DecimalOut = Field(description="Component; all of them sum to the account's VaR.")
    shortfall: DecimalOut = Field(description="Component; all of them sum to the account's shortfall.")
    shortfall_part: Share
    marginal_var: Share = Field(description="Of one more dollar of it.")
    marginal_shortfall: Share
    without_var: DecimalOut = Field(description="By how much the account's VaR falls without it.")
    without_shortfall: DecimalOut
    days_to_sell: float | None


class VarTestOut(Answer):
    """A test of the backtest; null where it could not be made."""

    statistic: float | None
    p_value: float | None


class VarBacktestOut(Answer):
    """How the method did on these holdings in the days before, each foreseen from the days before it."""

    days: int
    exceeded: int = Field(description="Days with a loss beyond the VaR.")
    expected: float
    kupiec: VarTestOut = Field(description="Whether there were as many as there should be.")
    independence: VarTestOut = Field(description="Whether one made the next likelier.")
    christoffersen: VarTestOut = Field(description="Both together.")
    shortfall: VarTestOut = Field(description="Acerbi and Szekely's second test, of number and size.")
    light: Colour


class VolatilityOut(Answer):
    """Foreseen, as shares of equity."""

    next_day: float
    horizon: float
    next_year_rate: float = Field(description="Of the next day, a year.")
    past_year_rate: float = Field(description="Of the window, a year.")
    kind: str = Field(description="garch, or ewma where it could not be fitted.")
    alpha: float
    beta: float


class PairOut(Answer):
    """Two positions whose correlation rises on strained days."""

    first: str
    second: str
    usual: float
    stressed: float


class CorrelationsOut(Answer):
    """Mean correlation of all pairs, always and on the tenth of the days foreseen as most volatile."""

    mean: float | None
    stressed: float | None
    calm: float | None
    stress_days: int
    pairs: list[PairOut]


class ConcentrationOut(Answer):
    """How few positions it hangs on."""

    herfindahl: float
    effective: float = Field(description="How many equal positions that would be.")
    largest: str
    largest_part: float


class DrawdownOut(Answer):
    """Below a peak, 0 or less."""

    deepest: float = Field(description="Of these holdings over the window.")
    present: float
    of_account: float | None = Field(description="Of the account below its highest close.")


class LiquidityOut(Answer):
    """How fast the positions can be sold."""

    volume_share: float
    longest: float | None = Field(description="Days until all is sold.")
    within_day: float | None = Field(description="Part of the value that a day can take.")


class RiskAnalysisOut(Answer):
    """What the account may lose over the horizon."""

    as_of: TimeOut
    currency: str
    equity: DecimalOut
    value: DecimalOut
    covered: DecimalOut = Field(description="Value of the positions that the figures are of.")
    method: Method
    level: float
    horizon: int
    days: int = Field(description="Days of history that were used.")
    scenarios: int | None
    var: LossOut | None
    shortfall: LossOut | None
    interval_of: str | None = Field(description="days: estimation; paths: only the simulation's noise.")
    undiversified: LossOut | None = Field(description="The VaR were all prices to move as one.")
    backtest: VarBacktestOut | None
    volatility: VolatilityOut | None
    drawdown: DrawdownOut | None
    benchmark: str | None
    beta: float | None
    correlation: CorrelationsOut | None
    concentration: ConcentrationOut | None
    liquidity: LiquidityOut | None
    positions: list[PositionRiskOut]
    reasons: list[ReasonOut]


class MovedOut(Answer):
    """A position in a scenario."""

    symbol: str
    move: float
    profit: DecimalOut
    basis: str = Field(description="own prices, beta, index, symbol, sector or none.")


class ScenarioOut(Answer):
    """What the holdings make in an event."""

    name: str
    title: str
    market: float | None
    worst_day: float | None
    first: str | None
    last: str | None
    profit: DecimalOut
    share: Share
    positions: list[MovedOut]
    reasons: list[ReasonOut]


class TogetherOut(Answer):
    """If all prices moved as one, for a day."""

    level: float
    var: DecimalOut
    shortfall: DecimalOut
    usual_var: DecimalOut
    usual_shortfall: DecimalOut


class SingleFallOut(Answer):
    """A move of one price."""

    symbol: str
    move: float


class ReverseStressOut(Answer):
    """What loses a share of the equity."""

    share: float
    loss: DecimalOut
    market: float | None = Field(description="The move of the benchmark, through the betas.")
    deviations: float | None
    likeliest: list[SingleFallOut]
    single: list[SingleFallOut] = Field(description="Each price alone, where one suffices.")


class ScenariosOut(Answer):
    """The falls since 2000, all prices as one, and what loses a given share."""

    as_of: TimeOut
    equity: DecimalOut
    benchmark: str | None
    scenarios: list[ScenarioOut]
    correlation_to_one: TogetherOut | None
    reverse: ReverseStressOut | None
    reasons: list[ReasonOut]


class ShocksIn(Body):
    """Moves of prices as fractions: -0.2 is a fall of a fifth. A symbol's own goes before its sector's, that
    before the market's, which reaches a position by its beta.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "chips", "market": -0.1, "sectors": {}, "symbols": {"AAPL": -0.3}}]
        }
    )

    name: PlainText = Field(default="own", min_length=1, max_length=80)
    market: NumberIn | None = None
    sectors: dict[Sector, NumberIn] = Field(default={}, max_length=SHOCKS_MAX)
    symbols: dict[SymbolIn, NumberIn] = Field(default={}, max_length=SHOCKS_MAX)
    factors: dict[Factor, NumberIn] = Field(default={}, description="In the place of market, not beside it.")


class LimitUseOut(Answer):
    """One limit and its use now."""

    name: str
    unit: str
    limit: DecimalOut
    used: DecimalOut | None
    room: DecimalOut | None
    part: DecimalOut | None = Field(description="Used of the limit.")
    colour: Colour
    of: str | None = Field(description="The symbol, sector or order that uses most.")
    reason: str | None


class UseThen(Answer):
    """A limit's use at a close."""

    time: TimeOut
    used: float | None = Field(description="In `unit`; null where there was no equity to measure by.")


class UseHistoryOut(Answer):
    """A limit's use at each close, without the orders then open; limit: the tightest in force now."""

    name: str
    unit: str
    limit: DecimalOut | None
    items: list[UseThen]


class RiskStatusOut(Answer):
    """The account's limits; amber from four fifths on, red where one is reached or trading is halted."""

    as_of: TimeOut
    colour: Colour
    halted: str | None
    halted_symbols: dict[str, str]
    restricted: list[str]
    no_shorting: bool
    rules_version: int
    limits: list[LimitUseOut]
