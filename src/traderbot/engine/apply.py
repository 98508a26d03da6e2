"""Apply: how an event changes an account.

The same fold serves trading, backtests, restarts and rebuilding from the journal.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

from traderbot.engine.ledger import LEDGERS, postings
from traderbot.model import events as e
from traderbot.model.account import NOTHING, Account, Lot, Position
from traderbot.model.actions import ActionKind
from traderbot.model.amounts import Money, Quantity
from traderbot.model.errors import InvariantBroken
from traderbot.model.orders import Order, OrderStatus, Side
from traderbot.model.symbols import Symbol


def apply(account: Account, event: e.Event) -> None:
    """Change the account by one event of its stream.

    Errors: InvariantBroken, after which the account must be thrown away.
    """
    change = _CHANGES.get(type(event))
    if change is not None:
        change(account, event)
    elif type(event) not in _UNCHANGING:
        raise InvariantBroken(f"account {account.id}: {type(event).__name__} is no event of an account")


def fold(account: Account, events: Iterable[e.Event]) -> Account:
    """Apply events in order and give the account back."""
    for event in events:
        apply(account, event)
    return account


def _post(account: Account, event: e.Event) -> None:
    balances = account.balances
    for entry in postings(event):
        balances[entry.ledger] += entry.amount


def _check_cash(account: Account) -> None:
    """Available cash is never negative, and neither are holds."""
    if not NOTHING <= account.held <= account.cash:
        raise InvariantBroken(f"account {account.id}: cash is {account.cash}, its orders hold {account.held}")


def _open_order(account: Account, order_id: UUID) -> Order:
    order = account.orders.get(order_id)
    if order is None:
        raise InvariantBroken(f"account {account.id}: order {order_id} is not open")
    return order


def _opened(account: Account, event: e.AccountOpened) -> None:
    if event.account_id != account.id or account.session_id is not None:
        raise InvariantBroken(f"account {account.id} was opened before, or is not {event.account_id}")
    account.user_id = event.user_id
    account.session_id = event.session_id
    account.currency = event.currency
    account.balances = dict.fromkeys(LEDGERS, NOTHING)


def _placed(account: Account, event: e.OrderPlaced) -> None:
    if event.order_id in account.orders:
        raise InvariantBroken(f"account {account.id}: order {event.order_id} was placed before")
    account.orders[event.order_id] = Order(
        id=event.order_id,
        symbol=event.symbol,
        side=event.side,
        type=event.type,
        time_in_force=event.time_in_force,
        qty=event.qty,
        limit_price=event.limit_price,
        price_max=event.price_max,
        fee_rate=event.fee_rate,
        hold=event.hold,
        placed_at=event.at,
        expires_at=event.expires_at,
        client_order_id=event.client_order_id,
    )
    if event.side is Side.SELL:
        _reserve(account, event.symbol, event.qty)
    else:
        account.held += event.hold
        _check_cash(account)


def _reserve(account: Account, symbol: Symbol, change: Decimal) -> None:
    """Change what the open sells of a symbol keep for themselves; a symbol without any leaves no trace."""
    reserved = account.reserved.get(symbol, NOTHING) + change
    if reserved > 0:
        account.reserved[symbol] = reserved
    elif reserved == 0:
        account.reserved.pop(symbol, None)
    else:
        raise InvariantBroken(f"account {account.id}: {reserved} shares of {symbol} are reserved")


def _filled(account: Account, event: e.OrderFilled) -> None:
    order = _open_order(account, event.order_id)
    if order.filled_qty + event.qty != event.filled_qty or event.filled_qty > order.qty:
        raise InvariantBroken(
            f"order {order.id}: {order.filled_qty} and {event.qty} are not {event.filled_qty}"
        )
    order.become(event.status)
    order.filled_qty = event.filled_qty
    order.filled_value = event.filled_value
    account.held += event.hold - order.hold
    order.hold = event.hold
    if event.status is OrderStatus.FILLED:
        if order.hold or order.remaining:
            raise InvariantBroken(
                f"order {order.id} is filled, yet {order.remaining} are left, {order.hold} held"
            )
        del account.orders[order.id]
    position = account.positions.get(event.symbol)
    if position is None:
        position = account.positions[event.symbol] = Position(event.symbol)
    if event.lot is not None:
        account.lots_opened = event.lot
        position.lots.append(Lot(event.lot, event.qty, event.notional, event.at))
        position.qty += event.qty
        position.cost += event.notional
    else:
        _reserve(account, event.symbol, -event.qty)
        _relieve(position, event)
    if position.qty != event.position_qty or position.qty < 0:
        raise InvariantBroken(f"{event.symbol}: {position.qty} held, {event.position_qty} in the execution")
    _post(account, event)
    _check_cash(account)


def _relieve(position: Position, event: e.OrderFilled) -> None:
    """Take the sold parts out of their lots; what they sold for beyond their cost is the gain."""
    gain: Decimal = event.notional
    for part in event.relief:
        lot = position.lots[0] if position.lots else None
        if lot is None or lot.number != part.lot or part.qty > lot.qty:
            raise InvariantBroken(
                f"{event.symbol}: lot {part.lot} is not the oldest or does not hold {part.qty}"
            )
        lot.qty = Quantity(lot.qty - part.qty)
        lot.cost = Money(lot.cost - part.cost)
        if not lot.qty:
            if lot.cost:
                raise InvariantBroken(
                    f"{event.symbol}: lot {part.lot} is used up, its cost of {lot.cost} is not"
                )
            position.lots.popleft()
        position.qty -= part.qty
        position.cost -= part.cost
        gain -= part.cost
    if gain != event.realised:
        raise InvariantBroken(f"{event.symbol}: the lots gain {gain}, the execution says {event.realised}")
    position.realised += gain


def _finish(account: Account, order_id: UUID, status: OrderStatus) -> None:
    """Take an open order off the account and give back what it held."""
    order = _open_order(account, order_id)
    del account.orders[order_id]
    order.become(status)
    if order.side is Side.SELL:
        _reserve(account, order.symbol, -order.remaining)
    else:
        account.held -= order.hold
        _check_cash(account)


def _cancelled(account: Account, event: e.OrderCancelled) -> None:
    _finish(account, event.order_id, OrderStatus.CANCELED)


def _expired(account: Account, event: e.OrderExpired) -> None:
    _finish(account, event.order_id, OrderStatus.EXPIRED)


def _replaced(account: Account, event: e.OrderReplaced) -> None:
    _finish(account, event.order_id, OrderStatus.REPLACED)


def _action_applied(account: Account, event: e.CorporateActionApplied) -> None:
    if event.kind is ActionKind.SPLIT:
        _split_lots(account, event)
        for change in event.orders:
            _split_order(account, change)
    _post(account, event)


def _split_lots(account: Account, event: e.CorporateActionApplied) -> None:
    position = account.positions.get(event.symbol) or Position(event.symbol)
    if [lot.number for lot in position.lots] != [adjusted.lot for adjusted in event.lots]:
        raise InvariantBroken(f"{event.symbol}: the split names other lots than are held")
    total = NOTHING
    for lot, adjusted in zip(position.lots, event.lots, strict=True):
        lot.qty = adjusted.qty
        total += adjusted.qty
    if total != event.position_qty:
        raise InvariantBroken(
            f"{event.symbol}: lots sum to {total} after the split, not {event.position_qty}"
        )
    position.qty = total


def _split_order(account: Account, change: e.AdjustedOrder) -> None:
    order = _open_order(account, change.order_id)
    if order.side is Side.SELL:
        _reserve(account, order.symbol, change.qty - change.filled_qty - order.remaining)
    order.qty, order.filled_qty = change.qty, change.filled_qty
    order.limit_price, order.price_max = change.limit_price, change.price_max


def _cash_moved(account: Account, event: e.CashMoved) -> None:
    _post(account, event)
    _check_cash(account)


def _paused(account: Account, event: e.TradingPaused) -> None:
    account.halted = event.detail


def _resumed(account: Account, event: e.TradingResumed) -> None:
    account.halted = None


_CHANGES: dict[type[e.Event], Callable[[Account, Any], None]] = {
    e.AccountOpened: _opened,
    e.CashMoved: _cash_moved,
    e.OrderPlaced: _placed,
    e.OrderFilled: _filled,
    e.OrderCancelled: _cancelled,
    e.OrderExpired: _expired,
    e.OrderReplaced: _replaced,
    e.CorporateActionApplied: _action_applied,
    e.TradingPaused: _paused,
    e.TradingResumed: _resumed,
}
_UNCHANGING = frozenset({e.OrderRefused, e.PortfolioRevalued, e.SignalRaised})
