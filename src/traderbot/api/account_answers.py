"""Accounts and limits as they travel."""

from uuid import UUID

from sqlalchemy.engine import Connection

from traderbot.api.account_schemas import AccountOut, LimitsOut, WaitingLimits
from traderbot.model.account import Account
from traderbot.model.errors import NotFound
from traderbot.model.rules import NO_LIMITS, Limits
from traderbot.trading.accounts import load_account
from traderbot.trading.limit_guards import Waiting, loosened


def existing(connection: Connection, account_id: UUID) -> Account:
    """The account as of the last commit. Errors: NotFound."""
    account = load_account(connection, account_id)
    if account is None:
        raise NotFound("No such account.")
    return account


def account_out(account: Account) -> AccountOut:
    """The account's own figures, without its orders and positions."""
    return AccountOut(
        id=account.id,
        name=account.name,
        kind=account.kind.value,
        broker=account.broker,
        currency=account.currency,
        lot_method=account.lot_method.value,
        cash=account.cash,
        held=account.held,
        available=account.available,
        overdraft=account.overdraft,
        margin_call=account.margin_call,
        halted=account.halted,
        halted_symbols=dict(sorted(account.halted_symbols.items())),
    )


def waiting_out(waiting: Waiting) -> WaitingLimits:
    """What waits for a second person, and which limits it would loosen."""
    return WaitingLimits(
        account_id=waiting.account_id,
        user_id=waiting.user_id,
        asked_at=waiting.asked_at,
        before=limits_out(waiting.before),
        limits=limits_out(waiting.limits),
        loosened=loosened(waiting.before, waiting.limits),
        lift=waiting.lift,
    )


def limits_out(limits: Limits | None) -> LimitsOut:
    """Limits with a place for each thing that may be limited."""
    limits = limits or NO_LIMITS
    values = {name: getattr(limits, name) for name in LimitsOut.model_fields if name != "restricted"}
    return LimitsOut(restricted=sorted(limits.restricted), **values)
