"""Which strategy placed an order, with its code and parameters as they were put on record before it."""

from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.events.archives import Wanted, archived
from traderbot.infra.events.journal import Recorded, events
from traderbot.model.platform_events import AdministrationDone
from traderbot.trading.assignments import ASSIGNED, CODE_CHANGED, strategy_of
from traderbot.trading.streams import PLATFORM_STREAM


class Placer(msgspec.Struct, frozen=True):
    """A strategy that placed an order. source: its name or file; sha256: of its code; assigned_at: wall time,
    microseconds; each null where it is not on record.
    """

    name: str
    source: str | None = None
    sha256: str | None = None
    parameters: dict[str, str] | None = None
    assigned_at: int | None = None


def placer_of(connection: Connection, account_id: UUID, asked: Recorded) -> Placer | None:
    """The strategy that asked for an order. asked: the event of its placing or refusal."""
    name = strategy_of(asked.meta.actor)
    if name is None:
        return None
    sha256: str | None = None
    for data, recorded_at in _administered(connection, account_id, asked.position):
        done = msgspec.json.decode(data, type=AdministrationDone)
        detail = done.detail
        if detail.get("strategy") != name or done.what not in (ASSIGNED, CODE_CHANGED):
            continue
        sha256 = sha256 or detail.get("sha256")
        if done.what == ASSIGNED:
            return Placer(name, detail.get("source"), sha256, detail.get("parameters"), recorded_at)
    return Placer(name, sha256=sha256)


def _administered(connection: Connection, account_id: UUID, before: int) -> list[tuple[str, int]]:
    """What was done to an account before a position: data and wall time, newest first."""
    c = events.c
    query = sa.select(c.position, c.data, c.recorded_at).where(
        c.stream == PLATFORM_STREAM,
        c.type == AdministrationDone.__name__,
        c.position < before,
        c.data.contains(str(account_id), autoescape=True),
    )
    wanted = Wanted(
        before=before,
        streams=[PLATFORM_STREAM],
        types=[AdministrationDone.__name__],
        containing=str(account_id),
    )
    found = {row.position: (row.data, row.recorded_at) for row in archived(connection, wanted)}
    found |= {row.position: (row.data, row.recorded_at) for row in connection.execute(query)}
    return [found[position] for position in sorted(found, reverse=True)]
