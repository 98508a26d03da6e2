"""What happens to an open order short of an execution: its endings, a broker's answers, its stop."""

from decimal import Decimal
from uuid import UUID

import msgspec

from traderbot.engine.decision import NOTHING_HAPPENED, Decision, no
from traderbot.engine.market import Market
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model import rounding
from traderbot.model.account import NOTHING, Account, AccountKind
from traderbot.model.orders import TRANSITIONS, Order, OrderStatus, OrderType, Side
from traderbot.model.reasons import Reason, refuse
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol

_ASKED = frozenset({Reason.CANCELED_BY_USER, Reason.CANCELED_BY_STRATEGY})


def cancel(account: Account, command: c.CancelOrder, market: Market, rules: Rules) -> Decision:
    """Cancel an order and its whole group. One that a broker may or may not have ends on its word alone."""
    order = account.orders.get(command.order_id)
    if order is None:
        return no(Reason.ORDER_NOT_OPEN)
    if order.status is OrderStatus.UNKNOWN and command.reason in _ASKED:
        return no(Reason.OUTCOME_UNKNOWN)
    ended = e.OrderCancelled(market.time, order.id, command.reason)
    if order.member is None:
        return Decision((ended,))
    return Decision((ended, *rest_of_group(account, order, market.time)))


def expire(account: Account, command: c.ExpireOrder, market: Market, rules: Rules) -> Decision:
    order = account.orders.get(command.order_id)
    if order is None:
        return no(Reason.ORDER_NOT_OPEN)
    ended = e.OrderExpired(market.time, order.id)
    if order.member is None:
        return Decision((ended,))
    return Decision((ended, *rest_of_group(account, order, market.time)))


def members(account: Account, order: Order) -> list[Order]:
    """The other open orders of its group, oldest first."""
    if order.member is None:
        return []
    group = order.member.group
    return [
        other
        for other in account.orders.values()
        if other.member is not None and other.member.group == group and other.id != order.id
    ]


def rest_of_group(account: Account, order: Order, at: int) -> tuple[e.OrderCancelled, ...]:
    """The endings of the others where one member ended without being filled."""
    return tuple(
        e.OrderCancelled(at, other.id, Reason.GROUP_CANCELED)
        for other in members(account, order)
        if other.status is not OrderStatus.UNKNOWN
    )


def uncovered(account: Account, symbol: Symbol, owned: Decimal, at: int, gone: set[UUID]) -> list[e.Event]:
    """Cancel exits, newest first, until those that are left fit the shares that are left.

    For reports that take shares away which were set aside. owned: of the symbol, after the report; gone: the
    orders that end anyway, and those this ends.
    """
    side = Side.BUY if owned < 0 else Side.SELL
    exits = [
        order
        for order in account.orders.values()
        if order.symbol == symbol and order.id not in gone and not order.hold and order.reserves
    ]
    events: list[e.Event] = []
    kinds = (Side.SELL, Side.BUY) if account.kind is AccountKind.MARGIN else (Side.SELL,)
    for kind in kinds:
        left = abs(owned) if side is kind else NOTHING
        claims = [o for o in exits if o.side is kind and o.status is not OrderStatus.HELD]
        excess = sum([order.remaining for order in claims], NOTHING) - left
        for order in reversed(claims):
            if excess <= 0:
                break
            if order.id in gone or order.status is OrderStatus.UNKNOWN:
                continue
            excess -= order.remaining
            for ended in (
                e.OrderCancelled(at, order.id, Reason.NO_SHARES_LEFT),
                *rest_of_group(account, order, at),
            ):
                if ended.order_id not in gone:
                    gone.add(ended.order_id)
                    events.append(ended)
    return events


def accept(account: Account, command: c.AcceptOrder, market: Market, rules: Rules) -> Decision:
    """The broker has it; said again, or said of one that it filled already, this is no news."""
    order = account.orders.get(command.order_id)
    if order is None:
        return no(Reason.ORDER_NOT_OPEN)
    if order.status in (OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN):
        return Decision((e.OrderAccepted(market.time, order.id),))
    return NOTHING_HAPPENED


def reject(account: Account, command: c.RejectOrder, market: Market, rules: Rules) -> Decision:
    """The broker does not take it. It cannot say so of an order that it filled a part of."""
    order = account.orders.get(command.order_id)
    if order is None:
        return no(Reason.ORDER_NOT_OPEN)
    if OrderStatus.REJECTED not in TRANSITIONS[order.status]:
        return impossible(order.symbol, command, market, Reason.IMPOSSIBLE_REPORT, f"(it is {order.status})")
    ended = e.OrderRejected(market.time, order.id, command.detail)
    return Decision((ended, *rest_of_group(account, order, market.time)))


def lose_sight(account: Account, command: c.LoseSightOfOrder, market: Market, rules: Rules) -> Decision:
    """Only of an order that the broker has not answered for."""
    order = account.orders.get(command.order_id)
    if order is None:
        return no(Reason.ORDER_NOT_OPEN)
    if order.status is not OrderStatus.PENDING_NEW:
        return NOTHING_HAPPENED
    return Decision((e.OrderOutcomeUnknown(market.time, order.id),))


def trigger(account: Account, command: c.TriggerOrder, market: Market, rules: Rules) -> Decision:
    """The stop was reached; said again, this is no news."""
    order = account.orders.get(command.order_id)
    if order is None:
        return no(Reason.ORDER_NOT_OPEN)
    if order.stop is None or order.status is OrderStatus.HELD:
        return impossible(order.symbol, command, market, Reason.IMPOSSIBLE_REPORT, "(it waits for no stop)")
    if order.stop.triggered_at is not None:
        return NOTHING_HAPPENED
    return Decision((e.OrderTriggered(market.time, order.id, command.price),))


def move_mark(account: Account, command: c.MoveTrailingMark, market: Market, rules: Rules) -> Decision:
    """A trailing stop follows a new best price; one that is no better changes nothing."""
    order = account.orders.get(command.order_id)
    if order is None:
        return no(Reason.ORDER_NOT_OPEN)
    stop = order.stop
    if order.type is not OrderType.TRAILING_STOP or stop is None or order.status is OrderStatus.HELD:
        return impossible(order.symbol, command, market, Reason.IMPOSSIBLE_REPORT, "(it does not trail)")
    buying = order.side is Side.BUY
    best = stop.hwm
    if stop.triggered_at is not None or (
        best is not None and not (command.hwm < best if buying else command.hwm > best)
    ):
        return NOTHING_HAPPENED
    price = rounding.trailing_stop(command.hwm, stop.trail_price, stop.trail_percent, buying)
    return Decision((e.TrailingMarkMoved(market.time, order.id, command.hwm, price),))


def quarantine(account: Account, command: c.QuarantineReport, market: Market, rules: Rules) -> Decision:
    return Decision(
        (e.ReportQuarantined(market.time, command.symbol, command.detail, command.report),),
    )


def impossible(
    symbol: Symbol, report: msgspec.Struct, market: Market, reason: Reason, figures: str
) -> Decision:
    """Put a report aside that cannot be: it is refused, kept as it came, and halts its symbol."""
    refusal = refuse(reason, figures)
    kept = {"kind": type(report).__name__, **msgspec.json.decode(msgspec.json.encode(report))}
    return Decision((e.ReportQuarantined(market.time, symbol, refusal.detail, kept),), refusal)
