"""Sweeps over a real port, played in real processes: the figures of the same backtests, in pages."""

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from api.live import Live, Person, opened
from api.test_backtests_endpoints import done
from traderbot.backtests.submitted import repository
from traderbot.backtests.sweeping.search import Grid, Random, Tpe
from traderbot.backtests.sweeping.sweep import sweep
from traderbot.market.demo import build_demo
from traderbot.model.amounts import Money
from traderbot.simulation.costs import Costs
from traderbot.strategies.catalogue import CATALOGUE

pytestmark = pytest.mark.integration

WINDOW: dict[str, Any] = {"symbols": ["MSFT"], "cash": "50000"}
ASKED: dict[str, Any] = WINDOW | {
    "strategy": "moving-average-signal",
    "grid": {"fast": [5, 10, 30], "slow": [20, 60]},
}

SAME = {"fast": 5, "shares": 0}


def compile_kernels() -> None:
    """Have what is compiled be on disk, so that no process of a test waits for a compiler."""
    dataset, kind = build_demo(), CATALOGUE[ASKED["strategy"]]
    sweep(kind, [dataset.bars_of("MSFT").cursor()], Grid(kind, {"fast": [5]}), actions=dataset.actions)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A platform that runs backtests."""
    compile_kernels()
    with opened(tmp_path_factory.mktemp("home"), backtest_queue=3) as built:
        for duty in built.platform.on_duty:
            if duty.name.startswith("backtests"):
                duty.start()
        yield built


def swept(person: Person, **changed: Any) -> Any:
    asked = person.post("/backtests/sweeps", ASKED | changed, 202)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = person.get(f"/backtests/sweeps/{asked['id']}")
        if found["status"] not in ("queued", "running"):
            assert found["status"] == "done", found
            return found
        time.sleep(0.05)
    raise AssertionError(f"still {found}")


def test_a_sweep_has_the_figures_of_its_backtests_in_pages(ada: Person, bob: Person) -> None:
    found = swept(ada)
    assert (found["sets"], found["skipped"], found["failed"], found["progress"]) == (5, 1, 0, 1)
    path = f"/backtests/sweeps/{found['id']}"
    first = ada.get(f"{path}/results", limit=3)
    rest = ada.get(f"{path}/results", limit=3, cursor=first["next_cursor"])
    sets = first["items"] + rest["items"]
    assert rest["next_cursor"] is None
    assert sorted(one["number"] for one in sets) == list(range(5))
    assert [one["sharpe"] for one in sets] == sorted((one["sharpe"] for one in sets), reverse=True)
    assert sets[0]["number"] == found["best"]
    drawn = [one["max_drawdown"] for one in ada.get(f"{path}/results", by="max_drawdown")["items"]]
    assert drawn == sorted(drawn, reverse=True)
    assert drawn[0] <= 0
    alone = done(
        ada, **WINDOW, strategy=ASKED["strategy"], parameters=sets[0]["parameters"], start=None, end=None
    )
    assert alone["metrics"]["equity"] == sets[0]["equity"]
    assert ada.get("/backtests/sweeps")["items"] == [found]
    assert [one["id"] for one in ada.get("/backtests")["items"]] == [alone["id"]]  # a sweep is no backtest
    assert ada.get(f"/backtests/{found['id']}", 404)["code"] == "not_found"
    for refused in (bob.get(path, 404), bob.get(f"{path}/results", 404), bob.delete(path, 404)):
        assert refused["detail"] == "No such sweep."
    assert ada.client.delete(f"/api/v1{path}").status_code == 204
    assert ada.get(path, 404)["code"] == "not_found"


@pytest.mark.parametrize("search", ["random", "tpe"])
def test_sets_are_searched_as_by_the_command(ada: Person, search: str) -> None:
    asked = {"grid": {}, search: 20, "seed": 3, "by": "total_return", "parameters": SAME}
    found = swept(ada, **asked)
    assert (found["sets"], found[search], found["seed"], found["grid"]) == (20, 20, 3, {})
    path = f"/backtests/sweeps/{found['id']}/results"
    sets = ada.get(path, by="total_return")["items"]
    assert sets[0]["number"] == found["best"]
    assert all(one["parameters"].items() >= SAME.items() for one in sets)
    kind, dataset = CATALOGUE[ASKED["strategy"]], build_demo()
    own = {"random": Random, "tpe": Tpe}[search](kind, 20, 3, SAME)
    fees = Costs(*(Decimal(found[name]) / 10_000 for name in ("fee_bps", "slippage_bps")))
    same = sweep(
        kind,
        [dataset.bars_of("MSFT").cursor()],
        own,
        cash=Money(Decimal(50_000)),
        costs=fees,
        actions=dataset.actions,
        by="total_return",
    )
    assert [one.values for one in same.figures] == [
        one["parameters"] for one in sorted(sets, key=lambda one: one["number"])
    ]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"strategy": "buy-and-hold-of-mine"}, "strategy"),
        ({"strategy": "moving-average"}, "strategy"),  # acts at each bar, which no sweep compiles
        ({"grid": {}}, "grid"),
        ({"random": 5}, "grid"),  # beside a grid
        ({"grid": {}, "random": 5, "tpe": 5}, "grid"),
        ({"grid": {}, "random": 2_001}, "random"),
        ({"grid": {}, "tpe": 0}, "tpe"),
        ({"grid": {}, "random": 5, "parameters": {"fast": 5, "slow": 9, "shares": 1}}, "strategy"),
        ({"grid": {}, "tpe": 5, "by": "luck"}, "by"),
        ({"grid": {"colour": [1]}}, "grid.colour"),
        ({"grid": {"fast": []}}, "grid"),
        ({"grid": {"fast": [5, 5]}}, "grid.fast"),
        ({"grid": {"fast": ["5", "05"]}}, "grid.fast"),
        ({"grid": {"fast": [0]}}, "grid.fast"),
        ({"grid": {"fast": list(range(2, 100)), "slow": list(range(100, 130))}}, "grid"),
        ({"grid": {"fast": [60], "slow": [20]}}, "grid"),
        ({"parameters": {"fast": 5}}, "parameters.fast"),
        ({"parameters": {"hue": 5}}, "parameters.hue"),
        ({"data": "nasdaq"}, "data"),
    ],
)
def test_a_sweep_that_cannot_be_names_its_field(ada: Person, changed: dict[str, Any], field: str) -> None:
    problem = ada.post("/backtests/sweeps", ASKED | changed, 422)
    assert [error["field"] for error in problem["errors"]] == [field], problem


def test_one_that_waits_is_cancelled_and_asked_for_once(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "next_waiting", lambda connection: None)
    key = {"Idempotency-Key": "sweep"}
    asked = ada.post("/backtests/sweeps", ASKED, 202, **key)
    assert ada.post("/backtests/sweeps", ASKED, 202, **key) == asked
    path = f"/backtests/sweeps/{asked['id']}"
    assert ada.get(f"{path}/results", 409)["code"] == "conflict"
    assert ada.post(f"{path}/cancel", {}, 200)["status"] == "cancelled"
    assert ada.post(f"{path}/cancel", {}, 409)["detail"] == "it is cancelled already"
