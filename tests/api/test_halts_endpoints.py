"""Halts over a real port: of an account, of a symbol, of the platform; two steps to lift one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from api.live import Live, Person

pytestmark = pytest.mark.integration


@contextmanager
def platform_halted(admin: Person, **body: Any) -> Iterator[None]:
    """The platform halted, and whatever happens running again for the other tests."""
    admin.post("/admin/halts", {"detail": "fire drill", **body}, 200)
    try:
        yield
    finally:
        code = admin.post("/admin/halts/resume-request", body, 200)["code"]
        admin.post("/admin/halts/resume", {"code": code, **body}, 200)


def test_a_paused_account_places_nothing_and_still_cancels(live: Live, ada: Person, bob: Person) -> None:
    order_id = ada.order(type="limit", limit_price="20", time_in_force="gtc")["id"]
    halted = {"scope": "account", "halted": "enough", "symbols": {}}
    assert ada.post("/risk/halt", {"detail": "enough"}, 200) == halted
    assert ada.post("/risk/halt", {"detail": "more"}, 409)["code"] == "already_halted"
    refused = ada.order(422)
    assert refused["code"] == "account_halted"
    assert ada.patch(f"/orders/{order_id}", {"qty": "5"}, 422)["code"] == "account_halted"
    assert ada.get("/portfolio")["halted"] == "enough"
    assert ada.get("/risk/halt") == halted
    assert bob.order()["status"] == "new"
    assert ada.delete(f"/orders/{order_id}")["status"] == "canceled"
    assert ada.delete("/orders") == {"items": []}
    assert ada.resume()["halted"] is None
    assert ada.post("/risk/halt/resume-request", {}, 409)["code"] == "not_halted"
    assert ada.order()["status"] == "new"


def test_a_halt_is_lifted_by_its_own_code_only(live: Live, ada: Person, bob: Person) -> None:
    for person in (ada, bob):
        person.post("/risk/halt", {"detail": "enough"}, 200)
    assert ada.post("/risk/halt/resume", {"code": "guess"}, 409)["code"] == "resume_not_requested"
    theirs = bob.post("/risk/halt/resume-request", {}, 200)["code"]
    mine = ada.post("/risk/halt/resume-request", {}, 200)["code"]
    assert ada.post("/risk/halt/resume", {"code": theirs}, 409)["code"] == "resume_not_requested"
    again = ada.post("/risk/halt/resume-request", {}, 200)["code"]
    assert ada.post("/risk/halt/resume", {"code": mine}, 409)["code"] == "resume_not_requested"
    assert ada.post("/risk/halt", {"detail": "not yet"}, 200)["halted"] == "not yet"  # takes the code back
    assert ada.post("/risk/halt/resume", {"code": again}, 409)["code"] == "resume_not_requested"
    assert ada.order(422)["code"] == "account_halted"


def test_a_halted_symbol_leaves_the_others(live: Live, ada: Person) -> None:
    halted = ada.post("/risk/halt", {"detail": "odd prices", "symbol": "MSFT"}, 200)
    assert halted == {"scope": "account", "halted": None, "symbols": {"MSFT": "odd prices"}}
    assert ada.order(422)["code"] == "symbol_halted"
    assert ada.order(symbol="IBM")["status"] == "new"
    assert ada.post("/risk/halt/resume-request", {}, 409)["code"] == "not_halted"
    assert ada.resume(symbol="MSFT")["symbols"] == {}
    assert ada.order()["status"] == "new"


def test_the_platform_halts_for_everybody_and_by_admins_only(
    live: Live, ada: Person, bob: Person, admin: Person
) -> None:
    for path, body in (
        ("", {"detail": "x"}), ("/resume-request", {}), ("/resume", {"code": "x"})
    ):  # fmt: skip
        assert ada.post(f"/admin/halts{path}", body, 403)["code"] == "forbidden"
    assert ada.get("/admin/halts", 403)["code"] == "forbidden"
    order_id = ada.order(type="limit", limit_price="20", time_in_force="gtc")["id"]
    with platform_halted(admin):
        assert admin.get("/admin/halts") == {"scope": "platform", "halted": "fire drill", "symbols": {}}
        assert admin.post("/admin/halts", {"detail": "more"}, 409)["code"] == "already_halted"
        assert admin.post("/admin/halts/resume", {"code": "x"}, 409)["code"] == "resume_not_requested"
        for person in (ada, bob):
            assert person.order(422)["code"] == "platform_halted"
            assert person.post("/risk/halt/resume-request", {}, 409)["code"] == "not_halted"
        assert ada.delete(f"/orders/{order_id}")["status"] == "canceled"
    assert admin.post("/admin/halts/resume-request", {}, 409)["code"] == "not_halted"
    with platform_halted(admin, symbol="MSFT"):
        assert ada.order(422)["code"] == "symbol_halted"
        assert ada.order(symbol="IBM")["status"] == "new"
    assert ada.order()["status"] == "new"


@pytest.mark.parametrize(
    "body",
    [
        {}, {"detail": ""}, {"detail": "x" * 201}, {"detail": 1}, {"detail": "x", "at": 1},
        {"detail": "x", "symbol": "msft"}, {"reason": "x"},
    ],
)  # fmt: skip
def test_a_halt_needs_a_reason(ada: Person, admin: Person, body: Any) -> None:
    assert ada.post("/risk/halt", body, 422)["code"] == "invalid_value"
    assert admin.post("/admin/halts", body, 422)["code"] == "invalid_value"
    assert ada.get("/portfolio")["halted"] is None


def test_who_halted_is_on_record(live: Live, ada: Person) -> None:
    ada.post("/risk/halt", {"detail": "enough"}, 200)
    ada.resume()
    kinds = ["TradingPaused", "ResumeRequested", "TradingResumed"]
    events = ada.events()[-3:]
    assert [event["type"] for event in events] == kinds
    assert {event["actor"] for event in events} == {f"user:{ada.user.id}"}
