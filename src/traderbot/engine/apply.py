"""Apply: how an event changes an account.

The same fold serves trading, backtests, restarts and rebuilding from the journal.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from traderbot.engine import corporate_actions, halts, money
from traderbot.engine.folding import check_money, open_order, post, reserve
from traderbot.model import events as e
from traderbot.model.account import NOTHING, Account, Lot, Position
from traderbot.model.errors import InvariantBroken
from traderbot.model.orders import Order, OrderStatus, Side

_SECONDS_A_DAY = 86_400
_SECOND = 1_000_000
_BUY, _SELL, _FILLED = Side.BUY, Side.SELL, OrderStatus.FILLED  # members of an Enum are slow to read


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


def _placed(account: Account, event: e.OrderPlaced) -> None:
    order = Order(  # by position: names take three times as long
        event.order_id,
        event.symbol,
        event.side,
        event.type,
        event.time_in_force,
        event.qty,
        event.limit_price,
        event.price_max,
        event.fee_rate,
        event.hold,
        event.at,
        event.expires_at,
        event.client_order_id,
        event.status,
        NOTHING,
        NOTHING,
        event.notional,
        event.stop,
        event.member,
        event.extended_hours,
        event.lots,
        event.reserves,
        event.at,
        NOTHING,
        event.fee_per_share,
        event.fee_minimum,
    )
    if not account.add_order(order):
        raise InvariantBroken(f"account {account.id}: order {order.id} was placed before")
    if order.side is _SELL:
        reserved = order.reserved
        if reserved:
            reserve(account, event.symbol, reserved)
    if event.hold:
        account.held += event.hold
        check_money(account)
    member = event.member
    if member is None or member.group == event.order_id or event.replaces is not None:
        _count(account, event.at)


def _count(account: Account, at: int) -> None:
    """Take note of one more order that was asked for; exits that came along with one do not count."""
    second = at // _SECOND
    if second != account.second:
        if second // _SECONDS_A_DAY != account.second // _SECONDS_A_DAY:
            account.orders_that_day = 0
        account.second, account.orders_that_second = second, 0
    account.orders_that_second += 1
    account.orders_that_day += 1


def _filled(account: Account, event: e.OrderFilled) -> None:
    order = open_order(account, event.order_id)
    if order.filled_qty + event.qty != event.filled_qty or event.filled_qty > order.qty:
        raise InvariantBroken(
            f"order {order.id}: {order.filled_qty} and {event.qty} are not {event.filled_qty}"
        )
    order.become(event.status)
    reserved = NOTHING if order.side is _BUY else order.reserved
    order.filled_qty = event.filled_qty
    order.filled_value = event.filled_value
    if event.fee:
        order.fees += event.fee
    if order.hold or event.hold:
        account.held += event.hold - order.hold
        order.hold = event.hold
    if event.status is _FILLED:
        if order.hold or (order.remaining and order.notional is None):
            raise InvariantBroken(
                f"order {order.id} is filled, yet {order.remaining} are left, {order.hold} held"
            )
        account.remove_order(order)
        if reserved:
            reserve(account, event.symbol, -reserved)
    elif reserved:
        reserve(account, event.symbol, -event.qty)
    _trade(account, event)
    post(account, event)
    check_money(account)


def _filled_late(account: Account, event: e.OrderFilledLate) -> None:
    if event.order_id in account.orders:
        raise InvariantBroken(f"order {event.order_id} is open, its execution cannot be late")
    _trade(account, event)
    post(account, event)
    _overdraw(account, event.overdraft)


def _overdraw(account: Account, overdraft: Decimal | None) -> None:
    if overdraft is not None:
        account.overdraft += overdraft
    check_money(account)


def _trade(account: Account, event: e.Execution) -> None:
    """Close lots, open one; the cash that moved and the change in cost are the gain."""
    position = account.positions.get(event.symbol)
    if position is None:
        position = account.positions[event.symbol] = Position(event.symbol)
    gain: Decimal = event.notional if event.side is _SELL else -event.notional
    if event.relief:
        gain -= _relieve(position, event.relief)
    if event.lot is not None:
        qty = event.qty if event.lot_qty is None else event.lot_qty
        cost = event.notional if event.lot_cost is None else event.lot_cost
        if event.lot <= account.lots_opened:
            raise InvariantBroken(f"{event.symbol}: lot {event.lot} is not a new one")
        account.lots_opened = event.lot
        position.lots[event.lot] = Lot(event.lot, qty, cost, event.at)
        position.qty += qty
        position.cost += cost
        gain += cost
    if gain != event.realised:
        raise InvariantBroken(f"{event.symbol}: the lots gain {gain}, the execution says {event.realised}")
    if gain:
        position.realised += gain
    _check_position(position, event.position_qty)


def _relieve(position: Position, relief: tuple[e.Relief, ...]) -> Decimal:
    """Take parts out of their lots; their cost."""
    total = NOTHING
    for part in relief:
        lot = position.lots.get(part.lot)
        if lot is None or not (lot.qty <= part.qty <= 0 if lot.qty < 0 else 0 <= part.qty <= lot.qty):
            raise InvariantBroken(f"{position.symbol}: lot {part.lot} does not hold {part.qty}")
        lot.qty -= part.qty
        lot.cost -= part.cost
        if not lot.qty:
            if lot.cost:
                raise InvariantBroken(
                    f"{position.symbol}: lot {part.lot} is used up, its cost of {lot.cost} is not"
                )
            del position.lots[part.lot]
        position.qty -= part.qty
        total += part.cost
    position.cost -= total
    return total


def _check_position(position: Position, expected: Decimal) -> None:
    """The lots sum to the position that the event names; one that is flat costs nothing."""
    if position.qty != expected:
        raise InvariantBroken(f"{position.symbol}: {position.qty} held, {expected} in the execution")
    if not position.qty and (position.cost or position.lots):
        raise InvariantBroken(f"{position.symbol}: nothing held, yet lots that cost {position.cost}")


def _busted(account: Account, event: e.ExecutionBusted) -> None:
    """Lots that come back may have been used up since: they return in their place by number."""
    if event.order_id in account.orders:
        raise InvariantBroken(f"order {event.order_id} is open, its execution cannot be taken back")
    position = account.positions.get(event.symbol)
    if position is None:
        raise InvariantBroken(f"{event.symbol} was never traded")
    change = -_relieve(position, event.relief)
    for back in event.restored:
        lot = position.lots.get(back.lot)
        if lot is None:
            lot = position.lots[back.lot] = Lot(back.lot, NOTHING, NOTHING, back.opened_at)
        lot.qty += back.qty
        lot.cost += back.cost
        position.qty += back.qty
        position.cost += back.cost
        change += back.cost
        account.lots_opened = max(account.lots_opened, back.lot)
    position.lots = dict(sorted(position.lots.items()))
    moved = event.notional if event.side is Side.BUY else -event.notional
    if change != event.cost or moved + change != event.realised:
        raise InvariantBroken(f"{event.symbol}: the lots change by {change}, the event says {event.cost}")
    position.realised += event.realised
    _check_position(position, event.position_qty)
    post(account, event)
    _overdraw(account, event.overdraft)


def _finish(account: Account, order_id: UUID, status: OrderStatus) -> None:
    """Take an open order off the account and give back what it held."""
    order = open_order(account, order_id)
    reserved = order.reserved
    order.become(status)
    account.remove_order(order)
    if reserved:
        reserve(account, order.symbol, -reserved)
    if order.hold:
        account.held -= order.hold
        check_money(account)


def _cancelled(account: Account, event: e.OrderCancelled) -> None:
    _finish(account, event.order_id, OrderStatus.CANCELED)


def _expired(account: Account, event: e.OrderExpired) -> None:
    _finish(account, event.order_id, OrderStatus.EXPIRED)


def _rejected(account: Account, event: e.OrderRejected) -> None:
    _finish(account, event.order_id, OrderStatus.REJECTED)


def _replaced(account: Account, event: e.OrderReplaced) -> None:
    _finish(account, event.order_id, OrderStatus.REPLACED)


def _accepted(account: Account, event: e.OrderAccepted) -> None:
    open_order(account, event.order_id).become(OrderStatus.NEW)


def _outcome_unknown(account: Account, event: e.OrderOutcomeUnknown) -> None:
    open_order(account, event.order_id).become(OrderStatus.UNKNOWN)


def _triggered(account: Account, event: e.OrderTriggered) -> None:
    order = open_order(account, event.order_id)
    if order.stop is None or order.stop.triggered_at is not None:
        raise InvariantBroken(f"order {order.id} waits for no stop")
    order.stop = msgspec.structs.replace(order.stop, triggered_at=event.at)


def _mark_moved(account: Account, event: e.TrailingMarkMoved) -> None:
    order = open_order(account, event.order_id)
    if order.stop is None or order.stop.triggered_at is not None:
        raise InvariantBroken(f"order {order.id} waits for no stop")
    order.stop = msgspec.structs.replace(order.stop, price=event.stop_price, hwm=event.hwm)


def _leg_activated(account: Account, event: e.LegActivated) -> None:
    order = open_order(account, event.order_id)
    order.become(OrderStatus.NEW)
    order.qty, order.reserves, order.active_at = event.qty, event.reserves, event.at
    if order.reserved:
        reserve(account, order.symbol, order.reserved)


def _leg_resized(account: Account, event: e.LegResized) -> None:
    order = open_order(account, event.order_id)
    if order.member is None or event.qty <= order.filled_qty:
        raise InvariantBroken(f"order {order.id} cannot be made one for {event.qty}")
    reserved = order.reserved
    order.qty, order.reserves = event.qty, event.reserves
    if order.reserved != reserved:
        reserve(account, order.symbol, order.reserved - reserved)


_CHANGES: dict[type[e.Event], Callable[[Account, Any], None]] = {
    e.OrderPlaced: _placed,
    e.OrderFilled: _filled,
    e.OrderFilledLate: _filled_late,
    e.ExecutionBusted: _busted,
    e.OrderCancelled: _cancelled,
    e.OrderExpired: _expired,
    e.OrderRejected: _rejected,
    e.OrderReplaced: _replaced,
    e.OrderAccepted: _accepted,
    e.OrderOutcomeUnknown: _outcome_unknown,
    e.OrderTriggered: _triggered,
    e.TrailingMarkMoved: _mark_moved,
    e.LegActivated: _leg_activated,
    e.LegResized: _leg_resized,
    **money.CHANGES,
    **halts.CHANGES,
    **corporate_actions.CHANGES,
}
_UNCHANGING = frozenset({e.OrderRefused, e.SignalRaised})
