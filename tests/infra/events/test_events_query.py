"""Events are found by each of their marks, and by the index that is there for it."""

import pytest
import sqlalchemy as sa

from traderbot.infra.events.events_query import EventQuery, _query, find_events
from traderbot.infra.events.journal import Journal, Meta
from traderbot.infra.ids import new_id
from traderbot.infra.storage.database import Database
from traderbot.model.amounts import money
from traderbot.model.events import CashMoved, UserRegistered

pytestmark = pytest.mark.integration


@pytest.fixture
def stored(database: Database) -> Database:
    journal = Journal(database.dialect)
    for number in range(1, 31):
        with database.write() as connection:
            appends = journal.stage(connection, number * 10_000_000)
            meta = Meta("system", "" if number % 3 else f"group {number % 2}")
            event = UserRegistered(new_id()) if number == 20 else CashMoved(number, money(1), "deposit")
            appends.add("a" if number % 2 else "b", event, meta)
            appends.flush()
            appends.check()
        journal.publish(appends)
    return database


@pytest.mark.parametrize(
    ("wanted", "positions"),
    [
        (EventQuery(), list(range(30, 0, -1))),
        (EventQuery(("a",), before=6), [5, 3, 1]),
        (EventQuery(()), []),
        (EventQuery(types=("UserRegistered",)), [20]),
        (EventQuery(types=("OrderPlaced",)), []),
        (EventQuery(correlation="group 1"), [27, 21, 15, 9, 3]),
        (EventQuery(correlation="group 0", streams=("a",)), []),
        (EventQuery(after=25, until=28), [27, 26]),
        (EventQuery(recorded_after=280_000_000), [30, 29]),
        (EventQuery(recorded_until=20_000_001), [2, 1]),
        (EventQuery(recorded_after=50_000_000, recorded_until=70_000_000), [6]),
        (EventQuery(recorded_after=900_000_000), []),
        (EventQuery(recorded_until=1), []),
    ],
)
def test_what_is_found(stored: Database, wanted: EventQuery, positions: list[int]) -> None:
    with stored.read() as connection:
        assert [row.position for row in find_events(connection, wanted, 100)] == positions
        assert [row.position for row in find_events(connection, wanted, 2)] == positions[:2]


@pytest.mark.parametrize(
    ("wanted", "index", "of_a_part"),
    [
        (EventQuery(correlation="group 1"), "ix_events_correlation", "events_p0_correlation_position_idx"),
        (EventQuery(types=("UserRegistered",)), "ix_events_type", "events_p0_type_position_idx"),
        (EventQuery(("a",)), "ix_events_stream", "events_p0_stream_position_idx"),
    ],
)
def test_an_index_serves_it(stored: Database, wanted: EventQuery, index: str, of_a_part: str) -> None:
    text = str(
        _query(wanted, 1, 30).compile(dialect=stored.dialect, compile_kwargs={"literal_binds": True})
    ).replace("%%", "%")
    explain = "EXPLAIN " if stored.shared else "EXPLAIN QUERY PLAN "
    with stored.write() as connection:
        if stored.shared:
            connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        plan = " ".join(str(tuple(row)) for row in connection.execute(sa.text(explain + text)))
    assert (of_a_part if stored.shared else index) in plan, plan
