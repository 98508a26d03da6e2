"""What corporate actions do to an account: dividends, splits, changes of symbol and delistings."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import msgspec

from traderbot.engine.decision import Decision
from traderbot.engine.folding import check_money, open_order, owe, post, reserve
from traderbot.engine.market import Market
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model import rounding
from traderbot.model.account import NOTHING, Account, Lot, Position
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.amounts import Money, Quantity
from traderbot.model.errors import InvariantBroken
from traderbot.model.orders import Order, OrderStatus, Side, Stop
from traderbot.model.reasons import Reason
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol


def _decide(account: Account, command: c.ApplyCorporateAction, market: Market, rules: Rules) -> Decision:
    """What the action leads to; nothing for an account that it does not touch."""
    return _KINDS[command.action.kind](account, command.action, market)


def _applied(
    action: CorporateAction, market: Market, owned: Decimal, **effects: Any
) -> e.CorporateActionApplied:
    return e.CorporateActionApplied(
        at=market.time,
        symbol=action.symbol,
        kind=action.kind,
        ex_date=action.ex_date,
        position_qty=owned,
        estimated=action.estimated,
        amount=action.amount,
        new=action.new,
        old=action.old,
        **effects,
    )


def _open_orders(account: Account, symbol: Symbol) -> list[Order]:
    return [order for order in account.orders.values() if order.symbol == symbol]


def _cancel(orders: Iterable[Order], market: Market, reason: Reason) -> list[e.Event]:
    return [e.OrderCancelled(market.time, order.id, reason) for order in orders]


def _dividend(account: Account, action: CorporateAction, market: Market) -> Decision:
    """Pays the shares held before the open of its ex-date; shares sold short owe it."""
    owned = account.quantity(action.symbol)
    if not owned:
        return Decision()
    assert action.amount is not None  # of every dividend
    return Decision((_applied(action, market, owned, cash=rounding.dividend(owned, action.amount)),))


def _split(account: Account, action: CorporateAction, market: Market) -> Decision:
    """Rescales lots and open orders. A reverse split cancels the orders, but for those of which it is not
    known whether the broker has them. Source: FINRA rule 5330, which adjusts orders on forward splits only.
    """
    position = account.positions.get(action.symbol, Position(action.symbol))
    orders = _open_orders(account, action.symbol)
    if not position.qty and not orders:
        return Decision()
    lots, owned = _split_lots(position, action.new, action.old)
    ended: list[Order] = []
    if action.new < action.old:
        ended = [order for order in orders if order.status is not OrderStatus.UNKNOWN]
        orders = [order for order in orders if order.status is OrderStatus.UNKNOWN]
    adjusted = tuple(_split_order(order, action.new, action.old) for order in orders)
    split = _applied(action, market, owned, lots=lots, orders=adjusted)
    return Decision((*_cancel(ended, market, Reason.CORPORATE_ACTION), split))


def _split_lots(position: Position, new: int, old: int) -> tuple[tuple[e.AdjustedLot, ...], Decimal]:
    """The lots after a split, and their sum: the total is rounded once, each lot is what it adds to it.

    So open sells, each rounded down, never sum to more than the lots do.
    """
    lots = []
    before = after = NOTHING
    for lot in position.lots.values():
        before += lot.qty
        total = rounding.signed_split(before, new, old)
        lots.append(e.AdjustedLot(lot.number, total - after))
        after = total
    return tuple(lots), after


def _split_order(order: Order, new: int, old: int) -> e.AdjustedOrder:
    """An open order after a split; its hold stays, and still covers it."""
    filled = rounding.split_quantity(order.filled_qty, new, old)
    limit = order.limit_price
    if limit is not None:
        limit = rounding.split_limit(limit, new, old, buying=order.side is Side.BUY)
    own_limit = limit is not None and order.price_max == order.limit_price
    return e.AdjustedOrder(
        order_id=order.id,
        qty=Quantity(filled + rounding.split_quantity(order.remaining, new, old)),
        filled_qty=filled,
        limit_price=limit,
        price_max=limit if own_limit and limit else rounding.split_price_max(order.price_max, new, old),
        stop=None if order.stop is None else _split_stop(order.stop, order.side, new, old),
    )


def _split_stop(stop: Stop, side: Side, new: int, old: int) -> Stop:
    """What an order waits for, after a split; a trailing stop keeps trailing what it has seen."""
    buying = side is Side.BUY
    if stop.hwm is None:
        return msgspec.structs.replace(stop, price=rounding.split_stop(stop.price, new, old, buying))
    hwm = rounding.split_price(stop.hwm, new, old)
    trail = None if stop.trail_price is None else rounding.split_price(stop.trail_price, new, old)
    price = rounding.trailing_stop(hwm, trail, stop.trail_percent, buying)
    return msgspec.structs.replace(stop, price=price, trail_price=trail, hwm=hwm)


def _change_symbol(account: Account, action: CorporateAction, market: Market) -> Decision:
    """Moves everything known of a symbol to its new one; a position that is there already takes the lots in.

    Long lots of the one and short ones of the other close each other, which realises what they gained.
    """
    symbol, new_symbol = action.symbol, action.new_symbol
    assert new_symbol is not None  # of every change of symbol
    known = symbol in account.positions or symbol in account.halted_symbols
    restricted = account.limits is not None and symbol in account.limits.restricted
    if not (known or restricted or _open_orders(account, symbol)):
        return Decision()
    owned = account.quantity(symbol) + account.quantity(new_symbol)
    lots, realised = _net_lots(_both(account, symbol, new_symbol))
    effects: dict[str, Any] = {"new_symbol": new_symbol, "lots": lots, "realised": realised}
    return Decision((_applied(action, market, owned, **effects),))


def _both(account: Account, symbol: Symbol, new_symbol: Symbol) -> list[Lot]:
    """The lots of two symbols, oldest first."""
    positions = [found for name in (symbol, new_symbol) if (found := account.positions.get(name))]
    lots = [lot for position in positions for lot in position.lots.values()]
    return sorted(lots, key=lambda lot: lot.number)


def _net_lots(lots: list[Lot]) -> tuple[tuple[e.AdjustedLot, ...], Money | None]:
    """The lots that long and short ones leave of each other, oldest first, and what closing them gained.

    Nothing changes, and nothing is gained, where all are of one side.
    """
    long = sum((lot.qty for lot in lots if lot.qty > 0), NOTHING)
    short = -sum((lot.qty for lot in lots if lot.qty < 0), NOTHING)
    closing = min(long, short)
    if not closing:
        return (), None
    left = {1: closing, -1: closing}
    adjusted, cost = [], NOTHING
    for lot in lots:
        sign = 1 if lot.qty >= 0 else -1
        closed = min(abs(lot.qty), left[sign])
        left[sign] -= closed
        qty = lot.qty - sign * closed
        adjusted.append(e.AdjustedLot(lot.number, qty))
        cost += _cost_left(lot, qty) - lot.cost
    return tuple(adjusted), Money(cost)


def _cost_left(lot: Lot, qty: Decimal) -> Decimal:
    return rounding.pro_rata(lot.cost, qty, lot.qty) if qty else NOTHING


def _delist(account: Account, action: CorporateAction, market: Market) -> Decision:
    """Cancels the open orders and closes every lot at what is paid a share; shares sold short owe it."""
    cancelled = _cancel(_open_orders(account, action.symbol), market, Reason.DELISTED)
    position = account.positions.get(action.symbol)
    if position is None or not position.qty:
        return Decision(tuple(cancelled))
    assert action.amount is not None  # of every delisting
    cash = rounding.payout(position.qty, action.amount)
    realised = Money(cash - position.cost)
    closed = tuple(e.AdjustedLot(number, NOTHING) for number in position.lots)
    effects: dict[str, Any] = {"cash": cash, "realised": realised, "lots": closed}
    return Decision((*cancelled, _applied(action, market, NOTHING, **effects)))


_KINDS: dict[ActionKind, Callable[[Account, CorporateAction, Market], Decision]] = {
    ActionKind.DIVIDEND: _dividend,
    ActionKind.SPLIT: _split,
    ActionKind.SYMBOL_CHANGE: _change_symbol,
    ActionKind.DELISTING: _delist,
}


def _change(account: Account, event: e.CorporateActionApplied) -> None:
    if event.kind is ActionKind.SPLIT:
        _rescale_lots(account, event)
        for change in event.orders:
            _rescale_order(account, change)
    elif event.kind is ActionKind.SYMBOL_CHANGE:
        _move(account, event)
    elif event.kind is ActionKind.DELISTING:
        _close(account, event)
    post(account, event)
    if event.cash is not None and event.cash < 0:
        owe(account)
    check_money(account)


def _rescale_lots(account: Account, event: e.CorporateActionApplied) -> None:
    position = account.positions.get(event.symbol) or Position(event.symbol)
    if list(position.lots) != [adjusted.lot for adjusted in event.lots]:
        raise InvariantBroken(f"{event.symbol}: the split names other lots than are held")
    total = NOTHING
    for lot, adjusted in zip(position.lots.values(), event.lots, strict=True):
        lot.qty = adjusted.qty
        total += adjusted.qty
    if total != event.position_qty:
        raise InvariantBroken(
            f"{event.symbol}: lots sum to {total} after the split, not {event.position_qty}"
        )
    position.qty = total


def _rescale_order(account: Account, change: e.AdjustedOrder) -> None:
    order = open_order(account, change.order_id)
    before = order.reserved
    order.qty, order.filled_qty = change.qty, change.filled_qty
    order.limit_price, order.price_max = change.limit_price, change.price_max
    if change.stop is not None:
        order.stop = change.stop
    if order.reserved != before:
        reserve(account, order.symbol, order.reserved - before)


def _move(account: Account, event: e.CorporateActionApplied) -> None:
    """Give a symbol's lots, orders, reserves, halt and restriction to the new one."""
    symbol, new_symbol = event.symbol, event.new_symbol
    if new_symbol is None:
        raise InvariantBroken(f"{symbol}: a change of symbol without the new one")
    account.rename_orders(symbol, new_symbol)
    reserved = account.reserved.pop(symbol, NOTHING)
    if reserved:
        reserve(account, new_symbol, reserved)
    _move_halt(account, symbol, new_symbol)
    limits = account.limits
    if limits is not None and symbol in limits.restricted:
        restricted = limits.restricted - {symbol} | {new_symbol}
        account.limits = msgspec.structs.replace(limits, restricted=restricted)
    _merge(account, event, symbol, new_symbol)


def _move_halt(account: Account, symbol: Symbol, new_symbol: Symbol) -> None:
    """A halt goes along, and stays pending if somebody asked to lift it; one of the new symbol stays."""
    why = account.halted_symbols.pop(symbol, None)
    code = account.lifting.pop(symbol, None)
    if why is not None and new_symbol not in account.halted_symbols:
        account.halted_symbols[new_symbol] = why
        if code is not None:
            account.lifting[new_symbol] = code


def _merge(account: Account, event: e.CorporateActionApplied, symbol: Symbol, new_symbol: Symbol) -> None:
    lots = _both(account, symbol, new_symbol)
    left = {adjusted.lot: adjusted.qty for adjusted in event.lots}
    gained = NOTHING
    for lot in lots if left else ():
        cost = _cost_left(lot, left[lot.number])
        gained += cost - lot.cost
        lot.qty, lot.cost = left[lot.number], cost
    old = account.positions.pop(symbol, None)
    known = account.positions.get(new_symbol)
    if old is not None or known is not None:
        before = sum((found.realised for found in (old, known) if found is not None), NOTHING)
        kept = {lot.number: lot for lot in lots if lot.qty or not left}
        account.positions[new_symbol] = Position(
            new_symbol,
            sum((lot.qty for lot in kept.values()), NOTHING),
            sum((lot.cost for lot in kept.values()), NOTHING),
            before + gained,
            kept,
        )
    if account.quantity(new_symbol) != event.position_qty or gained != (event.realised or NOTHING):
        raise InvariantBroken(f"{symbol}: {new_symbol} is not {event.position_qty} shares after the change")


def _close(account: Account, event: e.CorporateActionApplied) -> None:
    position = account.positions.get(event.symbol)
    if position is None or (event.cash or NOTHING) - position.cost != event.realised:
        raise InvariantBroken(f"{event.symbol}: the delisting gains something else than {event.realised}")
    position.realised += event.realised
    position.qty = position.cost = NOTHING
    position.lots.clear()


DECIDERS: dict[type, Callable[[Account, Any, Market, Rules], Decision]] = {c.ApplyCorporateAction: _decide}
CHANGES: dict[type[e.Event], Callable[[Account, Any], None]] = {e.CorporateActionApplied: _change}
