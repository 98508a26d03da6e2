"""Corporate actions: what a company does to its shares, as known on the ex-date."""

from datetime import date
from decimal import Decimal
from enum import StrEnum

import msgspec

from traderbot.model.amounts import price
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol


class ActionKind(StrEnum):
    SPLIT = "split"
    DIVIDEND = "dividend"


class CorporateAction(msgspec.Struct, frozen=True):
    """A split (`new` shares for `old` ones) or a cash dividend (`amount` in USD a share) on its ex-date.

    The split is two integers because 1 for 3 has no exact decimal. estimated: the amount was recovered from
    adjusted prices, not declared. Errors: InvalidValue for a dividend without a positive amount, a split
    with one or without shares.
    """

    symbol: Symbol
    ex_date: date
    kind: ActionKind
    amount: Decimal | None = None
    new: int = 1
    old: int = 1
    estimated: bool = False

    def __post_init__(self) -> None:
        if self.kind is ActionKind.DIVIDEND:
            price(self.amount, "amount")
        elif self.amount is not None:
            raise InvalidValue("amount", "nothing, for a split", self.amount)
        if self.new < 1 or self.old < 1:
            raise InvalidValue("new, old", "whole numbers of shares from 1", f"{self.new} for {self.old}")
