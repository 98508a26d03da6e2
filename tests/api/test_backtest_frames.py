"""What the websocket says of backtests: each change once, at most four times a second."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from traderbot.api.backtest_frames import EVERY_S, BacktestFrames
from traderbot.backtests.requests import Request, Results
from traderbot.backtests.submitted import repository
from traderbot.infra.ids import new_id
from traderbot.infra.migrations import migrate
from traderbot.infra.storage.database import Database
from traderbot.model.account import AccountKind

pytestmark = pytest.mark.integration

ADA = new_id()
_COSTS = Decimal(1), Decimal(2), Decimal("0.1")
REQUEST = Request("moving-average", {}, "demo", (), None, None, Decimal(1000), AccountKind.CASH, *_COSTS)


class Hands:
    """A clock that is put forward by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def told(frames: BacktestFrames, connection: Connection) -> list[tuple[Any, ...]]:
    return [(one["data"]["status"], one["data"]["progress"]) for one in frames.frames(connection)]


def test_changes_are_told_once_and_at_most_four_times_a_second(tmp_path: Path) -> None:
    database, hands = Database(f"sqlite:///{tmp_path / 'here.db'}"), Hands()
    migrate(database)
    frames = BacktestFrames(ADA, 20, shared=False, monotonic=hands)
    with database.write() as connection:
        repository.add(connection, new_id(), new_id(), REQUEST, 1)  # somebody else's
        assert frames.due()
        assert told(frames, connection) == []
        assert frames.pause_s is None  # a change wakes us
        repository.add(connection, new_id(), ADA, REQUEST, 1)
        assert not frames.due()
        assert frames.pause_s == EVERY_S
        hands.now += EVERY_S
        assert frames.due()
        assert told(frames, connection) == [("queued", 0.0)]
        assert told(frames, connection) == []
        (found,) = repository.page(connection, ADA, limit=5, before=None, status=None)
        assert repository.take(connection, found, 0, 2)
        for done in (0.1, 0.2, 0.34567):
            assert repository.progress(connection, found.id, 1, done)
        assert told(frames, connection) == [("running", 0.3457)]
        late = BacktestFrames(ADA, 20, shared=True)
        assert told(late, connection) == [("running", 0.3457)]
        repository.finish(connection, found.id, 1, Results({}, {}, []), 3)
        assert told(frames, connection) == [("done", 1.0)]
        assert frames.pause_s is None
        assert told(BacktestFrames(ADA, 20, shared=True), connection) == []
    database.close()
