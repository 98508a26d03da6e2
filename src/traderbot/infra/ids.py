"""Identifiers: time-ordered UUIDs (version 7) so that new rows land next to each other in an index."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A new UUID, ordered by time of creation."""
    return uuid7()
