"""Instruments, bars and the clock over a real port; nothing that is not known yet is ever shown."""

import time
from collections.abc import Iterator

import pytest

from api.live import Live, Person, opened
from traderbot.infra.events.journal import read
from traderbot.trading.session_clock import turn
from traderbot.trading.work import SYSTEM

pytestmark = pytest.mark.integration


def test_instruments_are_those_with_a_bar_by_now(live: Live, ada: Person) -> None:
    items = ada.get("/market/instruments")["items"]
    assert [one["symbol"] for one in items] == ["AAPL", "GOOG", "IBM", "MSFT"]  # FB is from 2012
    now = ada.get("/market/clock")["time"]
    assert all(one["first_bar"] < one["last_bar"] <= now for one in items)


def test_bars_end_at_the_present(live: Live, ada: Person) -> None:
    for _ in range(2):
        live.step()
        now = ada.get("/market/clock")["time"]
        for symbol in ("MSFT", "IBM"):
            bars = ada.get(f"/market/bars/{symbol}", limit=10_000)
            assert (bars["symbol"], bars["adjustment"]) == (symbol, "raw")
            times = [bar["time"] for bar in bars["items"]]
            assert times == sorted(times)
            assert times[-1] == now
            later = ada.get(f"/market/bars/{symbol}", end="2013-01-01", limit=10_000)
            assert later == bars
    bar = bars["items"][-1]
    assert all(isinstance(value, str) for value in bar.values())
    assert float(bar["low"]) <= float(bar["open"]) <= float(bar["high"])
    assert ada.get("/market/bars/MSFT", limit=3)["items"] == ada.get("/market/bars/MSFT")["items"][-3:]
    assert (
        ada.get("/market/bars/MSFT", end="2004-12-31", limit=1)["items"][0]["time"] == "2004-12-31T21:00:00Z"
    )
    assert ada.get("/market/bars/MSFT", end="1970-01-01")["items"] == []
    assert ada.get("/market/bars/FB")["items"] == []  # known to the data set, not yet to the market
    assert ada.get("/market/bars/NOPE", 404)["code"] == "not_found"


@pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 10**9}, {"limit": "x"}, {"end": "yesterday"}])
def test_bars_refuse_absurd_ranges(ada: Person, params: dict[str, object]) -> None:
    assert ada.get("/market/bars/MSFT", 422, **params)["code"] == "invalid_value"


def test_the_clock_says_where_the_replay_stands(live: Live, ada: Person) -> None:
    clock = ada.get("/market/clock")
    assert (clock["mode"], clock["name"], clock["ended"]) == ("replay", "demo", False)
    assert clock["step"] == live.platform.session.replay.step
    assert clock["time"].startswith(clock["date"])
    assert clock["start"] == live.platform.session.replay.timeline.date_of(clock["first_step"]).isoformat()
    assert 0 < clock["first_step"] <= clock["step"] + 1


def test_actions_are_those_known_by_now(live: Live, ada: Person) -> None:
    market = live.platform.session.market
    known = ada.get("/market/actions/MSFT")["items"]
    due = [action for action in live.platform.dataset.actions if action.symbol == "MSFT"]
    timeline = live.platform.session.replay.timeline
    assert len(known) == sum(timeline.first_step(action.ex_date) <= market.step for action in due)
    split = next(item for item in known if item["kind"] == "split")
    assert (split["ex_date"], split["new"], split["old"], split["amount"]) == ("2003-02-18", 2, 1, None)
    assert all(item["estimated"] and item["amount"] for item in known if item["kind"] == "dividend")
    assert ada.get("/market/actions/NOPE", 404)["code"] == "not_found"


def test_the_clock_is_the_administrators(ada: Person) -> None:
    before = ada.get("/market/clock")
    for body in ({"paused": True}, {"speed": 0}, {"jump_to": "2013-03-01"}, {}):
        assert ada.post("/market/clock", body, 403)["code"] == "forbidden"
    assert ada.get("/market/clock") == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"speed": -1}, "speed"), ({"speed": "2"}, "speed"), ({"speed": True}, "speed"),
        ({"speed": 10**9}, "speed"), ({"paused": 1}, "paused"), ({"paused": "true"}, "paused"),
        ({"jump_to": "2005-13-01"}, "jump_to"), ({"jump_to": 0}, "jump_to"),
        ({"jump_to": "2013-12-31"}, "jump_to"), ({"jump_to": "9999-01-01"}, "jump_to"), ({"step": 5}, "step"),
    ],
)  # fmt: skip
def test_what_cannot_be_set_is_named_and_changes_nothing(
    admin: Person, body: dict[str, object], field: str
) -> None:
    before = admin.get("/market/clock")
    answer = admin.post("/market/clock", {"paused": True, **body}, 422)
    assert answer["errors"][0]["field"] == field
    assert admin.get("/market/clock") == before


def test_a_jump_backwards_is_a_conflict(admin: Person) -> None:
    answer = admin.post("/market/clock", {"jump_to": "2004-01-02"}, 409)
    assert (answer["code"], "only goes forward" in answer["detail"]) == ("conflict", True)


@pytest.fixture(scope="module")
def playing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A platform whose session plays by itself."""
    with opened(tmp_path_factory.mktemp("playing")) as live:
        session = live.platform.session
        live.platform.path.submit(turn(session.session_id, session.replay, SYSTEM, paused=True))
        live.platform.start()
        yield live


def test_pause_jump_and_go_on(playing: Live) -> None:
    with playing.person("admin") as admin:
        order_id = admin.order()["id"]
        clock = admin.post("/market/clock", {"jump_to": "2005-01-14"}, 200)
        assert clock["paused"]
        deadline = time.monotonic() + 10
        while (clock := admin.get("/market/clock"))["jump_to"] is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (clock["date"], clock["paused"]) == ("2005-01-14", True)
        order = admin.get(f"/orders/{order_id}")
        assert (order["status"], order["updated_at"]) == (
            "filled",
            "2005-01-03T21:00:00Z",
        )  # every bar was played
        assert len(admin.get("/portfolio/history")["items"]) == 10
        clock = admin.post("/market/clock", {"speed": 100, "paused": False}, 200)
        assert (clock["speed"], clock["paused"]) == (100, False)
        time.sleep(0.2)
        stopped = admin.post("/market/clock", {"paused": True}, 200)
        assert stopped["step"] > clock["step"]
        time.sleep(0.1)
        assert admin.get("/market/clock")["step"] - stopped["step"] <= 1  # the step under way


def test_a_turn_of_the_clock_is_on_record_with_who_turned_it(playing: Live) -> None:
    with playing.person("admin") as admin:
        admin.post("/market/clock", {"paused": True, "speed": 7}, 200)
        with playing.platform.database.read() as connection:
            entry = read(connection, types=["SessionControlled"], limit=1000)[-1]
        assert (entry.event.paused, entry.event.speed, entry.event.jump_to) == (True, 7.0, None)  # type: ignore[attr-defined]
        assert entry.meta.actor == f"user:{admin.user.id}"
        assert entry.meta.request
        step = admin.get("/market/clock")["step"]
        time.sleep(0.3)
        assert admin.get("/market/clock")["step"] == step, "an answered pause is one"


def test_an_ended_session_takes_no_orders(playing: Live) -> None:
    with playing.person("admin") as admin:
        admin.post("/market/clock", {"jump_to": "2013-03-01"}, 200)
        deadline = time.monotonic() + 120
        while not (clock := admin.get("/market/clock"))["ended"] and time.monotonic() < deadline:
            time.sleep(0.05)
        assert clock["date"] == "2013-03-01"
        assert admin.order(422)["code"] == "session_ended"
        assert "FB" in [one["symbol"] for one in admin.get("/market/instruments")["items"]]
        assert admin.post("/market/clock", {"jump_to": "2013-03-01"}, 409)["code"] == "conflict"
