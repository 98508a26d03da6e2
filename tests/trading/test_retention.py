"""Answers are kept for their time, and forgotten a few at a time."""

import pytest
import sqlalchemy as sa

from traderbot.infra.ids import new_id
from traderbot.infra.storage.database import Database
from traderbot.trading import tables as t
from traderbot.trading.retention import forget_answers

pytestmark = pytest.mark.integration


def test_only_old_answers_are_forgotten(database: Database) -> None:
    account_id = new_id()
    rows = [
        {
            "account_id": account_id,
            "key": f"k{at}",
            "request_hash": bytes(32),
            "outcome": "",
            "created_at": at,
        }
        for at in range(10)
    ]
    with database.write() as connection:
        connection.execute(sa.insert(t.idempotency_keys), rows)
        assert forget_answers(connection, 7, 5) == 5
        assert forget_answers(connection, 7, 5) == 2
        assert forget_answers(connection, 7, 5) == 0
        left = connection.execute(sa.select(t.idempotency_keys.c.key)).scalars()
        assert set(left) == {"k7", "k8", "k9"}
