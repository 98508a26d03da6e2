"""What must hold afterwards, looked for in the database: nothing lost, nothing twice, nothing skipped."""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from cluster.load import Trader
from traderbot.infra.database import Database
from traderbot.infra.journal import events, read_all, verify
from traderbot.model import events as e
from traderbot.trading.streams import account_of


class Found(NamedTuple):
    """What the journal holds, and everything that is wrong with it, in words."""

    events: int
    orders: int
    steps: int
    wrong: list[str]


def look(database: Database, traders: Iterable[Trader]) -> Found:
    """Check the journal's chains, and every acknowledged order and step against its events."""
    wrong: list[str] = []
    placed: Counter[UUID] = Counter()
    names: Counter[tuple[UUID | None, str]] = Counter()
    steps: list[int] = []
    with database.read() as connection:
        verified = verify(connection)
        if verified.fault is not None:
            wrong.append(f"journal: {verified.fault}")
        for entry in read_all(connection):
            event = entry.event
            if isinstance(event, e.OrderPlaced):
                placed[event.order_id] += 1
                if event.client_order_id:
                    names[account_of(entry.stream), event.client_order_id] += 1
            elif isinstance(event, e.SessionAdvanced):
                steps.append(event.step)
    for trader in traders:
        for name, order_id in trader.placed.items():
            if placed[order_id] != 1:
                wrong.append(f"order {order_id} acknowledged once, on record {placed[order_id]} times")
            if names[trader.account_id, name] != 1:
                wrong.append(f"name {name}: {names[trader.account_id, name]} orders")
    wrong += [f"order {order_id} on record {times} times" for order_id, times in placed.items() if times > 1]
    wrong += [f"step {after} follows step {step}" for step, after in pairwise(steps) if after != step + 1]
    return Found(verified.events, len(placed), len(steps), wrong)


def handled_once(database: Database, kind: str, type_: str, traders: Iterable[Trader]) -> list[str]:
    """Whether every event of a type of these accounts left exactly one entry of a kind in an inbox."""
    inbox = sa.table("inbox", sa.column("position"), sa.column("kind"), sa.column("user_id"))
    wrong = []
    streams = [f"account:{trader.account_id}" for trader in traders]
    with database.read() as connection:
        asked = sa.select(events.c.position).where(events.c.type == type_, events.c.stream.in_(streams))
        there = set(connection.execute(asked).scalars())
        left = Counter(connection.execute(sa.select(inbox.c.position).where(inbox.c.kind == kind)).scalars())
    wrong += [f"{kind}: event {position} left nothing" for position in sorted(there - left.keys())]
    wrong += [f"{kind}: event {position} left {n} entries" for position, n in left.items() if n > 1]
    return wrong
