"""Corporate actions: what a company does to its shares, as known on the ex-date."""

from datetime import date
from decimal import Decimal
from enum import StrEnum

import msgspec

from traderbot.model.amounts import money, price
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol


class ActionKind(StrEnum):
    SPLIT = "split"
    DIVIDEND = "dividend"
    SYMBOL_CHANGE = "symbol_change"
    DELISTING = "delisting"


class CorporateAction(msgspec.Struct, frozen=True):
    """A split (`new` shares for `old` ones), a cash dividend (`amount` in USD a share), a change of symbol
    (to `new_symbol`) or a delisting (`amount` a share is paid out, 0 for shares that are worthless).

    The split is two integers because 1 for 3 has no exact decimal. estimated: the amount was recovered from
    adjusted prices, not declared. Errors: InvalidValue where a field is missing, or is there for a kind that
    has no use for it.
    """

    symbol: Symbol
    ex_date: date
    kind: ActionKind
    amount: Decimal | None = None
    new: int = 1
    old: int = 1
    estimated: bool = False
    new_symbol: Symbol | None = None

    def __post_init__(self) -> None:
        if self.kind is ActionKind.DIVIDEND:
            price(self.amount, "amount")
        elif self.kind is ActionKind.DELISTING:
            if money(self.amount, "amount") < 0:
                raise InvalidValue("amount", "nothing or more a share, for a delisting", self.amount)
        elif self.amount is not None:
            raise InvalidValue("amount", f"nothing, for a {self.kind}", self.amount)
        if self.new < 1 or self.old < 1:
            raise InvalidValue("new, old", "whole numbers of shares from 1", f"{self.new} for {self.old}")
        if (self.new_symbol is not None) is not (self.kind is ActionKind.SYMBOL_CHANGE):
            raise InvalidValue("new_symbol", "the new symbol, for a change of symbol only", self.new_symbol)
        if self.new_symbol == self.symbol:
            raise InvalidValue("new_symbol", f"another symbol than {self.symbol}", self.new_symbol)
