"""Where an account's money is at a moment, by position, sector or strategy, and what each part has cost.

By what had happened by a market time, as it is known now: a late execution counts from when it happened.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import numpy as np

from traderbot.model import rounding
from traderbot.model.account import CURRENCY
from traderbot.model.amounts import Price
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol
from traderbot.portfolios.dimensions import CASH, By, name_of
from traderbot.portfolios.spans import money
from traderbot.portfolios.track import LEDGERS, millionths, parts_of
from traderbot.portfolios.tracks import Book, Whole

MarkOf = Callable[[Symbol], Price | None]

_NOTHING = Decimal(0)


class Share(msgspec.Struct, frozen=True):
    """A part of the account. market_value, long_value, short_value (below zero), unrealised, weight (of
    equity): None where something of it has no price; weight also where equity is nothing or less. cost: of
    what is held; realised, dividends, fees, borrow, interest: so far.
    """

    name: str
    positions: int
    market_value: Decimal | None
    long_value: Decimal | None
    short_value: Decimal | None
    weight: Decimal | None
    cost: Decimal
    unrealised: Decimal | None
    realised: Decimal
    dividends: Decimal
    fees: Decimal
    borrow: Decimal
    interest: Decimal


class Allocation(msgspec.Struct, frozen=True):
    """One account, or several together: market_value and equity are the sums of the shares and cash, None
    with `reason` where something held has no price. The part named "cash" is the cash itself.
    """

    accounts: list[UUID]
    currency: str
    by: str
    at: int
    cash: Decimal
    market_value: Decimal | None
    equity: Decimal | None
    reason: str | None
    shares: list[Share]


class _Held(msgspec.Struct):
    """By slice: shares in billionths, cost in millionths; by ledger and slice: what was entered."""

    shares: list[int]
    cost: list[int]
    entered: Whole
    cash: int


def allocation_of(
    books: Iterable[Book], by: By, sectors: Mapping[Symbol, str], mark_of: MarkOf, at: int
) -> Allocation:
    """Some accounts of one session together, at a market time. mark_of: the prices of that time.

    Errors: InvalidValue for accounts of several currencies, which have no sum.
    """
    kept = list(books)
    if len(currencies := sorted({book.currency for book in kept})) > 1:
        raise InvalidValue("accounts", "accounts of one currency, as nothing is converted", currencies)
    parts: dict[str, list[dict[str, Any]]] = {}
    unpriced: set[str] = set()
    cash = 0
    for book in kept:
        held = _held(book, at)
        cash += held.cash
        for place, found in enumerate(_slices(book, held, mark_of, unpriced)):
            parts.setdefault(name_of(book.slices[place], by, sectors), []).append(found)
    summed = {name: _summed(rows) for name, rows in parts.items()}
    values = [row["market_value"] for row in summed.values()]
    worth = None if None in values else sum(values, _NOTHING)
    equity = None if worth is None else money(cash) + worth
    shares = [_share(name, row, money(cash), equity) for name, row in summed.items()]
    return Allocation(
        accounts=[book.account_id for book in kept],
        currency=kept[0].currency if kept else CURRENCY,
        by=by,
        at=at,
        cash=money(cash),
        market_value=worth,
        equity=equity,
        reason=f"no price of {', '.join(sorted(unpriced))} was known then" if unpriced else None,
        shares=sorted((share for share in shares if _is_there(share)), key=_order),
    )


def _held(book: Book, at: int) -> _Held:
    """What there was at a market time; cash is what was put in and gained, less what is held cost."""
    count = len(book.slices)
    shares, cost = np.zeros((2, count), dtype=np.int64)
    entered = np.zeros((len(LEDGERS), count), dtype=np.int64)
    changed, gained = book.change_time <= at, book.entry_time <= at
    of_change = book.lot_slice[book.change_lot[changed]]
    np.add.at(shares, of_change, book.change_shares[changed])
    np.add.at(cost, of_change, book.change_cost[changed])
    of_entry = book.lot_slice[book.entry_lot[gained]]
    np.add.at(entered, (book.entry_ledger[gained], of_entry), book.entry_amount[gained])
    flows = int(book.flow_amount[book.flow_time <= at].sum())
    return _Held(shares.tolist(), cost.tolist(), entered, flows + int(entered.sum()) - int(cost.sum()))


def _slices(book: Book, held: _Held, mark_of: MarkOf, unpriced: set[str]) -> list[dict[str, Any]]:
    """Each slice's amounts. What several strategies hold of a symbol is worth its shares of the whole."""
    of_symbol: dict[str, list[int]] = {}
    for place, slice_ in enumerate(book.slices):
        if held.shares[place]:
            of_symbol.setdefault(slice_.symbol, []).append(place)
    values: dict[int, int | None] = {}
    for symbol, places in of_symbol.items():
        mark = mark_of(Symbol(symbol))
        if mark is None:
            unpriced.add(symbol)
            values.update(dict.fromkeys(places))
            continue
        shares = [held.shares[place] for place in places]
        worth = millionths(rounding.market_value(Decimal(sum(shares)).scaleb(-9), mark))
        values.update(zip(places, parts_of(worth, shares), strict=True))
    return [
        _amounts(values.get(place, 0), held, place, slice_.symbol) for place, slice_ in enumerate(book.slices)
    ]


def _amounts(value: int | None, held: _Held, place: int, symbol: str) -> dict[str, Any]:
    realised, dividends, fees, borrow, interest = held.entered[:, place].tolist()
    cost = held.cost[place]
    return {
        "symbols": {symbol} if held.shares[place] else set(),
        "market_value": None if value is None else money(value),
        "long_value": None if value is None else money(max(value, 0)),
        "short_value": None if value is None else money(min(value, 0)),
        "cost": money(cost),
        "unrealised": None if value is None else money(value - cost),
        "realised": money(realised),
        "dividends": money(dividends),
        "fees": money(-fees),
        "borrow": money(-borrow),
        "interest": money(-interest),
    }


def _summed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Amounts of several slices; what one of them does not know, the sum does not either."""
    symbols = set().union(*(row["symbols"] for row in rows))
    found: dict[str, Any] = {"positions": len(symbols)}
    for name in rows[0].keys() - {"symbols"}:
        values = [row[name] for row in rows]
        found[name] = None if None in values else sum(values, _NOTHING)
    return found


def _share(name: str, row: dict[str, Any], cash: Decimal, equity: Decimal | None) -> Share:
    if name == CASH:
        signed = {"long_value": max(cash, _NOTHING), "short_value": min(cash, _NOTHING)}
        row = row | signed | {"market_value": cash}
    value = row["market_value"]
    weight = None if value is None or equity is None else rounding.weight(value, equity)
    return Share(name=name, weight=weight, **row)


def _is_there(share: Share) -> bool:
    gone = share.realised, share.dividends, share.fees, share.borrow, share.interest
    return share.name == CASH or share.positions > 0 or any(gone)


def _order(share: Share) -> tuple[bool, Decimal, str]:
    """The largest first, what is not known last."""
    return share.market_value is None, -abs(share.market_value or _NOTHING), share.name
