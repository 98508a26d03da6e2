"""The migrations make the schema that the code expects, once, and refuse what is not theirs."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

import traderbot.trading.tables
import traderbot.users.tables  # noqa: F401 - all tables, as the platform has them
from traderbot.infra.database import Database, metadata
from traderbot.infra.migrations import migrate
from traderbot.model.errors import ConfigurationError

pytestmark = pytest.mark.integration


def database(folder: Path) -> Database:
    return Database(f"sqlite:///{folder / 'schema.db'}")


def statements(found: Database) -> dict[str, str]:
    """The CREATE statements of a database by name, however they are laid out."""
    with found.read() as connection:
        rows = connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        return {row.name: " ".join(row.sql.split()).lower() for row in rows if row.name != "alembic_version"}


def test_a_fresh_database_has_no_difference_to_the_tables_of_the_code(tmp_path: Path) -> None:
    fresh = database(tmp_path)
    migrate(fresh)
    with fresh.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    fresh.close()


def test_columns_indexes_and_table_options_are_the_same_too(tmp_path: Path) -> None:
    """alembic's comparison does not see WITHOUT ROWID or an index's WHERE."""
    (tmp_path / "made").mkdir()
    fresh, made = database(tmp_path), database(tmp_path / "made")
    migrate(fresh)
    metadata.create_all(made.writer)
    found, wanted = statements(fresh), statements(made)
    assert found.keys() == wanted.keys()
    for name in wanted:
        assert ("without rowid" in found[name]) == ("without rowid" in wanted[name]), name
        if wanted[name].startswith("create index"):
            assert found[name] == wanted[name]
    fresh.close()
    made.close()


def test_running_again_changes_nothing(tmp_path: Path) -> None:
    fresh = database(tmp_path)
    migrate(fresh)
    before = statements(fresh)
    with fresh.read() as connection:
        version = connection.execute(sa.text("PRAGMA schema_version")).scalar()
    migrate(fresh)
    with fresh.read() as connection:
        assert connection.execute(sa.text("PRAGMA schema_version")).scalar() == version
    assert statements(fresh) == before
    fresh.close()


def test_a_schema_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    fresh = database(tmp_path)
    migrate(fresh)
    with fresh.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigurationError, match=r"9999.*newer"):
        migrate(fresh)
    fresh.close()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "schema.db").write_bytes(b"this is not a database at all, it is a letter" * 100)
    fresh = database(tmp_path)
    with pytest.raises(ConfigurationError, match=r"database_url: .*not a database"):
        migrate(fresh)
    fresh.close()
