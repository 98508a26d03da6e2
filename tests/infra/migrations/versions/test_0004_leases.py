"""A session on record before it could be turned is one that nobody has turned; the step back forgets it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from servers import KINDS, database_url
from traderbot.infra import migrations
from traderbot.infra.ids import new_id
from traderbot.infra.storage.database import Database

pytestmark = pytest.mark.integration


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with database_url(request.param, tmp_path, empty=True) as url:
        database = Database(url)
        yield database
        database.close()


def configured(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["connection"] = connection
    return config


def test_up_and_down_with_a_session_on_record(database: Database) -> None:
    with database.write() as connection:
        command.upgrade(configured(connection), "0003")
    with database.write() as connection:
        value = "x'" + new_id().hex + "'" if connection.dialect.name == "sqlite" else f"'{new_id()}'"
        connection.exec_driver_sql(
            "INSERT INTO market_sessions (id, dataset, dataset_hash, calendar, step, at)"
            f" VALUES ({value}, 'd', 'h', 'XNYS', 4, 9)"
        )
    with database.write() as connection:
        command.upgrade(configured(connection), "0004")
        row = connection.exec_driver_sql("SELECT step, paused, speed, jump_to FROM market_sessions").one()
        assert tuple(row) == (4, None, None, None)
        connection.exec_driver_sql("INSERT INTO leases VALUES ('session', 'one', 1, 2)")
    with database.write() as connection:
        command.downgrade(configured(connection), "0003")
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT step FROM market_sessions")).scalars().all() == [4]
        there = sa.inspect(connection)
        assert {"leases", "assignments"}.isdisjoint(there.get_table_names())
        assert "paused" not in {column["name"] for column in there.get_columns("market_sessions")}
