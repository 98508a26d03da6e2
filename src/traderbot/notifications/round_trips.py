"""What a position gained from flat to flat, summed up from its executions as they come.

A position that was open before there were handlers counts from the first execution after that.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.engine import Connection, Dialect

from traderbot.infra.database import lookup_of, upsert_into
from traderbot.infra.journal import Recorded
from traderbot.model import events as e
from traderbot.model.account import NOTHING
from traderbot.model.orders import Side
from traderbot.notifications.tables import round_trips
from traderbot.notifications.texts import RoundTrip
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
    if isinstance(event, e.CorporateActionApplied):
        return _act(trips, account_id, one, event)
    assert isinstance(event, e.Execution | e.ExecutionBusted)
    key, sign = (account_id, event.symbol), 1 if event.side is Side.BUY else -1
    after = event.position_qty
    trip = trips.get(key) or RoundTrip(event.at, 0, NOTHING, NOTHING)
    if isinstance(event, e.ExecutionBusted):
        trip = trip._replace(
            executions=max(0, trip.executions - 1),
            realised=trip.realised + event.realised,
            fees=trip.fees - event.fee,
        )
        turned = False
    else:
        before = after - sign * event.qty
        if not before:
            trip = RoundTrip(event.at, 0, NOTHING, NOTHING)
        trip = trip._replace(
            executions=trip.executions + 1,
            realised=trip.realised + event.realised,
            fees=trip.fees + event.fee,
        )
        turned = before * after < 0  # through zero: one ends, the next begins in the same execution
    trips[key] = RoundTrip(event.at, 1, NOTHING, NOTHING) if turned else trip
    return [Closed(account_id, one, event.symbol, event.at, trip)] if turned or not after else []


def _act(
    trips: dict[Key, RoundTrip], account_id: UUID, one: Recorded, event: e.CorporateActionApplied
) -> list[Closed]:
    """A delisting ends a position; another name goes on with what it was."""
    key = account_id, event.symbol
    trip = trips.get(key) or RoundTrip(event.at, 0, NOTHING, NOTHING)
    if event.realised is not None:
        trip = trip._replace(realised=trip.realised + event.realised)
        trips[key] = trip
    if event.new_symbol is not None:
        trips[account_id, event.new_symbol] = trip
    if event.realised is not None and not event.position_qty:
        return [Closed(account_id, one, event.symbol, event.at, trip)]
    return []
