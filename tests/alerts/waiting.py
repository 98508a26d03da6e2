"""Waiting for what another thread does."""

import time
from collections.abc import Callable


def eventually(done: Callable[[], object]) -> None:
    """Until this is so; a failure where it is not within twenty seconds."""
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)
