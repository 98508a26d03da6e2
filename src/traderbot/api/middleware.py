"""What surrounds every request: size limit, security headers, request id, access log, metrics, the last
catch.

Pure ASGI, so that streams and websockets pass untouched and no task is added to a request.
"""

import asyncio
import re
import time
from collections.abc import Sequence

import structlog
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from traderbot.api.client_address import ClientAddresses
from traderbot.api.problems import problem, unexpected
from traderbot.api.rate_limits import RateLimited, RateLimits
from traderbot.infra.ids import new_id
from traderbot.infra.traces import NoTraces, Traces
from traderbot.model.errors import TraderbotError

log = structlog.get_logger("traderbot.access")

REQUEST_ID = "X-Request-ID"
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self' ws: wss:; base-uri 'self'; form-action 'self'; "
    "object-src 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_PRIVATE_HEADERS = (*_HEADERS, (b"cache-control", b"no-store"))
BODY_WITHIN_S = 15.0  # for each part of a body
REQUEST_ID_FORM = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUIET = ("/health", "/metrics")
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_CORS_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_CORS_HEADERS = ("Authorization", "Content-Type", "X-API-Key", "X-Account-Id", "Idempotency-Key", REQUEST_ID)
_CORS_EXPOSED = (REQUEST_ID, "Retry-After", "Idempotency-Replayed", "RateLimit", "RateLimit-Policy")


class BodyTooLarge(TraderbotError):  # noqa: N818 - the name of the HTTP status
    """The request body is larger than the limit."""

    status = 413
    code = "body_too_large"


class BodyTooSlow(TraderbotError):  # noqa: N818 - what the HTTP status says
    """The next part of the request body did not come in time."""

    status = 408
    code = "body_too_slow"


class HttpMetrics:
    """Counts and times requests by method, route template and status; one object a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "traderbot_http_requests_total",
            "Requests answered.",
            ["method", "route", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "traderbot_http_request_seconds",
            "Time from the request's head to the end of its answer.",
            ["method", "route"],
            registry=registry,
            buckets=_SECONDS,
        )
        self.active = Gauge("traderbot_http_requests_active", "Requests being answered.", registry=registry)
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request answered; few combinations there are, so each looks its two children up once."""
        key = (method, route, status)
        if key not in self._known:
            counted = self.requests.labels(method, route, str(status))
            self._known[key] = (counted, self.seconds.labels(method, route))
        requests, timed = self._known[key]
        requests.inc()
        timed.observe(seconds)


class BodyLimit:
    """Refuses bodies over the limit: at once where the length is declared, else at the byte that crosses
    it. Refuses a query with a NUL character too, which no text may have.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if b"%00" in scope.get("query_string", b""):
            refusal = problem(422, "invalid_value", "query: expected texts without a NUL character")
            await refusal(scope, receive, send)
            return
        declared = _header(scope, b"content-length") or "0"
        if (
            not (declared.isascii() and declared.isdecimal())
            or len(declared) > 15
            or int(declared) > self.limit
        ):
            await self._refuse(scope, receive, send)
            return
        received = 0
        complete = started = False

        async def counted() -> Message:
            nonlocal received, complete
            if complete:
                return await receive()
            try:
                async with asyncio.timeout(BODY_WITHIN_S):
                    message = await receive()
            except TimeoutError:
                raise BodyTooSlow(f"the body was not complete within {BODY_WITHIN_S:g} seconds") from None
            complete = not message.get("more_body", False)
            received += len(message.get("body", b""))
            if received > self.limit:
                raise BodyTooLarge(self._detail())
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, counted, watched)
        except BodyTooLarge:  # from an application that does not answer our errors itself
            if started:
                raise
            await self._refuse(scope, receive, send)

    def _detail(self) -> str:
        return f"the body is larger than {self.limit} bytes"

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        await problem(413, "body_too_large", self._detail())(scope, receive, send)


class SecurityHeaders:
    """Adds the headers that keep a browser from doing what no page of ours asks for."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        added = _PRIVATE_HEADERS if scope["path"].startswith("/api") else _HEADERS

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self.app(scope, receive, with_headers)


class Observer:
    """Gives each request an id, logs it once answered, and counts it.

    The id is the caller's X-Request-ID where that is plain, else new; it is in `request.state.request_id`, in
    every log line of the request, in its span where traces are kept, and in the answer. What belongs together
    beyond one request says so by X-Correlation-ID; the journal and the log keep it, or else the request's id.
    The log has the path, never the query or a header: both may carry secrets.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: HttpMetrics,
        addresses: ClientAddresses | None = None,
        traces: Traces | None = None,
    ) -> None:
        self.app = app
        self.metrics = metrics
        self.traces = traces or NoTraces()
        self.addresses = addresses or ClientAddresses()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked = _header(scope, b"x-request-id")
        request_id = asked if REQUEST_ID_FORM.fullmatch(asked) else str(new_id())
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        state["address"] = self.addresses.of(scope)
        together = _header(scope, b"x-correlation-id")
        correlation_id = together if REQUEST_ID_FORM.fullmatch(together) else request_id
        state["correlation_id"] = correlation_id
        traced = self.traces.enabled
        if traced:
            state["span"] = span = self.traces.request(_method(scope), _header(scope, b"traceparent"))
            state["trace"] = span.traceparent
        status = 0

        async def with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        began = time.perf_counter()
        self.metrics.active.inc()
        with structlog.contextvars.bound_contextvars(request_id=request_id, correlation_id=correlation_id):
            try:
                await self.app(scope, receive, with_id)
            finally:
                self.metrics.active.dec()
                self._record(scope, status or 499, time.perf_counter() - began)
                if traced:
                    self._end_span(scope, status or 499)

    def _end_span(self, scope: Scope, status: int) -> None:
        state, route = scope["state"], route_template(scope)
        method = _method(scope)
        said = {
            "http.request.method": method,
            "url.path": scope["path"][:300],
            "request.id": state["request_id"],
        }
        if route != "unmatched":
            said["http.route"] = route
        name = f"{method} {route}" if "http.route" in said else method
        numbers = {"http.response.status_code": status}
        state["span"].end(name, failed=status >= 500, **said, **numbers)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        method = _method(scope)
        route = route_template(scope)
        self.metrics.count(method, route, status, seconds)
        write = log.debug if status < 400 and method == "GET" else log.info
        write(
            "request",
            method=method,
            path=scope["path"][:300],
            status=status,
            ms=round(seconds * 1000, 1),
            client=scope["state"]["address"],
        )


class LastCatch:
    """Answers an unexpected exception by a bare 500, and logs it with its stack and the request's id."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except ClientDisconnect:
            log.debug("request abandoned by its client")
        except Exception as error:
            log.exception("request failed unexpectedly", kind=type(error).__name__)
            if started:
                raise  # half an answer is out: only closing the connection tells the caller
            await unexpected()(scope, receive, send)


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "other"


def _header(scope: Scope, name: bytes) -> str:
    """The first header of this lower-case name, as Starlette would read it but cheaply; "" without one."""
    for found, value in scope["headers"]:
        if found == name:
            text: str = value.decode("latin-1")
            return text
    return ""


def route_template(scope: Scope) -> str:
    """The route's template, such as /api/v1/orders/{order_id}; "unmatched" for an address that no route has.

    FastAPI's own routes are in the scope, with the prefixes of included routers in a context beside them; of
    a plain route only the endpoint is, which the application's list of routes leads back to its path.
    """
    included = scope.get("fastapi", {}).get("effective_route_context")
    plain = getattr(included, "starlette_route", None)
    for holder, name in ((plain, "path_format"), (included, "path_format"), (scope.get("route"), "path")):
        template = getattr(holder, name, None)
        if template:
            return str(template)
    endpoint = scope.get("endpoint")
    if endpoint is None:
        return "unmatched"
    routes = getattr(scope.get("app"), "routes", ())
    paths = (
        str(getattr(route, "path", "")) for route in routes if getattr(route, "endpoint", None) is endpoint
    )
    return next(paths, "mounted")


def install_middleware(
    app: FastAPI,
    *,
    body_limit: int,
    cors_origins: Sequence[str],
    metrics: HttpMetrics,
    limits: RateLimits | None = None,
    traces: Traces | None = None,
) -> None:
    """Put the layers around the application, outermost last.

    CORS: only the listed origins, without credentials mode, since the API knows no cookies; no list, no
    header.
    """
    app.add_middleware(BodyLimit, limit=body_limit)
    if limits is not None:
        app.add_middleware(RateLimited, limits=limits)
    app.add_middleware(LastCatch)
    if cors_origins:
        allowed = [origin for origin in cors_origins if origin not in {"*", "null"}]
        app.add_middleware(
            CORSMiddleware,
            allow_origins=allowed,
            allow_methods=_CORS_METHODS,
            allow_headers=_CORS_HEADERS,
            expose_headers=_CORS_EXPOSED,
            max_age=600,
        )
    addresses = limits.addresses if limits else None
    app.add_middleware(Observer, metrics=metrics, addresses=addresses, traces=traces)
    app.add_middleware(SecurityHeaders)
