"""What is kept for a time only: the answers to requests that may be sent again."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.trading import tables as t

KEEP_ANSWERS_DAYS = 30
"""A request that is sent again with its Idempotency-Key gets the first answer for so long."""


def forget_answers(connection: Connection, before: int, limit: int) -> int:
    """Remove some of the answers given before a time. Returns: how many."""
    kept = t.idempotency_keys
    old = sa.select(kept.c.account_id, kept.c.key).where(kept.c.created_at < before).limit(limit)
    gone = sa.delete(kept).where(sa.tuple_(kept.c.account_id, kept.c.key).in_(old))
    return connection.execute(gone).rowcount
