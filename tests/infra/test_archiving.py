"""Old events go to files and are read there as if nothing had happened; what is missing is named."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from faults.tampering import filled, signed
from traderbot.infra.archives import ArchivesMissing
from traderbot.infra.archiving import archive, damaged_archive, remove
from traderbot.infra.checkpoints import Checkpoint
from traderbot.infra.database import Database
from traderbot.infra.events_query import EventQuery, find_events
from traderbot.infra.journal import events, read, read_all, verify
from traderbot.model.errors import InvalidValue, InvariantBroken

pytestmark = pytest.mark.integration


def everything(database: Database) -> list[object]:
    with database.read() as connection:
        assert verify(connection).fault is None
        return [
            list(read_all(connection, page=7)),
            read(connection, stream="stream 7", limit=4),
            read(connection, stream="stream 7", from_version=3),
            read(connection, after=20, limit=30, types=["CashMoved"]),
            find_events(connection, EventQuery(), 1000),
            find_events(connection, EventQuery(("stream 7", "stream 0"), before=90), 10),
            find_events(connection, EventQuery(recorded_until=1_000_001), 10),
        ]


def test_nothing_that_reads_sees_a_difference(database: Database, tmp_path: Path) -> None:
    filled(database, 100)
    before = everything(database)
    first = archive(database, tmp_path, 41, now=5)
    assert first is not None
    assert everything(database) == before, "written, not removed yet"
    assert remove(database, first) == 40
    assert everything(database) == before
    second = archive(database, tmp_path, 90, now=6)
    assert second is not None
    assert (second.first, second.last) == (41, 89)
    assert remove(database, second) == 49
    assert everything(database) == before
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(events)).scalar() == 11
        assert damaged_archive(connection) is None
    assert archive(database, tmp_path, 90, now=7) is None
    assert remove(database, first) == 0, "a removal that was cut short may be done again"


def test_the_journal_goes_on_behind_its_archive(database: Database, tmp_path: Path) -> None:
    filled(database, 30)
    kept = archive(database, tmp_path, 30, now=5)
    assert kept is not None
    remove(database, kept)
    filled(database, 10, begin=30)
    with database.read() as connection:
        assert verify(connection).events == 40
        assert [entry.position for entry in read(connection, after=25, limit=10)] == list(range(26, 36))


def test_a_checkpoint_covers_archived_events(database: Database, tmp_path: Path) -> None:
    filled(database, 30)
    file, key = signed(database, tmp_path)
    kept = archive(database, tmp_path, 20, now=5)
    assert kept is not None
    remove(database, kept)
    with database.read() as connection:
        assert verify(connection, Checkpoint.opened(file, key)).fault is None


def test_a_missing_file_is_named(database: Database, tmp_path: Path) -> None:
    filled(database, 30)
    kept = archive(database, tmp_path, 20, now=5)
    assert kept is not None
    remove(database, kept)
    Path(kept.file).rename(tmp_path / "elsewhere")
    with database.read() as connection:
        with pytest.raises(ArchivesMissing, match=r"events-1-19\.parquet") as found:
            read(connection)
        assert found.value.status == 503
        assert len(read(connection, after=19)) == 11, "what is in the table can be read all the same"


def test_a_file_that_was_changed_is_found_and_no_row_removed(database: Database, tmp_path: Path) -> None:
    filled(database, 30)
    kept = archive(database, tmp_path, 20, now=5)
    assert kept is not None
    path = Path(kept.file)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(InvariantBroken, match="not the file"):
        remove(database, kept)
    with database.read() as connection:
        assert "not the file" in (damaged_archive(connection) or "")
        assert connection.execute(sa.select(sa.func.count()).select_from(events)).scalar() == 30


@pytest.mark.parametrize("before", [0, 31])
def test_the_newest_event_stays(database: Database, tmp_path: Path, before: int) -> None:
    filled(database, 30)
    with pytest.raises(InvalidValue, match="before-position"):
        archive(database, tmp_path, before, now=5)
