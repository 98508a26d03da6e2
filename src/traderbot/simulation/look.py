"""One account's open orders against what was just seen of the market.

In one look: an older order takes its share first; of two exits of one group the stop comes first, and the
other is not looked at if the stop woke or traded. An order of the day is matched up to and with the close of
its day, then it expires.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from uuid import UUID

from traderbot.model.amounts import ZERO, Price
from traderbot.model.bars import Bar
from traderbot.model.border import quantity_from_float
from traderbot.model.commands import CancelOrder, Command, ExpireOrder, MoveTrailingMark, TriggerOrder
from traderbot.model.observations import Quote, Trade
from traderbot.model.orders import WORKING, Leg, Order, OrderType, Side, Stop, TimeInForce
from traderbot.model.reasons import Reason
from traderbot.model.symbols import Symbol
from traderbot.simulation import bars, depth, quotes, trades
from traderbot.simulation.book import Book
from traderbot.simulation.costs import Costs
from traderbot.simulation.fills import Fills, Seen
from traderbot.simulation.memory import Memory
from traderbot.simulation.sessions import Session

Observation = Bar | Quote | Trade | Book
Observations = Mapping[Symbol, Bar] | Mapping[Symbol, Quote] | Mapping[Symbol, Trade] | Mapping[Symbol, Book]

_FOK = TimeInForce.FOK  # a member of an Enum is slow to read
_LASTING = frozenset({TimeInForce.DAY, TimeInForce.GTC})


class _Groups:
    """Orders that end together, in one look.

    waiting: take-profits whose stop has not been looked at; stops: whether the stop did anything; over:
    groups that ended; expiring: a member of each group whose day is over.
    """

    __slots__ = ("expiring", "over", "stops", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[UUID, Order] = {}
        self.stops: dict[UUID, bool] = {}
        self.over: set[UUID] = set()
        self.expiring: dict[UUID, UUID] = {}


class Look(Fills):
    """The reports of one look."""

    __slots__ = ("_groups", "_seen", "_session", "_time")

    def __init__(
        self, costs: Costs, seen: Observations, time: int, session: Session, memory: Memory, margin: bool
    ) -> None:
        Fills.__init__(self, costs, memory, not margin)
        self._seen, self._time, self._session = seen, time, session
        self._groups: _Groups | None = None

    def over(self, orders: Iterable[Order]) -> list[Command]:
        """Executions, triggers, marks, cancellations and expiries, order by order."""
        for order in orders:
            if order.status not in WORKING:
                continue
            if order.member is None:
                if not self._meet(order) and order.expires_at is not None and order.expires_at <= self._time:
                    self.reports.append(ExpireOrder(order.id))
            else:
                if self._groups is None:
                    self._groups = _Groups()
                self._meet_member(self._groups, order, order.member.group, order.member.leg)
        return self.reports if self._groups is None else self._finish(self._groups)

    def after_entries(self, orders: Iterable[Order]) -> list[Command]:
        """The same bars against the exits that their entries activated: adversely only."""
        groups = _Groups()
        for order in orders:
            member, seen = order.member, self._seen.get(order.symbol)
            if member is None or order.active_at != self._time or order.status not in WORKING:
                continue
            if member.leg is Leg.ENTRY or member.group in groups.over:
                continue
            if self._past(order):
                groups.expiring.setdefault(member.group, order.id)
            if order.stop is None or not isinstance(seen, Bar) or not seen.volume > 0:
                continue
            at = bars.reached_after_entry(order, order.stop, seen, self._memory.entries.get(member.group))
            if at is not None and self._wake(order, seen, at, after_entry=True):
                groups.over.add(member.group)
        return self._finish(groups)

    def _finish(self, groups: _Groups) -> list[Command]:
        for group, order in list(groups.waiting.items()):  # exits whose group has no stop here
            groups.stops[group] = False
            self._meet_member(groups, order, group, Leg.TAKE_PROFIT)
        for group, order_id in groups.expiring.items():
            if group not in groups.over:
                self.reports.append(ExpireOrder(order_id))
        return self.reports

    def _meet_member(self, groups: _Groups, order: Order, group: UUID, leg: Leg) -> None:
        """One order of a group: one ending ends the group, so there is one report of it."""
        if group in groups.over:
            return
        if self._past(order):
            groups.expiring.setdefault(group, order.id)
        if leg is Leg.TAKE_PROFIT:
            if group not in groups.stops:
                groups.waiting[group] = order
                return
            if groups.stops[group]:
                return
        before = len(self.reports)
        if self._meet(order):
            groups.over.add(group)
        if leg is Leg.STOP_LOSS:
            groups.stops[group] = len(self.reports) > before
            other = groups.waiting.pop(group, None)
            if other is not None:
                self._meet_member(groups, other, group, Leg.TAKE_PROFIT)

    def _past(self, order: Order) -> bool:
        return order.expires_at is not None and order.expires_at <= self._time

    def _meet(self, order: Order) -> bool:
        """Match an order; true if its day does not matter any more, as it has ended or lives beyond it."""
        seen: Observation | None = self._seen.get(order.symbol)
        if order.time_in_force not in _LASTING:
            return self._meet_once(order, seen)
        if seen is None or (order.expires_at is not None and self._time > order.expires_at):
            return False
        if not order.extended_hours and not self._session.regular:
            return False
        if self._costs.latency and not self._arrived(order, seen):
            return False
        if isinstance(seen, Bar):
            return self._on_bar(order, seen)
        return self._on_tick(order, seen, once=False)

    def _meet_once(self, order: Order, seen: Observation | None) -> bool:
        """Match an order that looks at the market once; what is left of it is cancelled.

        One for the opening waits for it beyond the day it was placed in.
        """
        session, terms = self._session, order.time_in_force
        opening = terms is TimeInForce.OPG
        if opening or order.expires_at is None or self._time <= order.expires_at:
            if not session.regular or (self._costs.latency and not self._arrived(order, seen)):
                return opening
            if opening and not session.opens:
                return True
            if terms is TimeInForce.CLS and not session.closes:
                return False
            if isinstance(seen, Bar):
                offer = bars.single_price(order, seen.close if terms is TimeInForce.CLS else seen.open)
                if offer is not None and self._take_of_bar(order, seen, offer):
                    return True
            elif seen is not None and self._on_tick(order, seen, once=True):
                return True
        self.reports.append(CancelOrder(order.id, Reason.NOT_FILLED_AT_ONCE))
        return True

    def _arrived(self, order: Order, seen: Observation | None) -> bool:
        """Whether the order was at the market by then: of a bar, by the close of the one before, unless this
        one opens a session. A leg is at the market already.
        """
        due = max(order.placed_at + self._costs.latency, order.active_at)
        if seen is None:
            return due <= self._time
        if not isinstance(seen, Bar):
            return due <= seen.at
        if self._session.opens or seen.index < 1:
            return due < seen.time
        return due <= seen.times[seen.index - 1]

    def _on_bar(self, order: Order, bar: Bar) -> bool:
        stop = order.stop
        if stop is None or stop.triggered_at is not None:
            offer = bars.offer(order, bar)
            return offer is not None and self._take_of_bar(order, bar, offer)
        if not bar.volume > 0:
            return False
        at = bars.reached(order, stop, bar)
        if at is not None:
            return self._wake(order, bar, at)
        if order.type is OrderType.TRAILING_STOP:
            self._trail(order, stop, bars.best(order, bar))
        return False

    def _wake(self, order: Order, bar: Bar, at: Price, after_entry: bool = False) -> bool:
        """A stop wakes and trades on the same bar if it surely can."""
        self.reports.append(TriggerOrder(order.id, at))
        offer = bars.after_waking(order, bar, at, after_entry)
        return offer is not None and self._take_of_bar(order, bar, offer)

    def _trail(self, order: Order, stop: Stop, best: Price) -> None:
        known = stop.hwm
        if known is None or (best < known if order.side is Side.BUY else best > known):
            self.reports.append(MoveTrailingMark(order.id, best))

    def _take_of_bar(self, order: Order, bar: Bar, offer: bars.Offer) -> bool:
        """Execute an offer within the account's share of the bar's volume."""
        costs, volume_left = self._costs, self._memory.volume_left
        left = volume_left.get(order.symbol)
        if left is None:
            share = costs.participation if costs.impact is None else costs.share
            left = volume_left[order.symbol] = quantity_from_float(bar.volume) * share
        if left <= ZERO:
            return False
        volume = ZERO if costs.impact is None else quantity_from_float(bar.volume)
        whole = order.time_in_force is _FOK
        qty, ended = self.take(order, offer[0], offer[1], left, bar.time, volume, whole=whole)
        if qty:
            volume_left[order.symbol] = left - qty
        return ended

    def _on_tick(self, order: Order, seen: Quote | Trade | Book, once: bool) -> bool:
        """Match against a quote, a print or a book; a waiting stop first has to wake."""
        stop = order.stop
        waits = stop is not None and stop.triggered_at is None
        if stop is not None and waits and (not self._wakes(order, stop, seen) or isinstance(seen, Trade)):
            return False
        if isinstance(seen, Quote):
            return self._on_quote(order, seen, once)
        if isinstance(seen, Trade):
            return self._on_trade(order, seen, once)
        return depth.meet(order, seen, self, self._memory, self._costs.share, once)

    def _wakes(self, order: Order, stop: Stop, seen: Quote | Trade | Book) -> bool:
        """Report a stop that wakes, or else how its mark moves. A book wakes it by its prints only."""
        if isinstance(seen, Quote):
            at, best = quotes.reached(order, stop, seen), quotes.other_side(order, seen)[0]
        else:
            trade = seen.last if isinstance(seen, Book) else seen
            if not isinstance(trade, Trade):
                return False
            at, best = trades.reached(order, stop, trade), trade.price
        if at is not None:
            self.reports.append(TriggerOrder(order.id, at))
            return True
        if order.type is OrderType.TRAILING_STOP:
            self._trail(order, stop, best)
        return False

    def _on_quote(self, order: Order, quote: Quote, once: bool) -> bool:
        memory, (shown, size) = self._memory, quotes.other_side(order, quote)
        offer = quotes.offer(order, quote, order.id in memory.resting)
        ended = False
        if offer is not None:
            memory.keep_prices(order.symbol, order.side, lambda price: price == shown)
            left = memory.free(order.symbol, order.side, shown, size * self._costs.share)
            if left > 0:
                seen = Seen(quote.at, "quote", quote.number)
                qty, ended = self._take_of_size(order, offer, left, size, seen)
                memory.use(order.symbol, order.side, shown, qty)
        if ended or once:
            memory.forget(order.id)
        else:
            memory.resting.add(order.id)
        return ended

    def _on_trade(self, order: Order, trade: Trade, once: bool) -> bool:
        sizes = self._memory.sizes
        offer = trades.offer(order, trade, once)
        left = sizes.get(order.symbol, trade.qty * self._costs.share)
        if offer is None or left <= 0:
            return False
        seen = Seen(trade.at, "trade", trade.number)
        qty, ended = self._take_of_size(order, offer, left, trade.qty, seen)
        sizes[order.symbol] = left - qty
        return ended

    def _take_of_size(
        self, order: Order, offer: bars.Offer, left: Decimal, size: Decimal, seen: Seen
    ) -> tuple[Decimal, bool]:
        whole, fine = order.time_in_force is TimeInForce.FOK, bool(size % 1)
        price, taking = offer
        return self.take(order, price, taking, left, seen.at, size, seen=seen, whole=whole, fine=fine)
