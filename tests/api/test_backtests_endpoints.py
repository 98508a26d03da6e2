"""Backtests over a real port, run in real processes: ask, follow, look, compare, cancel."""

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from api.live import Live, Person, opened
from api.test_websocket import line
from backtests.unruly import offer
from traderbot.market.importer import import_file, store_import

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


def test_the_same_key_asks_once(ada: Person, bob: Person) -> None:
    key = {"Idempotency-Key": "first"}
    address = "/api/v1/backtests"
    first = ada.client.post(address, json=ASKED, headers=key)
    assert "Idempotency-Replayed" not in first.headers
    until(ada, first.json()["id"], "done")
    again = ada.client.post(address, json=ASKED, headers=key)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (202, "true")
    assert again.json() == first.json()  # as it was asked for, however late
    other = ada.post("/backtests", ASKED | {"cash": "1"}, 422, **key)
    assert other["code"] == "idempotency_key_reused"
    assert len(ada.get("/backtests")["items"]) == 1
    assert bob.post("/backtests", ASKED, 202, **key)["id"] != first.json()["id"]  # a key is one's own


def test_a_refusal_leaves_its_key_free(ada: Person, dawdling: dict[str, Any]) -> None:
    ids = [ada.post("/backtests", dawdling, 202)["id"] for _ in range(3)]
    key = {"Idempotency-Key": "when there is room"}
    assert ada.post("/backtests", ASKED, 422, **key)["code"] == "invalid_value"  # no spaces in a key
    key = {"Idempotency-Key": "when-there-is-room"}
    assert ada.post("/backtests", ASKED, 409, **key)["code"] == "too_many_backtests"
    for each in ids:
        assert ada.client.delete(f"/api/v1/backtests/{each}").status_code == 204
    assert ada.post("/backtests", ASKED, 202, **key)["status"] == "queued"


def test_data_sets_are_listed_and_an_unknown_one_names_them(live: Live, ada: Person) -> None:
    home = live.platform.settings.home
    rows = ["date,open,high,low,close,volume"]
    rows += [f"2005-01-0{day},10,11,9,10.5,1000" for day in (3, 4, 5, 6, 7)]
    rows += ["2005-01-10,10,9,11,10,1000"]  # its high is below its low
    (home / "ACME.csv").write_text("\n".join(rows) + "\n")
    store_import(import_file(home / "ACME.csv", name="acme-days"), home / "data" / "acme-days")
    found = {one["name"]: one for one in ada.get("/backtests/datasets")["items"]}
    assert list(found) == ["acme-days", "demo"]
    assert found["demo"]["symbols"] == ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
    assert (found["demo"]["first"], found["demo"]["last"]) == ("2000-03-01", "2013-03-01")
    assert (found["demo"]["bars"], found["demo"]["quarantined"]) == (12154, 0)
    assert found["demo"]["time_frames"] == ["1d"]
    assert (found["acme-days"]["bars"], found["acme-days"]["quarantined"]) == (5, 1)
    problem = ada.post("/backtests", ASKED | {"data": "nasdaq"}, 422)
    assert [error["field"] for error in problem["errors"]] == ["data"]
    assert "acme-days, demo" in problem["detail"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"fee_per_share": "-0.01"}, "fee_per_share"),
        ({"fee_per_share": "101"}, "fee_per_share"),
        ({"fee_minimum": "10001"}, "fee_minimum"),
        ({"impact": {"model": "guess"}}, "impact"),
        ({"impact": {"model": "square_root"}}, "impact.square_root.volatility"),
        ({"impact": {"model": "volume_share", "limit": "0"}}, "impact.limit"),
        ({"impact": {"model": "volume_share", "price_impact": "2"}}, "impact.price_impact"),
        ({"latency_ms": -1}, "latency_ms"),
        ({"latency_ms": 1.5}, "latency_ms"),
    ],
)
def test_costs_that_cannot_be_name_their_field(ada: Person, changed: dict[str, Any], field: str) -> None:
    problem = ada.post("/backtests", ASKED | changed, 422)
    assert problem["code"] == "invalid_value"
    assert [error["field"] for error in problem["errors"]] == [field], problem


def test_costs_cost(ada: Person) -> None:
    plain = done(ada, fee_bps="0", slippage_bps="0")
    for changed in (
        {"fee_bps": "0", "slippage_bps": "0", "fee_minimum": "3"},
        {"fee_bps": "0", "slippage_bps": "20"},
        {"fee_bps": "0", "slippage_bps": "0", "impact": {"model": "square_root", "volatility": "0.02"}},
    ):
        dearer = done(ada, **changed)
        assert Decimal(dearer["metrics"]["equity"]) < Decimal(plain["metrics"]["equity"]), changed


def test_a_key_that_reads_looks_and_does_not_ask(live: Live, ada: Person) -> None:
    backtest = done(ada)
    key = ada.post("/users/me/api-keys", {"name": "reader", "scopes": ["read"]})["key"]
    with live.person() as other:
        other.client.headers["Authorization"] = f"Bearer {key}"
        path = f"/backtests/{backtest['id']}"
        assert other.get(path)["id"] == backtest["id"]
        assert other.post("/backtests", ASKED, 403)["code"] == "forbidden"
        assert other.post(f"{path}/validation", {}, 403)["code"] == "forbidden"
        assert other.post(f"{path}/cancel", {}, 403)["code"] == "forbidden"
        assert other.delete(path, 403)["code"] == "forbidden"
        assert other.get("/backtests/datasets")["items"]


def test_progress_of_a_signal_is_told_all_along(
    live: Live, ada: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, tmp_path)
    with line(live, ada.token) as wire:
        wire.subscribe("backtests")
        ada.post("/backtests", ASKED | {"strategy": "ponders", "parameters": {}}, 202)
        frames = wire.until(type="backtest")
        while frames[-1]["data"]["status"] not in ("done", "failed"):
            frames.append(wire.hear())
    assert frames[-1]["data"]["status"] == "done", ada.get("/backtests")["items"][0]["error"]
    told = [frame["data"]["progress"] for frame in frames if 0 < frame["data"]["progress"] < 1]
    assert len(told) >= 3
    assert told == sorted(told)
