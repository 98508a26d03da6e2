"""Whether the code of a strategy is still that which was assigned, by its hash on record."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.events.journal import events
from traderbot.model.platform_events import AdministrationDone
from traderbot.trading.assignments import ASSIGNED, CODE_CHANGED, STOPPED, Assigned
from traderbot.trading.streams import PLATFORM_STREAM

_OF_THE_CODE = (ASSIGNED, STOPPED, CODE_CHANGED)


def of_a_file(source: str) -> bool:
    """Whether the strategy is somebody's own file, as path/to/file.py or path/to/file.py:Class."""
    return Path(source.partition(":")[0]).suffix == ".py"


class Known(NamedTuple):
    """What was put on record of a strategy's code: one of ASSIGNED, STOPPED and CODE_CHANGED, its detail, and
    when, wall time, microseconds.
    """

    what: str
    detail: dict[str, Any]
    at: int | None = None


def latest(
    connection: Connection, account_id: UUID, strategy: str, among: Collection[str] = _OF_THE_CODE
) -> Known:
    """What was last put on record of the code. among: only these kinds.

    Returns: nothing of it, for an assignment older than that record.
    """
    c = events.c
    query = (
        sa.select(c.data, c.recorded_at)
        .where(c.stream == PLATFORM_STREAM, c.type == AdministrationDone.__name__)
        .where(c.data.contains(str(account_id)))
        .order_by(c.position.desc())
    )
    for data, at in connection.execution_options(yield_per=100).execute(query):
        done = msgspec.json.decode(data)
        detail = done["detail"]
        if done["what"] in among and detail.get("strategy") == strategy:
            return Known(done["what"], detail, at)
    return Known(ASSIGNED, {})


def changed(wanted: Assigned) -> str:
    """What a person reads of a strategy whose file is another one."""
    return (
        f"the strategy {wanted.strategy} is stopped: its file {wanted.source} is not the one that was"
        " assigned. Validate it and assign it anew, or unassign it"
    )


def unusable(wanted: Assigned, told: str) -> str:
    """What a person reads of a strategy whose file cannot be loaded."""
    return f"the strategy {wanted.strategy} is stopped: {told}. Assign it anew, or unassign it"
