"""`traderbot audit`: a tampered journal is named, a tampered table mended, a wrong directory not audited."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from replay.floor import floor
from traderbot.cli.main import app
from traderbot.cli.serve import demo_login
from traderbot.infra.storage.database import Database

pytestmark = pytest.mark.integration


def run(home: Path, *words: str) -> Any:
    return CliRunner().invoke(app, ["audit", *words, "--home", str(home)])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with floor(tmp_path) as platform:
        demo_login(platform)
        platform.session.play(platform.session.replay.step + 1)
    return tmp_path


def tamper(home: Path, statement: str) -> None:
    database = Database(f"sqlite:///{home / 'traderbot.db'}")
    with database.write() as connection:
        connection.execute(sa.text(statement))
    database.close()


def test_a_whole_journal_verifies(home: Path) -> None:
    found = run(home, "verify")
    assert found.exit_code == 0, found.output
    assert "every chain holds" in found.output


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE events SET data = replace(data, '100000', '900000') WHERE type = 'CashMoved'", "CashMoved"),
        ("UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 3", "position 3"),
        ("DELETE FROM events WHERE position = 4", "position 5"),
        ("UPDATE stream_heads SET version = version + 1 WHERE stream LIKE 'account:%'", "its head"),
    ],
)
def test_a_tampered_journal_is_named_at_its_first_bad_event_and_not_rebuilt(
    home: Path, statement: str, told: str
) -> None:
    tamper(home, statement)
    found = run(home, "verify")
    assert found.exit_code == 1
    assert told in found.output
    rebuilt = run(home, "rebuild", "--replace")
    assert rebuilt.exit_code == 1
    assert "nothing was rebuilt" in rebuilt.output


def test_a_tampered_table_is_found_and_with_replace_mended(home: Path) -> None:
    assert "are identical" in run(home, "rebuild").output
    tamper(home, "UPDATE accounts SET cash = cash + 1000000")
    found = run(home, "rebuild")
    assert found.exit_code == 1
    assert "accounts: 1 rows missing, 1 too many" in found.output
    assert run(home, "rebuild").exit_code == 1
    mended = run(home, "rebuild", "--replace")
    assert mended.exit_code == 0, mended.output
    assert "were replaced" in mended.output
    assert run(home, "rebuild").exit_code == 0


def test_a_directory_without_a_database_is_told_and_not_made(tmp_path: Path) -> None:
    found = run(tmp_path / "typo", "verify")
    assert found.exit_code == 1
    assert "no database at" in found.output
    assert not (tmp_path / "typo").exists()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "traderbot.db").write_bytes(b"a letter " * 500)
    found = run(tmp_path, "verify")
    assert found.exit_code == 1
    assert "not a database" in found.output
    assert "Traceback" not in found.output


def test_a_damaged_file_is_no_whole_journal(home: Path) -> None:
    path = home / "traderbot.db"
    database = Database(f"sqlite:///{path}")
    with database.read() as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'orders'"
        root = connection.execute(sa.text(query)).scalar_one()
        size = connection.execute(sa.text("PRAGMA page_size")).scalar_one()
    database.close()
    content = bytearray(path.read_bytes())
    content[(root - 1) * size : root * size] = b"\x99" * size
    path.write_bytes(content)
    found = run(home, "verify")
    assert found.exit_code == 1
    assert "database" in found.output
