"""Names of the journal's streams: one chain for each account, session and user, one for the platform's
rules.
"""

from uuid import UUID

RULES_STREAM = "rules"


def account_stream(account_id: UUID) -> str:
    return f"account:{account_id}"


def session_stream(session_id: UUID) -> str:
    return f"session:{session_id}"


def user_stream(user_id: UUID) -> str:
    return f"user:{user_id}"
