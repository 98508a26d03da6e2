"""`traderbot audit export|replay|why|checkpoint|archive` in a home that was traded in."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from cli.test_audit import home, run, tamper  # noqa: F401 - the fixture
from traderbot.infra.storage.database import Database, metadata
from trading.rig import Rig

pytestmark = pytest.mark.integration


def one(home: Path, query: str) -> Any:  # noqa: F811
    database = Database(f"sqlite:///{home / 'traderbot.db'}")
    with database.read() as connection:
        found = connection.execute(sa.text(query)).scalar()
    database.close()
    return found


def test_a_home_through_checkpoint_archive_and_back(home: Path, tmp_path: Path) -> None:  # noqa: F811
    mark = tmp_path / "mark.json"
    made = run(home, "checkpoint", "--out", str(mark))
    assert made.exit_code == 0, made.output
    before = run(home, "replay").output
    lines = tmp_path / "all.jsonl"
    assert run(home, "export", "--out", str(lines)).exit_code == 0
    count = one(home, "SELECT count(*) FROM events")
    stored = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [event["position"] for event in stored] == list(range(1, count + 1))

    archived = run(home, "archive", "--before-position", str(count - 1))
    assert archived.exit_code == 0, archived.output
    assert one(home, "SELECT count(*) FROM events") == 3, "two that stay, and that it was done"
    checked = run(home, "verify", "--checkpoint", str(mark))
    assert "agrees" in checked.output, checked.output
    assert run(home, "replay").output == before
    assert "are identical" in run(home, "rebuild").output
    table = tmp_path / "cash.parquet"
    assert run(home, "export", "--out", str(table), "--type", "CashMoved").exit_code == 0
    assert set(pl.read_parquet(table)["type"]) == {"CashMoved"}
    later = tmp_path / "later.parquet"
    assert run(home, "export", "--out", str(later), "--since", "2999-01-01").exit_code == 0
    assert len(pl.read_parquet(later)) == 0
    lines = tmp_path / "until.jsonl"
    assert run(home, "export", "--out", str(lines), "--until", "2999-01-01").exit_code == 0
    assert len(lines.read_text().splitlines()) == count + 1
    assert run(home, "replay", "--at", "1999-01-01").output == ""
    assert run(home, "replay", "--at", "2999-01-01").output == before
    assert run(home, "replay", "--position", "3").exit_code == 0
    next((home / "archive").glob("*.parquet")).unlink()
    gone = run(home, "verify")
    assert gone.exit_code == 1
    assert "is not there" in gone.output


def test_an_order_that_is_not_there_is_told(home: Path) -> None:  # noqa: F811
    assert run(home, "why", "0198c7a2-5e1f-7d3a-9b1c-2f6f5f0e8a11").exit_code == 1
    assert run(home, "why", "x").exit_code == 1


def test_a_table_that_is_not_the_fold_is_told(home: Path) -> None:  # noqa: F811
    tamper(home, "UPDATE accounts SET held = held + 1000000")
    found = run(home, "replay")
    assert found.exit_code == 1
    assert "not the fold" in found.output


def test_the_story_of_an_order_is_printed(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'traderbot.db'}")
    metadata.create_all(database.writer)
    rig = Rig(database)
    order_id = rig.place(rig.open())
    rig.close()
    found = run(tmp_path, "why", str(order_id))
    assert found.exit_code == 0, found.output
    assert len(found.output.splitlines()) >= 2


def test_a_checkpoint_of_another_home_is_told(home: Path, tmp_path: Path) -> None:  # noqa: F811
    mark = tmp_path / "mark.json"
    assert run(home, "checkpoint", "--out", str(mark)).exit_code == 0
    tamper(home, "UPDATE events SET stream = replace(stream, '-', '+')")
    tamper(home, "UPDATE stream_heads SET stream = replace(stream, '-', '+')")
    found = run(home, "verify", "--checkpoint", str(mark))
    assert found.exit_code == 1
    assert "of another journal" in found.output


def test_schemas_are_printed(home: Path) -> None:  # noqa: F811
    assert '"OrderFilled"' in run_bare("schemas").output


def run_bare(*words: str) -> Any:
    from typer.testing import CliRunner

    from traderbot.cli.main import app

    return CliRunner().invoke(app, ["audit", *words])
