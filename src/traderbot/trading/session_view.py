"""A market session as every process knows it: where it stands and how its clock goes, heard from the journal.

Whoever plays the session moves it by itself (`session_loop.py`); everybody else by what the tail tells.
"""

import threading
from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.infra.events.journal import Recorded, stream_heads
from traderbot.market.sessions import Controls, ReplaySession
from traderbot.model.events import SessionAdvanced, SessionControlled
from traderbot.trading import tables as t
from traderbot.trading.command_path import CommandPath
from traderbot.trading.session_clock import controls_of
from traderbot.trading.session_market import SessionMarket
from traderbot.trading.streams import session_stream


class Standing(NamedTuple):
    """Where a session stands on record. version: of its stream, as of then."""

    step: int
    controls: Controls
    version: int


class SessionView:
    """One session. `watchers` are called when its market has moved.

    market: after the last step known here. playing: whether this process plays it. trouble: why the session
    cannot go on here, None while it can, or where somebody else plays it.
    """

    def __init__(self, session_id: UUID, replay: ReplaySession, path: CommandPath) -> None:
        self.session_id = session_id
        self.replay = replay
        self.market = SessionMarket(replay.dataset, replay.timeline, replay.step)
        self.playing = False
        self.trouble: str | None = None
        self.watchers: list[Callable[[], None]] = []
        self._stream = session_stream(session_id)
        self._turned = 0  # version of the last turn of the clock that was taken in
        self._heard = replay.step
        self._hearing = threading.Lock()
        path.markets[session_id] = self.market

    def hear(self, recorded: list[Recorded]) -> None:
        """Take in what was committed; twice or late is no harm."""
        for entry in recorded:
            if entry.stream != self._stream:
                continue
            event = entry.event
            with self._hearing:
                if isinstance(event, SessionControlled) and entry.version > self._turned:
                    self._turned = entry.version
                    self.replay.take(Controls(event.paused, event.speed, event.jump_to))
                elif isinstance(event, SessionAdvanced):
                    self._heard = max(self._heard, event.step)
                    if not self.playing:
                        self._catch_up()
            self._tell()

    def stand(self, standing: Standing) -> None:
        """Stand where the record says."""
        with self._hearing:
            self._turned = standing.version
            self.replay.take(standing.controls)
            if standing.step != self.replay.step:
                self._move_to(standing.step)

    def leave(self) -> None:
        """Play no longer, and follow whoever does from where that one is by now."""
        with self._hearing:
            self.playing = False
            self._catch_up()

    def _catch_up(self) -> None:
        if self._heard > self.replay.step:
            self._move_to(self._heard)

    def _move_to(self, step: int) -> None:
        self.replay.stand_at(step)
        self.market = self.market.at(step)

    def _tell(self) -> None:
        for watcher in self.watchers:
            watcher()


def standing_of(connection: Connection, session_id: UUID, speed: float) -> Standing:
    """Where a session stands on record, all of one moment. speed: where nobody has set one."""
    version = (
        sa.select(stream_heads.c.version)
        .where(stream_heads.c.stream == session_stream(session_id))
        .scalar_subquery()
    )
    query = sa.select(t.market_sessions, version.label("version"))
    row = connection.execute(query.where(t.market_sessions.c.id == session_id)).one()
    return Standing(row.step, controls_of(row, speed), row.version)
