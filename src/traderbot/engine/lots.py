"""Which lots an execution closes, which it opens, and how both are undone.

Shares and cost of a lot are negative when it was sold short. Gains are gross of fees: the cash an execution
moved plus what it changed of the cost of the position.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import msgspec

from traderbot.model import rounding
from traderbot.model.account import NOTHING, Account, Lot, LotMethod, Position
from traderbot.model.amounts import Money
from traderbot.model.events import Execution, Relief, RestoredLot
from traderbot.model.orders import Side

_NO_MONEY = Money(NOTHING)
_BUY, _FIFO = Side.BUY, LotMethod.FIFO  # members of an Enum are slow to read


class Effect(msgspec.Struct, frozen=True, gc=False):
    """What an execution does to a position; its fields are those of the event."""

    position_qty: Decimal
    realised: Money
    lot: int | None = None
    relief: tuple[Relief, ...] = ()
    lot_qty: Decimal | None = None
    lot_cost: Decimal | None = None


class Undone(NamedTuple):
    """What taking an execution back does to a position; its fields are those of the event."""

    position_qty: Decimal
    cost: Decimal
    realised: Money
    relief: tuple[Relief, ...]
    restored: tuple[RestoredLot, ...]


def effect(
    account: Account,
    position: Position | None,
    side: Side,
    qty: Decimal,
    notional: Money,
    chosen: tuple[int, ...] = (),
) -> Effect:
    """What an execution closes and opens; one that goes through flat closes everything first.

    chosen: the lots to use first. The rest follows the account's method.
    """
    owned = NOTHING if position is None else position.qty
    buying = side is _BUY
    if buying and owned >= NOTHING:
        return Effect(owned + qty, _NO_MONEY, account.lots_opened + 1)
    change = qty if buying else -qty
    closing = min(qty, -owned if buying else owned)
    if position is None or closing <= NOTHING:
        return Effect(
            owned + change, _NO_MONEY, account.lots_opened + 1, (), change, -notional if change < 0 else None
        )
    relief = relieve(position, closing, account.lot_method, chosen)
    moved = -notional if buying else notional
    realised = moved - sum([part.cost for part in relief], NOTHING)
    if closing == qty:
        return Effect(owned + change, Money(realised), None, relief)
    opened = qty - closing
    cost = rounding.pro_rata(notional, opened, qty) if buying else -rounding.pro_rata(notional, opened, qty)
    return Effect(
        owned + change,
        Money(realised + cost),
        account.lots_opened + 1,
        relief,
        opened if buying else -opened,
        cost,
    )


def relieve(
    position: Position, qty: Decimal, method: LotMethod = LotMethod.FIFO, chosen: tuple[int, ...] = ()
) -> tuple[Relief, ...]:
    """The lots that closing `qty` shares uses up: the chosen ones, then by the method.

    Part of a lot takes its share of the cost, the rest keeps the residue. A lot that a reverse split left
    without shares goes with the execution that reaches it, so that its cost is never stranded.
    """
    lots: Iterable[Lot] = position.lots.values()
    if chosen or method is not _FIFO:
        lots = _in_turn(position.lots, method, chosen)
    short = position.qty < 0
    parts: list[Relief] = []
    for lot in lots:
        size = -lot.qty if short else lot.qty
        if size > qty:
            if qty:
                part = -qty if short else qty
                parts.append(Relief(lot.number, part, rounding.pro_rata(lot.cost, part, lot.qty)))
            break
        parts.append(Relief(lot.number, lot.qty, lot.cost))
        qty -= size
    return tuple(parts)


def _in_turn(lots: dict[int, Lot], method: LotMethod, chosen: tuple[int, ...] = ()) -> list[Lot]:
    """The lots as they are used up; a chosen one that is gone by now is passed over."""
    ordered = list(lots.values())
    if method is LotMethod.LIFO:
        ordered.reverse()
    elif method is LotMethod.HIGHEST_COST:
        ordered.sort(key=_cost_of_a_share, reverse=True)  # stable: of two as dear the older
    first = [lots[number] for number in dict.fromkeys(chosen) if number in lots]
    return first + [lot for lot in ordered if lot.number not in chosen]


def _cost_of_a_share(lot: Lot) -> tuple[bool, Fraction]:
    """Exact, so that no rounding makes two lots seem as dear; a lot without shares is the dearest."""
    return not lot.qty, Fraction(lot.cost) / Fraction(lot.qty) if lot.qty else Fraction(0)


def undo(account: Account, execution: Execution, opened: Mapping[int, int] | None = None) -> Undone:
    """What is left to take back of an execution, after everything that happened since.

    Shares that it opened leave its own lot first, then others by the account's method; those that were sold
    since are owed. Lots that it closed come back at their cost, but for shares that cover what is owed.
    opened: when lots were opened that are gone; the execution's own time stands for what is not known.
    """
    position = account.positions.get(execution.symbol) or Position(execution.symbol)
    book = _Book(account, position)
    if execution.lot is not None:
        qty = execution.qty if execution.lot_qty is None else execution.lot_qty
        cost = execution.notional if execution.lot_cost is None else execution.lot_cost
        book.remove(execution.lot, qty, cost, execution.at)
    for part in execution.relief:
        book.put_back(part, (opened or {}).get(part.lot, execution.at))
    owned = position.qty + (-execution.qty if execution.side is Side.BUY else execution.qty)
    if not owned:
        book.sweep()
    relief, restored = tuple(book.relief), tuple(book.restored)
    change = sum([lot.cost for lot in restored], NOTHING) - sum([part.cost for part in relief], NOTHING)
    moved = execution.notional if execution.side is Side.BUY else -execution.notional
    return Undone(owned, change, Money(moved + change), relief, restored)


class _Book:
    """The lots of a position while an execution is taken back, and what happens to them."""

    def __init__(self, account: Account, position: Position) -> None:
        self.lots = {
            number: Lot(number, lot.qty, lot.cost, lot.opened_at) for number, lot in position.lots.items()
        }
        self.next_lot = account.lots_opened + 1
        self.method = account.lot_method
        self.relief: list[Relief] = []
        self.restored: list[RestoredLot] = []

    def remove(self, own: int, qty: Decimal, cost: Decimal, at: int) -> None:
        """Take opened shares out again; those that are gone leave a lot that owes them."""
        left = self._take(qty, (own,))
        if left:
            owed = -rounding.pro_rata(cost, left, qty)
            self._restore(RestoredLot(self.next_lot, -left, owed, at))
            self.next_lot += 1

    def put_back(self, part: Relief, at: int) -> None:
        """Give closed shares back to their lot; first they cover what is owed."""
        left = -self._take(-part.qty, ())
        if left:
            cost = part.cost if left == part.qty else rounding.pro_rata(part.cost, left, part.qty)
            lot = self.lots.get(part.lot)
            self._restore(RestoredLot(part.lot, left, cost, at if lot is None else lot.opened_at))
        elif not part.qty:
            self._restore(RestoredLot(part.lot, part.qty, part.cost, at))

    def sweep(self) -> None:
        """Drop what is left of a flat position: lots without shares, and their cost."""
        self.relief += [Relief(lot.number, lot.qty, lot.cost) for lot in self.lots.values()]

    def _take(self, qty: Decimal, first: tuple[int, ...]) -> Decimal:
        """Take signed shares out of lots of their own sign; what could not be taken, signed."""
        for lot in _in_turn(self.lots, self.method, first):
            if not qty:
                break
            if (lot.qty > 0) is not (qty > 0) or not lot.qty:
                continue
            part = lot.qty if abs(lot.qty) <= abs(qty) else qty
            cost = lot.cost if part == lot.qty else rounding.pro_rata(lot.cost, part, lot.qty)
            self.relief.append(Relief(lot.number, part, cost))
            lot.qty -= part
            lot.cost -= cost
            if not lot.qty:
                del self.lots[lot.number]
            qty -= part
        return qty

    def _restore(self, lot: RestoredLot) -> None:
        self.restored.append(lot)
        known = self.lots.setdefault(lot.lot, Lot(lot.lot, NOTHING, NOTHING, lot.opened_at))
        known.qty += lot.qty
        known.cost += lot.cost
