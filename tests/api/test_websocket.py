"""The websocket over a real port: every order and signal event once and in order, the rest conflated."""

import gc
import json
import socket
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from api.live import BuyOnce, Live, Person
from traderbot.infra.ids import new_id
from traderbot.model.amounts import quantity
from traderbot.model.commands import CancelOrder, PlaceOrder
from traderbot.model.orders import Side
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs
from traderbot.trading.work import Work

pytestmark = pytest.mark.integration

ALL = ["prices", "orders", "portfolio", "signals", "clock"]
ORDER_EVENTS = {
    "OrderPlaced",
    "OrderFilled",
    "OrderCancelled",
    "OrderExpired",
    "OrderReplaced",
    "OrderRefused",
}


class PastClock:
    """An hour ago."""

    def now(self) -> int:
        return (int(time.time()) - 3600) * 1_000_000


class Line:
    """One websocket connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def say(self, **message: Any) -> None:
        self.connection.send(json.dumps(message))

    def hear(self, timeout: float = 5) -> Any:
        return json.loads(self.connection.recv(timeout))

    def subscribe(self, *channels: str, **after: int) -> Any:
        self.say(action="subscribe", channels=list(channels), **after)
        answer = self.hear()
        assert answer["type"] == "subscribed", answer
        return answer

    def until(self, **wanted: Any) -> list[Any]:
        """The frames up to the first that has these members."""
        frames = []
        while True:
            frames.append(self.hear())
            if wanted.items() <= frames[-1].items():
                return frames

    def quiet(self, seconds: float = 0.4) -> list[Any]:
        """What still comes until nothing has come for so long."""
        frames = []
        try:
            while True:
                frames.append(self.hear(seconds))
        except TimeoutError:
            return frames

    def refused(self, code: str) -> str:
        """The error frame, after which the server closes with a policy violation."""
        frame = self.until(type="error")[-1]
        assert frame["code"] == code
        with pytest.raises(ConnectionClosed) as closed:
            self.hear()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
        detail: str = frame["detail"]
        return detail


def address(live: Live) -> str:
    return live.url.replace("http", "ws") + "/api/v1/ws"


@contextmanager
def line(live: Live, token: str | None = None) -> Iterator[Line]:
    """A connection, signed in where there is a token."""
    with connect(address(live), compression=None, close_timeout=0.2) as connection:
        opened = Line(connection)
        if token is not None:
            opened.say(action="authenticate", token=token)
            assert opened.hear() == {"type": "authenticated"}
        yield opened


def test_every_channel_says_where_it_stands_at_once(live: Live, ada: Person) -> None:
    ada.order()
    with line(live, ada.token) as wire:
        head = ada.events()[-1]["position"]
        subscribed = wire.subscribe(*ALL)
        assert subscribed["channels"] == sorted(ALL)
        assert (live.platform.metrics.get_sample_value("traderbot_websockets_open") or 0) >= 1
        assert subscribed["position"] >= head
        frames = {frame["type"]: frame["data"] for frame in (wire.hear(), wire.hear(), wire.hear())}
        assert frames["portfolio"] == ada.get("/portfolio")
        assert frames["clock"] == ada.get("/market/clock")
        price = frames["prices"]["prices"]["MSFT"]
        bar = ada.get("/market/bars/MSFT", limit=1)["items"][0]
        assert {name: price[name] for name in bar} == bar
        assert isinstance(price["change"], str)
        live.step()
        later = {frame["type"]: frame for frame in wire.quiet()}
        assert later["clock"]["data"] == ada.get("/market/clock")
        assert later["portfolio"]["data"] == ada.get("/portfolio")
        assert later["prices"]["data"]["time"] == later["clock"]["data"]["time"]
        assert later["order"]["event"] == "OrderFilled"


def test_an_order_frame_shows_the_order_as_of_its_event(live: Live, ada: Person) -> None:
    """A resume days later tells the same story as having listened all along."""
    order = ada.order(type="limit", limit_price="20", time_in_force="gtc")
    with line(live, ada.token) as wire:
        wire.subscribe("orders")
        bought = ada.order()
        live.step()
        replaced = ada.patch(f"/orders/{order['id']}", {"qty": "11"})
        ada.order(422, side="sell", symbol="IBM")
        ada.delete("/orders")
        heard = wire.quiet()
    with line(live, ada.token) as wire:
        wire.subscribe("orders", after=0)
        told = wire.quiet()
    assert told[-len(heard) :] == heard
    story = [(frame["event"], (frame["order"] or {}).get("status")) for frame in told]
    assert story == [
        ("OrderPlaced", "new"),
        ("OrderPlaced", "new"),
        ("OrderFilled", "filled"),
        ("OrderReplaced", "replaced"),
        ("OrderPlaced", "new"),
        ("OrderRefused", None),
        ("OrderCancelled", "canceled"),
    ]
    assert told[1]["order"] == bought
    assert told[4]["order"] == replaced
    filled = told[2]
    assert filled["execution"]["qty"] == filled["order"]["filled_qty"] == "10"
    assert filled["execution"]["price"] == filled["order"]["filled_avg_price"]
    assert told[5]["refusal"]["reason"] == "insufficient_quantity"
    assert told[6]["order"]["reason"] == "canceled_by_user"


def test_partial_fills_are_told_one_by_one(live: Live, ada: Person) -> None:
    """A tenth of the volume a day: an order too large for one bar fills over several."""
    broker = live.platform.session._broker
    costs = broker.costs
    broker.costs = Costs(costs.fee_rate, costs.slippage, costs.participation / 10**6)
    try:
        order = ada.order(qty="20", type="limit", limit_price="35", time_in_force="gtc")
        live.step(12)
    finally:
        broker.costs = costs
    with line(live, ada.token) as wire:
        wire.subscribe("orders", after=0)
        told = [frame for frame in wire.quiet() if frame["event"] == "OrderFilled"]
    assert len(told) > 2
    fills = ada.get("/fills", order_id=order["id"])["items"][::-1]
    total = 0.0
    for frame, fill in zip(told, fills, strict=True):
        total += float(fill["qty"])
        assert frame["execution"]["execution_id"] == fill["execution_id"]
        assert float(frame["order"]["filled_qty"]) == pytest.approx(total)
        assert frame["order"]["updated_at"] == fill["time"]
    assert {frame["order"]["status"] for frame in told[:-1]} == {"partially_filled"}


def test_a_broken_line_resumes_without_loss(live: Live, ada: Person) -> None:
    heard: list[Any] = []
    position = 0
    for round_ in range(4):
        with line(live, ada.token) as wire:
            wire.subscribe("orders", "signals", after=position)
            for _ in range(6):
                ada.order(qty="1")
            live.step()
            for _ in range(5):  # and hang up in the middle of it
                frame = wire.hear()
                heard.append(frame)
                position = frame["position"]
        assert round_ < 4
    with line(live, ada.token) as wire:
        wire.subscribe("orders", "signals", after=position)
        heard += wire.quiet()
    journal = [event for event in ada.events() if event["type"] in ORDER_EVENTS]
    assert [(frame["position"], frame["event"]) for frame in heard] == [
        (e["position"], e["type"]) for e in journal
    ]
    assert len(journal) == 48


def test_a_new_subscription_takes_the_place_of_the_old_one(live: Live, ada: Person) -> None:
    with line(live, ada.token) as wire:
        wire.subscribe("clock")
        wire.until(type="clock")
        first = ada.order(qty="1")
        assert wire.quiet() == []
        wire.subscribe("orders", after=0)
        (frame,) = wire.quiet()
        assert frame["order"] == first
        wire.subscribe("orders", after=0)  # again from the start, on the same line
        assert wire.quiet() == [frame]


def test_signals_are_told(live: Live, ada: Person) -> None:
    assert ada.user.account_id is not None
    with line(live, ada.token) as wire:
        wire.subscribe("signals")
        live.platform.autopilot.assign(ada.user.account_id, BuyOnce())
        live.step()
        frame = wire.until(type="signal")[-1]
    assert frame["data"] == ada.get("/signals")["items"][0]


def test_nobody_hears_of_somebody_else(live: Live, ada: Person, bob: Person) -> None:
    with line(live, ada.token) as wire:
        wire.subscribe("orders", "signals", after=0)
        bob.order()
        live.step()
        bob.order(422, side="sell", symbol="IBM")
        assert wire.quiet() == []
        mine = ada.order()
        assert wire.until(type="order")[-1]["order"] == mine


def test_a_line_follows_the_account_it_names_if_it_is_the_callers(
    live: Live, ada: Person, bob: Person
) -> None:
    second = ada.post("/accounts", {"name": "second"})["id"]
    ada.post(f"/accounts/{second}/deposits", {"amount": "1000"})
    with line(live) as wire:
        wire.say(action="authenticate", token=ada.token, account_id=second)
        assert wire.hear() == {"type": "authenticated"}
        wire.subscribe("orders", after=0)
        ada.order()
        body = {"symbol": "MSFT", "side": "buy", "qty": "1"}
        mine = ada.post("/orders", body, 201, **{"X-Account-Id": second})
        assert [frame["order"] for frame in wire.quiet()] == [mine]
    for theirs in (str(bob.user.account_id), str(uuid4())):
        with line(live) as wire:
            wire.say(action="authenticate", token=ada.token, account_id=theirs)
            wire.refused("not_found")


def test_a_bracket_is_told_event_by_event(live: Live, ada: Person) -> None:
    with line(live, ada.token) as wire:
        wire.subscribe("orders", after=0)
        exits = {"take_profit": {"limit_price": "60"}, "stop_loss": {"stop_price": "10"}}
        placed = ada.order(order_class="bracket", time_in_force="gtc", **exits)
        live.step()
        told = [(frame["event"], frame["order"]["leg"], frame["order"]["status"]) for frame in wire.quiet()]
    assert told == [
        ("OrderPlaced", "entry", "new"),
        ("OrderPlaced", "take_profit", "held"),
        ("OrderPlaced", "stop_loss", "held"),
        ("OrderFilled", "entry", "filled"),
        ("LegActivated", "take_profit", "new"),
        ("LegActivated", "stop_loss", "new"),
    ]
    assert ada.get(f"/orders/{placed['id']}")["legs"][0]["status"] == "new"


@pytest.mark.parametrize("token", ["", "x", "tb_nobody", "tbr_" + "x" * 43, "eyJhbGciOiJub25lIn0.e30."])
def test_a_token_that_is_none_is_refused(live: Live, token: str) -> None:
    with line(live) as wire:
        wire.say(action="authenticate", token=token)
        wire.refused("invalid_token")


def test_an_expired_or_a_refresh_token_is_refused(live: Live, ada: Person) -> None:
    _, tokens = live.platform.users.register(f"{uuid4()}@example.com", "correct horse battery")
    for token in (live.token(ada.user, PastClock()), tokens.refresh_token):
        with line(live) as wire:
            wire.say(action="authenticate", token=token)
            wire.refused("invalid_token")


def test_nothing_is_said_before_authentication(live: Live) -> None:
    with line(live) as wire:
        wire.say(action="subscribe", channels=["prices"])
        wire.refused("unauthorized")


def test_a_token_ends_on_an_open_line(live: Live, ada: Person) -> None:
    key = ada.post("/users/me/api-keys", {"name": "bot"})
    with line(live, key["key"]) as wire, line(live, ada.token) as other:
        wire.subscribe("orders")
        other.subscribe("orders")
        ada.client.delete(f"/api/v1/users/me/api-keys/{key['id']}")
        ada.order()
        wire.refused("invalid_token")
        assert other.until(type="order")


@pytest.mark.parametrize(
    "message",
    [
        "{", "[]", "null", '"x"', '{"action":"explode"}', '{"action":"subscribe"}',
        '{"action":"subscribe","channels":["secrets"]}', '{"action":"subscribe","channels":"orders"}',
        '{"action":"subscribe","channels":[],"user":"x"}', '{"action":"subscribe","channels":[],"after":""}',
        '{"action":"subscribe","channels":[],"after":1.5}', '{"action":"authenticate","token":"x"}',
        "x" * 9_000, "[" * 8_000, b"bytes",
    ],
    ids=lambda text: str(text)[:40],
)  # fmt: skip
def test_a_message_that_is_none_ends_the_line(live: Live, ada: Person, message: str | bytes) -> None:
    with line(live, ada.token) as wire:
        wire.connection.send(message)
        wire.refused("invalid_value")


@pytest.mark.parametrize("after", [-1, 10**9, 2**62])
def test_a_position_that_is_not_reached_is_refused(live: Live, ada: Person, after: int) -> None:
    with line(live, ada.token) as wire:
        wire.say(action="subscribe", channels=["orders"], after=after)
        wire.refused("position_ahead")


def test_a_frame_beyond_the_limit_closes_the_line(live: Live, ada: Person) -> None:
    with line(live, ada.token) as wire:
        wire.connection.send("x" * 100_000)
        with pytest.raises(ConnectionClosed) as closed:
            wire.hear()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def test_connections_of_one_user_are_bounded(live: Live, ada: Person, bob: Person) -> None:
    with ExitStack() as lines:
        for _ in range(20):
            lines.enter_context(line(live, ada.token))
        lines.enter_context(line(live, ada.token)).refused("too_many_connections")
        lines.enter_context(line(live, bob.token)).subscribe("clock")


def test_a_flood_of_messages_waits_in_the_clients_socket(live: Live, ada: Person) -> None:
    """Each message is taken at its turn, ten a second; orders go on meanwhile."""
    with line(live, ada.token) as wire:
        raw = wire.connection.socket
        raw.settimeout(0.5)
        text = json.dumps({"action": "subscribe", "channels": [], "after": 0}).encode()
        frame = bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text
        sent = 0
        try:
            for _ in range(400):
                raw.sendall(frame * 1_000)
                sent += 1_000
        except TimeoutError:
            pass
        assert sent < 400_000  # the server stopped reading
        began = time.perf_counter()
        ada.order()
        assert time.perf_counter() - began < 2


def test_a_slow_reader_costs_no_memory(live: Live, ada: Person) -> None:
    """Nothing is queued for who does not read: 3,000 events wait in the journal."""
    assert ada.user.account_id is not None
    places = [PlaceOrder(new_id(), Symbol("MSFT"), Side.BUY, quantity(1)) for _ in range(1_500)]
    cancels = [CancelOrder(place.order_id) for place in places]
    account_id = ada.user.account_id
    live.platform.path.submit(Work([(account_id, command) for command in (*places, *cancels)]))
    with ExitStack() as lines:
        live.platform.deliveries.stop()  # what it handles meanwhile is no reader's
        lines.callback(live.platform.deliveries.start)
        gc.collect()
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(3):
            raw = socket.socket()
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.connect(("127.0.0.1", int(live.url.rpartition(":")[2])))
            slow = connect(address(live), sock=raw, max_queue=1, compression=None, close_timeout=0)
            slow = lines.enter_context(slow)
            Line(slow).say(action="authenticate", token=ada.token)
            Line(slow).say(action="subscribe", channels=["orders"], after=0)
        time.sleep(1)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak - before < 4_000_000  # all their frames are more than six
        with line(live, ada.token) as quick:
            quick.subscribe("orders", after=0)
            frames = [quick.hear() for _ in range(3_000)]
        assert [frame["order"]["status"] for frame in frames] == ["new"] * 1_500 + ["canceled"] * 1_500


def test_the_inbox_is_sent_again_whenever_it_changes(live: Live, ada: Person, bob: Person) -> None:
    with line(live, ada.token) as connection:
        connection.subscribe("inbox")
        while (frame := connection.hear())["data"]["unread"] < 1:
            pass
        assert frame["type"] == "inbox"
        bob.post("/risk/halt", {"detail": "not hers"}, 200)
        ada.post("/risk/halt", {"detail": "lunch"}, 200)
        assert (told := connection.hear()["data"])["unread"] == 2
        assert told["items"][0]["kind"] == "trading_paused"
        ada.post("/inbox/read", {}, 200)
        assert connection.hear()["data"]["unread"] == 0
