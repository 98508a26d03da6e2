"""The journal and the as-of views over a real port."""

from typing import Any

import pytest

from api.live import Live, Person

pytestmark = pytest.mark.integration


def test_events_are_paged_in_order_and_filtered(live: Live, ada: Person, bob: Person) -> None:
    bob.order()
    placed = ada.order()
    live.step()
    everything = ada.events()
    kinds = [event["type"] for event in everything]
    assert kinds == ["AccountOpened", "CashMoved", "OrderPlaced", "OrderFilled", "PortfolioRevalued"]
    assert everything[2]["actor"] == f"user:{ada.user.id}"
    assert everything[2]["data"]["order_id"] == placed["id"]
    assert everything[2]["data"]["qty"] == "10"
    seen, after = [], 0
    while True:
        page = ada.get("/events", after=after, limit=2)
        if not page["items"]:
            break
        seen += page["items"]
        after = page["next_after"]
    assert seen == everything
    assert page["next_after"] == after
    (filled,) = ada.get("/events", type="OrderFilled")["items"]
    assert filled == everything[3]
    assert ada.get("/events", 422, type="Nonsense")["errors"][0]["field"] == "type"
    assert not {event["position"] for event in everything} & {event["position"] for event in bob.events()}
    assert not any("@" in str(event["data"]) for event in everything)


def test_events_are_found_by_time_and_newest_first(live: Live, ada: Person) -> None:
    ada.order()
    live.step()
    everything = ada.events()
    newest = ada.get("/events", before=2**62, limit=2)
    assert newest["items"] == everything[:-3:-1]
    older = ada.get("/events", before=newest["next_before"], limit=500)
    assert older["items"] == everything[-3::-1]
    assert older["next_before"] is None
    filled = next(event for event in everything if event["type"] == "OrderFilled")
    later = [event for event in everything if event["time"] > everything[0]["time"]]
    assert ada.get("/events", time_after=everything[0]["time"])["items"] == later
    assert ada.get("/events", time_until=everything[0]["time"])["items"] == []
    assert ada.get("/events", type=["OrderFilled", "OrderExpired"])["items"] == [filled]
    assert ada.get("/events", recorded_until="2005-01-03")["items"] == []


def test_streams_are_those_of_the_caller(live: Live, ada: Person, bob: Person, admin: Person) -> None:
    mine = {f"account:{ada.user.account_id}", f"user:{ada.user.id}"}
    assert {event["stream"] for event in ada.get("/events", stream="all")["items"]} == mine
    assert {event["stream"] for event in ada.get("/events", stream="user")["items"]} == {
        f"user:{ada.user.id}"
    }
    (session,) = {event["stream"] for event in ada.get("/events", stream="session")["items"]}
    assert session == f"session:{live.platform.session.session_id}"
    assert ada.get("/events", 403, stream="rules")["code"] == "forbidden"
    assert {event["type"] for event in admin.get("/events", stream="rules")["items"]} == {"RulesChanged"}
    assert ada.get("/events", 422, stream=f"account:{bob.user.account_id}")["code"] == "invalid_value"


def test_an_account_is_seen_as_it_was(live: Live, ada: Person) -> None:
    order = ada.order()
    placed = ada.events()[-1]
    live.step()
    now = ada.account("/as-of")
    assert [one["symbol"] for one in now["positions"]] == ["MSFT"]
    assert now["account"] == ada.account()
    then = ada.account("/as-of", position=placed["position"])
    assert (then["position"], then["positions"]) == (placed["position"], [])
    assert (then["account"]["cash"], then["account"]["held"]) == ("100000", order["hold"])
    assert then["orders"] == [order]
    assert ada.account("/as-of", recorded_at=placed["recorded_at"]) == then
    assert ada.account("/as-of", position=now["position"])["account"] == now["account"]
    problem = ada.account("/as-of", 422, position=1, recorded_at="2005-01-03")
    assert problem["errors"][0]["field"] == "recorded_at"
    for params in ({"position": -1}, {"position": "x"}, {"recorded_at": "soon"}, {"position": 2**63}):
        assert ada.account("/as-of", 422, **params)["code"] == "invalid_value"


def test_before_an_account_there_was_none(live: Live, ada: Person) -> None:
    opened = ada.events()[0]
    assert ada.account("/as-of", 404, position=opened["position"] - 1)["code"] == "not_found"


def test_the_books_of_a_market_time(live: Live, ada: Person) -> None:
    begin = ada.get("/portfolio")["as_of"]
    ada.order()
    live.step()
    held = ada.get("/portfolio")
    live.step(3)
    ada.order(side="sell")
    live.step()
    books = ada.account("/books", market_time=held["as_of"])
    assert (books["cash"], books["equity"]) == (held["cash"], held["equity"])
    assert [(one["symbol"], one["qty"]) for one in books["positions"]] == [("MSFT", "10")]
    before = ada.account("/books", market_time=begin)
    assert (before["cash"], before["positions"]) == ("100000", [])
    known: dict[str, Any] = {"market_time": held["as_of"], "position": ada.events()[1]["position"]}
    assert ada.account("/books", **known)["cash"] == "100000"  # the fill was not on record yet
    assert ada.account("/books", 422)["errors"][0]["field"] == "market_time"
