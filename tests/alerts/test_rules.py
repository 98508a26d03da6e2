"""When a rule raises its alert, when that is over, and what a rule may be."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderbot.alerts.rules import AlertRule, Measured, Standing, body_of, checked, judge
from traderbot.infra.ids import new_id
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.unit

D = Decimal
SECOND = 1_000_000


def rule(**changed: Any) -> AlertRule:
    usual: dict[str, Any] = {
        "id": new_id(), "user_id": new_id(), "account_id": None, "name": "rule", "metric": "price",
        "symbol": Symbol("AAA"), "direction": "above", "threshold": D(10), "rearm": D(9), "cool_down_s": 0,
        "bars": None, "level": None, "part": None, "severity": "warning", "enabled": True, "revision": 1,
        "since": 0,
    }  # fmt: skip
    return AlertRule(**(usual | changed))


def follow(one: AlertRule, values: list[Any], step: int = SECOND) -> list[str]:
    """What each value did, one a second."""
    standing, done = Standing(), []
    for at, value in enumerate(values):
        move = judge(one, standing, D(value), at * step)
        if move is None:
            done.append("-")
        elif move.kind == "raise":
            standing = standing._replace(open_alert=one.id, raised_at=at * step)
            done.append("raise")
        else:
            standing = standing._replace(open_alert=None)
            done.append("resolve")
    return done


def test_an_alert_is_raised_at_the_threshold_and_over_beyond_the_rearm_level() -> None:
    assert follow(rule(), [9, 10, "9.5", 9, "8.9", "9.5", 11]) == [
        "-",
        "raise",
        "-",
        "-",
        "resolve",
        "-",
        "raise",
    ]


def test_below_is_the_mirror_of_above() -> None:
    below = rule(direction="below", rearm=D(11))
    assert follow(below, [11, 10, "10.5", 11, "11.1", 9]) == ["-", "raise", "-", "-", "resolve", "raise"]


def test_the_cool_down_holds_the_next_alert_back_and_does_not_lose_it() -> None:
    resting = rule(cool_down_s=4)
    assert follow(resting, [10, 8, 10, 10, 10, 8]) == ["raise", "resolve", "-", "-", "raise", "resolve"]


def test_a_session_that_begins_anew_is_not_held_back_by_what_lies_ahead_of_it() -> None:
    before = Standing(None, raised_at=100 * SECOND)
    assert judge(rule(cool_down_s=10), before, D(10), 105 * SECOND) is None
    assert judge(rule(cool_down_s=10), before, D(10), 5 * SECOND) is not None


@given(st.lists(st.integers(0, 20), min_size=1, max_size=60), st.integers(0, 5), st.integers(0, 10))
def test_whatever_the_values_alerts_come_and_go_in_turn_and_rest_between(
    values: list[int], cool_down: int, rearm: int
) -> None:
    done = follow(rule(cool_down_s=cool_down, rearm=D(rearm)), values)
    moves = [(at, what) for at, what in enumerate(done) if what != "-"]
    assert [what for _, what in moves] == (["raise", "resolve"] * len(moves))[: len(moves)]
    raised = [at for at, what in moves if what == "raise"]
    assert all(later - earlier >= cool_down for earlier, later in pairwise(raised))
    assert all(values[at] >= 10 for at in raised)
    assert all(values[at] < rearm for at, what in moves if what == "resolve")


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("symbol", {"symbol": None}),
        ("symbol", {"metric": "equity", "account_id": new_id()}),
        ("account_id", {"account_id": new_id()}),
        ("account_id", {"metric": "weight"}),
        ("bars", {"bars": 5}),
        ("bars", {"metric": "change", "bars": 261}),
        ("level", {"level": D("0.95")}),
        ("level", {"metric": "var", "symbol": None, "account_id": new_id(), "level": D("0.3")}),
        ("part", {"part": "gross"}),
        ("part", {"metric": "limit", "symbol": None, "account_id": new_id(), "part": "restricted"}),
        ("rearm", {"rearm": D(11)}),
        ("rearm", {"direction": "below"}),
        ("threshold", {"threshold": D(-1), "rearm": D(-2)}),
        ("threshold", {"metric": "sentiment", "threshold": D(2), "rearm": D(1)}),
    ],
)
def test_what_a_metric_cannot_be_asked_with_is_refused_by_name(field: str, changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue) as refused:
        checked(rule(**changed))
    assert refused.value.field == field


def test_what_is_left_out_is_filled_in() -> None:
    assert checked(rule(metric="volume")).bars == 20
    assert checked(rule(metric="change")).bars == 1
    assert checked(rule(metric="var", symbol=None, account_id=new_id())).level == D("0.95")


def test_an_alert_says_what_was_measured_against_what() -> None:
    assert body_of(rule(), Measured(D("10.5"))) == "AAA price: 10.5, at or above 10."
    change = msgspec.structs.replace(rule(metric="change", direction="below", threshold=D("-0.05")), bars=3)
    assert body_of(change, Measured(D("-0.0512345678"))) == (
        "AAA change of price over 3 bars: -0.051235, at or below -0.05."
    )
    heavy = rule(metric="weight", symbol=None, threshold=D("0.2"))
    assert body_of(heavy, Measured(D("0.25"), None, "BBB")) == "BBB weight of equity: 0.25, at or above 0.2."
