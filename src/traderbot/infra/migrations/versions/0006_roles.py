"""Roles of owner and viewer, and what an API key may do."""

import sqlalchemy as sa
from alembic import op

from traderbot.infra.storage.database import ID, MONEY

revision = "0006"
down_revision = "0005"

_users = sa.table(
    "users",
    sa.column("id", ID),
    sa.column("role", sa.Text),
    sa.column("active", sa.Boolean),
    sa.column("created_at", sa.BigInteger),
)
_keys = sa.table(
    "api_keys", sa.column("user_id", ID), sa.column("account_id", ID), sa.column("scopes", sa.Text)
)
_ADMINS = sa.select(_users.c.id).where(_users.c.role.in_(["owner", "admin"]))


def upgrade() -> None:
    """The oldest admin becomes the owner. Keys keep what they could do: an admin's manages as well."""
    op.add_column("users", sa.Column("signed_out_at", sa.BigInteger(), nullable=True))
    scopes = sa.Column("scopes", sa.String(length=32), nullable=False, server_default="read,trade")
    op.add_column("api_keys", scopes)
    op.add_column("api_keys", sa.Column("symbols", sa.Text(), nullable=True))
    op.add_column("api_keys", sa.Column("daily_notional", MONEY, nullable=True))
    op.add_column("api_keys", sa.Column("expires_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "grant_spending",
        sa.Column("key_id", ID, nullable=False),
        sa.Column("day", sa.BigInteger(), nullable=False),
        sa.Column("spent", MONEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["api_keys.id"], name=op.f("fk_grant_spending_key_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_grant_spending")),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    managed = sa.update(_keys).where(_keys.c.user_id.in_(_ADMINS), _keys.c.account_id.is_(None))
    connection.execute(managed.values(scopes="read,trade,manage"))
    oldest = (
        sa.select(_users.c.id)
        .where(_users.c.role == "admin", _users.c.active.is_(True))
        .order_by(_users.c.created_at, _users.c.id)
        .limit(1)
    )
    first = connection.execute(oldest).scalar()
    if first is not None:
        connection.execute(sa.update(_users).where(_users.c.id == first).values(role="owner"))


def downgrade() -> None:
    """Owners become admins. A viewer could trade as anything that is left, and is deactivated."""
    connection = op.get_bind()
    connection.execute(sa.update(_users).where(_users.c.role == "owner").values(role="admin"))
    viewers = sa.update(_users).where(_users.c.role == "viewer")
    connection.execute(viewers.values(role="trader", active=False))
    narrower = sa.text(
        "UPDATE api_keys SET revoked_at = created_at WHERE revoked_at IS NULL AND (symbols IS NOT NULL"
        " OR daily_notional IS NOT NULL OR expires_at IS NOT NULL OR scopes NOT LIKE 'read,trade%')"
    )
    connection.execute(narrower)  # what bounded them is gone
    op.drop_table("grant_spending")
    for name in ("expires_at", "daily_notional", "symbols", "scopes"):
        op.drop_column("api_keys", name)
    op.drop_column("users", "signed_out_at")
