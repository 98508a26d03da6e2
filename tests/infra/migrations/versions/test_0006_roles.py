"""People and keys of a home from before the roles keep what they could do, and nobody gains anything by a way
back.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from servers import KINDS, database_url
from traderbot.infra import migrations
from traderbot.infra.ids import new_id
from traderbot.infra.migrations import migrate
from traderbot.infra.storage.database import ID, Database
from traderbot.users import tables

pytestmark = pytest.mark.integration

USERS = {
    "late admin": ("admin", True, 2),
    "gone admin": ("admin", False, 0),
    "first admin": ("admin", True, 1),
    "trader": ("trader", True, 0),
}


def step(database: Database, way: Callable[[Config, str], None], revision: str) -> None:
    """Take the schema up or down."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with database.write() as connection:
        config.attributes["connection"] = connection
        way(config, revision)


@pytest.fixture(params=KINDS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with database_url(request.param, tmp_path, empty=True) as url:
        database = Database(url)
        step(database, command.upgrade, "0005")
        with database.write() as connection:
            for name, (role, active, created_at) in USERS.items():
                insert_user(connection, name, role, active, created_at)
        yield database
        database.close()


def insert_user(connection: sa.Connection, name: str, role: str, active: bool, created_at: int) -> UUID:
    users = sa.table("users", sa.column("id", ID), *map(sa.column, ("email", "display_name", "role")),
                     *map(sa.column, ("password_hash", "active", "created_at")))  # fmt: skip
    keys = sa.table("api_keys", sa.column("id", ID), sa.column("user_id", ID),
                    *map(sa.column, ("name", "prefix", "key_hash", "created_at")))  # fmt: skip
    user_id = new_id()
    connection.execute(
        sa.insert(users).values(
            id=user_id, email=name, display_name=name, role=role, password_hash="x", active=active,
            created_at=created_at,
        )
    )  # fmt: skip
    connection.execute(
        sa.insert(keys).values(
            id=new_id(), user_id=user_id, name=name, prefix="tb_", key_hash=name, created_at=created_at
        )
    )
    return user_id


def rows(database: Database, *columns: str, table: str = "users") -> dict[str, tuple[Any, ...]]:
    key = "email" if table == "users" else "name"
    with database.read() as connection:
        found = connection.execute(sa.text(f"SELECT {key}, {', '.join(columns)} FROM {table}"))
        return {row[0]: tuple(row[1:]) for row in found}


def test_the_oldest_active_admin_becomes_the_owner_and_keys_keep_what_they_could(old: Database) -> None:
    migrate(old)
    roles = {name: role for name, (role,) in rows(old, "role").items()}
    assert roles == {
        "late admin": "admin", "gone admin": "admin", "first admin": "owner", "trader": "trader"
    }  # fmt: skip
    scopes = {name: scope for name, (scope,) in rows(old, "scopes", table="api_keys").items()}
    assert scopes["trader"] == "read,trade"
    assert scopes["late admin"] == "read,trade,manage"


def test_the_way_back_makes_nobody_more_than_they_were(old: Database) -> None:
    migrate(old)
    with old.write() as connection:
        viewer = sa.update(tables.users).where(tables.users.c.email == "trader")
        connection.execute(viewer.values(role="viewer"))
        bound = sa.update(tables.api_keys).where(tables.api_keys.c.name == "late admin")
        connection.execute(bound.values(daily_notional=100))
    step(old, command.downgrade, "0005")
    found = rows(old, "role", "active")
    assert found["first admin"][0] == "admin"
    assert found["trader"][0] == "trader"
    assert not found["trader"][1]
    ended = {name for name, (at,) in rows(old, "revoked_at", table="api_keys").items() if at is not None}
    assert ended == {"late admin"}
    migrate(old)
    assert rows(old, "role")["first admin"] == ("owner",)
