"""An account as the engine sees it: balances, open orders, positions and their lots."""

from collections import deque
from decimal import Decimal
from uuid import UUID

import msgspec

from traderbot.model.amounts import Money, Quantity
from traderbot.model.orders import Order
from traderbot.model.symbols import Symbol

NOTHING = Decimal(0)


class Lot(msgspec.Struct):
    """Shares bought in one execution that are still held, and their cost without fees."""

    number: int
    qty: Quantity
    cost: Money
    opened_at: int


class Position(msgspec.Struct):
    """What is held of one symbol; lots oldest first. realised: gross gains so far, kept when flat."""

    symbol: Symbol
    qty: Decimal = NOTHING
    cost: Decimal = NOTHING
    realised: Decimal = NOTHING
    lots: deque[Lot] = msgspec.field(default_factory=deque)


class Account(msgspec.Struct):
    """The fold of one account's events. Only the engine's `apply` changes it.

    balances: sum of postings by ledger; held: sum of the open orders' holds; reserved: shares that open sells
    hold, by symbol; lots_opened: number of the newest lot.
    """

    id: UUID
    user_id: UUID | None = None
    session_id: UUID | None = None
    currency: str = ""
    balances: dict[str, Decimal] = msgspec.field(default_factory=dict)
    held: Decimal = NOTHING
    reserved: dict[Symbol, Decimal] = msgspec.field(default_factory=dict)
    orders: dict[UUID, Order] = msgspec.field(default_factory=dict)
    positions: dict[Symbol, Position] = msgspec.field(default_factory=dict)
    lots_opened: int = 0
    halted: str | None = None

    @property
    def cash(self) -> Money:
        return Money(self.balances.get("cash", NOTHING))

    @property
    def available(self) -> Money:
        """Cash that no open order holds."""
        return Money(self.cash - self.held)

    def quantity(self, symbol: Symbol) -> Decimal:
        position = self.positions.get(symbol)
        return NOTHING if position is None else position.qty
