"""The garbage collector while a run keeps what happened: many objects, and none of them in a cycle."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_EVERY = 100_000  # new objects between two looks, where Python's own 700 are a few steps of a run
_lock = Lock()
_runs = 0
_before = gc.get_threshold()


@contextmanager
def seldom() -> Iterator[None]:
    """While it lasts, in any thread, the collector looks seldom: it would find everything kept."""
    global _runs, _before
    with _lock:
        if not _runs:
            _before = gc.get_threshold()
            if _before[0]:  # who has switched it off wants it so
                gc.set_threshold(max(_before[0], _EVERY), *_before[1:])
        _runs += 1
    try:
        yield
    finally:
        with _lock:
            _runs -= 1
            if not _runs:
                gc.set_threshold(*_before)
