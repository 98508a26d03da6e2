"""Value an account at its session's marks, exactly: equity = cash + the positions' market values."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.engine.market import Mark
from traderbot.model import rounding
from traderbot.model.amounts import Money, Price
from traderbot.model.errors import NotFound
from traderbot.model.symbols import Symbol
from traderbot.trading import tables as t
from traderbot.trading.session_market import SessionMarket

_ZERO = Decimal(0)


class Holding(msgspec.Struct, frozen=True):
    """A position at its mark. day_change: of its value since the close before, USD; None without a close
    before.
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


class Portfolio(msgspec.Struct, frozen=True):
    """An account as a whole. realised_pnl: gross of fees; total_return: (equity - deposits) / deposits as a
    fraction.

    as_of: market time of the marks, microseconds. day_change: of the holdings' value since the close
    before.
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


class EquityPoint(msgspec.Struct, frozen=True):
    """Equity and cash at a session's close; time in microseconds."""

    time: int
    equity: Decimal
    cash: Decimal


def portfolio_of(connection: Connection, account_id: UUID, market: SessionMarket) -> Portfolio:
    """The account at its session's marks. market: of that session, at any step. Errors: NotFound."""
    account = connection.execute(sa.select(t.accounts).where(t.accounts.c.id == account_id)).first()
    if account is None:
        raise NotFound("No such account.")
    market = _as_committed(connection, account.session_id, market)
    holdings = _holdings(connection, account_id, market, None)
    value: Decimal = sum((held.market_value for held in holdings), _ZERO)
    equity = account.cash + value
    deposits = -account.external
    return Portfolio(
        account_id=account_id,
        currency=account.currency,
        cash=account.cash,
        held=account.held,
        available=account.cash - account.held,
        market_value=value,
        equity=equity,
        starting_cash=deposits,
        realised_pnl=-account.realised,
        unrealised_pnl=sum((held.unrealised_pnl for held in holdings), _ZERO),
        day_change=sum((held.day_change or _ZERO for held in holdings), _ZERO),
        fees=account.fees,
        dividends=-account.dividends,
        total_return=rounding.ratio(equity - deposits, deposits),
        halted=account.halted,
        as_of=market.time,
        holdings=holdings,
    )


def holdings_of(
    connection: Connection, account_id: UUID, market: SessionMarket, symbol: Symbol | None = None
) -> list[Holding]:
    """The positions that are not flat, by symbol; only the one of `symbol` where named."""
    account = connection.execute(
        sa.select(t.accounts.c.session_id).where(t.accounts.c.id == account_id)
    ).first()
    if account is None:
        return []
    return _holdings(connection, account_id, _as_committed(connection, account.session_id, market), symbol)


def _as_committed(connection: Connection, session_id: UUID, market: SessionMarket) -> SessionMarket:
    """The market at the step that this connection sees: shares after a split times a mark from before it
    would be twice the money.
    """
    query = sa.select(t.market_sessions.c.step).where(t.market_sessions.c.id == session_id)
    step = connection.execute(query).scalar()
    return market if step is None else market.at(step)


def _holdings(
    connection: Connection, account_id: UUID, market: SessionMarket, symbol: Symbol | None
) -> list[Holding]:
    query = sa.select(t.positions).where(t.positions.c.account_id == account_id, t.positions.c.qty != _ZERO)
    if symbol is not None:
        query = query.where(t.positions.c.symbol == symbol)
    rows = connection.execute(query.order_by(t.positions.c.symbol))
    return [_holding(row, mark, market) for row in rows if (mark := market.mark(row.symbol)) is not None]


def _holding(row: Any, mark: Mark, market: SessionMarket) -> Holding:
    value = rounding.market_value(row.qty, mark.price)
    before = market.close_before(row.symbol)
    return Holding(
        symbol=row.symbol,
        qty=row.qty,
        avg_entry_price=rounding.average_price(row.cost, row.qty),
        cost_basis=row.cost,
        mark=mark.price,
        market_value=value,
        unrealised_pnl=Money(value - row.cost),
        realised_pnl=row.realised,
        day_change=None if before is None else Money(value - rounding.market_value(row.qty, before)),
    )


def equity_history(connection: Connection, account_id: UUID, limit: int = 2000) -> list[EquityPoint]:
    """The last valuations of an account, oldest first."""
    values = t.valuations.c
    newest = sa.select(values.at, values.equity, values.cash).where(values.account_id == account_id)
    rows = connection.execute(newest.order_by(values.step.desc()).limit(limit)).all()
    return [EquityPoint(row.at, row.equity, row.cash) for row in reversed(rows)]
