"""Losses that have reached their limit at a close: said once a limit and period, so that somebody is told and
the account may be paused.

The gate refuses orders by the same limits at any moment; this is about the closes, which are on record. A
drawdown is news again when there has been a new highest close since, and everything is when the account's own
limits change.
"""

from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from traderbot.engine import baselines
from traderbot.model import events as e
from traderbot.model import rounding
from traderbot.model.account import Account
from traderbot.model.errors import InvariantBroken
from traderbot.model.rules import Limits

DAILY, WEEKLY, MONTHLY, DRAWDOWN = "daily_loss", "weekly_loss", "monthly_loss", "drawdown"
_NAMES = (DAILY, WEEKLY, MONTHLY, DRAWDOWN)
_HALT = " halt"  # what a breach that paused the account is kept under besides
_WHOLE = Decimal(1)


class Limited(NamedTuple):
    """A limit on losses. allowed: the tightest; halting: the tightest of those that pause the account."""

    name: str
    allowed: Decimal
    halting: Decimal | None


@lru_cache(maxsize=1024)
def limited(platform: Limits, own: Limits | None) -> tuple[Limited, ...]:
    """The limits on losses in force; nothing where there are none."""
    both = [limits for limits in (platform, own) if limits is not None]
    found = []
    for name in _NAMES:
        given = [(getattr(limits, name), limits.halt_on_breach) for limits in both]
        allowed = [share for share, _ in given if share is not None]
        halting = [share for share, halts in given if share is not None and halts]
        if allowed:
            found.append(Limited(name, min(allowed), min(halting, default=None)))
    return tuple(found)


def reached(start: Decimal, equity: Decimal, limit: Decimal) -> bool:
    """Whether a loss has reached its limit, a share of what it is measured from."""
    return equity < start and start - equity >= start * limit


def breaches(
    account: Account, at: int, equity: Decimal, limits: tuple[Limited, ...]
) -> tuple[e.RiskLimitBreached, ...]:
    """What this close is the first of its period to have reached."""
    found = []
    day, week, month, peak = baselines.starts_at(account, at)
    starts = {DAILY: day, WEEKLY: week, MONTHLY: month, DRAWDOWN: peak}
    periods = _periods(at)
    for name, allowed, halting in limits:
        start, period = starts[name], periods[name]
        halt = halting is not None and reached(start, equity, halting)
        if halt:
            new = account.breached.get(name + _HALT) != period
        else:
            new = reached(start, equity, allowed) and account.breached.get(name) != period
        if new:
            lost = rounding.ratio(start - equity, start) if start > 0 else _WHOLE
            limit = halting if halt and halting is not None else allowed
            found.append(e.RiskLimitBreached(at, account.id, name, limit, lost, halt))
    return tuple(found)


def _periods(at: int) -> dict[str, int]:
    day, week, month = baselines.periods(at)
    return {DAILY: day, WEEKLY: week, MONTHLY: month, DRAWDOWN: 0}


def breached(account: Account, event: e.RiskLimitBreached) -> None:
    """Take note, so that it is said once."""
    if event.account_id != account.id or event.limit not in _NAMES:
        raise InvariantBroken(f"account {account.id}: no limit {event.limit} of {event.account_id}")
    period = _periods(event.at)[event.limit]
    account.breached[event.limit] = period
    if event.halt:
        account.breached[event.limit + _HALT] = period


def forget_drawdown(account: Account, at: int, equity: Decimal) -> None:
    """A new highest close begins the drawdown anew."""
    if DRAWDOWN in account.breached and equity > baselines.starts_at(account, at).peak:
        account.breached.pop(DRAWDOWN)
        account.breached.pop(DRAWDOWN + _HALT, None)
