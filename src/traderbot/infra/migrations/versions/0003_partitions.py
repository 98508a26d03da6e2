"""The journal and the orders in parts on PostgreSQL, and an index for each query."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
