"""An account's money from close to close, by lot: a fold of its journal that goes on as the journal grows.

At every close equity is exactly what was put in, plus what every lot has gained (at its mark over its cost,
realised, dividends, less fees and borrow fees), less interest. So the parts of a gain always sum to it.
Amounts are whole numbers of a millionth, the unit the ledger counts in, and shares of a billionth.

An event counts from the close after it on, in the order of the journal: an execution that came to light late
counts from then on, as in the valuations on record. What belongs to a lot belongs to whoever placed the order
that opened it.
"""

from array import array
from collections.abc import Iterable, Sequence
from decimal import Decimal
from uuid import UUID

import msgspec

from traderbot.engine import ledger
from traderbot.engine.apply import apply
from traderbot.infra.events.journal import Recorded
from traderbot.model import events as e
from traderbot.model import rounding
from traderbot.model.account import Account, Lot
from traderbot.model.actions import ActionKind
from traderbot.model.amounts import Price
from traderbot.model.orders import Side
from traderbot.model.symbols import Symbol

MANUAL = "manual"  # placed by a person or by their program
LOOSE = "unattributed"  # paid or charged for a symbol of which no lot was open any more
LEDGERS = (ledger.REALISED, ledger.DIVIDENDS, ledger.FEES, ledger.BORROW, ledger.INTEREST)
_PLACE = {name: place for place, name in enumerate(LEDGERS)}
_STRATEGY = "strategy:"
_BILLION = 1_000_000_000
_MILLION = 1_000_000


class Slice(msgspec.Struct):
    """What one strategy has of one symbol; symbol "": what belongs to the account as a whole."""

    symbol: str
    strategy: str


class TrackedLot(msgspec.Struct):
    """A lot from the execution that opened it to the one that closed it, None while it is open."""

    number: int
    slice: int
    order_id: UUID | None
    opened_at: int
    closed_at: int | None = None


class Rows(msgspec.Struct):
    """Columns that grow together, whole numbers of 64 bits."""

    columns: tuple["array[int]", ...]

    @classmethod
    def of(cls, width: int) -> "Rows":
        return cls(tuple(array("q") for _ in range(width)))

    def add(self, *values: int) -> None:
        for column, value in zip(self.columns, values, strict=True):
            column.append(value)

    def __len__(self) -> int:
        return len(self.columns[0])


def millionths(amount: Decimal) -> int:
    """An amount of money as the ledger counts it."""
    return int(amount * _MILLION)


def parts_of(total: int, weights: Sequence[int]) -> list[int]:
    """A whole number in parts by weight, each rounded down, the last with the rest; all of it to the last
    where the weights sum to nothing.
    """
    whole = sum(weights)
    parts = [total * weight // whole if whole else 0 for weight in weights]
    parts[-1] += total - sum(parts)
    return parts


class Track:
    """The fold. closes: time, equity, cash; flows: close, time, amount; values: close, slice, value, cost;
    entries: close, time, lot, ledger, amount (a gain positive); changes: close, time, lot, shares, cost.
    close: the index of the close they count from; time: of the market. marks: of the last close.
    """

    def __init__(self, account_id: UUID) -> None:
        self.account = Account(account_id)
        self.position = 0
        self.opened_at = 0
        self.closes, self.flows = Rows.of(3), Rows.of(3)
        self.values, self.entries, self.changes = Rows.of(4), Rows.of(5), Rows.of(5)
        self.marks: dict[Symbol, Price] = {}
        self.slices = [Slice("", "")]
        self.lots = [TrackedLot(0, 0, None, 0)]
        self._numbers: dict[int, int] = {}  # of open and closed lots: their place in `lots`
        self._slice_of: dict[tuple[str, str], int] = {}
        self._groups: dict[Symbol, list[tuple[int, int, int]]] = {}  # slice, shares, cost: until they change
        self._sources: dict[UUID, str] = {}
        self._signals: dict[UUID, str] = {}

    def take(self, entry: Recorded) -> None:
        """Go on by one event of the account. Errors: InvariantBroken."""
        event = entry.event
        if isinstance(event, e.PortfolioRevalued):
            self._close(event)
        elif isinstance(event, e.OrderPlaced):
            self._sources[event.order_id] = self._source(entry, event)
        elif isinstance(event, e.SignalRaised):
            self._signals[event.signal_id] = event.strategy
        elif isinstance(event, e.AccountOpened):
            self.opened_at = event.at
        touched = _touched(self.account, event)
        before = self._held(touched, event)
        apply(self.account, event)
        self._rename(event)
        self._book(event, self._changed(touched, before, event))
        self.position = entry.position

    def _source(self, entry: Recorded, event: e.OrderPlaced) -> str:
        """Who placed an order: the strategy that acted, else the one whose signal it is for, or a person."""
        if entry.meta.actor.startswith(_STRATEGY):
            return entry.meta.actor.removeprefix(_STRATEGY)
        return MANUAL if event.signal_id is None else self._signals.get(event.signal_id, MANUAL)

    def _close(self, event: e.PortfolioRevalued) -> None:
        close = len(self.closes)
        slices, values, costs = list[int](), list[int](), list[int]()
        for symbol, mark in event.marks.items():
            position = self.account.positions[symbol]
            groups = self._groups.get(symbol)
            if groups is None:
                groups = self._groups[symbol] = self._grouped(position.lots.values())
            value = millionths(rounding.market_value(position.qty, mark))
            whole = len(groups) == 1  # as nearly always, and then there is nothing to split
            parts = [value] if whole else parts_of(value, [shares for _, shares, _ in groups])
            for (slice_, _, cost), part in zip(groups, parts, strict=True):
                slices.append(slice_)
                values.append(part)
                costs.append(cost)
        for column, more in zip(
            self.values.columns, ([close] * len(slices), slices, values, costs), strict=True
        ):
            column.extend(more)
        self.marks = event.marks
        self.closes.add(event.at, millionths(event.equity), millionths(event.cash))

    def _grouped(self, lots: Iterable[Lot]) -> list[tuple[int, int, int]]:
        groups: dict[int, tuple[int, int]] = {}
        for lot in lots:
            slice_ = self.lots[self._numbers[lot.number]].slice
            shares, cost = groups.get(slice_, (0, 0))
            groups[slice_] = shares + int(lot.qty * _BILLION), cost + millionths(lot.cost)
        return [(slice_, *held) for slice_, held in groups.items()]

    def _held(self, touched: set[int], event: e.Event) -> dict[int, tuple[int, int]]:
        """Shares and cost of the lots of the event's symbols that it may change."""
        held = {}
        for symbol in (getattr(event, "symbol", None), getattr(event, "new_symbol", None)):
            position = self.account.positions.get(symbol) if symbol and touched else None
            for number in touched if position is not None else ():
                lot = position.lots.get(number)  # type: ignore[union-attr]  # it is there
                if lot is not None:
                    held[number] = int(lot.qty * _BILLION), millionths(lot.cost)
        return held

    def _changed(
        self, touched: set[int], before: dict[int, tuple[int, int]], event: e.Event
    ) -> list[tuple[int, int, int]]:
        """(place of the lot, change of shares, change of cost) of each lot that an event changed."""
        if not touched:
            return []
        for name in ("symbol", "new_symbol"):
            self._groups.pop(getattr(event, name, None), None)  # type: ignore[arg-type]
        after, changed = self._held(touched, event), []
        for number in sorted(touched):
            shares, cost = after.get(number, (0, 0))
            old_shares, old_cost = before.get(number, (0, 0))
            if (shares, cost) != (old_shares, old_cost):
                place = self._place(number, event)
                at: int = event.at  # type: ignore[attr-defined]  # all of an account's events have it
                self.lots[place].closed_at = None if shares else at
                self.changes.add(len(self.closes), at, place, shares - old_shares, cost - old_cost)
                changed.append((place, shares - old_shares, cost - old_cost))
        return changed

    def _rename(self, event: e.Event) -> None:
        """After a change of symbol, what was gained under the old name stands under the new one."""
        if isinstance(event, e.CorporateActionApplied) and event.new_symbol is not None:
            for place, slice_ in enumerate(self.slices):  # the lots keep their slices
                if slice_.symbol == event.symbol:
                    slice_.symbol = event.new_symbol
                    self._slice_of.setdefault((event.new_symbol, slice_.strategy), place)
                    self._slice_of.pop((event.symbol, slice_.strategy), None)

    def _place(self, number: int, event: e.Event) -> int:
        """Where a lot stands in `lots`; an execution's new one is put there."""
        place = self._numbers.get(number)
        if place is None:
            order_id: UUID = event.order_id  # type: ignore[attr-defined]  # only executions open lots
            slice_ = self._slice(event.symbol, self._sources.get(order_id, MANUAL))  # type: ignore[attr-defined]
            place = self._numbers[number] = len(self.lots)
            self.lots.append(TrackedLot(number, slice_, order_id, event.at))  # type: ignore[attr-defined]
        return place

    def _slice(self, symbol: str, strategy: str) -> int:
        place = self._slice_of.get((symbol, strategy))
        if place is None:
            place = self._slice_of[symbol, strategy] = len(self.slices)
            self.slices.append(Slice(symbol, strategy))
        return place

    def _book(self, event: e.Event, changed: list[tuple[int, int, int]]) -> None:
        """The event's money, lot by lot."""
        close, at = len(self.closes), getattr(event, "at", 0)
        if changed and not _is_split(event):
            cash = parts_of(_traded(event), [shares for _, shares, _ in changed])
            for (place, _, cost), part in zip(changed, cash, strict=True):
                if part + cost:
                    self.entries.add(close, at, place, _PLACE[ledger.REALISED], part + cost)
        for posting in ledger.postings(event):
            if posting.ledger == ledger.EXTERNAL:
                self.flows.add(close, at, -millionths(posting.amount))
            elif posting.ledger in _PLACE and posting.ledger != ledger.REALISED:
                gained = -millionths(posting.amount)
                self._spread((close, at), posting.ledger, posting.symbol, gained, changed)

    def _spread(
        self,
        when: tuple[int, int],
        name: str,
        symbol: Symbol | None,
        gained: int,
        changed: list[tuple[int, int, int]],
    ) -> None:
        """An amount over the lots that the event changed, else over those held of its symbol, by shares."""
        position = None if symbol is None else self.account.positions.get(symbol)
        shares = [(place, abs(moved)) for place, moved, _ in changed]
        if not shares and position is not None:
            shares = [
                (self._numbers[lot.number], abs(int(lot.qty * _BILLION))) for lot in position.lots.values()
            ]
        if not shares:
            shares = [(0 if symbol is None else self._loose(symbol), 1)]
        parts = parts_of(gained, [weight for _, weight in shares])
        for (place, _), part in zip(shares, parts, strict=True):
            if part:
                self.entries.add(*when, place, _PLACE[name], part)

    def _loose(self, symbol: Symbol) -> int:
        slice_ = self._slice(symbol, LOOSE)
        for place, lot in enumerate(self.lots):
            if lot.slice == slice_:
                return place
        self.lots.append(TrackedLot(0, slice_, None, 0))
        return len(self.lots) - 1


def _touched(account: Account, event: e.Event) -> set[int]:
    """Numbers of the lots that an event may change."""
    if isinstance(event, e.Execution):
        touched = {part.lot for part in event.relief}
        return touched if event.lot is None else touched | {event.lot}
    if isinstance(event, e.ExecutionBusted):
        return {part.lot for part in event.relief} | {part.lot for part in event.restored}
    if isinstance(event, e.CorporateActionApplied) and event.kind is not ActionKind.DIVIDEND:
        found = (account.positions.get(name) for name in (event.symbol, event.new_symbol) if name)
        return {number for position in found if position is not None for number in position.lots}
    return set()


def _is_split(event: e.Event) -> bool:
    return isinstance(event, e.CorporateActionApplied) and event.kind is ActionKind.SPLIT


def _traded(event: e.Event) -> int:
    """Cash, without fees, that came in for the shares that left, below zero for what was paid."""
    if isinstance(event, e.Execution):
        return millionths(event.notional if event.side is Side.SELL else -event.notional)
    if isinstance(event, e.ExecutionBusted):
        return millionths(event.notional if event.side is Side.BUY else -event.notional)
    return millionths(getattr(event, "cash", None) or Decimal(0))
