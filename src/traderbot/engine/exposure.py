"""How much an account has at stake: positions and open orders at marks, and what a margin account may use.

Open orders count at their worst: for each symbol the larger of what is held with all buys filled, and what is
sold short with all sales filled.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import chain
from typing import NamedTuple
from uuid import UUID

from traderbot.engine.market import Market
from traderbot.model import rounding
from traderbot.model.account import NOTHING, Account, AccountKind
from traderbot.model.amounts import Money
from traderbot.model.orders import Leg, Order, OrderStatus, Side
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol


def free_quantity(account: Account, symbol: Symbol) -> Decimal:
    """Shares held that no open sale reserves."""
    owned = account.quantity(symbol)
    if owned <= NOTHING:
        return NOTHING
    free = owned - account.reserved.get(symbol, NOTHING)
    return free if free > NOTHING else NOTHING


def working(account: Account, symbol: Symbol | None = None) -> Iterator[Order]:
    """Open orders that can still trade, of two exits for the same shares only one."""
    orders: Iterable[Order] = account.orders.values()
    if symbol is not None:
        orders = chain(account.orders_of(symbol, Side.BUY), account.orders_of(symbol, Side.SELL))
    for order in orders:
        if order.status is OrderStatus.HELD:
            continue
        if order.member is not None and order.member.leg is Leg.STOP_LOSS and _has_sibling(account, order):
            continue
        yield order


def _has_sibling(account: Account, stop: Order) -> bool:
    assert stop.member is not None
    group = stop.member.group
    return any(
        other.member is not None
        and other.member.group == group
        and other.member.leg is Leg.TAKE_PROFIT
        and other.status is not OrderStatus.HELD
        for other in account.orders_of(stop.symbol, stop.side)
    )


def uncovered_short(account: Account, symbol: Symbol, but: UUID | None = None) -> Decimal:
    """Shares sold short that no open buy would buy back; but: an order that is left out of it."""
    owned = account.quantity(symbol)
    if owned >= 0:
        return NOTHING
    buys = (o.remaining for o in working(account, symbol) if o.side is Side.BUY and o.id != but)
    return max(NOTHING, -owned - sum(buys, NOTHING))


class Stake(NamedTuple):
    """One symbol at its worst. long_qty, long_value: with all buys filled; short_qty, short_value: with all
    sales filled; of either sign, exact.
    """

    long_qty: Decimal
    short_qty: Decimal
    long_value: Decimal
    short_value: Decimal

    @property
    def qty(self) -> Decimal:
        """The larger of both sides, in shares."""
        return max(abs(self.long_qty), abs(self.short_qty))

    @property
    def value(self) -> Decimal:
        """The larger of both sides, in money."""
        return max(abs(self.long_value), abs(self.short_value))


class Unmarked(Exception):  # noqa: N818 - a state of affairs, answered with a refusal
    """A symbol that the account holds or has orders for has no price."""

    def __init__(self, symbol: Symbol) -> None:
        super().__init__(symbol)
        self.symbol = symbol


def mark_of(market: Market, symbol: Symbol) -> Decimal:
    """The price of a symbol. Errors: Unmarked."""
    mark = market.mark(symbol)
    if mark is None:
        raise Unmarked(symbol)
    return mark.price


def order_price(order: Order, mark: Decimal) -> Decimal:
    """What an open order's shares may be worth: their mark, or the order's own price above it."""
    own = order.limit_price
    if own is None and order.stop is not None and order.stop.triggered_at is None:
        own = order.stop.price
    return mark if own is None or own < mark else own


def stakes(
    account: Account, market: Market, side: Side, symbol: Symbol, qty: Decimal, value: Decimal
) -> dict[Symbol, Stake]:
    """Every symbol at its worst, with one more order of that value. Errors: Unmarked."""
    sums: dict[Symbol, list[Decimal]] = {}
    for name, position in account.positions.items():
        if position.qty:
            worth = position.qty * mark_of(market, name)
            sums[name] = [position.qty, position.qty, worth, worth]
    for order in working(account):
        rest = order.remaining
        _add(sums, order.symbol, order.side, rest, rest * order_price(order, mark_of(market, order.symbol)))
    _add(sums, symbol, side, qty, value)
    return {name: Stake(*four) for name, four in sums.items()}


def _add(sums: dict[Symbol, list[Decimal]], symbol: Symbol, side: Side, qty: Decimal, value: Decimal) -> None:
    four = sums.setdefault(symbol, [NOTHING] * 4)
    if side is Side.BUY:
        four[0] += qty
        four[2] += value
    else:
        four[1] -= qty
        four[3] -= value


class Worth(NamedTuple):
    """An account at marks. long, short: value of the positions of either side, both positive; exact."""

    cash: Decimal
    long: Decimal
    short: Decimal

    @property
    def equity(self) -> Decimal:
        return self.cash + self.long - self.short

    @property
    def gross(self) -> Decimal:
        return self.long + self.short

    @property
    def net(self) -> Decimal:
        return self.long - self.short


def worth(account: Account, market: Market) -> Worth:
    """What the account is worth now. Errors: Unmarked."""
    long = short = NOTHING
    for symbol, position in account.positions.items():
        if position.qty > 0:
            long += position.qty * mark_of(market, symbol)
        elif position.qty:
            short -= position.qty * mark_of(market, symbol)
    return Worth(account.cash, long, short)


def maintenance(at: Worth, rules: Rules) -> Decimal:
    """Equity below which a margin account is called, exact."""
    return at.long * rules.margin.maintenance_long + at.short * rules.margin.maintenance_short


def requirement(at: Worth, rules: Rules) -> Decimal:
    """Equity that a margin account's positions need as initial margin, exact."""
    return at.gross * rules.margin.initial


def excess(account: Account, at: Worth, rules: Rules) -> Decimal:
    """Equity of a margin account that neither its positions nor its open orders need, exact."""
    needed = account.held + unheld(account, rules) if account.orders else account.held
    return at.equity - requirement(at, rules) - needed


def unheld(account: Account, rules: Rules) -> Decimal:
    """Initial margin of what open orders would open beyond what they hold, exact.

    An order that was to close shares holds nothing; once another order has closed them it would open. The
    older order closes first.
    """
    left: dict[tuple[Symbol, Side], Decimal] = {}
    missing = NOTHING
    for order in working(account):
        key = order.symbol, order.side
        if key not in left:
            owned = account.quantity(order.symbol)
            left[key] = max(NOTHING, owned if order.side is Side.SELL else -owned)
        rest = order.remaining
        opens = max(NOTHING, rest - left[key])
        left[key] = max(NOTHING, left[key] - rest)
        if opens:
            missing += max(NOTHING, opens * order.price_max * rules.margin.initial - order.hold)
    return missing


def buying_power(account: Account, market: Market, rules: Rules) -> Money:
    """Value of the positions that the account could open now; of a cash account its available cash.

    Errors: Unmarked.
    """
    if account.kind is AccountKind.CASH:
        return account.available
    return rounding.buying_power(excess(account, worth(account, market), rules), rules.margin.initial)


def withdrawable(account: Account, market: Market, rules: Rules) -> Money:
    """Cash that may be taken out: what is available, of a margin account no more than its excess either.

    Errors: Unmarked.
    """
    if account.kind is AccountKind.CASH:
        return Money(max(NOTHING, account.available))
    spare = rounding.spare_money(excess(account, worth(account, market), rules))
    return Money(max(NOTHING, spare))
