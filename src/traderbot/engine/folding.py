"""The parts that every change of an account is made of: postings, reserves, and what must hold after each.

Errors of all: InvariantBroken.
"""

from decimal import Decimal
from uuid import UUID

from traderbot.engine.ledger import postings
from traderbot.model.account import NOTHING, Account, AccountKind
from traderbot.model.amounts import MONEY_MAX
from traderbot.model.errors import InvariantBroken
from traderbot.model.events import Event
from traderbot.model.orders import Order
from traderbot.model.symbols import Symbol

_MARGIN = AccountKind.MARGIN  # a member of an Enum is slow to read


def post(account: Account, event: Event) -> None:
    """Add an event's postings to the balances."""
    balances = account.balances
    for entry in postings(event):
        balance = balances[entry.ledger] = balances[entry.ledger] + entry.amount
        if not -MONEY_MAX <= balance <= MONEY_MAX:
            raise InvariantBroken(f"account {account.id}: {entry.ledger} of {balance} cannot be kept exactly")


def check_money(account: Account) -> None:
    """Holds are never negative, and a cash account never holds more than its cash and its overdraft.

    An overdraft only shrinks here: it is what is missing, and no more.
    """
    held = account.held
    if held < NOTHING:
        raise InvariantBroken(f"account {account.id}: its orders hold {held}")
    if account.kind is _MARGIN:
        return
    cash = account.balances["cash"]
    if held <= cash:
        account.overdraft = NOTHING
        return
    account.overdraft = min(account.overdraft, held - cash)
    if held > cash + account.overdraft:
        raise InvariantBroken(f"account {account.id}: cash is {cash}, its orders hold {held}")


def owe(account: Account) -> None:
    """Let a cash account owe what its shares cost it that a report left owed, such as their dividend."""
    if account.kind is not AccountKind.MARGIN:
        missing = account.held - account.balances["cash"]
        account.overdraft = max(account.overdraft, missing)


def open_order(account: Account, order_id: UUID) -> Order:
    order = account.orders.get(order_id)
    if order is None:
        raise InvariantBroken(f"account {account.id}: order {order_id} is not open")
    return order


def reserve(account: Account, symbol: Symbol, change: Decimal) -> None:
    """Change what the open sells of a symbol keep for themselves; a symbol without any leaves no trace."""
    reserved = account.reserved.get(symbol, NOTHING) + change
    if reserved > NOTHING:
        account.reserved[symbol] = reserved
    elif not reserved:
        account.reserved.pop(symbol, None)
    else:
        raise InvariantBroken(f"account {account.id}: {reserved} shares of {symbol} are reserved")
