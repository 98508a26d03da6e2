"""The statement of a day, week, month, quarter or year: what an account was worth before and after, what
moved in between, what it holds and what gained. The cash at the end is that at the start and every amount.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter
from uuid import UUID

import msgspec
import numpy as np

from traderbot.engine import ledger
from traderbot.infra.clock import rfc3339
from traderbot.model import rounding
from traderbot.model.symbols import Symbol
from traderbot.portfolios.contribution import Part, contribution_of
from traderbot.portfolios.dimensions import By
from traderbot.portfolios.performance import BenchmarkAt, Performance, performance_of
from traderbot.portfolios.spans import Every, Span, money, stretch_of
from traderbot.portfolios.statements.pieces import Loose, Piece, PieceKind, pieces_of, symbol_of
from traderbot.portfolios.track import LEDGERS
from traderbot.portfolios.tracks import Book
from traderbot.trading.exports import csv_line

_BILLIONTH = -9
_NOTHING = Decimal(0)


class MovementKind(StrEnum):
    """What moved cash or shares. What a corporate action paid out for shares is a sale."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    BUY = "buy"
    SELL = "sell"
    SPLIT = "split"
    DIVIDEND = "dividend"
    INTEREST = "interest"
    BORROW = "borrow fee"
    FEE = "fee"


_COLUMNS = ("time", "kind", "symbol", "qty", "price", "fee", "realised", "amount")
_KINDS = {
    ledger.DIVIDENDS: MovementKind.DIVIDEND,
    ledger.INTEREST: MovementKind.INTEREST,
    ledger.BORROW: MovementKind.BORROW,
    ledger.FEES: MovementKind.FEE,
}


class Movement(msgspec.Struct, frozen=True):
    """Shares of a symbol, or cash, at a market time. amount: of cash, fees taken off, below zero where it was
    paid; price: of shares bought or sold, before fees; realised: gross of fees.
    """

    at: int
    kind: MovementKind
    symbol: str | None
    qty: Decimal | None
    price: Decimal | None
    fee: Decimal
    realised: Decimal
    amount: Decimal


class Holding(msgspec.Struct, frozen=True):
    """What is held of a symbol at the last close. weight: of equity, None where that is nothing or less."""

    symbol: str
    qty: Decimal
    price: Decimal | None
    market_value: Decimal
    cost: Decimal
    unrealised: Decimal
    weight: Decimal | None


class Statement(msgspec.Struct, frozen=True):
    """cash_end = cash_start + the movements' amounts, exactly. performance: of the period, by day, where it
    is longer than a month by month. curve: (market time, equity) of each close, first of the one before the
    period, where there was something.
    """

    account_id: UUID
    currency: str
    period: str
    cash_start: Decimal
    cash_end: Decimal
    performance: Performance
    holdings: list[Holding]
    movements: list[Movement]
    parts: list[Part]
    curve: list[tuple[int, Decimal]]


def statement_of(
    book: Book,
    period: str,
    sectors: Mapping[Symbol, str],
    *,
    benchmark_at: BenchmarkAt | None = None,
) -> Statement:
    """An account's statement of a period such as 2005-01. Errors: InvalidValue."""
    begin, end = stretch_of(period)
    span = Span.between(book, begin, end)
    every = Every.MONTH if "Q" in period or period.isdigit() else Every.DAY
    curve = [(span.starts, money(span.start_equity))] if len(span) and span.start_equity else []
    curve += [(at, money(worth)) for at, worth in zip(span.times.tolist(), span.equity.tolist(), strict=True)]
    return Statement(
        account_id=book.account_id,
        currency=book.currency,
        period=period,
        cash_start=money(int(book.cash[span.first - 1]) if span.first else 0),
        cash_end=money(int(book.cash[span.last]) if span.last >= 0 else 0),
        performance=performance_of(book, begin=begin, end=end, every=every, benchmark_at=benchmark_at),
        holdings=_holdings(span) if len(span) else [],
        movements=_movements(span),
        parts=contribution_of(book, By.POSITION, sectors, begin=begin, end=end).parts,
        curve=curve,
    )


def _holdings(span: Span) -> list[Holding]:
    book, equity = span.book, money(int(span.equity[-1]))
    shares: dict[str, int] = {}
    for row in range(int(np.searchsorted(book.change_close, span.last, "right"))):
        symbol = symbol_of(book, int(book.change_lot[row]))
        shares[symbol] = shares.get(symbol, 0) + int(book.change_shares[row])
    sums: dict[str, tuple[int, int]] = {}
    for row in range(*span.at(book.value_close, span.last).indices(len(book.value_close))):
        symbol = book.slices[int(book.value_slice[row])].symbol
        value, cost = sums.get(symbol, (0, 0))
        sums[symbol] = value + int(book.value[row]), cost + int(book.value_cost[row])
    return [
        _holding(symbol, Decimal(shares.get(symbol, 0)).scaleb(_BILLIONTH), money(value), money(cost), equity)
        for symbol, (value, cost) in sorted(sums.items())
    ]


def _holding(symbol: str, qty: Decimal, value: Decimal, cost: Decimal, equity: Decimal) -> Holding:
    price = rounding.average_price(value, qty) if qty else None
    return Holding(symbol, qty, price, value, cost, value - cost, rounding.weight(value, equity))


def _movements(span: Span) -> list[Movement]:
    pieces, loose = pieces_of(span.book)
    inside = [one for one in pieces if span.first <= one.close <= span.last]
    rest = [one for one in loose if span.first <= one.close <= span.last]
    found = _flows(span) + _traded(span.book, inside) + _others(span.book, rest)
    return sorted(found, key=attrgetter("at"))  # of one moment: what came in or went out, trades, the rest


def _flows(span: Span) -> list[Movement]:
    rows = span.inside(span.book.flow_close)
    times, amounts = span.book.flow_time[rows].tolist(), span.book.flow_amount[rows].tolist()
    return [
        _movement(at, MovementKind.DEPOSIT if amount > 0 else MovementKind.WITHDRAWAL, "", amount)
        for at, amount in zip(times, amounts, strict=True)
    ]


def _traded(book: Book, pieces: list[Piece]) -> list[Movement]:
    """Purchases and sales of a symbol at a moment, all lots together; splits."""
    sums: dict[tuple[int, int, str, MovementKind], list[int]] = {}
    for one in pieces:
        kind = MovementKind.BUY if one.shares > 0 else MovementKind.SELL
        kind = MovementKind.SPLIT if one.kind is PieceKind.SPLIT else kind
        total = sums.setdefault((one.close, one.at, symbol_of(book, one.lot), kind), [0, 0, 0, 0])
        for place, amount in enumerate((one.shares, one.realised - one.cost, one.fees, one.realised)):
            total[place] += amount
    return [
        _trade(
            at, kind, symbol, Decimal(shares).scaleb(_BILLIONTH), money(cash), money(fees), money(realised)
        )
        for (_, at, symbol, kind), (shares, cash, fees, realised) in sums.items()
    ]


def _trade(
    at: int, kind: MovementKind, symbol: str, qty: Decimal, cash: Decimal, fee: Decimal, realised: Decimal
) -> Movement:
    price = rounding.average_price(-cash, qty) if qty and kind is not MovementKind.SPLIT else None
    return Movement(at, kind, symbol, qty, price, fee, realised, cash - fee)


def _others(book: Book, loose: list[Loose]) -> list[Movement]:
    """Dividends, interest and the like, by symbol and moment."""
    sums: dict[tuple[int, str, int], int] = {}
    for one in loose:
        key = (one.at, symbol_of(book, one.lot), one.ledger)
        sums[key] = sums.get(key, 0) + one.amount
    return [
        _movement(at, _KINDS[LEDGERS[name]], symbol, amount) for (at, symbol, name), amount in sums.items()
    ]


def _movement(at: int, kind: MovementKind, symbol: str, amount: int) -> Movement:
    return Movement(at, kind, symbol or None, None, None, _NOTHING, _NOTHING, money(amount))


def statement_csv(found: Statement) -> str:
    """What moved as CSV, the header first."""
    rows = (
        (rfc3339(one.at), one.kind.value, *(getattr(one, name) for name in _COLUMNS[2:]))
        for one in found.movements
    )
    return "".join(csv_line(cells) for cells in (_COLUMNS, *rows))
