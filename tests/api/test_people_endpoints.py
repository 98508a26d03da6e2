"""Administration of people over a real port: who manages whom, what it ends, and what stays on record."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from api.live import Live, Person
from traderbot.infra.events.journal import read_all
from traderbot.users import people_rows, repository
from traderbot.users.administration import OPERATOR
from users.desk import PASSWORD

pytestmark = pytest.mark.integration


@pytest.fixture
def owner(live: Live) -> Iterator[Person]:
    with live.person("owner", name="owner") as person:
        yield person
        live.platform.users.administration.change(OPERATOR, person.user.id, active=True)


@contextmanager
def by_key(live: Live, person: Person, **body: Any) -> Iterator[httpx2.Client]:
    key = person.post("/users/me/api-keys", {"name": "key", **body})["key"]
    with httpx2.Client(base_url=f"{live.url}/api/v1", headers={"X-API-Key": key}, timeout=30) as client:
        yield client


def path(person: Person) -> str:
    return f"/admin/users/{person.user.id}"


def events_about(live: Live, person: Person) -> list[tuple[str, str]]:
    """Type and actor of what administration did, as the journal has it."""
    with live.platform.database.read() as connection:
        found = [
            entry
            for entry in read_all(connection)
            if entry.stream == f"user:{person.user.id}" or str(person.user.id) in str(entry.event)
        ]
    return [(type(entry.event).__name__, entry.meta.actor) for entry in found]


def test_people_are_listed_in_pages_and_found(live: Live, admin: Person, ada: Person, bob: Person) -> None:
    page = admin.get("/admin/users", limit=1)
    assert page["items"][0]["id"] == str(bob.user.id)
    following = admin.get("/admin/users", limit=1, cursor=page["next_cursor"])
    assert following["items"][0]["id"] == str(ada.user.id)
    assert admin.get("/admin/users", 422, limit=1, role="trader", cursor=page["next_cursor"])
    assert admin.get("/admin/users", 422, limit=501)
    only = admin.get("/admin/users", email=f" {ada.user.email.upper()} ")["items"]
    assert [one["email"] for one in only] == [ada.user.email]
    assert only[0].keys() == {
        "id", "email", "display_name", "role", "created_at", "account_id", "active"
    }  # fmt: skip
    assert admin.get("/admin/users", email="%")["items"] == []
    assert all(one["role"] == "admin" for one in admin.get("/admin/users", role="admin")["items"])
    key = ada.post("/users/me/api-keys", {"name": "laptop"})["id"]
    assert [one["id"] for one in admin.get(path(ada))["api_keys"]] == [key]
    assert admin.get("/admin/users/018f4e9a-5c1e-7b1a-9a53-2f0d5c3b7a10", 404)["code"] == "not_found"
    assert ada.get("/admin/users", 403)["code"] == "forbidden"
    assert ada.get(path(ada), 403)["code"] == "forbidden"


def test_deactivating_ends_every_credential_at_once(live: Live, admin: Person, ada: Person) -> None:
    tokens = live.platform.users.login(ada.user.email, PASSWORD)
    with by_key(live, ada) as bot:
        assert bot.get("/orders").status_code == 200
        ada.get("/orders")
        ada.order()
        changed = admin.patch(path(ada), {"active": False})
        assert changed["active"] is False
        assert bot.get("/orders").status_code == 401
        assert ada.get("/orders", 401)["code"] == "invalid_token"
        refresh = {"refresh_token": tokens.refresh_token}
        assert ada.post("/auth/refresh", refresh, 401)["code"] == "invalid_token"
        login = {"email": ada.user.email, "password": PASSWORD}
        assert ada.post("/auth/login", login, 401)["code"] == "invalid_credentials"
        admin.patch(path(ada), {"active": True})
        assert ada.get("/orders", 401), "a token from before stays ended"
        assert ada.post("/auth/refresh", refresh, 401)
        assert bot.get("/orders").status_code == 200
    actor = f"user:{admin.user.id}"
    assert [one for one in events_about(live, ada) if one[1] == actor] == [
        ("UserDeactivated", actor),
        ("UserActivated", actor),
    ]


def test_a_role_counts_from_the_next_request_on(live: Live, owner: Person, ada: Person) -> None:
    ada.order()
    with by_key(live, ada) as bot:
        assert bot.delete("/orders").status_code == 200
        owner.patch(path(ada), {"role": "viewer"})
        assert ada.get("/users/me")["role"] == "viewer"
        assert ada.order(403)["detail"] == "this needs the scope trade"
        assert bot.delete("/orders").status_code == 403
        assert bot.get("/orders").status_code == 200
        assert ada.post("/users/me/api-keys", {"name": "x", "scopes": ["trade"]}, 403)
        assert ada.post("/users/me/api-keys", {"name": "x"})["scopes"] == ["read"]
    owner.patch(path(ada), {"role": "admin"})
    ada.get("/admin/users")
    owner.patch(path(ada), {"role": "trader"})
    assert ada.get("/admin/users", 403)
    assert ("RoleChanged", f"user:{owner.user.id}") in events_about(live, ada)


def test_who_manages_whom(live: Live, owner: Person, admin: Person, ada: Person) -> None:
    with live.person("admin", name="other") as other:
        for whom in (owner, other, admin):
            assert admin.patch(path(whom), {"role": "viewer"}, 403)["code"] == "forbidden"
            assert admin.patch(path(whom), {"active": False}, 403)
            assert admin.client.delete(f"/api/v1{path(whom)}").status_code == 403
            assert admin.client.post(f"/api/v1{path(whom)}/sign-out").status_code == 403
        for role in ("owner", "admin"):
            assert admin.patch(path(ada), {"role": role}, 403)
            assert ada.patch(path(ada), {"role": role}, 403)
        with by_key(live, owner, scopes=["read", "manage"]) as key:
            assert key.patch(path(ada), json={"role": "owner"}).status_code == 403
            assert key.patch(path(other), json={"role": "viewer"}).status_code == 403
            assert key.patch(path(ada), json={"role": "viewer"}).status_code == 200
        owner.patch(path(other), {"role": "trader"})
        assert other.get("/admin/users", 403)


@pytest.mark.parametrize(
    "body",
    [{}, {"role": "root"}, {"role": None}, {"active": 1}, {"active": "no"}, {"role": ["owner"]},
     {"role": "viewer", "email": "x@example.com"}, {"role": "viewer", "password_hash": "x"}],
)  # fmt: skip
def test_only_role_and_activity_can_be_changed(admin: Person, ada: Person, body: Any) -> None:
    assert admin.patch(path(ada), body, 422)
    assert admin.get(path(ada))["role"] == "trader"


def test_a_role_in_a_body_is_refused_wherever_people_write(live: Live, ada: Person) -> None:
    register = {"email": "mass@example.com", "password": PASSWORD, "role": "owner"}
    assert ada.post("/auth/register", register, 422)
    assert ada.post("/users/me/api-keys", {"name": "x", "role": "owner"}, 422)
    assert ada.post("/users/me/api-keys", {"name": "x", "user_id": str(ada.user.id)}, 422)
    assert ada.post("/users/me/api-keys", {"name": "x", "scopes": ["manage"]}, 403)
    del register["role"]
    assert ada.post("/auth/register", register)["user"]["role"] == "trader"


def test_signing_somebody_out_ends_tokens_and_leaves_keys(live: Live, admin: Person, ada: Person) -> None:
    with by_key(live, ada) as bot:
        assert admin.client.post(f"/api/v1{path(ada)}/sign-out").status_code == 204
        live.platform.users.credentials.forget(ada.user.id)
        issued = live.platform.users.access_tokens.check(ada.token).issued_at
        with live.platform.database.read() as connection:
            assert repository.standing_of(connection, ada.user.id)[1] > issued
        assert ada.get("/orders", 401)
        assert bot.get("/orders").status_code == 200
        key = admin.get(path(ada))["api_keys"][0]["id"]
        assert admin.client.delete(f"/api/v1{path(ada)}/api-keys/{key}").status_code == 204
        assert bot.get("/orders").status_code == 401
        assert admin.client.delete(f"/api/v1{path(ada)}/api-keys/{key}").status_code == 404
    assert [name for name, actor in events_about(live, ada) if actor == f"user:{admin.user.id}"] == [
        "AdministrationDone",
        "ApiKeyRevoked",
    ]


def test_an_erased_person_leaves_only_an_id(live: Live, owner: Person, ada: Person) -> None:
    ada.order()
    with by_key(live, ada) as bot:
        assert owner.client.delete(f"/api/v1{path(ada)}").status_code == 204
        assert ada.get("/orders", 401)
        assert bot.get("/orders").status_code == 401
    left = owner.get(path(ada))
    assert (left["email"], left["display_name"], left["active"]) == (
        f"{ada.user.id}@erased.invalid",
        "erased",
        False,
    )
    assert left["api_keys"] == []
    assert owner.patch(path(ada), {"active": True}, 409)
    login = {"email": left["email"], "password": PASSWORD}
    assert ada.post("/auth/login", login, 401)["code"] == "invalid_credentials"
    with live.platform.database.read() as connection:
        assert ada.user.email not in "".join(str(entry.event) for entry in read_all(connection))
    assert live.platform.users.create_user(ada.user.email, PASSWORD).id != ada.user.id


def test_the_last_owner_stays_one(live: Live, owner: Person) -> None:
    live_owners = owner.get("/admin/users", role="owner", active=True)["items"]
    for one in live_owners:
        if one["id"] != str(owner.user.id):
            owner.patch(f"/admin/users/{one['id']}", {"role": "viewer"})
    for body in ({"role": "admin"}, {"active": False}, {"role": "viewer", "active": False}):
        assert owner.patch(path(owner), body, 409)["code"] == "conflict"
    assert owner.client.delete(f"/api/v1{path(owner)}").status_code == 409
    with live.person("owner", name="second") as second:
        with ThreadPoolExecutor(2) as pool:
            tries = [
                pool.submit(who.client.patch, f"/api/v1{path(whom)}", json={"role": "trader"})
                for who, whom in ((owner, second), (second, owner))
            ]
            statuses = sorted(one.result().status_code for one in tries)
        assert statuses == [200, 403], "the one who was demoted first demotes nobody"
        with live.platform.database.read() as connection:
            found = people_rows.PeopleFilter(role="owner", active=True)
            left = people_rows.list_people(connection, found, before=None, limit=10)
        assert len(left) == 1
