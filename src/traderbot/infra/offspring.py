"""What a child process leaves behind ends with it, also what left its session and its group."""

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of Linux
_ROUNDS = 1_000  # for what forks while it is ended


@contextmanager
def ending_offspring() -> Iterator[None]:
    """Whoever is started within the block, by this process or by those, is ended with it.

    The kernel gives this process the orphans, so none escapes by a session of its own. The block's own
    children have to be ended by then. Where the system is no Linux, orphans stay.
    """
    if sys.platform != "linux":
        yield
        return
    before, kernel = _children(), ctypes.CDLL(None)
    kernel.prctl(_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        for _ in range(_ROUNDS):
            left = _children() - before
            if not left:
                break
            for process in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(process, 0)
        kernel.prctl(_SUBREAPER, 0, 0, 0, 0)


def _children() -> set[int]:
    """The processes whose parent this one is."""
    own, found = str(os.getpid()), set[int]()
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with contextlib.suppress(OSError):
                state = (path / "stat").read_text().rpartition(")")[2].split()
                if state[1] == own:
                    found.add(int(path.name))
    return found
