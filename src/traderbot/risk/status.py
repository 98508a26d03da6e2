"""How much of each of the gate's limits an account uses now, what is left, and how near that is.

Measured as the gate measures: positions with the open orders at their worst, losses from where their period
began. The tighter of the platform's limit and the account's own counts.
"""

from decimal import Decimal
from typing import Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.engine import baselines, exposure
from traderbot.engine.exposure import Stake, Unmarked
from traderbot.engine.limits import active
from traderbot.model import rounding
from traderbot.model.account import Account, AccountKind
from traderbot.model.errors import NotFound
from traderbot.model.orders import Side
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.risk.figures import Colour
from traderbot.trading import tables as t
from traderbot.trading.accounts import load_account
from traderbot.trading.halts import rules_in_force
from traderbot.trading.session_market import SessionMarket

AMBER = Decimal("0.8")
_ZERO = Decimal(0)
_ONE = Decimal(1)
Unit = Literal["usd", "shares", "share of equity", "share lost", "orders", "symbols"]
_LOSSES = {"daily_loss": 0, "weekly_loss": 1, "monthly_loss": 2, "drawdown": 3}


class LimitUse(msgspec.Struct, frozen=True):
    """One limit. limit, used, room: in `unit`; part: used of limit. used is None where it cannot be told, and
    `reason` says why. of: the symbol, sector or order that uses most of it.
    """

    name: str
    unit: Unit
    limit: Decimal
    used: Decimal | None
    room: Decimal | None
    part: Decimal | None
    colour: Colour
    of: str | None = None
    reason: str | None = None


class RiskStatus(msgspec.Struct, frozen=True):
    """An account's limits at a market time. colour: the worst of them, red also while it is halted.

    halted: why, on the account or the platform; halted_symbols: of either. restricted: symbols that may only
    be reduced.
    """

    as_of: int
    colour: Colour
    halted: str | None
    halted_symbols: dict[Symbol, str]
    restricted: list[Symbol]
    no_shorting: bool
    rules_version: int
    limits: list[LimitUse]


def status_of(connection: Connection, account_id: object, market: SessionMarket) -> RiskStatus:
    """The status of an account at the step that was committed with it. Errors: NotFound."""
    account = load_account(connection, account_id)  # type: ignore[arg-type]
    if account is None:
        raise NotFound("No such account.")
    of_session = t.market_sessions.c.id == account.session_id
    step = connection.execute(sa.select(t.market_sessions.c.step).where(of_session)).scalar()
    return status(account, market if step is None else market.at(step), rules_in_force(connection))


def status(account: Account, market: SessionMarket, rules: Rules) -> RiskStatus:
    """As `status_of`, of an account in memory."""
    found = [_order_value(account, market, rules.max_order_value, "max_order_value")]
    restricted: list[Symbol] = []
    no_shorting = False
    for each in active(rules.limits, account.limits):
        name, limit = each.check.field, each.limit
        if name == "restricted":
            restricted = sorted(limit)
        elif name == "no_shorting":
            no_shorting = True
        else:
            found.append(_use(account, market, rules, name, Decimal(limit)))
    if account.kind is AccountKind.MARGIN:
        found.append(_margin(account, market, rules))
    halted = account.halted or rules.halted
    symbols = dict.fromkeys(sorted(rules.halted_symbols), "halted on the platform") | account.halted_symbols
    colours = {one.colour for one in found} | ({"red"} if halted else set())
    worst: Colour = "red" if "red" in colours else "amber" if "amber" in colours else "green"
    return RiskStatus(market.time, worst, halted, symbols, restricted, no_shorting, rules.version, found)


def _use(account: Account, market: SessionMarket, rules: Rules, name: str, limit: Decimal) -> LimitUse:
    try:
        if name in _LOSSES:
            return _lost(account, market, name, limit)
        if name == "order_value":
            return _order_value(account, market, limit, name)
        if name == "order_qty":
            open_orders = [(order.remaining, str(order.id)) for order in exposure.working(account)]
            return _made(name, "shares", limit, *max(open_orders, default=(_ZERO, None)))
        if name in ("orders_per_second", "orders_per_day"):
            return _made(name, "orders", limit, Decimal(_orders(account, market.time, name)), None)
        return _exposed(account, market, rules, name, limit)
    except Unmarked as error:
        unit: Unit = "usd" if name == "position_value" else "share of equity"
        return LimitUse(
            name, unit, limit, None, None, None, "red", error.symbol, f"{error.symbol} has no price"
        )


def _orders(account: Account, time: int, name: str) -> int:
    second = time // 1_000_000
    if name == "orders_per_second":
        return account.orders_that_second if account.second == second else 0
    return account.orders_that_day if account.second // 86_400 == second // 86_400 else 0


def _order_value(account: Account, market: SessionMarket, limit: Decimal, name: str) -> LimitUse:
    """The largest open order."""
    found: tuple[Decimal, str | None] = (_ZERO, None)
    for order in exposure.working(account):
        mark = market.mark(order.symbol)
        if mark is not None:
            worth = order.remaining * exposure.order_price(order, mark.price)
            found = max(found, (worth, str(order.id)), key=lambda one: one[0])
    return _made(name, "usd", limit, rounding.cents(found[0]), found[1])


def _lost(account: Account, market: SessionMarket, name: str, limit: Decimal) -> LimitUse:
    equity = exposure.worth(account, market).equity
    start = baselines.starts_at(account, market.time)[_LOSSES[name]]
    if start <= 0:
        return LimitUse(
            name, "share lost", limit, None, None, None, "green", None, "the period began without equity"
        )
    return _made(name, "share lost", limit, max(_ZERO, rounding.ratio(start - equity, start)), None)


def _exposed(account: Account, market: SessionMarket, rules: Rules, name: str, limit: Decimal) -> LimitUse:
    stakes = _stakes(account, market)
    if name == "position_qty":
        return _made(name, "shares", limit, *_largest({one: stake.qty for one, stake in stakes.items()}))
    values = {str(one): stake.value for one, stake in stakes.items()}
    if name == "position_value":
        most, of = _largest(values)
        return _made(name, "usd", limit, rounding.cents(most), of)
    equity = exposure.worth(account, market).equity
    if name == "sector":
        sectors: dict[str, Decimal] = {}
        for symbol, value in values.items():
            sector = rules.sectors.get(Symbol(symbol), symbol)
            sectors[sector] = sectors.get(sector, _ZERO) + value
        values = sectors
    of = None
    if name in ("concentration", "sector"):
        amount, of = _largest(values)
    elif name == "gross":
        amount = sum(values.values(), _ZERO)
    else:
        long = sum((stake.long_value for stake in stakes.values()), _ZERO)
        short = sum((stake.short_value for stake in stakes.values()), _ZERO)
        amount = max(long, -short, _ZERO)
    if equity <= 0:
        return _unknown(name, "share of equity", limit, "red", of, "there is no equity")
    return _made(name, "share of equity", limit, rounding.ratio(amount, equity), of)


def _stakes(account: Account, market: SessionMarket) -> dict[Symbol, Stake]:
    """What the gate sees of every symbol. Errors: Unmarked."""
    touched = [name for name, position in account.positions.items() if position.qty]
    touched += [order.symbol for order in exposure.working(account)]
    if not touched:
        return {}
    return exposure.stakes(account, market, Side.BUY, touched[0], _ZERO, _ZERO)


def _margin(account: Account, market: SessionMarket, rules: Rules) -> LimitUse:
    """The part of the equity that must be kept as maintenance margin; all of it is a margin call."""
    name = "maintenance_margin"
    try:
        at = exposure.worth(account, market)
    except Unmarked as error:
        return _unknown(name, "share of equity", _ONE, "red", error.symbol, f"{error.symbol} has no price")
    needed = exposure.maintenance(at, rules)
    if at.equity <= 0:
        return _unknown(
            name, "share of equity", _ONE, "red" if needed else "green", None, "there is no equity"
        )
    return _made(name, "share of equity", _ONE, rounding.ratio(needed, at.equity), None)


def _unknown(name: str, unit: Unit, limit: Decimal, colour: Colour, of: str | None, why: str) -> LimitUse:
    return LimitUse(name, unit, limit, None, None, None, colour, of, why)


def _largest(values: dict[Symbol, Decimal] | dict[str, Decimal]) -> tuple[Decimal, str | None]:
    if not values:
        return _ZERO, None
    of, most = max(values.items(), key=lambda one: one[1])
    return most, str(of)


def _made(name: str, unit: Unit, limit: Decimal, used: Decimal, of: str | None) -> LimitUse:
    part = rounding.ratio(used, limit) if limit > 0 else (_ONE if used >= limit else _ZERO)
    colour: Colour = "red" if used >= limit and used > 0 else "amber" if part >= AMBER else "green"
    return LimitUse(name, unit, limit, used, max(_ZERO, limit - used), part, colour, of)
