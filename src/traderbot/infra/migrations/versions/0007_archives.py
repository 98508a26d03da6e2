"""Snapshots of accounts and the archives of old events."""

import sqlalchemy as sa
from alembic import op

from traderbot.infra.storage.database import HASH, ID

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "archives",
        sa.Column("first_position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("last_position", sa.BigInteger(), nullable=False),
        sa.Column("first_recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("last_recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("sha256", HASH, nullable=False),
        sa.Column("archived_at", sa.BigInteger(), nullable=False),
        sa.Column("keep", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("first_position", name=op.f("pk_archives")),
    )
    op.create_table(
        "snapshots",
        sa.Column("account_id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("shape", HASH, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("hash", HASH, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "version", name=op.f("pk_snapshots")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Errors: RuntimeError where events are archived: they would be lost to the journal."""
    if op.get_bind().execute(sa.text("SELECT count(*) FROM archives")).scalar():
        raise RuntimeError("events are archived; an older traderbot could not read them")
    op.drop_table("snapshots")
    op.drop_table("archives")
