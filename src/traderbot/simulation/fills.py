"""Executions: how much of an offer an order takes, at which price, for which fee."""

from decimal import Decimal
from hashlib import blake2b
from uuid import UUID

import msgspec

from traderbot.model import rounding
from traderbot.model.amounts import ONE, ZERO, Money, Price, Quantity
from traderbot.model.commands import CancelOrder, Command, RecordExecution
from traderbot.model.orders import Leg, Order, Side
from traderbot.model.reasons import Reason
from traderbot.simulation.costs import Costs
from traderbot.simulation.memory import Memory

_SHARE = Decimal(1)
_SLIVER = Decimal("0.000000001")
_BUY, _ENTRY = Side.BUY, Leg.ENTRY  # members of an Enum are slow to read
_WORD = (1 << 64) - 1  # a time before 1970 is negative

Filled = tuple[Decimal, bool]
"""Shares executed, and whether that ends the order."""
NOTHING: Filled = (ZERO, False)


class Given(msgspec.Struct):
    """What an order was given in this look already. parts: executions."""

    qty: Decimal = ZERO
    value: Decimal = ZERO
    fees: Decimal = ZERO
    parts: int = 0


class Seen(msgspec.Struct, frozen=True):
    """What an execution happens on, where a time alone may not tell. kind, number: of the observation."""

    at: int
    kind: str
    number: int


class Fills:
    """The executions of one account in one look, in `reports`.

    capped: whether a buy may cost no more than it holds, as of a cash account.
    """

    __slots__ = ("_costs", "_given", "_memory", "capped", "reports")

    def __init__(self, costs: Costs, memory: Memory, capped: bool) -> None:
        self.reports: list[Command] = []
        self.capped = capped
        self._costs = costs
        self._memory = memory
        self._given: dict[UUID, Given] | None = None

    def take(
        self,
        order: Order,
        base: Price,
        taking: bool,
        left: Decimal,
        at: int,
        volume: Decimal = ZERO,
        *,
        seen: Seen | None = None,
        whole: bool = False,
        fine: bool = False,
    ) -> Filled:
        """Execute what can be of an order at a price.

        taking: whether slippage is due. left: shares the account may take; volume: shares there were, for the
        impact, 0 for none. whole: all or nothing. fine: whether fractions are traded here. An execution never
        costs more than the order holds: what the hold cannot pay is cancelled.
        """
        remaining, value = order.qty - order.filled_qty, order.filled_value
        fees, cash = order.fees, order.hold
        if self._given is not None and (given := self._given.get(order.id)) is not None:
            remaining, value, fees = remaining - given.qty, value + given.value, fees + given.fees
            cash = Money(cash - given.value - given.fees)
        asked, costs, notional = remaining, self._costs, order.notional
        price = slipped(order, base, costs.slippage) if taking and costs.slippage else base
        if notional is not None or (volume and taking):
            asked, price = self._sized(order, base, price, remaining, value, left, volume if taking else ZERO)
            if not asked > 0:
                return NOTHING
        wanted = asked
        if price > order.price_max and self.capped and order.side is _BUY:
            wanted = min(asked, costs.affordable(cash, price, fees, _step(order, remaining, fine)))
        qty = wanted if wanted <= left else rounding.whole_steps(left, _step(order, remaining, fine))
        if whole and qty < asked:
            return NOTHING
        ends = qty == remaining or (notional is not None and qty == asked)
        if qty:
            filled = order.qty - remaining + qty
            self._record(order, Quantity(qty), price, filled, value, fees, at, seen, ends)
        if wanted is not asked and qty == wanted:
            self.reports.append(CancelOrder(order.id, Reason.GAP_BEYOND_COLLAR))
            return qty, True
        return qty, ends

    def _sized(
        self,
        order: Order,
        base: Price,
        price: Price,
        remaining: Decimal,
        value: Decimal,
        left: Decimal,
        volume: Decimal,
    ) -> tuple[Decimal, Price]:
        """Shares the order is for, and the price with the impact of their size; value: executed so far."""
        asked = remaining
        if order.notional is not None:
            asked = min(remaining, rounding.quantity_for(max(order.notional - value, ZERO), price))
        impact = self._costs.impact
        if volume and impact is not None and asked > 0:
            price = slipped(order, base, self._costs.slippage + impact.of(min(asked, left), volume))
            if order.notional is not None:
                asked = min(asked, rounding.quantity_for(max(order.notional - value, ZERO), price))
        return asked, price

    def _record(
        self,
        order: Order,
        qty: Quantity,
        price: Price,
        filled: Decimal,
        value: Decimal,
        fees: Decimal,
        at: int,
        seen: Seen | None,
        ends: bool,
    ) -> None:
        """Report an execution. filled: shares of the order with it; value, fees: of the order before it."""
        traded = rounding.notional(qty, price)
        schedule, month_volume = self._costs.fees, ZERO
        if schedule is not None and schedule.tiers:
            month_volume = self._memory.volume_of_month(at)
            self._memory.month_volume += qty
        fee = self._costs.fee(filled, value + traded, fees, month_volume)
        if seen is None:
            name = execution_id(order.id, at)
        else:
            if self._given is None:
                self._given = {}
            given = self._given.setdefault(order.id, Given())
            name = observed_id(order.id, seen, given.parts)
            given.qty, given.value, given.fees = given.qty + qty, given.value + traded, given.fees + fee
            given.parts += 1
        completes = ends and order.notional is not None
        self.reports.append(RecordExecution(order.id, name, qty, price, fee, at, completes))
        if order.member is not None and order.member.leg is _ENTRY:
            self._memory.entries[order.member.group] = price


def _step(order: Order, remaining: Decimal, fine: bool) -> Decimal:
    """The smallest part of an order that trades: fractions for those that have some, else whole shares."""
    return _SLIVER if fine or remaining % 1 or order.notional is not None else _SHARE


def slipped(order: Order, base: Price, slippage: Decimal) -> Price:
    """The base price moved against the order, never beyond its limit."""
    limit = order.limit_price
    if order.side is Side.BUY:
        price = rounding.price_at(base, ONE + slippage)
        return price if limit is None else min(price, limit)
    price = rounding.price_at(base, ONE - slippage)
    return price if limit is None else max(price, limit)


def execution_id(order_id: UUID, time: int) -> UUID:
    """The execution of an order on the bar of that time: the same id however often it is reported."""
    name = order_id.int ^ ((time & _WORD) << 64)
    return msgspec.convert(name.to_bytes(16), UUID)  # in half the time of UUID(int=...)


def observed_id(order_id: UUID, seen: Seen, part: int) -> UUID:
    """The execution of an order on a quote, print or book; part: its number among those of the order."""
    name = b"%b %d %b %d %d" % (order_id.bytes, seen.at, seen.kind.encode(), seen.number, part)
    return UUID(bytes=blake2b(name, digest_size=16).digest())
