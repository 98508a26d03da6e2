"""Answers about what an account is worth, where its money is and how it did."""

from uuid import UUID

from pydantic import Field

from traderbot.api.schemas_common import Answer, DecimalOut, TimeOut

_FRACTION = "A fraction: 0.05 is 5 percent."


class StatisticsOut(Answer):
    """Risk and its ratios, of the daily time-weighted returns; null where a figure is not defined."""

    days: int = Field(description="Daily returns there are.")
    year: int = Field(description="Days that a year is taken to have: 252, or 365 with weekends.")
    cagr: float | None = Field(description="Return a year; null for less than a year.")
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown: float = Field(description="Zero or below.")
    drawdown_days: float = Field(description="Calendar days of the longest stretch below a peak.")
    tail_ratio: float | None
    skewness: float | None
    kurtosis: float | None = Field(description="3 of a normal distribution.")
    best_day: float | None
    worst_day: float | None
    positive_days: float | None
    alpha: float | None = Field(description="A year, against the benchmark.")
    beta: float | None
    correlation: float | None
    tracking_error: float | None
    information_ratio: float | None


class PeriodOut(Answer):
    """One period, as much of it as the account has closes in."""

    label: str = Field(description="2005-01-04, 2005-W01, 2005-01, 2005-Q1 or 2005.")
    starts: TimeOut
    ends: TimeOut
    start_equity: DecimalOut
    flows: DecimalOut
    gain: DecimalOut
    end_equity: DecimalOut
    time_weighted: float | None = Field(description=_FRACTION)
    benchmark: float | None
    reason: str | None = Field(description="Why there is no return; null where there is one.")


class PerformanceOut(Answer):
    """How the account did from close to close. gain = end_equity - start_equity - flows = realised +
    unrealised + dividends - costs, exactly.
    """

    account_id: UUID
    currency: str
    starts: TimeOut | None = Field(description="The close before the first one counted; null without any.")
    ends: TimeOut | None
    closes: int
    start_equity: DecimalOut
    flows: DecimalOut = Field(description="Deposits less withdrawals.")
    gain: DecimalOut
    end_equity: DecimalOut
    realised: DecimalOut = Field(description="Gross of fees.")
    unrealised: DecimalOut = Field(description="How it changed.")
    dividends: DecimalOut
    fees: DecimalOut
    borrow: DecimalOut
    interest: DecimalOut
    costs: DecimalOut = Field(description="Fees, borrow and interest.")
    costs_of_capital: DecimalOut | None = Field(description="Their share of the mean capital at work.")
    costs_of_gain: DecimalOut | None = Field(description="Their share of the gain before them.")
    time_weighted: float | None = Field(description=_FRACTION)
    time_weighted_annual: float | None
    money_weighted: float | None = Field(description="Of the whole span.")
    money_weighted_annual: float | None = Field(description="The internal rate of return.")
    benchmark_symbol: str | None
    benchmark: float | None = Field(description="Total return of the benchmark, dividends reinvested.")
    excess: float | None = Field(description="time_weighted - benchmark.")
    statistics: StatisticsOut | None
    periods: list[PeriodOut] = Field(description="Oldest first; empty without `every`.")
    reasons: dict[str, str] = Field(description="Why a figure is null, by its name.")


class PartOut(Answer):
    """What a position, sector, strategy or trade gained. gain = realised + unrealised + dividends - fees -
    borrow - interest.
    """

    name: str
    gain: DecimalOut
    realised: DecimalOut
    unrealised: DecimalOut
    dividends: DecimalOut
    fees: DecimalOut
    borrow: DecimalOut
    interest: DecimalOut
    contribution: DecimalOut | None = Field(description="To the time-weighted return, a fraction.")
    symbol: str | None = Field(description="This and what follows: of a trade.")
    strategy: str | None
    order_id: UUID | None
    opened_at: TimeOut | None
    closed_at: TimeOut | None


class ContributionOut(Answer):
    """What the parts of an account gained: the gains sum to `gain`, the contributions to `time_weighted`."""

    account_id: UUID
    by: str
    starts: TimeOut | None
    ends: TimeOut | None
    gain: DecimalOut
    time_weighted: DecimalOut | None
    reason: str | None = Field(description="Why there are no contributions to a return.")
    parts: list[PartOut] = Field(description="What gained most comes first.")


class SectorEffectOut(Answer):
    """What one sector did for or against the account, beside the benchmark."""

    name: str
    weight: float = Field(description="Mean over the closes.")
    benchmark_weight: float
    allocation: DecimalOut = Field(description="By holding more or less of the sector.")
    selection: DecimalOut = Field(description="By what was held in it, interaction included.")


class AttributionOut(Answer):
    """Why the account did better or worse than equal parts of the session's instruments: the effects sum to
    `excess`.
    """

    account_id: UUID
    starts: TimeOut | None
    ends: TimeOut | None
    time_weighted: float | None
    benchmark: float | None
    excess: DecimalOut | None = Field(description="time_weighted - benchmark, to 6 places.")
    instruments: int = Field(description="In the benchmark.")
    left_out: list[str] = Field(description="Those without prices over the whole span.")
    sectors: list[SectorEffectOut]
    reason: str | None


class CoefficientOut(Answer):
    """Of one factor, or of none: alpha, a fraction a month."""

    name: str = Field(description="alpha, market, size or value.")
    value: float
    error: float = Field(description="Standard error, Newey and West's.")
    t: float | None
    p: float | None
    low: float = Field(description="The 95% interval begins here.")
    high: float


class FactorsOut(Answer):
    """How much of the return the factors of Fama and French explain."""

    account_id: UUID
    months: int
    first: str | None = Field(description="First month used, such as 2005-01.")
    last: str | None
    lags: int | None = Field(description="Months over which the errors may follow each other.")
    r_squared: float | None
    coefficients: list[CoefficientOut]
    reason: str | None = Field(description="Why there are none; null where there are.")


class ShareOut(Answer):
    """A part of what there is; null where something of it has no price."""

    name: str
    positions: int
    market_value: DecimalOut | None
    long_value: DecimalOut | None
    short_value: DecimalOut | None = Field(description="Zero or below.")
    weight: DecimalOut | None = Field(description="Of equity; null where that is nothing or less.")
    cost: DecimalOut
    unrealised: DecimalOut | None
    realised: DecimalOut
    dividends: DecimalOut
    fees: DecimalOut
    borrow: DecimalOut = Field(description="Borrow fees accrued so far.")
    interest: DecimalOut = Field(description="Interest accrued so far.")


class AllocationOut(Answer):
    """Where the money is. The share named cash is the cash itself; together they are the equity, exactly."""

    accounts: list[UUID]
    currency: str
    by: str
    at: TimeOut
    cash: DecimalOut
    market_value: DecimalOut | None
    equity: DecimalOut | None
    reason: str | None = Field(description="Which prices are missing; null where none is.")
    shares: list[ShareOut] = Field(description="The largest first.")
