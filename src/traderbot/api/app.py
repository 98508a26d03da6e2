"""The application: routers, middleware, errors and the page, around one platform."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

import traderbot
from traderbot.api import (
    account_endpoints,
    accounts_endpoints,
    alert_webhooks_endpoints,
    alerts_endpoints,
    assignments_endpoints,
    auth_endpoints,
    backtest_files,
    backtests_endpoints,
    books_endpoints,
    cache_endpoints,
    events_endpoints,
    halts_endpoints,
    handlers_endpoints,
    history_endpoints,
    inbox_endpoints,
    kill_endpoints,
    limits_endpoints,
    market_endpoints,
    order_batch,
    order_entry,
    orders_endpoints,
    people_endpoints,
    portfolio_endpoints,
    rates_endpoints,
    rebalancing_endpoints,
    reporting_endpoints,
    reports_endpoints,
    risk_endpoints,
    scenarios_endpoints,
    statements_endpoints,
    sweeps_endpoints,
    system_endpoints,
    users_endpoints,
    validations_endpoints,
    websocket,
)
from traderbot.api.access import Owners
from traderbot.api.examples import with_examples
from traderbot.api.fast_reads import FastReads
from traderbot.api.health import troubles_of
from traderbot.api.middleware import HttpMetrics, install_middleware
from traderbot.api.problems import install_problems
from traderbot.api.rate_limits import RateLimits
from traderbot.api.rates_endpoints import rate_limits_of
from traderbot.api.schemas_common import Cursors
from traderbot.api.stamps import stamps_of
from traderbot.bootstrap import Platform
from traderbot.infra.settings import signing_secret
from traderbot.users.tokens import derive_key

STATIC = Path(__file__).parent / "static"

MODULES = (
    auth_endpoints,
    users_endpoints,
    order_entry,
    order_batch,
    orders_endpoints,
    accounts_endpoints,
    books_endpoints,
    account_endpoints,
    portfolio_endpoints,
    rebalancing_endpoints,
    statements_endpoints,
    halts_endpoints,
    assignments_endpoints,
    kill_endpoints,
    risk_endpoints,
    scenarios_endpoints,
    reports_endpoints,
    events_endpoints,
    history_endpoints,
    reporting_endpoints,
    inbox_endpoints,
    alert_webhooks_endpoints,  # before the alerts, one of which would be called "webhooks"
    alerts_endpoints,
    handlers_endpoints,
    limits_endpoints,
    rates_endpoints,
    cache_endpoints,
    people_endpoints,
    market_endpoints,
    sweeps_endpoints,  # before the backtests, one of which would be called "sweeps"
    backtests_endpoints,
    backtest_files,
    validations_endpoints,
    system_endpoints,
    websocket,
)
DESCRIPTION = """\
Trade a paper account in a market session and see why every decision was made.

Decimals are strings, times RFC 3339 in UTC. Errors are problem+json (RFC 9457) with a stable `code`.
A request acts on the account in its header `X-Account-Id` (or the query's `account_id`), else on your first.
A 503 and a 429 say in Retry-After when to ask again; with an Idempotency-Key that is safe.
Market time is the session's clock: in a replay it is the time of the bars, not of the wall.

The websocket is at `/api/v1/ws`: send `{"action": "authenticate", "token": "..."}` (with an
`account_id` for another account than your first), then
`{"action": "subscribe", "channels": ["prices", "orders", "portfolio", "signals", "clock", "inbox",
"backtests"], "after": 123}`.
An `inbox` frame has the newest entries and how many are unread, whenever either changes.
A `backtest` frame has id, status and progress of one of your backtests, whenever they change; so have
`validation` (with the `backtest_id`) and `sweep` frames.
Order and signal frames carry their journal position; give the last one as `after` to resume without loss.
"""


class Api(FastAPI):
    """FastAPI with a layer before it, so that what that layer answers costs nothing else. front: that layer;
    whole: the application without it.
    """

    front: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.front(scope, receive, send)

    async def whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__(scope, receive, send)


def _lifespan_with(limits: RateLimits) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """What runs as long as the application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.commits.attach(asyncio.get_running_loop())
        following = asyncio.create_task(limits.run())
        yield
        following.cancel()
        await asyncio.wait([following])
        await app.state.functions.close()
        await app.state.fast_reads.close()

    return lifespan


def _surround(app: Api, platform: Platform, limits: RateLimits) -> None:
    """Put the layers around the application."""
    settings = platform.settings
    metrics = HttpMetrics(platform.metrics)
    install_middleware(
        app,
        body_limit=settings.body_limit_bytes,
        cors_origins=settings.cors_origins,
        metrics=metrics,
        limits=limits,
        traces=platform.traces,
    )
    limits.show_on(platform.metrics)
    app.front = app.state.fast_reads = FastReads(
        app.whole,
        users=platform.users,
        stamps=stamps_of(platform),
        limits=limits,
        metrics=metrics,
        registry=platform.metrics,
    )


def build_app(platform: Platform) -> FastAPI:
    """The ASGI application of a platform."""
    limits = rate_limits_of(platform)

    app = Api(
        title="traderbot",
        version=traderbot.__version__,
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_url="/api/openapi.json",
        generate_unique_id_function=lambda route: route.name,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan_with(limits),
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "auto_configure": False,
        },  # ours are kept
    )
    app.state.platform = platform
    app.state.limits = limits
    platform.alerts.health = lambda: troubles_of(platform)
    app.state.owners = Owners()
    app.state.opening = asyncio.Lock()
    app.state.cursors = Cursors(derive_key(signing_secret(platform.settings), "cursors"))
    websocket.install_commits(app, platform)
    market_endpoints.install_cache(app, platform)
    for module in MODULES:
        app.include_router(module.router)
    app.router.routes.insert(0, order_entry.hot_route())
    install_problems(app)
    describe = app.openapi
    app.openapi = lambda: with_examples(describe())  # type: ignore[method-assign]  # as FastAPI documents it
    _surround(app, platform, limits)
    if STATIC.is_dir():
        app.mount("/", StaticFiles(directory=STATIC, html=True), name="page")
    return app
