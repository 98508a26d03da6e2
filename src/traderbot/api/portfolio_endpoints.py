"""/api/v1/portfolio/...: equity history, performance, contribution and allocation of an account."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy.engine import Connection

from traderbot.api.access import AccountId, TheCursors, ThePlatform, decoded
from traderbot.api.order_entry import NO_ACCOUNT
from traderbot.api.portfolio_schemas import (
    AllocationOut,
    AttributionOut,
    ContributionOut,
    FactorsOut,
    PerformanceOut,
)
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import SymbolIn, TimeIn
from traderbot.api.security import CurrentUser
from traderbot.api.strict_json import StrictRoute
from traderbot.api.trading_schemas import EquityHistory, EquityPointOut
from traderbot.bootstrap import Platform
from traderbot.model.amounts import Price
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol
from traderbot.portfolios.allocation import allocation_of
from traderbot.portfolios.benchmarks import benchmark_of
from traderbot.portfolios.contribution import contribution_of
from traderbot.portfolios.dimensions import By, dimension
from traderbot.portfolios.factors import factors_of
from traderbot.portfolios.performance import BenchmarkAt, performance_of
from traderbot.portfolios.sectors import attribution_of
from traderbot.portfolios.spans import Every
from traderbot.portfolios.valuation import equity_history
from traderbot.trading.halts import rules_in_force
from traderbot.trading.history import accounts_of_user
from traderbot.users.people import Principal

router = APIRouter(prefix="/api/v1/portfolio", tags=["portfolio"], route_class=StrictRoute)

POINTS_MAX = 10_000
_ANSWERS = problem_responses(401, 404, 422, s404=NO_ACCOUNT)
_NOW = (By.POSITION, By.SECTOR, By.STRATEGY)
From = Annotated[TimeIn | None, Query(alias="from", description="Closes from this market time on.")]
To = Annotated[TimeIn | None, Query(alias="to", description="Closes up to this market time, included.")]


@router.get(
    "/history",
    summary="Equity at each session's close",
    description="The newest `limit` closes of the span, oldest first; `next_cursor` leads to those before."
    " Closes while the account held nothing and wanted nothing are left out.",
    responses=_ANSWERS,
)
def portfolio_history(
    platform: ThePlatform,
    account_id: AccountId,
    cursors: TheCursors,
    begin: From = None,
    end: To = None,
    limit: Annotated[int, Query(ge=1, le=POINTS_MAX)] = 2000,
    cursor: str | None = None,
) -> EquityHistory:
    scope = f"history {account_id} {begin} {end}"
    before = decoded(cursors, scope, cursor)
    with platform.database.read() as connection:
        points = equity_history(connection, account_id, limit + 1, begin=begin, end=end, before=before)
    page = points[-limit:]
    more = cursors.encode(scope, [page[0].step]) if len(points) > limit else None
    return EquityHistory(items=[EquityPointOut.model_validate(one) for one in page], next_cursor=more)


@router.get(
    "/performance",
    summary="Gains and returns, by period and beside a benchmark",
    description="Measured from close to close. Time-weighted: money that comes or goes counts at the start"
    " of the span between two closes in which it does. A figure that cannot be computed is null, and"
    " `reasons` says why.",
    responses=_ANSWERS,
)
def portfolio_performance(
    platform: ThePlatform,
    account_id: AccountId,
    begin: From = None,
    end: To = None,
    every: Annotated[Every | None, Query(description="Periods to tell it in as well.")] = None,
    benchmark: Annotated[
        SymbolIn | None, Query(description="An instrument of the session, dividends reinvested.")
    ] = None,
) -> PerformanceOut:
    at = benchmark_at(platform, benchmark)
    with platform.database.read() as connection:
        book = platform.tracks.book_of(connection, account_id)
    found = performance_of(book, begin=begin, end=end, every=every, benchmark_at=at)
    return PerformanceOut.model_validate(found)


def benchmark_at(platform: Platform, symbol: Symbol | None) -> BenchmarkAt | None:
    """What tells the worth of an instrument of the session at some times. Errors: InvalidValue."""
    dataset = platform.session.replay.dataset
    if symbol is None:
        return None
    if symbol not in dataset.bars:
        raise InvalidValue("benchmark", f"an instrument of the data set {dataset.name}", symbol)
    return partial(benchmark_of, dataset, symbol)


@router.get(
    "/contribution",
    summary="What each part gained and contributed to the return",
    description="The parts sum to the account exactly. A trade is a lot, from the execution that opened it"
    " to those that closed it; a lot belongs to the strategy whose order opened it. Sectors are those of"
    " the platform's limits; a symbol without one counts as unknown.",
    responses=_ANSWERS,
)
def portfolio_contribution(
    platform: ThePlatform,
    account_id: AccountId,
    by: Annotated[str, Query(description="position, sector, strategy or trade.")] = By.POSITION,
    begin: From = None,
    end: To = None,
) -> ContributionOut:
    group = dimension(by)
    with platform.database.read() as connection:
        book = platform.tracks.book_of(connection, account_id)
        sectors = rules_in_force(connection).sectors
    return ContributionOut.model_validate(contribution_of(book, group, sectors, begin=begin, end=end))


@router.get(
    "/attribution",
    summary="What each sector did beside equal parts of the session's instruments",
    description="Allocation and selection after Brinson and Fachler, linked over the closes after Frongello.",
    responses=_ANSWERS,
)
def portfolio_attribution(
    platform: ThePlatform, account_id: AccountId, begin: From = None, end: To = None
) -> AttributionOut:
    with platform.database.read() as connection:
        book = platform.tracks.book_of(connection, account_id)
        sectors = rules_in_force(connection).sectors
    dataset = platform.session.replay.dataset
    return AttributionOut.model_validate(attribution_of(book, sectors, dataset, begin=begin, end=end))


@router.get(
    "/factors",
    summary="How much of the return market, size and value explain",
    description="Monthly time-weighted returns, less the riskless rate, on the factors of Fama and French,"
    " with confidence intervals. `reason` says what is missing.",
    responses=_ANSWERS,
)
def portfolio_factors(
    platform: ThePlatform, account_id: AccountId, begin: From = None, end: To = None
) -> FactorsOut:
    with platform.database.read() as connection:
        book = platform.tracks.book_of(connection, account_id)
    return FactorsOut.model_validate(factors_of(book, begin=begin, end=end))


@router.get(
    "/allocation",
    summary="Where the money is, now or at a market time",
    description="By what had happened by then, as it is known now. `together`: of all your accounts.",
    responses=_ANSWERS,
)
def portfolio_allocation(
    platform: ThePlatform,
    account_id: AccountId,
    principal: CurrentUser,
    by: Annotated[str, Query(description="position, sector or strategy.")] = By.POSITION,
    at: Annotated[TimeIn | None, Query(description="A market time; now without it.")] = None,
    together: Annotated[bool, Query(description="All your accounts, not one.")] = False,
) -> AllocationOut:
    group, market = dimension(by, _NOW), platform.session.market
    market = market if at is None else market.at_time(min(at, market.time))

    def mark_of(symbol: Symbol) -> Price | None:
        mark = market.mark(symbol)
        return None if mark is None else mark.price

    with platform.database.read() as connection:
        ids = _ids_of(connection, platform, principal) if together else [account_id]
        books = [platform.tracks.book_of(connection, one) for one in ids]
        sectors = rules_in_force(connection).sectors
    moment = platform.session.market.time if at is None else at
    return AllocationOut.model_validate(allocation_of(books, group, sectors, mark_of, moment))


def _ids_of(connection: Connection, platform: Platform, principal: Principal) -> list[UUID]:
    """The caller's accounts in the session that runs, of which the prices are known here; a key that is bound
    to one has no other.
    """
    session = platform.session.session_id
    return [
        one.id
        for one in accounts_of_user(connection, principal.user_id)
        if one.session_id == session and (not principal.bound or one.id == principal.account_id)
    ]
