"""Parts are made ahead, and nothing is lost or moved where they were not."""

from typing import Any

import pytest
import sqlalchemy as sa

from traderbot.infra.events.journal import events, last_position
from traderbot.infra.setting_types import PART_SIZE
from traderbot.infra.storage.database import Database
from traderbot.infra.storage.partitions import (
    AHEAD,
    REST,
    ensure_partitions,
    parts_ahead,
    parts_of,
    rest_is_used,
)

pytestmark = pytest.mark.integration


def append(database: Database, *positions: int) -> None:
    row: dict[str, Any] = dict.fromkeys(("stream", "type", "data", "metadata"), "x")
    row |= dict.fromkeys(("version", "schema_version", "recorded_at"), 1) | {"prev_hash": b"", "hash": b""}
    with database.write() as connection:
        connection.execute(sa.insert(events), [row | {"position": at} for at in positions])


def parts_are_whole(database: Database) -> None:
    """From the least to the largest position without a gap, the open one last."""
    with database.read() as connection:
        parts = parts_of(connection)
    assert parts[0].start is None
    assert parts[-1].end is None
    assert parts[-1].name == REST
    assert [part.end for part in parts[:-1]] == [part.start for part in parts[1:]]


def test_parts_are_made_ahead_once(postgres: Database) -> None:
    with postgres.write() as connection:
        made = ensure_partitions(connection, 0, 1000)
    assert len(made) == AHEAD
    parts_are_whole(postgres)
    with postgres.write() as connection:
        assert ensure_partitions(connection, PART_SIZE - 1, 1000) == []
        assert len(ensure_partitions(connection, PART_SIZE, 1000)) == 1
        assert parts_ahead(connection, PART_SIZE) == AHEAD
    parts_are_whole(postgres)


def test_what_found_no_part_of_its_own_becomes_one_where_it_is(postgres: Database) -> None:
    append(postgres, 1, PART_SIZE - 1, PART_SIZE, PART_SIZE + 2500)
    with postgres.write() as connection:
        assert rest_is_used(connection)
        made = ensure_partitions(connection, last_position(connection), 1000)
        assert made[0] == f"events_p{PART_SIZE}"
        assert len(made) == AHEAD + 1
        assert not rest_is_used(connection)
    parts_are_whole(postgres)
    append(postgres, PART_SIZE + 2501, PART_SIZE + 3000)
    with postgres.read() as connection:
        found = connection.execute(sa.select(events.c.position).order_by("position")).scalars().all()
        assert found[-4:] == [PART_SIZE, PART_SIZE + 2500, PART_SIZE + 2501, PART_SIZE + 3000]
        assert last_position(connection) == PART_SIZE + 3000
        own = connection.execute(sa.text(f"SELECT count(*) FROM events_p{PART_SIZE}")).scalar()
        assert own == 3, "the rows that were there, and one more"


def test_the_last_position_is_read_from_the_last_part_alone(postgres: Database) -> None:
    append(postgres, *range(1, 50))
    with postgres.write() as connection:
        ensure_partitions(connection, 49, 1000)
        asked = sa.select(sa.func.max(events.c.position))
        plan = connection.exec_driver_sql(f"EXPLAIN {asked}").scalars().all()
    assert not any("Merge" in line or "Sort" in line for line in plan), plan


def test_sqlite_keeps_the_journal_whole(database: Database) -> None:
    if not database.shared:
        with database.write() as connection:
            assert parts_of(connection) == []
            assert ensure_partitions(connection, 10**9) == []
