"""Reads of an account that many ask for again and again: answered at once while nothing has changed.

The first answer is the application's own, kept whole with its stamp; it is given again while the account's
stamp is the same, to whoever may read that account and is within their limits. Everything out of the ordinary
goes to the application: a credential that is not good, another account than the caller's first, an
error. The routes stay FastAPI's, and so does what describes them.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import sqlalchemy as sa
from prometheus_client import CollectorRegistry
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from traderbot.api.middleware import REQUEST_ID_FORM, HttpMetrics
from traderbot.api.rate_limits import RateLimits, Verdict, credential_of_scope
from traderbot.api.read_metrics import ReadMetrics, ReadTally
from traderbot.api.stamps import Stamp, Stamps
from traderbot.infra.ids import new_id
from traderbot.infra.storage.queries import counted_queries
from traderbot.model.errors import TraderbotError
from traderbot.users.people import Principal
from traderbot.users.service import UsersService

PATHS = frozenset({"/api/v1/portfolio", "/api/v1/positions", "/api/v1/orders"})
BYTES_MAX = 64_000_000  # of all answers kept
ANSWER_MAX = 1_000_000
ENTRY_BYTES = 1_500  # of an answer kept, besides its body
QUERY_MAX = 200
_UNUSUAL = frozenset({b"x-account-id", b"origin", b"range", b"traceparent"})


Key = tuple[int, str, bytes]
"""Whose, which and how: the account's id as a number, quick to hash; the path, and the query as sent."""


class Kept(NamedTuple):
    """An answer as it was given. headers: its own, without those of one request."""

    stamp: Stamp
    body: bytes
    headers: list[tuple[bytes, bytes]]


class Asked(NamedTuple):
    """What the headers of a request say."""

    credential: str | None
    request_id: str
    etag: bytes


class FastReads:
    """A layer around the whole application, the outermost."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        users: UsersService,
        stamps: Stamps,
        limits: RateLimits,
        metrics: HttpMetrics,
        registry: CollectorRegistry,
    ) -> None:
        self.app = app
        self._users = users
        self._stamps = stamps
        self._limits = limits
        self._metrics = metrics
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._bytes = 0
        self._flights: dict[tuple[Key, Stamp], asyncio.Future[None]] = {}
        self._tallies = {path: ReadTally() for path in PATHS}
        registry.register(ReadMetrics(self._tallies))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in PATHS or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        asked = _asked(scope)
        principal = None if asked is None else self._principal(asked.credential)
        if asked is not None and principal is None and asked.credential is not None:
            principal = await self._looked_up(scope, asked.credential)
        if asked is None or principal is None or principal.account_id is None:
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        verdict = await self._count(scope, principal)
        if verdict.refused:
            await self.app(scope, receive, send)  # which finds the verdict, and answers it
            return
        account_id = principal.account_id
        stamp = self._stamps.known(account_id)
        if stamp is None:
            try:
                stamp = await self._stamps.find(account_id)
            except (TraderbotError, sa.exc.SQLAlchemyError):  # the application has the words for it
                await self.app(scope, receive, send)
                return
        key = (account_id.int, scope["path"], scope["query_string"])
        kept = self._kept.get(key)
        if (kept is None or kept.stamp != stamp) and stamp is not None:
            kept = await self._joined(key, stamp)
        if kept is None or kept.stamp != stamp:
            await self._make(key, stamp, scope, receive, send)
            return
        self._tallies[scope["path"]].hits += 1
        status = 304 if asked.etag and kept.stamp.etag in asked.etag else 200
        body = kept.body if status == 200 else b""
        given = [*kept.headers, *verdict.headers(), (b"x-request-id", asked.request_id.encode())]
        if status == 200:
            given.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": given})
        await send({"type": "http.response.body", "body": body})
        self._metrics.count("GET", scope["path"], status, time.perf_counter() - began)

    def _principal(self, credential: str | None) -> Principal | None:
        """Who is calling, as far as memory says; the application tells what is wrong with a credential."""
        if credential is None:
            return None
        try:
            principal = self._users.authenticate_in_memory(credential)
            if principal is not None:
                principal.require("read")
        except TraderbotError:
            return None
        return principal

    async def _looked_up(self, scope: Scope, credential: str) -> Principal | None:
        """Who is calling, from the database, where the caller's address may still ask that much."""
        if self._limits.here_first(self._limits.addresses.of(scope)).refused:
            return None
        try:
            await run_in_threadpool(self._users.authenticate, credential)
        except (TraderbotError, sa.exc.SQLAlchemyError):
            return None
        return self._principal(credential)

    async def _count(self, scope: Scope, principal: Principal) -> Verdict:
        """Count the request once; the application takes the verdict over."""
        limits, address = self._limits, self._limits.addresses.of(scope)
        take = limits.take_now(principal, address) if limits.local else await limits.take(principal, address)
        scope.setdefault("state", {}).update(verdict=take, principal=principal)
        return take

    async def _joined(self, key: Key, stamp: Stamp) -> Kept | None:
        """What another request is about to keep for the same stamp; None where nobody is at it."""
        flight = self._flights.get((key, stamp))
        if flight is None:
            return None
        await asyncio.shield(flight)
        return self._kept.get(key)

    async def _make(self, key: Key, stamp: Stamp | None, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and keep a whole answer under the stamp that was read before."""
        start: Message | None = None
        parts: list[bytes] = []
        tally = self._tallies[scope["path"]]

        async def watched(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                if stamp is not None and message["status"] == 200:
                    message["headers"] = [*message["headers"], (b"etag", stamp.etag)]
            else:
                parts.append(message.get("body", b""))
                if start is not None and not message.get("more_body"):
                    tally.made += 1
                    tally.queries += asked.count
                    self._keep_whole(key, stamp, start, b"".join(parts))
                    landed()  # whoever waits need not wait for this caller to read
            await send(message)

        with self._flying(key, stamp) as landed, counted_queries() as asked:
            await self.app(scope, receive, watched)

    @contextmanager
    def _flying(self, key: Key, stamp: Stamp | None) -> Iterator[Callable[[], None]]:
        """Have others wait who ask for the same, until what this gives is called."""
        if stamp is None or (key, stamp) in self._flights:
            yield lambda: None
            return
        flight = self._flights[key, stamp] = asyncio.get_running_loop().create_future()

        def landed() -> None:
            if not flight.done():
                del self._flights[key, stamp]
                flight.set_result(None)

        try:
            yield landed
        finally:
            landed()

    def _keep_whole(self, key: Key, stamp: Stamp | None, start: Message, body: bytes) -> None:
        if stamp is not None and start["status"] == 200 and len(body) <= ANSWER_MAX:
            self._keep(key, Kept(stamp, body, _own(start["headers"])))

    def clear(self) -> None:
        """Drop every answer."""
        self._kept.clear()
        self._bytes = 0

    async def close(self) -> None:
        await self._stamps.close()

    def _keep(self, key: Key, kept: Kept) -> None:
        before = self._kept.pop(key, None)
        self._bytes += _size(kept) - (0 if before is None else _size(before))
        self._kept[key] = kept
        while self._bytes > BYTES_MAX:
            self._bytes -= _size(self._kept.popitem(last=False)[1])


def _size(kept: Kept) -> int:
    return ENTRY_BYTES + len(kept.body)


_OF_ONE_REQUEST = frozenset({b"x-request-id", b"content-length", b"ratelimit", b"ratelimit-policy", b"date"})


def _own(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.lower() not in _OF_ONE_REQUEST]


def _asked(scope: Scope) -> Asked | None:
    """What an ordinary request says; None for any other."""
    query = scope["query_string"]  # one that is encoded may name an account by another spelling
    if len(query) > QUERY_MAX or b"account_id" in query or b"%" in query:
        return None
    request_id, etag = "", b""
    for name, value in scope["headers"]:
        if name in _UNUSUAL:
            return None
        if name == b"x-request-id":
            request_id = value.decode("latin-1")
        elif name == b"if-none-match":
            etag = value
    if not REQUEST_ID_FORM.fullmatch(request_id):
        request_id = str(new_id())
    return Asked(credential_of_scope(scope), request_id, etag)
