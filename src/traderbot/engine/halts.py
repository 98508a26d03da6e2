"""Halts: of an account, of a symbol for it, and of the platform. Each latches; lifting one takes two steps.

A halt stops every new order; cancels still go.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from traderbot.engine.decision import Decision, no
from traderbot.engine.market import Market
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.account import Account
from traderbot.model.errors import InvariantBroken
from traderbot.model.reasons import Reason, Refusal, refuse
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol

_WHOLE = ""  # the name under which the code for a halt of everything is kept


def _halt_of(account: Account, symbol: Symbol | None) -> str | None:
    return account.halted if symbol is None else account.halted_symbols.get(symbol)


def _named(symbol: Symbol | None) -> str:
    return "" if symbol is None else f"({symbol})"


def _pause(account: Account, command: c.PauseTrading, market: Market, rules: Rules) -> Decision:
    """Halting again is refused, unless somebody asked to lift the halt: then it takes that back."""
    symbol = command.symbol
    if _halt_of(account, symbol) is not None and (symbol or _WHOLE) not in account.lifting:
        return no(Reason.ALREADY_HALTED, _named(symbol))
    return Decision((e.TradingPaused(market.time, command.detail, symbol),))


def _request(account: Account, command: c.RequestResume, market: Market, rules: Rules) -> Decision:
    if _halt_of(account, command.symbol) is None:
        return no(Reason.NOT_HALTED, _named(command.symbol))
    return Decision((e.ResumeRequested(market.time, command.code, command.symbol),))


def _resume(account: Account, command: c.ResumeTrading, market: Market, rules: Rules) -> Decision:
    symbol = command.symbol
    if _halt_of(account, symbol) is None:
        return no(Reason.NOT_HALTED, _named(symbol))
    if not _confirms(account.lifting, symbol, command.code):
        return no(Reason.RESUME_NOT_REQUESTED, _named(symbol))
    return Decision((e.TradingResumed(market.time, symbol),))


def _confirms(lifting: dict[str, str], symbol: Symbol | None, code: str) -> bool:
    return lifting.get(symbol or _WHOLE) == code


def _paused(account: Account, event: e.TradingPaused) -> None:
    if event.symbol is None:
        account.halted = event.detail
    else:
        account.halted_symbols[event.symbol] = event.detail
    account.lifting.pop(event.symbol or _WHOLE, None)


def _requested(account: Account, event: e.ResumeRequested) -> None:
    account.lifting[event.symbol or _WHOLE] = event.code


def _resumed(account: Account, event: e.TradingResumed) -> None:
    if event.symbol is None:
        account.halted = None
    elif account.halted_symbols.pop(event.symbol, None) is None:
        raise InvariantBroken(f"account {account.id}: {event.symbol} was not halted")
    account.lifting.pop(event.symbol or _WHOLE, None)


def _quarantined(account: Account, event: e.ReportQuarantined) -> None:
    """A report that cannot be halts its symbol, and takes back a pending request to lift that halt."""
    account.halted_symbols[event.symbol] = event.detail
    account.lifting.pop(event.symbol, None)


DECIDERS: dict[type, Callable[[Account, Any, Market, Rules], Decision]] = {
    c.PauseTrading: _pause,
    c.RequestResume: _request,
    c.ResumeTrading: _resume,
}
CHANGES: dict[type[e.Event], Callable[[Account, Any], None]] = {
    e.TradingPaused: _paused,
    e.ResumeRequested: _requested,
    e.TradingResumed: _resumed,
    e.ReportQuarantined: _quarantined,
}


def _platform_halted(rules: Rules, symbol: Symbol | None) -> bool:
    return rules.halted is not None if symbol is None else symbol in rules.halted_symbols


def _next(rules: Rules, lifting: dict[str, str], **changes: Any) -> Rules:
    return msgspec.structs.replace(rules, version=rules.version + 1, lifting=lifting, **changes)


def halt(rules: Rules, detail: str, symbol: Symbol | None = None) -> Rules | Refusal:
    """The rules with the platform, or one symbol on all of it, halted."""
    name = symbol or _WHOLE
    if _platform_halted(rules, symbol) and name not in rules.lifting:
        return refuse(Reason.ALREADY_HALTED, _named(symbol))
    lifting = {key: code for key, code in rules.lifting.items() if key != name}
    if symbol is None:
        return _next(rules, lifting, halted=detail)
    return _next(rules, lifting, halted_symbols=rules.halted_symbols | {symbol})


def request_resume(rules: Rules, code: str, symbol: Symbol | None = None) -> Rules | Refusal:
    """The rules after the first of two steps to lift a halt of the platform; the second gives the code."""
    if not _platform_halted(rules, symbol):
        return refuse(Reason.NOT_HALTED, _named(symbol))
    return _next(rules, {**rules.lifting, symbol or _WHOLE: code})


def resume(rules: Rules, code: str, symbol: Symbol | None = None) -> Rules | Refusal:
    """The rules after the second of two steps to lift a halt of the platform."""
    if not _platform_halted(rules, symbol):
        return refuse(Reason.NOT_HALTED, _named(symbol))
    if not _confirms(rules.lifting, symbol, code):
        return refuse(Reason.RESUME_NOT_REQUESTED, _named(symbol))
    lifting = {key: kept for key, kept in rules.lifting.items() if key != (symbol or _WHOLE)}
    if symbol is None:
        return _next(rules, lifting, halted=None)
    return _next(rules, lifting, halted_symbols=rules.halted_symbols - {symbol})
