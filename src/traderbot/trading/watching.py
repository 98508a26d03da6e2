"""What the command path tells about each of its transactions, to whoever counts or traces them."""

from typing import NamedTuple, Protocol

from traderbot.infra.events.journal import Recorded
from traderbot.trading.work import Work


class Committed(NamedTuple):
    """One transaction that committed. began_at: wall time, microseconds; seconds: from there to its commit;
    waited: seconds that its first work stood in the queue.
    """

    works: list[Work]
    recorded: list[Recorded]
    began_at: int
    seconds: float
    waited: float


class PathWatch(Protocol):
    """Told in the writer's thread, so it must be quick."""

    def committed(self, transaction: Committed) -> None: ...

    def retried(self) -> None:
        """A transaction was rolled back and is tried again as it is."""

    def failed(self, works: int) -> None:
        """So many works were answered by an error that no command's refusal is."""


class Unwatched:
    """Tells nobody."""

    def committed(self, transaction: Committed) -> None:
        """Nobody counts."""

    def retried(self) -> None:
        """Nobody counts."""

    def failed(self, works: int) -> None:
        """Nobody counts."""
