from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import KINDS, database_url
from traderbot.infra.storage.database import Database
from trading.rig import Rig


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with database_url(request.param, tmp_path) as url:
        database = Database(url)
        yield database
        database.close()


@pytest.fixture
def rig(database: Database) -> Iterator[Rig]:
    rig = Rig(database)
    yield rig
    rig.close()
