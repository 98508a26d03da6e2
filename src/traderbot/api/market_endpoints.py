"""/api/v1/market: instruments, bars known by now, and the session's clock."""

from datetime import date
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, FastAPI, Query, Request, Response

from traderbot.api.access import RequestMeta, ThePlatform
from traderbot.api.order_answers import as_json
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import SymbolIn
from traderbot.api.security import AdminUser, CurrentUser
from traderbot.api.strict_json import StrictRoute
from traderbot.api.trading_schemas import (
    ActionOut,
    ActionsOut,
    BarOut,
    BarsOut,
    ClockIn,
    ClockOut,
    InstrumentOut,
    Instruments,
)
from traderbot.bootstrap import Platform
from traderbot.infra.caching.cache import PUBLIC, FunctionCache
from traderbot.market.sessions import ClockSnapshot
from traderbot.model.border import price_from_float, quantity_from_float
from traderbot.model.errors import InvalidValue
from traderbot.trading.session_clock import clock_now, turn
from traderbot.trading.session_view import SessionView

router = APIRouter(prefix="/api/v1/market", tags=["market"], route_class=StrictRoute)

BARS_MAX = 10_000


def clock_of(session: SessionView, now: ClockSnapshot | None = None) -> ClockOut:
    """The session's clock as it stands. now: as on record, where this process may not have heard of it."""
    now = now or session.replay.snapshot()
    return ClockOut(
        session_id=session.session_id,
        name=session.replay.dataset.name,
        mode="replay",
        time=now.time,
        date=now.date.isoformat(),
        paused=now.paused,
        speed=now.speed,
        step=now.step,
        first_step=now.first_step,
        steps=now.steps,
        ended=now.ended,
        start=now.start.isoformat(),
        end=now.end.isoformat(),
        jump_to=None if now.jump_to is None else now.jump_to.isoformat(),
    )


@router.get(
    "/instruments",
    summary="What can be traded",
    responses=problem_responses(401),
    response_model=Instruments,
)
async def instruments(request: Request, platform: ThePlatform, _principal: CurrentUser) -> Response:
    return as_json(await request.app.state.instruments(platform, platform.session.market.time))


def install_cache(app: FastAPI, platform: Platform) -> None:
    """Give the application its cached functions. What is known at a market time never changes."""
    valkey = platform.settings.valkey_url
    functions = FunctionCache(platform.metrics, valkey.get_secret_value() if valkey else None)
    platform.tail.follow(functions.heard)
    app.state.functions = functions
    app.state.instruments = functions.cached(
        "instruments",
        ttl_s=60,
        tenant=lambda _platform, _time: PUBLIC,
        key=lambda platform, time: [platform.dataset.sha256, time],
    )(_instruments)


def _instruments(platform: Platform, time: int) -> dict[str, Any]:
    dataset = platform.dataset
    items = []
    for instrument in dataset.instruments:
        known = dataset.bars_of(instrument.symbol).until(time)
        if len(known):
            items.append(
                InstrumentOut(
                    symbol=instrument.symbol,
                    name=instrument.name,
                    exchange=instrument.exchange,
                    first_bar=int(known.times[0]),
                    last_bar=int(known.times[-1]),
                    bars=len(known),
                )
            )
    return Instruments(items=items).model_dump(mode="json")


@router.get(
    "/bars/{symbol}",
    summary="Bars of an instrument",
    description="The newest `limit` bars known by now (or by the end of `end`), oldest first, as traded.",
    responses=problem_responses(401, 404, 422, s404=("not_found", "no instrument XYZ in the data set demo")),
)
def bars(
    platform: ThePlatform,
    _principal: CurrentUser,
    symbol: SymbolIn,
    limit: Annotated[int, Query(ge=1, le=BARS_MAX)] = 500,
    end: Annotated[date | None, Query(description="Only bars up to this date.")] = None,
) -> BarsOut:
    return BarsOut(symbol=symbol, items=_bars(platform, symbol, limit, end))


def _bars(platform: Platform, symbol: str, limit: int, end: date | None) -> list[BarOut]:
    time = platform.session.market.time
    if end is not None:
        sessions = platform.dataset.sessions
        last = int(sessions.dates.searchsorted(np.datetime64(end, "D"), "right")) - 1
        time = min(time, int(sessions.closes[last])) if last >= 0 else -1
    known = platform.dataset.bars_of(symbol).until(time).tail(limit)
    columns = (known.times, known.open, known.high, known.low, known.close, known.volume)
    return [
        BarOut(
            time=stamp,
            open=price_from_float(opening),
            high=price_from_float(high),
            low=price_from_float(low),
            close=price_from_float(close),
            volume=quantity_from_float(volume),
        )
        for stamp, opening, high, low, close, volume in zip(*(c.tolist() for c in columns), strict=True)
    ]


@router.get(
    "/actions/{symbol}",
    summary="Splits and dividends of an instrument",
    description="Those with an ex-date up to now, oldest first.",
    responses=problem_responses(401, 404, 422, s404=("not_found", "no instrument XYZ in the data set demo")),
)
def actions(platform: ThePlatform, _principal: CurrentUser, symbol: SymbolIn) -> ActionsOut:
    dataset, timeline, market = platform.dataset, platform.session.replay.timeline, platform.session.market
    dataset.bars_of(symbol)
    items = []
    for action in dataset.actions:
        step = timeline.first_step(action.ex_date)
        if action.symbol == symbol and step <= market.step:
            items.append(
                ActionOut(
                    ex_date=action.ex_date.isoformat(),
                    time=timeline.time_of(step),
                    kind=action.kind.value,
                    amount=action.amount,
                    new=action.new,
                    old=action.old,
                    estimated=action.estimated,
                )
            )
    return ActionsOut(symbol=symbol, items=items)


@router.get("/clock", summary="The session's clock", responses=problem_responses(401))
def clock(platform: ThePlatform, _principal: CurrentUser) -> ClockOut:
    session = platform.session
    if not platform.database.shared:
        return clock_of(session)
    with platform.database.read() as connection:
        return clock_of(session, clock_now(connection, session.session_id, session.replay))


@router.post(
    "/clock",
    summary="Pause, hurry or jump the replay",
    description="Needs the scope manage. A jump goes forward only, and every bar between is played.",
    responses=problem_responses(
        400,
        401,
        403,
        409,
        413,
        415,
        422,
        s409=("conflict", "jump_to: the replay has ended; begin in another home to play it again"),
    ),
)
def control_clock(
    request: Request, platform: ThePlatform, _principal: AdminUser, meta: RequestMeta, body: ClockIn
) -> ClockOut:
    try:
        jump_to = None if body.jump_to is None else date.fromisoformat(body.jump_to)
    except ValueError:
        raise InvalidValue("jump_to", "a date such as 2007-01-03") from None
    speed = None if body.speed is None else float(body.speed)
    session = platform.session
    work = turn(session.session_id, session.replay, meta, paused=body.paused, speed=speed, jump_to=jump_to)
    now: ClockSnapshot = platform.path.submit(work).result
    request.app.state.commits.notify()
    return clock_of(session, now)
