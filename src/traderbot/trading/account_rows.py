"""The columns of an account's row, and which of them an event can change."""

from decimal import Decimal
from typing import Any

import msgspec

from traderbot.infra.events.texts import canonical
from traderbot.model import events as e
from traderbot.model.account import NOTHING, Account
from traderbot.trading import tables as t

ALWAYS = ("held", "overdraft", "version")
COUNTS = ("second", "orders_that_second", "orders_that_day")
BALANCES = (*t.LEDGER_COLUMNS, "lots_opened")
STATE = (
    "halted",
    "halted_symbols",
    "lifting",
    "limits",
    "lot_method",
    "margin_call",
    "valued",
    "breached",
)
CHANGING = (*ALWAYS, *COUNTS, *BALANCES, *STATE)
_NO_MORE: tuple[str, ...] = ()

WRITTEN: dict[type[e.Event], tuple[str, ...]] = {
    e.OrderPlaced: COUNTS,
    e.OrderRefused: _NO_MORE,
    e.OrderFilled: BALANCES,
    e.OrderCancelled: _NO_MORE,
    e.OrderExpired: _NO_MORE,
    e.OrderReplaced: _NO_MORE,
    e.OrderTriggered: _NO_MORE,
    e.TrailingMarkMoved: _NO_MORE,
    e.LegActivated: _NO_MORE,
    e.LegResized: _NO_MORE,
    e.SignalRaised: _NO_MORE,
}
"""Columns that an event can change besides those that are always written; all of them for any other event."""


def account_row(account: Account, version: int) -> dict[str, Any]:
    """Everything of an account that its row keeps."""
    row: dict[str, Any] = {name: account.balances.get(name, NOTHING) for name in t.LEDGER_COLUMNS}
    row |= {
        "id": account.id,
        "user_id": account.user_id,
        "session_id": account.session_id,
        "currency": account.currency,
        "kind": account.kind.value,
        "name": account.name,
        "broker": account.broker,
        "lot_method": account.lot_method.value,
        "held": account.held,
        "overdraft": account.overdraft,
        "version": version,
        "lots_opened": account.lots_opened,
        "halted": account.halted,
        "halted_symbols": as_text(account.halted_symbols),
        "lifting": as_text(account.lifting),
        "limits": as_text(account.limits),
        "margin_call": account.margin_call,
        "valued": as_text(account.valued),
        "breached": as_text(account.breached),
        "second": account.second,
        "orders_that_second": account.orders_that_second,
        "orders_that_day": account.orders_that_day,
    }
    return row


def held_row(account: Account, version: int) -> dict[str, Any]:
    """What an order changes that was placed or ended without a fill, which is what accounts do most."""
    return {
        "held": account.held,
        "overdraft": account.overdraft,
        "version": version,
        "second": account.second,
        "orders_that_second": account.orders_that_second,
        "orders_that_day": account.orders_that_day,
    }


def as_text(value: Any) -> str | None:
    """One text for equal values: amounts canonical, keys and sets in order; None for nothing at all."""
    if not value and not isinstance(value, msgspec.Struct):
        return None
    plain = _plain(msgspec.to_builtins(value, builtin_types=(Decimal,), order="sorted"))
    return msgspec.json.encode(plain).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return canonical(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
