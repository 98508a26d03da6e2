"""What must hold afterwards, looked for in the database: nothing lost, nothing twice, nothing skipped."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cluster.load import Trader
from traderbot.infra.delivery.handler_records import dead_letters
from traderbot.infra.events.journal import Recorded, events, last_position, read_all, verify
from traderbot.infra.storage.database import Database
from traderbot.model import events as e
from traderbot.notifications.round_trips import RoundTrips
from traderbot.notifications.tables import inbox, round_trips
from traderbot.trading import tables as t
from traderbot.trading.streams import account_of

_TOLD = {"order_placed": ("OrderPlaced",), "order_filled": ("OrderFilled", "OrderFilledLate")}
_TURNING = (e.Execution, e.ExecutionBusted, e.CorporateActionApplied)
Trips = dict[tuple[UUID, str], tuple[Any, ...]]


@dataclass
class Found:
    """What the journal holds, and everything that is wrong with it, in words."""

    events: int = 0
    steps: list[int] = field(default_factory=list)
    placed: Counter[UUID] = field(default_factory=Counter)
    names: Counter[tuple[UUID | None, str]] = field(default_factory=Counter)
    signals: Counter[tuple[UUID, str, str, int | None]] = field(default_factory=Counter)
    turning: list[Recorded] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def take(self, entry: Recorded) -> None:
        event = entry.event
        if isinstance(event, e.OrderPlaced):
            self.placed[event.order_id] += 1
            if event.client_order_id:
                self.names[account_of(entry.stream), event.client_order_id] += 1
        elif isinstance(event, e.SessionAdvanced):
            self.steps.append(event.step)
        elif isinstance(event, e.SignalRaised):
            self.signals[event.account_id, event.strategy, event.symbol, event.at] += 1
        if isinstance(event, _TURNING):
            self.turning.append(entry)


def look(database: Database, traders: Iterable[Trader]) -> Found:
    """Check the journal's chains, every acknowledged order, step and signal, and what handlers made of it."""
    found = Found()
    with database.read() as connection:
        verified = verify(connection)
        found.events = verified.events
        if verified.fault is not None:
            found.wrong.append(f"journal: {verified.fault}")
        if verified.events != last_position(connection):
            found.wrong.append(f"journal: {verified.events} events up to {last_position(connection)}")
        for entry in read_all(connection):
            found.take(entry)
        found.wrong += [*_orders(found, traders), *_steps(found), *unhandled(connection)]
        found.wrong += _twice(connection, found)
    return found


def _orders(found: Found, traders: Iterable[Trader]) -> Iterable[str]:
    for trader in traders:
        for name, order_id in trader.placed.items():
            if found.placed[order_id] != 1:
                yield f"order {order_id} acknowledged once, on record {found.placed[order_id]} times"
            if found.names[trader.account_id, name] != 1:
                yield f"name {name}: {found.names[trader.account_id, name]} orders"
    yield from (f"order {order_id} on record {n} times" for order_id, n in found.placed.items() if n > 1)


def _steps(found: Found) -> Iterable[str]:
    for step, after in pairwise(found.steps):
        if after != step + 1:
            yield f"step {after} follows step {step}"
    for signal, n in found.signals.items():
        if n > 1:
            yield f"signal {signal} raised {n} times"


def unhandled(connection: Connection) -> list[str]:
    """Events without their entry in an inbox, as far back as that goes; events put aside. An entry twice
    would break the inbox's key, and so be put aside.
    """
    own = inbox.c
    last = (
        sa.select(own.user_id, sa.func.min(own.position).label("position")).group_by(own.user_id).subquery()
    )
    wrong = []
    for kind, types in _TOLD.items():
        entry = sa.exists().where(
            own.user_id == t.accounts.c.user_id, own.position == events.c.position, own.kind == kind
        )
        missing = (
            sa.select(events.c.position)
            .join(t.accounts, events.c.stream == "account:" + sa.cast(t.accounts.c.id, sa.Text))
            .outerjoin(last, last.c.user_id == t.accounts.c.user_id)
            .where(events.c.type.in_(types), events.c.position > sa.func.coalesce(last.c.position, 0), ~entry)
        )
        wrong += [f"{kind}: event {n} left nothing" for n in connection.execute(missing).scalars()]
    letters = connection.execute(sa.select(dead_letters))
    return wrong + [f"{row.handler}: position {row.position} {row.state}: {row.error}" for row in letters]


def _twice(connection: Connection, found: Found) -> Iterable[str]:
    """The sums of round trips, which an event handled twice would have counted twice, taken once more."""
    engine = sa.create_engine("sqlite://")
    with engine.begin() as fresh:
        round_trips.create(fresh)
        for one in found.turning:
            RoundTrips(engine.dialect).take(fresh, [one])
        expected = _trips(fresh)
    engine.dispose()
    kept = _trips(connection)
    for key in sorted(expected.keys() | kept.keys()):
        if expected.get(key) != kept.get(key):
            yield f"round trip {key}: {kept.get(key)} instead of {expected.get(key)}"


def _trips(connection: Connection) -> Trips:
    return {
        (row.account_id, row.symbol): tuple(row[2:]) for row in connection.execute(sa.select(round_trips))
    }
