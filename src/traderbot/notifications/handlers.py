"""The handlers that tell users what happened: each takes events of its types and fills the inbox."""

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

from traderbot.infra.delivery.bus import Handler
from traderbot.infra.events.journal import Recorded, read
from traderbot.infra.storage.database import lookup_of
from traderbot.model import events as e
from traderbot.model.account import NOTHING
from traderbot.model.orders import OrderStatus
from traderbot.model.rules import Rules
from traderbot.notifications.months import all_ended
from traderbot.notifications.repository import Notices
from traderbot.notifications.round_trips import RoundTrips
from traderbot.notifications.texts import TEXTS, order_filled, platform_halt, position_closed
from traderbot.trading import tables as t
from traderbot.trading.accounts import IS_OPEN
from traderbot.trading.streams import RULES_STREAM, account_of

_OWNERS_MAX = 10_000


class Owners:
    """Whose an account is, remembered, as no account ever changes hands."""

    def __init__(self) -> None:
        self._known: dict[UUID, UUID] = {}

    def of(self, connection: Connection, accounts: Iterable[UUID]) -> dict[UUID, UUID]:
        """The user of each account; all that are not known yet in one query."""
        wanted = set(accounts)
        missing = [account_id for account_id in wanted if account_id not in self._known]
        if missing:
            if len(self._known) > _OWNERS_MAX:
                self._known.clear()
                missing = list(wanted)
            own = t.accounts.c
            query = sa.select(own.id, own.user_id).where(own.id.in_(missing))
            self._known.update({row.id: row.user_id for row in connection.execute(query)})
        return {account_id: self._known[account_id] for account_id in wanted}


class Inboxes:
    """What the handlers do, and what they have in common."""

    def __init__(self, dialect: Dialect) -> None:
        self._notices = Notices(dialect)
        self._trips = RoundTrips(dialect)
        self._orders = lookup_of(t.orders, ["qty"], dialect)
        self._owners = Owners()

    def tell_owner(self, connection: Connection, recorded: Sequence[Recorded]) -> None:
        """Events of accounts, whose text needs nothing but the event."""
        accounts = [account_of(one.stream) for one in recorded]
        owners = self._owners.of(connection, (one for one in accounts if one is not None))
        self._notices.add(
            connection,
            (
                (owners[account_id], account_id, one, TEXTS[type(one.event)](one.event))
                for account_id, one in zip(accounts, recorded, strict=True)
                if account_id is not None
            ),
        )

    def tell_user(self, connection: Connection, recorded: Sequence[Recorded]) -> None:
        """Events of people."""
        self._notices.add(
            connection,
            (
                (one.event.user_id, None, one, TEXTS[type(one.event)](one.event))  # type: ignore[attr-defined]
                for one in recorded
            ),
        )

    def tell_of_halts(self, connection: Connection, recorded: Sequence[Recorded]) -> None:
        """Halts of accounts to their owners, those of the platform to everybody."""
        self.tell_owner(connection, [one for one in recorded if not isinstance(one.event, e.RulesChanged)])
        for one in recorded:
            if isinstance(one.event, e.RulesChanged):
                before = _halted_before(connection, one)
                after = msgspec.convert(one.event.rules, Rules).halted
                if (before is None) != (after is None):
                    self._notices.tell_everybody(connection, one, platform_halt(after))

    def tell_of_fills(self, connection: Connection, recorded: Sequence[Recorded]) -> None:
        """Executions, with what is left of their orders."""
        fills = [
            (account_id, one, one.event)
            for one in recorded
            if isinstance(one.event, e.Execution) and (account_id := account_of(one.stream)) is not None
        ]
        owners = self._owners.of(connection, (account_id for account_id, _, _ in fills))
        partly = OrderStatus.PARTIALLY_FILLED
        working = {(fill.order_id, account_id) for account_id, _, fill in fills if fill.status is partly}
        asked = self._orders.find_all(connection, list(working)) if working else {}
        notices = []
        for account_id, one, fill in fills:
            qty = asked.get((fill.order_id, account_id))
            left = max(qty[0] - fill.filled_qty, NOTHING) if qty is not None else NOTHING
            if fill.status is not OrderStatus.PARTIALLY_FILLED:
                left = NOTHING
            notices.append((owners[account_id], account_id, one, order_filled(fill, left)))
        self._notices.add(connection, notices)

    def tell_of_closed_positions(self, connection: Connection, recorded: Sequence[Recorded]) -> None:
        """What a position gained from flat to flat."""
        closed = self._trips.take(connection, recorded)
        owners = self._owners.of(connection, (one.account_id for one in closed))
        self._notices.add(
            connection,
            (
                (owners[one.account_id], one.account_id, one.recorded,
                 position_closed(one.symbol, one.at, one.trip))
                for one in closed
            ),
        )  # fmt: skip

    def tell_of_statements(self, connection: Connection, recorded: Sequence[Recorded]) -> None:
        """Months of accounts that have ended."""
        told = all_ended(connection, recorded)
        of = [(account_of(one.stream), one, text) for one, text in told]
        owners = self._owners.of(connection, (account_id for account_id, *_ in of if account_id is not None))
        self._notices.add(
            connection,
            ((owners[one], one, event, text) for one, event, text in of if one is not None),
        )

    def tell_those_concerned(self, connection: Connection, recorded: Sequence[Recorded]) -> None:
        """Events of an instrument, to those who hold it or have open orders in it."""
        notices = []
        for one in recorded:
            text = TEXTS[type(one.event)](one.event)
            users = _concerned(connection, one.event.symbol)  # type: ignore[attr-defined]
            notices += [(user_id, None, one, text) for user_id in users]
        self._notices.add(connection, notices)


def _halted_before(connection: Connection, one: Recorded) -> str | None:
    """The platform's halt before its rules changed."""
    if one.version == 1:
        return None
    before = read(connection, stream=RULES_STREAM, from_version=one.version - 1, limit=1)[0].event
    assert isinstance(before, e.RulesChanged)
    return msgspec.convert(before.rules, Rules).halted


def _concerned(connection: Connection, symbol: str) -> list[UUID]:
    held = sa.select(t.positions.c.account_id).where(t.positions.c.symbol == symbol, t.positions.c.qty != 0)
    asked = sa.select(t.orders.c.account_id).where(t.orders.c.symbol == symbol, IS_OPEN)
    users = sa.select(t.accounts.c.user_id).where(t.accounts.c.id.in_(held.union(asked))).distinct()
    return list(connection.execute(users).scalars())


def inbox_handlers(dialect: Dialect) -> tuple[Handler, ...]:
    """The handlers of the inbox, under the names they have on record."""
    inboxes = Inboxes(dialect)

    def handler(
        name: str, handle: Callable[[Connection, Sequence[Recorded]], None], *types: type[e.Event]
    ) -> Handler:
        return Handler(f"notify_{name}", frozenset(types), handle)

    executions = e.OrderFilled, e.OrderFilledLate
    changing = *executions, e.ExecutionBusted, e.CorporateActionApplied
    halts = e.TradingPaused, e.TradingResumed, e.ReportQuarantined, e.RulesChanged
    return (
        handler("order_placed", inboxes.tell_owner, e.OrderPlaced),
        handler("order_filled", inboxes.tell_of_fills, *executions),
        handler("position_closed", inboxes.tell_of_closed_positions, *changing),
        handler("risk_limit", inboxes.tell_owner, e.RiskLimitBreached),
        handler("halts", inboxes.tell_of_halts, *halts),
        handler("margin", inboxes.tell_owner, e.MarginCalled, e.MarginCallMet),
        handler("user_registered", inboxes.tell_user, e.UserRegistered),
        handler("preferences_changed", inboxes.tell_user, e.PreferencesChanged),
        handler("limits_guard", inboxes.tell_user, e.LimitsGuardChanged),
        handler("rebalancing", inboxes.tell_user, e.RebalancingChanged),
        handler("sentiment", inboxes.tell_those_concerned, e.SentimentScored),
        handler("statements", inboxes.tell_of_statements, e.PortfolioRevalued),
        handler("market_alert", inboxes.tell_those_concerned, e.MarketAlertRaised),
    )
