"""Placing orders, alone and in groups, and replacing them."""

import copy
from decimal import Decimal

import msgspec

from traderbot.engine.decision import Decision, no
from traderbot.engine.gate import Approval, review
from traderbot.engine.groups import closable, in_order, legs, member_of, opposite
from traderbot.engine.market import Market
from traderbot.engine.working import members
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model import rounding
from traderbot.model.account import NOTHING, PAPER, Account, AccountKind, Position
from traderbot.model.amounts import Money, Price, Quantity
from traderbot.model.errors import InvalidValue
from traderbot.model.orders import (
    Leg,
    Order,
    OrderClass,
    OrderStatus,
    OrderType,
    Side,
    Stop,
    TimeInForce,
)
from traderbot.model.reasons import Reason, Refusal, refuse
from traderbot.model.rules import Rules

_WAITING = (OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN)
_NEW, _GTC = OrderStatus.NEW, TimeInForce.GTC  # members of an Enum are slow to read


def place(account: Account, command: c.PlaceOrder, market: Market, rules: Rules) -> Decision:
    """Place an order and the exits it brings along, or record why not."""
    verdict = review(account, command, market, rules)
    if isinstance(verdict, Refusal):
        return refused(command, verdict, market, rules)
    if command.lots:
        refusal = check_lots(account, command)
        if refusal is not None:
            return refused(command, refusal, market, rules)
    status = _NEW if account.broker == PAPER else OrderStatus.PENDING_NEW
    placed = _placed(command, verdict, market, rules, status)
    if placed.member is None:
        return Decision((placed,))
    return Decision((placed, *legs(placed, command, rules.collar)))


def check_lots(account: Account, order: c.PlaceOrder) -> Refusal | None:
    """Whether the account holds the lots that a sale names."""
    position = account.positions.get(order.symbol)
    for number in order.lots:
        lot = None if position is None else position.lots.get(number)
        if lot is None or lot.qty < 0:
            return refuse(Reason.UNKNOWN_LOT, f"(lot {number})")
    return None


def refused(command: c.PlaceOrder, verdict: Refusal, market: Market, rules: Rules) -> Decision:
    """The order as refused, for the record."""
    event = e.OrderRefused(
        at=market.time,
        order_id=command.order_id,
        client_order_id=command.client_order_id,
        symbol=command.symbol,
        side=command.side,
        type=command.type,
        qty=command.qty,
        limit_price=command.limit_price,
        reason=verdict.reason,
        detail=verdict.detail,
        rules_version=rules.version,
        signal_id=command.signal_id,
        notional=command.notional,
        stop_price=command.stop_price,
    )
    return Decision((event,), verdict)


def _placed(
    command: c.PlaceOrder, approval: Approval, market: Market, rules: Rules, status: OrderStatus
) -> e.OrderPlaced:
    mark = approval.mark
    return e.OrderPlaced(  # by position: names take three times as long
        market.time,
        command.order_id,
        command.client_order_id,
        command.symbol,
        command.side,
        command.type,
        command.time_in_force,
        approval.qty,
        command.limit_price,
        approval.price_max,
        rules.fee_rate,
        approval.hold,
        None if command.time_in_force is _GTC else market.day_end,
        mark.price,
        mark.at,
        rules.version,
        None,
        command.signal_id,
        command.notional,
        approval.stop,
        member_of(command),
        status,
        command.extended_hours,
        True,
        command.lots,
        rules.fee_per_share,
        None if rules.fee_minimum is None else Money(rules.fee_minimum),
    )


def replace(account: Account, command: c.ReplaceOrder, market: Market, rules: Rules) -> Decision:
    """End an order and place one for what the new total leaves after its fills; the gate sees the old hold
    and the old shares released.

    The new order takes the old one's place in its group. A new quantity of an exit is its sibling's as well,
    one of an entry that of its exits; an exit that waits takes its quantity from its entry alone.
    """
    old = account.orders.get(command.order_id)
    if old is None:
        return no(Reason.ORDER_NOT_OPEN)
    if old.notional is not None or old.status in _WAITING:
        return no(Reason.NOT_REPLACEABLE, f"({old.status})")
    total = old.qty if command.qty is None else command.qty
    try:
        new = _terms(old, command, total)
    except InvalidValue as error:
        return no(Reason.NOT_REPLACEABLE, f"({error.detail})")
    if isinstance(new, Refusal):
        return Decision((), new)
    others = members(account, old)
    if old.member is not None:
        unfit = _unfit(old, new, total)
        if unfit:
            return no(Reason.NOT_REPLACEABLE, f"({unfit})")
    group = None if old.member is None else old.member.group
    verdict = review(_as_seen(account, old, others), new, market, rules, group)
    if not isinstance(verdict, Refusal):
        verdict = _check_place(old, new, others) or verdict
    if isinstance(verdict, Refusal):
        return refused(new, verdict, market, rules)
    return Decision(
        (
            e.OrderReplaced(market.time, old.id, new.order_id),
            *_resized(old, total, others, market.time),
            _replacing(account, old, new, verdict, market, rules),
        )
    )


def _unfit(old: Order, new: c.PlaceOrder, total: Decimal) -> str:
    """What a member of a group cannot become; empty where it can."""
    if new.time_in_force not in (TimeInForce.DAY, TimeInForce.GTC):
        return f"day or gtc for an order with exits, not {new.time_in_force}"
    if total == old.qty:
        return ""
    if old.status is OrderStatus.HELD:
        return "an exit that waits has the quantity of its entry"
    member = old.member
    follows = member is not None and member.leg is not Leg.ENTRY and member.order_class is not OrderClass.OCO
    if follows and total > old.qty:
        return "an exit is for no more than its entry traded"
    return "whole shares for an order with exits" if total % 1 else ""


def _terms(old: Order, command: c.ReplaceOrder, total: Decimal) -> c.PlaceOrder | Refusal:
    """The new order as the gate is to see it. Errors: InvalidValue where nobody could place such an order."""
    limit = old.limit_price if command.limit_price is None else command.limit_price
    tif = old.time_in_force if command.time_in_force is None else command.time_in_force
    stop = old.stop or Stop(Price(NOTHING))
    price = stop.price if command.stop_price is None else command.stop_price
    trail_price, trail_percent = stop.trail_price, stop.trail_percent
    if command.trail is not None and trail_price is not None:
        trail_price = Price(command.trail)
    elif command.trail is not None and trail_percent is not None:
        trail_percent = command.trail
    trails = old.type is OrderType.TRAILING_STOP
    no_use = (
        (old.limit_price is None and limit is not None)
        or (command.stop_price is not None and (old.stop is None or trails))
        or (command.trail is not None and not trails)
    )
    old_terms = (old.qty, old.limit_price, old.time_in_force, old.stop or stop)
    changed = msgspec.structs.replace(stop, price=price, trail_price=trail_price, trail_percent=trail_percent)
    if no_use or total <= old.filled_qty or (total, limit, tif, changed) == old_terms:
        return refuse(Reason.NOTHING_TO_CHANGE, f"(qty {total:f}, filled {old.filled_qty:f})")
    if changed != stop and stop.triggered_at is not None:
        return refuse(Reason.NOT_REPLACEABLE, "(its stop was reached)")
    return c.PlaceOrder(
        order_id=command.new_order_id,
        symbol=old.symbol,
        side=old.side,
        qty=Quantity(total - old.filled_qty),
        type=old.type,
        time_in_force=tif,
        limit_price=limit,
        client_order_id=command.client_order_id,
        stop_price=price if old.stop is not None and not trails else None,
        trail_price=trail_price,
        trail_percent=trail_percent,
        extended_hours=old.extended_hours,
        lots=old.lots,
    )


def _as_seen(account: Account, old: Order, others: list[Order]) -> Account:
    """The account as the gate would see it had the order, and the exit that shares its shares, never held
    anything. For an exit that waits, as if its entry were filled.
    """
    seen = copy.copy(account)
    held = old.status is OrderStatus.HELD
    gone = [old] if held else [old, *(other for other in others if other.status is not OrderStatus.HELD)]
    ids = {order.id for order in gone}
    seen.orders = {key: order for key, order in account.orders.items() if key not in ids}
    left = {order.id: order for order in account.orders_of(old.symbol, old.side) if order.id not in ids}
    seen.sides = account.sides | {(old.symbol, old.side): left}
    if held:
        owned = old.qty - closable(account, old, NOTHING)
        position = Position(old.symbol, owned if old.side is Side.SELL else -owned)
        seen.kind, seen.positions = AccountKind.MARGIN, account.positions | {old.symbol: position}
        return seen
    seen.reserved = dict(account.reserved)
    for order in gone:
        seen.held -= order.hold
        if order.reserved:
            seen.reserved[order.symbol] -= order.reserved
    return seen


def _check_place(old: Order, new: c.PlaceOrder, others: list[Order]) -> Refusal | None:
    """Whether the prices of a group keep their order, as far as they are fixed."""
    if old.member is None:
        return None
    prices: dict[Leg, Price | None] = {
        order.member.leg: _own_price(order.member.leg, order.limit_price, order.stop)
        for order in others
        if order.member is not None
    }
    stop = None if new.stop_price is None else Stop(new.stop_price)
    prices[old.member.leg] = _own_price(old.member.leg, new.limit_price, stop)
    opening = old.side if old.member.leg is Leg.ENTRY else opposite(old.side)
    loss, entry, gain = (prices.get(leg) for leg in (Leg.STOP_LOSS, Leg.ENTRY, Leg.TAKE_PROFIT))
    if in_order(opening, loss, entry, gain):
        return None
    return refuse(Reason.GROUP_PRICES, f"(take profit {gain}, entry {entry}, stop loss {loss})")


def _own_price(leg: Leg, limit: Price | None, stop: Stop | None) -> Price | None:
    """The price by which a member is judged: an exit at a loss by its stop, others by their limit."""
    if leg is not Leg.STOP_LOSS and limit is not None:
        return limit
    return None if stop is None else stop.price


def _resized(old: Order, total: Decimal, others: list[Order], at: int) -> list[e.LegResized]:
    """What a new quantity means for the others: as many more or fewer for each."""
    change = total - old.qty
    if not change:
        return []
    return [e.LegResized(at, other.id, Quantity(other.qty + change), other.reserves) for other in others]


def _replacing(
    account: Account, old: Order, new: c.PlaceOrder, approval: Approval, market: Market, rules: Rules
) -> e.OrderPlaced:
    """The new order. One that waits keeps waiting; a trailing stop keeps the best price it has seen."""
    status = OrderStatus.NEW if account.broker == PAPER else OrderStatus.PENDING_NEW
    if old.status is OrderStatus.HELD:
        status = OrderStatus.HELD
    stop = old.stop
    if stop is not None:
        price = new.stop_price or stop.price
        if stop.hwm is not None:
            buying = old.side is Side.BUY
            price = rounding.trailing_stop(stop.hwm, new.trail_price, new.trail_percent, buying)
        stop = msgspec.structs.replace(
            stop, price=price, trail_price=new.trail_price, trail_percent=new.trail_percent
        )
    return msgspec.structs.replace(
        _placed(new, approval, market, rules, status),
        replaces=old.id,
        stop=stop,
        member=old.member,
        reserves=old.reserves,
    )
