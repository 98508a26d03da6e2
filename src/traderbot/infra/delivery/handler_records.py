"""What is on record about handlers: how far each has read the journal, and the events put aside.

An event that could not be handled is put aside (`retrying`) and tried again later; the later events of its
stream wait behind it (`waiting`), so that a stream keeps its order. One that failed too often is a dead
letter (`dead`): its stream goes on without it. A dead letter that is played again (`replaying`) holds nobody
up.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.events.journal import events
from traderbot.infra.storage.columns import POSITION, TIME, metadata
from traderbot.model.errors import TraderbotError

EVERYBODY = ""  # the row that says where a handler begins that has no row of its own
RETRYING, WAITING, DEAD, REPLAYING = "retrying", "waiting", "dead", "replaying"
STATES = (RETRYING, WAITING, DEAD)
_ERROR_MAX = 2000

handler_positions = sa.Table(
    "handler_positions",
    metadata,
    sa.Column("handler", sa.Text, primary_key=True),
    sa.Column("position", POSITION, nullable=False),
    sqlite_with_rowid=False,
)

dead_letters = sa.Table(
    "dead_letters",
    metadata,
    sa.Column("handler", sa.Text, primary_key=True),
    sa.Column("position", POSITION, primary_key=True, autoincrement=False),
    sa.Column("stream", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_try_at", TIME, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)


class LostTurn(TraderbotError):  # noqa: N818 - what happened
    """Somebody else has moved this handler on, or is the one to do it now; nothing was done."""

    code = "lost_turn"


class Aside(NamedTuple):
    """An event put aside."""

    handler: str
    position: int
    stream: str
    type: str
    state: str
    attempts: int
    next_try_at: int
    error: str


_letters = dead_letters.c
_COLUMNS = tuple(dead_letters.c[name] for name in Aside._fields)


def positions(connection: Connection) -> dict[str, int]:
    """How far each handler has read."""
    return {row.handler: row.position for row in connection.execute(sa.select(handler_positions))}


def begin(connection: Connection, names: Sequence[str]) -> None:
    """Give handlers that are new their rows: they begin with what was appended since there are handlers."""
    known = positions(connection)
    first = known.get(EVERYBODY, 0)
    new = [{"handler": name, "position": first} for name in names if name not in known]
    if new:
        connection.execute(sa.insert(handler_positions), new)


def move(connection: Connection, name: str, before: int, after: int) -> None:
    """Move a handler on. Errors: LostTurn if it is no longer where it was."""
    own = handler_positions.c
    here = own.handler == name, own.position == before
    change = sa.update(handler_positions).where(*here).values(position=after)
    if connection.execute(change).rowcount != 1:
        raise LostTurn(f"handler {name} is no longer at position {before}")


def put_aside(connection: Connection, letters: Sequence[Aside]) -> None:
    """Keep events for later."""
    rows = [letter._asdict() | {"error": letter.error[:_ERROR_MAX]} for letter in letters]
    connection.execute(sa.insert(dead_letters), rows)


def take(connection: Connection, letter: Aside) -> None:
    """Let go of an event put aside. Errors: LostTurn if it is no longer as it was."""
    if connection.execute(sa.delete(dead_letters).where(*_as_it_was(letter))).rowcount != 1:
        raise LostTurn(f"handler {letter.handler}: position {letter.position} was taken by somebody else")


def change(connection: Connection, letter: Aside, **values: Any) -> None:
    """Change an event put aside. Errors: LostTurn if it is no longer as it was."""
    if "error" in values:
        values["error"] = values["error"][:_ERROR_MAX]
    update = sa.update(dead_letters).where(*_as_it_was(letter)).values(**values)
    if connection.execute(update).rowcount != 1:
        raise LostTurn(f"handler {letter.handler}: position {letter.position} was taken by somebody else")


def _as_it_was(letter: Aside) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _letters.handler == letter.handler,
        _letters.position == letter.position,
        _letters.state == letter.state,
        _letters.attempts == letter.attempts,
        _letters.next_try_at == letter.next_try_at,
    )


def to_be_done(connection: Connection) -> list[Aside]:
    """Events put aside that are still to be handled, each handler's in order."""
    query = sa.select(*_COLUMNS).where(_letters.state != DEAD).order_by(_letters.handler, _letters.position)
    return [Aside(*row) for row in connection.execute(query)]


def find(connection: Connection, handler: str, position: int) -> Aside | None:
    """One event put aside."""
    query = sa.select(*_COLUMNS).where(_letters.handler == handler, _letters.position == position)
    row = connection.execute(query).first()
    return None if row is None else Aside(*row)


def page(connection: Connection, *, before: tuple[int, str] | None, limit: int) -> list[Aside]:
    """Events put aside, the newest first. before: position and handler of the one it begins behind."""
    query = sa.select(*_COLUMNS).order_by(_letters.position.desc(), _letters.handler.desc()).limit(limit)
    if before is not None:
        query = query.where(sa.tuple_(_letters.position, _letters.handler) < sa.tuple_(*before))
    return [Aside(*row) for row in connection.execute(query)]


def counts(connection: Connection) -> Mapping[tuple[str, str], int]:
    """How many events are put aside, by handler and state; those replayed count as being retried."""
    query = sa.select(_letters.handler, _letters.state, sa.func.count()).group_by(
        _letters.handler, _letters.state
    )
    found: dict[tuple[str, str], int] = {}
    for handler, state, count in connection.execute(query):
        key = handler, RETRYING if state == REPLAYING else state
        found[key] = found.get(key, 0) + count
    return found


def oldest_after(connection: Connection, position: int, types: Sequence[str]) -> int | None:
    """When the first event of these types behind a position was recorded; None where there is none."""
    own = events.c
    query = sa.select(own.recorded_at).where(own.position > position, own.type.in_(types))
    found: int | None = connection.execute(query.order_by(own.position).limit(1)).scalar()
    return found
