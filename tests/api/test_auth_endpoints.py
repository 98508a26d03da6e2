"""Register, sign in, refresh and sign out over a real port."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from traderbot.users import tables
from traderbot.users.passwords import Passwords
from users.desk import PASSWORD, Desk, make_app, open_desk, serve

pytestmark = pytest.mark.integration

ADA = {"email": "ada@example.com", "password": PASSWORD}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path) as built:
        yield built


@pytest.fixture
def client(desk: Desk) -> Iterator[httpx2.Client]:
    with serve(make_app(desk)) as url, httpx2.Client(base_url=url + "/api/v1/auth") as session:
        yield session


def registered(client: httpx2.Client) -> dict[str, Any]:
    answer = client.post("/register", json=ADA)
    assert answer.status_code == 201
    body: dict[str, Any] = answer.json()
    return body


def test_registering_opens_an_account_and_signs_in(desk: Desk, client: httpx2.Client) -> None:
    answer = client.post(
        "/register", json={"email": " ADA@Example.com", "password": PASSWORD, "display_name": "Ada L."}
    )
    body = answer.json()
    assert answer.status_code == 201
    assert (body["token_type"], body["expires_in"]) == ("bearer", 900)
    user = body["user"]
    assert (user["email"], user["display_name"], user["role"]) == ("ada@example.com", "Ada L.", "trader")
    assert user["created_at"] == "2026-01-05T08:00:00Z"
    assert [user["account_id"]] == [str(one) for one in desk.opened]
    assert PASSWORD not in answer.text
    assert desk.users.authenticate(body["access_token"]).account_id == desk.opened[0]


def test_only_hashes_are_stored(desk: Desk, client: httpx2.Client) -> None:
    body = registered(client)
    kept = b"".join(
        path.read_bytes() for path in desk.settings.home.iterdir() if path.name.startswith("traderbot.db")
    )
    for secret in (PASSWORD, body["refresh_token"], body["access_token"]):
        assert secret.encode() not in kept
    assert b"$argon2id$" in kept


def test_a_taken_address_is_a_409_after_the_same_hashing(
    desk: Desk, client: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    whole = Passwords.hash

    def counted(passwords: Passwords, word: str) -> str:
        hashed.append(word)
        return whole(passwords, word)

    monkeypatch.setattr(Passwords, "hash", counted)
    registered(client)
    again = client.post("/register", json={**ADA, "email": "ADA@example.COM"})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert "ada" not in again.text.lower()
    assert len(hashed) == 2
    assert len(desk.opened) == 1


def test_of_many_registrations_at_once_for_an_address_one_wins(desk: Desk, client: httpx2.Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post("/register", json=ADA).status_code, range(8)))
    assert sorted(answers) == [201] + [409] * 7
    assert len(desk.opened) == 1


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"email": "ada"}, "email"),
        ({"email": "ada@ex ample.com"}, "email"),
        ({"email": "ada\u0430@example.com"}, "email"),
        ({"email": "a@example.com\r\nBcc: x@y.z"}, "email"),
        ({"email": "a" * 65 + "@example.com"}, "email"),
        ({"email": "a" * 300 + "@example.com"}, "email"),
        ({"email": True}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "x" * 129}, "password"),
        ({"password": "x" * 900_000}, "password"),
        ({"password": 12345678}, "password"),
        ({"password": None}, "password"),
        ({"display_name": ""}, "display_name"),
        ({"display_name": "x" * 81}, "display_name"),
        ({"display_name": "\u202eadA"}, "display_name"),
        ({"display_name": "a\x00b"}, "display_name"),
        ({"is_admin": True}, "is_admin"),
        ({"role": "admin"}, "role"),
        ({"account_id": "x"}, "account_id"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_registrations_are_a_422(
    desk: Desk, client: httpx2.Client, changed: dict[str, Any], field: str
) -> None:
    answer = client.post("/register", json={**ADA, **changed})
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert len(answer.content) < 1_000
    assert desk.writer.jobs == 0


def test_a_password_of_a_megabyte_is_refused_unhashed(
    client: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Passwords, "hash", lambda *_: pytest.fail("hashed"))
    monkeypatch.setattr(Passwords, "verify", lambda *_: pytest.fail("verified"))
    for path in ("/register", "/login"):
        assert client.post(path, json={**ADA, "password": "x" * 2**20}).status_code == 413
        assert client.post(path, json={**ADA, "password": "x" * 990_000}).status_code == 422


def test_bodies_are_read_strictly(client: httpx2.Client) -> None:
    twice = b'{"email":"ada@example.com","email":"eve@example.com","password":"correct horse battery"}'
    headers = {"content-type": "application/json"}
    assert client.post("/login", content=twice, headers=headers).status_code == 400
    assert client.post("/login", data={"email": "a@b.c", "password": "x"}).status_code == 415
    assert client.post("/login", content=b"[]", headers=headers).status_code == 422
    assert client.post("/login").status_code == 422


def test_closed_registration_is_a_403(tmp_path: Path) -> None:
    with (
        open_desk(tmp_path, open_registration=False) as desk,
        serve(make_app(desk)) as url,
        httpx2.Client(base_url=url) as session,
    ):
        answer = session.post("/api/v1/auth/register", json=ADA)
        assert (answer.status_code, answer.json()["code"]) == (403, "registration_closed")
        desk.users.create_user("ada@example.com", PASSWORD)
        assert session.post("/api/v1/auth/login", json=ADA).status_code == 200


def test_signing_in(desk: Desk, client: httpx2.Client) -> None:
    registered(client)
    body = client.post("/login", json={**ADA, "email": "Ada@EXAMPLE.com"}).json()
    assert set(body) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert desk.users.authenticate(body["access_token"]).account_id == desk.opened[0]


def test_unknown_mistaken_and_deactivated_people_get_one_answer_after_the_same_work(
    desk: Desk, client: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered(client)
    gone = desk.users.create_user("gone@example.com", PASSWORD)
    off = sa.update(tables.users).where(tables.users.c.id == gone.id).values(active=False)
    desk.writer.write(lambda connection: connection.execute(off))
    verified: list[str] = []
    whole = Passwords.verify

    def counted(passwords: Passwords, word: str, kept: str) -> bool:
        verified.append(kept)
        return whole(passwords, word, kept)

    monkeypatch.setattr(Passwords, "verify", counted)
    wrong = [
        {"email": "nobody@example.com", "password": PASSWORD},
        {"email": "ada@example.com", "password": "wrong password"},
        {"email": "gone@example.com", "password": PASSWORD},
        {"email": "not an address", "password": PASSWORD},
    ]
    answers = [client.post("/login", json=body) for body in wrong]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["code"] == "invalid_credentials"
    assert len(verified) == len(wrong)  # each paid for one argon2
    assert len({kept.rsplit("$", 2)[0] for kept in verified}) == 1  # with the same figures


def test_guessing_is_slowed_down_for_known_and_unknown_alike_and_passes(
    desk: Desk, client: httpx2.Client
) -> None:
    registered(client)
    for email in ("ada@example.com", "nobody@example.com"):
        wrong = {"email": email, "password": "wrong password"}
        assert [client.post("/login", json=wrong).status_code for _ in range(11)] == [401] * 10 + [429]
    held = client.post("/login", json=ADA)
    assert (held.status_code, held.json()["code"], held.headers["retry-after"]) == (
        429,
        "too_many_attempts",
        "30",
    )
    desk.clock.forward(seconds=30)
    assert client.post("/login", json=ADA).status_code == 200


def test_refreshing_rotates(desk: Desk, client: httpx2.Client) -> None:
    first = registered(client)["refresh_token"]
    second = client.post("/refresh", json={"refresh_token": first}).json()
    assert second["refresh_token"] != first
    third = client.post("/refresh", json={"refresh_token": second["refresh_token"]})
    assert third.status_code == 200
    assert desk.users.authenticate(third.json()["access_token"])


def test_a_rotated_token_used_again_revokes_the_family_and_no_other(client: httpx2.Client) -> None:
    first = registered(client)["refresh_token"]
    elsewhere = client.post("/login", json=ADA).json()["refresh_token"]
    second = client.post("/refresh", json={"refresh_token": first}).json()["refresh_token"]
    again = client.post("/refresh", json={"refresh_token": first})
    assert (again.status_code, again.json()["code"]) == (401, "invalid_token")
    assert client.post("/refresh", json={"refresh_token": second}).status_code == 401
    assert client.post("/refresh", json={"refresh_token": elsewhere}).status_code == 200


def test_of_two_refreshes_at_once_one_wins_and_the_family_is_revoked(client: httpx2.Client) -> None:
    token = registered(client)["refresh_token"]
    together = threading.Barrier(2)

    def refresh(_: int) -> httpx2.Response:
        together.wait()
        return client.post("/refresh", json={"refresh_token": token})

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(refresh, range(2)), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [200, 401]
    assert (
        client.post("/refresh", json={"refresh_token": answers[0].json()["refresh_token"]}).status_code == 401
    )


def test_refresh_tokens_that_are_expired_invented_or_access_tokens_are_a_401(
    desk: Desk, client: httpx2.Client
) -> None:
    body = registered(client)
    jobs = desk.writer.jobs
    for token in ("tbr_" + "x" * 43, "", "x"):
        assert client.post("/refresh", json={"refresh_token": token}).status_code == 401
    assert client.post("/refresh", json={"refresh_token": body["access_token"]}).status_code in {401, 422}
    assert desk.writer.jobs == jobs  # nothing invented reaches the writer
    desk.clock.forward(days=30)
    assert client.post("/refresh", json={"refresh_token": body["refresh_token"]}).status_code == 401


def test_a_deactivated_user_cannot_refresh(desk: Desk, client: httpx2.Client) -> None:
    token = registered(client)["refresh_token"]
    desk.writer.write(lambda connection: connection.execute(sa.update(tables.users).values(active=False)))
    assert client.post("/refresh", json={"refresh_token": token}).status_code == 401


def test_signing_out_ends_the_family_and_can_be_repeated(client: httpx2.Client) -> None:
    first = registered(client)["refresh_token"]
    second = client.post("/refresh", json={"refresh_token": first}).json()["refresh_token"]
    for token in (first, first, "tbr_" + "x" * 43, "unknown"):
        answer = client.post("/logout", json={"refresh_token": token})
        assert (answer.status_code, answer.content) == (204, b"")
    assert client.post("/refresh", json={"refresh_token": second}).status_code == 401


def test_sign_ins_do_not_hold_up_other_requests(
    desk: Desk, client: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = registered(client)["access_token"]
    release, running, most = threading.Event(), [0], [0]

    def slow(*_: object) -> bool:
        running[0] += 1
        most[0] = max(most[0], running[0])
        release.wait(10)
        running[0] -= 1
        return False

    monkeypatch.setattr(Passwords, "verify", slow)
    with ThreadPoolExecutor(50) as pool:
        guesses = [pool.submit(client.post, "/login", json={**ADA, "email": f"{i}@x.org"}) for i in range(45)]
        try:
            me = client.get("../users/me", headers={"Authorization": f"Bearer {token}"}, timeout=5)
            assert me.status_code == 200
        finally:
            release.set()
        assert {guess.result().status_code for guess in guesses} == {401}
    assert most[0] <= 4
