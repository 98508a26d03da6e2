"""Realised gains as rows and as CSV: one row for every part of a lot that was closed, streamed from the
journal.

Rows sum to the account's realised gains: what is taken back later has a row of its own, the other way round.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.engine import Connection

from traderbot.engine.apply import apply
from traderbot.infra.events.journal import last_position
from traderbot.infra.events.texts import canonical
from traderbot.model import rounding
from traderbot.model.account import NOTHING, Account
from traderbot.model.actions import ActionKind
from traderbot.model.events import CorporateActionApplied, Event, Execution, ExecutionBusted, RestoredLot
from traderbot.model.symbols import Symbol
from traderbot.trading.as_of import entries_until

LINES_A_CHUNK = 500
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NEW_YORK = ZoneInfo("America/New_York")


class ReliefRow(msgspec.Struct, frozen=True):
    """A part of a lot that was closed. Times: market time, microseconds.

    kind: sale, cover (of a short sale), delisting, symbol_change, or bust, which takes an earlier row back.
    qty: shares closed, proceeds: what they brought in, cost: what they had cost, both positive for long and
    short lots alike; of a bust all negative. fee: the closing execution's, by shares. term: long where held
    for more than a year, else short; short sales are always short.
    """

    at: int
    symbol: Symbol
    kind: str
    lot: int
    opened_at: int
    qty: Decimal
    proceeds: Decimal
    cost: Decimal
    realised: Decimal
    fee: Decimal
    term: str
    order_id: UUID | None
    execution_id: UUID | None
    version: int


def realised_rows(
    connection: Connection, account_id: UUID, *, after: int | None = None, until: int | None = None
) -> Iterator[ReliefRow]:
    """The closed parts of lots in the order they were recorded. after, until: market time of closing, until
    excluded.
    """
    account = Account(account_id)
    for entry in entries_until(connection, account_id, last_position(connection)):
        for row in _rows_of(account, entry.event, entry.version):
            if (after is None or row.at > after) and (until is None or row.at < until):
                yield row
        apply(account, entry.event)


def _rows_of(account: Account, event: Event, version: int) -> list[ReliefRow]:
    """The rows of an event, by the lots as they are before it."""
    if isinstance(event, Execution):
        return _closed(account, event, version) if event.relief else []
    if isinstance(event, ExecutionBusted):
        return _taken_back(account, event, version)
    if isinstance(event, CorporateActionApplied) and event.realised is not None:
        return _adjusted(account, event, version)
    return []


def _closed(account: Account, event: Execution, version: int) -> list[ReliefRow]:
    """What the closing part brought in is shared out by shares, the rest of it going to the last; so is its
    part of the fee.
    """
    shares = sum((abs(part.qty) for part in event.relief), NOTHING)
    cash = event.realised + sum((part.cost for part in event.relief), NOTHING)
    fee: Decimal = event.fee if shares == event.qty else rounding.pro_rata(event.fee, shares, event.qty)
    rows: list[ReliefRow] = []
    cash_left, fee_left, shares_left = cash, fee, shares
    for part in event.relief:
        size = abs(part.qty)
        last = size == shares_left or not shares_left
        moved = cash_left if last else rounding.pro_rata(cash_left, size, shares_left)
        paid = fee_left if last else rounding.pro_rata(fee_left, size, shares_left)
        cash_left, fee_left, shares_left = cash_left - moved, fee_left - paid, shares_left - size
        rows.append(_row(account, event, part.lot, event.symbol, part.qty, moved, part.cost, paid, version))
    return rows


def _row(
    account: Account,
    event: Execution,
    number: int,
    symbol: Symbol,
    qty: Decimal,
    moved: Decimal,
    cost: Decimal,
    fee: Decimal,
    version: int,
) -> ReliefRow:
    """One closed part; moved: cash in, negative for a lot that was bought back."""
    opened_at, short = _opened_at(account, symbol, number, event.at), qty < 0
    return ReliefRow(
        at=event.at,
        symbol=symbol,
        kind="cover" if short else "sale",
        lot=number,
        opened_at=opened_at,
        qty=abs(qty),
        proceeds=-cost if short else moved,
        cost=-moved if short else cost,
        realised=moved - cost,
        fee=fee,
        term="short" if short else term_of(opened_at, event.at),
        order_id=event.order_id,
        execution_id=event.execution_id,
        version=version,
    )


def _opened_at(account: Account, symbol: Symbol, number: int, otherwise: int) -> int:
    position = account.positions.get(symbol)
    lot = None if position is None else position.lots.get(number)
    return otherwise if lot is None else lot.opened_at


def _taken_back(account: Account, event: ExecutionBusted, version: int) -> list[ReliefRow]:
    """One row for each lot whose gain was taken back; none where the execution had only opened."""
    if not event.realised:
        return []
    if not event.restored:
        return [
            _bust_row(event, RestoredLot(0, NOTHING, NOTHING, event.at), event.realised, event.fee, version)
        ]
    left = qty_left = sum((part.qty for part in event.restored), NOTHING)
    proceeds = event.realised - sum((part.cost for part in event.restored), NOTHING)
    fee: Decimal = event.fee
    rows = []
    for part in event.restored:
        last = part.qty == qty_left
        moved = proceeds if last or not left else rounding.pro_rata(proceeds, part.qty, qty_left)
        paid = fee if last or not left else rounding.pro_rata(fee, part.qty, qty_left)
        proceeds, fee, qty_left = proceeds - moved, fee - paid, qty_left - part.qty
        rows.append(_bust_row(event, part, moved, paid, version))
    return rows


def _bust_row(
    event: ExecutionBusted, part: RestoredLot, proceeds: Decimal, fee: Decimal, version: int
) -> ReliefRow:
    """What is taken back of the gain of one lot."""
    return ReliefRow(
        at=event.at,
        symbol=event.symbol,
        kind="bust",
        lot=part.lot,
        opened_at=part.opened_at,
        qty=-abs(part.qty),
        proceeds=proceeds,
        cost=-part.cost,
        realised=proceeds + part.cost,
        fee=-fee,
        term="short" if part.qty < 0 else term_of(part.opened_at, event.at),
        order_id=event.order_id,
        execution_id=event.execution_id,
        version=version,
    )


def _adjusted(account: Account, event: CorporateActionApplied, version: int) -> list[ReliefRow]:
    """A delisting's payout by lot; a change of symbol that set long and short lots off is one row."""
    position = account.positions.get(event.symbol)
    rows: list[ReliefRow] = []
    if event.kind is not ActionKind.DELISTING or position is None or not position.qty:
        gain = event.realised or NOTHING
        return [_action_row(event, 0, event.at, NOTHING, gain, NOTHING, version)] if gain else []
    cash_left, qty_left = event.cash or NOTHING, position.qty
    for lot in position.lots.values():
        part = cash_left if lot.qty == qty_left else rounding.pro_rata(cash_left, lot.qty, qty_left)
        cash_left, qty_left = cash_left - part, qty_left - lot.qty
        rows.append(_action_row(event, lot.number, lot.opened_at, lot.qty, part, lot.cost, version))
    return rows


def _action_row(
    event: CorporateActionApplied,
    number: int,
    opened_at: int,
    qty: Decimal,
    moved: Decimal,
    cost: Decimal,
    version: int,
) -> ReliefRow:
    short = qty < 0
    return ReliefRow(
        at=event.at,
        symbol=event.symbol,
        kind=event.kind.value,
        lot=number,
        opened_at=opened_at,
        qty=abs(qty),
        proceeds=-cost if short else moved,
        cost=-moved if short else cost,
        realised=moved - cost,
        fee=NOTHING,
        term="short" if short else term_of(opened_at, event.at),
        order_id=None,
        execution_id=None,
        version=version,
    )


def term_of(opened_at: int, closed_at: int) -> str:
    """Long where held for more than a year, by days in New York; else short.

    Source: US Internal Revenue Code section 1222; IRS publication 550, "Holding period".
    """
    opened, closed = (_local(at).date() for at in (opened_at, closed_at))
    leap = opened.month == 2 and opened.day == 29
    anniversary = opened.replace(year=opened.year + 1, day=28 if leap else opened.day)
    return "long" if closed > anniversary else "short"


def _local(at: int) -> datetime:
    return datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(_NEW_YORK)


COLUMNS = (
    "symbol",
    "kind",
    "lot",
    "opened",
    "closed",
    "qty",
    "proceeds",
    "cost",
    "gain",
    "fee",
    "term",
    "order_id",
    "execution_id",
)


def realised_csv(
    connection: Connection, account_id: UUID, *, after: int | None = None, until: int | None = None
) -> Iterator[str]:
    """The rows as CSV, some lines at a time, the header first. Dates are days in New York."""
    lines = [csv_line(COLUMNS)]
    for row in realised_rows(connection, account_id, after=after, until=until):
        days = (_local(at).date().isoformat() for at in (row.opened_at, row.at))
        cells = (row.symbol, row.kind, row.lot, *days, row.qty, row.proceeds, row.cost, row.realised, row.fee)
        lines.append(csv_line((*cells, row.term, row.order_id, row.execution_id)))
        if len(lines) == LINES_A_CHUNK:
            yield "".join(lines)
            lines = []
    if lines:
        yield "".join(lines)


def csv_line(cells: Iterable[object]) -> str:
    """One line of CSV. A text that a spreadsheet would take for a formula begins with an apostrophe; numbers
    stay numbers, amounts in their one spelling.

    Source: OWASP, "CSV Injection".
    """
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([_cell(cell) for cell in cells])
    return line.getvalue()


def _cell(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, Decimal):
        return canonical(cell)
    if isinstance(cell, int | float):
        return str(cell)
    text = str(cell)
    return "'" + text if text.startswith(_FORMULA) else text
