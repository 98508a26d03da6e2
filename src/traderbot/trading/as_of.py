"""An account as it was: folded from its journal up to a place in it, and its money by market time as known
then.

A place is a journal position or a moment of the wall clock. What is recorded up to it is all that counts: an
execution that came to light later is not there, however early it happened. By market time it is: a late
execution counts from when it happened, a busted one never did.
"""

from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID

import msgspec
import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.engine.apply import apply
from traderbot.engine.ledger import LEDGERS, postings
from traderbot.infra.events.archives import Wanted, all_archives, archived, archived_until
from traderbot.infra.events.journal import Recorded, events, last_position, read
from traderbot.model import rounding
from traderbot.model.account import NOTHING, Account
from traderbot.model.errors import InvalidValue, NotFound
from traderbot.model.events import AccountOpened, MarketEvent, RulesChanged
from traderbot.model.orders import OPEN
from traderbot.model.rules import NO_LIMITS, Limits, Rules
from traderbot.model.symbols import Symbol
from traderbot.trading import tables as t
from traderbot.trading.order_rows import OrderRows, Row
from traderbot.trading.repository import OrderFilter
from traderbot.trading.session_market import SessionMarket
from traderbot.trading.snapshots import folded
from traderbot.trading.streams import RULES_STREAM, account_stream
from traderbot.trading.views import OrderView, nest, order_view

PAGE = 5000
_ANY = OrderFilter()
_NO_ORDER = dict.fromkeys(t.orders.c.keys()) | {"fees": NOTHING}


class AccountState(msgspec.Struct, frozen=True):
    """An account as recorded up to a position. recorded_at: of its last event until then; version: of that
    event; rules: in force then; limits: the account's own then.
    """

    position: int
    recorded_at: int
    version: int
    account: Account
    rules: Rules
    limits: Limits


class BookPosition(msgspec.Struct, frozen=True):
    """A position by market time. mark, market_value, unrealised: None where there was no price."""

    symbol: Symbol
    qty: Decimal
    cost: Decimal
    realised: Decimal
    mark: Decimal | None = None
    market_value: Decimal | None = None
    unrealised: Decimal | None = None


class Books(msgspec.Struct, frozen=True):
    """Money and positions at a market time, `at`, as known at a position of the journal.

    balances: by ledger, gains and deposits with a minus sign as in the ledger; realised, unrealised: gains
    before fees. market_value, unrealised, equity: None unless every position had a price.
    """

    at: int
    position: int
    cash: Decimal
    balances: dict[str, Decimal]
    positions: list[BookPosition]
    realised: Decimal
    unrealised: Decimal | None
    market_value: Decimal | None
    equity: Decimal | None


def position_at(connection: Connection, recorded_at: int) -> int:
    """The last position recorded at or before a moment, 0 before the first; found by halving, as positions
    are recorded in the order of time.
    """
    low, high = archived_until(connection), last_position(connection)
    for archive in reversed(all_archives(connection)):
        if archive.first_recorded_at <= recorded_at < archive.last_recorded_at:
            places = archive.scan().filter(pl.col("recorded_at") <= recorded_at).select("position").max()
            return int(places.collect().item())
        if recorded_at < archive.first_recorded_at:
            low = high = archive.first - 1
    query = sa.select(events.c.recorded_at).where(events.c.position == sa.bindparam("position"))
    while low < high:
        middle = (low + high + 1) // 2
        if connection.execute(query, {"position": middle}).scalar_one() <= recorded_at:
            low = middle
        else:
            high = middle - 1
    return low


def _place(connection: Connection, position: int | None, recorded_at: int | None) -> int:
    """The position that is meant; the newest where none is. Errors: InvalidValue for both at once."""
    if position is not None and recorded_at is not None:
        raise InvalidValue("position", "a position or a time of recording, not both", position)
    if recorded_at is not None:
        return position_at(connection, recorded_at)
    newest = last_position(connection)
    if position is not None and not 0 <= position <= newest:
        raise InvalidValue("position", f"a position of the journal, up to {newest}", position)
    return newest if position is None else position


def entries_until(connection: Connection, account_id: UUID, position: int) -> Iterator[Recorded]:
    """The events of an account up to a position, in order, read in pages."""
    after, stream = 0, account_stream(account_id)
    while page := read(connection, after=after, limit=PAGE, stream=stream):
        for entry in page:
            if entry.position > position:
                return
            yield entry
        after = page[-1].position


def state_at(
    connection: Connection, account_id: UUID, *, position: int | None = None, recorded_at: int | None = None
) -> AccountState:
    """The account as recorded up to a position or a time, its open orders and positions with it.

    Errors: NotFound where it was not open by then; InvalidValue.
    """
    place = _place(connection, position, recorded_at)
    last, account = folded(connection, account_id, place)
    if last is None:
        raise NotFound("No such account at that time.")
    return AccountState(
        position=place,
        recorded_at=last.recorded_at,
        version=last.version,
        account=account,
        rules=rules_at(connection, place),
        limits=account.limits or NO_LIMITS,
    )


def rules_at(connection: Connection, position: int) -> Rules:
    """The platform's rules as recorded up to a position."""
    c = events.c
    query = sa.select(c.position).where(c.stream == RULES_STREAM, c.position <= position)
    last = connection.execute(query.order_by(c.position.desc()).limit(1)).scalar()
    if last is None:
        wanted = Wanted(before=position + 1, streams=[RULES_STREAM])
        for row in archived(connection, wanted, limit=1, newest_first=True):
            last = row.position
    if last is None:
        return Rules()
    (entry,) = read(connection, after=last - 1, limit=1, stream=RULES_STREAM)
    assert isinstance(entry.event, RulesChanged)  # the only events of that stream
    return msgspec.convert(entry.event.rules, Rules, strict=False)


def orders_at(
    connection: Connection,
    account_id: UUID,
    *,
    position: int | None = None,
    recorded_at: int | None = None,
    wanted: OrderFilter = _ANY,
    before: int | None = None,
    limit: int = 100,
) -> list[OrderView]:
    """Orders as recorded up to a position or a time, newest first, made by what makes the table's rows.

    before: only those placed before this event version. Errors: InvalidValue.
    """
    place = _place(connection, position, recorded_at)
    rows = OrderRows()
    for entry in entries_until(connection, account_id, place):
        rows.take(entry.event, account_id, entry.version, entry.meta.actor)
    groups: dict[UUID, list[Row]] = {}
    for row in rows.new.values() if wanted.nested else ():
        if "group_id" in row:
            groups.setdefault(row["group_id"], []).append(row)
    found: list[OrderView] = []
    in_turn = list(rows.new.values())
    for row in in_turn if wanted.oldest_first else reversed(in_turn):
        order = _view(row)
        if wanted.nested and order.is_leg:
            continue
        if order.group_id in groups:
            (order,) = nest([order], [_view(member) for member in groups[order.group_id]])
        if _is_wanted(order, wanted, before):
            found.append(order)
            if len(found) == limit:
                break
    return found


def _view(row: Row) -> OrderView:
    return order_view(SimpleNamespace(**_NO_ORDER | row))


def _is_wanted(order: OrderView, wanted: OrderFilter, before: int | None) -> bool:
    """As the query on the table has it."""
    is_open = order.status in OPEN or any(leg.status in OPEN for leg in order.legs)
    status = {"all": True, "open": is_open, "closed": not is_open}.get(
        wanted.status, order.status == wanted.status
    )
    place = before is None or (order.version > before if wanted.oldest_first else order.version < before)
    return (
        status
        and place
        and (not wanted.symbols or order.symbol in wanted.symbols)
        and (wanted.side is None or order.side == wanted.side)
        and (wanted.after is None or order.placed_at > wanted.after)
        and (wanted.until is None or order.placed_at < wanted.until)
        and (not wanted.ids or order.id in wanted.ids)
    )


def books_at(
    connection: Connection,
    account_id: UUID,
    *,
    at: int,
    position: int | None = None,
    recorded_at: int | None = None,
    market: SessionMarket | None = None,
) -> Books:
    """Cash, positions and gains at a market time, as known at a position or a time of recording.

    market: of the account's session, at any step, for the prices of that time. Shares are those of that time;
    an execution that came to light after a split counts in the shares it was reported in. Errors: NotFound
    where nothing was known of the account by then; InvalidValue.
    """
    place = _place(connection, position, recorded_at)
    balances: dict[str, Decimal] = dict.fromkeys(LEDGERS, NOTHING)
    moved: dict[Symbol, _Moved] = {}
    account, known = Account(account_id), False
    for entry in entries_until(connection, account_id, place):
        event = entry.event
        assert isinstance(event, MarketEvent)  # as all events of an account
        counts = event.at <= at
        known = known or (counts and isinstance(event, AccountOpened))
        before = _touched(account, event)
        apply(account, event)
        if not counts:
            continue
        for posting in postings(event):
            balances[posting.ledger] += posting.amount
        for symbol, then in before.items():
            moved.setdefault(symbol, _Moved()).add(then, _holding(account, symbol))
    if not known:
        raise NotFound("No such account at that time.")
    return _books(at, place, balances, moved, None if market is None else market.at_time(at))


class _Moved:
    """Sum of what some events changed of a position."""

    def __init__(self) -> None:
        self.qty = self.cost = self.realised = NOTHING

    def add(self, before: tuple[Decimal, ...], after: tuple[Decimal, ...]) -> None:
        self.qty += after[0] - before[0]
        self.cost += after[1] - before[1]
        self.realised += after[2] - before[2]


def _touched(account: Account, event: MarketEvent) -> dict[Symbol, tuple[Decimal, ...]]:
    """The holdings that an event may change, before it does."""
    if getattr(event, "position_qty", None) is None:
        return {}
    symbols = getattr(event, "symbol", None), getattr(event, "new_symbol", None)
    return {symbol: _holding(account, symbol) for symbol in symbols if symbol is not None}


def _holding(account: Account, symbol: Symbol) -> tuple[Decimal, ...]:
    position = account.positions.get(symbol)
    return (NOTHING,) * 3 if position is None else (position.qty, position.cost, position.realised)


def _books(
    at: int,
    place: int,
    balances: dict[str, Decimal],
    moved: dict[Symbol, _Moved],
    market: SessionMarket | None,
) -> Books:
    positions = [
        _valued(symbol, held, market)
        for symbol, held in sorted(moved.items())
        if held.qty or held.cost or held.realised
    ]
    priced = all(position.mark is not None for position in positions if position.qty)
    values = [position.market_value or NOTHING for position in positions]
    gains = [position.unrealised or NOTHING for position in positions]
    value = sum(values, NOTHING) if priced else None
    return Books(
        at=at,
        position=place,
        cash=balances["cash"],
        balances=balances,
        positions=positions,
        realised=-balances["realised"],
        unrealised=sum(gains, NOTHING) if priced else None,
        market_value=value,
        equity=None if value is None else balances["cash"] + value,
    )


def _valued(symbol: Symbol, held: _Moved, market: SessionMarket | None) -> BookPosition:
    mark = market.mark(symbol) if market is not None and held.qty else None
    if mark is None:
        return BookPosition(symbol, held.qty, held.cost, held.realised)
    value = rounding.market_value(held.qty, mark.price)
    return BookPosition(symbol, held.qty, held.cost, held.realised, mark.price, value, value - held.cost)
