"""Handlers and dead letters over a real port, and what administrators do about them."""

import time
from collections.abc import Iterator

import pytest

from api.live import Live, Person
from api.test_inbox_endpoints import until
from traderbot.infra.delivery import handler_records as records
from traderbot.infra.delivery.handler_records import Aside
from traderbot.infra.events.journal import read

pytestmark = pytest.mark.integration

HANDLER = "notify_preferences_changed"
PREFERENCES = {
    "risk_tolerance": "moderate",
    "investment_goal": "growth",
    "sector_preferences": [],
    "sector_exclusions": [],
}


@pytest.fixture
def letters(live: Live, ada: Person) -> Iterator[list[int]]:
    """Two dead letters about a user's own events, and one that waits."""
    ada.put("/users/me/preferences", PREFERENCES)
    until(ada, "preferences_changed")
    stream = f"user:{ada.user.id}"
    event = next(
        one for one in ada.get("/events", stream="user")["items"] if one["type"] == "PreferencesChanged"
    )
    position = event["position"]
    made = [
        Aside(HANDLER, position, stream, "PreferencesChanged", "dead", 5, 1, "it broke"),
        Aside(HANDLER, position - 1, "user:x", "PreferencesChanged", "dead", 5, 1, "it broke too"),
        Aside("no_such_handler", position, stream, "PreferencesChanged", "waiting", 0, 0, ""),
    ]
    live.platform.path.write(lambda connection: records.put_aside(connection, made))
    ada.post("/inbox/read", {}, 200)
    yield [one.position for one in made]
    for one in made:
        live.platform.path.write(
            lambda connection, one=one: connection.exec_driver_sql(
                f"DELETE FROM dead_letters WHERE handler = '{one.handler}'"
            )
        )


def test_every_handler_says_where_it_stands(admin: Person) -> None:
    items = {one["name"]: one for one in admin.get("/admin/handlers")["items"]}
    assert items[HANDLER]["types"] == ["PreferencesChanged"]
    assert items[HANDLER]["dead"] == 0


def test_dead_letters_are_listed_page_by_page(letters: list[int], admin: Person) -> None:
    everything = admin.get("/admin/dead-letters")
    assert [one["position"] for one in everything["items"]] == [letters[0], letters[2], letters[1]]
    first = admin.get("/admin/dead-letters", limit=2)
    rest = admin.get("/admin/dead-letters", cursor=first["next_cursor"])
    assert first["items"] + rest["items"] == everything["items"]
    standing = {one["name"]: one for one in admin.get("/admin/handlers")["items"]}[HANDLER]
    assert standing["dead"] == 2


def test_one_is_given_up_and_that_is_on_record(letters: list[int], live: Live, admin: Person) -> None:
    path = f"/admin/dead-letters/{HANDLER}/{letters[1]}"
    assert admin.delete(path)["state"] == "discarded"
    assert admin.delete(path, 404)["code"] == "not_found"
    with live.platform.database.read() as connection:
        done = read(connection, stream="platform")[-1]
    assert (done.event.what, done.meta.actor) == ("dead_letter_discarded", f"user:{admin.user.id}")  # type: ignore[attr-defined]


def test_one_that_is_replayed_is_handled_at_once(
    letters: list[int], live: Live, ada: Person, admin: Person
) -> None:
    live.platform.path.write(
        lambda connection: connection.exec_driver_sql("DELETE FROM inbox WHERE kind = 'preferences_changed'")
    )
    assert admin.post(f"/admin/dead-letters/{HANDLER}/{letters[0]}/replay", {}, 200)["state"] == "replaying"
    assert until(ada, "preferences_changed")[0]["position"] == letters[0]
    deadline = time.monotonic() + 10
    while any(one["state"] == "replaying" for one in admin.get("/admin/dead-letters")["items"]):
        assert time.monotonic() < deadline


def test_one_that_waits_behind_another_stays(letters: list[int], admin: Person) -> None:
    path = f"/admin/dead-letters/no_such_handler/{letters[2]}"
    assert admin.post(f"{path}/replay", {}, 409)["code"] == "conflict"
    assert admin.delete(path, 409)["code"] == "conflict"


def test_traders_see_none_of_it(ada: Person) -> None:
    assert ada.get("/admin/handlers", 403)["code"] == "forbidden"
    assert ada.get("/admin/dead-letters", 403)["code"] == "forbidden"
    assert ada.delete(f"/admin/dead-letters/{HANDLER}/1", 403)["code"] == "forbidden"
