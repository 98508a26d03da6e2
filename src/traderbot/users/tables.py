"""Tables of people and their credentials. Ordinary rows, outside the journal, so that a person can be
erased.
"""

import sqlalchemy as sa

from traderbot.infra.storage.database import ID, MONEY, TIME, metadata

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("email", sa.String(254), nullable=False, unique=True),  # normalised: lower case
    sa.Column("display_name", sa.String(80), nullable=False),
    sa.Column("password_hash", sa.String(255), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),  # as users.roles has them
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("created_at", TIME, nullable=False),
    sa.Column("account_id", ID, nullable=True),
    sa.Column("signed_out_at", TIME, nullable=True),  # tokens issued before have ended
)

preferences = sa.Table(
    "preferences",
    metadata,
    sa.Column("user_id", ID, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("risk_tolerance", sa.String(16), nullable=False),
    sa.Column("investment_goal", sa.String(16), nullable=False),
    sa.Column("sector_preferences", sa.Text, nullable=False),  # JSON array of names
    sa.Column("sector_exclusions", sa.Text, nullable=False),  # JSON array of names
    sa.Column("updated_at", TIME, nullable=False),
)

refresh_tokens = sa.Table(
    "refresh_tokens",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("user_id", ID, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("family", ID, nullable=False, index=True),  # one sign-in and all tokens rotated from it
    sa.Column("token_hash", sa.String(64), nullable=False, unique=True),  # SHA-256, hex
    sa.Column("issued_at", TIME, nullable=False),
    sa.Column("expires_at", TIME, nullable=False),
    sa.Column("used_at", TIME, nullable=True),
    sa.Column("revoked_at", TIME, nullable=True),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("user_id", ID, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("prefix", sa.String(16), nullable=False),  # first characters, to recognise a key by
    sa.Column("key_hash", sa.String(64), nullable=False, unique=True),  # SHA-256, hex
    sa.Column("created_at", TIME, nullable=False),
    sa.Column("last_used_at", TIME, nullable=True),  # to the hour
    sa.Column("revoked_at", TIME, nullable=True),
    sa.Column("account_id", ID, nullable=True),  # the one account it is bound to
    sa.Column("scopes", sa.String(32), nullable=False, server_default="read,trade"),  # joined by commas
    sa.Column("symbols", sa.Text, nullable=True),  # JSON array; NULL for all
    sa.Column("daily_notional", MONEY, nullable=True),
    sa.Column("expires_at", TIME, nullable=True),
)

grant_spending = sa.Table(
    "grant_spending",
    metadata,
    sa.Column("key_id", ID, sa.ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("day", sa.BigInteger, nullable=False),  # days since the epoch, UTC
    sa.Column("spent", MONEY, nullable=False),  # on that day
    sqlite_with_rowid=False,
)

rate_limits = sa.Table(
    "rate_limits",
    metadata,
    sa.Column("scope", sa.String(80), primary_key=True),  # such as general, role:viewer:risk, user:ID:general
    sa.Column("rate", sa.String(20), nullable=False),
    sa.Column("updated_at", TIME, nullable=False),
)
