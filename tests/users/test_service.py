"""What the service does that no endpoint shows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.ids import new_id
from traderbot.model.errors import Conflict, InvalidValue
from traderbot.users import repository, tables
from traderbot.users.errors import InvalidCredentials, InvalidToken
from traderbot.users.passwords import Passwords
from traderbot.users.people import Preferences, Principal, RiskTolerance
from traderbot.users.service import InsertUser
from users.desk import PASSWORD, Desk, open_desk

pytestmark = pytest.mark.integration

EMAIL = "ada@example.com"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path) as built:
        yield built


def count(desk: Desk, table: sa.Table) -> int:
    with desk.database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def api_key(desk: Desk) -> tuple[str, Principal]:
    _, tokens = desk.users.register(EMAIL, PASSWORD)
    principal = desk.users.authenticate(tokens.access_token)
    return desk.users.create_api_key(principal, "laptop")[1], principal


def test_a_user_and_their_account_are_made_together_or_not_at_all(tmp_path: Path) -> None:
    def failing_after_insert(user_id: object, insert_user: InsertUser, _role: object) -> None:
        def job(connection: Connection) -> None:
            insert_user(connection, new_id())
            raise RuntimeError("the account could not be opened")

        failing.writer.write(job)

    with open_desk(tmp_path, open_account=failing_after_insert) as failing:
        with pytest.raises(RuntimeError):
            failing.users.register(EMAIL, PASSWORD)
        assert count(failing, tables.users) == 0
        assert count(failing, tables.refresh_tokens) == 0


def test_an_address_taken_meanwhile_is_a_conflict_in_the_transaction(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.users.create_user(EMAIL, PASSWORD)
    monkeypatch.setattr(
        repository, "email_taken", lambda *_: False
    )  # as if both had looked before either wrote
    with pytest.raises(Conflict):
        desk.users.create_user(EMAIL, PASSWORD)
    assert count(desk, tables.users) == 1


def test_users_made_by_the_operator_may_be_admins(desk: Desk) -> None:
    user = desk.users.create_user(EMAIL, PASSWORD, role="admin", display_name="Ada")
    assert desk.users.user(user.id) == user
    assert (user.role, user.account_id) == ("admin", desk.opened[0])
    desk.users.require_admin(desk.users.authenticate(desk.users.login(EMAIL, PASSWORD).access_token))
    with pytest.raises(InvalidValue):
        desk.users.create_user("eve@example.com", "short")


def test_a_hash_of_old_figures_is_renewed_at_sign_in(desk: Desk) -> None:
    user = desk.users.create_user(EMAIL, PASSWORD)
    stale = Passwords(memory_kib=16, passes=1).hash(PASSWORD)
    desk.writer.write(lambda connection: repository.set_password_hash(connection, user.id, stale))
    desk.users.login(EMAIL, PASSWORD)
    with desk.database.read() as connection:
        found = repository.user_and_hash(connection, EMAIL)
    assert found is not None
    assert "$m=8,t=1,p=1$" in found[1]
    desk.users.login(EMAIL, PASSWORD)


def test_a_wrong_password_writes_nothing(desk: Desk) -> None:
    desk.users.create_user(EMAIL, PASSWORD)
    jobs = desk.writer.jobs
    for email in (EMAIL, "nobody@example.com"):
        with pytest.raises(InvalidCredentials):
            desk.users.login(email, "wrong password")
    assert desk.writer.jobs == jobs


def test_expired_refresh_tokens_are_removed_at_the_next_sign_in(desk: Desk) -> None:
    desk.users.register(EMAIL, PASSWORD)
    desk.users.login(EMAIL, PASSWORD)
    assert count(desk, tables.refresh_tokens) == 2
    desk.clock.forward(days=30)
    desk.users.login(EMAIL, PASSWORD)
    assert count(desk, tables.refresh_tokens) == 1


def test_a_key_is_looked_up_once_in_ten_seconds(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    key, _ = api_key(desk)
    assert desk.users.authenticate_in_memory(key) is None
    looked_up: list[str] = []
    whole = repository.api_key_and_user

    def counted(connection: Connection, digest: str) -> Any:
        looked_up.append(digest)
        return whole(connection, digest)

    monkeypatch.setattr(repository, "api_key_and_user", counted)
    for _ in range(5):
        assert desk.users.authenticate(key).via == "api_key"
    assert desk.users.authenticate_in_memory(key) is not None
    assert len(looked_up) == 1
    desk.clock.forward(seconds=10)
    assert desk.users.authenticate_in_memory(key) is None
    desk.users.authenticate(key)
    assert len(looked_up) == 2


def test_the_use_of_a_key_is_noted_once_an_hour(desk: Desk) -> None:
    key, principal = api_key(desk)
    noted = []
    for seconds in (0, 1800, 1789, 11):
        desk.clock.forward(seconds=seconds)
        desk.users.authenticate(key)
        noted.append(desk.users.api_keys(principal.user_id)[0].last_used_at)
    assert noted == [noted[0]] * 3 + [desk.clock.now()]


def test_a_key_of_a_deactivated_user_ends(desk: Desk) -> None:
    key, _ = api_key(desk)
    desk.users.authenticate(key)
    desk.writer.write(lambda connection: connection.execute(sa.update(tables.users).values(active=False)))
    desk.clock.forward(seconds=10)
    with pytest.raises(InvalidToken):
        desk.users.authenticate(key)


@pytest.mark.parametrize(
    "credential", ["tb_", "tb_x", "tb_" + "x" * 10_000, "tb_\ud800", "\ud800", "é", ""], ids=ascii
)
def test_odd_credentials_are_invalid_and_no_crash(desk: Desk, credential: str) -> None:
    with pytest.raises(InvalidToken):
        desk.users.authenticate(credential)


def test_preferences_and_their_event_are_written_together(tmp_path: Path) -> None:
    def failing_event(facts: object, job: object, actor: str) -> None:
        def both(connection: Connection) -> None:
            job(connection)  # type: ignore[operator]
            raise RuntimeError("the event could not be appended")

        failing.writer.write(both)

    with open_desk(tmp_path, record=failing_event) as failing:
        user = failing.users.create_user(EMAIL, PASSWORD)
        with pytest.raises(RuntimeError):
            failing.users.put_preferences(user.id, Preferences(RiskTolerance.AGGRESSIVE))
        assert failing.users.preferences(user.id) == Preferences()


def test_a_user_can_be_erased_with_all_that_is_theirs(desk: Desk) -> None:
    api_key(desk)
    user = desk.users.user(desk.users.authenticate(desk.users.login(EMAIL, PASSWORD).access_token).user_id)
    desk.users.put_preferences(user.id, Preferences(RiskTolerance.AGGRESSIVE))
    desk.writer.write(lambda connection: connection.execute(sa.delete(tables.users)))
    for table in (tables.preferences, tables.refresh_tokens, tables.api_keys):
        assert count(desk, table) == 0
