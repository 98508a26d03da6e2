"""Bearer tokens and API keys over a real port: every forged, foreign or stale one is a 401 that says
nothing.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from traderbot.api.security import AdminUser, CurrentUser
from traderbot.users.tokens import ALGORITHM, AUDIENCE, ISSUER, derive_key
from users.desk import PASSWORD, SECRET, START, Desk, make_app, open_desk, serve

pytestmark = pytest.mark.integration

NOW = START // 1_000_000
router = APIRouter()


@router.get("/who")
def who(principal: CurrentUser) -> dict[str, Any]:
    return {
        "user": str(principal.user_id),
        "account": str(principal.account_id),
        "role": principal.role,
        "via": principal.via,
    }


@router.get("/admin")
def admin_only(principal: AdminUser) -> str:
    return principal.role


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path) as built:
        yield built


@pytest.fixture
def client(desk: Desk) -> Iterator[httpx2.Client]:
    with serve(make_app(desk, router)) as url, httpx2.Client(base_url=url) as session:
        yield session


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def claims(desk: Desk, **changed: Any) -> dict[str, Any]:
    """The claims of a good token, with changes; None removes a claim."""
    user = desk.users.create_user("claims@example.com", PASSWORD)
    good: dict[str, Any] = {
        "iss": ISSUER, "aud": AUDIENCE, "typ": "access", "sub": str(user.id), "account": str(user.account_id),
        "role": "trader", "jti": "x1", "iat": NOW, "exp": NOW + 60,
    }  # fmt: skip
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def signed(body: dict[str, Any], key: bytes | None = None, algorithm: str = ALGORITHM) -> str:
    secret = OctKey.import_key(derive_key(SECRET, "access tokens") if key is None else key)
    return jwt.encode({"alg": algorithm}, body, secret, algorithms=[algorithm])


def by_hand(header: dict[str, Any], body: dict[str, Any], key: bytes | None) -> str:
    """A token that no library would make; without a key its signature is empty."""
    parts = [_base64(json.dumps(part).encode()) for part in (header, body)]
    message = ".".join(parts).encode()
    return f"{message.decode()}.{_base64(hmac.new(key, message, hashlib.sha256).digest()) if key else ''}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_good_token_and_a_good_key_are_let_in(desk: Desk, client: httpx2.Client) -> None:
    assert client.get("/who", headers=bearer(signed(claims(desk)))).status_code == 200
    user, tokens = desk.users.register("ada@example.com", PASSWORD)
    by_token = client.get("/who", headers=bearer(tokens.access_token)).json()
    assert by_token == {
        "user": str(user.id),
        "account": str(user.account_id),
        "role": "trader",
        "via": "token",
    }
    _, key = desk.users.create_api_key(desk.users.authenticate(tokens.access_token), "laptop")
    for headers in (bearer(key), {"X-API-Key": key}, {"Authorization": f"bearer {key}"}):
        assert client.get("/who", headers=headers).json() == {**by_token, "via": "api_key"}


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "other-api"}, {"aud": None}, {"aud": ["other-api"]}, {"iss": "other"}, {"iss": None},
        {"typ": "refresh"},
        {"typ": None}, {"exp": NOW}, {"exp": NOW - 1}, {"exp": None}, {"exp": "never"}, {"exp": True},
        {"iat": NOW + 60},
        {"iat": None}, {"sub": "admin"}, {"sub": None}, {"jti": None}, {"role": "root"}, {"role": None},
        {"account": "x"},
        {"account": 7}, {"sub": 7}, {"nbf": NOW + 60},
    ],
    ids=str,
)  # fmt: skip
def test_a_token_with_wrong_claims_is_a_401(
    desk: Desk, client: httpx2.Client, changed: dict[str, Any]
) -> None:
    refused(client, signed(claims(desk, **changed)))


def test_forged_signatures_are_a_401(desk: Desk, client: httpx2.Client) -> None:
    body = claims(desk)
    good = signed(body)
    header, payload, signature = good.split(".")
    key = derive_key(SECRET, "access tokens")
    rsa = RSAKey.generate_key(2048)
    forged = {
        "alg none": by_hand({"alg": "none", "typ": "JWT"}, body, None),
        "alg None": by_hand({"alg": "None"}, body, None),
        "no alg": by_hand({"typ": "JWT"}, body, key),
        "alg none, signed": by_hand({"alg": "none"}, body, key),
        "header says RS256, signed by our key": by_hand({"alg": "RS256"}, body, key),
        "RS256 by a key of their own": jwt.encode({"alg": "RS256"}, body, rsa, algorithms=["RS256"]),
        "HS256 keyed by a public key": by_hand({"alg": "HS256"}, body, rsa.as_pem(private=False)),
        "HS512 by our key": signed(body, algorithm="HS512"),
        "another purpose's key": signed(body, derive_key(SECRET, "cursors")),
        "the undivided secret": signed(body, SECRET),
        "an empty signature": f"{header}.{payload}.",
        "a cut signature": good[:-4],
        "another payload": f"{header}.{_base64(json.dumps({**body, 'role': 'admin'}).encode())}.{signature}",
        "a key in the header": by_hand(
            {"alg": "HS256", "jwk": {"kty": "oct", "k": _base64(b"x" * 32)}}, body, b"x" * 32
        ),
        "an unknown critical header": by_hand({"alg": "HS256", "crit": ["x"], "x": 1}, body, key),
        "no object": by_hand({"alg": "HS256"}, [1], key),  # type: ignore[arg-type]
        "deep nesting": by_hand({"alg": "HS256"}, body, key).replace(".", "." + _base64(b"[" * 600) + ".", 1),
        "two dots": "..",
        "a word": "x",
        "10 KB": "e" * 10_000,
    }
    assert client.get("/who", headers=bearer(good)).status_code == 200
    for name, token in forged.items():
        assert token != good, name
        refused(client, token)


def test_a_refresh_token_is_no_access_token(desk: Desk, client: httpx2.Client) -> None:
    _, tokens = desk.users.register("ada@example.com", PASSWORD)
    refused(client, tokens.refresh_token)


def test_a_token_expires_even_after_it_was_seen(desk: Desk, client: httpx2.Client) -> None:
    _, tokens = desk.users.register("ada@example.com", PASSWORD)
    assert client.get("/who", headers=bearer(tokens.access_token)).status_code == 200
    desk.clock.forward(seconds=899)
    assert client.get("/who", headers=bearer(tokens.access_token)).status_code == 200
    desk.clock.forward(seconds=1)
    refused(client, tokens.access_token)


def test_missing_doubled_and_foreign_schemes_are_a_401(desk: Desk, client: httpx2.Client) -> None:
    _, tokens = desk.users.register("ada@example.com", PASSWORD)
    token = tokens.access_token
    for headers in (
        {},
        {"Authorization": token},
        {"Authorization": f"Basic {token}"},
        {"Authorization": "Bearer"},
        {"X-API-Key": token},
        {"X-API-Key": "tb_" + "x" * 43},
        {**bearer(token), "X-API-Key": "tb_x"},
    ):
        answer = client.get("/who", headers=headers)
        assert answer.status_code == 401, headers
        assert answer.headers["www-authenticate"].startswith("Bearer")
    doubled = client.get(
        "/who", headers=[("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]
    )
    assert doubled.status_code == 401
    assert client.get(f"/who?access_token={token}").status_code == 401


def test_a_revoked_key_stops_at_once(desk: Desk, client: httpx2.Client) -> None:
    user, tokens = desk.users.register("ada@example.com", PASSWORD)
    key, secret = desk.users.create_api_key(desk.users.authenticate(tokens.access_token), "laptop")
    assert client.get("/who", headers=bearer(secret)).status_code == 200
    desk.users.revoke_api_key(user.id, key.id)
    refused(client, secret)


def test_only_an_admin_passes_an_admin_route(desk: Desk, client: httpx2.Client) -> None:
    for role, status in (("trader", 403), ("admin", 200)):
        desk.users.create_user(f"{role}@example.com", PASSWORD, role=role)  # type: ignore[arg-type]
        tokens = desk.users.login(f"{role}@example.com", PASSWORD)
        answer = client.get("/admin", headers=bearer(tokens.access_token))
        assert answer.status_code == status
    assert client.get("/admin").status_code == 401


def test_a_token_that_says_admin_does_not_make_one(desk: Desk, client: httpx2.Client) -> None:
    """As after a demotion: the token was issued while the user was an admin."""
    answer = client.get("/admin", headers=bearer(signed(claims(desk, role="admin"))))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def refused(client: httpx2.Client, token: str) -> None:
    answer = client.get("/who", headers=bearer(token))
    assert answer.status_code == 401, token[:80]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] in {
        "the access token is not valid",
        "the API key is not valid",
        "a bearer token or an API key is needed",
    }
