"""What events do to the rows of orders: the same rows for the table, a rebuild, and orders as of a time.

A row has the columns that every order has; what only some have is left out until an event brings it.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from traderbot.model import events as e
from traderbot.model.account import NOTHING
from traderbot.model.actions import ActionKind
from traderbot.model.orders import OPEN, OrderStatus, Stop
from traderbot.model.reasons import Reason
from traderbot.model.symbols import Symbol
from traderbot.trading.assignments import strategy_of

Row = dict[str, Any]
OPENED = OrderStatus.NEW.value


class Rename(NamedTuple):
    """A change of symbol of an account's open orders. ended: orders that were closed by then."""

    account_id: UUID
    symbol: Symbol
    new_symbol: Symbol
    ended: list[UUID]


class OrderRows:
    """Rows of orders placed in these events, and changes of those placed before them.

    new: by order id; changed: columns by order id, of which `fees` is to be added to what the row has;
    owners: the accounts of those changed.
    renames: changes of symbol of the other orders that are open, to be written before anything else.
    """

    def __init__(self) -> None:
        self.new: dict[UUID, Row] = {}
        self.changed: dict[UUID, Row] = {}
        self.owners: dict[UUID, UUID] = {}
        self.renames: list[Rename] = []

    def take(self, event: e.Event, account_id: UUID, version: int, actor: str) -> None:
        """Follow one event of an account; version: of the event; actor: who caused it. Nothing for an event
        of another kind.
        """
        taker = _TAKERS.get(type(event))
        if taker is None:
            return
        taker(self, event, account_id, version)
        if type(event) is e.OrderPlaced and (strategy := strategy_of(actor)) is not None:
            self.new[event.order_id]["strategy"] = strategy

    def _change(self, account_id: UUID, order_id: UUID, fees: Decimal | None = None, **columns: Any) -> None:
        row = self.new.get(order_id)
        if row is None:
            row = self.changed.setdefault(order_id, {})
            self.owners[order_id] = account_id
        row.update(columns)
        if fees is not None:
            row["fees"] = row.get("fees", NOTHING) + fees

    def placed(self, event: e.OrderPlaced, account_id: UUID, version: int) -> None:
        row: Row = {
            "id": event.order_id,
            "account_id": account_id,
            "version": version,
            "client_order_id": event.client_order_id,
            "symbol": event.symbol,
            "side": str(event.side),
            "type": str(event.type),
            "time_in_force": str(event.time_in_force),
            "qty": event.qty,
            "limit_price": event.limit_price,
            "price_max": event.price_max,
            "fee_rate": event.fee_rate,
            "hold": event.hold,
            "status": str(event.status),
            "filled_qty": NOTHING,
            "filled_value": NOTHING,
            "placed_at": event.at,
            "expires_at": event.expires_at,
            "updated_at": event.at,
            "signal_id": event.signal_id,
        }
        self.new[event.order_id] = row
        for name in _SELDOM:
            value = getattr(event, name)
            if value is not None:
                row[name] = value
        if event.stop is not None:
            row.update(_stop(event.stop))
        if event.member is not None:
            member = event.member
            row.update(group_id=member.group, leg=member.leg.value, order_class=member.order_class.value)
        if event.extended_hours:
            row["extended_hours"] = True
        if not event.reserves:
            row["reserves"] = False
        if event.lots:
            row["lots"] = ",".join(map(str, event.lots))

    def filled(self, event: e.OrderFilled, account_id: UUID, version: int) -> None:
        self._change(
            account_id,
            event.order_id,
            event.fee,
            filled_qty=event.filled_qty,
            filled_value=event.filled_value,
            status=str(event.status),
            hold=event.hold,
            updated_at=event.at,
        )

    def filled_late(self, event: e.OrderFilledLate, account_id: UUID, version: int) -> None:
        """Of the market time of the last change nothing: the order was closed when this became known."""
        self._change(
            account_id,
            event.order_id,
            event.fee,
            filled_qty=event.filled_qty,
            filled_value=event.filled_value,
        )

    def busted(self, event: e.ExecutionBusted, account_id: UUID, version: int) -> None:
        self._change(
            account_id,
            event.order_id,
            -event.fee,
            filled_qty=event.filled_qty,
            filled_value=event.filled_value,
        )

    def accepted(self, event: e.OrderAccepted, account_id: UUID, version: int) -> None:
        self._change(account_id, event.order_id, status=OrderStatus.NEW.value, updated_at=event.at)

    def unknown(self, event: e.OrderOutcomeUnknown, account_id: UUID, version: int) -> None:
        self._change(account_id, event.order_id, status=OrderStatus.UNKNOWN.value, updated_at=event.at)

    def rejected(self, event: e.OrderRejected, account_id: UUID, version: int) -> None:
        self._end(event, account_id, OrderStatus.REJECTED, reason=Reason.REJECTED_BY_BROKER.value)

    def cancelled(self, event: e.OrderCancelled, account_id: UUID, version: int) -> None:
        self._end(event, account_id, OrderStatus.CANCELED, reason=event.reason.value)

    def expired(self, event: e.OrderExpired, account_id: UUID, version: int) -> None:
        self._end(event, account_id, OrderStatus.EXPIRED)

    def replaced(self, event: e.OrderReplaced, account_id: UUID, version: int) -> None:
        self._end(event, account_id, OrderStatus.REPLACED, replaced_by=event.replaced_by)

    def _end(
        self,
        event: e.OrderRejected | e.OrderCancelled | e.OrderExpired | e.OrderReplaced,
        account_id: UUID,
        status: OrderStatus,
        **columns: Any,
    ) -> None:
        self._change(
            account_id, event.order_id, hold=NOTHING, updated_at=event.at, status=status.value, **columns
        )

    def triggered(self, event: e.OrderTriggered, account_id: UUID, version: int) -> None:
        self._change(account_id, event.order_id, triggered_at=event.at, updated_at=event.at)

    def trailed(self, event: e.TrailingMarkMoved, account_id: UUID, version: int) -> None:
        self._change(
            account_id, event.order_id, hwm=event.hwm, stop_price=event.stop_price, updated_at=event.at
        )

    def activated(self, event: e.LegActivated, account_id: UUID, version: int) -> None:
        self._change(
            account_id,
            event.order_id,
            status=OrderStatus.NEW.value,
            qty=event.qty,
            reserves=_reserves(event),
            active_at=event.at,
            updated_at=event.at,
        )

    def resized(self, event: e.LegResized, account_id: UUID, version: int) -> None:
        self._change(
            account_id, event.order_id, qty=event.qty, reserves=_reserves(event), updated_at=event.at
        )

    def adjusted(self, event: e.CorporateActionApplied, account_id: UUID, version: int) -> None:
        for change in event.orders:
            columns: Row = {
                "qty": change.qty,
                "filled_qty": change.filled_qty,
                "limit_price": change.limit_price,
                "price_max": change.price_max,
                "updated_at": event.at,
            }
            if change.stop is not None:
                columns.update(_stop(change.stop))
            self._change(account_id, change.order_id, **columns)
        if event.kind is ActionKind.SYMBOL_CHANGE and event.new_symbol is not None:
            self._rename(account_id, event.symbol, event.new_symbol)

    def _rename(self, account_id: UUID, symbol: Symbol, new_symbol: Symbol) -> None:
        """The event names no orders: those that are open then move. Rows of this batch say so themselves."""
        for row in self.new.values():
            if (row["account_id"], row["symbol"]) == (account_id, symbol) and row["status"] in OPEN:
                row["symbol"] = new_symbol
        ended = [key for key, change in self.changed.items() if change.get("status", OPENED) not in OPEN]
        self.renames.append(Rename(account_id, symbol, new_symbol, ended))


_SELDOM = ("replaces", "notional", "fee_per_share", "fee_minimum")
_TAKERS: dict[type[e.Event], Callable[[OrderRows, Any, UUID, int], None]] = {
    e.OrderPlaced: OrderRows.placed,
    e.OrderFilled: OrderRows.filled,
    e.OrderFilledLate: OrderRows.filled_late,
    e.ExecutionBusted: OrderRows.busted,
    e.OrderAccepted: OrderRows.accepted,
    e.OrderOutcomeUnknown: OrderRows.unknown,
    e.OrderRejected: OrderRows.rejected,
    e.OrderCancelled: OrderRows.cancelled,
    e.OrderExpired: OrderRows.expired,
    e.OrderReplaced: OrderRows.replaced,
    e.OrderTriggered: OrderRows.triggered,
    e.TrailingMarkMoved: OrderRows.trailed,
    e.LegActivated: OrderRows.activated,
    e.LegResized: OrderRows.resized,
    e.CorporateActionApplied: OrderRows.adjusted,
}


def _reserves(event: e.LegActivated | e.LegResized) -> bool | None:
    """As the column has it: null for an order that reserves."""
    return None if event.reserves else False


def _stop(stop: Stop) -> Row:
    return {
        "stop_price": stop.price,
        "trail_price": stop.trail_price,
        "trail_percent": stop.trail_percent,
        "hwm": stop.hwm,
        "triggered_at": stop.triggered_at,
    }
