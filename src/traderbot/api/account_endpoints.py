"""/api/v1: the account at its marks: portfolio and positions; and the signals about it."""

from fastapi import APIRouter

from traderbot.api.access import AccountId, Limit, TheCursors, ThePlatform, decoded, following
from traderbot.api.order_entry import NO_ACCOUNT
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import Page, SymbolIn
from traderbot.api.strict_json import StrictRoute
from traderbot.api.trading_schemas import (
    HoldingOut,
    Holdings,
    PortfolioOut,
    SignalOut,
)
from traderbot.model.errors import NotFound
from traderbot.portfolios.valuation import holdings_of, portfolio_of
from traderbot.trading import repository

router = APIRouter(prefix="/api/v1", route_class=StrictRoute)

_NO_POSITION = ("not_found", "No position in this symbol.")


@router.get(
    "/portfolio",
    tags=["portfolio"],
    summary="The account at its marks",
    responses=problem_responses(401, 404, s404=NO_ACCOUNT),
)
def portfolio(platform: ThePlatform, account_id: AccountId) -> PortfolioOut:
    with platform.database.read() as connection:
        return PortfolioOut.model_validate(portfolio_of(connection, account_id, platform.session.market))


@router.get(
    "/positions",
    tags=["portfolio"],
    summary="Positions at their marks",
    responses=problem_responses(401, 404, s404=NO_ACCOUNT),
)
def positions(platform: ThePlatform, account_id: AccountId) -> Holdings:
    with platform.database.read() as connection:
        found = holdings_of(connection, account_id, platform.session.market)
    return Holdings(items=[HoldingOut.model_validate(one) for one in found])


@router.get(
    "/positions/{symbol}",
    tags=["portfolio"],
    summary="One position",
    responses=problem_responses(401, 404, 422, s404=_NO_POSITION),
)
def position(platform: ThePlatform, account_id: AccountId, symbol: SymbolIn) -> HoldingOut:
    with platform.database.read() as connection:
        found = holdings_of(connection, account_id, platform.session.market, symbol)
    if not found:
        raise NotFound("No position in this symbol.")
    return HoldingOut.model_validate(found[0])


@router.get(
    "/signals",
    tags=["signals"],
    summary="Signals and their reasons, newest first",
    responses=problem_responses(401, 404, 422, s404=NO_ACCOUNT),
)
def signals(
    platform: ThePlatform,
    account_id: AccountId,
    cursors: TheCursors,
    symbol: SymbolIn | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Page[SignalOut]:
    scope = f"signals {account_id} {symbol}"
    before = decoded(cursors, scope, cursor)
    with platform.database.read() as connection:
        found = repository.list_signals(connection, account_id, symbol=symbol, before=before, limit=limit + 1)
    items = [SignalOut.model_validate(one) for one in found[:limit]]
    return Page(items=items, next_cursor=following(cursors, scope, found, limit))
