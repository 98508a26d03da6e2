"""Processes that work for another one and end with it, however it ends."""

import os
from multiprocessing import parent_process
from threading import Thread


def end_with_parent() -> None:
    """Let this process end at once when the one that started it is gone: a pool whose owner was killed would
    wait for work for ever. To be called once, in a process that multiprocessing started.
    """
    Thread(target=_wait, name="end-with-parent", daemon=True).start()


def _wait() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
