"""What an account's losses are measured from: its equity when the day, the week and the month began.

Periods are those of market time in UTC, an ISO week being Monday to Sunday. A period begins with the equity
of the last close before it; before any close that is what was paid in. Deposits and withdrawals shift it all.
"""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from traderbot.engine.ledger import EXTERNAL
from traderbot.model.account import NOTHING, Account, Valued

_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()
_EPOCH_WEEKDAY = date(1970, 1, 1).weekday()  # days from the Monday before


class Starts(NamedTuple):
    """Equity that a period began with; peak: the highest close so far."""

    day: Decimal
    week: Decimal
    month: Decimal
    peak: Decimal


def day_of(time: int) -> int:
    """Days since 1970 of a market time in microseconds."""
    return time // _DAY


def periods(time: int) -> tuple[int, int, int]:
    """Day, week and month as numbers."""
    day = time // _DAY
    today = date.fromordinal(day + _EPOCH)
    return day, (day + _EPOCH_WEEKDAY) // 7, today.year * 12 + today.month


def paid_in(account: Account) -> Decimal:
    """Deposits less withdrawals."""
    return -account.balances.get(EXTERNAL, NOTHING)


def starts_at(account: Account, time: int) -> Starts:
    """What losses are measured from at a market time."""
    last = account.valued
    if last is None:
        paid = paid_in(account)
        return Starts(paid, paid, paid, paid)
    day, week, month = periods(time)
    return Starts(
        last.day_start if last.day == day else last.close,
        last.week_start if last.week == week else last.close,
        last.month_start if last.month == month else last.close,
        last.peak,
    )


def close(account: Account, time: int, equity: Decimal) -> None:
    """Take note of the equity at a close."""
    starts = starts_at(account, time)
    day, week, month = periods(time)
    account.valued = Valued(
        day=day,
        week=week,
        month=month,
        day_start=starts.day,
        week_start=starts.week,
        month_start=starts.month,
        close=equity,
        peak=max(starts.peak, equity),
    )


def shift(account: Account, amount: Decimal) -> None:
    """Money paid in or taken out is neither gain nor loss."""
    valued = account.valued
    if valued is not None:
        valued.day_start += amount
        valued.week_start += amount
        valued.month_start += amount
        valued.close += amount
        valued.peak += amount
