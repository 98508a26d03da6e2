"""The gains and losses of a tax year: every disposal, the sums by term, and what else was earned and paid."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import msgspec

from traderbot.engine import ledger
from traderbot.model.errors import InvalidValue
from traderbot.portfolios.spans import Span, day_of, money, stretch_of
from traderbot.portfolios.statements.disposals import WASH_DAYS, Disposal, disposals
from traderbot.portfolios.tracks import Book
from traderbot.trading.exports import csv_line

_BILLIONTH = -9


SOLD = (
    "symbol", "qty", "acquired", "disposed", "term", "sold_short", "proceeds", "cost", "wash_added",
    "disallowed", "gain",
)  # fmt: skip


class Sold(msgspec.Struct, frozen=True):
    """Shares of a lot that left it at one moment, as `disposals.Disposal` has them, in shares and USD.

    gain: proceeds - cost + disallowed.
    """

    symbol: str
    qty: Decimal
    acquired: date
    disposed: date
    term: str
    sold_short: bool
    proceeds: Decimal
    cost: Decimal
    wash_added: Decimal
    disallowed: Decimal
    gain: Decimal


class Sums(msgspec.Struct, frozen=True):
    """Of all disposals of a term."""

    disposals: int
    proceeds: Decimal
    cost: Decimal
    disallowed: Decimal
    gain: Decimal


class TaxYear(msgspec.Struct, frozen=True):
    """An account's year. dividends, interest, borrow: received and paid in it; fees are in proceeds and cost.

    open_reason: why it may still change, None where it cannot.
    """

    account_id: UUID
    currency: str
    year: int
    wash_sales: bool
    open_reason: str | None
    short_term: Sums
    long_term: Sums
    gain: Decimal
    dividends: Decimal
    interest: Decimal
    borrow: Decimal
    sold: list[Sold]


def tax_year(book: Book, year: int, *, wash_sales: bool = True) -> TaxYear:
    """What an account gained and lost in a calendar year, by days of UTC. Errors: InvalidValue."""
    if not 1970 <= year <= 9999:
        raise InvalidValue("year", "a year such as 2005", str(year))
    of_year = [one for one in disposals(book, wash_sales=wash_sales) if day_of(one.disposed_at).year == year]
    begin, end = stretch_of(str(year))
    span = Span.between(book, begin, end)
    short, long = (_sums([one for one in of_year if one.term == term]) for term in ("short", "long"))
    return TaxYear(
        account_id=book.account_id,
        currency=book.currency,
        year=year,
        wash_sales=wash_sales,
        open_reason=_open_reason(book, year, wash_sales=wash_sales),
        short_term=short,
        long_term=long,
        gain=short.gain + long.gain,
        dividends=money(span.entered(ledger.DIVIDENDS)),
        interest=money(-span.entered(ledger.INTEREST)),
        borrow=money(-span.entered(ledger.BORROW)),
        sold=[_sold(one) for one in of_year],
    )


def _open_reason(book: Book, year: int, *, wash_sales: bool) -> str | None:
    """Why a year is not settled: it goes on, or a purchase may still make a wash sale of one of its sales."""
    last = day_of(int(book.times[-1])) if len(book.times) else day_of(book.opened_at)
    if last <= date(year, 12, 31):
        return f"the account has closes up to {last} only"
    settled = date(year, 12, 31) + WASH_DAYS
    if wash_sales and last < settled:
        return f"a purchase up to {settled} may still make a wash sale of a loss of December"
    return None


def _sums(found: list[Disposal]) -> Sums:
    return Sums(
        disposals=len(found),
        proceeds=money(sum(one.proceeds for one in found)),
        cost=money(sum(one.cost for one in found)),
        disallowed=money(sum(one.disallowed for one in found)),
        gain=money(sum(one.gain for one in found)),
    )


def _sold(one: Disposal) -> Sold:
    return Sold(
        symbol=one.symbol,
        qty=Decimal(one.qty).scaleb(_BILLIONTH),
        acquired=day_of(one.acquired_at),
        disposed=day_of(one.disposed_at),
        term=one.term,
        sold_short=one.sold_short,
        proceeds=money(one.proceeds),
        cost=money(one.cost),
        wash_added=money(one.added),
        disallowed=money(one.disallowed),
        gain=money(one.gain),
    )


def tax_csv(found: TaxYear) -> str:
    """Every disposal as CSV, the header first."""
    rows = ([_cell(getattr(one, name)) for name in SOLD] for one in found.sold)
    return "".join(csv_line(cells) for cells in (SOLD, *rows))


def _cell(value: object) -> object:
    return ("no", "yes")[value] if isinstance(value, bool) else value
