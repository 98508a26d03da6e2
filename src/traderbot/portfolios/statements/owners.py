"""Whose an account is, in words for the head of a page."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.trading.tables import accounts
from traderbot.users.tables import users


def owner_of(connection: Connection, account_id: UUID) -> str:
    """Their name, address and the account's own name, as far as there are such."""
    query = (
        sa.select(users.c.display_name, users.c.email, accounts.c.name)
        .select_from(accounts.outerjoin(users, users.c.id == accounts.c.user_id))
        .where(accounts.c.id == account_id)
    )
    row = connection.execute(query).first()
    return ", ".join(text for text in row or () if text)
