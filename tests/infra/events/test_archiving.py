"""Old events go to files and are read there as if nothing had happened; what is missing is named."""

from hashlib import sha256
from pathlib import Path

import msgspec
import polars as pl
import pytest
import sqlalchemy as sa

from faults.tampering import filled, forged, rewritten, signed
from traderbot.infra.events import archiving
from traderbot.infra.events.archives import SCHEMA, Archive, ArchivesMissing, archives
from traderbot.infra.events.archiving import archive, damaged_archive, remove
from traderbot.infra.events.checkpoints import Checkpoint
from traderbot.infra.events.events_query import EventQuery, find_events
from traderbot.infra.events.journal import events, read, read_all, stream_heads, verify
from traderbot.infra.events.seals import Seal
from traderbot.infra.storage.database import Database
from traderbot.infra.storage.partitions import parts_of
from traderbot.infra.upkeep import misplaced_events
from traderbot.model.errors import InvalidValue, InvariantBroken

pytestmark = pytest.mark.integration


def note(connection: sa.Connection, kept: Archive) -> None:
    """As if somebody noted it elsewhere: these tests count events."""


def count(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(events)).scalar_one()


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
    first = archive(database, tmp_path, 41, 5, note)
    assert first is not None
    assert everything(database) == before, "written, not removed yet"
    assert remove(database) == 40
    assert everything(database) == before
    second = archive(database, tmp_path, 90, 6, note)
    assert second is not None
    assert (second.first, second.last) == (41, 89)
    assert remove(database) == 49
    assert everything(database) == before
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(events)).scalar() == 11
        assert damaged_archive(connection, Seal(tmp_path).public_key) is None
    assert archive(database, tmp_path, 90, 7, note) is None
    assert remove(database) == 0, "a removal that was cut short may be done again"


def test_the_journal_goes_on_behind_its_archive(database: Database, tmp_path: Path) -> None:
    filled(database, 30)
    kept = archive(database, tmp_path, 30, 5, note)
    assert kept is not None
    remove(database)
    filled(database, 10, begin=30)
    with database.read() as connection:
        assert verify(connection).events == 40
        assert [entry.position for entry in read(connection, after=25, limit=10)] == list(range(26, 36))


def test_a_checkpoint_covers_archived_events(database: Database, tmp_path: Path) -> None:
    filled(database, 30)
    file, key = signed(database, tmp_path)
    kept = archive(database, tmp_path, 20, 5, note)
    assert kept is not None
    remove(database)
    with database.read() as connection:
        assert verify(connection, Checkpoint.opened(file, key)).fault is None


def test_a_missing_file_is_named(database: Database, tmp_path: Path) -> None:
    filled(database, 30)
    kept = archive(database, tmp_path, 20, 5, note)
    assert kept is not None
    remove(database)
    Path(kept.file).rename(tmp_path / "elsewhere")
    with database.read() as connection:
        with pytest.raises(ArchivesMissing, match=r"events-1-19\.parquet") as found:
            read(connection)
        assert found.value.status == 503
        assert len(read(connection, after=19)) == 11, "what is in the table can be read all the same"


def test_a_file_that_was_changed_is_found_and_no_row_removed(database: Database, tmp_path: Path) -> None:
    filled(database, 30)
    kept = archive(database, tmp_path, 20, 5, note)
    assert kept is not None
    path = Path(kept.file)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(InvariantBroken, match="not the file"):
        remove(database)
    with database.read() as connection:
        assert "not the file" in (damaged_archive(connection, Seal(tmp_path).public_key) or "")
        assert connection.execute(sa.select(sa.func.count()).select_from(events)).scalar() == 30


@pytest.mark.parametrize("before", [0, 31])
def test_the_newest_event_stays(database: Database, tmp_path: Path, before: int) -> None:
    filled(database, 30)
    with pytest.raises(InvalidValue, match="before-position"):
        archive(database, tmp_path, before, 5, note)


class Killed(BaseException):
    """The process ends here."""


STEPS = ["_write_groups", "_signed", "_digest", "_sync", "note", "removal 0", "removal 1", "removal 3"]


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_nothing_is_lost_and_the_next_run_goes_on(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    filled(database, 60)
    before = everything(database)
    monkeypatch.setattr(archiving, "AT_ONCE", 7)

    def kill(*args: object) -> None:
        raise Killed

    with monkeypatch.context() as here:
        if step.startswith("_"):
            here.setattr(archiving, step, kill)

        def run() -> None:
            archive(database, tmp_path, 41, 5, kill if step == "note" else note)
            left, write = int(step.removeprefix("removal ")), database.write

            def writes() -> object:
                nonlocal left
                left -= 1
                return write() if left >= 0 else kill()

            here.setattr(database, "write", writes)
            remove(database)

        with pytest.raises(Killed):
            run()
    assert everything(database) == before
    again = archive(database, tmp_path, 41, 6, note)
    assert (again is None) == step.startswith("removal"), "what was committed counts, the rest is done again"
    remove(database)
    assert count(database) == 20
    assert everything(database) == before
    assert not list((tmp_path / "archive").glob(".writing*"))


def test_rows_that_are_kept_stay_and_nothing_reads_them_twice(database: Database, tmp_path: Path) -> None:
    filled(database, 100)
    before = everything(database)
    archive(database, tmp_path, 41, 5, note, keep=True)
    assert remove(database) == 0
    archive(database, tmp_path, 90, 6, note)
    assert remove(database) == 49
    assert count(database) == 51
    assert everything(database) == before
    with database.read() as connection:
        assert misplaced_events(connection) is None


def test_a_whole_part_is_dropped_where_files_have_all_of_it(postgres: Database, tmp_path: Path) -> None:
    filled(postgres, 60)
    with postgres.write() as connection:
        for statement in SMALL_PARTS:
            connection.execute(sa.text(statement))
    before = everything(postgres)
    archive(postgres, tmp_path, 35, 5, note)
    with postgres.read() as connection:
        connection.execute(sa.select(events.c.position).limit(1))  # somebody reads for long
        assert remove(postgres) == 34, "row by row then"
        assert len(parts_of(connection)) == 4
    assert remove(postgres) == 0
    with postgres.read() as connection:
        assert [part.start for part in parts_of(connection)] == [30, 50]
    archive(postgres, tmp_path, 55, 6, note)
    assert remove(postgres) == 20
    assert everything(postgres) == before


SMALL_PARTS = (
    "ALTER TABLE events DETACH PARTITION events_p0",
    "ALTER TABLE events DETACH PARTITION events_rest",
    "CREATE TABLE part_a PARTITION OF events FOR VALUES FROM (MINVALUE) TO (10)",
    "CREATE TABLE part_b PARTITION OF events FOR VALUES FROM (10) TO (30)",
    "CREATE TABLE part_c PARTITION OF events FOR VALUES FROM (30) TO (50)",
    "CREATE TABLE part_d PARTITION OF events FOR VALUES FROM (50) TO (MAXVALUE)",
    "INSERT INTO events SELECT * FROM events_p0",
)


def test_who_forges_file_and_row_is_found_by_the_signature(database: Database, tmp_path: Path) -> None:
    filled(database, 30)
    mark, key = signed(database, tmp_path)
    kept = archive(database, tmp_path, 30, 5, note)
    assert kept is not None
    remove(database)
    path, foe = Path(kept.file), tmp_path / "foe"
    foe.mkdir()
    rows = pl.read_parquet(path).to_dicts()
    rows[4]["data"] = rows[4]["data"].replace('"amount":"', '"amount":"9')
    with database.write() as connection:
        last = connection.execute(sa.select(events)).one()
        rows = forged([*rows, dict(last._mapping)])
        rewritten(connection, rows[-1:])
        connection.execute(sa.delete(stream_heads))
        names = ("stream", "version", "hash", "recorded_at")
        heads = {row["stream"]: {name: row[name] for name in names} for row in rows}
        connection.execute(sa.insert(stream_heads), list(heads.values()))
        pl.DataFrame(rows[:-1], schema=SCHEMA).write_parquet(path)
        digest = sha256(path.read_bytes()).digest()
        connection.execute(sa.update(archives).values(sha256=digest))
    beside = path.with_suffix(".json")
    manifest = msgspec.json.decode(beside.read_bytes(), type=archiving.Manifest)
    lie = msgspec.structs.replace(manifest, sha256=digest.hex(), signature="")
    with database.read() as connection:
        assert verify(connection).fault is None, "the chains alone do not tell"
        assert "one of them was replaced" in (damaged_archive(connection, key) or "")
        beside.write_bytes(msgspec.json.encode(archiving._signed(lie, Seal(foe))))
        assert f"not signed by the key {key}" in (damaged_archive(connection, key) or "")
        beside.unlink()
        assert "is no manifest" in (damaged_archive(connection, key) or "")
        found = verify(connection, Checkpoint.opened(mark, key)).fault
        assert found is not None
        assert found.startswith("position 5")


def test_only_files_that_can_have_it_are_opened(database: Database, tmp_path: Path) -> None:
    filled(database, 20)
    filled(database, 20, begin=9_000_000)
    for before in (21, 40):
        archive(database, tmp_path, before, 5, note)
    remove(database)
    next((tmp_path / "archive").glob("events-1-*.parquet")).unlink()
    with database.read() as connection:
        found = find_events(connection, EventQuery(recorded_after=9_500_000), 100)
    assert len(found) == 20
