"""A database tells of itself, and is kept in shape while it is used."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from servers import KINDS, database_url
from traderbot.infra.storage.database import Database
from traderbot.infra.upkeep import as_plain, broken_indexes, misplaced_events, refresh, statistics
from trading.rig import Rig

pytestmark = pytest.mark.integration


@pytest.fixture(params=KINDS)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    with database_url(request.param, tmp_path) as url:
        rig = Rig(Database(url))
        rig.own(rig.open())
        yield rig
        rig.close()


def change(rig: Rig, statement: str) -> None:
    with rig.database.write() as connection:
        connection.exec_driver_sql(statement)


def test_statistics_name_tables_and_indexes_whole(rig: Rig) -> None:
    assert refresh(rig.database)
    found = statistics(rig.database)
    tables = {table.name: table for table in found.tables}
    assert tables["orders"].rows == 1
    assert tables["events"].rows == 4
    assert not [name for name in tables if name.startswith(("orders_p", "events_p", "events_rest"))]
    assert {"ix_orders_account", "ix_events_stream"} <= {index.name for index in found.indexes}
    assert found.bytes > 0
    if rig.database.shared:
        assert found.cache_hits is not None
        assert any(name.startswith("traderbot ") for name in found.connections)
    plain: Any = as_plain(found)
    assert plain["tables"][0]["name"] == found.tables[0].name


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM events WHERE position = 2", "1 of the positions 1 to 4 are missing"),
        ("UPDATE stream_heads SET version = version + 3", "the streams have"),
        ("DELETE FROM events WHERE position = 4", "the last position is 3"),
    ],
)
def test_lost_events_are_found_by_counting(rig: Rig, statement: str, told: str) -> None:
    assert rig.read(misplaced_events) is None
    change(rig, statement)
    assert told in (rig.read(misplaced_events) or "")


def test_an_index_that_was_broken_off_is_found(postgres: Database) -> None:
    with postgres.read() as connection:
        assert broken_indexes(connection) == []
    statement = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_fills_order_id'::regclass"
    with postgres.write() as connection:
        connection.exec_driver_sql(statement)
    with postgres.read() as connection:
        assert broken_indexes(connection) == ["ix_fills_order_id"]


def test_room_is_given_back(tmp_path: Path) -> None:
    with database_url("sqlite", tmp_path) as url:
        database = Database(url)
        with database.write() as connection:
            connection.exec_driver_sql("CREATE TABLE large (a TEXT)")
            connection.execute(
                sa.text("INSERT INTO large VALUES (:a)"), [{"a": "x" * 3000} for _ in range(500)]
            )
        with database.write() as connection:
            connection.exec_driver_sql("DELETE FROM large")
        assert any("gave back" in line for line in refresh(database))
        database.close()
