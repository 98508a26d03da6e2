"""Wire: cancels on their way to the market."""

from collections import deque

from traderbot.model.commands import CancelOrder, ReplaceOrder

Change = CancelOrder | ReplaceOrder


class Wire:
    """Holds changes of orders back for the latency, so that a fill may come first.

    next_at: when the next one is there, microseconds; None for none.
    """

    __slots__ = ("_latency", "_sent")

    def __init__(self, latency: int) -> None:
        self._latency = latency
        self._sent: deque[tuple[int, Change]] = deque()

    @property
    def next_at(self) -> int | None:
        return self._sent[0][0] if self._sent else None

    def send(self, change: Change, time: int) -> None:
        """Send a change at a time, none before the one sent last."""
        self._sent.append((time + self._latency, change))

    def arrived(self, time: int) -> list[Change]:
        """What has reached the market by then, in the order it was sent."""
        there = []
        while self._sent and self._sent[0][0] <= time:
            there.append(self._sent.popleft()[1])
        return there
