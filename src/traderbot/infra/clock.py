"""Wall time, asked of one object so that tests and replays can answer instead."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Answers with microseconds since the epoch, UTC."""

    def now(self) -> int: ...


class WallClock:
    """The machine's clock."""

    def now(self) -> int:
        return time.time_ns() // 1000


def rfc3339(micros: int) -> str:
    """Microseconds since the epoch as RFC 3339 in UTC, such as 2005-01-03T21:00:00Z."""
    moment = datetime.fromtimestamp(micros // 1_000_000, UTC)
    fraction = micros % 1_000_000
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction:06d}" if fraction else "") + "Z"
