"""Changes that users make to how alerts are raised and told: each journaled with who made it."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.engine import Connection

from traderbot.infra.events.journal import Meta
from traderbot.model.events import AlertSettingsChanged, Event
from traderbot.trading.command_path import CommandPath
from traderbot.trading.streams import user_stream
from traderbot.trading.work import Work

T = TypeVar("T")


def change(
    path: CommandPath, changed: AlertSettingsChanged, job: Callable[[Connection, list[Event]], T], meta: Meta
) -> T:
    """Do a job and append that it was done, in one transaction. job: puts further events of the user into the
    list it is given; its errors are those of the change, and then nothing is done.
    """
    stream = user_stream(changed.user_id)
    work = Work(streams=[stream], meta=meta)

    def run(connection: Connection) -> T:
        events: list[Event] = []
        result = job(connection, events)
        work.facts[:] = [(stream, event) for event in (*events, changed)]
        return result

    work.job = run
    result: T = path.submit(work).result
    return result
