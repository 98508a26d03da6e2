"""Rules, the alerts they raised, where these go, and what is under way to the outside.

What a rule has come to (`open_alert`, `raised_at`, `trouble`) stands in the rule's own row and is written in
one transaction with the alerts, the events and how far the journal has been read.
"""

import sqlalchemy as sa

from traderbot.infra.storage.database import ID, TIME, metadata

alert_rules = sa.Table(
    "alert_rules",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("user_id", ID, nullable=False, index=True),
    sa.Column("account_id", ID),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("metric", sa.Text, nullable=False),
    sa.Column("symbol", sa.Text),
    sa.Column("direction", sa.Text, nullable=False),  # above or below
    sa.Column("threshold", sa.Text, nullable=False),  # exact decimals, as texts
    sa.Column("rearm", sa.Text, nullable=False),
    sa.Column("cool_down_s", sa.BigInteger, nullable=False),
    sa.Column("bars", sa.Integer),
    sa.Column("level", sa.Text),
    sa.Column("part", sa.Text),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("since", TIME, nullable=False),
    sa.Column("open_alert", ID),  # the alert whose condition still holds
    sa.Column("raised_at", TIME),  # when the rule last raised one, in the time the rule is measured by
    sa.Column("trouble", sa.Text),  # why it cannot be measured
)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("user_id", ID, nullable=False),
    sa.Column("rule_id", ID, nullable=False),
    sa.Column("account_id", ID),
    sa.Column("metric", sa.Text, nullable=False),
    sa.Column("symbol", sa.Text),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("threshold", sa.Text, nullable=False),
    sa.Column("raised_at", TIME, nullable=False),
    sa.Column("acknowledged_at", TIME),
    sa.Column("acknowledged_by", ID),
    sa.Column("resolved_at", TIME),
    sa.Column("resolved_value", sa.Text),
    sa.Index("ix_alerts_user", "user_id", "id"),
)

alert_routing = sa.Table(
    "alert_routing",
    metadata,
    sa.Column("user_id", ID, primary_key=True),
    sa.Column("routes", sa.Text, nullable=False),  # JSON, as alerts.routing has it
)

alert_webhooks = sa.Table(
    "alert_webhooks",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("user_id", ID, nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),  # of its secret, which is derived and not kept
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),  # one after another
    sa.Column("next_try_at", TIME),  # nothing is sent before, as it failed; null where it did not
    sa.Column("last_error", sa.Text),
    sa.Column("created_at", TIME, nullable=False),
)

_PENDING = sa.text("state = 'pending'")
alert_deliveries = sa.Table(
    "alert_deliveries",
    metadata,
    sa.Column("id", ID, primary_key=True),  # the webhook-id that receivers see
    sa.Column("user_id", ID, nullable=False),
    sa.Column("alert_id", ID),
    sa.Column("channel", sa.Text, nullable=False),  # email or webhook
    sa.Column("webhook_id", ID),
    sa.Column("payload", sa.Text, nullable=False),  # JSON, as it is sent
    sa.Column("state", sa.Text, nullable=False),  # pending, sent or dead
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_try_at", TIME, nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("created_at", TIME, nullable=False),
    sa.Column("done_at", TIME),
    sa.Index("ix_alert_deliveries_user", "user_id", "id"),
    sa.Index("ix_alert_deliveries_due", "next_try_at", sqlite_where=_PENDING, postgresql_where=_PENDING),
)
