"""What a book of levels gives an order.

- a market order, and a limit order at its first look, walk the levels one by one and never take more than is
  shown there; what they took stays taken until the level is gone;
- the rest of a limit order joins the back of the queue at its price. What stands before it shrinks only by
  prints at that price against its side: others may cancel, but nobody knows from which end;
- it fills with what a print leaves after the queue, or with a print or levels beyond its price, at its limit.
No slippage is added: the walk is the slippage.
"""

from collections.abc import Iterator
from decimal import Decimal

from traderbot.model.amounts import ZERO, Price
from traderbot.model.observations import Trade
from traderbot.model.orders import Order, Side, TimeInForce
from traderbot.simulation import trades
from traderbot.simulation.book import Book
from traderbot.simulation.fills import Fills, Seen
from traderbot.simulation.memory import Memory


def meet(order: Order, book: Book, fills: Fills, memory: Memory, share: Decimal, once: bool) -> bool:
    """Match an order that works against the book; true if that ends it.

    share: of each size that one account may take. once: whether the order is gone after this look.
    """
    limit = order.limit_price
    if limit is None or once or order.id not in memory.resting:
        ended = _walk(order, book, fills, memory, share)
        if limit is not None and not once and not ended:
            memory.resting.add(order.id)
            memory.ahead[order.id] = book.size(order.side, limit)
    elif type(book.last) is Trade:
        ended = _rest(order, limit, book.last, fills, memory, share)
    else:
        ended = _crossed(order, limit, book, fills, memory, share)
    if ended:
        memory.forget(order.id)
    return ended


def _walk(order: Order, book: Book, fills: Fills, memory: Memory, share: Decimal) -> bool:
    """Take level after level."""
    if order.time_in_force is TimeInForce.FOK and not _all_there(order, book, fills, memory, share):
        return False
    for price, free, fine in list(_levels(order, book, memory, share)):
        if not _within(order, price):
            break
        qty, ended = fills.take(order, price, False, free, book.at, seen=_seen(book), fine=fine)
        memory.use(order.symbol, order.side, price, qty)
        if ended:
            return True
    return False


def _all_there(order: Order, book: Book, fills: Fills, memory: Memory, share: Decimal) -> bool:
    """Whether the levels within reach hold the whole order."""
    missing: Decimal = order.remaining
    for price, free, fine in _levels(order, book, memory, share):
        if not _within(order, price):
            break
        if fills.capped and order.side is Side.BUY and price > order.price_max:
            break
        missing -= free if fine else free // 1
        if missing <= 0:
            return True
    return False


def _rest(order: Order, limit: Price, trade: Trade, fills: Fills, memory: Memory, share: Decimal) -> bool:
    """What a print leaves for an order in the queue."""
    size: Decimal = trade.qty
    if trades.through(order, limit, trade):
        memory.ahead[order.id] = ZERO
    elif trade.price == limit and trade.aggressor not in (None, order.side):
        ahead = memory.ahead.get(order.id, ZERO)
        memory.ahead[order.id] = max(ahead - size, ZERO)
        size -= ahead
    else:
        return False
    left = memory.sizes.get(order.symbol, trade.qty * share)
    if size <= 0 or left <= 0:
        return False
    seen = Seen(trade.at, "trade", trade.number)
    fine = bool(trade.qty % 1)
    qty, ended = fills.take(order, limit, False, min(left, size), trade.at, seen=seen, fine=fine)
    memory.sizes[order.symbol] = left - qty
    return ended


def _crossed(order: Order, limit: Price, book: Book, fills: Fills, memory: Memory, share: Decimal) -> bool:
    """Levels that came to lie beyond the order's price trade with it, at its limit."""
    for price, free, fine in list(_levels(order, book, memory, share)):
        if price == limit or not _within(order, price):
            break
        qty, ended = fills.take(order, limit, False, free, book.at, seen=_seen(book), fine=fine)
        memory.use(order.symbol, order.side, price, qty)
        if ended:
            return True
    return False


def _levels(
    order: Order, book: Book, memory: Memory, share: Decimal
) -> Iterator[tuple[Price, Decimal, bool]]:
    """(price, shares the account may take there, whether fractions are traded), the best first."""
    other = Side.SELL if order.side is Side.BUY else Side.BUY
    memory.keep_prices(order.symbol, order.side, lambda price: bool(book.size(other, price)))
    for price, size in book.against(order.side):
        free = memory.free(order.symbol, order.side, price, size * share)
        if free > 0:
            yield price, free, bool(size % 1)


def _within(order: Order, price: Price) -> bool:
    limit = order.limit_price
    return limit is None or (price <= limit if order.side is Side.BUY else price >= limit)


def _seen(book: Book) -> Seen:
    last = book.last
    return Seen(book.at, type(last).__name__, 0 if last is None else last.number)
