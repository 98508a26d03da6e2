"""The queries that the product makes while people and sessions wait, by name: its own functions."""

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.engine import Connection

from traderbot.alerts import courier
from traderbot.alerts import hooks as alert_hooks
from traderbot.alerts import rows as alert_rows
from traderbot.backtests.submitted import repository as backtests
from traderbot.infra.events import journal
from traderbot.infra.events.events_query import EventQuery, find_events
from traderbot.notifications import repository as inbox
from traderbot.portfolios import valuation
from traderbot.rebalancing import rows as rebalancing
from traderbot.trading import accounts, halts, history, repository, why
from traderbot.trading.as_of import position_at, rules_at
from traderbot.trading.repository import OrderFilter
from traderbot.trading.session_loop import accounts_of, left_behind_of
from traderbot.trading.streams import account_stream
from traderbot.users import repository as people
from traderbot.users.people_rows import PeopleFilter, list_people

GROWING = (
    "events", "orders", "fills", "positions", "lots", "postings", "activities", "valuations", "signals",
    "accounts", "stream_heads", "client_order_ids", "execution_ids", "idempotency_keys", "users",
    "preferences", "refresh_tokens", "api_keys", "inbox", "round_trips", "reports_taken", "snapshots",
    "backtests",
)  # fmt: skip
"""Tables that grow with use; the others have a row or a few."""


class World(NamedTuple):
    """What the queries ask about: things that are there."""

    account_id: UUID
    others: tuple[UUID, ...]
    user_id: UUID
    session_id: UUID
    order_id: UUID
    execution_id: UUID
    version: int
    position: int
    at: int


Query = Callable[[Connection, World], Any]


def _page(**wanted: Any) -> Query:
    return lambda c, w: repository.orders_page(c, [w.account_id], OrderFilter(**wanted))


def _pages(**wanted: Any) -> Query:
    return lambda c, w: repository.orders_page(c, [w.account_id, *w.others], OrderFilter(**wanted))


QUERIES: dict[str, Query] = {
    "an order": lambda c, w: repository.find_order(c, w.account_id, w.order_id, nested=True),
    "an order by its name": lambda c, w: repository.find_order_by_client_id(c, w.account_id, "named"),
    "orders by id": lambda c, w: repository.orders_by_id(c, w.account_id, [w.order_id]),
    "a page of orders": _page(),
    "a later page of orders": lambda c, w: repository.list_orders(c, w.account_id, before=w.version),
    "a page of open orders": _page(status="open"),
    "a page of open orders with legs": _page(status="open", nested=True),
    "a page of orders, oldest first": _page(oldest_first=True),
    "orders of several accounts": _pages(),
    "open orders of several accounts": _pages(status="open"),
    "the working orders": lambda c, w: repository.active_orders(c, w.account_id),
    "the working orders as the engine has them": lambda c, w: repository.active_orders_of(c, w.account_id),
    "fills of an order": lambda c, w: repository.fills_of(c, w.account_id, order_id=w.order_id),
    "a page of fills": lambda c, w: repository.fills_of(c, w.account_id, limit=50),
    "held lots": lambda c, w: repository.lots_of_account(c, w.account_id, limit=50),
    "a page of closed lots": lambda c, w: repository.lots_of_account(c, w.account_id, closed=True, limit=50),
    "a signal": lambda c, w: repository.find_signal(c, w.account_id, w.order_id),
    "a page of signals": lambda c, w: repository.list_signals(c, w.account_id),
    "accounts of a user": lambda c, w: history.accounts_of_user(c, w.user_id),
    "an account of a user": lambda c, w: history.find_account(c, w.user_id, w.account_id),
    "a page of a user's events": lambda c, w: history.list_events(c, history.streams_of_user(c, w.user_id)),
    "events that came since": lambda c, w: history.list_events(
        c, [account_stream(w.account_id)], after=w.position
    ),
    "a page of activities": lambda c, w: history.list_activities(c, w.account_id),
    "an account with what it holds": lambda c, w: accounts.load_account(c, w.account_id),
    "an order as the engine has it": lambda c, w: accounts.load_order(c, w.account_id, w.order_id),
    "whether an execution was taken back": lambda c, w: accounts.is_busted(
        c, w.account_id, w.order_id, w.execution_id
    ),
    "why an order exists": lambda c, w: why.explain_order(c, w.account_id, w.order_id),
    "the last position": lambda c, w: journal.last_position(c),
    "the journal from a position on": lambda c, w: journal.read(c, after=w.position, limit=100),
    "a stream from its start": lambda c, w: journal.read(c, stream=account_stream(w.account_id), limit=100),
    "where the journal stood at a time": lambda c, w: position_at(c, w.at),
    "the rules at a position": lambda c, w: rules_at(c, w.position),
    "the rules in force": lambda c, w: halts.rules_in_force(c),
    "accounts of a session": lambda c, w: accounts_of(c, w.session_id),
    "accounts left behind": lambda c, w: left_behind_of(c, w.session_id),
    "accounts and positions of a user": lambda c, w: valuation.portfolios_of(c, w.user_id, lambda _: None),
    "what open orders set aside": lambda c, w: valuation._set_aside(c, w.account_id),
    "equity over time": lambda c, w: valuation.equity_history(c, w.account_id),
    "positions that were closed": lambda c, w: valuation.closed_positions(c, w.account_id),
    "a user": lambda c, w: people.user_by_id(c, w.user_id),
    "a user by e-mail": lambda c, w: people.user_and_hash(c, "ann@example.com"),
    "a refresh token": lambda c, w: people.refresh_token(c, "0" * 64),
    "an API key": lambda c, w: people.api_key_and_user(c, "0" * 64),
    "API keys of a user": lambda c, w: people.live_api_keys(c, w.user_id),
    "preferences": lambda c, w: people.preferences_of(c, w.user_id),
    "a page of people": lambda c, w: list_people(c, PeopleFilter(), before=w.user_id, limit=50),
    "a page of the inbox": lambda c, w: inbox.page(c, w.user_id, limit=50),
    "unread entries of the inbox": lambda c, w: inbox.unread_count(c, w.user_id),
    "the alert rules of a user": lambda c, w: alert_rows.rules_of(c, w.user_id),
    "a page of alerts": lambda c, w: alert_rows.alert_page(c, w.user_id, alert_rows.Asked(), limit=50),
    "the webhooks of a user": lambda c, w: alert_hooks.hooks_of(c, w.user_id),
    "a page of what was sent of alerts": lambda c, w: alert_hooks.delivery_page(c, w.user_id, None, limit=50),
    "what is to be sent of alerts": lambda c, w: courier._due(c, w.at),
    "a page of proposals": lambda c, w: rebalancing.proposals_of(c, w.account_id, 50),
    "proposals under way": lambda c, w: rebalancing.under_way(c),
    "a page of backtests": lambda c, w: backtests.page(c, w.user_id, limit=50, before=None, status=None),
    "how far a user's backtests are": lambda c, w: backtests.standings(c, w.user_id, 40),
    "how many backtests of a user wait or run": lambda c, w: backtests.live_count(c, w.user_id),
    "whether any backtest waits": lambda c, w: backtests.waiting(c),
    "backtests that run": lambda c, w: backtests.abandoned(c),
    "the backtest to run next": lambda c, w: backtests.next_waiting(c),
    "events of one correlation": lambda c, w: find_events(c, EventQuery(correlation="together")),
    "events of a seldom type": lambda c, w: find_events(c, EventQuery(types=("CashMoved",))),
}

INDEX_FOR = {
    "ix_alert_deliveries_due": "what is to be sent of alerts, by when it is due",
    "ix_alert_deliveries_user": "what was sent of a user's alerts, by time of asking",
    "ix_alert_rules_user_id": "the alert rules of a user",
    "ix_alert_webhooks_user_id": "the webhooks of a user",
    "ix_alerts_user": "pages of a user's alerts",
    "ix_rebalancing_proposals_account": "pages of an account's proposals of rebalancing",
    "ix_rebalancing_proposals_status": "the proposals of rebalancing under way, at every step of a session",
    "ix_accounts_session_id": "the accounts that a session's step is played for",
    "ix_accounts_user_id": "the accounts of a user, and the streams of a user's events",
    "ix_api_keys_user_id": "the API keys of a user",
    "ix_backtests_status": "the backtests that wait or run, of everybody",
    "ix_backtests_user_id": "the backtests of a user, by time of asking",
    "ix_events_correlation": "all events that one request or decision caused",
    "ix_events_stream": "the events of an account, a user or a session: folds, pages, an order's why",
    "ix_events_type": "events of the kinds that are seldom",
    "ix_fills_order_id": "the fills of an order, and whether one was taken back",
    "ix_inbox_unread": "the unread entries of a user's inbox",
    "ix_lots_held": "the lots that an account holds",
    "ix_orders_account": "pages of an account's orders, by time of placing",
    "ix_orders_group": "the legs of an order",
    "ix_orders_open": "the working orders of an account",
    "ix_refresh_tokens_family": "revoking every token of a sign-in",
    "ix_refresh_tokens_user_id": "forgetting a user's tokens that have expired",
    "ix_signals_account": "pages of an account's signals",
}
"""What each index besides the keys is for."""
