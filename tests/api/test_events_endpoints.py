"""Search of the journal over a real port: one's own, and everybody's for administrators."""

import pytest

from api.live import Live, Person
from traderbot.model.events import EVENT_TYPES

pytestmark = pytest.mark.integration


def test_one_finds_ones_own_by_cursor_and_nobody_elses(live: Live, ada: Person, bob: Person) -> None:
    bob.order()
    placed = ada.order()
    live.step()
    everything = ada.get("/events/search")["items"]
    mine = {f"account:{ada.user.account_id}", f"user:{ada.user.id}"}
    assert {event["stream"] for event in everything} == mine
    positions = [event["position"] for event in everything]
    assert positions == sorted(positions, reverse=True)
    seen, cursor = [], None
    while True:
        page = ada.get("/events/search", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == everything
    (order,) = ada.get("/events/search", type="OrderPlaced")["items"]
    assert order["data"]["order_id"] == placed["id"]
    correlation = order["metadata"]["correlation"]
    assert correlation == order["metadata"]["request"]
    assert ada.get("/events/search", correlation=correlation)["items"] == [order]
    assert bob.get("/events/search", correlation=correlation)["items"] == []
    first = ada.get("/events/search", limit=1)["next_cursor"]
    assert bob.get("/events/search", 422, limit=1, cursor=first)["errors"][0]["field"] == "cursor"


def test_an_account_of_somebody_else_is_as_one_that_is_not_there(ada: Person, bob: Person) -> None:
    theirs = ada.get("/events/search", account_id=bob.user.account_id)
    assert theirs == ada.get("/events/search", account_id="0198c7a2-5e1f-7d3a-9b1c-2f6f5f0e8a11")
    assert theirs["items"] == []


def test_everything_is_for_administrators(ada: Person, bob: Person, admin: Person) -> None:
    assert ada.get("/admin/events", 403)["code"] == "forbidden"
    stream = f"account:{bob.user.account_id}"
    assert {event["stream"] for event in admin.get("/admin/events", stream=stream)["items"]} == {stream}
    assert len({event["stream"] for event in admin.get("/admin/events")["items"]}) > 2
    assert admin.get("/admin/events", 422, type="Nonsense")["errors"][0]["field"] == "type"


def test_the_schemas_are_served(ada: Person) -> None:
    answer = ada.client.get("/api/v1/events/schemas")
    assert answer.headers["content-type"] == "application/schema+json"
    assert answer.json()["properties"]["type"]["enum"] == sorted(EVENT_TYPES)
