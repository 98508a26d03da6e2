"""/api/v1: the account: portfolio, positions, equity history, signals, events, and its halt."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query

from traderbot.api.access import (
    AccountId,
    Limit,
    Refused,
    RequestMeta,
    TheCursors,
    ThePlatform,
    decoded,
    following,
)
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import Page, SymbolIn
from traderbot.api.strict_json import StrictRoute
from traderbot.api.trading_schemas import (
    EquityHistory,
    EquityPointOut,
    EventOut,
    Events,
    HaltIn,
    HaltOut,
    HoldingOut,
    Holdings,
    PortfolioOut,
    SignalOut,
)
from traderbot.infra.journal import read
from traderbot.model.commands import PauseTrading, ResumeTrading
from traderbot.model.errors import InvalidValue, NotFound
from traderbot.model.events import EVENT_TYPES
from traderbot.portfolios.valuation import equity_history, holdings_of, portfolio_of
from traderbot.trading import repository
from traderbot.trading.streams import account_stream
from traderbot.trading.work import Work

router = APIRouter(prefix="/api/v1", route_class=StrictRoute)

_NO_POSITION = ("not_found", "No position in this symbol.")


@router.get(
    "/portfolio",
    tags=["portfolio"],
    summary="The account at its marks",
    responses=problem_responses(401, 404, s404=("not_found", "No such account.")),
)
def portfolio(platform: ThePlatform, account_id: AccountId) -> PortfolioOut:
    with platform.database.read() as connection:
        return PortfolioOut.model_validate(portfolio_of(connection, account_id, platform.session.market))


@router.get(
    "/portfolio/history",
    tags=["portfolio"],
    summary="Equity at each session's close",
    description="The newest `limit` closes, oldest first. Closes while the account held nothing and wanted"
    " nothing are left out.",
    responses=problem_responses(401, 422),
)
def portfolio_history(
    platform: ThePlatform, account_id: AccountId, limit: Annotated[int, Query(ge=1, le=10_000)] = 2000
) -> EquityHistory:
    with platform.database.read() as connection:
        points = equity_history(connection, account_id, limit)
    return EquityHistory(items=[EquityPointOut.model_validate(point) for point in points])


@router.get(
    "/positions", tags=["portfolio"], summary="Positions at their marks", responses=problem_responses(401)
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
    responses=problem_responses(401, 422),
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


@router.get(
    "/events",
    tags=["audit"],
    summary="The account's journal",
    description="Every event of the account in order of position, from after `after`.",
    responses=problem_responses(401, 422),
)
def events(
    platform: ThePlatform,
    account_id: AccountId,
    after: Annotated[int, Query(ge=0, le=2**62, description="Position to go on from.")] = 0,
    limit: Limit = 100,
    kind: Annotated[
        str | None, Query(alias="type", max_length=64, description="Only this type, such as OrderFilled.")
    ] = None,
) -> Events:
    if kind is not None and kind not in EVENT_TYPES:
        raise InvalidValue("type", f"one of {', '.join(sorted(EVENT_TYPES))}")
    with platform.database.read() as connection:
        stream = account_stream(account_id)
        found = read(
            connection, after=after, limit=limit, stream=stream, types=None if kind is None else [kind]
        )
    items = [
        EventOut(
            position=entry.position,
            type=entry.event.__class__.__name__,
            time=getattr(entry.event, "at", None),
            recorded_at=entry.recorded_at,
            actor=entry.meta.actor,
            data=msgspec.to_builtins(entry.event),
        )
        for entry in found
    ]
    return Events(items=items, next_after=found[-1].position if found else after)


@router.post(
    "/risk/halt",
    tags=["risk"],
    summary="Pause trading on the account",
    description="No order is approved until trading is resumed, restarts included; cancels still work.",
    responses=problem_responses(
        400, 401, 409, 413, 415, 422, s409=("already_halted", "Trading is already paused.")
    ),
)
async def halt(body: HaltIn, platform: ThePlatform, account_id: AccountId, meta: RequestMeta) -> HaltOut:
    outcome = await platform.path.asubmit(Work(commands=[(account_id, PauseTrading(body.reason))], meta=meta))
    if outcome.refusal is not None:
        raise Refused(outcome.refusal)
    return HaltOut(halted=body.reason)


@router.delete(
    "/risk/halt",
    tags=["risk"],
    summary="Resume trading on the account",
    responses=problem_responses(401, 409, s409=("not_halted", "Trading is not paused.")),
)
async def resume(platform: ThePlatform, account_id: AccountId, meta: RequestMeta) -> HaltOut:
    outcome = await platform.path.asubmit(Work(commands=[(account_id, ResumeTrading())], meta=meta))
    if outcome.refusal is not None:
        raise Refused(outcome.refusal)
    return HaltOut(halted=None)
