"""Passwords: argon2id, bounded length, bounded work at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from traderbot.model.errors import InvalidValue
from traderbot.users.passwords import Passwords
from users.desk import PASSWORD, weak_passwords

pytestmark = pytest.mark.unit


def test_hashing_and_checking() -> None:
    passwords = weak_passwords()
    kept = passwords.hash(PASSWORD)
    assert kept.startswith("$argon2id$")
    assert passwords.hash(PASSWORD) != kept
    assert passwords.verify(PASSWORD, kept)
    assert not passwords.verify(PASSWORD + "!", kept)
    assert not passwords.verify(PASSWORD, "not a hash")


def test_the_figures_in_use_are_owasps() -> None:
    assert "$m=19456,t=2,p=1$" in Passwords().hash(PASSWORD)


@pytest.mark.parametrize(
    "password", ["", "1234567", "x" * 129, "x" * 1_000_000, "1234567\ud800"], ids=lambda one: len(one)
)
def test_impossible_passwords_are_refused_without_repeating_them(password: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        weak_passwords().hash(password)
    assert refused.value.detail == "password: expected 8 to 128 characters"


def test_an_impossible_password_costs_a_check_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = weak_passwords()
    kept = passwords.hash("an impossible password")
    checked: list[str] = []
    whole = passwords._hasher.verify

    def counted(word: str, encoded: str) -> bool:
        checked.append(word)
        return whole(word, encoded)

    monkeypatch.setattr(passwords._hasher, "verify", counted)
    assert not passwords.verify("x" * 1_000_000, kept)
    assert len(checked) == 1


def test_composed_and_decomposed_letters_are_the_same_password() -> None:
    passwords = weak_passwords()
    assert passwords.verify("cafe\u0301 au lait", passwords.hash("caf\u00e9 au lait"))


def test_hashes_of_other_figures_are_outdated() -> None:
    passwords = weak_passwords()
    assert not passwords.outdated(passwords.hash(PASSWORD))
    assert Passwords(memory_kib=16, passes=1).outdated(passwords.hash(PASSWORD))


def test_no_more_than_allowed_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = Passwords(memory_kib=8, passes=1, at_once=3)
    lock, running, most = threading.Lock(), 0, 0
    together = threading.Barrier(3)

    def slow(*_: Any) -> bool:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(10)  # passes only in threes, so three did run together
        with lock:
            running -= 1
        return True

    monkeypatch.setattr(passwords._hasher, "verify", slow)
    with ThreadPoolExecutor(30) as pool:
        assert all(pool.map(lambda _: passwords.verify(PASSWORD, "x"), range(30)))
    assert most == 3
