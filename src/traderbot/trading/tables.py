"""The trading tables: the fold of the journal, plus the key tables that keep names unique for ever.

Rows cite an event by its account and version, never by its journal position: a position is only known under
the append lock, and nothing that can be written before that lock should have to wait for it.

A table that begins its key with the account is kept in that key's order on SQLite (no separate row number): a
row is then one place to write instead of two, and an account's rows lie together. Orders are the exception:
their rows are long, and are found by id; the account stands in their key as well, because PostgreSQL keeps
them in parts by account. It stands behind the id: ids grow with time, so that new keys go to the index's end.

What few orders have is null for the others and left out of their insert, so that a plain order writes what it
always wrote: one row, two index entries (its account's page, the open ones), and no name of its own.
"""

import sqlalchemy as sa

from traderbot.infra.storage.database import HASH, ID, MONEY, PRICE, QUANTITY, TIME, metadata
from traderbot.infra.storage.partitions import make_parts, order_parts

_NONE = sa.text("0")

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
    sa.Column("interest", MONEY, nullable=False, server_default=_NONE),
    sa.Column("borrow", MONEY, nullable=False, server_default=_NONE),
    sa.Column("kind", sa.Text, nullable=False, server_default="cash"),
    sa.Column("name", sa.Text, nullable=False, server_default=""),
    sa.Column("broker", sa.Text, nullable=False, server_default="paper"),
    sa.Column("lot_method", sa.Text, nullable=False, server_default="fifo"),
    sa.Column("halted_symbols", sa.Text),  # these four as JSON texts, null where there is nothing
    sa.Column("lifting", sa.Text),
    sa.Column("limits", sa.Text),
    sa.Column("valued", sa.Text),
    sa.Column("margin_call", MONEY),
    sa.Column("overdraft", MONEY, nullable=False, server_default=_NONE),
    sa.Column("second", sa.BigInteger, nullable=False, server_default=_NONE),
    sa.Column("orders_that_second", sa.BigInteger, nullable=False, server_default=_NONE),
    sa.Column("orders_that_day", sa.BigInteger, nullable=False, server_default=_NONE),
    sa.Column("breached", sa.Text),  # JSON: limits on losses that were reached, with their period
    sqlite_with_rowid=False,
)

LEDGER_COLUMNS = (
    "cash",
    "securities",
    "external",
    "realised",
    "fees",
    "dividends",
    "interest",
    "borrow",
)  # each the sum of its postings

OPEN_ORDER = "status IN ('pending_new', 'unknown', 'held', 'new', 'partially_filled')"
"""The condition of the index on open orders, word for word: SQLite uses that index for no other wording."""
_GROUPED = sa.text("group_id IS NOT NULL")

orders = sa.Table(
    "orders",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("client_order_id", sa.Text, nullable=False),  # "" stands for the order's id
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
    sa.Column("fees", MONEY, nullable=False, server_default=_NONE),
    sa.Column("notional", MONEY),
    sa.Column("stop_price", PRICE),
    sa.Column("trail_price", PRICE),
    sa.Column("trail_percent", PRICE),
    sa.Column("hwm", PRICE),
    sa.Column("triggered_at", TIME),
    sa.Column("order_class", sa.Text),  # null: simple
    sa.Column("group_id", ID),
    sa.Column("leg", sa.Text),
    sa.Column("extended_hours", sa.Boolean),  # null: no
    sa.Column("reserves", sa.Boolean),  # null: yes
    sa.Column("active_at", TIME),  # null: since it was placed
    sa.Column("fee_per_share", MONEY),
    sa.Column("fee_minimum", MONEY),
    sa.Column("lots", sa.Text),  # numbers with commas between them
    sa.Column("strategy", sa.Text),  # null: a person asked for it, or the platform
    sa.Index("ix_orders_account", "account_id", "version"),
    sa.Index(
        "ix_orders_open",
        "account_id",
        "version",
        sqlite_where=sa.text(OPEN_ORDER),
        postgresql_where=sa.text(OPEN_ORDER),
    ),
    sa.Index("ix_orders_group", "account_id", "group_id", sqlite_where=_GROUPED, postgresql_where=_GROUPED),
    postgresql_partition_by="HASH (account_id)",
)
make_parts(orders, order_parts())

PLAIN_ORDER = tuple(
    name
    for name in orders.c.keys()[: orders.c.keys().index("fees")]
    if name not in ("replaces", "replaced_by", "reason")
)
"""The columns of an order that has nothing but what every order has."""

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
    sa.Column("late", sa.Boolean),  # null: no
    sa.Column("busted", sa.BigInteger),  # version of the event that took it back
    sqlite_with_rowid=False,
)

PLAIN_FILL = tuple(name for name in [column.name for column in fills.c] if name not in ("late", "busted"))

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

activities = sa.Table(
    "activities",  # of an account besides its orders: cash, corporate actions, margin calls, halts; few
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", TIME, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("symbol", sa.Text),
    sa.Column("qty", QUANTITY),
    sa.Column("amount", MONEY),
    sa.Column("detail", sa.Text),
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
    sa.Column("paused", sa.Boolean),  # these three null: nobody has turned the clock
    sa.Column("speed", sa.Float(53)),
    sa.Column("jump_to", sa.Text),
)

assignments = sa.Table(
    "assignments",  # which strategy trades an account, for whichever process plays its session
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("strategy", sa.Text, primary_key=True),
    sa.Column("at", TIME, nullable=False),
    sa.Column("source", sa.Text, nullable=True),  # its name or file; none for the one by its name
    sa.Column("parameters", sa.Text, nullable=True),  # JSON of texts
    sa.Column("state", sa.Text, nullable=True),  # JSON that the strategy wants back after a restart
    sa.Column("state_at", TIME, nullable=True),  # market time of the step that it is of
    sqlite_with_rowid=False,
)

rules = sa.Table(
    "rules",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
)

client_order_ids = sa.Table(
    "client_order_ids",  # of orders that were given a name; the others' name is their id
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("client_order_id", sa.Text, primary_key=True),
    sa.Column("order_id", ID, nullable=False),
    sqlite_with_rowid=False,
)

execution_ids = sa.Table(
    "execution_ids",  # an account has one broker for life, so this is unique by broker as well
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("execution_id", ID, primary_key=True),
    sa.Column("order_id", ID, nullable=False),
    sqlite_with_rowid=False,
)

FOLDED = [
    accounts, orders, fills, positions, lots, postings, activities, valuations, signals, market_sessions,
    rules, client_order_ids, execution_ids,
]  # fmt: skip

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("request_hash", HASH, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("created_at", TIME, nullable=False),  # no index: only the daily clearing asks for it
    sqlite_with_rowid=False,
)

reports_taken = sa.Table(
    "reports_taken",  # what others reported about instruments, by the name it has at its source: taken once
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("source_id", sa.Text, primary_key=True),
    sa.Column("content", HASH, nullable=False),
    sqlite_with_rowid=False,
)

snapshots = sa.Table(
    "snapshots",  # of accounts as folded up to a version: a cache, which may be emptied at any time
    metadata,
    sa.Column("account_id", ID, primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("recorded_at", TIME, nullable=False),
    sa.Column("shape", HASH, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("hash", HASH, nullable=False),
    sqlite_with_rowid=False,
)
