"""Verdicts over a real port, worked out in real processes: the very record that the command writes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.live import Live, Person, opened
from api.test_backtests_endpoints import ASKED, done
from api.test_sweeps_endpoints import compile_kernels, swept
from api.test_websocket import line
from backtests.unruly import offer
from traderbot.backtests.submitted import repository
from traderbot.backtests.validation.record import about, decoded, require
from traderbot.backtests.validation.verdict import Standing
from traderbot.cli.main import app
from traderbot.model.errors import Conflict
from traderbot.strategies.catalogue import CATALOGUE

pytestmark = pytest.mark.integration

QUICK = {"quick": True, "trials": 4}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A platform that runs backtests."""
    compile_kernels()
    with opened(tmp_path_factory.mktemp("home"), backtest_queue=3) as built:
        for duty in built.platform.on_duty:
            if duty.name.startswith("backtests"):
                duty.start()
        yield built


def validated(live: Live, person: Person, backtest_id: str, **body: Any) -> Any:
    """Ask for a validation and follow it to its end; the frames heard, and what came out."""
    with line(live, person.token) as wire:
        wire.subscribe("backtests")
        asked = person.post(f"/backtests/{backtest_id}/validation", QUICK | body, 202)
        frames = wire.until(type="validation")
        while frames[-1]["data"]["status"] not in ("done", "failed"):
            frames.append(wire.hear())
    assert {frame["data"]["id"] for frame in frames} == {asked["id"]}
    assert {frame["data"]["backtest_id"] for frame in frames} == {backtest_id}
    return frames, person.get(f"/backtests/{backtest_id}/validation")


def test_a_verdict_with_its_reasons_is_that_of_the_command(live: Live, ada: Person, tmp_path: Path) -> None:
    backtest = done(ada, end=f"{ASKED['end']}T23:59:59Z")
    path = f"/backtests/{backtest['id']}/validation"
    assert ada.get(path, 404)["detail"] == "It was not validated."
    assert backtest["verdict"] is None
    _, found = validated(live, ada, backtest["id"], tried=7)
    assert (found["status"], found["backtest_id"], found["tried"]) == ("done", backtest["id"], 7)
    assert found["verdict"] in ("promote", "watch", "reject")
    assert found["words"].startswith(found["verdict"].capitalize())
    names = {check["name"].partition(",")[0] for check in found["checks"]}
    assert {"deflated Sharpe ratio", "walk-forward Sharpe ratio", "track record"} <= names
    assert all(check["why"] for check in found["checks"])
    assert {"deflated", "overfitting", "forward", "record_needed"} <= found["figures"].keys()
    assert [one["anchored"] for one in found["walk_forward"]] == [True, False]
    assert "buy and hold" in {one["name"] for one in found["baselines"]}
    curve = found["curve"]
    assert len(curve["times"]) == len(curve["equity"]) == len(curve["baseline"]) > 100
    assert ada.get(f"/backtests/{backtest['id']}")["verdict"] == found["verdict"]
    assert ada.get("/backtests")["items"][0]["verdict"] == found["verdict"]
    content = ada.client.get(f"/api/v1{path}/report").content
    assert content == by_the_command(live, tmp_path, "--tried", "7")
    strategy = CATALOGUE["moving-average"](**ASKED["parameters"])
    wanted = about(strategy, strategy.values())
    if found["verdict"] == "reject":
        with pytest.raises(Conflict, match="the validation says reject"):
            require(decoded(content), wanted, Standing.WATCH)
    require(decoded(content), wanted, Standing.REJECT)


def test_progress_is_told_on_the_way(
    live: Live, ada: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, tmp_path)
    backtest = done(ada, strategy="tarries", parameters={})
    frames, found = validated(live, ada, backtest["id"])
    assert found["status"] == "done", found
    progress = [frame["data"]["progress"] for frame in frames]
    assert progress == sorted(progress)
    assert any(0 < one < 1 for one in progress)


def test_frames_of_another_are_never_heard(live: Live, ada: Person, bob: Person) -> None:
    with line(live, bob.token) as wire:
        wire.subscribe("backtests")
        backtest = done(ada)
        validated(live, ada, backtest["id"])
        swept(ada)
        own = bob.post("/backtests", ASKED, 202)["id"]
        frames = wire.until(type="backtest")
        while frames[-1]["data"]["status"] not in ("done", "failed"):
            frames.append(wire.hear())
        assert {frame["data"]["id"] for frame in [*frames, *wire.quiet()]} == {own}


def by_the_command(live: Live, folder: Path, *more: str) -> bytes:
    """The record that `traderbot backtest validate` writes of the same run."""
    values = [part for name, value in ASKED["parameters"].items() for part in ("--param", f"{name}={value}")]
    window = ["--symbols", "MSFT", "--start", ASKED["start"], "--end", ASKED["end"]]
    limits = ["--quick", "--trials", "4", "--cash", ASKED["cash"], *more]
    home = ["--home", str(live.platform.settings.home), "--out", str(folder)]
    result = CliRunner().invoke(
        app, ["backtest", "validate", "moving-average", *values, *window, *limits, *home]
    )
    assert "written" in result.output, result.output
    return (folder / "validation.json").read_bytes()


def test_the_files_of_a_record(live: Live, ada: Person) -> None:
    backtest = done(ada)
    validated(live, ada, backtest["id"])
    path = f"/backtests/{backtest['id']}/validation/report"
    answer = ada.client.get(f"/api/v1{path}", params={"format": "html"})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="validation.html"'
    assert "Validation of moving-average" in answer.text
    assert ada.get(path, 422, format="pdf")["code"] == "invalid_value"


def test_one_is_validated_once_at_a_time_and_cancelled(
    live: Live, ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    backtest = done(ada)
    path = f"/backtests/{backtest['id']}/validation"
    monkeypatch.setattr(repository, "next_waiting", lambda connection: None)  # it stays in the queue
    asked = ada.post(path, QUICK, 202)
    assert asked["status"] == "queued"
    assert "being validated already" in ada.post(path, QUICK, 409)["detail"]
    assert ada.get(f"{path}/report", 409)["code"] == "conflict"
    for refused in (bob.get(path, 404), bob.get(f"{path}/report", 404), bob.post(f"{path}/cancel", {}, 404)):
        assert refused["code"] == "not_found"
    assert bob.post(path, QUICK, 404)["code"] == "not_found"
    assert ada.get(f"/backtests/{asked['id']}", 404)["code"] == "not_found"  # it is no backtest
    assert ada.client.delete(f"/api/v1/backtests/{asked['id']}").status_code == 404
    assert ada.post(f"{path}/cancel", {}, 200)["status"] == "cancelled"
    assert ada.post(f"{path}/cancel", {}, 409)["detail"] == "it is cancelled already"
    assert ada.get(path)["verdict"] is None
    assert ada.client.delete(f"/api/v1/backtests/{backtest['id']}").status_code == 204
    assert ada.get(path, 404)["detail"] == "No such backtest."


def test_what_is_not_done_cannot_be_validated(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "next_waiting", lambda connection: None)
    waiting = ada.post("/backtests", ASKED, 202)
    problem = ada.post(f"/backtests/{waiting['id']}/validation", QUICK, 409)
    assert problem["detail"] == "it is queued; a backtest is validated once it is done"
    assert ada.client.delete(f"/api/v1/backtests/{waiting['id']}").status_code == 204


@pytest.mark.parametrize("body", [{"trials": 0}, {"trials": 501}, {"tried": -1}, {"seed": "1"}, {"what": 1}])
def test_a_validation_that_cannot_be_names_its_field(ada: Person, body: dict[str, Any]) -> None:
    some = "0198c7a2-7b20-7c11-8a52-3f9d6e4b1a70"
    problem = ada.post(f"/backtests/{some}/validation", body, 422)
    assert [error["field"] for error in problem["errors"]] == list(body)


def test_a_failed_one_leaves_the_earlier_verdict(live: Live, ada: Person) -> None:
    backtest = done(ada)
    _, first = validated(live, ada, backtest["id"])
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patched:
        patched.setattr(repository, "next_waiting", lambda connection: None)
        ada.post(f"/backtests/{backtest['id']}/validation", QUICK, 202)
        ada.post(f"/backtests/{backtest['id']}/validation/cancel", {}, 200)
    assert ada.get(f"/backtests/{backtest['id']}")["verdict"] == first["verdict"]
    _, again = validated(live, ada, backtest["id"], seed=1)
    assert again["id"] != first["id"]
    assert ada.get(f"/backtests/{backtest['id']}/validation")["seed"] == 1


def test_a_short_backtest_fails_with_words(live: Live, ada: Person) -> None:
    backtest = done(ada, start="2005-01-03", end="2005-03-15")
    _, found = validated(live, ada, backtest["id"])
    assert found["status"] == "failed"
    assert "60 rows or more" in found["error"]
    assert ada.get(f"/backtests/{backtest['id']}")["verdict"] is None
