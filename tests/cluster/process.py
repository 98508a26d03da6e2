"""The real `traderbot` command in a process whose clock can be made to jump: SIGUSR1 on, SIGUSR2 back.

Run: python -m cluster.process serve --api-only ...
"""

import signal

from traderbot.cli.main import app
from traderbot.infra.clock import WallClock

HOUR = 3_600_000_000


class JumpingClock:
    """Adds to what the machine's clock says."""

    def __init__(self) -> None:
        self._jumped = 0
        self._real = WallClock.now

    def now(self, clock: WallClock) -> int:
        return self._real(clock) + self._jumped

    def jump(self, number: int, _frame: object) -> None:
        self._jumped += HOUR if number == signal.SIGUSR1 else -HOUR


def main() -> None:
    clock = JumpingClock()
    WallClock.now = lambda self: clock.now(self)  # type: ignore[method-assign]  # the machine's clock stays
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, clock.jump)
    app()


if __name__ == "__main__":
    main()
