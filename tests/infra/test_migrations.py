"""The migrations make the schema that the code expects, once, and refuse what is not theirs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

import traderbot.alerts.tables
import traderbot.backtests.submitted.tables
import traderbot.infra.delivery.handler_records
import traderbot.infra.delivery.relay
import traderbot.infra.events.journal
import traderbot.notifications.tables
import traderbot.rebalancing.rows
import traderbot.risk.saved
import traderbot.trading.limit_guards
import traderbot.trading.tables
import traderbot.users.tables  # noqa: F401 - all tables, as the platform has them
from servers import database_url
from traderbot.infra.migrations import migrate
from traderbot.infra.storage.database import Database, metadata
from traderbot.model.errors import ConfigurationError

pytestmark = pytest.mark.integration


def shape(found: Database) -> list[tuple[object, ...]]:
    """Tables, columns, indexes and table options, however they were made."""
    with found.read() as connection:
        if found.shared:
            return [tuple(row) for row in connection.execute(sa.text(_POSTGRES_SHAPE))]
        rows = connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        shapes = [(row.name, " ".join(row.sql.split()).lower()) for row in rows]
    return sorted(
        (name, sql if sql.startswith("create index") else "without rowid" in sql)
        for name, sql in shapes
        if name != "alembic_version"
    )


_POSTGRES_SHAPE = """
SELECT table_name, column_name, data_type, numeric_scale, character_maximum_length, is_nullable
FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
UNION ALL
SELECT tablename, indexname, indexdef, NULL, NULL, NULL
FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'
AND tablename NOT IN (SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r')
UNION ALL
SELECT inhparent::regclass::text, relname, pg_get_expr(relpartbound, pg_class.oid), NULL, NULL, NULL
FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE relkind = 'r'
ORDER BY 1, 2
"""
_PARTS = "SELECT relname FROM pg_class WHERE relispartition"


def differences(connection: sa.Connection) -> list[object]:
    """What alembic would change to get from the database to the tables of the code; parts are not tables."""
    parts: set[str | None] = set()
    if connection.dialect.name == "postgresql":
        parts.update(connection.execute(sa.text(_PARTS)).scalars())
    opts = {"compare_type": True, "include_name": lambda name, _kind, _parents: name not in parts}
    return list(compare_metadata(MigrationContext.configure(connection, opts=opts), metadata))


def test_a_fresh_database_has_no_difference_to_the_tables_of_the_code(empty: Database) -> None:
    migrate(empty)
    with empty.read() as connection:
        assert differences(connection) == []


def test_columns_indexes_and_table_options_are_the_same_too(
    kind: str, empty: Database, tmp_path: Path
) -> None:
    """alembic's comparison does not see WITHOUT ROWID or an index's WHERE."""
    migrate(empty)
    (tmp_path / "made").mkdir()
    with database_url(kind, tmp_path / "made", empty=True) as url:
        made = Database(url)
        metadata.create_all(made.writer)
        assert shape(empty) == shape(made)
        made.close()


def test_running_again_changes_nothing(empty: Database) -> None:
    migrate(empty)
    before = shape(empty)
    migrate(empty)
    assert shape(empty) == before


def test_processes_that_start_together_make_one_schema(empty: Database) -> None:
    imports = "import sys, traderbot.infra.storage.database as d, traderbot.infra.migrations as m"
    program = f"{imports}; m.migrate(d.Database(sys.argv[1]))"
    url = empty.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", program, url]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    started = [subprocess.Popen(command, env=environment) for _ in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    with empty.read() as connection:
        assert differences(connection) == []


def test_a_schema_of_a_newer_version_is_refused(database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigurationError, match=r"9999.*newer"):
        migrate(database)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "schema.db").write_bytes(b"this is not a database at all, it is a letter" * 100)
    fresh = Database(f"sqlite:///{tmp_path / 'schema.db'}")
    with pytest.raises(ConfigurationError, match=r"database_url: .*not a database"):
        migrate(fresh)
    fresh.close()


def test_a_server_that_is_not_there_is_told_without_its_password() -> None:
    gone = Database("postgresql://me:secret@127.0.0.1:9/nothing")
    with pytest.raises(ConfigurationError, match=r"database_url: .*refused") as found:
        migrate(gone)
    assert "secret" not in found.value.detail
    gone.close()
