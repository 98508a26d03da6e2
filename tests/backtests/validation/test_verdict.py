"""Each check decides on its own, and the worst of them is the verdict."""

import msgspec
import pytest

from traderbot.backtests.validation.verdict import (
    Evidence,
    Outcome,
    Standing,
    Thresholds,
    verdict,
)

pytestmark = pytest.mark.unit

GOOD = Evidence(
    looks=8,
    ahead=[],
    warm_up=1.0,
    trades=200,
    sharpe=1.5,
    probable=0.999,
    record=2000,
    record_needed=700.0,
    trials=100,
    independent=30.0,
    luck=0.4,
    deflated=0.98,
    overfitting=0.05,
    loss=0.02,
    forward=1.1,
    efficiency=0.8,
    path=0.6,
    neighbours=0.9,
    noise=1.4,
    missed=1.3,
    costs=1.2,
    bootstrap_loss=0.01,
    baseline="buy and hold",
    better=0.7,
    p_value=0.01,
    filled=1.0,
    capacity=100,
)


def test_everything_passed_is_promoted() -> None:
    found = verdict(GOOD)
    assert found.standing is Standing.PROMOTE
    assert found.words == "Promote: every check passed."
    assert {check.outcome for check in found.checks} == {Outcome.PASSED}
    assert all(check.why.endswith(".") for check in found.checks)


@pytest.mark.parametrize(
    ("field", "watched", "rejected", "name"),
    [
        ("warm_up", 0.9, 0.8, "warm-up"),
        ("trades", 10, 1, "round trips"),
        ("probable", 0.9, 0.4, "Sharpe ratio above 0"),
        ("deflated", 0.9, 0.6, "deflated Sharpe ratio, 100 trials"),
        ("forward", 0.1, -0.1, "walk-forward Sharpe ratio"),
        ("neighbours", 0.3, -0.5, "neighbouring parameters"),
        ("noise", 0.3, -0.1, "noise on prices"),
        ("missed", 0.3, 0.0, "missed fills"),
        ("bootstrap_loss", 0.2, 0.6, "bootstrap that loses"),
        ("filled", 0.9, 0.4, "filled as asked"),
    ],
)
def test_a_check_has_two_thresholds(field: str, watched: float, rejected: float, name: str) -> None:
    for value, standing in ((watched, Standing.WATCH), (rejected, Standing.REJECT)):
        found = verdict(msgspec.structs.replace(GOOD, **{field: value}))
        assert found.standing is standing
        assert found.words.startswith(f"{standing.capitalize()}: {name} (")
        assert [check.name for check in found.checks if check.outcome is not Outcome.PASSED] == [name]


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("record", 600, "track record"),
        ("record_needed", None, "track record"),
        ("efficiency", 0.1, "walk-forward efficiency"),
        ("path", -0.1, "worst path of cross-validation"),
        ("costs", -0.1, "Sharpe ratio at twice the costs"),
        ("p_value", 0.2, "better than the baselines"),
        ("capacity", 1, "capacity, times the money"),
    ],
)
def test_what_only_asks_for_watching(field: str, value: float | None, name: str) -> None:
    found = verdict(msgspec.structs.replace(GOOD, **{field: value}))
    assert found.standing is Standing.WATCH
    assert name in found.words


def test_looking_ahead_is_told_first_and_needs_no_other_figure() -> None:
    found = verdict(Evidence(looks=8, ahead=["sly: at the bar of 2000-01-05T21:00:00Z, AAA: bought"]))
    assert found.standing is Standing.REJECT
    assert "2000-01-05T21:00:00Z, AAA" in found.words
    others = {check.outcome for check in found.checks[1:]}
    assert others == {Outcome.UNMEASURED}


@pytest.mark.parametrize(
    ("overfitting", "loss", "outcome"),
    [
        (0.5, 0.05, Outcome.PASSED),  # all parameters are about as good, and none loses
        (0.1, 0.5, Outcome.PASSED),
        (0.3, 0.2, Outcome.WATCH),
        (0.5, 0.2, Outcome.WATCH),
        (0.5, 0.5, Outcome.REJECTED),
        (None, None, Outcome.UNMEASURED),
    ],
)
def test_overfitting_needs_both_a_low_rank_and_losses(
    overfitting: float | None, loss: float | None, outcome: Outcome
) -> None:
    found = verdict(msgspec.structs.replace(GOOD, overfitting=overfitting, loss=loss))
    assert {check.name: check.outcome for check in found.checks}["overfitted"] is outcome


def test_overfitting_is_told_in_splits() -> None:
    found = verdict(msgspec.structs.replace(GOOD, overfitting=0.44, loss=0.3))
    told = {check.name: check for check in found.checks}["overfitted"]
    assert told.value == "in 44 of 100 splits the chosen set fell below the median, in 30 it lost"
    assert told.threshold == "below in at most 20, or lost in at most 10"
    assert f"overfitted ({told.value})" in found.words
    rare = verdict(msgspec.structs.replace(GOOD, overfitting=0.001, loss=0.0))
    told = {check.name: check for check in rare.checks}["overfitted"]
    assert told.value == "in under 1 of 100 splits the chosen set fell below the median, in 0 it lost"


def test_surely_worse_than_holding_is_rejected() -> None:
    assert verdict(msgspec.structs.replace(GOOD, better=-0.7, p_value=0.01)).standing is Standing.REJECT
    assert verdict(msgspec.structs.replace(GOOD, better=-0.7, p_value=0.3)).standing is Standing.WATCH
    assert verdict(msgspec.structs.replace(GOOD, better=None, p_value=None)).standing is Standing.PROMOTE


def test_thresholds_are_the_callers() -> None:
    strict = Thresholds(deflated=0.99)
    assert verdict(GOOD, strict).standing is Standing.WATCH
    assert "at least 99.0%" in {check.threshold for check in verdict(GOOD, strict).checks}


def test_what_only_shifts_its_parts_is_watched_for_its_few_round_trips_not_rejected() -> None:
    found = verdict(msgspec.structs.replace(GOOD, trades=0, fills=400))
    assert (found.standing, found.words) == (Standing.WATCH, "Watch: round trips (0).")
    assert verdict(msgspec.structs.replace(GOOD, trades=0, fills=1)).standing is Standing.REJECT
