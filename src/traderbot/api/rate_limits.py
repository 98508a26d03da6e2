"""How often a caller may ask: by network address, by user, by API key and by class of route, all at once.

The class belongs to the route, found by its own pattern, so that no other spelling of an address is another
limit. Who is calling is found out here once; the routes take it over.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import sqlalchemy as sa
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from traderbot.api.client_address import ClientAddresses
from traderbot.api.problems import problem
from traderbot.infra.limits.rates import SECOND, Ask, Decision, MemoryRates, Policy, admitted
from traderbot.infra.limits.shared_rates import SharedRates
from traderbot.model.errors import TraderbotError
from traderbot.users.attempts import NEAR
from traderbot.users.people import Principal
from traderbot.users.rates import RateBook, RateClass
from traderbot.users.service import UsersService
from traderbot.users.tokens import API_KEY_START

ROUTES: dict[RateClass, tuple[tuple[str, str], ...]] = {
    "trading": (
        ("POST", "/api/v1/orders"),
        ("POST", "/api/v1/orders/batch"),
        ("PATCH", "/api/v1/orders/{order_id}"),
        ("DELETE", "/api/v1/orders/{order_id}"),
        ("DELETE", "/api/v1/orders"),
    ),
    "risk": (
        ("POST", "/api/v1/orders/preview"),
        ("POST", "/api/v1/backtests"),
        ("GET", "/api/v1/risk/analysis"),
        ("GET", "/api/v1/risk/factors"),
        ("GET", "/api/v1/risk/scenarios"),
        ("POST", "/api/v1/risk/scenarios"),
        ("GET", "/api/v1/risk/scenarios/saved/{name}"),
        ("POST", "/api/v1/portfolio/rebalancing/proposals"),
        ("POST", "/api/v1/backtests/sweeps"),
        ("POST", "/api/v1/backtests/{backtest_id}/validation"),
        ("GET", "/api/v1/backtests/{backtest_id}/report"),
        ("GET", "/api/v1/backtests/{backtest_id}/validation/report"),
    ),
}
"""The classes of routes; all others are general. What trades or analyses counts as general too."""

UNCOUNTED = (
    ("POST", "/api/v1/risk/halt"),
    ("POST", "/api/v1/risk/kill"),
    ("POST", "/api/v1/admin/halts"),
    ("GET", "/api/v1/admin/rate-limits"),
    ("PUT", "/api/v1/admin/rate-limits"),
)
"""Limited by address alone: whoever used up their requests must still be able to stop, and to mend a rate."""

SIGN_IN = {
    ("POST", "/api/v1/auth/register"): Policy("registration", 1, 30 * SECOND, "bucket", 20),
    ("POST", "/api/v1/auth/refresh"): Policy("refresh", 60, 60 * SECOND),
}
"""What an address may do besides before anybody is known. Sign-ins are counted where they fail."""

_APART = frozenset({*UNCOUNTED, *SIGN_IN})
_RELOADS_S = 2.0
_KNOWN_MAX = 10_000
_log = structlog.get_logger()


class Verdict(NamedTuple):
    """What all limits of a request said."""

    asks: tuple[Ask, ...]
    decisions: Sequence[Decision]

    @property
    def refused(self) -> bool:
        return not admitted(self.decisions)

    @property
    def refusal(self) -> tuple[Policy, Decision] | None:
        """The limit with the longest wait; None where all allowed it."""
        found = None
        for ask, decision in zip(self.asks, self.decisions, strict=True):
            if not decision.allowed and (found is None or decision.retry_us > found[1].retry_us):
                found = (ask.policy, decision)
        return found

    def headers(self) -> list[tuple[bytes, bytes]]:
        """RateLimit-Policy and RateLimit. Source: draft-ietf-httpapi-ratelimit-headers-10."""
        described, left = [], []
        for ask, decision in zip(self.asks, self.decisions, strict=True):
            described.append(ask.policy.described)
            left.append(f'"{ask.policy.name}";r={decision.remaining};t={-(-decision.reset_us // SECOND)}')
        return [
            (b"ratelimit-policy", ", ".join(described).encode()),
            (b"ratelimit", ", ".join(left).encode()),
        ]


class RateLimits:
    """The limits of the API's requests. `take_now` while `local`, else `take`; the two decide alike.

    rates: of this process, or shared by all. load: reads what administrators have set.
    """

    def __init__(
        self,
        users: UsersService,
        book: RateBook,
        rates: MemoryRates | SharedRates,
        *,
        addresses: ClientAddresses | None = None,
        load: Callable[[], RateBook] | None = None,
    ) -> None:
        self.users = users
        self.book = book
        self.addresses = addresses or ClientAddresses()
        self._rates = rates
        self._here = MemoryRates() if isinstance(rates, SharedRates) else rates
        self._load = load
        self.refused: Counter | None = None
        self._classes: dict[tuple[str, str], RateClass] = {}
        self._patterns: list[tuple[str, Callable[[str], object], RateClass]] = []
        for name, routes in ROUTES.items():
            for method, path in routes:
                if "{" in path:
                    self._patterns.append((method, compile_path(path)[0].match, name))
                else:
                    self._classes[method, path] = name
        self._asks: dict[int, tuple[Principal, dict[RateClass, tuple[Ask, ...]]]] = {}

    @property
    def local(self) -> bool:
        """Whether the limits are of this process alone, so that nothing has to be waited for."""
        return isinstance(self._rates, MemoryRates)

    @property
    def degraded(self) -> bool:
        """Whether the limits should be shared by all processes and are not now."""
        return isinstance(self._rates, SharedRates) and self._rates.breaker.open

    @property
    def processes(self) -> int:
        """How many processes share the limits, as last known."""
        return self._rates.processes if isinstance(self._rates, SharedRates) else 1

    def show_on(self, registry: CollectorRegistry) -> None:
        """Show on /metrics what is refused, and whether the limits are those of all processes."""
        self.refused = Counter(
            "traderbot_rate_refusals", "Requests refused, by limit.", ["limit"], registry=registry
        )
        degraded = Gauge(
            "traderbot_rate_degraded", "1 while Valkey is gone and a local share counts.", registry=registry
        )
        processes = Gauge(
            "traderbot_rate_processes", "Processes that share the limits, as last known.", registry=registry
        )
        degraded.set_function(lambda: self.degraded)
        processes.set_function(lambda: self.processes)

    def class_of(self, method: str, path: str) -> RateClass:
        """The class of the route that takes this method and decoded path."""
        exact = self._classes.get((method, path))
        if exact is not None:
            return exact
        if method not in {"GET", "HEAD"}:
            for wanted, match, name in self._patterns:
                if wanted == method and match(path):
                    return name
        return "general"

    def take_now(self, principal: Principal | None, address: str, limited: RateClass = "general") -> Verdict:
        """Count a request under all its limits, or under none where one refuses; only while `local`."""
        asks = self.asks(principal, address, limited)
        return Verdict(asks, self._here.take(asks))

    async def take(
        self, principal: Principal | None, address: str, limited: RateClass = "general"
    ) -> Verdict:
        """As `take_now`, wherever the limits are: at most one round trip."""
        return await self.count(self.asks(principal, address, limited))

    async def count(self, asks: tuple[Ask, ...]) -> Verdict:
        """Count a request under these limits."""
        if isinstance(self._rates, MemoryRates):
            return Verdict(asks, self._rates.take(asks))
        return Verdict(asks, await self._rates.take(asks))

    def asks(self, principal: Principal | None, address: str, limited: RateClass) -> tuple[Ask, ...]:
        """The limits that a request falls under."""
        of_address = Ask(self.book.address, self.addresses.network(address))
        if principal is None:
            return (of_address,)
        known = self._asks.get(id(principal))
        if known is None or known[0] is not principal:
            if len(self._asks) >= _KNOWN_MAX:
                self._asks.clear()
            known = self._asks[id(principal)] = (principal, {})
        asks = known[1].get(limited)
        if asks is None:
            asks = known[1][limited] = self._asks_of(principal, limited)
        return (*asks, of_address)

    def here_first(self, address: str) -> Verdict:
        """What this process alone says of the address, before a credential is looked up in the database; the
        limits themselves are asked once it is known whose it is.
        """
        asks = (Ask(self.book.address, self.addresses.network(address)),)
        return Verdict(asks, self._here.peek(asks) if self.local else self._here.take(asks))

    async def reset(self, kind: str, whose: object, policies: Sequence[Policy]) -> None:
        """Forget what a user or a key has used up."""
        asks = [Ask(policy, f"{kind}:{whose}") for policy in policies]
        if isinstance(self._rates, MemoryRates):
            self._rates.reset(asks)
        elif asks:
            await self._rates.reset(asks)

    def renew(self, book: RateBook) -> None:
        """Put other rates in force."""
        if book.changed != self.book.changed:
            self.book = book
            self._asks = {}

    async def run(self) -> None:
        """Follow what administrators of any process change, and keep the shared limits alive, until
        cancelled.
        """
        async with asyncio.TaskGroup() as tasks:
            if isinstance(self._rates, SharedRates):
                tasks.create_task(self._rates.run())
            while self._load is not None:
                try:
                    self.renew(await run_in_threadpool(self._load))
                except Exception as error:  # noqa: BLE001 - the rates in force stay; it is tried again
                    _log.warning("rates_not_read", error=type(error).__name__)
                await asyncio.sleep(_RELOADS_S)

    def _asks_of(self, principal: Principal, limited: RateClass) -> tuple[Ask, ...]:
        named: list[RateClass] = ["general"] if limited == "general" else ["general", limited]
        asks = [Ask(self.book.of_user(principal, name), f"user:{principal.user_id}") for name in named]
        for name in named:
            of_key = self.book.of_key(principal, name)
            if of_key is not None:
                asks.append(Ask(of_key, f"key:{principal.key_id}"))
        return tuple(asks)


class RateLimited:
    """Counts each request to the API before the rest sees it, and answers 429 where a limit is used up."""

    def __init__(self, app: ASGIApp, limits: RateLimits) -> None:
        self.app = app
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind not in {"http", "websocket"} or not scope["path"].startswith("/api/"):
            await self.app(scope, receive, send)
            return
        verdict = await self._verdict(scope)
        if verdict.refusal is not None:
            if self.limits.refused is not None:
                self.limits.refused.labels(verdict.refusal[0].name).inc()
            if kind == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
                await send({"type": "websocket.close", "code": 1013})
                return
            await refusal_of(verdict)(scope, receive, send)
            return
        if kind == "websocket":
            await self.app(scope, receive, send)
            return
        added = verdict.headers()

        async def with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self.app(scope, receive, with_limits)

    async def _verdict(self, scope: Scope) -> Verdict:
        limits = self.limits
        state = scope.setdefault("state", {})
        counted: Verdict | None = state.get("verdict")  # by a layer before this one
        if counted is not None:
            return counted
        address = state.get("address") or limits.addresses.of(scope)
        method, path = scope.get("method", "WEBSOCKET"), scope["path"]
        if (method, path) in _APART:
            more = SIGN_IN.get((method, path)) if address not in NEAR else None
            asks = limits.asks(None, address, "general")
            return await limits.count(asks if more is None else (Ask(more, asks[0].key), *asks))
        limited = limits.class_of(method, path)
        principal = None
        credential = credential_of_scope(scope)
        if credential is not None:
            try:
                principal = limits.users.authenticate_in_memory(credential)
                if principal is None:
                    first = limits.here_first(address)
                    if first.refusal is not None:
                        return first
                    principal = await run_in_threadpool(limits.users.authenticate, credential)
            except (TraderbotError, sa.exc.SQLAlchemyError):
                principal = None  # the route says what is wrong with it
            state["principal"] = principal
        if limits.local:
            return limits.take_now(principal, address, limited)
        return await limits.take(principal, address, limited)


def credential_of_scope(scope: Scope) -> str | None:
    """The one credential of a request, as `credential_of` has it; None where that refuses."""
    found = [pair for pair in scope["headers"] if pair[0] == b"authorization" or pair[0] == b"x-api-key"]
    if len(found) != 1:
        return None
    text = found[0][1].decode("latin-1")
    if found[0][0] == b"x-api-key":
        return text if text.startswith(API_KEY_START) else None
    return text[7:].strip() if text[:7].lower() == "bearer " else None


def refusal_of(verdict: Verdict) -> Response:
    """The 429 of a verdict that refuses: which limit, and when again."""
    assert verdict.refusal is not None
    policy, decision = verdict.refusal
    wait = max(-(-decision.retry_us // SECOND), 1)
    detail = (
        f"too many requests: the limit {policy.name} is {policy.quota} in {-(-policy.period // SECOND)}"
        f" seconds; ask again in {wait} seconds"
    )
    headers = {name.decode(): value.decode() for name, value in verdict.headers()}
    return problem(429, "rate_limited", detail, headers={**headers, "Retry-After": str(wait)})
