"""Which lots a sale uses up, and what that gains by term."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction

import msgspec

from traderbot.engine.lots import relieve
from traderbot.model import rounding
from traderbot.model.account import Lot, LotMethod, Position
from traderbot.model.amounts import ZERO, Money
from traderbot.portfolios.spans import day_of
from traderbot.portfolios.statements.disposals import WASH_DAYS
from traderbot.rebalancing.wanted import LotChoice
from traderbot.trading.exports import term_of


class Gains(msgspec.Struct, frozen=True):
    """Of sold lots by how long they were held, gross of fees."""

    short: Money = Money(ZERO)
    long: Money = Money(ZERO)

    def __add__(self, other: "Gains") -> "Gains":
        return Gains(Money(self.short + other.short), Money(self.long + other.long))

    def tax(self, short_rate: Decimal, long_rate: Decimal) -> Money:
        """What they cost at these rates, below zero where losses save; losses set off what is alike first."""
        return rounding.cents(self.short * short_rate + self.long * long_rate)


class Sale(msgspec.Struct, frozen=True):
    """lots: named in the order, none where the account's own method is to choose."""

    qty: Decimal
    lots: tuple[int, ...]
    gains: Gains


Tax = Callable[[Lot], Fraction]


def sale_of(
    position: Position,
    qty: Decimal,
    mark: Decimal,
    now: int,
    choice: LotChoice,
    method: LotMethod,
    rates: tuple[Decimal, Decimal],
    *,
    no_wash_sale: bool = False,
) -> Sale:
    """Sell `qty` shares of a position that is held long at its mark. method: the account's. rates: of tax on
    short-term and long-term gains. no_wash_sale: sell less rather than at a loss what was bought again within
    30 days.
    """
    named = _in_turn(position.lots.values(), mark, now, choice, rates)
    if no_wash_sale:
        chosen = _without_wash(position, named or _by_method(position, method), qty, mark, now)
        if chosen is not None:
            named, qty = chosen
    lots = tuple(lot.number for lot in named)
    if not qty:
        return Sale(ZERO, (), Gains())
    gains, relief = Gains(), relieve(position, qty, method, lots)
    for part in relief:
        gain = Money(rounding.market_value(part.qty, mark) - part.cost)
        short = term_of(position.lots[part.lot].opened_at, now) == "short"
        gains += Gains(gain) if short else Gains(long=gain)
    used = {part.lot for part in relief}
    return Sale(qty, tuple(number for number in lots if number in used), gains)


def _in_turn(
    lots: Iterable[Lot], mark: Decimal, now: int, choice: LotChoice, rates: tuple[Decimal, Decimal]
) -> list[Lot]:
    """The lots in the order of the choice; none for the account's own."""
    held = [lot for lot in lots if lot.qty > 0]
    if choice == "account":
        return []
    if choice == "fifo":
        return held
    if choice == "lifo":
        return held[::-1]
    if choice == "highest_cost":
        return sorted(held, key=lambda lot: -_cost(lot))
    return sorted(held, key=lambda lot: _tax(lot, mark, now, rates))


def _by_method(position: Position, method: LotMethod) -> list[Lot]:
    relief = relieve(position, position.qty, method)
    return [position.lots[part.lot] for part in relief if position.lots[part.lot].qty > 0]


def _cost(lot: Lot) -> Fraction:
    return Fraction(lot.cost) / Fraction(lot.qty)


def _tax(lot: Lot, mark: Decimal, now: int, rates: tuple[Decimal, Decimal]) -> Fraction:
    """A share's tax at the mark; below zero for a loss."""
    rate = rates[0] if term_of(lot.opened_at, now) == "short" else rates[1]
    return (Fraction(mark) - _cost(lot)) * Fraction(rate)


def _without_wash(
    position: Position, turn: list[Lot], qty: Decimal, mark: Decimal, now: int
) -> tuple[list[Lot], Decimal] | None:
    """Lots with a gain only, and how much of them; None where the sale as it is has no wash sale: no loss, or
    nothing of the last 30 days stays behind.
    """
    at_a_loss = {lot.number for lot in turn if _cost(lot) > Fraction(mark)}
    left, sold_at_a_loss, stays = qty, False, False
    for lot in turn:
        taken = min(left, lot.qty)
        left -= taken
        sold_at_a_loss |= bool(taken) and lot.number in at_a_loss
        stays |= taken < lot.qty and day_of(now) - day_of(lot.opened_at) <= WASH_DAYS
    if not (sold_at_a_loss and stays):
        return None
    gaining = [lot for lot in turn if lot.number not in at_a_loss]
    return gaining, min(qty, sum((lot.qty for lot in gaining), ZERO))
