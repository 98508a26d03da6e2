"""An account's opening and its money: deposits, withdrawals, interest, revaluation; and its settings."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from traderbot.engine import baselines, losses
from traderbot.engine.decision import Decision, no
from traderbot.engine.exposure import Unmarked, maintenance, mark_of, withdrawable, worth
from traderbot.engine.folding import check_money, post
from traderbot.engine.ledger import (
    BORROW_FEE,
    CORRECTION,
    DEPOSIT,
    EXTERNAL,
    LEDGERS,
    MARGIN_INTEREST,
    WITHDRAWAL,
)
from traderbot.engine.market import Market
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model import rounding
from traderbot.model.account import NOTHING, Account, AccountKind
from traderbot.model.amounts import MONEY_MAX, Money, Price
from traderbot.model.errors import InvariantBroken
from traderbot.model.reasons import Reason
from traderbot.model.rules import NO_LIMITS, Rules
from traderbot.model.symbols import Symbol

_FLOWS = frozenset({DEPOSIT, WITHDRAWAL, CORRECTION})


def _open_account(account: Account, command: c.OpenAccount, market: Market, rules: Rules) -> Decision:
    opened = e.AccountOpened(
        at=market.time,
        account_id=command.account_id,
        user_id=command.user_id,
        session_id=command.session_id,
        currency=command.currency,
        kind=command.kind,
        name=command.name,
        broker=command.broker,
    )
    return Decision((opened,))


DEPOSITED_MAX = Decimal(1_000_000_000_000)
"""So much less than what can be kept exactly that gains have room."""


def _deposit(account: Account, command: c.DepositCash, market: Market, rules: Rules) -> Decision:
    there = max(account.cash, -account.balances[EXTERNAL])
    if command.amount + there > DEPOSITED_MAX:
        return no(Reason.BALANCE_LIMIT, f"(asked {rounding.cents(command.amount)})")
    return Decision((e.CashMoved(market.time, command.amount, DEPOSIT),))


def _withdraw(account: Account, command: c.WithdrawCash, market: Market, rules: Rules) -> Decision:
    try:
        most = withdrawable(account, market, rules)
    except Unmarked as unmarked:
        return no(Reason.UNKNOWN_SYMBOL, f"({unmarked.symbol})")
    if command.amount > most:
        figures = f"(asked {rounding.cents(command.amount)}, available {rounding.cents(most)})"
        return no(Reason.INSUFFICIENT_FUNDS, figures)
    return Decision((e.CashMoved(market.time, Money(-command.amount), WITHDRAWAL),))


def _accrue(account: Account, command: c.AccrueInterest, market: Market, rules: Rules) -> Decision:
    """Interest on cash below zero, and a fee for each symbol sold short, by its value at the mark."""
    if account.kind is not AccountKind.MARGIN:
        return Decision()
    moved: list[e.Event] = []
    if account.cash < 0:
        owed = rounding.interest(-account.cash, rules.margin.loan_rate, command.days)
        if owed:
            moved.append(e.CashMoved(market.time, Money(-owed), MARGIN_INTEREST))
    for symbol, position in sorted(account.positions.items()):
        if position.qty < 0:
            mark = market.mark(symbol)
            if mark is None:
                return no(Reason.UNKNOWN_SYMBOL, f"({symbol})")
            owed = rounding.interest(-position.qty * mark.price, rules.margin.borrow_rate, command.days)
            if owed:
                moved.append(e.CashMoved(market.time, Money(-owed), BORROW_FEE, symbol))
    return Decision(tuple(moved))


def _choose_lots(account: Account, command: c.ChooseLotMethod, market: Market, rules: Rules) -> Decision:
    if command.method is account.lot_method:
        return Decision()
    return Decision((e.LotMethodChosen(market.time, command.method),))


def _set_limits(account: Account, command: c.SetLimits, market: Market, rules: Rules) -> Decision:
    if command.limits == (account.limits or NO_LIMITS):
        return Decision()
    return Decision((e.LimitsChanged(market.time, command.limits),))


def _revalue(account: Account, command: c.RevaluePortfolio, market: Market, rules: Rules) -> Decision:
    """Cash, and positions at their marks; of a margin account also whether it still keeps enough."""
    marks: dict[Symbol, Price] = {}
    value = NOTHING
    try:
        for symbol, position in sorted(account.positions.items()):
            if position.qty:
                marks[symbol] = Price(mark_of(market, symbol))
                value += rounding.market_value(position.qty, marks[symbol])
    except Unmarked as unmarked:
        return no(Reason.UNKNOWN_SYMBOL, f"({unmarked.symbol})")
    cash = account.cash
    equity = Money(cash + value)
    if not (abs(value) <= MONEY_MAX and abs(equity) <= MONEY_MAX):
        raise InvariantBroken(f"account {account.id}: a value of {value} is more than can be kept exactly")
    valued = e.PortfolioRevalued(market.time, command.step, cash, Money(value), equity, marks)
    breaches: tuple[e.Event, ...] = ()
    if account.limits is not None or rules.limits is not NO_LIMITS:
        limited = losses.limited(rules.limits, account.limits)
        breaches = losses.breaches(account, market.time, equity, limited) if limited else ()
    if account.kind is not AccountKind.MARGIN:
        return Decision((valued, *breaches))
    required = rounding.worst_money(maintenance(worth(account, market), rules))
    return Decision((valued, *_margin_state(account, market.time, equity, required), *breaches))


def _margin_state(account: Account, at: int, equity: Money, required: Money) -> tuple[e.Event, ...]:
    """What changed about the margin call; a call is news again when its amount is."""
    deficit = Money(required - equity)
    if deficit > 0:
        called = deficit != account.margin_call
        return (e.MarginCalled(at, equity, required, deficit),) if called else ()
    return () if account.margin_call is None else (e.MarginCallMet(at, equity, required),)


def _opened(account: Account, event: e.AccountOpened) -> None:
    if event.account_id != account.id or account.session_id is not None:
        raise InvariantBroken(f"account {account.id} was opened before, or is not {event.account_id}")
    account.user_id = event.user_id
    account.session_id = event.session_id
    account.currency = event.currency
    account.kind = event.kind
    account.name = event.name
    account.broker = event.broker
    account.balances = dict.fromkeys(LEDGERS, NOTHING)


def _cash_moved(account: Account, event: e.CashMoved) -> None:
    post(account, event)
    if event.kind in _FLOWS:
        baselines.shift(account, event.amount)
    check_money(account)


def _lots_chosen(account: Account, event: e.LotMethodChosen) -> None:
    account.lot_method = event.method


def _limits_changed(account: Account, event: e.LimitsChanged) -> None:
    account.limits = None if event.limits == NO_LIMITS else event.limits
    account.breached.clear()


def _revalued(account: Account, event: e.PortfolioRevalued) -> None:
    losses.forget_drawdown(account, event.at, event.equity)
    baselines.close(account, event.at, event.equity)


def _called(account: Account, event: e.MarginCalled) -> None:
    account.margin_call = event.deficit


def _call_met(account: Account, event: e.MarginCallMet) -> None:
    account.margin_call = None


DECIDERS: dict[type, Callable[[Account, Any, Market, Rules], Decision]] = {
    c.OpenAccount: _open_account,
    c.DepositCash: _deposit,
    c.WithdrawCash: _withdraw,
    c.AccrueInterest: _accrue,
    c.ChooseLotMethod: _choose_lots,
    c.SetLimits: _set_limits,
    c.RevaluePortfolio: _revalue,
}
CHANGES: dict[type[e.Event], Callable[[Account, Any], None]] = {
    e.AccountOpened: _opened,
    e.CashMoved: _cash_moved,
    e.LotMethodChosen: _lots_chosen,
    e.LimitsChanged: _limits_changed,
    e.PortfolioRevalued: _revalued,
    e.MarginCalled: _called,
    e.MarginCallMet: _call_met,
    e.RiskLimitBreached: losses.breached,
}
