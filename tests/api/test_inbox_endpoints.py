"""The inbox over a real port: what happened to one's own, and nothing of anybody else's."""

import time
from typing import Any

import pytest

from api.live import Live, Person

pytestmark = pytest.mark.integration


def until(person: Person, kind: str, **params: Any) -> list[Any]:
    """The inbox, once an entry of this kind is in it."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        items: list[Any] = person.get("/inbox", 200, **params)["items"]
        if any(one["kind"] == kind for one in items):
            return items
        time.sleep(0.02)
    raise AssertionError(f"no {kind} in the inbox")


def test_an_order_and_its_fill_are_in_the_inbox_of_its_owner_alone(
    live: Live, ada: Person, bob: Person
) -> None:
    order = ada.order()
    live.step()
    newest = until(ada, "order_filled")[0]
    assert (newest["kind"], newest["data"]["order_id"]) == ("order_filled", order["id"])
    assert newest["data"]["qty"] == "10"
    assert newest["account_id"] == str(ada.user.account_id)
    until(bob, "user_registered")
    assert {one["kind"] for one in bob.get("/inbox")["items"]} == {"user_registered"}


def test_pages_go_on_where_they_ended_and_cursors_are_ones_own(ada: Person, bob: Person) -> None:
    for detail in ("first", "second"):
        ada.post("/risk/halt", {"detail": detail, "symbol": "MSFT" if detail == "first" else None}, 200)
    until(ada, "trading_paused")
    while len(everything := ada.get("/inbox")["items"]) < 3:
        time.sleep(0.02)
    first = ada.get("/inbox", limit=2)
    second = ada.get("/inbox", limit=2, cursor=first["next_cursor"])
    assert first["items"] + second["items"] == everything
    assert second["next_cursor"] is None
    assert bob.get("/inbox", 422, limit=2, cursor=first["next_cursor"])["code"] == "invalid_value"
    assert (
        ada.get("/inbox", 422, limit=2, cursor=first["next_cursor"], unread=True)["code"] == "invalid_value"
    )


def test_entries_are_read_one_by_one_or_all(ada: Person, bob: Person) -> None:
    ada.post("/risk/halt", {"detail": "lunch"}, 200)
    newest = until(ada, "trading_paused")[0]
    assert ada.get("/inbox")["unread"] == 2
    assert bob.post("/inbox/read", {"ids": [newest["id"]]}, 200)["marked"] == 0
    assert ada.post("/inbox/read", {"ids": [newest["id"]]}, 200) == {"unread": 1, "marked": 1}
    assert ada.post("/inbox/read", {"ids": [newest["id"]]}, 200)["marked"] == 0
    assert [one["kind"] for one in ada.get("/inbox", unread=True)["items"]] == ["user_registered"]
    assert ada.post("/inbox/read", {}, 200) == {"unread": 0, "marked": 1}
    assert all(one["read_at"] for one in ada.get("/inbox")["items"])


@pytest.mark.parametrize(
    "ids", ["1.x", ["x"], ["1"], ["1.A"], [1], ["99999999999999999999.a"], ["9223372036854775808.a"]]
)
def test_what_is_no_id_is_refused(ada: Person, ids: Any) -> None:
    assert ada.post("/inbox/read", {"ids": ids}, 422)["code"] == "invalid_value"


def test_a_key_of_one_account_does_not_read_the_users_inbox(live: Live, ada: Person) -> None:
    key = ada.post("/users/me/api-keys", {"name": "bot", "account_id": str(ada.user.account_id)})["key"]
    with live.person() as other:
        other.client.headers["Authorization"] = f"Bearer {key}"
        assert other.get("/inbox", 403)["code"] == "forbidden"
