"""What an order sets aside while it is open: the worst cost of a cash account's buy, the initial margin of
what a margin account's order opens.
"""

from decimal import Decimal

from traderbot.engine.exposure import free_quantity, uncovered_short
from traderbot.model import rounding
from traderbot.model.account import NOTHING, Account, AccountKind
from traderbot.model.amounts import Money, Price, Quantity
from traderbot.model.orders import Order, Side
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol

_NONE = Money(NOTHING)
_CASH, _SELL = AccountKind.CASH, Side.SELL  # read once: a member of an Enum is slow to get at


def worst_fee(
    value: Decimal,
    qty: Decimal,
    rate: Decimal,
    per_share: Decimal | None,
    minimum: Decimal | None,
    charged: Decimal = NOTHING,
) -> Decimal:
    """The highest fee for trading a value, exact; charged: what the order paid of its minimum before."""
    fee = value * rate
    if per_share is not None:
        fee += qty * per_share
    if minimum is not None:
        fee = max(fee, minimum - charged)
    return fee


def opening(account: Account, symbol: Symbol, side: Side, qty: Decimal) -> Decimal:
    """The part of an order that opens or enlarges a position, once all open orders have their share.

    A sale first closes shares that no other sale reserves, a buy first what is sold short and not covered by
    other buys.
    """
    if side is Side.SELL:
        return max(NOTHING, qty - free_quantity(account, symbol))
    short = uncovered_short(account, symbol)
    return max(NOTHING, qty - short) if short else qty


def hold_for(
    kind: AccountKind,
    side: Side,
    qty: Quantity,
    price_max: Price,
    notional: Money | None,
    opens: Decimal,
    rules: Rules,
) -> Money:
    """The hold of a new order. opens: the part of it that opens, as `opening` says; notional: the value it is
    for, where it was given as one.
    """
    if not opens or (kind is _CASH and side is _SELL):
        return _NONE
    rate, per_share, minimum = rules.fee_rate, rules.fee_per_share, rules.fee_minimum
    if kind is _CASH:
        if notional is None and per_share is None and minimum is None:
            return rounding.hold(qty, price_max, rate)
        value = qty * price_max if notional is None else notional
        return rounding.set_aside(value, worst_fee(value, qty, rate, per_share, minimum))
    value = qty * price_max if notional is None else notional
    opened = opens * price_max if notional is None else notional
    fee = worst_fee(value, qty, rate, per_share, minimum)
    return rounding.set_aside(opened * rules.margin.initial, fee)


def hold_left(
    account: Account, order: Order, qty: Quantity, notional: Money, fee: Money, purse: Decimal, rules: Rules
) -> Money:
    """The hold of an order after an execution that leaves some of it open; account: before that execution.

    Never more than what the execution left of the old hold; a millionth more replaces what the rounding of
    the execution took. purse: cash that no other order holds, after the execution; of a cash account the
    hold is never more than that.
    """
    if not order.hold:
        return _NONE
    rest = order.remaining - qty
    charged = order.fees + fee
    if order.notional is None:
        value = rest * order.price_max
    else:
        value = max(NOTHING, order.notional - order.filled_value - notional)
    worst = worst_fee(value, rest, order.fee_rate, order.fee_per_share, order.fee_minimum, charged)
    if account.kind is AccountKind.CASH:
        left = order.hold - notional - fee + rounding.MONEY_STEP
        return Money(max(NOTHING, min(rounding.set_aside(value, worst), left, purse)))
    opens = min(rest, _still_opening(account, order, qty))
    if not opens:
        return _NONE
    opened = value if order.notional is not None else opens * order.price_max
    return min(order.hold, rounding.set_aside(opened * rules.margin.initial, worst))


def _still_opening(account: Account, order: Order, qty: Decimal) -> Decimal:
    """The part of an order that opens once `qty` of it has executed."""
    rest = order.remaining - qty
    if order.side is Side.BUY:
        return max(NOTHING, rest - max(NOTHING, uncovered_short(account, order.symbol, order.id) - qty))
    others = account.reserved.get(order.symbol, NOTHING) - order.reserved
    return max(NOTHING, rest - max(NOTHING, account.quantity(order.symbol) - qty - others))
