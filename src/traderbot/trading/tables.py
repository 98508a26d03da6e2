"""The trading tables: the fold of the journal, plus the key tables that keep names unique for ever.

Rows cite an event by its account and version, never by its journal position: a position is only known under
the append lock, and nothing that can be written before that lock should have to wait for it.

A table that begins its key with the account is kept in that key's order on SQLite (no separate row number): a
row is then one place to write instead of two, and an account's rows lie together. Orders are the exception:
their rows are long, and are found by id.
"""

import sqlalchemy as sa

from traderbot.infra.database import HASH, ID, MONEY, PRICE, QUANTITY, TIME, metadata

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("user_id", ID, nullable=False, index=True),
    sa.Column("session_id", ID, nullable=False, index=True),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("cash", MONEY, nullable=False),
    sa.Column("held", MONEY, nullable=False),
    sa.Column("securities", MONEY, nullable=False),
    sa.Column("external", MONEY, nullable=False),
    sa.Column("realised", MONEY, nullable=False),
    sa.Column("fees", MONEY, nullable=False),
    sa.Column("dividends", MONEY, nullable=False),
    sa.Column("lots_opened", sa.BigInteger, nullable=False),
    sa.Column("halted", sa.Text),
    sa.Column("version", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

LEDGER_COLUMNS = (
    "cash",
    "securities",
    "external",
    "realised",
    "fees",
    "dividends",
)  # each the sum of its postings

_OPEN = sa.text("status IN ('accepted', 'partially_filled')")

orders = sa.Table(
    "orders",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("account_id", ID, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("client_order_id", sa.Text, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("side", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("time_in_force", sa.Text, nullable=False),
    sa.Column("qty", QUANTITY, nullable=False),
    sa.Column("limit_price", PRICE),
    sa.Column("price_max", PRICE, nullable=False),
    sa.Column("fee_rate", PRICE, nullable=False),
    sa.Column("hold", MONEY, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("filled_qty", QUANTITY, nullable=False),
    sa.Column("filled_value", MONEY, nullable=False),
    sa.Column("placed_at", TIME, nullable=False),
    sa.Column("expires_at", TIME),
    sa.Column("updated_at", TIME, nullable=False),
    sa.Column("replaces", ID),
    sa.Column("replaced_by", ID),
    sa.Column("signal_id", ID),
    sa.Column("reason", sa.Text),
    sa.Index("ix_orders_account", "account_id", "version"),
    sa.Index("ix_orders_open", "account_id", sqlite_where=_OPEN, postgresql_where=_OPEN),
)

fills = sa.Table(
    "fills",
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("execution_id", ID, nullable=False),
    sa.Column("order_id", ID, nullable=False, index=True),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("side", sa.Text, nullable=False),
    sa.Column("qty", QUANTITY, nullable=False),
    sa.Column("price", PRICE, nullable=False),
    sa.Column("notional", MONEY, nullable=False),
    sa.Column("fee", MONEY, nullable=False),
    sa.Column("realised", MONEY, nullable=False),
    sa.Column("at", TIME, nullable=False),
    sa.Column("priced_at", TIME, nullable=False),
    sqlite_with_rowid=False,
)

positions = sa.Table(
    "positions",
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("qty", QUANTITY, nullable=False),
    sa.Column("cost", MONEY, nullable=False),
    sa.Column("realised", MONEY, nullable=False),
    sqlite_with_rowid=False,
)

_HELD = sa.text("closed_at IS NULL")

lots = sa.Table(
    "lots",
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("execution_id", ID, nullable=False),
    sa.Column("opened_at", TIME, nullable=False),
    sa.Column("opened_qty", QUANTITY, nullable=False),
    sa.Column("opened_cost", MONEY, nullable=False),
    sa.Column("qty", QUANTITY, nullable=False),
    sa.Column("cost", MONEY, nullable=False),
    sa.Column("closed_at", TIME),
    sa.Index("ix_lots_held", "account_id", "number", sqlite_where=_HELD, postgresql_where=_HELD),
    sqlite_with_rowid=False,
)

postings = sa.Table(
    "postings",
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("ledger", sa.Text, nullable=False),
    sa.Column("symbol", sa.Text),
    sa.Column("amount", MONEY, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("effective_at", TIME, nullable=False),
    sa.Column("recorded_at", TIME, nullable=False),
    sqlite_with_rowid=False,
)

valuations = sa.Table(
    "valuations",
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("step", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", TIME, nullable=False),
    sa.Column("cash", MONEY, nullable=False),
    sa.Column("market_value", MONEY, nullable=False),
    sa.Column("equity", MONEY, nullable=False),
    sqlite_with_rowid=False,
)

signals = sa.Table(
    "signals",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("account_id", ID, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("at", TIME, nullable=False),
    sa.Column("strategy", sa.Text, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("probability", sa.Float(53)),
    sa.Column("confidence", sa.Float(53)),
    sa.Column("target_weight", sa.Float(53)),
    sa.Column("order_id", ID),
    sa.Column("rationale", sa.Text, nullable=False),
    sa.Index("ix_signals_account", "account_id", "version"),
)

market_sessions = sa.Table(
    "market_sessions",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("dataset_hash", sa.Text, nullable=False),
    sa.Column("calendar", sa.Text, nullable=False),
    sa.Column("step", sa.BigInteger, nullable=False),
    sa.Column("at", TIME, nullable=False),
)

rules = sa.Table(
    "rules",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
)

client_order_ids = sa.Table(
    "client_order_ids",
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("client_order_id", sa.Text, primary_key=True),
    sa.Column("order_id", ID, nullable=False),
    sqlite_with_rowid=False,
)

execution_ids = sa.Table(
    "execution_ids",
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("execution_id", ID, primary_key=True),
    sa.Column("order_id", ID, nullable=False),
    sqlite_with_rowid=False,
)

FOLDED = [
    accounts, orders, fills, positions, lots, postings, valuations, signals, market_sessions, rules,
    client_order_ids, execution_ids,
]  # fmt: skip

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("request_hash", HASH, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("created_at", TIME, nullable=False, index=True),
    sqlite_with_rowid=False,
)
