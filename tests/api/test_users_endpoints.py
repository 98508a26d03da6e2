"""The caller, their preferences and API keys over a real port; nobody sees or changes anything of anybody
else.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from users.desk import PASSWORD, Desk, make_app, open_desk, serve

pytestmark = pytest.mark.integration

PATH = "/api/v1/users/me"
WANTED = {
    "risk_tolerance": "aggressive",
    "investment_goal": "speculation",
    "sector_preferences": ["Information Technology", "Health Care"],
    "sector_exclusions": ["Energy"],
}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path) as built:
        yield built


@pytest.fixture
def url(desk: Desk) -> Iterator[str]:
    with serve(make_app(desk)) as base:
        yield base


def signed_in(desk: Desk, url: str, name: str) -> httpx2.Client:
    _, tokens = desk.users.register(f"{name}@example.com", PASSWORD)
    return httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {tokens.access_token}"})


@pytest.fixture
def ada(desk: Desk, url: str) -> Iterator[httpx2.Client]:
    with signed_in(desk, url, "ada") as session:
        yield session


@pytest.fixture
def eve(desk: Desk, url: str) -> Iterator[httpx2.Client]:
    with signed_in(desk, url, "eve") as session:
        yield session


def test_who_am_i(desk: Desk, ada: httpx2.Client) -> None:
    body = ada.get(PATH).json()
    assert set(body) == {"id", "email", "display_name", "role", "created_at", "account_id"}
    assert (body["email"], body["display_name"], body["account_id"]) == (
        "ada@example.com",
        "ada",
        str(desk.opened[0]),
    )


@pytest.mark.parametrize("path", ["", "/preferences", "/api-keys"])
def test_without_a_credential_everything_is_a_401(url: str, path: str) -> None:
    assert httpx2.get(url + PATH + path).status_code == 401


def test_preferences_are_replaced_whole_with_their_event(
    desk: Desk, ada: httpx2.Client, eve: httpx2.Client
) -> None:
    unset = {
        "risk_tolerance": "moderate",
        "investment_goal": "growth",
        "sector_preferences": [],
        "sector_exclusions": [],
    }
    assert ada.get(f"{PATH}/preferences").json() == unset
    assert ada.put(f"{PATH}/preferences", json=WANTED).json() == WANTED
    assert ada.get(f"{PATH}/preferences").json() == WANTED
    assert eve.get(f"{PATH}/preferences").json() == unset
    assert ada.put(f"{PATH}/preferences", json=unset).json() == unset
    assert len(desk.recorded) == 2


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"risk_tolerance": "reckless"}, "risk_tolerance"),
        ({"risk_tolerance": True}, "risk_tolerance"),
        ({"risk_tolerance": None}, "risk_tolerance"),
        ({"investment_goal": 1}, "investment_goal"),
        ({"sector_preferences": ["Tobacco"]}, "sector_preferences.0"),
        ({"sector_preferences": "Energy"}, "sector_preferences"),
        ({"sector_preferences": ["Energy"] * 12}, "sector_preferences"),
        ({"sector_preferences": ["Materials", "Materials"]}, "sector_preferences"),
        ({"sector_exclusions": ["Health Care"]}, "sector_exclusions"),
        ({"user_id": "x"}, "user_id"),
    ],
    ids=str,
)
def test_bad_preferences_are_a_422_and_change_nothing(
    desk: Desk, ada: httpx2.Client, changed: dict[str, Any], field: str
) -> None:
    answer = ada.put(f"{PATH}/preferences", json={**WANTED, **changed})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert desk.recorded == []


def test_preferences_left_out_are_a_422(ada: httpx2.Client) -> None:
    answer = ada.put(f"{PATH}/preferences", json={"risk_tolerance": "moderate"})
    assert {one["field"] for one in answer.json()["errors"]} == set(WANTED) - {"risk_tolerance"}


def test_an_api_key_is_shown_once_and_works(desk: Desk, url: str, ada: httpx2.Client) -> None:
    made = ada.post(f"{PATH}/api-keys", json={"name": "laptop"})
    body = made.json()
    assert made.status_code == 201
    assert body["key"].startswith("tb_")
    assert len(body["key"]) == 46
    assert body["key"].startswith(body["prefix"])
    assert httpx2.get(url + PATH, headers={"X-API-Key": body["key"]}).json()["email"] == "ada@example.com"
    (listed,) = ada.get(f"{PATH}/api-keys").json()["items"]
    assert listed == {name: body[name] for name in listed} | {"last_used_at": "2026-01-05T08:00:00Z"}
    assert "key" not in listed


def test_a_revoked_key_is_gone(url: str, ada: httpx2.Client) -> None:
    body = ada.post(f"{PATH}/api-keys", json={"name": "laptop"}).json()
    assert ada.delete(f"{PATH}/api-keys/{body['id']}").status_code == 204
    assert ada.get(f"{PATH}/api-keys").json() == {"items": []}
    assert httpx2.get(url + PATH, headers={"X-API-Key": body["key"]}).status_code == 401
    assert ada.delete(f"{PATH}/api-keys/{body['id']}").status_code == 404


def test_a_key_of_somebody_else_is_as_absent(ada: httpx2.Client, eve: httpx2.Client) -> None:
    body = ada.post(f"{PATH}/api-keys", json={"name": "laptop"}).json()
    foreign = eve.delete(f"{PATH}/api-keys/{body['id']}")
    absent = eve.delete(f"{PATH}/api-keys/0198c7a2-5e1f-7d3a-9b1c-2f6f5f0e8a11")
    assert foreign.status_code == absent.status_code == 404
    assert foreign.content == absent.content
    assert eve.get(f"{PATH}/api-keys").json() == {"items": []}
    assert len(ada.get(f"{PATH}/api-keys").json()["items"]) == 1


def test_a_key_makes_no_keys(url: str, ada: httpx2.Client) -> None:
    key = ada.post(f"{PATH}/api-keys", json={"name": "laptop"}).json()["key"]
    answer = httpx2.post(f"{url}{PATH}/api-keys", json={"name": "heir"}, headers={"X-API-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("name", ["", "x" * 81, "a\nb", "\u202e", 5, None, ["x"]])
def test_bad_key_names_are_a_422(ada: httpx2.Client, name: object) -> None:
    assert ada.post(f"{PATH}/api-keys", json={"name": name}).status_code == 422


def test_there_is_an_end_to_keys(desk: Desk, ada: httpx2.Client) -> None:
    for number in range(50):
        assert ada.post(f"{PATH}/api-keys", json={"name": str(number)}).status_code == 201
    assert ada.post(f"{PATH}/api-keys", json={"name": "one more"}).status_code == 409
