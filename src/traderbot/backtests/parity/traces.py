"""Orders with what became of them, read from events: of a session as of a run."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import msgspec

from traderbot.engine.ledger import postings
from traderbot.model.account import NOTHING, Account
from traderbot.model.actions import ActionKind
from traderbot.model.events import (
    CashMoved,
    CorporateActionApplied,
    Event,
    Execution,
    ExecutionBusted,
    OrderCancelled,
    OrderExpired,
    OrderPlaced,
    OrderRefused,
    OrderRejected,
    OrderReplaced,
)
from traderbot.model.orders import Side
from traderbot.model.symbols import Symbol


class Fill(NamedTuple):
    """One execution. notional, fee: exact money."""

    id: UUID
    at: int
    qty: Decimal
    price: Decimal
    notional: Decimal
    fee: Decimal


class Trace(msgspec.Struct):
    """An order and its executions in the window. actor: who asked; end: how it ended without being filled,
    in words; stood: whether it was open when the window began.
    """

    id: UUID
    symbol: Symbol
    side: Side
    qty: Decimal
    placed_at: int
    actor: str
    fills: list[Fill] = []
    end: str = ""
    stood: bool = False

    @property
    def filled(self) -> Decimal:
        return sum((fill.qty for fill in self.fills), NOTHING)


class Refused(NamedTuple):
    """An order that the gate did not take."""

    at: int
    order_id: UUID
    symbol: Symbol
    side: Side
    actor: str
    words: str


class Cash(NamedTuple):
    """Cash that moved but for a trade. kind: as in the journal, or dividend."""

    at: int
    kind: str
    symbol: Symbol | None
    amount: Decimal


class Traces:
    """Everything that changed what an account is worth, from an account and the events behind it."""

    def __init__(self, start: Account, happened: Iterable[tuple[Event, str]]) -> None:
        """happened: events, each with who caused it."""
        self.orders: dict[UUID, Trace] = {
            order.id: Trace(
                order.id, order.symbol, order.side, order.remaining, order.placed_at, "", [], "", True
            )
            for order in start.orders.values()
        }
        self.refused: list[Refused] = []
        self.cash: list[Cash] = []
        for event, actor in happened:
            self._take(event, actor)

    def _take(self, event: Event, actor: str) -> None:
        if isinstance(event, OrderPlaced):
            self.orders[event.order_id] = Trace(
                event.order_id, event.symbol, event.side, event.qty, event.at, actor
            )
        elif isinstance(event, Execution):
            fill = Fill(event.execution_id, event.at, event.qty, event.price, event.notional, event.fee)
            self.orders[event.order_id].fills.append(fill)
        elif isinstance(event, ExecutionBusted):
            trace = self.orders.get(event.order_id)
            if trace is not None:
                trace.fills = [fill for fill in trace.fills if fill.id != event.execution_id]
        elif isinstance(event, OrderRefused):
            words = f"{event.reason}: {event.detail}"
            self.refused.append(Refused(event.at, event.order_id, event.symbol, event.side, actor, words))
        elif isinstance(event, CashMoved):
            self.cash.append(Cash(event.at, event.kind, event.symbol, event.amount))
        elif isinstance(event, CorporateActionApplied) and event.kind is ActionKind.DIVIDEND:
            amount = sum((one.amount for one in postings(event) if one.ledger == "cash"), NOTHING)
            self.cash.append(Cash(event.at, "dividend", event.symbol, amount))
        else:
            self._end(event, actor)

    def _end(self, event: Event, actor: str) -> None:
        if isinstance(event, OrderCancelled):
            words = f"cancelled ({event.reason}) by {actor}" if actor else f"cancelled ({event.reason})"
        elif isinstance(event, OrderExpired):
            words = "expired"
        elif isinstance(event, OrderRejected):
            words = f"rejected by the broker: {event.detail}"
        elif isinstance(event, OrderReplaced):
            words = f"replaced by {event.replaced_by}"
        else:
            return
        if event.order_id in self.orders:
            self.orders[event.order_id].end = words
