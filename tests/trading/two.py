"""Two processes on one PostgreSQL: a session rig that plays, and a command path beside it that knows the
session.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from servers import postgres_url
from traderbot.infra.clock import WallClock
from traderbot.infra.storage.database import Database
from traderbot.market.sessions import ReplaySession
from traderbot.trading.command_path import CommandPath
from traderbot.trading.session_loop import SessionLoop
from traderbot.trading.session_view import SessionView, standing_of
from trading.session_rig import SessionRig


class Beside:
    """Another process: a database handle, a command path and a view of the session of its own."""

    def __init__(self, rig: SessionRig) -> None:
        self.database = Database(rig.database.url.render_as_string(hide_password=False))
        self.path = CommandPath(self.database, WallClock())
        replay = ReplaySession(rig.dataset, step=rig.loop.replay.step, speed=0.0)
        self.view = SessionView(rig.session_id, replay, self.path)

    def close(self) -> None:
        self.path.close()
        self.database.close()


@contextmanager
def two_processes() -> Iterator[tuple[SessionRig, Beside]]:
    with postgres_url() as url:
        rig = SessionRig(Database(url))
        rig.loop._shared = True
        beside = Beside(rig)
        try:
            yield rig, beside
        finally:
            beside.close()
            rig.close()


def standing(rig: SessionRig) -> Any:
    with rig.database.read() as connection:
        return standing_of(connection, rig.session_id, 0.0)


def take_over(loop: SessionLoop, rig: SessionRig, lease: Any) -> None:
    """Have a loop go on under a lease, as the platform has it."""
    from traderbot.trading.session_loop import accounts_of, left_behind_of

    with rig.database.read() as connection:
        accounts, behind = accounts_of(connection, rig.session_id), left_behind_of(connection, rig.session_id)
    loop.take_over(lease, standing(rig), accounts, behind)
