"""What happened to each lot at each moment, put together from a book's columns: shares, cost, gain and fees.

What happened to a lot in one moment between two closes is one piece, so an execution that was taken back at
once cancels itself; the purchase that opened a lot is a piece of its own.
"""

from enum import IntEnum

import msgspec

from traderbot.engine import ledger
from traderbot.portfolios.track import LEDGERS
from traderbot.portfolios.tracks import Book

FEES, REALISED = LEDGERS.index(ledger.FEES), LEDGERS.index(ledger.REALISED)
_Key = tuple[int, int, int]


class PieceKind(IntEnum):
    """OPENS: the execution that opened the lot; CHANGES: what came after it; SPLIT: shares without money."""

    OPENS = 0
    CHANGES = 1
    SPLIT = 2


class Piece(msgspec.Struct):
    """close: the index of the close that it counts from; at: market time; lot: its place in the book's lots.

    shares: billionths, below zero for what left or was sold short; cost, realised, fees: millionths. cost:
    how that of the lot changed, so that realised - cost - fees is what came in.
    """

    close: int
    at: int
    lot: int
    kind: PieceKind
    shares: int = 0
    cost: int = 0
    realised: int = 0
    fees: int = 0


class Loose(msgspec.Struct):
    """An amount that changed no lot, such as a dividend; a gain positive, millionths. ledger: in LEDGERS."""

    close: int
    at: int
    lot: int
    ledger: int
    amount: int


def pieces_of(book: Book) -> tuple[list[Piece], list[Loose]]:
    """All pieces of a book, in the order in which they began, and the amounts that belong to none."""
    found, opened = dict[tuple[_Key, PieceKind], Piece](), set[int]()
    columns = (book.change_close, book.change_time, book.change_lot, book.change_shares, book.change_cost)
    for close, at, lot, shares, cost in zip(*(column.tolist() for column in columns), strict=True):
        kind = PieceKind.OPENS
        if lot in opened:
            kind = PieceKind.CHANGES if cost else PieceKind.SPLIT
        opened.add(lot)
        piece = found.setdefault(((close, at, lot), kind), Piece(close, at, lot, kind))
        piece.shares += shares
        piece.cost += cost
    loose = _entered(book, found)
    return [one for one in found.values() if one.shares or one.cost or one.realised or one.fees], loose


def _entered(book: Book, pieces: dict[tuple[_Key, PieceKind], Piece]) -> list[Loose]:
    """Give the pieces their gains and fees; what is left."""
    loose, paid = list[Loose](), set[_Key]()
    columns = (book.entry_close, book.entry_time, book.entry_lot, book.entry_ledger, book.entry_amount)
    for close, at, lot, name, amount in zip(*(column.tolist() for column in columns), strict=True):
        key = (close, at, lot)
        opening, later = pieces.get((key, PieceKind.OPENS)), pieces.get((key, PieceKind.CHANGES))
        if name == REALISED and (later or opening):
            (later or opening).realised += amount  # type: ignore[union-attr]  # one of them is there
        elif name == FEES and (later or opening):
            own = opening if opening is not None and (later is None or key not in paid) else later
            own.fees -= amount  # type: ignore[union-attr]  # one of them is there
            paid.add(key)
        else:
            loose.append(Loose(close, at, lot, name, amount))
    return loose


def symbol_of(book: Book, lot: int) -> str:
    """The symbol of a lot by its place, as it is called by now; "" for what belongs to the account."""
    return book.slices[book.lots[lot].slice].symbol
