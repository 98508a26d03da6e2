"""Names of the journal's streams: one chain for each account, session and user, one for the platform's
rules.
"""

from functools import lru_cache
from uuid import UUID

RULES_STREAM = "rules"
PLATFORM_STREAM = "platform"
_ACCOUNT = "account:"


@lru_cache(maxsize=10_000)  # asked for several times an order; writing an id out takes a microsecond
def account_stream(account_id: UUID) -> str:
    return f"{_ACCOUNT}{account_id}"


def account_of(stream: str) -> UUID | None:
    """The account whose stream this is, None for other streams."""
    return UUID(stream.removeprefix(_ACCOUNT)) if stream.startswith(_ACCOUNT) else None


def session_stream(session_id: UUID) -> str:
    return f"session:{session_id}"


def user_stream(user_id: UUID) -> str:
    return f"user:{user_id}"
