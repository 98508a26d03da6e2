"""An account as the engine sees it: balances, open orders, positions and their lots."""

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

import msgspec

from traderbot.model.amounts import Money
from traderbot.model.orders import Order, Side, Word
from traderbot.model.rules import Limits
from traderbot.model.symbols import Symbol

NOTHING = Decimal(0)
PAPER = "paper"
CURRENCY = "USD"  # there is no feed of rates, so nothing is converted


class AccountKind(Word):
    CASH = "cash"
    MARGIN = "margin"


class LotMethod(Word):
    """Which lots a closing execution uses up first: the oldest, the newest, or the dearest a share."""

    FIFO = "fifo"
    LIFO = "lifo"
    HIGHEST_COST = "highest_cost"


class Lot(msgspec.Struct):
    """Shares opened in one execution that are still held, and their cost without fees.

    Both are negative for shares sold short: what is owed, and what selling it brought in.
    """

    number: int
    qty: Decimal
    cost: Decimal
    opened_at: int


class Position(msgspec.Struct):
    """What is held of one symbol, negative when sold short; lots by number, oldest first. realised: gross
    gains so far, kept when flat.
    """

    symbol: Symbol
    qty: Decimal = NOTHING
    cost: Decimal = NOTHING
    realised: Decimal = NOTHING
    lots: dict[int, Lot] = msgspec.field(default_factory=dict)


class Valued(msgspec.Struct):
    """Equity at closes, for limits on losses; deposits and withdrawals shift all of it.

    day, week, month: the periods the account is in, as numbers; *_start: equity when each began; close: at
    the last close; peak: the highest close.
    """

    day: int
    week: int
    month: int
    day_start: Decimal
    week_start: Decimal
    month_start: Decimal
    close: Decimal
    peak: Decimal


class Account(msgspec.Struct):
    """The fold of one account's events. Only the engine's `apply` changes it.

    sides: the open orders by symbol and side, so that a check looks at none that cannot matter.
    balances: sum of postings by ledger; held: sum of the open orders' holds; reserved: shares that open sells
    keep for themselves, by symbol; lots_opened: number of the newest lot.
    halted, halted_symbols: why, or None; lifting: the codes that were given out to lift a halt, by symbol,
    "" for the account's own. margin_call: what was missing at the last revaluation, or None.
    overdraft: cash that a broker's late report took beyond what there was.
    second, orders_that_second, orders_that_day: the second of market time of its last order, how many it
    asked for in that second and in that day, UTC. breached: the limits on losses that a close has reached,
    with the number of the period.
    """

    id: UUID
    user_id: UUID | None = None
    session_id: UUID | None = None
    currency: str = ""
    kind: AccountKind = AccountKind.CASH
    broker: str = PAPER
    name: str = ""
    lot_method: LotMethod = LotMethod.FIFO
    balances: dict[str, Decimal] = msgspec.field(default_factory=dict)
    held: Decimal = NOTHING
    reserved: dict[Symbol, Decimal] = msgspec.field(default_factory=dict)
    orders: dict[UUID, Order] = msgspec.field(default_factory=dict)
    sides: dict[tuple[Symbol, Side], dict[UUID, Order]] = msgspec.field(default_factory=dict)
    positions: dict[Symbol, Position] = msgspec.field(default_factory=dict)
    lots_opened: int = 0
    halted: str | None = None
    halted_symbols: dict[Symbol, str] = msgspec.field(default_factory=dict)
    lifting: dict[str, str] = msgspec.field(default_factory=dict)
    limits: Limits | None = None
    margin_call: Money | None = None
    overdraft: Decimal = NOTHING
    valued: Valued | None = None
    second: int = 0
    orders_that_second: int = 0
    orders_that_day: int = 0
    breached: dict[str, int] = msgspec.field(default_factory=dict)

    def add_order(self, order: Order) -> bool:
        """Take up an open order; false if one of its id is open already."""
        if self.orders.setdefault(order.id, order) is not order:
            return False
        key = (order.symbol, order.side)
        side = self.sides.get(key)
        if side is None:
            self.sides[key] = {order.id: order}
        else:
            side[order.id] = order
        return True

    def remove_order(self, order: Order) -> None:
        """Let go of an open order."""
        del self.orders[order.id]
        key = (order.symbol, order.side)
        side = self.sides[key]
        del side[order.id]
        if not side:
            del self.sides[key]

    def rename_orders(self, symbol: Symbol, new_symbol: Symbol) -> None:
        """Give the open orders of one symbol to another; each keeps its age."""
        for order in self.orders.values():
            if order.symbol == symbol:
                order.symbol = new_symbol
        for side in Side:
            self.sides.pop((symbol, side), None)
            own = [
                order for order in self.orders.values() if order.symbol == new_symbol and order.side is side
            ]
            if own:
                self.sides[new_symbol, side] = {order.id: order for order in own}

    def orders_of(self, symbol: Symbol, side: Side) -> Iterable[Order]:
        """Open orders of one symbol and side, oldest first."""
        found = self.sides.get((symbol, side))
        return () if found is None else found.values()

    @property
    def cash(self) -> Money:
        return Money(self.balances.get("cash", NOTHING))

    @property
    def available(self) -> Money:
        """Cash that no open order holds; of a margin account it may be below zero."""
        return Money(self.balances.get("cash", NOTHING) - self.held)

    def quantity(self, symbol: Symbol) -> Decimal:
        position = self.positions.get(symbol)
        return NOTHING if position is None else position.qty
