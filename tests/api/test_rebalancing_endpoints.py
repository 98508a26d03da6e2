"""Rebalancing through the real port: proposals, their approval and what comes of it, plans."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from api.live import Live, Person, opened
from api.test_inbox_endpoints import until
from traderbot.api.examples import EXAMPLES
from traderbot.rebalancing.rows import find_plan
from traderbot.rebalancing.wanted import MODELS

pytestmark = pytest.mark.integration

D = Decimal
BASE = "/portfolio/rebalancing"
FEW = ["AAPL", "IBM", "MSFT"]


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with opened(tmp_path_factory.mktemp("late") / "home", replay_start=date(2010, 1, 4)) as built:
        yield built


@pytest.fixture
def eve(late: Live) -> Iterator[Person]:
    with late.person(name="eve") as person:
        for symbol, qty in (("AAPL", "100"), ("MSFT", "500")):
            person.order(symbol=symbol, qty=qty)
        late.step()
        yield person


def propose(person: Person, status: int = 201, /, **wanted: Any) -> Any:
    return person.post(f"{BASE}/proposals", wanted, status)


def shares(person: Person) -> dict[str, Decimal]:
    return {one["symbol"]: D(one["qty"]) for one in person.get("/portfolio")["holdings"]}


def test_weights_become_orders_that_bring_them_about(late: Live, eve: Person) -> None:
    found = propose(eve, weights={"MSFT": "0.05", "IBM": "0.4", "AAPL": "0.2"})
    assert found.keys() == EXAMPLES["ProposalOut"].keys()
    draft = found["draft"]
    assert draft.keys() == EXAMPLES["ProposalOut"]["draft"].keys()
    assert (found["status"], found["orders"]) == ("proposed", [])
    assert {(one["symbol"], one["side"]) for one in draft["trades"]} == {
        ("AAPL", "sell"), ("MSFT", "sell"), ("IBM", "buy"),
    }  # fmt: skip
    assert [one["side"] for one in draft["trades"]][-1] == "buy"
    path = f"{BASE}/proposals/{found['id']}"
    begun = eve.post(f"{path}/approve", {}, 200)
    assert (begun["status"], len(begun["orders"])) == ("selling", 2)
    late.step()
    assert eve.get(path)["status"] == "buying"
    late.step(2)
    after = eve.get(path)
    assert (after["status"], after["why"], len(after["orders"])) == ("done", None, 3)
    assert shares(eve) == {one["symbol"]: D(one["qty_after"]) for one in draft["lines"]}
    for line in draft["lines"]:
        assert abs(D(line["weight_after"]) - D(line["target"])) < D("0.01")
    assert D(eve.get("/portfolio")["cash"]) == pytest.approx(D(draft["cash_after"]), rel=D("0.02"))
    assert eve.post(f"{path}/approve", {}, 409)["code"] == "conflict"
    assert "A rebalancing is" in until(eve, "rebalancing")[0]["title"]
    first = eve.get(f"/why/{after['orders'][0]}")
    assert str(eve.user.id) in str(first)


@pytest.mark.parametrize("model", MODELS)
def test_each_model_keeps_to_the_constraints_and_shows_the_risk(eve: Person, model: str) -> None:
    views = [{"symbol": "IBM", "expected": 0.2, "confidence": 0.6}] if model == "black_litterman" else []
    asked = {"model": model, "symbols": FEW, "max_weight": "0.45", "turnover": "0.5", "views": views}
    draft = propose(eve, **asked)["draft"]
    targets = {one["symbol"]: D(one["target"]) for one in draft["lines"]}
    assert sorted(targets) == FEW
    assert max(targets.values()) <= D("0.450001")
    assert abs(sum(targets.values()) - D("0.98")) < D("0.00001")
    before, after = draft["risk_before"], draft["risk_after"]
    assert after["var"]["share"] > before["var"]["share"] > 0
    points = draft["frontier"]["points"]
    assert [one["volatility"] for one in points] == sorted(one["volatility"] for one in points)
    assert draft["frontier"]["after"]["volatility"] >= points[0]["volatility"] * 0.97


def test_the_views_of_the_ai_are_taken_where_none_are_given(eve: Person) -> None:
    refused = propose(eve, 422, model="black_litterman", symbols=FEW)
    assert refused["errors"][0]["field"] == "views"


def test_all_orders_or_none(late: Live, eve: Person) -> None:
    account = eve.user.account_id
    eve.put(f"/accounts/{account}/limits", {"order_value": "20000"})
    found = propose(eve, weights={"AAPL": "0.05", "IBM": "0.6"})
    path = f"{BASE}/proposals/{found['id']}"
    refused = eve.post(f"{path}/approve", {}, 409)
    assert "IBM" in refused["detail"]
    assert eve.get("/orders", status="open")["items"] == []
    assert eve.get(path)["status"] == "proposed"
    assert eve.post(f"{path}/reject", {}, 200)["status"] == "rejected"
    assert eve.post(f"{path}/reject", {}, 409)["code"] == "conflict"


def test_what_changed_since_needs_a_new_proposal(late: Live, eve: Person) -> None:
    found = propose(eve, weights={"AAPL": "0.05"})
    eve.order(symbol="AAPL", qty="1")
    late.step()
    refused = eve.post(f"{BASE}/proposals/{found['id']}/approve", {}, 409)
    assert "101 AAPL, not 100" in refused["detail"]


def test_a_limit_that_is_not_met_is_told(late: Live, eve: Person) -> None:
    for percent in range(2, 80, 2):  # until a day trades above the close of the day before
        found = propose(eve, weights={"IBM": f"0.{percent:02d}"}, slack="0")
        path = f"{BASE}/proposals/{found['id']}"
        eve.post(f"{path}/approve", {}, 200)
        late.step(2)
        after = eve.get(path)
        assert after["status"] == "done"
        if after["why"] is not None:
            assert after["why"].startswith("not reached: IBM ")
            return
    raise AssertionError("every limit was met")


def test_what_was_sold_at_a_loss_is_not_bought_back_for_thirty_days(late: Live, eve: Person) -> None:
    for _ in range(30):  # until a day falls
        for side in ("buy", "sell"):
            eve.order(symbol="IBM", qty="10", side=side)
            late.step()
        if float(eve.get(f"/accounts/{eve.user.account_id}/realised")["items"][0]["realised"]) < 0:
            break
    left = propose(eve, weights={"IBM": "0.1"}, no_wash_sale=True)["draft"]["left"]
    assert [(one["symbol"], one["code"]) for one in left] == [("IBM", "wash_sale")]
    late.step(23)
    assert propose(eve, weights={"IBM": "0.1"}, no_wash_sale=True)["draft"]["trades"]


def test_a_key_whose_orders_have_bounds_approves_nothing_and_plans_nothing(late: Live, eve: Person) -> None:
    found = propose(eve, weights={"AAPL": "0.1"})
    key = eve.post("/users/me/api-keys", {"name": "bot", "symbols": ["AAPL"]})["key"]
    with httpx2.Client(base_url=f"{late.url}/api/v1", headers={"X-API-Key": key}) as bot:
        refused = bot.post(f"{BASE}/proposals/{found['id']}/approve", json={})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        plan = {"target": {"model": "equal", "symbols": FEW}, "every": "week", "automatic": True}
        assert bot.put(f"{BASE}/plan", json=plan).status_code == 403
    assert eve.get(f"{BASE}/proposals/{found['id']}")["status"] == "proposed"


def test_one_under_way_is_stopped(late: Live, eve: Person) -> None:
    found = propose(eve, weights={"AAPL": "0.05"})
    path = f"{BASE}/proposals/{found['id']}"
    (order,) = eve.post(f"{path}/approve", {}, 200)["orders"]
    assert eve.post(f"{path}/reject", {}, 200)["status"] == "stopped"
    assert eve.get(f"/orders/{order}")["status"] == "canceled"
    late.step(2)
    assert shares(eve)["AAPL"] == 100


def test_a_halt_between_sales_and_buys_stops_it(late: Live, eve: Person) -> None:
    found = propose(eve, weights={"AAPL": "0.05", "IBM": "0.3"})
    path = f"{BASE}/proposals/{found['id']}"
    eve.post(f"{path}/approve", {}, 200)
    eve.post("/risk/kill", {"detail": "lunch", "flatten": False}, 200)
    late.step(2)
    after = eve.get(path)
    assert (after["status"], "IBM" in after["why"]) == ("stopped", True)


def test_proposals_are_listed_newest_first_and_only_ones_own(eve: Person, late: Live) -> None:
    made = [propose(eve, weights={"AAPL": f"0.{number}"})["id"] for number in (1, 2, 3)]
    first = eve.get(f"{BASE}/proposals", limit=2)
    rest = eve.get(f"{BASE}/proposals", limit=2, cursor=first["next_cursor"])
    assert [one["id"] for one in first["items"] + rest["items"]] == made[::-1]
    assert rest["next_cursor"] is None
    with late.person() as other:
        assert other.get(f"{BASE}/proposals")["items"] == []
        for way in ("approve", "reject"):
            assert other.post(f"{BASE}/proposals/{made[0]}/{way}", {}, 404)["code"] == "not_found"
        assert other.get(f"{BASE}/proposals/{made[0]}", 404)["code"] == "not_found"
        assert propose(other, 422, model="equal")["errors"][0]["field"] == "symbols"
    with late.person("viewer") as viewer:
        assert propose(viewer, 403, model="equal", symbols=FEW)["code"] == "forbidden"


def test_a_plan_proposes_by_the_calendar_and_by_drift(late: Live, eve: Person) -> None:
    assert eve.get(f"{BASE}/plan") == {"plan": None}
    plan = {"target": {"model": "equal", "symbols": FEW, "whole_shares": False}, "every": "week"}
    assert eve.put(f"{BASE}/plan", plan)["looked_at"] is None
    assert eve.get(f"{BASE}/plan")["plan"].keys() == EXAMPLES["PlanOut"].keys()
    late.step()
    (waiting,) = eve.get(f"{BASE}/proposals")["items"]
    assert (waiting["status"], waiting["plan"]) == ("proposed", True)
    late.step(5)
    again, first = eve.get(f"{BASE}/proposals")["items"]
    assert (again["status"], first["id"]) == ("proposed", waiting["id"])
    assert (first["status"], first["why"]) == ("rejected", "the plan made a newer one")
    eve.put(f"{BASE}/plan", {**plan, "every": None, "drift": "0.001", "automatic": True})
    late.step(4)
    newest = eve.get(f"{BASE}/proposals")["items"]
    assert {one["status"] for one in newest[:-2]} <= {"done", "selling", "buying"}
    late.step(30)
    assert len(eve.get(f"{BASE}/proposals")["items"]) > len(newest)
    held = eve.get("/portfolio")
    for one in held["holdings"]:
        assert float(one["market_value"]) / float(held["equity"]) == pytest.approx(0.98 / 3, abs=0.03)
    assert eve.delete(f"{BASE}/plan") == {"account_id": str(eve.user.account_id)}
    assert eve.delete(f"{BASE}/plan", 404)["code"] == "not_found"


def test_a_plan_goes_with_its_person(late: Live) -> None:
    with late.person() as gone, late.person("owner") as boss:
        gone.put(f"{BASE}/plan", {"target": {"model": "equal", "symbols": FEW}, "every": "week"})
        account = gone.user.account_id
        assert account is not None
        assert boss.client.delete(f"/api/v1/admin/users/{gone.user.id}").status_code == 204
        for _ in range(200):
            with late.platform.database.read() as connection:
                left = find_plan(connection, account)
            if left is None:
                break
            time.sleep(0.05)
        assert left is None


def test_of_many_who_approve_at_once_one_does(late: Live, eve: Person) -> None:
    found = propose(eve, weights={"AAPL": "0.05", "IBM": "0.3"})
    with ThreadPoolExecutor(8) as pool:
        path = f"/api/v1{BASE}/proposals/{found['id']}/approve"
        answers = list(pool.map(lambda _: eve.client.post(path, json={}).status_code, range(8)))
    assert sorted(answers) == [200] + [409] * 7
    late.step(3)
    assert [one["symbol"] for one in eve.get("/orders", status="closed")["items"]].count("IBM") == 1


def test_a_plan_that_cannot_be_followed_says_why_and_goes_on(late: Live, eve: Person) -> None:
    plan = {"target": {"model": "equal", "symbols": FEW, "max_weight": "0.1"}, "every": "day"}
    eve.put(f"{BASE}/plan", plan)
    late.step()
    stopped: list[Any] = []
    for _ in range(200):
        stopped = [one for one in until(eve, "rebalancing") if one["title"] == "A rebalancing was stopped"]
        if stopped:
            break
        time.sleep(0.05)
    (told,) = stopped
    assert "weight of" in told["body"]
    assert eve.get(f"{BASE}/proposals")["items"] == []
    eve.delete(f"{BASE}/plan")


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "weights"),
        ({"weights": {"AAPL": "0.5"}, "model": "equal"}, "weights"),
        ({"weights": {"AAPL": "0.5", "MSFT": "0.6"}}, "weights"),
        ({"weights": {"AAPL": "-0.1"}}, "weights.AAPL"),
        ({"weights": {"TSLA": "0.5"}}, "symbols"),
        ({"model": "magic"}, "model"),
        ({"model": "equal", "symbols": ["AAPL", "AAPL"]}, "symbols"),
        ({"model": "equal", "days": 5}, "days"),
        ({"model": "equal", "min_weight": "0.5", "max_weight": "0.1"}, "min_weight"),
        ({"model": "equal", "max_weight": "0.1"}, "constraints"),
        ({"model": "equal", "sectors": {"Energy": {"high": "0.1"}}}, "sectors"),
        ({"model": "equal", "bounds": {"IBM": {"high": "0.1"}}}, "bounds"),
        ({"model": "equal", "views": [{"symbol": "AAPL", "expected": 0.1, "confidence": 0.5}]}, "views"),
        ({"model": "equal", "cash_buffer": "1"}, "cash_buffer"),
        ({"weights": {"AAPL": "0.5"}, "slack": "0.5"}, "slack"),
        ({"weights": {"AAPL": "0.5"}, "lots": "best"}, "lots"),
        ({"weights": {"AAPL": "0.5"}, "surprise": 1}, "surprise"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(eve: Person, asked: Any, field: str) -> None:
    assert propose(eve, 422, **asked)["errors"][0]["field"] == field


def test_the_models_are_listed(eve: Person) -> None:
    assert [one["name"] for one in eve.get(f"{BASE}/models")["items"]] == [*MODELS]
