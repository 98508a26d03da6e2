"""Alerts: rules, what they raised, routing, webhooks, and what is under way to the outside; and the accounts
whose limits a second person has to loosen.
"""

import sqlalchemy as sa
from alembic import op

from traderbot.infra.storage.database import ID

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    _create_rules()
    _create_alerts()
    _create_ways_out()
    op.create_table(
        "limit_guards",
        sa.Column("account_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=True),
        sa.Column("limits", sa.Text(), nullable=True),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("lift", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_limit_guards")),
    )


def _create_rules() -> None:
    op.create_table(
        "alert_rules",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=True),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("threshold", sa.Text(), nullable=False),
        sa.Column("rearm", sa.Text(), nullable=False),
        sa.Column("cool_down_s", sa.BigInteger(), nullable=False),
        sa.Column("bars", sa.Integer(), nullable=True),
        sa.Column("level", sa.Text(), nullable=True),
        sa.Column("part", sa.Text(), nullable=True),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("open_alert", ID, nullable=True),
        sa.Column("raised_at", sa.BigInteger(), nullable=True),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_rules")),
    )
    op.create_index(op.f("ix_alert_rules_user_id"), "alert_rules", ["user_id"])


def _create_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("rule_id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=True),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=True),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("threshold", sa.Text(), nullable=False),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged_at", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_by", ID, nullable=True),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("resolved_value", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index("ix_alerts_user", "alerts", ["user_id", "id"])


def _create_ways_out() -> None:
    op.create_table(
        "alert_routing",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("routes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_alert_routing")),
    )
    op.create_table(
        "alert_webhooks",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_webhooks")),
    )
    op.create_index(op.f("ix_alert_webhooks_user_id"), "alert_webhooks", ["user_id"])
    op.create_table(
        "alert_deliveries",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("alert_id", ID, nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("webhook_id", ID, nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_deliveries")),
    )
    op.create_index("ix_alert_deliveries_user", "alert_deliveries", ["user_id", "id"])
    pending = sa.text("state = 'pending'")
    op.create_index(
        "ix_alert_deliveries_due",
        "alert_deliveries",
        ["next_try_at"],
        sqlite_where=pending,
        postgresql_where=pending,
    )


def downgrade() -> None:
    for table in (
        "limit_guards",
        "alert_deliveries",
        "alert_webhooks",
        "alert_routing",
        "alerts",
        "alert_rules",
    ):
        op.drop_table(table)
