"""The rows of backtests: a user's own, and the queue of all.

Every change of a run that goes on names its attempt, so that whoever was taken for dead and is not changes
nothing any more.
"""

import zlib
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.backtests.requests import (
    LIVE,
    Kind,
    Request,
    Results,
    Status,
    Task,
    request_from,
    request_json,
    task_from,
    task_json,
)
from traderbot.backtests.submitted.tables import backtests

KEPT = 200  # of each user, the newest that are over
_own = backtests.c
_FIELDS = (
    "id", "user_id", "status", "request", "progress", "attempts", "slot", "created_at", "started_at",
    "finished_at", "error", "summary", "kind", "parent_id", "task",
)  # fmt: skip
_COLUMNS = tuple(backtests.c[name] for name in _FIELDS)


class Backtest(NamedTuple):
    """One backtest, validation or sweep without its curve and trades. Times are microseconds.
    validation: how far the newest of a backtest is; verdict: of the newest that is done.
    """

    id: UUID
    user_id: UUID
    status: Status
    request: Request
    progress: float
    attempts: int
    slot: int | None
    created_at: int
    started_at: int | None
    finished_at: int | None
    error: str | None
    summary: dict[str, Any] | None
    kind: Kind = "backtest"
    parent_id: UUID | None = None
    task: Task | None = None
    validation: Status | None = None
    verdict: str | None = None


class Standing(NamedTuple):
    """How far a backtest is."""

    id: UUID
    status: Status
    progress: float
    kind: Kind
    parent_id: UUID | None


def add(
    connection: Connection,
    backtest_id: UUID,
    user_id: UUID,
    request: Request,
    now: int,
    *,
    kind: Kind = "backtest",
    parent_id: UUID | None = None,
    task: Task | None = None,
) -> None:
    """Queue a backtest, or what is done with one."""
    row = {
        "id": backtest_id,
        "user_id": user_id,
        "status": "queued",
        "request": request_json(request),
        "progress": 0.0,
        "attempts": 0,
        "created_at": now,
        "kind": kind,
        "parent_id": parent_id,
        "task": task_json(task),
    }
    connection.execute(sa.insert(backtests).values(row))


def live_count(connection: Connection, user_id: UUID) -> int:
    """How many of a user's wait or run."""
    query = sa.select(sa.func.count()).where(_own.user_id == user_id, _own.status.in_(LIVE))
    count: int = connection.execute(query).scalar_one()
    return count


def drop_oldest(connection: Connection, user_id: UUID, kind: Kind = "backtest") -> None:
    """Keep the newest of a user's that are over, and the validations of those."""
    over = _own.user_id == user_id, _own.status.not_in(LIVE), _own.kind == kind
    first_kept = sa.select(_own.id).where(*over).order_by(_own.id.desc()).limit(1).offset(KEPT - 1)
    gone = sa.delete(backtests).where(*over, _own.id < first_kept.scalar_subquery())
    if connection.execute(gone).rowcount and kind == "backtest":
        kept = sa.select(_own.id).where(_own.user_id == user_id, _own.kind == "backtest")
        orphans = _own.user_id == user_id, _own.kind == "validation", _own.parent_id.not_in(kept)
        connection.execute(sa.delete(backtests).where(*orphans))


def drop_validations(connection: Connection, user_id: UUID, backtest_id: UUID) -> None:
    """Remove the validations of a backtest that are over, but for the newest that is done."""
    mine = _own.user_id == user_id, _own.parent_id == backtest_id, _own.status.not_in(LIVE)
    newest = sa.select(_own.id).where(*mine, _own.status == "done").order_by(_own.id.desc()).limit(1)
    kept = connection.execute(newest).scalar()
    others = mine if kept is None else (*mine, _own.id != kept)
    connection.execute(sa.delete(backtests).where(*others))


def newest_validation(connection: Connection, user_id: UUID, backtest_id: UUID) -> Backtest | None:
    """The validation of a backtest that was asked for last."""
    query = sa.select(*_COLUMNS).where(_own.user_id == user_id, _own.parent_id == backtest_id)
    row = connection.execute(query.order_by(_own.id.desc()).limit(1)).first()
    return None if row is None else _backtest(row)


def find(connection: Connection, user_id: UUID, backtest_id: UUID) -> Backtest | None:
    """One of a user's own."""
    found = find_several(connection, user_id, [backtest_id])
    return found[0] if found else None


def find_several(
    connection: Connection, user_id: UUID, ids: Sequence[UUID], kind: Kind | None = None
) -> list[Backtest]:
    """Those of the ids that are the user's, newest first. kind: only these."""
    query = sa.select(*_COLUMNS).where(_own.user_id == user_id, _own.id.in_(list(ids)))
    if kind is not None:
        query = query.where(_own.kind == kind)
    rows = connection.execute(query.order_by(_own.id.desc()))
    return _with_verdicts(connection, [_backtest(row) for row in rows])


def page(
    connection: Connection,
    user_id: UUID,
    *,
    limit: int,
    before: UUID | None,
    status: Status | None,
    kind: Kind = "backtest",
) -> list[Backtest]:
    """A user's own, newest first. before: the id the page begins behind."""
    query = sa.select(*_COLUMNS).where(_own.user_id == user_id, _own.kind == kind)
    if before is not None:
        query = query.where(_own.id < before)
    if status is not None:
        query = query.where(_own.status == status)
    query = query.order_by(_own.id.desc()).limit(limit)
    return _with_verdicts(connection, [_backtest(row) for row in connection.execute(query)])


def standings(connection: Connection, user_id: UUID, limit: int) -> list[Standing]:
    """How far a user's newest are."""
    columns = _own.id, _own.status, _own.progress, _own.kind, _own.parent_id
    query = sa.select(*columns).where(_own.user_id == user_id)
    rows = connection.execute(query.order_by(_own.id.desc()).limit(limit))
    return [Standing(*row) for row in rows]


def curve_of(connection: Connection, user_id: UUID, backtest_id: UUID) -> Any:
    """The curve of one of a user's own; None where it has none."""
    return _unpacked(connection, user_id, backtest_id, _own.curve)


def trades_of(connection: Connection, user_id: UUID, backtest_id: UUID) -> Any:
    """The trades of one of a user's own; None where it has none."""
    return _unpacked(connection, user_id, backtest_id, _own.trades)


def report_of(connection: Connection, user_id: UUID, backtest_id: UUID) -> bytes | None:
    """What the page of one of a user's own is made from, JSON; None where it has none."""
    query = sa.select(_own.report).where(_own.id == backtest_id, _own.user_id == user_id)
    content = connection.execute(query).scalar()
    return zlib.decompress(content) if content else None


def cancel(
    connection: Connection, user_id: UUID, backtest_id: UUID, now: int, kind: Kind = "backtest"
) -> bool:
    """Whether it waited or ran, and now does not."""
    mine = _own.id == backtest_id, _own.user_id == user_id, _own.kind == kind
    change = (
        sa.update(backtests)
        .where(*mine, _own.status.in_(LIVE))
        .values(status="cancelled", finished_at=now, slot=None)
    )
    return bool(connection.execute(change).rowcount)


def remove(connection: Connection, user_id: UUID, backtest_id: UUID, kind: Kind = "backtest") -> bool:
    """Whether it was there and is gone, with its validations; whatever runs them notices."""
    mine = _own.id == backtest_id, _own.user_id == user_id, _own.kind == kind
    its = _own.parent_id == backtest_id, _own.user_id == user_id
    connection.execute(sa.delete(backtests).where(*its))
    return bool(connection.execute(sa.delete(backtests).where(*mine)).rowcount)


def waiting(connection: Connection) -> bool:
    """Whether any waits or runs."""
    return connection.execute(sa.select(_own.id).where(_own.status.in_(LIVE)).limit(1)).first() is not None


def abandoned(connection: Connection) -> list[tuple[UUID, int, int]]:
    """(id, slot, attempt) of what runs on record, the oldest first."""
    query = sa.select(_own.id, _own.slot, _own.attempts).where(_own.status == "running").order_by(_own.id)
    return [(row.id, row.slot, row.attempts) for row in connection.execute(query)]


def next_waiting(connection: Connection) -> Backtest | None:
    """The one to run next: of the users with the fewest that run, whoever asked first."""
    whose = sa.select(_own.user_id).where(_own.status == "running")
    running = Counter(connection.execute(whose).scalars())
    queued = sa.select(_own.id, _own.user_id).where(_own.status == "queued").order_by(_own.id)
    rows = connection.execute(queued).all()
    first = min(rows, key=lambda row: running[row.user_id], default=None)
    return None if first is None else find(connection, first.user_id, first.id)


def take(connection: Connection, found: Backtest, slot: int, now: int) -> bool:
    """Whether it still waited, and now is the slot's."""
    change = (
        sa.update(backtests)
        .where(_own.id == found.id, _own.status == "queued")
        .values(status="running", slot=slot, attempts=found.attempts + 1, started_at=now, progress=0.0)
    )
    return bool(connection.execute(change).rowcount)


def put_back(connection: Connection, backtest_id: UUID, attempt: int, *, counted: bool) -> None:
    """Have it wait again. counted: whether the attempt was one."""
    values = {"status": "queued", "slot": None, "progress": 0.0, "attempts": attempt - (not counted)}
    connection.execute(sa.update(backtests).where(*_runs(backtest_id, attempt)).values(values))


def progress(connection: Connection, backtest_id: UUID, attempt: int, done: float) -> bool:
    """Whether it still is to run."""
    change = sa.update(backtests).where(*_runs(backtest_id, attempt)).values(progress=done)
    return bool(connection.execute(change).rowcount)


def runs(connection: Connection, backtest_id: UUID, attempt: int) -> bool:
    """Whether it still is to run."""
    return connection.execute(sa.select(_own.id).where(*_runs(backtest_id, attempt))).first() is not None


def fail(connection: Connection, backtest_id: UUID, attempt: int, error: str, now: int) -> None:
    """It came to nothing."""
    values = {"status": "failed", "slot": None, "error": error, "finished_at": now}
    connection.execute(sa.update(backtests).where(*_runs(backtest_id, attempt)).values(values))


def finish(connection: Connection, backtest_id: UUID, attempt: int, results: Results, now: int) -> None:
    """Put its results with it."""
    values = {
        "status": "done",
        "slot": None,
        "progress": 1.0,
        "finished_at": now,
        "summary": msgspec.json.encode(results.summary).decode(),
        "curve": _packed(results.curve),
        "trades": _packed(results.trades),
        "report": results.report or None,
    }
    connection.execute(sa.update(backtests).where(*_runs(backtest_id, attempt)).values(values))


def _runs(backtest_id: UUID, attempt: int) -> tuple[sa.ColumnElement[bool], ...]:
    return _own.id == backtest_id, _own.status == "running", _own.attempts == attempt


def _backtest(row: Any) -> Backtest:
    summary = None if row.summary is None else msgspec.json.decode(row.summary)
    return Backtest(*row)._replace(
        request=request_from(row.request), summary=summary, task=task_from(row.task)
    )


def _with_verdicts(connection: Connection, found: list[Backtest]) -> list[Backtest]:
    """With how far each one's newest validation is, and the verdict of the newest that is done."""
    wanted = [one.id for one in found if one.kind == "backtest"]
    if not wanted:
        return found
    query = sa.select(_own.parent_id, _own.status, _own.summary).where(
        _own.user_id == found[0].user_id,  # one user's, of whom few rows are kept
        _own.parent_id.in_(wanted),
        _own.kind == "validation",
    )
    statuses: dict[UUID, Status] = {}
    verdicts: dict[UUID, str] = {}
    for row in connection.execute(query.order_by(_own.id)):
        statuses[row.parent_id] = row.status
        if row.status == "done":
            verdicts[row.parent_id] = msgspec.json.decode(row.summary)["verdict"]
    return [one._replace(validation=statuses.get(one.id), verdict=verdicts.get(one.id)) for one in found]


def _packed(value: object) -> bytes:
    return zlib.compress(msgspec.json.encode(value))


def _unpacked(connection: Connection, user_id: UUID, backtest_id: UUID, column: sa.Column[Any]) -> Any:
    query = sa.select(column).where(_own.id == backtest_id, _own.user_id == user_id)
    content = connection.execute(query).scalar()
    return None if content is None else msgspec.json.decode(zlib.decompress(content))
