"""Books kept a second time, from the events alone: slow, plain and in fractions, so as to be easy to trust.

Nothing here knows the engine. The only roundings are the documented ones: the value of an execution, the part
of a lot's cost and a dividend are half-even to a millionth; shares after a split are cut at nine places.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any
from uuid import UUID

from traderbot.model import events as e

D = Decimal
NOTHING = D(0)
F = Fraction
MICRO = D("0.000001")
FEES_OF_KIND = {"margin_interest", "borrow_fee"}


class Violation(AssertionError):  # noqa: N818 - the word of the test plan
    """An invariant that does not hold. number: its place in the list of invariants."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(f"invariant {number}: {what}")
        self.number = number


def must(number: int, holds: bool, what: str, *figures: object) -> None:
    """Insist on an invariant. figures: shown after the sentence when it is broken."""
    if not holds:
        shown = ", ".join(f"{figure:f}" if isinstance(figure, Decimal) else str(figure) for figure in figures)
        raise Violation(number, f"{what} ({shown})" if figures else what)


def same(number: int, found: object, expected: object, what: str) -> None:
    if found != expected:
        raise Violation(number, f"{what}: found {found}, expected {expected}")


def half_even(exact: Fraction, places: int = 6) -> Decimal:
    """The nearest decimal; of two equally near, the even one, which is what Python's round does."""
    return D(round(exact * 10**places)).scaleb(-places)


def up(exact: Fraction, places: int = 6) -> Decimal:
    return D(ceil(exact * 10**places)).scaleb(-places)


def value_of(qty: Decimal, price: Decimal) -> Decimal:
    return half_even(F(qty) * F(price))


def after_split(qty: Decimal, new: int, old: int) -> Decimal:
    """Shares after a split: cut toward nothing at nine places, but something never becomes nothing."""
    units = floor(abs(F(qty)) * new / old * 10**9)
    cut = D(max(units, 1) if qty else 0).scaleb(-9)
    return cut if qty >= 0 else -cut


def places_of(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 99


def fits(amount: Decimal, places: int) -> bool:
    return amount.is_finite() and F(amount) * 10**places == int(F(amount) * 10**places)


@dataclass
class Lot:
    number: int
    qty: Decimal
    cost: Decimal
    opened_at: int

    @property
    def a_share(self) -> Fraction:
        return F(self.cost) / F(self.qty)


@dataclass
class Holding:
    """One symbol. busy: shares that came and went by executions since it was last flat or acted upon."""

    lots: dict[int, Lot] = field(default_factory=dict)
    realised: Decimal = NOTHING

    @property
    def qty(self) -> Decimal:
        return sum((lot.qty for lot in self.lots.values()), NOTHING)

    @property
    def cost(self) -> Decimal:
        return sum((lot.cost for lot in self.lots.values()), NOTHING)


class Ledger:
    """Cash, lots and gains of one account."""

    def __init__(self) -> None:
        self.kind = "cash"
        self.method = "fifo"
        self.cash = self.flows = self.fees = self.realised = self.dividends = self.charges = NOTHING
        self.holdings: dict[str, Holding] = {}
        self.opened = 0  # number of the newest lot
        self.wishes: dict[UUID, tuple[int, ...]] = {}  # the lots that an order names
        self.executions: dict[UUID, Any] = {}
        self.relieved: dict[UUID, list[tuple[int, Decimal, Decimal, int]]] = {}
        self.busted: set[UUID] = set()
        self.acted: dict[str, int] = {}  # how often a symbol's shares were changed by the company
        self.acted_at: dict[UUID, int] = {}

    def holding(self, symbol: str) -> Holding:
        return self.holdings.setdefault(symbol, Holding())

    @property
    def cost(self) -> Decimal:
        return sum((held.cost for held in self.holdings.values()), NOTHING)

    def take(self, event: e.Event) -> None:
        match event:
            case e.AccountOpened():
                self.kind = event.kind.value
            case e.LotMethodChosen():
                self.method = event.method.value
            case e.CashMoved():
                self.moved(event)
            case e.OrderPlaced():
                self.wishes[event.order_id] = tuple(event.lots)
            case e.OrderFilled() | e.OrderFilledLate():
                self.executed(event)
            case e.ExecutionBusted():
                self.undone(event)
            case e.CorporateActionApplied():
                self.company(event)

    def moved(self, event: e.CashMoved) -> None:
        must(6, fits(event.amount, 6), "money has six places", event.amount)
        self.cash += event.amount
        if event.kind in FEES_OF_KIND:
            must(18, event.amount < 0, "interest and borrowing cost money", event.kind, event.amount)
            self.charges += event.amount
        else:
            must(
                18, event.kind in ("deposit", "withdrawal", "correction"), "a known kind of cash", event.kind
            )
            self.flows += event.amount

    def executed(self, event: Any) -> None:
        """An execution closes what it can of the other direction, then opens with the rest."""
        must(10, event.execution_id not in self.executions, "an execution counts once", event.execution_id)
        same(6, event.notional, value_of(event.qty, event.price), "value of an execution")
        must(6, event.qty > 0 and fits(event.qty, 9) and fits(event.price, 9), "places of an execution")
        must(6, event.fee >= 0 and fits(event.fee, 6), "a fee has six places", event.fee)
        held, buying = self.holding(event.symbol), event.side.value == "buy"
        before_qty, before_cost = held.qty, held.cost
        against = before_qty < 0 if buying else before_qty > 0
        closing = min(abs(before_qty), event.qty) if against else NOTHING
        self.relieved[event.execution_id] = self.relieve(held, event.relief, closing, event.order_id)
        opening = event.qty - closing
        if opening:
            self.open_lot(held, event, opening, closing, 1 if buying else -1)
        else:
            must(17, event.lot is None, "an execution that only closes opens no lot", event.lot)
        gross = -event.notional if buying else event.notional
        gain = gross + held.cost - before_cost
        same(17, event.realised, gain, "realised is the cash moved and the change of cost")
        must(17, closing > 0 or gain == 0, "what only opens gains nothing", gain)
        self.executions[event.execution_id] = event
        self.acted_at[event.execution_id] = self.acted.get(event.symbol, 0)
        self.settle(held, event, before_qty + (event.qty if buying else -event.qty), gross - event.fee, gain)
        self.fees += event.fee

    def settle(self, held: Holding, event: Any, qty: Decimal, cash: Decimal, gain: Decimal) -> None:
        self.cash += cash
        held.realised += gain
        self.realised += gain
        same(16, held.qty, qty, f"position of {event.symbol} is the sum of its executions")
        same(16, event.position_qty, qty, f"position of {event.symbol} as its event says")
        must(16, bool(qty) or (held.cost == 0 and not held.lots), "flat means no lots and no cost", held.lots)
        signs = {lot.qty > 0 for lot in held.lots.values() if lot.qty}
        must(17, len(signs) < 2, "all long or all short", held.lots)

    def open_lot(self, held: Holding, event: Any, opening: Decimal, closing: Decimal, sign: int) -> None:
        same(17, event.lot, self.opened + 1, "lots are numbered one after the other")
        qty = sign * opening
        if closing:
            cost = event.lot_cost
            part = F(event.notional) * F(opening) / F(event.qty)
            rest = event.notional - half_even(F(event.notional) * F(closing) / F(event.qty))
            must(17, sign * cost in (half_even(part), rest), "a flip opens at its own price", cost, part)
        else:
            cost = sign * event.notional
        same(17, event.lot_qty if event.lot_qty is not None else qty, qty, "shares of the lot it opens")
        same(17, event.lot_cost if event.lot_cost is not None else cost, cost, "cost of the lot it opens")
        self.opened += 1
        held.lots[self.opened] = Lot(self.opened, qty, cost, event.at)

    def relieve(
        self, held: Holding, relief: Any, closing: Decimal, order_id: UUID | None, own: int | None = None
    ) -> list[tuple[int, Decimal, Decimal, int]]:
        """Take parts out of lots, each the one that is due: named ones first, then by the method."""
        left, taken = closing, []
        wished = [own] if own is not None else list(self.wishes.get(order_id, ())) if order_id else []
        for part in relief:
            must(17, part.lot in held.lots, "a lot that is used is held", part.lot)
            lot = held.lots[part.lot]
            if lot.qty:
                must(17, left > 0, "no lot is used beyond the execution", part)
                due = self.due(held, wished)
                must(17, part.lot in due, f"the lot that is due by {self.method}", part.lot, due)
                shares = min(left, abs(lot.qty)) * (1 if lot.qty > 0 else -1)
                cost = lot.cost if shares == lot.qty else half_even(F(lot.cost) * F(shares) / F(lot.qty))
            else:
                shares, cost = NOTHING, lot.cost  # a reverse split left no shares of it
            same(17, (part.qty, part.cost), (shares, cost), f"what leaves lot {part.lot}")
            taken.append((lot.number, shares, cost, lot.opened_at))
            lot.qty, lot.cost, left = lot.qty - shares, lot.cost - cost, left - abs(shares)
            if not lot.qty:
                same(6, lot.cost, NOTHING, "a lot used up leaves no cost")
                del held.lots[part.lot]
        same(17, left, NOTHING, "the lots used sum to what is closed")
        return taken

    def due(self, held: Holding, wished: list[int | None]) -> list[int]:
        """Numbers of the lots of which the next share may come; several where they cost the same."""
        lots = [lot for lot in held.lots.values() if lot.qty]
        for number in wished:
            if number is not None and number in held.lots and held.lots[number].qty:
                return [number]
        if self.method == "fifo":
            return [min(lot.number for lot in lots)]
        if self.method == "lifo":
            return [max(lot.number for lot in lots)]
        dearest = max(lot.a_share for lot in lots)
        return [lot.number for lot in lots if lot.a_share == dearest]

    def undone(self, event: e.ExecutionBusted) -> None:
        """A bust gives back cash, fee and gain, and takes the shares back out of, or into, the lots."""
        original = self.executions.get(event.execution_id)
        must(10, original is not None, "what is busted was recorded", event.execution_id)
        must(10, event.execution_id not in self.busted, "an execution is busted once", event.execution_id)
        self.busted.add(event.execution_id)
        assert original is not None
        same(6, (event.fee, event.price), (original.fee, original.price), "a bust gives the fee back")
        same(6, event.notional, original.notional, "a bust gives the value back")
        held, bought = self.holding(event.symbol), event.side.value == "buy"
        before_qty, before_cost = held.qty, held.cost
        for part in event.relief:
            must(17, part.lot in held.lots, "a bust takes from lots that are held", part.lot)
            lot = held.lots[part.lot]
            whole = part.qty == lot.qty
            cost = lot.cost if whole else half_even(F(lot.cost) * F(part.qty) / F(lot.qty))
            same(17, part.cost, cost, f"what a bust takes out of lot {part.lot}")
            lot.qty, lot.cost = lot.qty - part.qty, lot.cost - part.cost
            if not lot.qty:
                same(6, lot.cost, NOTHING, "a lot used up leaves no cost")
                del held.lots[part.lot]
        for back in event.restored:
            lot = held.lots.setdefault(back.lot, Lot(back.lot, NOTHING, NOTHING, back.opened_at))
            lot.qty, lot.cost = lot.qty + back.qty, lot.cost + back.cost
            self.opened = max(self.opened, back.lot)
        same(17, event.cost, held.cost - before_cost, "a bust's change of cost")
        gross = event.notional if bought else -event.notional
        gain = gross + held.cost - before_cost
        same(17, event.realised, gain, "a bust's change of the gains")
        if self.acted_at[event.execution_id] == self.acted.get(event.symbol, 0):
            same(16, event.qty, original.qty, "a bust is of the whole execution")
            expected = before_qty + (-event.qty if bought else event.qty)
        else:  # the shares have been split since
            expected = event.position_qty
        self.settle(held, event, expected, gross + event.fee, gain)
        self.fees -= event.fee

    def company(self, event: e.CorporateActionApplied) -> None:
        held = self.holding(event.symbol)
        match event.kind.value:
            case "dividend":
                assert event.amount is not None
                same(18, event.cash, value_of(held.qty, event.amount), "a dividend of what is held")
                self.cash += event.cash or NOTHING
                self.dividends += event.cash or NOTHING
                same(16, event.position_qty, held.qty, "a dividend changes no shares")
            case "split":
                self.split(held, event)
            case "symbol_change":
                self.renamed(held, event)
            case "delisting":
                assert event.amount is not None
                cash = value_of(held.qty, event.amount)
                same(18, event.cash or NOTHING, cash, "a delisting pays for what is held")
                gain = cash - held.cost
                same(17, event.realised or NOTHING, gain, "what a delisting gains")
                self.acted[event.symbol] = self.acted.get(event.symbol, 0) + 1
                held.lots.clear()
                self.settle(held, event, NOTHING, cash, gain)

    def split(self, held: Holding, event: e.CorporateActionApplied) -> None:
        """The running total is cut once for each lot, and a lot is what it adds to it."""
        before_cost, running, whole = held.cost, NOTHING, NOTHING
        numbers = [adjusted.lot for adjusted in event.lots]
        same(16, sorted(numbers), sorted(held.lots), "a split is of every lot")
        for adjusted in event.lots:
            lot = held.lots[adjusted.lot]
            running += lot.qty
            total = after_split(running, event.new, event.old)
            same(16, adjusted.qty, total - whole, f"lot {adjusted.lot} after {event.new} for {event.old}")
            lot.qty, whole = adjusted.qty, total
        same(16, event.position_qty, whole, "the position after a split")
        same(17, held.cost, before_cost, "a split costs nothing")
        self.acted[event.symbol] = self.acted.get(event.symbol, 0) + 1

    def renamed(self, held: Holding, event: e.CorporateActionApplied) -> None:
        assert event.new_symbol is not None
        target = self.holding(event.new_symbol)
        target.lots = dict(sorted({**target.lots, **held.lots}.items()))
        target.realised += held.realised
        held.lots, held.realised = {}, NOTHING
        self.acted[event.new_symbol] = self.acted.get(event.symbol, 0) + 1
        self.acted[event.symbol] = self.acted.get(event.symbol, 0) + 1

    def check(self) -> None:
        """Equity, less the part that only the market makes, is what came in, was gained and was paid."""
        explained = self.flows + self.realised + self.dividends + self.charges - self.fees
        same(
            18, self.cash + self.cost, explained, "cash and cost are flows, gains, dividends, fees, interest"
        )
