"""The words of a risk analysis: what is asked for, and what the answer has. Fractions, not percent."""

from decimal import Decimal
from typing import Literal

import msgspec

from traderbot.analytics.risk.rolling import METHODS, Method
from traderbot.model.amounts import Money
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol
from traderbot.risk.history import RETURNS_MIN, Reason

STANDARD: Method = "filtered"
"""The one that the coverage table of docs/risk.md favours."""
DAYS_MAX = 2500
HORIZON_MAX = 60
Colour = Literal["green", "amber", "red"]


class Wanted(msgspec.Struct, frozen=True):
    """An analysis to make. level: confidence. horizon: trading days ahead. days: of history at most.

    volume_share: of the average volume that may be sold a day. benchmark: a symbol of the data set; None for
    the index or what comes nearest. Errors: InvalidValue.
    """

    method: Method = STANDARD
    level: float = 0.95
    horizon: int = 1
    days: int = 1000
    volume_share: float = 0.1
    benchmark: Symbol | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InvalidValue("method", f"one of {', '.join(METHODS)}", self.method)
        if not 0.5 <= self.level < 1.0 or self.level > 0.9999:
            raise InvalidValue("level", "a confidence from 0.5 to 0.9999, such as 0.95", self.level)
        if not 1 <= self.horizon <= HORIZON_MAX:
            raise InvalidValue("horizon", f"trading days from 1 to {HORIZON_MAX}", self.horizon)
        if not RETURNS_MIN <= self.days <= DAYS_MAX:
            raise InvalidValue("days", f"days of history from {RETURNS_MIN} to {DAYS_MAX}", self.days)
        if not 0 < self.volume_share <= 1:
            raise InvalidValue("volume_share", "a fraction above 0, at most 1", self.volume_share)


class Loss(msgspec.Struct, frozen=True):
    """A loss in money, positive, and as a share of equity; low, high: its 90% interval."""

    amount: Money
    share: float | None
    low: Money | None = None
    high: Money | None = None


class PositionRisk(msgspec.Struct, frozen=True):
    """One position's part. weight: of equity. var, shortfall: components, which sum to the account's.

    marginal_var, marginal_shortfall: for one more dollar of it. without_var, without_shortfall: by how much
    the account's would fall without it. volatility: of its returns, a year. days_to_sell: None where nobody
    trades it.
    """

    symbol: Symbol
    value: Money
    weight: float | None
    volatility: float
    beta: float | None
    var: Money
    shortfall: Money
    shortfall_part: float | None
    marginal_var: float | None
    marginal_shortfall: float | None
    without_var: Money
    without_shortfall: Money
    days_to_sell: float | None


class TestResult(msgspec.Struct, frozen=True):
    """A test's statistic and p-value, None where it could not be made."""

    statistic: float | None
    p_value: float | None


class Backtest(msgspec.Struct, frozen=True):
    """How the method would have done on these holdings in the days before now, one day ahead each.

    light: green where no test rejects at 5%, amber at 5%, red at 1%.
    """

    days: int
    exceeded: int
    expected: float
    kupiec: TestResult
    independence: TestResult
    christoffersen: TestResult
    shortfall: TestResult
    light: Colour


class Volatility(msgspec.Struct, frozen=True):
    """Foreseen for the value of the holdings, as shares of equity. kind: garch or ewma."""

    next_day: float
    horizon: float
    next_year_rate: float
    past_year_rate: float
    kind: str
    alpha: float
    beta: float


class Pair(msgspec.Struct, frozen=True):
    """Two positions whose correlation rises most on strained days."""

    first: Symbol
    second: Symbol
    usual: float
    stressed: float


class Correlations(msgspec.Struct, frozen=True):
    """Means over all pairs. stressed: on the tenth of the days that were foreseen as the most volatile."""

    mean: float | None
    stressed: float | None
    calm: float | None
    stress_days: int
    pairs: list[Pair]


class Concentration(msgspec.Struct, frozen=True):
    """herfindahl: of the weights; effective: how many equal positions that would be."""

    herfindahl: float
    effective: float
    largest: Symbol
    largest_part: float


class Drawdown(msgspec.Struct, frozen=True):
    """Of these holdings at constant size over the window: deepest and present, shares of a peak, 0 or less.

    of_account: below its own highest close, None before one.
    """

    deepest: float
    present: float
    of_account: float | None


class Liquidity(msgspec.Struct, frozen=True):
    """volume_share: of the average daily volume. longest: days until all is sold. within_day: part of the
    value that can be sold in one.
    """

    volume_share: float
    longest: float | None
    within_day: float | None


class RiskAnalysis(msgspec.Struct, frozen=True):
    """What an account may lose over the horizon. A figure that could not be computed is None and has its
    reason. covered: value of the positions that the figures are of. as_of: market time, microseconds.

    undiversified: the VaR were all prices to move as one. scenarios: rows the figures are read off, None for
    a formula.
    """

    as_of: int
    currency: str
    equity: Decimal
    value: Money
    covered: Money
    method: Method
    level: float
    horizon: int
    days: int
    scenarios: int | None
    var: Loss | None
    shortfall: Loss | None
    interval_of: str | None
    undiversified: Loss | None
    backtest: Backtest | None
    volatility: Volatility | None
    drawdown: Drawdown | None
    benchmark: str | None
    beta: float | None
    correlation: Correlations | None
    concentration: Concentration | None
    liquidity: Liquidity | None
    positions: list[PositionRisk]
    reasons: list[Reason]
