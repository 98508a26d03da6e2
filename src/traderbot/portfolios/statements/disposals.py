"""Lots that were sold, covered or paid out: what each brought and cost, as a tax office asks for it.

Wash sales after 26 U.S.C. 1091, 26 CFR 1.1091-1 and -2, and IRS Publication 550: a loss does not count as
far as shares of the same symbol were bought within 30 days before or after. It goes onto the cost of those
shares, which also take over how long the sold ones were held. The oldest bought are matched first, no share
twice; what is left of the lot itself replaces nothing (Rev. Rul. 56-602), nor does what was sold in the same
moment. Short sales are not matched, nor are other accounts.
"""

from datetime import timedelta
from fractions import Fraction
from itertools import groupby
from math import prod
from typing import NamedTuple

import msgspec

from traderbot.portfolios.spans import day_of
from traderbot.portfolios.statements.pieces import PieceKind, pieces_of, symbol_of
from traderbot.portfolios.track import parts_of
from traderbot.portfolios.tracks import Book
from traderbot.trading.exports import term_of

WASH_DAYS = timedelta(days=30)


class Disposal(msgspec.Struct):
    """Shares of one lot that left it at one moment. qty: billionths; amounts: millionths.

    proceeds: less fees. cost: with fees, and with `added`, which is losses of wash sales that these shares
    replaced. disallowed: how much of the loss does not count. acquired_at: earlier than the purchase by the
    time that shares were held which these replaced.
    """

    symbol: str
    lot: int
    qty: int
    acquired_at: int
    disposed_at: int
    sold_short: bool
    proceeds: int
    cost: int
    added: int = 0
    disallowed: int = 0

    @property
    def gain(self) -> int:
        """What counts: proceeds less cost, and the disallowed part of a loss put back."""
        return self.proceeds - self.cost + self.disallowed

    @property
    def term(self) -> str:
        """long or short, as in the export of realised gains; a short sale is always short."""
        return "short" if self.sold_short else term_of(self.acquired_at, self.disposed_at)


class _Part(msgspec.Struct):
    """Some of a lot's shares, alike in the loss they took over and in how long they count as held."""

    qty: int
    acquired_at: int
    added: int = 0
    replaces: bool = False


class _Lot(msgspec.Struct):
    """A lot as far as it was followed. fees: paid for what is still held."""

    place: int
    symbol: str
    opened_at: int
    sold_short: bool
    parts: list[_Part]
    fees: int = 0

    @property
    def qty(self) -> int:
        return sum(part.qty for part in self.parts)

    @property
    def unmatched(self) -> int:
        return sum(part.qty for part in self.parts if not part.replaces)

    def take(self, qty: int) -> list[_Part]:
        """Take shares out, those that replaced others first."""
        taken = []
        for part in sorted(self.parts, key=lambda one: not one.replaces):
            if qty <= 0:
                break
            out = _cut(part, min(qty, part.qty))
            qty -= out.qty
            taken.append(out)
        self.parts = [part for part in self.parts if part.qty]
        return taken

    def replace(self, qty: int, loss: int, held: int) -> None:
        """Have that many of its shares take over a loss, and a time held in microseconds."""
        for part, share in self._plain(qty):
            kept = _cut(part, share)
            taken = loss * share // qty if share < qty else loss
            loss, qty = loss - taken, qty - share
            self.parts.append(_Part(share, kept.acquired_at - held, taken, replaces=True))
        self.parts = [part for part in self.parts if part.qty]

    def _plain(self, qty: int) -> list[tuple[_Part, int]]:
        found = []
        for part in self.parts:
            if not part.replaces and qty:
                share = min(qty, part.qty)
                found.append((part, share))
                qty -= share
        return found

    def split(self, change: int) -> None:
        """More shares, or fewer, for the same money."""
        new = parts_of(self.qty + change, [part.qty for part in self.parts])
        for part, qty in zip(self.parts, new, strict=True):
            part.qty = qty


def _cut(part: _Part, qty: int) -> _Part:
    """Take shares out of a part, with their share of the loss."""
    added = part.added if qty == part.qty else part.added * qty // part.qty
    part.qty -= qty
    part.added -= added
    return _Part(qty, part.acquired_at, added, part.replaces)


class _Change(msgspec.Struct):
    """What happened to a lot at a moment. qty: how its size changed; cost: below zero for what left a lot
    that was bought; fees: of what changed it.
    """

    lot: _Lot
    at: int
    is_split: bool
    qty: int = 0
    cost: int = 0
    realised: int = 0
    fees: int = 0


class _Split(NamedTuple):
    symbol: str
    at: int
    ratio: Fraction


class _History(NamedTuple):
    """The lots of each symbol, the oldest first, and what happened to them after they were opened."""

    lots: dict[str, list[_Lot]]
    changes: list[_Change]
    splits: list[_Split]


def disposals(book: Book, *, wash_sales: bool = True) -> list[Disposal]:
    """All of an account's disposals, in the order in which they came. wash_sales: match them."""
    history, found = _history(book), list[Disposal]()
    for _, moment in groupby(history.changes, key=lambda change: change.at):
        gone = [disposal for change in moment for disposal in _gone(change)]
        found += gone
        for disposal in gone if wash_sales else ():
            _match(disposal, history)
    return found


def _history(book: Book) -> _History:
    """What happened to a lot in one moment is one change, so what was taken back later cancels itself too."""
    lots, splits, changes = dict[int, _Lot](), list[_Split](), dict[tuple[int, int, bool], _Change]()
    sizes: dict[int, int] = {}
    for piece in pieces_of(book)[0]:
        place, at = piece.lot, piece.at
        if piece.kind is PieceKind.OPENS:
            sizes[place] = abs(piece.shares)
            parts = [_Part(abs(piece.shares), at)]
            lots[place] = _Lot(place, symbol_of(book, place), at, piece.shares < 0, parts, piece.fees)
            continue
        lot, is_split = lots[place], piece.kind is PieceKind.SPLIT
        change = changes.setdefault((place, at, is_split), _Change(lot, at, is_split))
        shares = -piece.shares if lot.sold_short else piece.shares
        if is_split and sizes[place] and not any((one.symbol, one.at) == (lot.symbol, at) for one in splits):
            splits.append(_Split(lot.symbol, at, Fraction(sizes[place] + shares, sizes[place])))
        sizes[place] += shares
        change.qty += shares
        change.cost += piece.cost
        change.realised += piece.realised
        change.fees += piece.fees
    of_symbol: dict[str, list[_Lot]] = {}
    for lot in sorted(lots.values(), key=lambda one: one.opened_at):
        of_symbol.setdefault(lot.symbol, []).append(lot)
    return _History(of_symbol, [one for one in changes.values() if one.qty or one.cost], splits)


def _gone(change: _Change) -> list[Disposal]:
    """What left a lot; the lot goes on without it."""
    lot = change.lot
    if change.is_split:
        lot.split(change.qty)
        return []
    if change.qty > 0:  # what was taken back of an execution of another moment
        lot.parts.append(_Part(change.qty, lot.opened_at))
        return []
    held, qty = lot.qty, -change.qty
    fees = lot.fees if qty >= held else lot.fees * qty // held
    lot.fees -= fees
    taken = lot.take(qty) or [_Part(0, lot.opened_at)]
    if lot.sold_short:
        proceeds, cost = change.cost - fees, change.cost - change.realised + change.fees
    else:
        proceeds, cost = change.realised - change.cost - change.fees, fees - change.cost
    sizes = [part.qty for part in taken]
    return [
        Disposal(
            symbol=lot.symbol,
            lot=lot.place,
            qty=part.qty,
            acquired_at=part.acquired_at,
            disposed_at=change.at,
            sold_short=lot.sold_short,
            proceeds=brought,
            cost=paid + part.added,
            added=part.added,
        )
        for part, brought, paid in zip(taken, parts_of(proceeds, sizes), parts_of(cost, sizes), strict=True)
    ]


def _match(sold: Disposal, history: _History) -> None:
    """Let shares that were bought around a sale take over its loss."""
    loss, left = -sold.gain, sold.qty
    if loss <= 0 or sold.sold_short:
        return
    day, held = day_of(sold.disposed_at), sold.disposed_at - sold.acquired_at
    for lot in history.lots[sold.symbol]:
        if lot.place == sold.lot or lot.sold_short or abs(day_of(lot.opened_at) - day) > WASH_DAYS:
            continue
        ratio = _ratio(history.splits, sold, lot)
        matched = min(left, int(lot.unmatched / ratio))
        if matched:
            part = loss if matched == left else loss * matched // left
            lot.replace(int(matched * ratio), part, held)
            sold.disallowed += part
            loss, left = loss - part, left - matched


def _ratio(splits: list[_Split], sold: Disposal, lot: _Lot) -> Fraction:
    """What one sold share had become when a later lot was bought."""
    ratios = (
        one.ratio
        for one in splits
        if one.symbol == sold.symbol and sold.disposed_at < one.at <= lot.opened_at
    )
    return prod(ratios, start=Fraction(1))
