"""The gate's checks that are always made, in their order: small, named, each with the reason it refuses for.

A check tells whether an order fails it, and its figures either way.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from traderbot.engine.case import Case
from traderbot.engine.crossing import crossed
from traderbot.engine.market import Phase
from traderbot.model import rounding
from traderbot.model.account import Account, AccountKind
from traderbot.model.commands import PlaceOrder
from traderbot.model.orders import Order, OrderClass, OrderType, Side, TimeInForce
from traderbot.model.reasons import Reason
from traderbot.model.rules import Rules

_AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


class Shape(NamedTuple):
    """What kind of order it is, of what kind of account: enough to know checks that it cannot fail."""

    side: Side
    type: OrderType
    order_class: OrderClass
    time_in_force: TimeInForce
    kind: AccountKind

    @property
    def simple(self) -> bool:
        return self.order_class is OrderClass.SIMPLE

    @property
    def exits_alone(self) -> bool:
        return self.order_class is OrderClass.OCO

    @property
    def sells_owned(self) -> bool:
        """Whether it is a sale that cannot go short."""
        return self.side is Side.SELL and self.kind is not AccountKind.MARGIN


def _any(shape: Shape) -> bool:
    return True


class Check(NamedTuple):
    """One check. priced: whether it can be made only where the symbol has a price. meant_for: whether an
    order of a shape can fail it at all.
    """

    name: str
    reason: Reason
    fails: Callable[[Case], bool]
    says: Callable[[Case], str]
    priced: bool = True
    meant_for: Callable[[Shape], bool] = _any


Made = tuple[tuple[Check, ...], tuple[Check, ...]]


def _off_tick(case: Case) -> bool:
    limit = case.order.limit_price
    if limit is not None and limit % rounding.tick(limit):
        return True
    order = case.order
    if order.stop_price is None and order.take_profit is None and order.stop_loss is None:
        return False
    return _first_off_tick(order) is not None


def _prices(order: PlaceOrder) -> list[tuple[str, Decimal]]:
    """Every price the order names."""
    named = [("limit_price", order.limit_price), ("stop_price", order.stop_price)]
    if order.take_profit is not None:
        named.append(("take_profit.limit_price", order.take_profit.limit_price))
    if order.stop_loss is not None:
        named.append(("stop_loss.stop_price", order.stop_loss.stop_price))
        named.append(("stop_loss.limit_price", order.stop_loss.limit_price))
    return [(name, price) for name, price in named if price is not None]


def _first_off_tick(order: PlaceOrder) -> tuple[str, Decimal] | None:
    return next(((name, price) for name, price in _prices(order) if price % rounding.tick(price)), None)


def _say_tick(case: Case) -> str:
    named = _first_off_tick(case.order)
    if named is not None:
        return f"({named[0]} {named[1]:f})"
    return _listed(f"{name} {price:f}" for name, price in _prices(case.order))


def _listed(parts: Iterable[str]) -> str:
    text = ", ".join(parts)
    return f"({text})" if text else ""


def _far(case: Case) -> bool:
    """Whether the limit price or the stop price lies too far from the market."""
    limit = case.order.limit_price
    reach = case.price * case.rules.max_limit_distance
    if limit is not None and abs(limit - case.price) > reach:
        return True
    return case.stop is not None and abs(case.stop.price - case.price) > reach


def _say_far(case: Case) -> str:
    limit, reach = case.order.limit_price, case.price * case.rules.max_limit_distance
    if case.stop is not None and (limit is None or abs(limit - case.price) <= reach):
        own = f"stop_price {case.stop.price:f}, "
    else:
        own = "" if limit is None else f"limit_price {limit:f}, "
    return f"({own}market {case.price:f}, allowed {case.rules.max_limit_distance:%} either way)"


def _entry_price(case: Case) -> Decimal:
    """The price that the exits of an order must lie around."""
    order = case.order
    if order.order_class is OrderClass.OCO:
        return case.price
    if order.limit_price is not None:
        return order.limit_price
    return case.price if case.stop is None else case.stop.price


def _exits_misplaced(case: Case) -> bool:
    order = case.order
    if order.order_class is OrderClass.SIMPLE:
        return False
    gain = order.limit_price if order.order_class is OrderClass.OCO else None
    if order.take_profit is not None:
        gain = order.take_profit.limit_price
    loss = None if order.stop_loss is None else order.stop_loss.stop_price
    entry = _entry_price(case)
    selling_exits = case.buying is not (order.order_class is OrderClass.OCO)
    if selling_exits:
        return (gain is not None and gain <= entry) or (loss is not None and loss >= entry)
    return (gain is not None and gain >= entry) or (loss is not None and loss <= entry)


def _say_exits(case: Case) -> str:
    order = case.order
    if order.order_class is OrderClass.SIMPLE:
        return ""
    exits = [f"{name} {price:f}" for name, price in _prices(order) if "." in name]
    if order.order_class is OrderClass.OCO:
        exits.insert(0, f"limit_price {order.limit_price:f}")
    return _listed([*exits, f"entry {_entry_price(case):f}"])


def _say_value(case: Case) -> str:
    return f"(value {case.value:f}, limit {case.rules.max_order_value:f})"


def _too_many_shares(case: Case) -> bool:
    """A sale of what is not free, where the order cannot sell short: on a cash account, for a value, or as a
    pair of exits.
    """
    if not case.opens:
        return False
    if case.order.order_class is OrderClass.OCO:
        return True
    if case.buying:
        return False
    return not case.margin or case.order.notional is not None


def _say_shares(case: Case) -> str:
    owned = case.account.quantity(case.order.symbol)
    if case.buying:
        return "" if case.order.order_class is not OrderClass.OCO else f"(asked {case.qty:f}, held {owned:f})"
    return f"(asked {case.qty:f}, held {owned:f}, free {case.free:f})"


def _crosses(case: Case) -> bool:
    return bool(case.account.orders) and _crossed(case) is not None


def _crossed(case: Case) -> Order | None:
    return crossed(case.account, case.order, case.stop, case.price, case.rules.collar, case.group)


def _say_crossed(case: Case) -> str:
    other = _crossed(case)
    return "" if other is None else f"(open {other.side} order {other.id})"


def _unknown_lot(case: Case) -> int | None:
    """The first lot a sale names that the account does not hold."""
    position = case.account.positions.get(case.order.symbol)
    for number in case.order.lots:
        lot = None if position is None else position.lots.get(number)
        if lot is None or lot.qty < 0:
            return number
    return None


def _say_lots(case: Case) -> str:
    unknown = _unknown_lot(case)
    return "" if unknown is None else f"(lot {unknown})"


def _say_call(case: Case) -> str:
    missing = case.account.margin_call
    return "" if missing is None else f"({rounding.cents(missing)} missing)"


def _unaffordable(case: Case) -> bool:
    return bool(case.opens) and case.hold > case.spare


def _say_cover(case: Case) -> str:
    return f"(needs {rounding.cents(case.hold)}, available {rounding.cents(case.spare)})"


def _symbol_halt(case: Case) -> str:
    why = case.account.halted_symbols.get(case.order.symbol)
    return f"({why})" if why else ""


def any_halt(account: Account, rules: Rules) -> bool:
    """Whether there is any halt to look at."""
    return (
        account.halted is not None
        or rules.halted is not None
        or bool(rules.halted_symbols)
        or bool(account.halted_symbols)
    )


def _halted_symbol(case: Case) -> bool:
    symbol = case.order.symbol
    return symbol in case.rules.halted_symbols or symbol in case.account.halted_symbols


def _in_words(text: str | None) -> str:
    return "" if text is None else f"({text})"


def _nothing(case: Case) -> str:
    return ""


def _old(case: Case) -> bool:
    assert case.mark is not None
    return case.market.time - case.mark.at > case.rules.stale_after


HALTS = (
    Check(
        "account_halt",
        Reason.ACCOUNT_HALTED,
        lambda case: case.account.halted is not None and not case.closes,
        lambda case: _in_words(case.account.halted),
        priced=False,
    ),
    Check(
        "platform_halt",
        Reason.PLATFORM_HALTED,
        lambda case: case.rules.halted is not None,
        lambda case: _in_words(case.rules.halted),
        priced=False,
    ),
    Check("symbol_halt", Reason.SYMBOL_HALTED, _halted_symbol, _symbol_halt, priced=False),
)
"""The checks of halts, before anything else."""

FIRST = (
    Check("session", Reason.SESSION_ENDED, lambda case: case.market.ended, _nothing, priced=False),
    Check(
        "session_open",
        Reason.SESSION_CLOSED,
        lambda case: case.order.time_in_force in _AT_ONCE and case.market.phase is not Phase.OPEN,
        lambda case: f"(time_in_force {case.order.time_in_force})",
        priced=False,
        meant_for=lambda shape: shape.time_in_force in _AT_ONCE,
    ),
    Check(
        "known_symbol",
        Reason.UNKNOWN_SYMBOL,
        lambda case: case.mark is None,
        lambda case: f"({case.order.symbol})",
        priced=False,
    ),
    Check("fresh_price", Reason.STALE_QUOTE, _old, _nothing),
    Check(
        "tick",
        Reason.OFF_TICK,
        _off_tick,
        _say_tick,
        meant_for=lambda shape: shape.type is not OrderType.MARKET or not shape.simple,
    ),
    Check(
        "collar",
        Reason.OUTSIDE_COLLAR,
        _far,
        _say_far,
        meant_for=lambda shape: shape.type is not OrderType.MARKET,
    ),
    Check(
        "exit_prices",
        Reason.GROUP_PRICES,
        _exits_misplaced,
        _say_exits,
        meant_for=lambda shape: not shape.simple,
    ),
    Check(
        "order_value",
        Reason.ORDER_VALUE_LIMIT,
        lambda case: case.value > case.rules.max_order_value and not case.closes,
        _say_value,
    ),
    Check(
        "free_shares",
        Reason.INSUFFICIENT_QUANTITY,
        _too_many_shares,
        _say_shares,
        meant_for=lambda shape: shape.side is Side.SELL or shape.exits_alone,
    ),
    Check("self_trade", Reason.SELF_TRADE, _crosses, _say_crossed),
    Check(
        "margin_call",
        Reason.MARGIN_CALL,
        lambda case: case.account.margin_call is not None and bool(case.opens),
        _say_call,
        meant_for=lambda shape: shape.kind is AccountKind.MARGIN,
    ),
)
"""The checks that are always made, after the halts and before the limits."""

LAST = (
    Check(
        "buying_power",
        Reason.INSUFFICIENT_BUYING_POWER,
        _unaffordable,
        _say_cover,
        meant_for=lambda shape: not shape.sells_owned,
    ),
)
"""The checks that are always made, after the limits."""

NEW_ONLY = Check(
    "known_lots", Reason.UNKNOWN_LOT, lambda case: _unknown_lot(case) is not None, _say_lots, priced=False
)
"""Made of new orders alone: a replacement may name lots that its own executions have used up."""


@cache
def meant_for(*shape: *tuple[Side, OrderType, OrderClass, TimeInForce, AccountKind]) -> Made:
    """The checks to make of an order of a shape, those before and those after the limits, in order.

    Worked out once for each of the few hundred shapes there are: most orders are plain, and need few.
    """
    of = Shape(*shape)
    first, last = (tuple(check for check in checks if check.meant_for(of)) for checks in (FIRST, LAST))
    return first, last
