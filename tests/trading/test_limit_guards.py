"""Looser limits wait for a second person; tried over a real port, and the words by themselves."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from api.live import Live, Person, opened
from api.test_inbox_endpoints import until
from servers import KINDS, database_url
from traderbot.model.rules import Limits
from traderbot.model.symbols import Symbol
from traderbot.trading.limit_guards import loosened

pytestmark = pytest.mark.integration

D = Decimal
RESTRICTED = Limits(restricted=frozenset({Symbol("A")}))


@pytest.fixture(scope="module", params=KINDS)
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("database")
    with database_url(request.param, folder) as url, opened(home, database_url=url) as built:
        yield built


@pytest.fixture
def ada(live: Live) -> Iterator[Person]:
    with live.person("admin", name="ada") as person:
        yield person


@pytest.fixture
def second(live: Live) -> Iterator[Person]:
    with live.person("admin", name="second") as person:
        yield person


def path(person: Person, more: str = "") -> str:
    return f"/accounts/{person.user.account_id}/limits{more}"


def guarded(person: Person, **limits: Any) -> None:
    person.put(path(person), limits)
    assert person.put(path(person, "/second-person"), {"needed": True})["second_person"] is True


def decide(person: Person, whose: Person, what: str, status: int = 200) -> Any:
    waiting = whose.get(path(whose))["waiting"]
    seen = {"asked_at": waiting["asked_at"] if waiting else "2005-01-03"}
    return person.post(f"/admin/limit-requests/{whose.user.account_id}/{what}", seen, status)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (Limits(), Limits(gross=D(1)), []),
        (Limits(gross=D(1)), Limits(), ["gross"]),
        (Limits(gross=D(1)), Limits(gross=D("1.1")), ["gross"]),
        (Limits(gross=D(1)), Limits(gross=D("0.9")), []),
        (Limits(orders_per_day=5), Limits(orders_per_day=6), ["orders_per_day"]),
        (Limits(no_shorting=True), Limits(), ["no_shorting"]),
        (Limits(), Limits(no_shorting=True, halt_on_breach=True), []),
        (Limits(halt_on_breach=True), Limits(daily_loss=D("0.1")), ["halt_on_breach"]),
        (
            Limits(restricted=frozenset({Symbol("A")})),
            Limits(restricted=frozenset({Symbol("B")})),
            ["restricted"],
        ),
    ],
)
def test_what_binds_less_is_looser(before: Limits, after: Limits, found: list[str]) -> None:
    assert loosened(before, after) == found


def test_without_a_guard_limits_are_ones_own(ada: Person) -> None:
    ada.put(path(ada), {"order_qty": "5"})
    found = ada.put(path(ada), {})
    assert (found["account"]["order_qty"], found["second_person"], found["waiting"]) == (None, False, None)


def test_tighter_limits_count_at_once_and_looser_ones_once_approved(ada: Person, second: Person) -> None:
    guarded(ada, order_qty="5")
    assert ada.put(path(ada), {"order_qty": "4"})["account"]["order_qty"] == "4"
    found = ada.put(path(ada), {"order_qty": "50"}, 202)
    assert found["account"]["order_qty"] == "4"
    assert found["waiting"]["loosened"] == ["order_qty"]
    assert ada.order(422, qty="10")["code"] == "order_qty_limit"
    assert decide(ada, ada, "approve", 403)["code"] == "forbidden"
    (waiting,) = [
        one
        for one in second.get("/admin/limit-requests")["items"]
        if one["account_id"] == str(ada.user.account_id)
    ]
    assert waiting == found["waiting"]
    assert decide(second, ada, "approve") == waiting
    after = ada.get(path(ada))
    assert (after["account"]["order_qty"], after["waiting"]) == ("50", None)
    ada.order(qty="10")
    changes = ada.get("/events/search", type="LimitsChanged")["items"]
    assert changes[0]["metadata"]["actor"] == f"user:{second.user.id}"
    until(ada, "limits_guard")
    assert decide(second, ada, "approve", 404)["code"] == "not_found"


def test_what_is_rejected_or_withdrawn_changes_nothing(ada: Person, second: Person) -> None:
    guarded(ada, order_qty="5")
    ada.put(path(ada), {}, 202)
    decide(second, ada, "reject")
    ada.put(path(ada), {}, 202)
    assert ada.delete(path(ada, "/waiting"))["waiting"] is None
    assert ada.delete(path(ada, "/waiting"), 404)["code"] == "not_found"
    assert ada.get(path(ada))["account"]["order_qty"] == "5"
    found = ada.get("/events/search", type="LimitsGuardChanged")["items"]
    assert [one["data"]["what"] for one in found[::-1]] == [
        "needed",
        "asked",
        "rejected",
        "asked",
        "withdrawn",
    ]


def test_nobody_approves_what_they_have_not_seen(ada: Person, second: Person) -> None:
    guarded(ada, order_qty="5")
    seen = ada.put(path(ada), {"order_qty": "6"}, 202)["waiting"]["asked_at"]
    ada.put(path(ada), {}, 202)
    approve = f"/admin/limit-requests/{ada.user.account_id}/approve"
    assert second.post(approve, {"asked_at": seen}, 409)["code"] == "conflict"
    assert ada.get(path(ada))["account"]["order_qty"] == "5"


def test_tightening_takes_back_what_waits(ada: Person, second: Person) -> None:
    guarded(ada, order_qty="5")
    ada.put(path(ada), {"order_qty": "6"}, 202)
    assert ada.put(path(ada), {"order_qty": "3"})["waiting"] is None
    assert decide(second, ada, "approve", 404)["code"] == "not_found"


def test_the_guard_itself_goes_only_with_a_second_person(ada: Person, second: Person) -> None:
    guarded(ada, order_qty="5")
    found = ada.put(path(ada, "/second-person"), {"needed": False}, 202)
    assert (found["second_person"], found["waiting"]["lift"]) == (True, True)
    decide(second, ada, "approve")
    assert ada.get(path(ada))["second_person"] is False
    assert ada.put(path(ada), {})["account"]["order_qty"] is None


def test_only_administrators_decide_and_strangers_see_nothing(live: Live, ada: Person) -> None:
    guarded(ada, order_qty="5")
    ada.put(path(ada), {}, 202)
    with live.person() as trader:
        assert decide(trader, ada, "approve", 403)["code"] == "forbidden"
        assert trader.get("/admin/limit-requests", 403)["code"] == "forbidden"
        assert trader.put(path(ada, "/second-person"), {"needed": False}, 404)["code"] == "not_found"
        assert trader.delete(path(ada, "/waiting"), 404)["code"] == "not_found"
