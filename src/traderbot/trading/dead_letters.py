"""What an administrator does about events that a handler could not take: play them again, or give them up."""

from collections.abc import Callable

from sqlalchemy.engine import Connection

from traderbot.infra.delivery import handler_records as records
from traderbot.infra.delivery.handler_records import DEAD, REPLAYING, RETRYING, WAITING, Aside
from traderbot.infra.events.journal import Meta
from traderbot.model.errors import Conflict, NotFound
from traderbot.model.events import AdministrationDone
from traderbot.trading.streams import PLATFORM_STREAM
from traderbot.trading.work import Work


def replay(handler: str, position: int, now: int, meta: Meta) -> Work:
    """Work that has an event tried again at once. A dead letter then comes after events that were behind it.

    Errors: NotFound; Conflict for one that only waits behind another.
    """

    def job(connection: Connection) -> None:
        letter = _letter(connection, handler, position)
        state = REPLAYING if letter.state == DEAD else letter.state
        records.change(connection, letter, state=state, next_try_at=now)

    return _work("dead_letter_replayed", handler, position, job, meta)


def discard(handler: str, position: int, meta: Meta) -> Work:
    """Work that gives an event up for good. Errors: NotFound; Conflict for one that only waits behind
    another.
    """

    def job(connection: Connection) -> None:
        records.take(connection, _letter(connection, handler, position))

    return _work("dead_letter_discarded", handler, position, job, meta)


def _letter(connection: Connection, handler: str, position: int) -> Aside:
    letter = records.find(connection, handler, position)
    if letter is None:
        raise NotFound("No such dead letter.")
    if letter.state == WAITING:
        raise Conflict("It only waits behind an earlier event of its stream; see to that one.")
    assert letter.state in (DEAD, RETRYING, REPLAYING)
    return letter


def _work(what: str, handler: str, position: int, job: Callable[[Connection], None], meta: Meta) -> Work:
    done = AdministrationDone(what, {"handler": handler, "position": position})
    return Work(facts=[(PLATFORM_STREAM, done)], job=job, meta=meta)
