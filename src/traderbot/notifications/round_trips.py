"""What a position gained from flat to flat, kept in a table as its executions come.

A position that was open before there were handlers counts from the first execution after that.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.engine import Connection, Dialect

from traderbot.engine.round_trips import RoundTrip, follow
from traderbot.infra.events.journal import Recorded
from traderbot.infra.storage.database import lookup_of, upsert_into
from traderbot.model import events as e
from traderbot.notifications.tables import round_trips
from traderbot.trading.streams import account_of

Key = tuple[UUID, str]


class Closed(NamedTuple):
    """A round trip that an event ended."""

    account_id: UUID
    recorded: Recorded
    symbol: str
    at: int
    trip: RoundTrip


class RoundTrips:
    """Takes the events of accounts that open, change and close positions."""

    def __init__(self, dialect: Dialect) -> None:
        self._find = lookup_of(round_trips, RoundTrip._fields, dialect)
        self._keep = upsert_into(round_trips, dialect)

    def take(self, connection: Connection, recorded: Sequence[Recorded]) -> list[Closed]:
        """Sum events up. Returns: the round trips they ended."""
        taken = [(account_id, one) for one in recorded if (account_id := account_of(one.stream)) is not None]
        keys = {(account_id, one.event.symbol) for account_id, one in taken}  # type: ignore[attr-defined]
        found = self._find.find_all(connection, sorted(keys)) if keys else {}
        trips: dict[Key, RoundTrip] = {key: RoundTrip(*found[key]) for key in keys if key in found}
        closed = []
        for account_id, one in taken:
            closed += _take(trips, account_id, one)
        rows: list[dict[str, Any]] = [
            {"account_id": account_id, "symbol": symbol, **trip._asdict()}
            for (account_id, symbol), trip in trips.items()
        ]
        self._keep.run(connection, rows)
        return closed


def _take(trips: dict[Key, RoundTrip], account_id: UUID, one: Recorded) -> list[Closed]:
    event = one.event
    assert isinstance(event, e.Execution | e.ExecutionBusted | e.CorporateActionApplied)
    key = account_id, event.symbol
    step = follow(trips.get(key), event)
    if not isinstance(event, e.CorporateActionApplied) or event.realised is not None:
        trips[key] = step.now
    if step.symbol != event.symbol:
        trips[account_id, step.symbol] = step.now
    return [] if step.ended is None else [Closed(account_id, one, event.symbol, event.at, step.ended)]
