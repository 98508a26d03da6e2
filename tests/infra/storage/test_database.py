"""Readers that cannot write and see one state, commits that last, one process a home."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from traderbot.infra.storage.bulk import cursor_of
from traderbot.infra.storage.database import Database, lock_home
from traderbot.model.errors import ConfigurationError

pytestmark = pytest.mark.integration

things = sa.Table("things", sa.MetaData(), sa.Column("name", sa.Text, primary_key=True))
COUNT = sa.select(sa.func.count()).select_from(things)


@pytest.fixture
def database(empty: Database) -> Database:
    things.create(empty.writer)
    return empty


def add(database: Database, *names: str) -> None:
    with database.write() as connection:
        connection.execute(sa.insert(things), [{"name": name} for name in names])


def test_a_reader_cannot_write_and_sees_one_state(database: Database) -> None:
    with database.read() as reader:
        assert reader.execute(COUNT).scalar() == 0
        add(database, "a")
        assert reader.execute(COUNT).scalar() == 0
        remove = sa.delete(things)
        with pytest.raises(sa.exc.DBAPIError, match=r"readonly|read-only"):
            reader.execute(remove)
    with database.read() as reader:
        assert reader.execute(COUNT).scalar() == 1


def test_an_error_rolls_back(database: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        add(database, "a", "a")
    with database.read() as reader:
        assert reader.execute(COUNT).scalar() == 0


def test_commits_are_durable(database: Database) -> None:
    with database.writer.connect() as connection:
        names = ("journal_mode", "synchronous", "foreign_keys")
        if database.shared:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
        else:
            asked = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names}
            assert asked == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_tidying_up_leaves_all_there(database: Database) -> None:
    add(database, "a")
    with database.writer.connect() as connection:
        database.tidy(connection)
        if not database.shared:
            pages = cursor_of(connection).execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            assert pages[1] == pages[2], "every page of the log is in the file"
        assert connection.execute(COUNT).scalar() == 1


def test_a_sound_database_shows_no_damage(database: Database) -> None:
    with database.read() as connection:
        assert database.damage(connection) is None


def test_a_scratch_database_is_empty_and_leaves_nothing(database: Database) -> None:
    with database.scratch() as scratch:
        things.create(scratch.writer)
        add(scratch, "a")
        with scratch.read() as reader:
            assert reader.execute(COUNT).scalar() == 1
        with database.read() as reader:
            assert reader.execute(COUNT).scalar() == 0
    with database.scratch() as again, again.writer.connect() as connection:
        assert not sa.inspect(connection).has_table("things")


def test_repairs_are_committed(database: Database) -> None:
    with database.repair([things]) as connection:
        connection.execute(sa.insert(things).values(name="a"))
    with database.read() as reader:
        assert reader.execute(COUNT).scalar() == 1


@pytest.mark.parametrize("url", ["mysql://localhost/x", "oracle://x", "nonsense", ""])
def test_other_databases_are_refused_by_name(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"database_url: expected sqlite:///PATH or postgresql"):
        Database(url)


@pytest.mark.parametrize("url", ["mysql://localhost/x", "mysql+pymysql://me@h/x", "mariadb://h/x"])
def test_mysql_is_refused_with_the_reason(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"is not supported: it commits each change of the schema"):
        Database(url)


def test_a_home_belongs_to_one_process(tmp_path: Path) -> None:
    handle = lock_home(tmp_path / "home")
    with pytest.raises(ConfigurationError, match="in use"):
        lock_home(tmp_path / "home")
    handle.close()
    lock_home(tmp_path / "home").close()
