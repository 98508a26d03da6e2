"""/api/v1/risk: what the account may lose, scenarios, and how much of each limit is used."""

import math
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from traderbot.api.access import AccountId, ThePlatform
from traderbot.api.account_answers import existing
from traderbot.api.order_entry import NO_ACCOUNT
from traderbot.api.portfolio_endpoints import From, To
from traderbot.api.problems import problem_responses
from traderbot.api.risk_schemas import (
    Method,
    RiskAnalysisOut,
    RiskStatusOut,
    ScenarioOut,
    ScenariosOut,
    ShocksIn,
    UseHistoryOut,
    UseThen,
)
from traderbot.api.schemas_common import SymbolIn
from traderbot.api.strict_json import StrictRoute
from traderbot.bootstrap import Platform
from traderbot.portfolios.valuation import portfolio_of
from traderbot.risk.analysis import analyse
from traderbot.risk.book import Book, book_of
from traderbot.risk.figures import DAYS_MAX, HORIZON_MAX, STANDARD, Wanted
from traderbot.risk.history import RETURNS_MIN
from traderbot.risk.scenarios import Shocks, historical, shocked
from traderbot.risk.status import status_of
from traderbot.risk.use_history import USES, use_history
from traderbot.trading.halts import rules_in_force

router = APIRouter(prefix="/api/v1/risk", tags=["risk"], route_class=StrictRoute)

_LIMITED = "Counts as risk analysis in the rate limits."


@router.get(
    "/analysis",
    summary="What the account may lose",
    description="Value at risk and expected shortfall of the holdings at their marks, from prices known by"
    " now, with an interval, a backtest of the same method, contributions by position, volatility, drawdown,"
    f" beta, correlation, concentration and liquidity. {_LIMITED}",
    responses=problem_responses(401, 404, 422, 429, s404=NO_ACCOUNT),
)
def analysis(
    platform: ThePlatform,
    account_id: AccountId,
    method: Annotated[Method, Query(description="How it is estimated.")] = STANDARD,
    level: Annotated[float, Query(description="Confidence, such as 0.95.")] = 0.95,
    horizon: Annotated[int, Query(description=f"Trading days, up to {HORIZON_MAX}.")] = 1,
    days: Annotated[int, Query(description=f"Days of history, {RETURNS_MIN} to {DAYS_MAX}.")] = 1000,
    volume_share: Annotated[float, Query(description="Of the average volume that may be sold a day.")] = 0.1,
    benchmark: Annotated[SymbolIn | None, Query(description="What betas are measured against.")] = None,
) -> RiskAnalysisOut:
    wanted = Wanted(method, level, horizon, days, volume_share, benchmark)
    return RiskAnalysisOut.model_validate(analyse(book_now(platform, account_id), wanted))


@router.get(
    "/scenarios",
    summary="What the account would make in the falls since 2000",
    description="The holdings through five falls of the S&P 500, with all prices as one, and which events"
    f" lose a given share of equity. {_LIMITED}",
    responses=problem_responses(401, 404, 422, 429, s404=NO_ACCOUNT),
)
def scenarios(
    platform: ThePlatform,
    account_id: AccountId,
    lose: Annotated[float, Query(description="Share of equity, for the reverse stress.")] = 0.2,
) -> ScenariosOut:
    return ScenariosOut.model_validate(historical(book_now(platform, account_id), lose))


@router.post(
    "/scenarios",
    summary="What the account would make of your own shocks",
    description=f"Nothing is stored. {_LIMITED}",
    responses=problem_responses(400, 401, 404, 413, 415, 422, 429, s404=NO_ACCOUNT),
)
def own_scenario(body: ShocksIn, platform: ThePlatform, account_id: AccountId) -> ScenarioOut:
    shocks = shocks_of(body)
    with platform.database.read() as connection:
        sectors = rules_in_force(connection).sectors
    return ScenarioOut.model_validate(shocked(book_now(platform, account_id), shocks, sectors))


@router.get(
    "/status",
    summary="How much of each limit is used",
    description="As the gate measures it, with open orders at their worst.",
    responses=problem_responses(401, 404, s404=NO_ACCOUNT),
)
def status(platform: ThePlatform, account_id: AccountId) -> RiskStatusOut:
    with platform.database.read() as connection:
        found = status_of(connection, account_id, platform.session.market)
    return RiskStatusOut.model_validate(found)


@router.get(
    "/status/history",
    summary="How much of a limit was used at each close",
    description="Of what the closes say: exposures without open orders, losses since the day, week or month"
    " began and since the highest close.",
    responses=problem_responses(401, 404, 422, s404=NO_ACCOUNT),
)
def status_history(
    platform: ThePlatform,
    account_id: AccountId,
    limit: Annotated[str, Query(description=", ".join(USES))],
    begin: From = None,
    end: To = None,
) -> UseHistoryOut:
    with platform.database.read() as connection:
        book = platform.tracks.book_of(connection, account_id)
        rules, own = rules_in_force(connection), existing(connection, account_id).limits
    found = use_history(book, limit, rules.sectors, begin=begin, end=end)
    given = [getattr(one, limit) for one in (rules.limits, own) if one is not None]
    return UseHistoryOut(
        name=found.name,
        unit=found.unit,
        limit=min((one for one in given if one is not None), default=None),
        items=[
            UseThen(time=time, used=None if math.isnan(used) else used)
            for time, used in zip(found.times.tolist(), found.used.tolist(), strict=True)
        ],
    )


def shocks_of(body: ShocksIn) -> Shocks:
    """The shocks that a body asks for. Errors: InvalidValue."""
    return Shocks(
        body.name,
        None if body.market is None else float(body.market),
        {name: float(move) for name, move in body.sectors.items()},
        {name: float(move) for name, move in body.symbols.items()},
        {name: float(move) for name, move in body.factors.items()},
    )


def book_now(platform: Platform, account_id: UUID) -> Book:
    """What an account holds at the market time of now."""
    with platform.database.read() as connection:
        portfolio = portfolio_of(connection, account_id, platform.session.market)
    return book_of(portfolio, platform.dataset)
