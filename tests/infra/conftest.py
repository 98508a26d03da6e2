from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import KINDS, database_url, postgres_url
from traderbot.infra.storage.database import Database


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Every test of this fixture runs on each kind of database."""
    found: str = request.param
    return found


@pytest.fixture
def database(kind: str, tmp_path: Path) -> Iterator[Database]:
    """With the platform's tables."""
    with database_url(kind, tmp_path) as url:
        database = Database(url)
        yield database
        database.close()


@pytest.fixture
def empty(kind: str, tmp_path: Path) -> Iterator[Database]:
    """Without a table."""
    with database_url(kind, tmp_path, empty=True) as url:
        database = Database(url)
        yield database
        database.close()


@pytest.fixture
def postgres() -> Iterator[Database]:
    """PostgreSQL, with the platform's tables."""
    with postgres_url() as url:
        database = Database(url)
        yield database
        database.close()
