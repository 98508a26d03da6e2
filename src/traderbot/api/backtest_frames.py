"""What the websocket says of backtests, validations and sweeps: how far, at most four times a second."""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Connection

from traderbot.backtests.requests import LIVE
from traderbot.backtests.submitted import repository
from traderbot.backtests.submitted.repository import Standing

EVERY_S = 0.25
_ELSEWHERE_S = 1.0
_BEYOND_QUEUE = 20


class BacktestFrames:
    """The frames of one subscription: those that wait or run when it begins, then every change.

    queue: how many of a user's may wait or run; shared: whether other processes may move them unheard.
    """

    def __init__(
        self,
        user_id: UUID,
        queue: int,
        *,
        shared: bool,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._user_id = user_id
        self._most = queue + _BEYOND_QUEUE
        self._quiet_s = _ELSEWHERE_S if shared else None
        self._monotonic = monotonic
        self._told: dict[UUID, Standing] | None = None
        self._next = 0.0
        self._soon = False

    @property
    def pause_s(self) -> float | None:
        """After how long to look without being woken; None: no need."""
        live = any(one.status in LIVE for one in (self._told or {}).values())
        return EVERY_S if live or self._soon else self._quiet_s

    def due(self) -> bool:
        """Whether it is time to look again; what is not looked at now is looked at soon."""
        now = self._monotonic()
        self._soon = now < self._next
        if not self._soon:
            self._next = now + EVERY_S
        return not self._soon

    def frames(self, connection: Connection) -> list[dict[str, Any]]:
        """What is new since the last call."""
        found = {one.id: one for one in repository.standings(connection, self._user_id, self._most)}
        told, self._told = self._told, found
        if told is None:
            news = [one for one in found.values() if one.status in LIVE]
        else:
            news = [one for one in found.values() if told.get(one.id) != one]
        return [
            {
                "type": one.kind,
                "data": {
                    "id": str(one.id),
                    "status": one.status,
                    "progress": round(one.progress, 4),
                    **({} if one.parent_id is None else {"backtest_id": str(one.parent_id)}),
                },
            }
            for one in reversed(news)
        ]
