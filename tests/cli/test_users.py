"""`traderbot user create`: a user with an account, or one line of what is wrong."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from traderbot.bootstrap import Platform
from traderbot.cli.main import app
from traderbot.infra.settings import load_settings

pytestmark = pytest.mark.integration


def create(home: Path, *words: str, **environment: str) -> Any:
    return CliRunner().invoke(app, ["user", "create", "--home", str(home), *words], env=environment)


def test_a_user_can_sign_in_and_has_an_account(tmp_path: Path) -> None:
    found = create(tmp_path, "ann@example.com", "--password", "correct horse battery", "--role", "admin")
    assert found.exit_code == 0, found.output
    assert "ann@example.com (admin) with account" in found.output
    assert "correct horse" not in found.output
    platform = Platform.open(load_settings({"home": tmp_path}))
    try:
        tokens = platform.users.login("ann@example.com", "correct horse battery")
        assert platform.users.authenticate(tokens.access_token).role == "admin"
    finally:
        platform.close()


def test_a_password_is_made_and_printed_where_none_is_given(tmp_path: Path) -> None:
    found = create(tmp_path, "ann@example.com")
    assert found.exit_code == 0
    assert "password " in found.output
    given = create(tmp_path, "ben@example.com", NEW_USER_PASSWORD="correct horse battery")
    assert given.exit_code == 0
    assert "password " not in given.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["ann@example.com", "--password", "short"], "password"),
        (["ann@example.com", "--password", ""], "password"),
        (["not-an-address"], "email"),
    ],
)
def test_what_is_wrong_is_told_on_one_line(tmp_path: Path, words: list[str], told: str) -> None:
    found = create(tmp_path, *words)
    assert found.exit_code == 1
    assert told in found.output.splitlines()[-1]
    assert "Traceback" not in found.output


def test_an_address_is_taken_once(tmp_path: Path) -> None:
    assert create(tmp_path, "ann@example.com", "--password", "correct horse battery").exit_code == 0
    found = create(tmp_path, "Ann@Example.com", "--password", "another good password")
    assert found.exit_code == 1
    assert "Traceback" not in found.output


def test_a_home_that_is_running_is_told(tmp_path: Path) -> None:
    platform = Platform.open(load_settings({"home": tmp_path}))
    found = create(tmp_path, "ann@example.com")
    platform.close()
    assert found.exit_code == 1
    assert "in use" in found.output


def user(home: Path, *words: str) -> Any:
    return CliRunner().invoke(app, ["user", words[0], "--home", str(home), *words[1:]])


def test_the_first_user_is_the_owner_and_stays_one_until_there_is_another(tmp_path: Path) -> None:
    made = [create(tmp_path, f"{name}@example.com").output for name in ("ann", "ben")]
    assert "ann@example.com (owner)" in made[0]
    assert "ben@example.com (trader)" in made[1]
    for words in (("role", "ann@example.com", "trader"), ("deactivate", "ann@example.com")):
        refused = user(tmp_path, *words)
        assert refused.exit_code == 1
        assert "last owner" in refused.output
    assert "ben@example.com (owner)" in user(tmp_path, "role", "Ben@example.com", "owner").output
    assert "ann@example.com (owner, not active)" in user(tmp_path, "deactivate", "ann@example.com").output
    listed = user(tmp_path, "list").output.splitlines()
    assert [line.rpartition(" ")[0] for line in listed] == [
        "ben@example.com (owner)",
        "ann@example.com (owner, not active)",
    ]
    assert "ann@example.com (owner)" in user(tmp_path, "activate", "ann@example.com").output
    assert user(tmp_path, "role", "nobody@example.com", "viewer").exit_code == 1
