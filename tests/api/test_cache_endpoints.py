"""/api/v1/admin/cache: for administrators, and every clearing is on record."""

import pytest

from api.live import Live, Person
from traderbot.infra.events.journal import read

pytestmark = pytest.mark.integration


def test_an_administrator_sees_and_clears_the_cache(live: Live, ada: Person, admin: Person) -> None:
    ada.get("/market/instruments")
    ada.get("/market/instruments")
    (found,) = [one for one in admin.get("/admin/cache")["items"] if one["name"] == "instruments"]
    assert found["hits"] >= 1
    assert found["misses"] >= 1
    assert admin.delete("/admin/cache/instruments") == {"cleared": ["instruments"]}
    assert "instruments" in admin.delete("/admin/cache")["cleared"]
    with live.platform.database.read() as connection:
        events = read(connection, stream="platform")
    assert events[-1].meta.actor == f"user:{admin.user.id}"
    admin.delete("/admin/cache/nothing", 404)


def test_others_do_not(ada: Person) -> None:
    ada.get("/admin/cache", 403)
    ada.delete("/admin/cache", 403)
