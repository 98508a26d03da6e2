"""What each part of an account gained and contributed to its return; the parts sum to the whole exactly.

In money nothing is rounded: a part's gain is a sum of ledger amounts and of values at marks, all of 6 places.
A contribution to the return is a fraction of 6 places; `rounding.apportioned` says where a remainder goes.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import msgspec
import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.flows import linked, linked_contributions
from traderbot.model import rounding
from traderbot.model.border import weight_from_float
from traderbot.model.symbols import Symbol
from traderbot.portfolios.dimensions import By, name_of
from traderbot.portfolios.spans import Span, money
from traderbot.portfolios.track import LEDGERS
from traderbot.portfolios.tracks import Book, Whole

_MILLIONTH = 1e-6


class Part(msgspec.Struct, frozen=True):
    """A position, sector, strategy or trade. gain: realised + unrealised + dividends - fees - borrow -
    interest, unrealised being its change. contribution: to the account's time-weighted return.

    symbol, strategy, order_id, opened_at, closed_at: of a trade.
    """

    name: str
    gain: Decimal
    realised: Decimal
    unrealised: Decimal
    dividends: Decimal
    fees: Decimal
    borrow: Decimal
    interest: Decimal
    contribution: Decimal | None
    symbol: str | None = None
    strategy: str | None = None
    order_id: UUID | None = None
    opened_at: int | None = None
    closed_at: int | None = None


class Contribution(msgspec.Struct, frozen=True):
    """The parts, the one that gained most first. gain: their sum, and the account's; time_weighted: the sum
    of their contributions, the account's return to 6 places; None with `reason` where it is not defined, or
    for trades, whose values are known at the span's ends only.
    """

    account_id: UUID
    by: str
    starts: int | None
    ends: int | None
    gain: Decimal
    time_weighted: Decimal | None
    reason: str | None
    parts: list[Part]


class _Grouped(NamedTuple):
    """Rows of a span's money by group: (ledgers, groups), unrealised (groups,), all in millionths."""

    entered: Whole
    unrealised: Whole


def contribution_of(
    book: Book,
    by: By,
    sectors: Mapping[Symbol, str],
    *,
    begin: int | None = None,
    end: int | None = None,
) -> Contribution:
    """What the parts of an account gained over the closes from begin to end, market times, both included."""
    span = Span.between(book, begin, end)
    if not len(span):
        return Contribution(book.account_id, by, None, None, Decimal(0), None, span.undefined(), [])
    if by is By.TRADE:
        return _by_trade(span)
    names = [name_of(slice_, by, sectors) for slice_ in book.slices]
    groups = {name: place for place, name in enumerate(dict.fromkeys(names))}
    group_of = np.array([groups[name] for name in names], dtype=np.int64)
    grouped = _grouped(span, group_of, group_of[book.lot_slice], len(groups))
    reason = span.undefined()
    total = None if reason is not None else _six_places(linked(span.returns.change))
    shares = None if total is None else _shares(span, group_of, len(groups), total)
    parts = [
        _part(name, grouped, place, None if shares is None else shares[place])
        for name, place in groups.items()
    ]
    return _whole(span, by, parts, total, reason)


def _grouped(span: Span, group_of_slice: Whole, group_of_lot: Whole, count: int) -> _Grouped:
    """What was entered, and how unrealised gains changed."""
    book, rows = span.book, span.inside(span.book.entry_close)
    entered = np.zeros((len(LEDGERS), count), dtype=np.int64)
    places = book.entry_ledger[rows], group_of_lot[book.entry_lot[rows]]
    np.add.at(entered, places, book.entry_amount[rows])
    unrealised = np.zeros(count, dtype=np.int64)
    for close, sign in ((span.last, 1), (span.first - 1, -1)):
        held = span.at(book.value_close, close)
        gains = sign * (book.value[held] - book.value_cost[held])
        np.add.at(unrealised, group_of_slice[book.value_slice[held]], gains)
    return _Grouped(entered, unrealised)


def _part(name: str, grouped: _Grouped, place: int, share: Decimal | None) -> Part:
    realised, dividends, fees, borrow, interest = grouped.entered[:, place].tolist()
    unrealised = int(grouped.unrealised[place])
    return Part(
        name=name,
        gain=money(realised + unrealised + dividends + fees + borrow + interest),
        realised=money(realised),
        unrealised=money(unrealised),
        dividends=money(dividends),
        fees=money(-fees),
        borrow=money(-borrow),
        interest=money(-interest),
        contribution=share,
    )


def _whole(span: Span, by: By, parts: list[Part], total: Decimal | None, reason: str | None) -> Contribution:
    """The parts that had a share in anything, in order."""
    kept = [part for part in parts if part.contribution or any(_amounts(part))]
    return Contribution(
        account_id=span.book.account_id,
        by=by,
        starts=span.starts,
        ends=int(span.times[-1]),
        gain=sum((part.gain for part in kept), Decimal(0)),
        time_weighted=total,
        reason=reason,
        parts=sorted(kept, key=lambda part: (-part.gain, part.name)),
    )


def _amounts(part: Part) -> tuple[Decimal, ...]:
    return part.realised, part.unrealised, part.dividends, part.fees, part.borrow, part.interest


def _shares(span: Span, group_of: Whole, count: int, total: Decimal) -> list[Decimal]:
    """Each group's contribution to the time-weighted return, of 6 places."""
    closes, groups, gains = gains_of(span, group_of)
    exact = linked_contributions(span.returns, closes, groups, gains, count)
    return rounding.apportioned([weight_from_float(share) for share in exact.tolist()], total)


def gains_of(span: Span, group_of: Whole) -> tuple[Whole, Whole, Floats]:
    """(close, group, gain) of everything gained: what is held gains its value over cost at a close, and gives
    that up to the next.
    """
    book = span.book
    entered, held = span.inside(book.entry_close), span.inside(book.value_close)
    before = span.at(book.value_close, span.first - 1)
    earlier = slice(before.start, span.at(book.value_close, span.last).start)
    over = book.value - book.value_cost
    closes = (book.entry_close[entered], book.value_close[held], book.value_close[earlier] + 1)
    groups = (group_of[book.lot_slice[book.entry_lot[entered]]], *(
        group_of[book.value_slice[rows]] for rows in (held, earlier)
    ))  # fmt: skip
    gains = (book.entry_amount[entered], over[held], -over[earlier])
    scaled = np.concatenate(gains).astype(np.float64) * _MILLIONTH
    return np.concatenate(closes) - span.first, np.concatenate(groups), scaled


def _six_places(value: float | None) -> Decimal | None:
    return None if value is None else rounding.ratio(weight_from_float(value), Decimal(1))


def _by_trade(span: Span) -> Contribution:
    """Trades by what they gained: lots held at some time in the span."""
    book, count = span.book, len(span.book.lots)
    lots = np.arange(count, dtype=np.int64)
    grouped = _grouped(span, np.zeros(len(book.slices), dtype=np.int64), lots, count)
    unrealised = _unrealised_by_lot(span, span.last) - _unrealised_by_lot(span, span.first - 1)
    grouped = grouped._replace(unrealised=unrealised)
    parts = []
    for place, lot in enumerate(book.lots):
        slice_ = book.slices[lot.slice]
        found = _part(f"lot {lot.number}" if lot.order_id else slice_.symbol or "cash", grouped, place, None)
        if lot.order_id:
            found = msgspec.structs.replace(
                found,
                symbol=slice_.symbol,
                strategy=slice_.strategy,
                order_id=lot.order_id,
                opened_at=lot.opened_at,
                closed_at=lot.closed_at,
            )
        parts.append(found)
    return _whole(span, By.TRADE, parts, None, "trades are told in money, not as shares of the return")


def _unrealised_by_lot(span: Span, close: int) -> Whole:
    """Value over cost of each lot at a close: the value of what a strategy holds of a symbol by shares, the
    last of its lots with the rest.
    """
    book = span.book
    found = np.zeros(len(book.lots), dtype=np.int64)
    until = int(np.searchsorted(book.change_close, close, "right"))
    shares, costs = found.copy(), found.copy()
    np.add.at(shares, book.change_lot[:until], book.change_shares[:until])
    np.add.at(costs, book.change_lot[:until], book.change_cost[:until])
    for row in range(*span.at(book.value_close, close).indices(len(book.value_close))):
        held = np.flatnonzero((book.lot_slice == book.value_slice[row]) & (shares != 0))
        worth, whole = int(book.value[row]), sum(shares[held].tolist())
        parts = [worth * part // whole for part in shares[held].tolist()]
        parts[-1] += worth - sum(parts)
        found[held] = np.array(parts, dtype=np.int64) - costs[held]
    return found
