"""What the page on NATS shows to other languages works on a real stream."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from infra.journals import Desk, held, until, url_of
from servers import CannotRun, nats
from traderbot.infra.migrations import migrate
from traderbot.infra.storage.database import Database

pytestmark = pytest.mark.integration
PAGE = Path(__file__).parents[3] / "docs" / "jetstream.md"


def test_the_plain_consumer_of_the_page_follows_the_stream(tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(next(text for text in examples if "def follow" in text), names)
    database = Database(f"sqlite:///{tmp_path / 'journal.db'}")
    migrate(database)
    desk = Desk(database)
    try:
        with nats() as server:
            relay = desk.relay(server)
            desk.append(250)
            until(lambda: relay.position == 250)
            seen: dict[str, int] = {}
            asyncio.run(names["follow"](url_of(server), seen, 250))
            relay.stop()
            assert seen == {f"user:{user}": 50 for user in desk.users}
            assert [envelope.position for envelope in held(server)] == list(range(1, 251))
            assert all(envelope.holds() for envelope in held(server))
    except CannotRun as error:
        pytest.skip(f"NATS cannot be started here: {error}")
    finally:
        database.close()
