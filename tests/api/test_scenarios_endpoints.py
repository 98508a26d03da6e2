"""Factor exposure and scenarios that are kept, through the real port."""

import time
from collections.abc import Iterator
from datetime import date

import pytest

from api.live import Live, Person, opened
from traderbot.api.examples import EXAMPLES
from traderbot.risk.saved import SAVED_MAX, saved_of

pytestmark = pytest.mark.integration


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


def test_factor_exposure_has_an_interval_and_sums_by_position(eve: Person) -> None:
    found = eve.get("/risk/factors")
    assert found.keys() == EXAMPLES["RiskFactorsOut"].keys()
    market = found["coefficients"][1]
    assert market["low"] < market["value"] < market["high"]
    summed = sum(one["weight"] * one["market"] for one in found["positions"])
    assert summed == pytest.approx(market["value"])


def test_an_account_without_positions_is_told(late: Live) -> None:
    with late.person() as nobody:
        found = nobody.get("/risk/factors")
        assert (found["coefficients"], found["reasons"][-1]["code"]) == ([], "nothing_held")


def test_scenarios_are_kept_by_name_run_on_what_is_held_and_deleted(eve: Person, late: Live) -> None:
    kept = eve.put("/risk/scenarios/saved", {"name": "value falls", "factors": {"value": -0.1}})
    assert (kept["factors"], kept["market"]) == ({"value": -0.1}, None)
    first = eve.get("/risk/scenarios/saved/value falls")
    assert {one["basis"] for one in first["positions"]} == {"factors"}
    eve.put("/risk/scenarios/saved", {"name": "value falls", "symbols": {"MSFT": -0.5}})
    (now,) = eve.get("/risk/scenarios/saved")["items"]
    assert (now["symbols"], now["factors"]) == ({"MSFT": -0.5}, {})
    before = eve.get("/risk/scenarios/saved/value falls")["profit"]
    eve.order(symbol="MSFT", qty="100")
    late.step()
    assert float(eve.get("/risk/scenarios/saved/value falls")["profit"]) < float(before)
    with late.person() as other:
        assert other.get("/risk/scenarios/saved") == {"items": []}
        assert other.get("/risk/scenarios/saved/value falls", 404)["code"] == "not_found"
        assert other.delete("/risk/scenarios/saved/value falls", 404)["code"] == "not_found"
    assert eve.delete("/risk/scenarios/saved/value falls") == {"name": "value falls"}
    assert eve.get("/risk/scenarios/saved/value falls", 404)["code"] == "not_found"


def test_what_makes_no_sense_is_refused_and_there_is_an_end(eve: Person) -> None:
    both = {"name": "both", "market": -0.1, "factors": {"size": -0.1}}
    assert eve.put("/risk/scenarios/saved", both, 422)["errors"][0]["field"] == "factors"
    assert eve.put("/risk/scenarios/saved", {"name": "odd", "factors": {"luck": 1}}, 422)
    for number in range(SAVED_MAX):
        eve.put("/risk/scenarios/saved", {"name": f"s{number}", "market": -0.1})
    assert eve.put("/risk/scenarios/saved", {"name": "one more", "market": -0.1}, 409)["code"] == "conflict"
    eve.put("/risk/scenarios/saved", {"name": "s1", "market": -0.2})  # in the place of the old one


def test_they_go_with_the_person(late: Live) -> None:
    with late.person() as gone, late.person("owner") as boss:
        gone.put("/risk/scenarios/saved", {"name": "mine", "market": -0.1})
        account = gone.user.account_id
        assert account is not None
        assert boss.client.delete(f"/api/v1/admin/users/{gone.user.id}").status_code == 204
        for _ in range(200):
            with late.platform.database.read() as connection:
                left = saved_of(connection, account)
            if not left:
                break
            time.sleep(0.05)
        assert left == []
