"""What an API key is bound to, enforced on its orders in the transaction that places them.

A key's row of spending is locked before anything is decided, so that no two transactions spend the same
money; what was refused or thrown away spends nothing.
"""

from collections.abc import Callable, Collection
from decimal import Decimal
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

from traderbot.engine.decision import Decision
from traderbot.engine.gate import Checked, Preview
from traderbot.infra.storage.bulk import Found
from traderbot.infra.storage.database import lookup_of
from traderbot.model import rounding
from traderbot.model.account import NOTHING, Account
from traderbot.model.amounts import Money
from traderbot.model.commands import Command, PlaceOrder, ReplaceOrder
from traderbot.model.errors import Unauthorized
from traderbot.model.events import OrderPlaced
from traderbot.model.grants import Grant
from traderbot.model.reasons import Reason, Refusal, refuse
from traderbot.model.rules import Rules
from traderbot.users.tables import grant_spending

_DAY = 86_400_000_000


class Ledgers:
    """The statements, made once for a database."""

    def __init__(self, dialect: Dialect) -> None:
        self.lock = lookup_of(grant_spending, ["day", "spent"], dialect, hold="update")
        self.update = (
            sa.update(grant_spending)
            .where(grant_spending.c.key_id == sa.bindparam("key"))
            .values(day=sa.bindparam("new_day"), spent=sa.bindparam("new_spent"))
        )


class Spending:
    """What keys with a daily notional have spent, as one transaction has it."""

    def __init__(self, ledgers: Ledgers, connection: Connection, now: int) -> None:
        self._ledgers = ledgers
        self._connection = connection
        self._today = now // _DAY
        self._found: dict[UUID, tuple[int, Money]] = {}
        self._changed: dict[UUID, tuple[int, Money]] = {}

    def ask(self, key_ids: Collection[UUID]) -> Callable[[], None]:
        """Lock the rows of these keys in order; they are taken in when this is called for."""
        asked = self._ledgers.lock.ask(self._connection, [(key_id,) for key_id in sorted(key_ids)])

        def answer() -> None:
            self._take(asked())

        return answer

    def _take(self, found: Found) -> None:
        for (key_id,), (day, spent) in found.items():
            # a clock that was put back gives no second budget
            self._found[key_id] = (day, spent) if day >= self._today else (self._today, Money(NOTHING))

    def spend(self, grant: Grant, cost: Money) -> Refusal | None:
        """Take the cost from the key's day, or refuse. Errors: Unauthorized for a key that is gone."""
        budget = grant.daily_notional
        if budget is None or not cost:
            return None
        if grant.key_id not in self._found:
            raise Unauthorized("the API key is not valid")
        day, spent = self._found[grant.key_id]
        if spent + cost > budget:
            figures = f"(limit {budget:f}, spent {spent:f}, asked {cost:f})"
            return refuse(Reason.DAILY_NOTIONAL_SPENT, figures)
        self._found[grant.key_id] = self._changed[grant.key_id] = day, Money(spent + cost)
        return None

    def flush(self) -> None:
        """Write what was spent."""
        if self._changed:
            rows = [
                {"key": key_id, "new_day": day, "new_spent": spent}
                for key_id, (day, spent) in self._changed.items()
            ]
            self._connection.execute(self._ledgers.update, rows)


def symbol_refusal(grant: Grant, account: Account, command: Command) -> Refusal | None:
    """Refuse an order in a symbol that the key may not trade."""
    if grant.symbols is None:
        return None
    if isinstance(command, PlaceOrder):
        symbol = command.symbol
    elif isinstance(command, ReplaceOrder) and command.order_id in account.orders:
        symbol = account.orders[command.order_id].symbol
    else:
        return None
    return None if symbol in grant.symbols else refuse(Reason.SYMBOL_NOT_GRANTED, f"({symbol})")


def previewed(connection: Connection, grant: Grant, order: PlaceOrder, shown: Preview, now: int) -> Preview:
    """The preview with what the key's bounds say of the order, as they stand now."""
    outside = grant.symbols is not None and order.symbol not in grant.symbols
    checks = [Checked("granted_symbol", not outside, Reason.SYMBOL_NOT_GRANTED, f"({order.symbol})")]
    if grant.daily_notional is not None:
        spent, cost = _spent_today(connection, grant.key_id, now), Money(NOTHING)
        if shown.hold and shown.qty is not None and shown.price_max is not None:
            cost = rounding.worst_money(order.notional or shown.qty * shown.price_max)
        passed = None if shown.qty is None else not cost or spent + cost <= grant.daily_notional
        figures = f"(limit {grant.daily_notional:f}, spent {spent:f}, asked {cost:f})"
        checks.append(Checked("daily_notional", passed, Reason.DAILY_NOTIONAL_SPENT, figures))
    approved = shown.approved and all(check.passed for check in checks)
    return msgspec.structs.replace(shown, approved=approved, checks=[*checks, *shown.checks])


def _spent_today(connection: Connection, key_id: UUID, now: int) -> Money:
    found = connection.execute(
        sa.select(grant_spending.c.day, grant_spending.c.spent).where(grant_spending.c.key_id == key_id)
    ).first()
    return Money(NOTHING) if found is None or found.day < now // _DAY else found.spent


def cost_of(account: Account, decision: Decision, rules: Rules) -> Money:
    """What an approved order takes from a day's budget: its worst value where it opens or enlarges a
    position, for a replacement only what it adds, nothing for what only reduces one.

    account: before the decision.
    """
    placed = next((event for event in decision.events if isinstance(event, OrderPlaced)), None)
    if placed is None:
        return Money(NOTHING)
    # The gate sets something aside for whatever opens, unless margin accounts need to keep nothing.
    if not placed.hold and rules.margin.initial:
        return Money(NOTHING)
    worst: Decimal = placed.qty * placed.price_max if placed.notional is None else placed.notional
    old = None if placed.replaces is None else account.orders.get(placed.replaces)
    if old is not None and old.hold:
        worst -= old.remaining * old.price_max
    return rounding.worst_money(max(NOTHING, worst))
