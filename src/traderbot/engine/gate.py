"""The gate: may this order go? One pure function of account, order, market and rules."""

from decimal import Decimal
from typing import NamedTuple

from traderbot.engine.market import Mark, Market
from traderbot.model import rounding
from traderbot.model.account import NOTHING, Account
from traderbot.model.amounts import Money, Price
from traderbot.model.commands import PlaceOrder, Rules
from traderbot.model.orders import Side
from traderbot.model.reasons import Reason, Refusal, refuse

_ONE = Decimal(1)
_NO_HOLD = Money(NOTHING)


class Approval(NamedTuple):
    """What the gate approved: the mark it saw, the highest price the hold covers, the hold (0 for a sale)."""

    mark: Mark
    price_max: Price
    hold: Money


def review(account: Account, order: PlaceOrder, market: Market, rules: Rules) -> Approval | Refusal:
    """Approve an order or refuse it, first reason found first. Halts come before anything else."""
    if account.halted is not None:
        return refuse(Reason.ACCOUNT_HALTED, f"({account.halted})")
    if rules.halted is not None:
        return refuse(Reason.PLATFORM_HALTED, f"({rules.halted})")
    if order.symbol in rules.halted_symbols:
        return refuse(Reason.SYMBOL_HALTED)
    if market.ended:
        return refuse(Reason.SESSION_ENDED)
    mark = market.mark(order.symbol)
    if mark is None:
        return refuse(Reason.UNKNOWN_SYMBOL, f"({order.symbol})")
    if market.time - mark.at > rules.stale_after:
        return refuse(Reason.STALE_QUOTE)
    return _price(order, mark, rules) or _cover(account, order, mark, rules)


def _price(order: PlaceOrder, mark: Mark, rules: Rules) -> Refusal | None:
    """Tick, distance from the market and size of the order."""
    limit = order.limit_price
    if limit is not None:
        if limit % rounding.tick(limit):
            return refuse(Reason.OFF_TICK, f"(limit_price {limit:f})")
        if abs(limit - mark.price) > mark.price * rules.max_limit_distance:
            allowed = f"allowed {rules.max_limit_distance:%} either way"
            return refuse(Reason.OUTSIDE_COLLAR, f"(limit_price {limit:f}, market {mark.price:f}, {allowed})")
    value = order.qty * (mark.price if limit is None else limit)
    if value > rules.max_order_value:
        return refuse(Reason.ORDER_VALUE_LIMIT, f"(value {value:f}, limit {rules.max_order_value:f})")
    return None


def _cover(account: Account, order: PlaceOrder, mark: Mark, rules: Rules) -> Approval | Refusal:
    """Cash for a buy at its worst price, free shares for a sell."""
    limit = order.limit_price
    if order.side is Side.BUY:
        price_max = rounding.price_at(mark.price, _ONE + rules.collar) if limit is None else limit
        hold = rounding.hold(order.qty, price_max, rules.fee_rate)
        if hold > account.available:
            return refuse(
                Reason.INSUFFICIENT_BUYING_POWER,
                f"(needs {rounding.cents(hold)}, available {rounding.cents(account.available)})",
            )
        return Approval(mark, price_max, hold)
    owned = account.quantity(order.symbol)
    free = owned - account.reserved.get(order.symbol, NOTHING)
    if order.qty > free:
        return refuse(Reason.INSUFFICIENT_QUANTITY, f"(asked {order.qty:f}, held {owned:f}, free {free:f})")
    return Approval(mark, mark.price if limit is None else limit, _NO_HOLD)
