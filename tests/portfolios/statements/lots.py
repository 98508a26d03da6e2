"""Books made by hand from what happened to lots of one symbol."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import msgspec
import numpy as np

from portfolios.made import book
from traderbot.engine import ledger
from traderbot.portfolios.track import LEDGERS, Slice, TrackedLot
from traderbot.portfolios.tracks import Book

_DAY = 86_400_000_000
_CLOSE = 21 * 3_600_000_000
_REALISED, _FEES = LEDGERS.index(ledger.REALISED), LEDGERS.index(ledger.FEES)


class Event(NamedTuple):
    """A change of a lot. shares, cost: how they changed; realised, fee: of it, USD."""

    day: str
    lot: int
    shares: str
    cost: str
    realised: str = "0"
    fee: str = "0"
    symbol: str = "XYZ"


def at(day: str) -> int:
    return (date.fromisoformat(day) - date(1970, 1, 1)).days * _DAY + _CLOSE


def book_of_lots(events: Sequence[Event], last: str) -> Book:
    """Closes at each event's day and at the last one; the account is worth nothing it is asked for."""
    days = sorted({one.day for one in events} | {last})
    symbols = sorted({one.symbol for one in events})
    lots = [TrackedLot(0, 0, None, 0)]
    for number in range(1, max(one.lot for one in events) + 1):
        first = next(one for one in events if one.lot == number)
        lots.append(TrackedLot(number, 1 + symbols.index(first.symbol), None, at(first.day)))
    changes = [
        (days.index(one.day), at(one.day), one.lot, _whole(one.shares, 9), _whole(one.cost, 6))
        for one in events
    ]
    entries = [
        (days.index(one.day), at(one.day), one.lot, name, amount)
        for one in events
        for name, amount in ((_REALISED, _whole(one.realised, 6)), (_FEES, -_whole(one.fee, 6)))
        if amount
    ]
    plain = book([1.0] * len(days), {})
    names = ("close", "time", "lot", "shares", "cost")
    columns = _columns("change", names, changes) | _columns(
        "entry", ("close", "time", "lot", "ledger", "amount"), entries
    )
    return msgspec.structs.replace(
        plain,
        opened_at=at(days[0]),
        times=np.array([at(day) for day in days], dtype=np.int64),
        lot_slice=np.array([lot.slice for lot in lots], dtype=np.int64),
        slices=(Slice("", ""), *(Slice(symbol, "manual") for symbol in symbols)),
        lots=tuple(lots),
        **columns,
    )


def _whole(amount: str, places: int) -> int:
    return int(Decimal(amount).scaleb(places))


def _columns(group: str, names: Sequence[str], rows: Sequence[Sequence[int]]) -> dict[str, object]:
    return {
        f"{group}_{name}": np.array([row[place] for row in rows], dtype=np.int64)
        for place, name in enumerate(names)
    }
