"""Risk through the real port."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from api.live import Live, Person, opened
from traderbot.analytics.risk.rolling import METHODS
from traderbot.api.examples import EXAMPLES

pytestmark = pytest.mark.integration

D = Decimal


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The demo at the start of 2010, with a past to measure."""
    with opened(tmp_path_factory.mktemp("late") / "home", replay_start=date(2010, 1, 4)) as built:
        yield built


@pytest.fixture
def eve(late: Live) -> Iterator[Person]:
    with late.person(name="eve") as person:
        for symbol, qty in (("AAPL", "100"), ("IBM", "200"), ("MSFT", "500")):
            person.order(symbol=symbol, qty=qty)
        late.step()
        yield person


@pytest.mark.parametrize("method", METHODS)
def test_an_analysis_by_every_method(eve: Person, method: str) -> None:
    found = eve.get("/risk/analysis", method=method, level=0.99)
    assert found["method"] == method
    assert 0 < D(found["var"]["amount"]) < D(found["shortfall"]["amount"]) < D(found["value"])
    assert sum(D(one["var"]) for one in found["positions"]) == D(found["var"]["amount"])
    assert found["backtest"]["days"] == 250
    assert found["benchmark"] == "S&P 500"
    assert found["as_of"].startswith("2010-01")
    assert found.keys() == EXAMPLES["RiskAnalysisOut"].keys()


def test_an_analysis_after_a_fill_is_of_the_new_holdings(eve: Person, late: Live) -> None:
    before = eve.get("/risk/analysis")
    eve.order(symbol="GOOG", qty="20")
    late.step()
    after = eve.get("/risk/analysis")
    assert {one["symbol"] for one in after["positions"]} == {"AAPL", "GOOG", "IBM", "MSFT"}
    assert after["var"] != before["var"]


def test_several_days_and_another_benchmark(eve: Person) -> None:
    one, ten = (eve.get("/risk/analysis", horizon=horizon, benchmark="IBM") for horizon in (1, 10))
    assert D(ten["var"]["amount"]) > D(one["var"]["amount"])
    assert one["benchmark"] == "IBM"
    assert ten["interval_of"] == "paths"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"level": "1"}, 422), ({"level": "nan"}, 422), ({"level": "0"}, 422), ({"horizon": "0"}, 422),
        ({"method": "guess"}, 422), ({"days": "10"}, 422), ({"volume_share": "2"}, 422),
        ({"benchmark": "SPY"}, 404), ({"account_id": "0198c7a2-5e1f-7d3a-9b1c-2f6f5f0e8a11"}, 404),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_in_words(eve: Person, asked: dict[str, str], status: int) -> None:
    found = eve.get("/risk/analysis", status, **asked)
    assert found["detail"]


def test_a_new_account_is_told_that_it_holds_nothing(late: Live) -> None:
    with late.person() as new:
        found = new.get("/risk/analysis")
        assert found["var"] is None
        assert [one["code"] for one in found["reasons"]] == ["nothing_held"]
        assert new.get("/risk/scenarios")["scenarios"][0]["profit"] == "0"


def test_scenarios_of_the_past_and_of_ones_own(eve: Person) -> None:
    found = eve.get("/risk/scenarios", lose=0.1)
    assert [one["name"] for one in found["scenarios"]] == [
        "dotcom-2000", "credit-2008", "euro-2011", "rates-2018", "covid-2020",
    ]  # fmt: skip
    assert all(D(one["profit"]) < 0 for one in found["scenarios"])
    assert found["reverse"]["share"] == 0.1
    own = eve.post("/risk/scenarios", {"name": "chips", "market": -0.1, "symbols": {"AAPL": -0.3}}, 200)
    assert own["positions"][0]["move"] == -0.3
    assert own.keys() == EXAMPLES["ScenarioOut"].keys()
    for wrong in (
        {},
        {"market": -2},
        {"symbols": {"TSLA": -0.1}},
        {"sectors": {"Energy": -0.1}},
        {"shock": 1},
    ):
        assert eve.post("/risk/scenarios", wrong, 422)["detail"]
    assert eve.get("/risk/scenarios", 422, lose="1.5")["detail"]


def test_sectors_are_those_of_the_platform(eve: Person, late: Live) -> None:
    with late.person("admin") as admin:
        admin.put("/admin/limits", {"limits": {}, "sectors": {"AAPL": "Hardware", "MSFT": "Software"}})
    own = eve.post("/risk/scenarios", {"sectors": {"Software": -0.5}}, 200)
    assert {one["symbol"]: one["basis"] for one in own["positions"]} == {
        "AAPL": "none", "IBM": "none", "MSFT": "sector",
    }  # fmt: skip


def test_the_status_shows_limits_and_halts(eve: Person) -> None:
    found = eve.get("/risk/status")
    assert found["colour"] == "green"
    assert found.keys() == EXAMPLES["RiskStatusOut"].keys()
    assert found["limits"][0]["name"] == "max_order_value"
    eve.post("/risk/halt", {"detail": "lunch"}, 200)
    halted = eve.get("/risk/status")
    assert (halted["colour"], halted["halted"]) == ("red", "lunch")


def test_the_use_of_a_limit_over_time(eve: Person) -> None:
    found = eve.get("/risk/status/history", limit="gross")
    assert (found["name"], found["unit"]) == ("gross", "share of equity")
    assert found["items"][-1]["used"] > 0
    last = found["items"][-1]["time"]
    since = eve.get("/risk/status/history", limit="drawdown", **{"from": last})
    assert [one["time"] for one in since["items"]] == [last]
    problem = eve.get("/risk/status/history", 422, limit="orders_per_day")
    assert [one["field"] for one in problem["errors"]] == ["limit"]


def test_analyses_are_limited_as_such(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("limited") / "home"
    with opened(home, rate_risk="10/minute") as live, live.person() as person:
        for _ in range(4):
            person.get("/risk/analysis")
            person.get("/risk/scenarios")
        for _ in range(2):
            person.post("/risk/scenarios", {"market": -0.1}, 200)
        refused = person.get("/risk/analysis", 429)
        assert refused["code"] == "rate_limited"
        person.get("/risk/status")
