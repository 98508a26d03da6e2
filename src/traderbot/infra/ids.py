"""Identifiers: time-ordered UUIDs (version 7) so that new rows land next to each other in an index."""

import os
import socket
from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A new UUID, ordered by time of creation."""
    return uuid7()


def instance_name(wanted: str) -> str:
    """The name of this process among several: the one that is set, or host and process id."""
    return wanted or f"{socket.gethostname()}-{os.getpid()}"
