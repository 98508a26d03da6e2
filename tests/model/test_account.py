from decimal import Decimal
from uuid import UUID

import pytest

from traderbot.model.account import Account, Position
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.unit


def test_available_is_cash_that_no_order_holds() -> None:
    account = Account(UUID(int=1), balances={"cash": Decimal(100)}, held=Decimal("30.5"))
    assert (account.cash, account.available) == (100, Decimal("69.5"))


def test_an_account_with_nothing() -> None:
    account = Account(UUID(int=1))
    assert (account.cash, account.available, account.quantity(Symbol("AAA"))) == (0, 0, 0)
    assert account == Account(UUID(int=1))
    account.positions[Symbol("AAA")] = Position(Symbol("AAA"), Decimal(3))
    assert account.quantity(Symbol("AAA")) == 3
    assert not Account(UUID(int=1)).positions
