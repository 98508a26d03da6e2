"""The head: the position of the newest event that anybody was told of, kept in Valkey for all processes.

Whoever commits raises the head before it answers. Whoever reads compares it with how far its own tail has
heard: as far as the head, and memory knows of every write that was acknowledged before it asked.

The head is good for a moment only, and keepers prolong it. A keeper takes the time, reads the end of the
journal, raises the head to it, and lets it live to `LIVES_S` after the time it took. So whatever was
committed `LIVES_S` ago is below the head, or there is none. A writer that cannot raise it holds its answer
back for that long; by then the keepers have, or the head has ended. A head that was lost begins anew under
another name, and counts for nothing until a keeper has read the journal under that name.
"""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog
from pydantic import SecretStr

from traderbot.infra.events.journal import Recorded, last_position
from traderbot.infra.ids import new_id
from traderbot.infra.limits.valkey import Breaker, connect, connect_blocking, failures
from traderbot.infra.storage.database import Database

if TYPE_CHECKING:
    from redis.asyncio import Redis

LIVES_S = 0.3
KEEPS_S = 0.08
KEY = "traderbot:head"
_MARGIN_S = 0.02  # of clocks that run at different speeds
_log = structlog.get_logger()

# The head is "READY NAME POSITION". KEYS: the head.
_RAISE = """
local head = redis.call('GET', KEYS[1])
if not head then return 0 end
local ready, name, position = string.match(head, '^(%d) (%S+) (%d+)$')
if tonumber(position) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ready .. ' ' .. name .. ' ' .. ARGV[1], 'KEEPTTL')
end
return 1
"""
_BEGIN = """
local now = redis.call('TIME')
local head = redis.call('GET', KEYS[1])
if not head then
  head = '0 ' .. ARGV[1] .. ' 0'
  redis.call('SET', KEYS[1], head, 'PX', ARGV[2])
end
return {string.match(head, '^%d (%S+)'), now[1] * 1000 + math.floor(now[2] / 1000)}
"""
_KEEP = """
local head = redis.call('GET', KEYS[1])
if not head then return 0 end
local ready, name, position = string.match(head, '^(%d) (%S+) (%d+)$')
if name ~= ARGV[1] then return 0 end
if tonumber(position) < tonumber(ARGV[2]) then position = ARGV[2] end
redis.call('SET', KEYS[1], '1 ' .. name .. ' ' .. position, 'KEEPTTL')
redis.call('PEXPIREAT', KEYS[1], ARGV[3], 'GT')
return 1
"""


class HeadKeeper:
    """The writing side, in every process that writes: raises the head, and keeps it in a thread of its own.

    wait: how an answer is held back.
    """

    def __init__(
        self, database: Database, url: SecretStr | str, wait: Callable[[float], Any] = time.sleep
    ) -> None:
        self._database = database
        self._client = connect_blocking(url)
        self._failures = failures()
        self._breaker = Breaker("head")
        self._wait = wait
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="head", daemon=True)

    def start(self) -> None:
        """Begin to keep the head."""
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._client.close()

    def hear(self, recorded: list[Recorded]) -> None:
        """Raise the head to what this process has committed, before anybody is told of it."""
        if recorded:
            self._raise(recorded[-1].position)

    def catch_up(self) -> None:
        """Raise the head to the journal's end: something is acknowledged that was not committed here."""
        try:
            with self._database.read() as connection:
                position = last_position(connection)
        except Exception as error:  # noqa: BLE001 - whatever it is, waiting is as good
            _log.warning("head_not_raised", error=type(error).__name__)
            self._wait(LIVES_S + _MARGIN_S)
        else:
            self._raise(position)

    def keep(self) -> bool:
        """Raise the head to the journal's end, and prolong it. Returns: whether there is a head now. Errors:
        those of Valkey and of the database.
        """
        begun: Any = self._client.eval(_BEGIN, 1, KEY, new_id().hex, str(int(LIVES_S * 1000)))
        name, now_ms = begun
        with self._database.read() as connection:
            position = last_position(connection)
        until = str(now_ms + int(LIVES_S * 1000))
        return bool(self._client.eval(_KEEP, 1, KEY, name, str(position), until))

    def _raise(self, position: int) -> None:
        if not self._breaker.open or self._breaker.probe_due():
            try:
                self._client.eval(_RAISE, 1, KEY, str(position))
            except self._failures as error:
                self._breaker.failed(error)
            else:
                self._breaker.answered()
                return
        self._wait(LIVES_S + _MARGIN_S)

    def _run(self) -> None:
        while not self._stopping.wait(KEEPS_S):
            try:
                self.keep()
            except Exception as error:  # noqa: BLE001 - the loop's edge: the head ends, and the database is asked
                _log.debug("head_not_kept", error=type(error).__name__)


class Head:
    """The reading side, for one event loop."""

    def __init__(self, url: SecretStr | str) -> None:
        self._client: Redis = connect(url)
        self._failures = failures()
        self._breaker = Breaker("head")

    async def read(self) -> int | None:
        """The head as of this call, in one round trip; None without one, or where Valkey is gone."""
        if self._breaker.open and not self._breaker.probe_due():
            return None
        try:
            found = await self._client.get(KEY)
        except self._failures as error:
            self._breaker.failed(error)
            return None
        self._breaker.answered()
        return position_of(found)

    async def close(self) -> None:
        await self._client.aclose()


def position_of(head: bytes | None) -> int | None:
    """The position that a head says, None for one that is not ready."""
    return int(head.rpartition(b" ")[2]) if head is not None and head.startswith(b"1 ") else None
