"""What a credential is good for follows what becomes of its holder, at once or within ten seconds."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from traderbot.infra.events.journal import Meta, Recorded
from traderbot.model.errors import Forbidden
from traderbot.model.platform_events import ApiKeyRevoked, RoleChanged, UserDeactivated
from traderbot.users import people_rows, repository
from traderbot.users.errors import InvalidToken
from traderbot.users.people import Grants, Principal, User
from users.desk import PASSWORD, Desk, open_desk

pytestmark = pytest.mark.integration


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path) as built:
        yield built


@pytest.fixture
def ada(desk: Desk) -> User:
    return desk.users.create_user("ada@example.com", PASSWORD)


def signed_in(desk: Desk, user: User) -> Principal:
    return desk.users.authenticate(desk.users.access_tokens.issue(user))


def elsewhere(desk: Desk, user: User, *, active: bool = True, role: str = "viewer") -> None:
    """As another process would change the person."""
    desk.writer.write(
        lambda connection: people_rows.set_standing(connection, user.id, role, active=active)  # type: ignore[arg-type]
    )


def test_a_change_nobody_tells_of_counts_after_ten_seconds(desk: Desk, ada: User) -> None:
    token = desk.users.access_tokens.issue(ada)
    _, key = desk.users.create_api_key(signed_in(desk, ada), "key")
    assert desk.users.authenticate(token).role == desk.users.authenticate(key).role == "trader"
    elsewhere(desk, ada)
    assert desk.users.authenticate_in_memory(token) is not None
    desk.clock.forward(seconds=10)
    assert desk.users.authenticate_in_memory(token) is None
    for credential in (token, key):
        found = desk.users.authenticate(credential)
        assert found.role == "viewer"
        assert not found.may("trade")


def test_a_change_that_is_told_counts_at_once(desk: Desk, ada: User) -> None:
    token = desk.users.access_tokens.issue(ada)
    made, key = desk.users.create_api_key(signed_in(desk, ada), "key")
    desk.users.authenticate(key)
    elsewhere(desk, ada)
    desk.users.hear([Recorded(1, f"user:{ada.id}", 1, RoleChanged(ada.id, "viewer"), Meta("x"), 0)])
    assert desk.users.authenticate(token).role == desk.users.authenticate(key).role == "viewer"
    elsewhere(desk, ada, active=False)
    desk.users.hear([Recorded(2, f"user:{ada.id}", 2, UserDeactivated(ada.id), Meta("x"), 0)])
    for credential in (token, key):
        with pytest.raises(InvalidToken):
            desk.users.authenticate(credential)
    elsewhere(desk, ada, role="trader")
    desk.users.credentials.forget(ada.id)
    desk.users.authenticate(key)
    now = desk.clock.now()
    desk.writer.write(lambda connection: repository.revoke_api_key(connection, ada.id, made.id, now))
    desk.users.hear([Recorded(3, f"user:{ada.id}", 3, ApiKeyRevoked(ada.id, made.id), Meta("x"), 0)])
    with pytest.raises(InvalidToken):
        desk.users.authenticate(key)


def test_what_was_read_before_a_change_is_not_remembered_after_it(
    desk: Desk, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that read the user just before, and is overtaken by the news."""
    token = desk.users.access_tokens.issue(ada)
    reading, told = threading.Event(), threading.Event()
    whole = repository.standing_of

    def slow(*arguments: object) -> tuple[User | None, int]:
        found = whole(*arguments)  # type: ignore[arg-type]
        reading.set()
        told.wait(10)
        return found

    monkeypatch.setattr(repository, "standing_of", slow)
    asked = threading.Thread(target=desk.users.authenticate, args=(token,))
    asked.start()
    assert reading.wait(10)
    elsewhere(desk, ada)
    desk.users.hear([Recorded(1, f"user:{ada.id}", 1, RoleChanged(ada.id, "viewer"), Meta("x"), 0)])
    told.set()
    asked.join(10)
    assert desk.users.authenticate(token).role == "viewer"


def test_a_key_past_its_expiry_ends_at_once_also_from_memory(desk: Desk, ada: User) -> None:
    expires_at = desk.clock.now() + 5_000_000
    grants = Grants(("read",), expires_at=expires_at)
    _, key = desk.users.create_api_key(signed_in(desk, ada), "key", grants=grants)
    assert desk.users.authenticate(key).granted == {"read"}
    desk.clock.forward(seconds=4)
    assert desk.users.authenticate_in_memory(key) is not None
    desk.clock.forward(seconds=1)
    for ask in (desk.users.authenticate_in_memory, desk.users.authenticate):
        with pytest.raises(InvalidToken):
            ask(key)


def test_a_key_has_no_more_than_its_maker_now(desk: Desk, ada: User) -> None:
    principal = signed_in(desk, ada)
    with pytest.raises(Forbidden):
        desk.users.create_api_key(principal, "key", grants=Grants(("read", "manage")))
    elsewhere(desk, ada)
    with pytest.raises(Forbidden):  # demoted since the token was looked at
        desk.users.create_api_key(principal, "key", grants=Grants(("trade",)))
    assert desk.users.api_keys(ada.id) == []


def test_the_journal_has_what_a_key_may_do_and_not_what_it_is_called(desk: Desk, ada: User) -> None:
    made, secret = desk.users.create_api_key(signed_in(desk, ada), "Ada's laptop")
    desk.users.revoke_api_key(ada.id, made.id)
    kinds = [type(entry.event).__name__ for entry in desk.recorded]
    assert kinds == ["ApiKeyCreated", "ApiKeyRevoked"]
    assert {entry.meta.actor for entry in desk.recorded} == {f"user:{ada.id}"}
    text = str(desk.recorded)
    assert "laptop" not in text
    assert secret[:8] not in text
