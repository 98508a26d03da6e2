"""`traderbot db`: what is wrong is named with what to do; looking works while traderbot runs."""

import json
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from typer.testing import CliRunner

from replay.floor import floor
from servers import postgres_url
from traderbot.cli.main import app
from traderbot.cli.serve import demo_login
from traderbot.infra.leases import Leases
from traderbot.infra.migrations import configuration
from traderbot.infra.storage.database import Database

pytestmark = pytest.mark.integration


def run(home: Path, *words: str, **environment: str) -> Any:
    return CliRunner().invoke(app, ["db", *words, "--home", str(home)], env=environment)


def found(home: Path, **environment: str) -> dict[str, Any]:
    said = run(home, "check", "--json", **environment)
    return {check["name"]: check for check in json.loads(said.output)}


def change(url: str, *statements: str) -> None:
    database = Database(url)
    with database.write() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    database.close()


def test_looking_works_beside_a_running_traderbot_and_maintaining_says_to_stop_it(tmp_path: Path) -> None:
    with floor(tmp_path) as platform:
        demo_login(platform)
        assert run(tmp_path, "check").exit_code == 0
        said = run(tmp_path, "stats", "--json")
        assert {table["name"] for table in json.loads(said.output)["tables"]} > {"events", "orders"}
        assert "ix_events_stream" in run(tmp_path, "stats").output
        refused = run(tmp_path, "maintain")
        assert refused.exit_code == 1
        assert "in use by another traderbot process; stop it" in refused.output
    done = run(tmp_path, "maintain")
    assert done.exit_code == 0, done.output
    assert "forgot 0 answers" in done.output
    url = f"sqlite:///{tmp_path / 'traderbot.db'}"
    change(url, "DELETE FROM events WHERE position = 2")
    broken = run(tmp_path, "check")
    assert broken.exit_code == 1
    assert "1 of the positions" in broken.output


def test_a_home_without_a_database_is_told(tmp_path: Path) -> None:
    for word in ("check", "stats", "maintain"):
        said = run(tmp_path, word)
        assert said.exit_code == 1
        assert "no database at" in said.output


def test_a_schema_of_another_version_is_a_finding(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'traderbot.db'}"
    database = Database(url)
    with database.write() as connection:
        command.upgrade(configuration(connection), "0002")
    database.close()
    assert found(tmp_path)["schema"]["found"].startswith("at 0002, this version needs")


def test_missing_parts_are_a_finding_that_maintaining_mends(tmp_path: Path) -> None:
    with postgres_url() as url:
        at = {"TRADERBOT_DATABASE_URL": url}
        assert "maintain" in found(tmp_path, **at)["parts"]["remedy"]
        row = "'x', 1, 'X', 1, '', '', NULL, 0, '', ''"
        change(url, f"INSERT INTO events SELECT 5000000 + g, {row} FROM generate_series(1, 3) g")
        assert found(tmp_path, **at)["last part"]["state"] == "failed"
        done = run(tmp_path, "maintain", **at)
        assert done.exit_code == 0, done.output
        assert "made 5 parts" in done.output
        after = found(tmp_path, **at)
        assert after["parts"]["state"] == "ok"
        assert "last part" not in after
        assert run(tmp_path, "stats", **at).exit_code == 0


def test_two_do_not_maintain_at_once(tmp_path: Path) -> None:
    with postgres_url() as url:
        database = Database(url)
        leases = Leases(database, "another", 60)
        assert leases.acquire("maintenance") is not None
        refused = run(tmp_path, "maintain", TRADERBOT_DATABASE_URL=url)
        assert refused.exit_code == 1
        assert "Another process is maintaining" in refused.output
        leases.close()
        database.close()
