"""Idempotency keys of requests for backtests, kept beside those of orders and for as long: under one key a
user's request is carried out once, and the key with another request is refused.
"""

from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from traderbot.model.errors import TraderbotError
from traderbot.model.reasons import SENTENCES, Reason
from traderbot.trading.tables import idempotency_keys
from traderbot.trading.work import Idempotency

_kept = idempotency_keys.c


class KeyReused(TraderbotError):  # noqa: N818 - what happened to the key
    """The key came with another request before."""

    status = 422
    code = Reason.IDEMPOTENCY_KEY_REUSED.value

    def __init__(self) -> None:
        super().__init__(SENTENCES[Reason.IDEMPOTENCY_KEY_REUSED])


class Made(msgspec.Struct, frozen=True):
    """What a request has made, and when."""

    id: UUID
    at: int


def recall(connection: Connection, user_id: UUID, key: Idempotency) -> Made | None:
    """What was made under a key before, None for nothing. Errors: KeyReused."""
    mine = _kept.account_id == user_id, _kept.key == key.key
    found = connection.execute(sa.select(_kept.request_hash, _kept.outcome).where(*mine)).first()
    if found is None:
        return None
    if found.request_hash != key.request_hash:
        raise KeyReused
    return msgspec.json.decode(found.outcome, type=Made)


def remember(connection: Connection, user_id: UUID, key: Idempotency, made: Made) -> bool:
    """Put a key on record with what is made under it; false where another process has just done so."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row: dict[str, Any] = {
        "account_id": user_id,  # no account has a user's id
        "key": key.key,
        "request_hash": key.request_hash,
        "outcome": msgspec.json.encode(made).decode(),
        "created_at": made.at,
    }
    return bool(connection.execute(insert(idempotency_keys).values(row).on_conflict_do_nothing()).rowcount)
