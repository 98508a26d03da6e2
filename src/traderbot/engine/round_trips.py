"""What a position gained from flat to flat, summed up from the events that open, change and close it."""

from decimal import Decimal
from typing import NamedTuple

from traderbot.model.account import NOTHING
from traderbot.model.events import CorporateActionApplied, Execution, ExecutionBusted
from traderbot.model.orders import Side
from traderbot.model.symbols import Symbol


class RoundTrip(NamedTuple):
    """A position from flat to flat. realised: gross of fees."""

    opened_at: int
    executions: int
    realised: Decimal
    fees: Decimal


class Step(NamedTuple):
    """What an event makes of a round trip.

    now: as it stands after the event, also when it ended. ended: the one that the event ended, if it did.
    symbol: what the position is called from now on.
    """

    now: RoundTrip
    ended: RoundTrip | None
    symbol: Symbol


def follow(trip: RoundTrip | None, event: Execution | ExecutionBusted | CorporateActionApplied) -> Step:
    """Sum up one more event of a symbol. trip: what came of those before it; None where there were none.

    An execution through zero ends one round trip, which has its fee, and begins the next.
    """
    trip = trip or RoundTrip(event.at, 0, NOTHING, NOTHING)
    if isinstance(event, CorporateActionApplied):
        return _act(trip, event)
    after = event.position_qty
    if isinstance(event, ExecutionBusted):
        now = RoundTrip(
            trip.opened_at,
            max(0, trip.executions - 1),
            trip.realised + event.realised,
            trip.fees - event.fee,
        )
    else:
        before = after - event.qty if event.side is Side.BUY else after + event.qty
        if not before:
            trip = RoundTrip(event.at, 0, NOTHING, NOTHING)
        now = RoundTrip(
            trip.opened_at, trip.executions + 1, trip.realised + event.realised, trip.fees + event.fee
        )
        if before * after < 0:
            return Step(RoundTrip(event.at, 1, NOTHING, NOTHING), now, event.symbol)
    return Step(now, None if after else now, event.symbol)


def _act(trip: RoundTrip, event: CorporateActionApplied) -> Step:
    """A delisting ends a position; another name goes on with what it was."""
    if event.realised is not None:
        trip = trip._replace(realised=trip.realised + event.realised)
    ended = event.realised is not None and not event.position_qty
    return Step(trip, trip if ended else None, event.new_symbol or event.symbol)
