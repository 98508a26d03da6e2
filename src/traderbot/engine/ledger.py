"""Double entry: the postings of an event. Debits are positive, credits negative; they sum to zero.

cash and securities (at cost) are assets; fees an expense; external the owner's deposits; realised and
dividends income, so gains and deposits stand there with a minus sign.
"""

import msgspec

from traderbot.model.account import NOTHING
from traderbot.model.amounts import Money
from traderbot.model.errors import InvariantBroken
from traderbot.model.events import CashMoved, CorporateActionApplied, Event, OrderFilled
from traderbot.model.orders import Side
from traderbot.model.symbols import Symbol

CASH = "cash"
SECURITIES = "securities"
EXTERNAL = "external"
REALISED = "realised"
FEES = "fees"
DIVIDENDS = "dividends"
LEDGERS = (CASH, SECURITIES, EXTERNAL, REALISED, FEES, DIVIDENDS)


class Posting(msgspec.Struct, frozen=True, gc=False):
    ledger: str
    symbol: Symbol | None
    amount: Money


def postings(event: Event) -> list[Posting]:
    """The balanced entries of an event; none for an event that moves no money. Errors: InvariantBroken."""
    if isinstance(event, OrderFilled):
        entries = _execution(event)
    elif isinstance(event, CashMoved):
        entries = [Posting(CASH, None, event.amount), Posting(EXTERNAL, None, Money(-event.amount))]
    elif isinstance(event, CorporateActionApplied) and event.cash:
        entries = [Posting(CASH, None, event.cash), Posting(DIVIDENDS, event.symbol, Money(-event.cash))]
    else:
        return []
    balance = NOTHING
    for entry in entries:
        balance += entry.amount
    if balance:
        raise InvariantBroken(f"postings of {type(event).__name__} do not sum to zero: {entries}")
    return entries


def _execution(event: OrderFilled) -> list[Posting]:
    symbol, value, fee = event.symbol, event.notional, event.fee
    if event.side is Side.BUY:
        entries = [Posting(CASH, None, Money(-value)), Posting(SECURITIES, symbol, value)]
    else:
        entries = [Posting(CASH, None, value), Posting(SECURITIES, symbol, Money(event.realised - value))]
        if event.realised:
            entries.append(Posting(REALISED, symbol, Money(-event.realised)))
    if fee:
        entries += (Posting(CASH, None, Money(-fee)), Posting(FEES, symbol, fee))
    return entries
