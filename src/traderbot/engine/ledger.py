"""Double entry: the postings of an event. Debits are positive, credits negative; they sum to zero.

cash and securities (at cost, negative for shares sold short) are assets; fees, interest and borrow expenses;
external the owner's deposits; realised and dividends income, so gains and deposits stand there with a minus
sign.
"""

from decimal import Decimal

import msgspec

from traderbot.model.account import NOTHING
from traderbot.model.actions import ActionKind
from traderbot.model.amounts import Money
from traderbot.model.errors import InvariantBroken
from traderbot.model.events import CashMoved, CorporateActionApplied, Event, Execution, ExecutionBusted
from traderbot.model.orders import Side
from traderbot.model.symbols import Symbol

_BUY = Side.BUY  # a member of an Enum is slow to read

CASH = "cash"
SECURITIES = "securities"
EXTERNAL = "external"
REALISED = "realised"
FEES = "fees"
DIVIDENDS = "dividends"
INTEREST = "interest"
BORROW = "borrow"
LEDGERS = (CASH, SECURITIES, EXTERNAL, REALISED, FEES, DIVIDENDS, INTEREST, BORROW)

DEPOSIT = "deposit"
WITHDRAWAL = "withdrawal"
MARGIN_INTEREST = "margin_interest"
BORROW_FEE = "borrow_fee"
CORRECTION = "correction"
_AGAINST = {
    DEPOSIT: EXTERNAL,
    WITHDRAWAL: EXTERNAL,
    CORRECTION: EXTERNAL,
    MARGIN_INTEREST: INTEREST,
    BORROW_FEE: BORROW,
}
"""The kinds of movements of cash, and the ledger each stands against."""


class Posting(msgspec.Struct, frozen=True, gc=False):
    ledger: str
    symbol: Symbol | None
    amount: Decimal


def postings(event: Event) -> list[Posting]:
    """The balanced entries of an event; none for an event that moves no money. Errors: InvariantBroken."""
    if isinstance(event, Execution):
        entries = _execution(event)
    elif isinstance(event, CashMoved):
        entries = _cash(event)
    elif isinstance(event, CorporateActionApplied):
        entries = _dividend(event) if event.kind is ActionKind.DIVIDEND else _closing(event)
    elif isinstance(event, ExecutionBusted):
        entries = _bust(event)
    else:
        return []
    balance = NOTHING
    for entry in entries:
        balance += entry.amount
    if balance:
        raise InvariantBroken(f"postings of {type(event).__name__} do not sum to zero: {entries}")
    return entries


def _execution(event: Execution) -> list[Posting]:
    """Cash for securities; what the securities' cost changes by beyond that is the gain."""
    symbol, value, fee, realised = event.symbol, event.notional, event.fee, event.realised
    if event.side is _BUY:
        cost = value + realised if realised else value
        entries = [Posting(CASH, None, -value), Posting(SECURITIES, symbol, cost)]
    else:
        entries = [Posting(CASH, None, value), Posting(SECURITIES, symbol, realised - value)]
    if realised:
        entries.append(Posting(REALISED, symbol, -realised))
    if fee:
        entries += (Posting(CASH, None, -fee), Posting(FEES, symbol, fee))
    return entries


def _bust(event: ExecutionBusted) -> list[Posting]:
    """The execution's own entries the other way round; cost and realised as the lots came out of it."""
    symbol, value, fee = event.symbol, event.notional, event.fee
    entries = [
        Posting(CASH, None, value if event.side is Side.BUY else Money(-value)),
        Posting(SECURITIES, symbol, Money(event.cost)),
    ]
    if event.realised:
        entries.append(Posting(REALISED, symbol, Money(-event.realised)))
    if fee:
        entries += (Posting(CASH, None, fee), Posting(FEES, symbol, Money(-fee)))
    return entries


def _cash(event: CashMoved) -> list[Posting]:
    against = _AGAINST.get(event.kind)
    if against is None:
        raise InvariantBroken(f"cash cannot move for {event.kind!r}")
    return [
        Posting(CASH, None, event.amount),
        Posting(against, event.symbol, Money(-event.amount)),
    ]


def _dividend(event: CorporateActionApplied) -> list[Posting]:
    if not event.cash:
        return []
    return [Posting(CASH, None, event.cash), Posting(DIVIDENDS, event.symbol, Money(-event.cash))]


def _closing(event: CorporateActionApplied) -> list[Posting]:
    """What is paid out for securities whose cost goes; the rest is gain or loss."""
    cash, realised = event.cash or NOTHING, event.realised or NOTHING
    entries = []
    if cash:
        entries.append(Posting(CASH, None, Money(cash)))
    if realised != cash:
        entries.append(Posting(SECURITIES, event.symbol, Money(realised - cash)))
    if realised:
        entries.append(Posting(REALISED, event.symbol, Money(-realised)))
    return entries
