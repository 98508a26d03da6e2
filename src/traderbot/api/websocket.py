"""/api/v1/ws: account events without loss, prices, clock and portfolio conflated.

Each connection has one task that follows the journal: woken after a commit or a step, it reads what is new
from the database and sends it, at most ten times a second. So nothing is queued for a slow reader, it only
falls behind, and `after` resumes anywhere. That task alone sends and alone moves the position; a client's
messages are taken one a round, so that a flood of them waits in the client's own socket.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal
from uuid import UUID

import msgspec
import structlog
from fastapi import APIRouter, FastAPI, WebSocket, WebSocketDisconnect
from prometheus_client import Gauge
from starlette.concurrency import run_in_threadpool

from traderbot.api.access import account_of, owned, platform_of
from traderbot.api.backtest_frames import BacktestFrames
from traderbot.api.inbox_endpoints import newest
from traderbot.api.market_endpoints import clock_of
from traderbot.api.order_frames import ORDER_EVENTS, event_frame
from traderbot.api.security import holder_of, users_of
from traderbot.api.trading_schemas import PortfolioOut
from traderbot.bootstrap import Platform
from traderbot.infra.clock import rfc3339
from traderbot.infra.events.journal import last_position, read
from traderbot.model.border import price_from_float, quantity_from_float
from traderbot.model.errors import InvalidValue, TraderbotError, Unauthorized
from traderbot.portfolios.valuation import portfolio_of
from traderbot.trading import repository
from traderbot.trading.streams import account_stream
from traderbot.users.people import Principal

router = APIRouter()
_log = structlog.get_logger()

Channel = Literal["prices", "orders", "portfolio", "signals", "clock", "inbox", "backtests"]
INTERVAL_S = 0.1
AUTHENTICATE_WITHIN_S = 10
IDLE_S = 5.0
MESSAGE_MAX = 8192
PAGE = 200
CONNECTIONS_EACH_MAX = 20


class Authenticate(msgspec.Struct, tag_field="action", tag="authenticate", forbid_unknown_fields=True):
    token: str
    account_id: UUID | None = None


class Subscribe(msgspec.Struct, tag_field="action", tag="subscribe", forbid_unknown_fields=True):
    channels: list[Channel]
    after: int | None = None


Message = Authenticate | Subscribe
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Authenticate | Subscribe)


class PositionAhead(InvalidValue):
    """A position that this journal has not reached, such as one of another home."""

    code = "position_ahead"


class Commits:
    """Wakes the connections of an event loop after every process's commits, steps and turns of the clock."""

    def __init__(self, platform: Platform) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Event] = set()
        self._woken = False
        self.by_user: dict[UUID, int] = {}
        platform.deliveries.listen(self.notify)
        platform.tail.follow(lambda recorded: self.notify() if recorded else None)
        # A step's commit comes before the session stands at it: prices and clock are new only now.
        platform.session.watchers.append(self.notify)
        platform.backtests.listen(self.notify)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def join(self) -> asyncio.Event:
        event = asyncio.Event()
        self._waiting.add(event)
        return event

    @property
    def open(self) -> int:
        """How many connections follow an account."""
        return len(self._waiting)

    def leave(self, event: asyncio.Event) -> None:
        self._waiting.discard(event)

    def notify(self) -> None:
        """Wake everybody, from any thread: one wake-up of the loop, however many come before it runs."""
        loop = self._loop
        if loop is not None and self._waiting and not self._woken:
            self._woken = True
            try:
                loop.call_soon_threadsafe(self._wake)
            except RuntimeError:  # the loop has ended
                self._loop = None

    def _wake(self) -> None:
        self._woken = False
        for event in self._waiting:
            event.set()


def install_commits(app: FastAPI, platform: Platform) -> None:
    """Give the application its wake-ups."""
    commits = app.state.commits = Commits(platform)
    opened = Gauge(
        "traderbot_websockets_open", "Websockets that follow an account.", registry=platform.metrics
    )
    opened.set_function(lambda: commits.open)


@router.websocket("/api/v1/ws")
async def stream(socket: WebSocket) -> None:
    """One connection: authenticate, subscribe, then frames until either side ends it."""
    await socket.accept()
    commits: Commits = socket.app.state.commits
    try:
        token, principal, account_id = await asyncio.wait_for(_authenticate(socket), AUTHENTICATE_WITHIN_S)
        follower = _Follower(socket, commits, token, account_id, principal)
    except WebSocketDisconnect:
        return
    except TimeoutError:
        await _fail(socket, "unauthorized", "authenticate within 10 seconds")
        return
    except TraderbotError as error:
        await _fail(socket, error.code, error.detail)
        return
    if commits.by_user.get(principal.user_id, 0) >= CONNECTIONS_EACH_MAX:
        await _fail(socket, "too_many_connections", f"at most {CONNECTIONS_EACH_MAX} connections a user")
        return
    commits.by_user[principal.user_id] = commits.by_user.get(principal.user_id, 0) + 1
    try:
        await follower.run()
    finally:
        commits.by_user[principal.user_id] -= 1
        if not commits.by_user[principal.user_id]:
            del commits.by_user[principal.user_id]


async def _receive(socket: WebSocket) -> Message:
    """The next message. Errors: InvalidValue, WebSocketDisconnect."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    text = message.get("text")
    if text is None or len(text) > MESSAGE_MAX:
        raise InvalidValue("message", f"a JSON text of at most {MESSAGE_MAX} characters")
    try:
        return _decoder.decode(text)
    except msgspec.MsgspecError as error:
        raise InvalidValue("message", f'{{"action": "authenticate" or "subscribe", ...}}: {error}') from None


async def _authenticate(socket: WebSocket) -> tuple[str, Principal, UUID]:
    """The token, whose it is, and the account that the connection follows."""
    message = await _receive(socket)
    if not isinstance(message, Authenticate):
        raise Unauthorized("authenticate first")
    principal = await holder_of(users_of(socket), message.token)
    principal.require("read")
    if message.account_id is None:
        account_id = account_of(principal)
    else:
        account_id = await owned(socket, principal, message.account_id)
    await _send(socket, {"type": "authenticated"})
    return message.token, principal, account_id


async def _send(socket: WebSocket, frame: dict[str, Any]) -> None:
    await socket.send_text(msgspec.json.encode(frame).decode())


async def _fail(socket: WebSocket, code: str, detail: str) -> None:
    """Say what is wrong, then close (1008: policy violation)."""
    try:
        await _send(socket, {"type": "error", "code": code, "detail": detail})
        await socket.close(1008)
    except (WebSocketDisconnect, RuntimeError):  # already gone
        return


class _Follower:
    """The frames of one connection."""

    def __init__(
        self, socket: WebSocket, commits: Commits, token: str, account_id: UUID, principal: Principal
    ) -> None:
        self._principal = principal
        self._socket = socket
        self._commits = commits
        self._token = token
        self._account_id = account_id
        self._platform = platform_of(socket)
        self._stream = account_stream(account_id)
        self._asked: asyncio.Queue[Subscribe] = asyncio.Queue(1)
        self._channels: set[str] = set()
        self._position = 0
        self._sent: dict[str, bytes] = {}
        self._backtests: BacktestFrames | None = None

    async def run(self) -> None:
        """Read the client's messages and follow the journal until one of them ends."""
        wake = self._commits.join()
        reading = asyncio.create_task(self._read(wake))
        following = asyncio.create_task(self._follow(wake))
        try:
            done, _ = await asyncio.wait({reading, following}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if isinstance(error, TraderbotError):
                    await _fail(self._socket, error.code, error.detail)
                elif error is not None and not isinstance(error, WebSocketDisconnect | RuntimeError):
                    _log.error("websocket_failed", error=repr(error), exc_info=error)
                    await _fail(self._socket, "internal_error", "the stream failed; connect again")
        finally:
            self._commits.leave(wake)
            for task in (reading, following):
                task.cancel()
            await asyncio.gather(reading, following, return_exceptions=True)

    async def _read(self, wake: asyncio.Event) -> None:
        while True:
            message = await _receive(self._socket)
            if not isinstance(message, Subscribe):
                raise InvalidValue("action", "subscribe")
            await self._asked.put(message)
            wake.set()

    async def _follow(self, wake: asyncio.Event) -> None:
        """Send what is new after each wake-up; and now and then see whether the token still holds."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), self._pause_s())
            wake.clear()
            (await holder_of(self._platform.users, self._token)).require("read")
            if not self._asked.empty():
                await self._subscribe(self._asked.get_nowait())
            if self._channels:
                await self._send_events()
                await self._send_states()
                await self._send_backtests()
            await asyncio.sleep(INTERVAL_S)

    def _pause_s(self) -> float:
        """How long to wait for a wake-up."""
        pause = None if self._backtests is None else self._backtests.pause_s
        return IDLE_S if pause is None else pause

    async def _subscribe(self, wanted: Subscribe) -> None:
        """Take the place of the subscription so far."""
        head = await run_in_threadpool(self._query, last_position)
        after = head if wanted.after is None else wanted.after
        if not 0 <= after <= head:
            raise PositionAhead("after", f"a position from 0 to the journal's last, {head}")
        self._channels = set(wanted.channels)
        self._position = after
        self._sent.clear()
        self._backtests = self._watch_backtests() if "backtests" in self._channels else None
        channels = sorted(self._channels)
        await _send(self._socket, {"type": "subscribed", "channels": channels, "position": after})

    def _watch_backtests(self) -> BacktestFrames | None:
        """None for a key of one account, as backtests are the user's."""
        if self._principal.bound:
            return None
        queue, shared = self._platform.settings.backtest_queue, self._platform.database.shared
        return BacktestFrames(self._principal.user_id, queue, shared=shared)

    async def _send_backtests(self) -> None:
        """How far the user's backtests are, where that changed."""
        if self._backtests is not None and self._backtests.due():
            for frame in await run_in_threadpool(self._query, self._backtests.frames):
                await _send(self._socket, frame)

    def _query(self, query: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        with self._platform.database.read() as connection:
            return query(connection, *arguments, **named)

    async def _send_events(self) -> None:
        """Every order and signal event since the last one sent, in order."""
        while True:
            frames, last, more = await run_in_threadpool(self._query, self._event_frames)
            for frame in frames:
                await _send(self._socket, frame)
            self._position = last
            if not more:
                return

    def _event_frames(self, connection: Any) -> tuple[list[dict[str, Any]], int, bool]:
        kinds = list(ORDER_EVENTS) if "orders" in self._channels else []
        kinds += ["SignalRaised"] if "signals" in self._channels else []
        if not kinds:
            return [], self._position, False
        found = read(connection, after=self._position, limit=PAGE, stream=self._stream, types=kinds)
        ids = list({order_id for entry in found if (order_id := getattr(entry.event, "order_id", None))})
        orders = repository.orders_by_id(connection, self._account_id, ids) if ids else {}
        frames = [event_frame(entry, orders) for entry in found]
        return frames, found[-1].position if found else self._position, len(found) == PAGE

    async def _send_states(self) -> None:
        """The latest prices, clock and portfolio, each only if it differs from what was sent last."""
        frames: list[tuple[str, dict[str, Any]]] = []
        if "prices" in self._channels:
            frames.append(("prices", _prices(self._platform)))
        if "clock" in self._channels:
            frames.append(("clock", clock_of(self._platform.session).model_dump(mode="json")))
        if "portfolio" in self._channels:
            market = self._platform.session.market
            found = await run_in_threadpool(self._query, portfolio_of, self._account_id, market)
            frames.append(("portfolio", PortfolioOut.model_validate(found).model_dump(mode="json")))
        if "inbox" in self._channels and not self._principal.bound:
            frames.append(("inbox", await run_in_threadpool(self._query, newest, self._principal.user_id)))
        for kind, data in frames:
            text = msgspec.json.encode({"type": kind, "data": data})
            if self._sent.get(kind) != text:
                self._sent[kind] = text
                await self._socket.send_text(text.decode())


def _prices(platform: Platform) -> dict[str, Any]:
    """The last known bar of every instrument; change: from the close before, as a fraction."""
    market = platform.session.market
    prices = {}
    for instrument in platform.dataset.instruments:
        bars = platform.dataset.bars_of(instrument.symbol)
        index = bars.known_by(market.time) - 1
        if index < 0:
            continue
        before = market.close_before(instrument.symbol)
        change = float(bars.close[index]) / float(before) - 1 if before is not None else None
        prices[instrument.symbol] = {
            "time": rfc3339(int(bars.times[index])),
            "open": _text(bars.open[index]),
            "high": _text(bars.high[index]),
            "low": _text(bars.low[index]),
            "close": _text(bars.close[index]),
            "volume": f"{quantity_from_float(float(bars.volume[index])):f}".removesuffix(".0"),
            "change": None if change is None else f"{change:.6f}",
        }
    return {"time": rfc3339(market.time), "prices": prices}


def _text(value: Any) -> str:
    return f"{price_from_float(float(value)):f}"
