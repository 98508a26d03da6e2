"""What happens to an account besides its orders, as rows to list: cash, corporate
actions, margin calls, halts."""

from collections.abc import Callable
from typing import Any

from traderbot.model import events as e
from traderbot.model.actions import ActionKind

Row = dict[str, Any]


def activity_row(event: e.Event) -> Row | None:
    """The row of an event without its account and version, None for one that is no such thing."""
    teller = _TELLERS.get(type(event))
    if teller is None:
        return None
    row: Row = {"at": event.at, "symbol": None, "qty": None, "amount": None, "detail": None}  # type: ignore[attr-defined]
    return row | teller(event)


def _cash(event: e.CashMoved) -> Row:
    return {"kind": event.kind, "symbol": event.symbol, "amount": event.amount}


def _action(event: e.CorporateActionApplied) -> Row:
    row: Row = {
        "kind": event.kind.value,
        "symbol": event.symbol,
        "qty": event.position_qty,
        "amount": event.cash,
    }
    if event.kind is ActionKind.SPLIT:
        row["detail"] = f"{event.new} for {event.old}"
    elif event.kind is ActionKind.SYMBOL_CHANGE:
        row["detail"] = f"now {event.new_symbol}"
    return row


def _called(event: e.MarginCalled) -> Row:
    return {"kind": "margin_call", "amount": event.deficit}


def _met(event: e.MarginCallMet) -> Row:
    return {"kind": "margin_call_met"}


def _paused(event: e.TradingPaused) -> Row:
    return {"kind": "halt", "symbol": event.symbol, "detail": event.detail}


def _requested(event: e.ResumeRequested) -> Row:
    return {"kind": "resume_requested", "symbol": event.symbol}


def _resumed(event: e.TradingResumed) -> Row:
    return {"kind": "resume", "symbol": event.symbol}


def _quarantined(event: e.ReportQuarantined) -> Row:
    return {"kind": "quarantine", "symbol": event.symbol, "detail": event.detail}


_TELLERS: dict[type[e.Event], Callable[[Any], Row]] = {
    e.CashMoved: _cash,
    e.CorporateActionApplied: _action,
    e.MarginCalled: _called,
    e.MarginCallMet: _met,
    e.TradingPaused: _paused,
    e.ResumeRequested: _requested,
    e.TradingResumed: _resumed,
    e.ReportQuarantined: _quarantined,
}
