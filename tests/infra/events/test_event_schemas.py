"""Every event of a played session fits its published schema, read back from its text alone."""

from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from replay.floor import floor
from traderbot.cli.serve import demo_login
from traderbot.infra.events.event_schemas import event_schemas
from traderbot.infra.events.journal import events
from traderbot.model.events import EVENT_TYPES

pytestmark = pytest.mark.integration


def test_every_type_is_published() -> None:
    schema = event_schemas()
    assert schema["properties"]["type"]["enum"] == sorted(EVENT_TYPES)
    for kind in EVENT_TYPES:
        assert schema["$defs"][kind]["type"] == "object"


def test_stored_events_fit_their_schemas(tmp_path: Path) -> None:
    definitions = event_schemas()["$defs"]
    with floor(tmp_path) as platform:
        demo_login(platform)
        for _ in range(3):
            platform.session.play(platform.session.replay.step + 1)
        with platform.database.read() as connection:
            rows = list(connection.execute(sa.select(events)))
    assert len({row.type for row in rows}) >= 4
    for row in rows:
        for name, text in ((row.type, row.data), ("Meta", row.metadata)):
            fields = msgspec.json.decode(text)
            shape = definitions[name]
            assert set(shape.get("required", ())) <= fields.keys()
            assert fields.keys() <= shape["properties"].keys(), (name, fields)
        msgspec.convert(msgspec.json.decode(row.data), EVENT_TYPES[row.type], strict=False)
