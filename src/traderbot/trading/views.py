"""Orders, fills, lots, activities and signals as people and programs see them, made from rows."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.engine import Row

from traderbot.model import rounding
from traderbot.model.amounts import Price
from traderbot.model.events import OrderPlaced
from traderbot.model.orders import OrderClass


class OrderView(msgspec.Struct, frozen=True):
    """An order as people and programs see it. Times: market time, microseconds. version: of the event that
    placed it.

    qty: null where it is for a notional. legs: the orders that hang on this one, where they were asked for.
    triggered_at: when its stop was reached. extended_hours, lots: as ordered; fees: charged so far.
    strategy: name of the one that asked for it, null for a person's and the platform's.
    """

    id: UUID
    client_order_id: str
    symbol: str
    side: str
    type: str
    time_in_force: str
    qty: Decimal | None
    limit_price: Decimal | None
    status: str
    filled_qty: Decimal
    filled_avg_price: Price | None
    hold: Decimal
    placed_at: int
    updated_at: int
    expires_at: int | None
    replaces: UUID | None
    replaced_by: UUID | None
    signal_id: UUID | None
    reason: str | None
    version: int = 0
    account_id: UUID | None = None
    notional: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    hwm: Decimal | None = None
    triggered_at: int | None = None
    order_class: str = OrderClass.SIMPLE.value
    group_id: UUID | None = None
    leg: str | None = None
    extended_hours: bool = False
    lots: tuple[int, ...] = ()
    fees: Decimal = Decimal(0)
    strategy: str | None = None
    legs: tuple["OrderView", ...] = ()

    @property
    def is_leg(self) -> bool:
        """Whether it hangs on another order: every member of a group but the one that it began with."""
        return self.leg is not None and self.leg != leading_leg(self.order_class)


class FillView(msgspec.Struct, frozen=True):
    """One execution. realised: gross of fees; at: market time, microseconds; version: of its event.

    late: it came to light after its order was closed; busted: version of the event that took it back.
    """

    execution_id: UUID
    order_id: UUID
    symbol: str
    side: str
    qty: Decimal
    price: Decimal
    fee: Decimal
    realised: Decimal
    at: int
    version: int
    late: bool = False
    busted: int | None = None
    account_id: UUID | None = None


class LotView(msgspec.Struct, frozen=True):
    """Shares opened in one execution, negative when sold short. qty, cost: what is left of them."""

    number: int
    symbol: str
    opened_at: int
    opened_qty: Decimal
    opened_cost: Decimal
    qty: Decimal
    cost: Decimal
    closed_at: int | None


class ActivityView(msgspec.Struct, frozen=True):
    """What happened to an account besides its orders. kind: deposit, withdrawal, margin_interest, borrow_fee,
    correction, dividend, split, symbol_change, delisting, margin_call, margin_call_met, halt,
    resume_requested, resume or quarantine.

    qty: of the position after it; amount: cash into the account, or what a margin call is for.
    """

    at: int
    kind: str
    symbol: str | None
    qty: Decimal | None
    amount: Decimal | None
    detail: str | None
    version: int
    account_id: UUID


class SignalView(msgspec.Struct, frozen=True):
    """A strategy's conclusion. rationale: as the strategy gave it."""

    id: UUID
    at: int
    symbol: str
    strategy: str
    action: str
    probability: float | None
    confidence: float | None
    target_weight: float | None
    order_id: UUID | None
    rationale: dict[str, Any]
    version: int


_MADE = ("client_order_id", "qty", "filled_avg_price", "order_class", "extended_hours", "lots", "legs")
_AS_STORED = tuple(name for name in OrderView.__struct_fields__ if name not in _MADE)


def leading_leg(order_class: str | None) -> str:
    """The part in its group of the order that the others hang on."""
    return "take_profit" if order_class == OrderClass.OCO.value else "entry"


def order_view(row: Row[Any] | Any) -> OrderView:
    """The order of a row of the table."""
    return OrderView(
        client_order_id=row.client_order_id or str(row.id),
        qty=row.qty if row.notional is None else None,
        filled_avg_price=rounding.average_price(row.filled_value, row.filled_qty) if row.filled_qty else None,
        order_class=row.order_class or OrderClass.SIMPLE.value,
        extended_hours=bool(row.extended_hours),
        lots=lots_of(row.lots),
        **{name: getattr(row, name) for name in _AS_STORED},
    )


def lots_of(text: str | None) -> tuple[int, ...]:
    """Numbers of lots from their column."""
    return tuple(map(int, text.split(","))) if text else ()


def placed_view(event: OrderPlaced, account_id: UUID | None = None, strategy: str | None = None) -> OrderView:
    """The order as it was when it was placed: what the answer to its request shows, however late it is
    asked again.
    """
    stop, member = event.stop, event.member
    return OrderView(
        id=event.order_id,
        client_order_id=event.client_order_id or str(event.order_id),
        symbol=event.symbol,
        side=event.side.value,
        type=event.type.value,
        time_in_force=event.time_in_force.value,
        qty=event.qty if event.notional is None else None,
        limit_price=event.limit_price,
        status=event.status.value,
        filled_qty=Decimal(0),
        filled_avg_price=None,
        hold=event.hold,
        placed_at=event.at,
        updated_at=event.at,
        expires_at=event.expires_at,
        replaces=event.replaces,
        replaced_by=None,
        signal_id=event.signal_id,
        reason=None,
        account_id=account_id,
        notional=event.notional,
        stop_price=stop.price if stop else None,
        trail_price=stop.trail_price if stop else None,
        trail_percent=stop.trail_percent if stop else None,
        hwm=stop.hwm if stop else None,
        order_class=member.order_class.value if member else OrderClass.SIMPLE.value,
        group_id=member.group if member else None,
        leg=member.leg.value if member else None,
        extended_hours=event.extended_hours,
        lots=event.lots,
        strategy=strategy,
    )


def placed_views(events: list[Any], account_id: UUID | None = None) -> list[OrderView]:
    """The orders that the events of one request placed, each with its legs, as they were then."""
    views = [placed_view(event, account_id) for event in events if isinstance(event, OrderPlaced)]
    return nest(views, views)


def nest(parents: list[OrderView], members: list[OrderView]) -> list[OrderView]:
    """The orders that are no legs, each with those of its group. A leg that was replaced is left out, as its
    successor is there; so is a leg of a parent that was replaced.
    """
    legs: dict[UUID, list[OrderView]] = {}
    for member in members:
        if member.is_leg and member.group_id is not None and member.status != "replaced":
            legs.setdefault(member.group_id, []).append(member)
    nested = []
    for parent in parents:
        if parent.is_leg:
            continue
        found = None if parent.group_id is None or parent.status == "replaced" else legs.get(parent.group_id)
        nested.append(msgspec.structs.replace(parent, legs=tuple(found)) if found else parent)
    return nested


def fill_view(row: Row[Any]) -> FillView:
    """The execution of a row of the table."""
    names = [name for name in FillView.__struct_fields__ if name != "late"]
    return FillView(late=bool(row.late), **{name: getattr(row, name) for name in names})


def signal_view(row: Row[Any]) -> SignalView:
    """The signal of a row of the table."""
    names = [name for name in SignalView.__struct_fields__ if name != "rationale"]
    rationale = msgspec.json.decode(row.rationale, type=dict[str, Any])
    return SignalView(rationale=rationale, **{name: getattr(row, name) for name in names})
