"""Value accounts at their session's marks, exactly: equity = cash + the positions' market values, those of
shares sold short below zero.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from traderbot.engine import exposure
from traderbot.engine.exposure import Unmarked
from traderbot.engine.market import Mark
from traderbot.model import rounding
from traderbot.model.account import Account, AccountKind, LotMethod, Position, Valued
from traderbot.model.amounts import Money, Price
from traderbot.model.errors import NotFound
from traderbot.model.orders import OrderStatus, Side
from traderbot.model.rules import Limits, Rules
from traderbot.model.symbols import Symbol
from traderbot.trading import tables as t
from traderbot.trading.accounts import account_of
from traderbot.trading.halts import rules_in_force
from traderbot.trading.repository import active_orders_of
from traderbot.trading.session_market import SessionMarket

_ZERO = Decimal(0)


class Holding(msgspec.Struct, frozen=True):
    """A position at its mark; qty, cost_basis and market_value are negative for shares sold short.

    available: shares that no open order has set aside. day_change: of its value since the close before, USD;
    None without a close before.
    """

    symbol: str
    qty: Decimal
    avg_entry_price: Price
    cost_basis: Decimal
    mark: Price
    market_value: Money
    unrealised_pnl: Money
    realised_pnl: Decimal
    day_change: Money | None
    side: str = "long"
    available: Decimal = _ZERO


class ClosedPosition(msgspec.Struct, frozen=True):
    """A symbol that was traded and of which nothing is held. closed_at: when its last lot was closed."""

    symbol: str
    realised_pnl: Decimal
    closed_at: int | None


class MarginState(msgspec.Struct, frozen=True):
    """What a margin account must keep and what it may still do. call: what is missing, None where nothing is.

    requirement: initial margin of its positions; excess: equity that neither they nor open orders need.
    """

    requirement: Money
    maintenance: Money
    excess: Money
    call: Money | None


class Portfolio(msgspec.Struct, frozen=True):
    """An account as a whole. realised_pnl: gross of fees; total_return: (equity - deposits) / deposits as a
    fraction.

    as_of: market time of the marks, microseconds. day_change: of the holdings' value since the close
    before. interest, borrow: paid so far. margin, buying_power, withdrawable: None where a holding has no
    price; margin also for a cash account. valued: what losses are measured from.
    """

    account_id: UUID
    currency: str
    cash: Decimal
    held: Decimal
    available: Decimal
    market_value: Decimal
    equity: Decimal
    starting_cash: Decimal
    realised_pnl: Decimal
    unrealised_pnl: Decimal
    day_change: Decimal
    fees: Decimal
    dividends: Decimal
    total_return: Decimal
    halted: str | None
    as_of: int
    holdings: list[Holding]
    name: str
    kind: AccountKind
    broker: str
    lot_method: LotMethod
    session_id: UUID | None
    long_value: Decimal
    short_value: Decimal
    interest: Decimal
    borrow: Decimal
    overdraft: Decimal
    margin: MarginState | None
    buying_power: Money | None
    withdrawable: Money | None
    halted_symbols: dict[Symbol, str]
    limits: Limits | None
    valued: Valued | None


class EquityPoint(msgspec.Struct, frozen=True):
    """Equity and cash at a session's close; time in microseconds, step of the session."""

    time: int
    equity: Decimal
    cash: Decimal
    step: int


def portfolio_of(
    connection: Connection, account_id: UUID, market: SessionMarket, for_update: bool = False
) -> Portfolio:
    """The account at its session's marks. market: of that session, at any step.

    for_update: keep others from changing it until the transaction ends, where the database can. Errors:
    NotFound.
    """
    for found, step in _accounts(connection, t.accounts.c.id == account_id, for_update):
        return _portfolio(connection, found, _at_step(market, step), rules_in_force(connection))
    raise NotFound("No such account.")


def portfolios_of(
    connection: Connection, user_id: UUID, market_of: Callable[[UUID], SessionMarket | None]
) -> list[Portfolio]:
    """All accounts of a user whose session has a market here, in the order they were opened. market_of: the
    market of a session, None where it does not run.
    """
    rules = rules_in_force(connection)
    found = []
    for account, step in list(_accounts(connection, t.accounts.c.user_id == user_id)):
        assert account.session_id is not None  # of every account on record
        market = market_of(account.session_id)
        if market is not None:
            found.append(_portfolio(connection, account, _at_step(market, step), rules))
    return found


def _accounts(
    connection: Connection, which: sa.ColumnElement[bool], for_update: bool = False
) -> Iterator[tuple[Account, int | None]]:
    """Accounts with their positions, without lots and orders, and the step their session stands at: all of
    one statement, so that shares after a split never meet a price from before it.
    """
    a, p, m = t.accounts.c, t.positions.c, t.market_sessions.c
    held = [p.symbol.label("of"), p.qty.label("shares"), p.cost.label("paid"), p.realised.label("gain")]
    source = t.accounts.outerjoin(t.positions, p.account_id == a.id)
    source = source.outerjoin(t.market_sessions, m.id == a.session_id)
    query = sa.select(t.accounts, *held, m.step).select_from(source).where(which).order_by(a.id, p.symbol)
    if for_update:
        query = query.with_for_update(of=t.accounts)
    for _, group in groupby(connection.execute(query), key=lambda row: row.id):
        yield _with_positions(list(group))


def _with_positions(rows: list[Row[Any]]) -> tuple[Account, int | None]:
    account = account_of(rows[0])
    for row in rows:
        if row.of is not None:
            account.positions[row.of] = Position(row.of, row.shares, row.paid, row.gain)
    return account, rows[0].step


def _at_step(market: SessionMarket, step: int | None) -> SessionMarket:
    """The market at the step that was committed with the account."""
    return market if step is None else market.at(step)


def _portfolio(connection: Connection, account: Account, market: SessionMarket, rules: Rules) -> Portfolio:
    holdings = _holdings(connection, account, market)
    values = [held.market_value for held in holdings]
    equity = account.cash + sum(values, _ZERO)
    balances = account.balances
    deposits = -balances["external"]
    return Portfolio(
        account_id=account.id,
        currency=account.currency,
        cash=account.cash,
        held=account.held,
        available=account.available,
        market_value=sum(values, _ZERO),
        equity=equity,
        starting_cash=deposits,
        realised_pnl=-balances["realised"],
        unrealised_pnl=sum((held.unrealised_pnl for held in holdings), _ZERO),
        day_change=sum((held.day_change or _ZERO for held in holdings), _ZERO),
        fees=balances["fees"],
        dividends=-balances["dividends"],
        total_return=rounding.ratio(equity - deposits, deposits),
        halted=account.halted,
        as_of=market.time,
        holdings=holdings,
        name=account.name,
        kind=account.kind,
        broker=account.broker,
        lot_method=account.lot_method,
        session_id=account.session_id,
        long_value=sum((value for value in values if value > 0), _ZERO),
        short_value=sum((value for value in values if value < 0), _ZERO),
        interest=balances["interest"],
        borrow=balances["borrow"],
        overdraft=account.overdraft,
        halted_symbols=account.halted_symbols,
        limits=account.limits,
        valued=account.valued,
        **_powers(account, market, rules),
    )


def _powers(account: Account, market: SessionMarket, rules: Rules) -> dict[str, Any]:
    """What the account may still do, None where a holding has no price."""
    try:
        margin = None
        if account.kind is AccountKind.MARGIN:
            worth = exposure.worth(account, market)
            margin = MarginState(
                requirement=rounding.worst_money(exposure.requirement(worth, rules)),
                maintenance=rounding.worst_money(exposure.maintenance(worth, rules)),
                excess=rounding.spare_money(exposure.excess(account, worth, rules)),
                call=account.margin_call,
            )
        return {
            "margin": margin,
            "buying_power": exposure.buying_power(account, market, rules),
            "withdrawable": exposure.withdrawable(account, market, rules),
        }
    except Unmarked:
        return {"margin": None, "buying_power": None, "withdrawable": None}


def holdings_of(
    connection: Connection, account_id: UUID, market: SessionMarket, symbol: Symbol | None = None
) -> list[Holding]:
    """The positions that are not flat, by symbol; only the one of `symbol` where named."""
    for account, step in _accounts(connection, t.accounts.c.id == account_id):
        return _holdings(connection, account, _at_step(market, step), symbol)
    return []


def _holdings(
    connection: Connection, account: Account, market: SessionMarket, symbol: Symbol | None = None
) -> list[Holding]:
    held = [
        (position, mark)
        for name, position in account.positions.items()
        if position.qty and symbol in (None, name) and (mark := market.mark(name)) is not None
    ]
    aside = _set_aside(connection, account.id) if held else {}
    return [_holding(position, mark, market, aside) for position, mark in held]


def _set_aside(connection: Connection, account_id: UUID) -> dict[tuple[Symbol, bool], Decimal]:
    """Shares that open orders are to close, by symbol and whether they sell."""
    aside: dict[tuple[Symbol, bool], Decimal] = {}
    for order in active_orders_of(connection, account_id):
        if order.reserves and order.status is not OrderStatus.HELD:
            key = order.symbol, order.side is Side.SELL
            aside[key] = aside.get(key, _ZERO) + order.remaining
    return aside


def _holding(
    position: Position, mark: Mark, market: SessionMarket, aside: dict[tuple[Symbol, bool], Decimal]
) -> Holding:
    qty = position.qty
    value = rounding.market_value(qty, mark.price)
    before = market.close_before(position.symbol)
    free = max(_ZERO, abs(qty) - aside.get((position.symbol, qty > 0), _ZERO))
    return Holding(
        symbol=position.symbol,
        qty=qty,
        avg_entry_price=rounding.average_price(position.cost, qty),
        cost_basis=position.cost,
        mark=mark.price,
        market_value=value,
        unrealised_pnl=Money(value - position.cost),
        realised_pnl=position.realised,
        day_change=None if before is None else Money(value - rounding.market_value(qty, before)),
        side="long" if qty > 0 else "short",
        available=free if qty > 0 else -free,
    )


def closed_positions(
    connection: Connection, account_id: UUID, *, after: str = "", limit: int = 100
) -> list[ClosedPosition]:
    """Symbols that were traded and are flat, by name, from the one behind `after` on."""
    p, lots = t.positions.c, t.lots.c
    last = sa.select(lots.symbol, sa.func.max(lots.closed_at).label("closed_at"))
    ends = last.where(lots.account_id == account_id).group_by(lots.symbol).subquery()
    query = (
        sa.select(p.symbol, p.realised, ends.c.closed_at)
        .select_from(t.positions.outerjoin(ends, ends.c.symbol == p.symbol))
        .where(p.account_id == account_id, p.qty == _ZERO, p.symbol > after)
    )
    rows = connection.execute(query.order_by(p.symbol).limit(limit))
    return [ClosedPosition(row.symbol, row.realised, row.closed_at) for row in rows]


def equity_history(
    connection: Connection,
    account_id: UUID,
    limit: int = 2000,
    *,
    begin: int | None = None,
    end: int | None = None,
    before: int | None = None,
) -> list[EquityPoint]:
    """The last valuations of an account, oldest first. begin, end: market times, both included; before: only
    those below this step.
    """
    values = t.valuations.c
    query = sa.select(values.at, values.equity, values.cash, values.step)
    query = query.where(values.account_id == account_id)
    if begin is not None:
        query = query.where(values.at >= begin)
    if end is not None:
        query = query.where(values.at <= end)
    if before is not None:
        query = query.where(values.step < before)
    rows = connection.execute(query.order_by(values.step.desc()).limit(limit)).all()
    return [EquityPoint(row.at, row.equity, row.cash, row.step) for row in reversed(rows)]
