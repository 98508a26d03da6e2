"""Access tokens are remembered once checked, up to a bound and never beyond their end; random ones are
random.
"""

import hashlib
from uuid import UUID

import pytest

from traderbot.users import tokens
from traderbot.users.errors import InvalidToken
from traderbot.users.people import User
from traderbot.users.tokens import AccessTokens, derive_key, new_api_key, new_refresh_token, sha256
from users.desk import SECRET, START, HandClock

pytestmark = pytest.mark.unit

ADA = User(
    UUID(int=1), "ada@example.com", "Ada", "admin", active=True, created_at=START, account_id=UUID(int=2)
)


def test_a_token_says_who_holds_it_and_until_when() -> None:
    clock = HandClock()
    access = AccessTokens(SECRET, clock, life_s=60)
    principal = access.check(access.issue(ADA))
    assert (principal.user_id, principal.account_id, principal.role) == (ADA.id, ADA.account_id, "admin")
    assert (principal.via, principal.expires_at) == ("token", START + 60_000_000)


def test_a_token_is_verified_once(monkeypatch: pytest.MonkeyPatch) -> None:
    access = AccessTokens(SECRET, HandClock(), life_s=60)
    token = access.issue(ADA)
    first = access.check(token)
    monkeypatch.setattr(AccessTokens, "_verified", lambda *_: pytest.fail("verified again"))
    assert access.check(token) is first


def test_a_remembered_token_expires_and_is_forgotten() -> None:
    clock = HandClock()
    access = AccessTokens(SECRET, clock, life_s=60)
    token = access.issue(ADA)
    access.check(token)
    clock.forward(seconds=60)
    with pytest.raises(InvalidToken):
        access.check(token)
    assert not access._checked


def test_what_is_remembered_is_bounded_and_refused_tokens_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_CACHED_MAX", 10)
    access = AccessTokens(SECRET, HandClock(), life_s=60)
    for _ in range(25):
        access.check(access.issue(ADA))
    for number in range(25):
        with pytest.raises(InvalidToken):
            access.check(f"invented.{number}.x")
    assert len(access._checked) == 10
    assert all(isinstance(key, bytes) and len(key) == 32 for key in access._checked)  # hashes, never tokens


def test_another_secret_makes_other_tokens() -> None:
    clock = HandClock()
    with pytest.raises(InvalidToken):
        AccessTokens(b"x" * 32, clock, 60).check(AccessTokens(SECRET, clock, 60).issue(ADA))


def test_random_tokens_have_256_bits_and_tell_their_kind() -> None:
    keys = {new_api_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(key.startswith("tb_") and len(key) == 46 for key in keys)
    assert new_refresh_token().startswith("tbr_")
    assert not new_refresh_token().startswith("tb_")


def test_hashes_and_keys() -> None:
    assert sha256("abc") == hashlib.sha256(b"abc").hexdigest()
    assert derive_key(SECRET, "a") != derive_key(SECRET, "b")
    assert len(derive_key(SECRET, "a")) == 32
