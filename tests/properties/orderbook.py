"""The orders of one account a second time, from their events alone; the legal changes, written out again."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from properties.reference import MICRO, NOTHING, F, after_split, must, same, up
from traderbot.model import events as e

ENDED = {"filled", "canceled", "expired", "replaced", "rejected"}
WORKING = {"new", "partially_filled"}
BEGINNINGS = {"new", "pending_new", "held"}
LEGAL = {
    "pending_new": {"new", "unknown", "partially_filled", "filled", "canceled", "expired", "rejected"},
    "unknown": {"new", "partially_filled", "filled", "canceled", "expired", "rejected"},
    "held": {"new", "canceled", "expired", "replaced"},
    "new": {"partially_filled", "filled", "canceled", "expired", "replaced", "rejected"},
    "partially_filled": {"partially_filled", "filled", "canceled", "expired", "replaced"},
}


@dataclass
class Ordered:
    """One order. exact: sum of price times quantity, without any rounding."""

    placed: e.OrderPlaced
    symbol: str
    side: str
    type: str
    qty: Decimal
    price_max: Decimal
    hold: Decimal
    status: str
    limit: Decimal | None
    stop: Any
    reserves: bool
    filled: Decimal = NOTHING
    value: Decimal = NOTHING
    fees: Decimal = NOTHING
    exact: Fraction = Fraction(0)
    fills: int = 0
    adjusted: bool = False
    busted: bool = False
    late: bool = False
    lost: bool = False  # out of sight once, so that it could not end with its group
    triggered: bool = False
    replaced_by: UUID | None = None
    group: UUID | None = None
    leg: str = ""

    @property
    def open(self) -> bool:
        return self.status not in ENDED

    @property
    def rest(self) -> Decimal:
        return self.qty - self.filled

    @property
    def reserved(self) -> Decimal:
        return self.rest if self.side == "sell" and self.reserves and self.status != "held" else NOTHING

    def become(self, status: str) -> None:
        must(7, status in LEGAL.get(self.status, set()), "a legal change of status", self.status, status)
        self.status = status


def worst_fee(qty: Decimal, value: Fraction, order: "Ordered") -> Fraction:
    placed = order.placed
    fee = value * F(placed.fee_rate)
    if placed.fee_per_share is not None:
        fee += F(qty) * F(placed.fee_per_share)
    if placed.fee_minimum is not None:
        fee = max(fee, F(placed.fee_minimum) - F(order.fees))
    return fee


def worst_cost(order: "Ordered", rest: Decimal) -> Decimal:
    """What the rest of a buy may cost at worst, up to the next millionth, and one more for the rounding of
    its value; an order for a notional is worth that at most.
    """
    placed = order.placed
    value = F(rest) * F(order.price_max)
    if placed.notional is not None:
        value = max(F(0), F(placed.notional) - F(order.value))
    return up(value + worst_fee(rest, value, order)) + MICRO


@dataclass
class OrderBook:
    """kind: of the account; open: the part of the orders that is; names: client order ids used."""

    kind: str = "cash"
    orders: dict[UUID, Ordered] = field(default_factory=dict)
    open: dict[UUID, Ordered] = field(default_factory=dict)
    filled_by: dict[UUID, UUID] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    touched: set[UUID] = field(default_factory=set)  # groups that the last decision changed
    replacing: bool = False  # whether it replaced one

    def take(self, event: e.Event) -> None:
        match event:
            case e.AccountOpened():
                self.kind = event.kind.value
            case e.OrderPlaced():
                self.placed(event)
            case e.OrderFilled():
                self.filled(event)
            case e.OrderFilledLate():
                self.filled_late(event)
            case e.ExecutionBusted():
                self.busted(event)
            case e.OrderCancelled() | e.OrderExpired() | e.OrderReplaced() | e.OrderRejected():
                self.ended(event)
            case e.OrderAccepted():
                self.known(event.order_id).become("new")
            case e.OrderOutcomeUnknown():
                self.known(event.order_id).become("unknown")
                self.orders[event.order_id].lost = True
            case e.OrderTriggered():
                self.triggered(event)
            case e.TrailingMarkMoved():
                self.trailed(event)
            case e.LegActivated() | e.LegResized():
                self.leg(event)
            case e.CorporateActionApplied():
                self.company(event)

    def known(self, order_id: UUID) -> Ordered:
        must(7, order_id in self.open, "the order is open", order_id, self.status_of(order_id))
        order = self.open[order_id]
        if order.group is not None:
            self.touched.add(order.group)
        return order

    def status_of(self, order_id: UUID) -> str:
        return self.orders[order_id].status if order_id in self.orders else "never placed"

    def placed(self, event: e.OrderPlaced) -> None:
        must(7, event.order_id not in self.orders, "an order is placed once", event.order_id)
        name = event.client_order_id or str(event.order_id)
        must(12, name not in self.names, "a client order id is used once", name)
        self.names.add(name)
        must(7, event.status.value in BEGINNINGS, "what an order begins as", event.status)
        must(8, event.qty > 0, "an order is for something", event.qty)
        must(5, event.hold >= 0, "a hold is nothing or more", event.hold)
        order = Ordered(
            placed=event,
            symbol=event.symbol,
            side=event.side.value,
            type=event.type.value,
            qty=event.qty,
            price_max=event.price_max,
            hold=event.hold,
            status=event.status.value,
            limit=event.limit_price,
            stop=event.stop,
            reserves=event.reserves,
            triggered=event.stop is not None and event.stop.triggered_at is not None,
        )
        if event.member is not None:
            order.group, order.leg = event.member.group, event.member.leg.value
            self.touched.add(order.group)
        if order.status == "held":
            same(5, order.hold, NOTHING, "a leg that waits holds nothing")
            must(15, order.leg in ("take_profit", "stop_loss"), "only a leg waits", order.leg)
        elif self.kind == "cash":
            worst = worst_cost(order, event.qty) if order.side == "buy" else NOTHING
            same(5, event.hold, worst, "the hold of a cash account's order")
        self.orders[event.order_id] = self.open[event.order_id] = order

    def filled(self, event: e.OrderFilled) -> None:
        order = self.known(event.order_id)
        same(9, (event.side.value, event.symbol), (order.side, order.symbol), "what is filled was ordered")
        order.become(event.status.value)
        self.count(order, event)
        must(8, order.filled <= order.qty, "no more is filled than ordered", order.filled, order.qty)
        whole = order.filled == order.qty
        must(8, event.status.value == "filled" or not whole, "an order filled in full is filled", event)
        if event.status.value == "filled":
            must(8, whole or order.placed.notional is not None, "filled means in full", order.filled)
            same(5, event.hold, NOTHING, "a filled order holds nothing")
            del self.open[event.order_id]
        elif self.kind == "cash" and order.side == "buy":
            worst = worst_cost(order, order.rest)
            must(5, NOTHING <= event.hold <= worst, "a hold within the worst of the rest", event.hold, worst)
            spent = event.notional + event.fee
            kept = min(worst, order.hold - spent)
            must(5, event.hold >= min(kept, worst), "a hold is not given up too early", event.hold, kept)
            most = max(NOTHING, order.hold - spent + MICRO)
            must(5, event.hold <= most, "a hold grows by a millionth at most", event.hold, most)
        else:
            must(5, event.hold >= 0, "a hold is nothing or more", event.hold)
            must(5, self.kind == "margin" or not event.hold, "a sale holds no cash", event.hold)
        order.hold = event.hold

    def count(self, order: Ordered, event: Any) -> None:
        must(8, event.qty > 0, "an execution is of something", event.qty)
        order.filled, order.value = order.filled + event.qty, order.value + event.notional
        order.fees += event.fee
        order.exact += F(event.price) * F(event.qty)
        order.fills += 1
        self.filled_by[event.execution_id] = event.order_id
        same(9, (event.filled_qty, event.filled_value), (order.filled, order.value), "sums of the executions")
        off = abs(F(order.value) - order.exact)
        must(9, order.adjusted or off <= order.fills * F(MICRO) / 2, "value is price times quantity", off)

    def filled_late(self, event: e.OrderFilledLate) -> None:
        order = self.orders[event.order_id]
        must(7, not order.open, "a late execution is of a closed order", order.status)
        same(7, event.status.value, order.status, "a late execution leaves the status")
        same(5, event.hold, NOTHING, "a closed order holds nothing")
        order.late = True
        self.count(order, event)

    def busted(self, event: e.ExecutionBusted) -> None:
        order = self.orders[event.order_id]
        same(10, self.filled_by.get(event.execution_id), event.order_id, "a bust is of its order's execution")
        order.busted = True
        order.value -= event.notional
        order.exact -= F(event.price) * F(event.qty)
        order.fees -= event.fee
        if order.adjusted:
            must(8, NOTHING <= event.filled_qty < order.filled, "a bust lowers what is filled", event)
            order.filled, order.value = event.filled_qty, event.filled_value
            return
        order.filled -= event.qty
        same(9, (event.filled_qty, event.filled_value), (order.filled, order.value), "sums after a bust")

    def ended(self, event: Any) -> None:
        order = self.known(event.order_id)
        unknown = order.status in ("unknown", "pending_new")
        status = {
            e.OrderCancelled: "canceled",
            e.OrderExpired: "expired",
            e.OrderReplaced: "replaced",
            e.OrderRejected: "rejected",
        }[type(event)]
        if unknown and isinstance(event, e.OrderCancelled):
            asked = event.reason.value == "canceled_by_user" and order.status == "unknown"
            must(13, not asked, "an unknown order is not cancelled by its owner", event.order_id)
        order.become(status)
        order.hold = NOTHING
        if isinstance(event, e.OrderReplaced):
            self.replacing = True
            order.replaced_by = event.replaced_by
        del self.open[event.order_id]

    def triggered(self, event: e.OrderTriggered) -> None:
        order = self.known(event.order_id)
        must(7, order.status != "held", "an order that waits for its entry does not wake up", order.status)
        must(7, order.stop is not None and not order.triggered, "a stop order wakes up once", order.type)
        order.triggered = True

    def trailed(self, event: e.TrailingMarkMoved) -> None:
        order = self.known(event.order_id)
        must(7, order.type == "trailing_stop" and not order.triggered, "a trailing stop that waits", order)
        stop, falling = order.stop, order.side == "buy"
        better = event.hwm < stop.hwm if falling else event.hwm > stop.hwm
        must(7, better, "a trailing mark moves in its owner's favour", stop.hwm, event.hwm)
        trail = (
            F(event.hwm) * F(stop.trail_percent) / 100
            if stop.trail_percent is not None
            else F(stop.trail_price)
        )
        exact = F(event.hwm) + (trail if falling else -trail)
        step = F(1, 100) if event.stop_price >= 1 else F(1, 10000)
        must(6, abs(F(event.stop_price) - exact) <= max(step, F(1, 10000)), "it trails", event, float(exact))
        kept = event.stop_price <= stop.price if falling else event.stop_price >= stop.price
        must(7, kept, "a trailing stop never gives way", stop.price, event.stop_price)
        order.stop = type(stop)(
            event.stop_price, stop.trail_price, stop.trail_percent, event.hwm, stop.triggered_at
        )

    def leg(self, event: Any) -> None:
        order = self.known(event.order_id)
        assert order.group is not None
        must(15, event.qty > order.filled, "a leg is for something", event.qty, order.filled)
        must(15, self.replacing or event.qty <= order.qty, "a leg never grows", event.qty, order.qty)
        if isinstance(event, e.LegActivated):
            entry = self.orders[self.entry_of(order.group)]
            must(15, entry.status == "filled", "a leg waits for the whole entry", entry.status)
            parts = [
                known for known in self.orders.values() if known.group == order.group and known.leg == "entry"
            ]
            bought = sum((known.filled for known in parts), NOTHING)
            plain = not any(known.adjusted for known in parts) and order.symbol == entry.placed.symbol
            must(15, not plain or event.qty <= bought, "a leg sells what its entry bought", event.qty, bought)
            order.become("new")
        else:
            must(15, order.open, "only an open leg is resized", order.status)
        order.qty, order.reserves = event.qty, event.reserves

    def entry_of(self, group: UUID) -> UUID:
        """The order that the legs of a group hang on now: the entry, or what replaced it."""
        entry = group
        while (following := self.orders[entry].replaced_by) is not None:
            entry = following
        return entry

    def company(self, event: e.CorporateActionApplied) -> None:
        mine = {key: order for key, order in self.open.items() if order.symbol == event.symbol}
        if event.kind.value == "split":
            same(
                16, {change.order_id for change in event.orders}, set(mine), "a split is of every open order"
            )
            for change in event.orders:
                self.split(mine[change.order_id], change, event.new, event.old)
        elif event.kind.value == "symbol_change":
            for order in mine.values():
                order.symbol = str(event.new_symbol)
        elif event.kind.value == "delisting":
            same(16, list(mine), [], "no order of a delisted symbol stays open")

    def split(self, order: Ordered, change: e.AdjustedOrder, new: int, old: int) -> None:
        filled = after_split(order.filled, new, old)
        same(8, change.filled_qty, filled, "what was filled, after a split")
        same(8, change.qty, filled + after_split(order.rest, new, old), "the order's shares after a split")
        ratio = F(old, new)
        off = F(change.price_max) - F(order.price_max) * ratio
        coarse = F(1, 100) if order.limit is not None else F(1, 10**9)
        must(5, abs(off) <= coarse, "the highest price after a split", change.price_max)
        if order.side == "buy":
            least = F(1, 10**4) if order.limit is not None else F(1, 10**9)
            must(5, off <= 0 or F(change.price_max) <= least, "a buy's highest price is not raised", change)
        order.qty, order.filled, order.price_max = change.qty, change.filled_qty, change.price_max
        order.limit, order.adjusted = change.limit_price, True
        if change.stop is not None:
            order.stop = change.stop

    def check(self) -> None:
        """What must hold between decisions: the groups that were touched."""
        for group in self.touched:
            self.check_group([order for order in self.orders.values() if order.group == group])
        self.touched.clear()
        self.replacing = False

    def check_group(self, members: list[Ordered]) -> None:
        current = [order for order in members if order.status != "replaced"]
        entries = [order for order in current if order.leg == "entry"]
        exits = [order for order in current if order.leg != "entry"]
        full = [order for order in exits if order.status == "filled"]
        seen = [
            order for order in full if not order.lost
        ]  # what was out of sight may have been filled as well
        must(15, len(seen) < 2, "at most one exit is filled in full", seen)
        sold = sum((order.filled for order in members if order.leg != "entry" and not order.late), NOTHING)
        plain = not any(order.adjusted or order.busted or order.late or order.lost for order in members)
        if entries and plain:
            bought = sum((order.filled for order in members if order.leg == "entry"), NOTHING)
            must(15, sold <= bought, "the exits sell no more than the entry bought", sold, bought)
        elif plain:
            most = max((order.placed.qty for order in exits), default=NOTHING)
            replaced = any(order.status == "replaced" for order in members)
            must(15, replaced or sold <= most, "two exits sell no more than one is for", sold, most)
        if any(order.status in ("canceled", "expired", "rejected") for order in current) or full:
            left = [order.placed.order_id for order in current if order.open and not order.lost]
            must(15, not left, "a group ends together", [(o.leg, o.status) for o in current])
        reserving = [order for order in exits if order.reserved]
        must(15, len(reserving) < 2, "two exits keep their shares once", [o.leg for o in reserving])
        if entries and entries[0].open:
            waiting = all(order.status == "held" or not order.open for order in exits)
            must(15, waiting, "exits wait for their entry", [(o.leg, o.status) for o in current])
