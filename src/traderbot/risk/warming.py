"""Import what risk analysis computes with before anybody waits for it: scipy takes a second once."""

from importlib import import_module
from threading import Thread

_HEAVY = ("scipy.special", "scipy.optimize", "scipy.signal", "scipy.stats")


def warm() -> Thread:
    """Import it beside whatever goes on. Returns: the thread, for whoever wants to wait."""
    thread = Thread(target=_import, name="warm-risk", daemon=True)
    thread.start()
    return thread


def _import() -> None:
    for name in _HEAVY:
        import_module(name)
