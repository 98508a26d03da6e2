"""One order against a recorded order book: the engine and the broker of every backtest, so that the price of
size is seen on a real market before it is paid.
"""

from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import msgspec

from traderbot.engine.apply import apply
from traderbot.engine.decide import decide
from traderbot.engine.market import Mark, Phase
from traderbot.engine.money import DEPOSITED_MAX
from traderbot.market.level2 import Recording
from traderbot.model import rounding
from traderbot.model.account import Account, AccountKind
from traderbot.model.amounts import Money, Price
from traderbot.model.commands import Command, DepositCash, OpenAccount, PlaceOrder
from traderbot.model.errors import InvalidValue
from traderbot.model.events import Event, OrderFilled
from traderbot.model.observations import DepthUpdate, Trade
from traderbot.model.reasons import Refusal
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.simulation.book import Book
from traderbot.simulation.broker import SimulatedBroker
from traderbot.simulation.costs import Costs
from traderbot.simulation.memory import Memory

_NOBODY = UUID(int=0)
_TWO = Decimal(2)


class BookMarket:
    """The market of one order book that never closes: its mark is halfway between the best prices."""

    day_end = None
    ended = False
    phase = Phase.OPEN

    def __init__(self, book: Book) -> None:
        self._book = book

    @property
    def time(self) -> int:
        return self._book.at

    def mark(self, symbol: Symbol) -> Mark | None:
        bid, ask = self._book.bid, self._book.ask
        if symbol != self._book.symbol or bid is None or ask is None:
            return None
        return Mark(Price((bid[0] + ask[0]) / _TWO), self._book.at)


class Played(NamedTuple):
    """What became of the order. middle: halfway between the best prices when it was placed.

    events: of the order, oldest first. looks: how often the book or a print was held against it.
    """

    middle: Price
    placed_at: int
    events: list[Event]
    refusal: Refusal | None
    looks: int

    @property
    def fills(self) -> list[OrderFilled]:
        return [event for event in self.events if isinstance(event, OrderFilled)]

    @property
    def average(self) -> Price | None:
        """Average price of what was filled; None for nothing."""
        last = self.fills[-1] if self.fills else None
        return None if last is None else rounding.average_price(last.filled_value, last.filled_qty)


def play_order(
    recording: Recording, order: PlaceOrder, *, after: int = 0, costs: Costs | None = None
) -> Played:
    """Place an order `after` microseconds into the recording and play the rest of it.

    The account is a margin account with all the money there can be: what is tried is the market, not the
    purse. Errors: InvalidValue where the recording ends before.
    """
    costs = costs or Costs()
    desk = _Desk(recording.symbol, costs)
    start = recording.observed[0].at + after
    looks, middle = 0, None
    for seen in recording.observed:
        if not isinstance(seen, DepthUpdate | Trade):
            continue
        desk.book.move(seen)
        if middle is not None and desk.account.orders:
            desk.look()
            looks += 1
        elif middle is None and seen.at >= start and (mark := desk.market.mark(recording.symbol)):
            middle = mark.price
            desk.take([order])
    if middle is None:
        raise InvalidValue("after", "a time within the recording", after)
    return Played(middle, desk.placed_at, desk.events, desk.refusal, looks)


class _Desk:
    """An account in front of one book."""

    def __init__(self, symbol: Symbol, costs: Costs) -> None:
        self.book = Book(symbol)
        self.market = BookMarket(self.book)
        self.account = Account(_NOBODY)
        self.events: list[Event] = []
        self.refusal: Refusal | None = None
        self.placed_at = 0
        self._rules: Rules = msgspec.structs.replace(costs.rules, max_order_value=DEPOSITED_MAX)
        self._broker = SimulatedBroker(costs, self._rules)
        self._memory = Memory()
        self.take(
            [
                OpenAccount(_NOBODY, _NOBODY, _NOBODY, "USD", AccountKind.MARGIN),
                DepositCash(Money(DEPOSITED_MAX)),
            ]
        )
        self.events.clear()

    def look(self) -> None:
        """Hold the book, or the print it has just seen, against the open orders."""
        orders, book = self.account.orders.values(), self.book
        self.take(
            self._broker.reports(orders, {book.symbol: book}, book.at, memory=self._memory, margin=True)
        )

    def take(self, commands: list[Command]) -> None:
        for command in commands:
            if isinstance(command, PlaceOrder):
                self.placed_at = self.book.at
            decision = decide(self.account, command, self.market, self._rules)
            self.refusal = self.refusal or decision.refusal
            for event in decision.events:
                apply(self.account, event)
                self.events.append(event)
