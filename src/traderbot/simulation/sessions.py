"""What a broker is told of the trading day at one observation."""

from typing import Protocol

import msgspec


class Session(Protocol):
    """opens, closes: whether the observation is the first, the last of its session; regular: whether it is
    within regular hours.
    """

    @property
    def opens(self) -> bool: ...
    @property
    def closes(self) -> bool: ...
    @property
    def regular(self) -> bool: ...


class Moment(msgspec.Struct, frozen=True):
    """A session's word on one observation."""

    opens: bool = False
    closes: bool = False
    regular: bool = True


WHOLE_DAY = Moment(opens=True, closes=True)
"""One observation is the whole session, as a daily bar is."""
