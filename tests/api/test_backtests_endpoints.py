"""Backtests over a real port, run in real processes: ask, follow, look, compare, cancel."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.live import Live, Person, opened
from api.test_websocket import line
from backtests.unruly import offer

pytestmark = pytest.mark.integration

ASKED: dict[str, Any] = {
    "strategy": "moving-average",
    "parameters": {"fast": 5, "slow": 20, "qty": 10},
    "symbols": ["MSFT"],
    "start": "2005-01-03",
    "end": "2008-12-31",
    "cash": "50000",
}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A platform that runs backtests."""
    with opened(tmp_path_factory.mktemp("home"), backtest_queue=3) as built:
        for duty in built.platform.on_duty:
            if duty.name.startswith("backtests"):
                duty.start()
        yield built


@pytest.fixture
def dawdling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What to ask for a backtest that takes its time."""
    offer(monkeypatch, tmp_path)
    return ASKED | {"strategy": "dawdles", "parameters": {}}


def until(person: Person, backtest_id: str, *statuses: str) -> Any:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = person.get(f"/backtests/{backtest_id}")
        if found["status"] in statuses:
            return found
        time.sleep(0.05)
    raise AssertionError(f"still {found}")


def done(person: Person, **changed: Any) -> Any:
    asked = person.post("/backtests", ASKED | changed, 202)
    found = until(person, asked["id"], "done", "failed")
    assert found["status"] == "done", found
    return found


def test_a_backtest_from_the_request_to_its_results(ada: Person) -> None:
    asked = ada.post("/backtests", ASKED, 202)
    assert {name: asked[name] for name in ("status", "progress", "metrics", "verdict", "error")} == {
        "status": "queued", "progress": 0, "metrics": None, "verdict": None, "error": None,
    }  # fmt: skip
    assert (asked["start"], asked["cash"], asked["fee_bps"]) == ("2005-01-03T00:00:00Z", "50000", "1")
    found = until(ada, asked["id"], "done")
    assert found["progress"] == 1
    assert found["parameters"] == ASKED["parameters"]
    curve = ada.get(f"/backtests/{asked['id']}/curve")
    assert curve["times"][0].startswith("2005-01-03")
    assert curve["times"][-1].startswith("2008-12-3")
    assert len(curve["times"]) == len(curve["equity"]) == len(curve["drawdown"])
    assert curve["equity"][-1] == pytest.approx(float(found["metrics"]["equity"]), abs=0.01)
    first = ada.get(f"/backtests/{asked['id']}/trades", limit=2)
    rest = ada.get(f"/backtests/{asked['id']}/trades", limit=500, cursor=first["next_cursor"])
    trades = first["items"] + rest["items"]
    assert len(trades) == found["metrics"]["trades"]
    assert rest["next_cursor"] is None
    assert {trade["symbol"] for trade in trades} == {"MSFT"}
    assert all(trade["entry_at"] >= "2005-01-03" for trade in trades)
    assert ada.get("/backtests")["items"][0] == found


def test_lists_have_pages_and_are_ones_own(ada: Person, bob: Person) -> None:
    ids = [ada.post("/backtests", ASKED, 202)["id"] for _ in range(3)][::-1]
    first = ada.get("/backtests", limit=2)
    second = ada.get("/backtests", limit=2, cursor=first["next_cursor"])
    assert [one["id"] for one in first["items"] + second["items"]] == ids
    assert second["next_cursor"] is None
    assert bob.get("/backtests") == {"items": [], "next_cursor": None}
    assert bob.get("/backtests", 422, cursor=first["next_cursor"])["code"] == "invalid_value"
    for path in ("", "/curve", "/trades"):
        assert bob.get(f"/backtests/{ids[0]}{path}", 404)["code"] == "not_found"
    assert bob.post(f"/backtests/{ids[0]}/cancel", {}, 404)["code"] == "not_found"
    assert bob.delete(f"/backtests/{ids[0]}", 404)["code"] == "not_found"
    assert bob.get("/backtests/compare", 404, ids=",".join(ids[:2]))["code"] == "not_found"
    for each in ids:
        assert ada.client.delete(f"/api/v1/backtests/{each}").status_code == 204
    assert ada.get("/backtests")["items"] == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"strategy": "mine.py"}, "strategy"),
        ({"parameters": {"fast": 60, "slow": 50}}, "parameters.fast"),
        ({"parameters": {"colour": "red"}}, "parameters.colour"),
        ({"parameters": {"fast": [1]}}, "parameters"),
        ({"data": "/etc"}, "data"),
        ({"symbols": ["TSLA"]}, "symbols"),
        ({"start": "2009-01-01"}, "end"),
        ({"start": "2020-01-01", "end": None}, "start"),
        ({"cash": "-1"}, "cash"),
        ({"fee_bps": "1001"}, "fee_bps"),
        ({"participation": "2"}, "participation"),
        ({"seed": 1}, "seed"),
    ],
)
def test_what_cannot_be_run_is_a_problem_that_names_its_field(
    ada: Person, changed: dict[str, Any], field: str
) -> None:
    problem = ada.post("/backtests", ASKED | changed, 422)
    assert problem["code"] == "invalid_value"
    assert any(error["field"].startswith(field) for error in problem["errors"]), problem
    if field == "strategy":
        assert "a strategy of your own is a file" in problem["detail"]
    assert ada.get("/backtests")["items"] == []


def test_backtests_are_compared(ada: Person) -> None:
    one, two = done(ada), done(ada, parameters={"fast": 10, "slow": 40, "qty": 10})
    found = ada.get("/backtests/compare", ids=f"{two['id']},{one['id']}")["items"]
    assert [item["backtest"] for item in found] == [two, one]
    assert [item["differs"] for item in found] == [{"parameters": each["parameters"]} for each in (two, one)]
    for item in found:
        growth = item["curve"]["growth"]
        assert growth[0] == 1
        assert growth[-1] == pytest.approx(1 + item["backtest"]["metrics"]["total_return"], abs=1e-5)
    for ids in (one["id"], f"{one['id']},{one['id']}", "x,y"):
        assert ada.get("/backtests/compare", 422, ids=ids)["code"] == "invalid_value"


def test_what_is_offered_has_its_parameters(ada: Person) -> None:
    items = {item["name"]: item for item in ada.get("/strategies")["items"]}
    assert list(items) == sorted(items)
    fast = next(one for one in items["moving-average"]["parameters"] if one["name"] == "fast")
    assert fast["kind"] == "whole"
    assert fast["least"] <= fast["preset"] <= fast["most"]
    assert items["moving-average"]["about"]


def test_one_that_runs_is_followed_and_cancelled(live: Live, ada: Person, dawdling: dict[str, Any]) -> None:
    with line(live, ada.token) as wire:
        wire.subscribe("backtests")
        asked = ada.post("/backtests", dawdling, 202)
        frames = wire.until(type="backtest")
        while not 0 < frames[-1]["data"]["progress"] < 1:
            frames.append(wire.hear())
        assert {frame["data"]["id"] for frame in frames} == {asked["id"]}
        statuses = [frame["data"]["status"] for frame in frames]
        assert statuses == sorted(statuses)  # queued, then running
        assert ada.get(f"/backtests/{asked['id']}/curve", 409)["code"] == "conflict"
        assert ada.post(f"/backtests/{asked['id']}/cancel", {}, 200)["status"] == "cancelled"
        while frames[-1]["data"]["status"] != "cancelled":
            frames.append(wire.hear())
        assert ada.post(f"/backtests/{asked['id']}/cancel", {}, 409)["detail"] == "it is cancelled already"
        assert wire.quiet() == []


def test_frames_are_of_ones_own_and_begin_with_what_runs(
    live: Live, ada: Person, bob: Person, dawdling: dict[str, Any]
) -> None:
    done(ada)
    asked = ada.post("/backtests", dawdling, 202)
    until(ada, asked["id"], "running")
    with line(live, ada.token) as mine, line(live, bob.token) as other:
        mine.subscribe("backtests")
        other.subscribe("backtests")
        assert mine.hear()["data"]["id"] == asked["id"]
        ada.post(f"/backtests/{asked['id']}/cancel", {}, 200)
        mine.until(type="backtest")
        assert other.quiet() == []


def test_no_more_wait_than_may(ada: Person, dawdling: dict[str, Any]) -> None:
    ids = [ada.post("/backtests", dawdling, 202)["id"] for _ in range(3)]
    assert ada.post("/backtests", dawdling, 409)["code"] == "too_many_backtests"
    for each in ids:
        assert ada.client.delete(f"/api/v1/backtests/{each}").status_code == 204
    assert ada.post("/backtests", ASKED, 202)["status"] == "queued"


def test_viewers_and_keys_of_one_account_ask_for_none(live: Live, ada: Person) -> None:
    with live.person("viewer") as viewer:
        assert viewer.post("/backtests", ASKED, 403)["code"] == "forbidden"
        assert viewer.get("/backtests")["items"] == []
    key = ada.post("/users/me/api-keys", {"name": "bot", "account_id": str(ada.user.account_id)})["key"]
    with live.person() as other:
        other.client.headers["Authorization"] = f"Bearer {key}"
        assert other.post("/backtests", ASKED, 403)["code"] == "forbidden"
        assert other.get("/backtests", 403)["code"] == "forbidden"


def test_they_count_as_analyses(tmp_path: Path) -> None:
    with opened(tmp_path / "home", rate_risk="1/minute") as other, other.person() as eve:
        eve.post("/backtests", ASKED, 202)
        assert eve.post("/backtests", ASKED, 429)["code"] == "rate_limited"
        assert len(eve.get("/backtests")["items"]) == 1
