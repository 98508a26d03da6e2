"""The gate's checks of limits: the platform's and the account's own, the tighter of both.

A limit that is not set costs nothing: which checks there are to make is worked out once for every pair of
limits.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from traderbot.engine.case import Case
from traderbot.engine.losses import reached
from traderbot.model import rounding
from traderbot.model.account import NOTHING
from traderbot.model.reasons import Reason
from traderbot.model.rules import Limits

_SECOND = 1_000_000
_SECONDS_A_DAY = 86_400


class LimitCheck(NamedTuple):
    """One check of one limit; field: the limit's name. always: made even of an order that only reduces."""

    name: str
    field: str
    reason: Reason
    fails: Callable[[Case, Any], bool]
    says: Callable[[Case, Any], str]
    always: bool = False


class Active(NamedTuple):
    """A check to make, with the limit in force."""

    check: LimitCheck
    limit: Any

    def fails(self, case: Case) -> bool:
        check = self.check
        return (check.always or bool(case.opens)) and check.fails(case, self.limit)

    def says(self, case: Case) -> str:
        return self.check.says(case, self.limit)


def _orders_this_second(case: Case) -> int:
    account = case.account
    return account.orders_that_second if account.second == case.market.time // _SECOND else 0


def _orders_today(case: Case) -> int:
    account = case.account
    same = account.second // _SECONDS_A_DAY == case.market.time // _SECOND // _SECONDS_A_DAY
    return account.orders_that_day if same else 0


def _shorts(case: Case, limit: bool) -> bool:
    return not case.buying


def _say_loss(case: Case, start: Decimal, limit: Decimal) -> str:
    equity = case.worth.equity
    return f"(equity {rounding.cents(equity)} of {rounding.cents(start)}, limit {limit:%})"


def _sector(case: Case) -> tuple[str, Decimal]:
    """The sector of the order's symbol, and what is at stake in it; one without a sector is its own."""
    sectors, symbol = case.rules.sectors, case.order.symbol
    sector = sectors.get(symbol)
    if sector is None:
        return symbol, case.stake.value
    inside = [stake.value for name, stake in case.stakes.items() if sectors.get(name) == sector]
    return sector, sum(inside, NOTHING)


def gross(case: Case) -> Decimal:
    """All symbols at their worst."""
    return sum((stake.value for stake in case.stakes.values()), NOTHING)


def net(case: Case) -> Decimal:
    """Long less short with the open orders of the new order's side filled; negative when more is short."""
    if case.buying:
        return sum((stake.long_value for stake in case.stakes.values()), NOTHING)
    return sum((stake.short_value for stake in case.stakes.values()), NOTHING)


def _net_over(case: Case, limit: Decimal) -> bool:
    exposed = net(case) if case.buying else -net(case)
    return exposed > limit * case.worth.equity


def _over(case: Case, value: Decimal, limit: Decimal) -> bool:
    """Whether a value is more than so many times the equity; always, where there is no equity."""
    equity = case.worth.equity
    return equity <= 0 or value > limit * equity


def _say_over(case: Case, value: Decimal, limit: Decimal) -> str:
    equity = rounding.cents(case.worth.equity)
    return f"(worth {rounding.cents(value)} at worst, equity {equity}, limit {limit:%})"


CHECKS = (
    LimitCheck(
        "account_order_value",
        "order_value",
        Reason.ORDER_VALUE_LIMIT,
        lambda case, limit: case.value > limit,
        lambda case, limit: f"(value {case.value:f}, limit {limit:f})",
        always=True,
    ),
    LimitCheck(
        "order_qty",
        "order_qty",
        Reason.ORDER_QTY_LIMIT,
        lambda case, limit: case.qty > limit,
        lambda case, limit: f"(qty {case.qty:f}, limit {limit:f})",
        always=True,
    ),
    LimitCheck(
        "restricted_symbol",
        "restricted",
        Reason.RESTRICTED_SYMBOL,
        lambda case, limit: case.order.symbol in limit,
        lambda case, limit: f"({case.order.symbol})",
    ),
    LimitCheck(
        "shorting",
        "no_shorting",
        Reason.SHORTING_NOT_ALLOWED,
        _shorts,
        lambda case, limit: "" if case.buying else f"(asked {case.qty:f}, free {case.free:f})",
    ),
    LimitCheck(
        "order_rate",
        "orders_per_second",
        Reason.ORDER_RATE_LIMIT,
        lambda case, limit: _orders_this_second(case) >= limit,
        lambda case, limit: f"({_orders_this_second(case)} in this second, limit {limit})",
        always=True,
    ),
    LimitCheck(
        "daily_orders",
        "orders_per_day",
        Reason.DAILY_ORDER_LIMIT,
        lambda case, limit: _orders_today(case) >= limit,
        lambda case, limit: f"({_orders_today(case)} today, limit {limit})",
        always=True,
    ),
    LimitCheck(
        "daily_loss",
        "daily_loss",
        Reason.DAILY_LOSS_LIMIT,
        lambda case, limit: reached(case.starts.day, case.worth.equity, limit),
        lambda case, limit: _say_loss(case, case.starts.day, limit),
    ),
    LimitCheck(
        "weekly_loss",
        "weekly_loss",
        Reason.WEEKLY_LOSS_LIMIT,
        lambda case, limit: reached(case.starts.week, case.worth.equity, limit),
        lambda case, limit: _say_loss(case, case.starts.week, limit),
    ),
    LimitCheck(
        "monthly_loss",
        "monthly_loss",
        Reason.MONTHLY_LOSS_LIMIT,
        lambda case, limit: reached(case.starts.month, case.worth.equity, limit),
        lambda case, limit: _say_loss(case, case.starts.month, limit),
    ),
    LimitCheck(
        "drawdown",
        "drawdown",
        Reason.DRAWDOWN_LIMIT,
        lambda case, limit: reached(case.starts.peak, case.worth.equity, limit),
        lambda case, limit: _say_loss(case, case.starts.peak, limit),
    ),
    LimitCheck(
        "position_qty",
        "position_qty",
        Reason.POSITION_LIMIT,
        lambda case, limit: case.stake.qty > limit,
        lambda case, limit: f"({case.stake.qty:f} shares at worst, limit {limit:f})",
    ),
    LimitCheck(
        "position_value",
        "position_value",
        Reason.POSITION_LIMIT,
        lambda case, limit: case.stake.value > limit,
        lambda case, limit: f"(worth {rounding.cents(case.stake.value)} at worst, limit {limit:f})",
    ),
    LimitCheck(
        "concentration",
        "concentration",
        Reason.CONCENTRATION_LIMIT,
        lambda case, limit: _over(case, case.stake.value, limit),
        lambda case, limit: _say_over(case, case.stake.value, limit),
    ),
    LimitCheck(
        "sector",
        "sector",
        Reason.SECTOR_LIMIT,
        lambda case, limit: _over(case, _sector(case)[1], limit),
        lambda case, limit: f"{_sector(case)[0]} {_say_over(case, _sector(case)[1], limit)}",
    ),
    LimitCheck(
        "gross_exposure",
        "gross",
        Reason.GROSS_EXPOSURE_LIMIT,
        lambda case, limit: _over(case, gross(case), limit),
        lambda case, limit: _say_over(case, gross(case), limit),
    ),
    LimitCheck(
        "net_exposure",
        "net",
        Reason.NET_EXPOSURE_LIMIT,
        _net_over,
        lambda case, limit: _say_over(case, net(case), limit),
    ),
)


@lru_cache(maxsize=1024)
def active(platform: Limits, own: Limits | None) -> tuple[Active, ...]:
    """The checks to make, in order."""
    found = []
    for check in CHECKS:
        limit = _tighter(getattr(platform, check.field), None if own is None else getattr(own, check.field))
        if limit is not None and limit is not False and limit != frozenset():
            found.append(Active(check, limit))
    return tuple(found)


def _tighter(one: Any, other: Any) -> Any:
    """The tighter of two settings of a limit: the smaller figure, all symbols of both, either prohibition."""
    if one is None or other is None:
        return one if other is None else other
    if isinstance(one, frozenset | bool):
        return one | other
    return min(one, other)
