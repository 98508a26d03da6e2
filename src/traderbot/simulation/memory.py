"""What a simulated broker remembers of one account between its looks at the market."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from traderbot.model.amounts import ZERO, Price
from traderbot.model.orders import Side
from traderbot.model.symbols import Symbol

_MICROS = 1_000_000


class Memory:
    """Kept by whoever calls the broker: for bars as long as one step, else as long as the account trades.

    volume_left: what may still be taken of each bar's volume in this step; sizes: of each print's. entries:
    the price at which the entry of a group was filled in this step. ahead: shares that stand before a
    resting order in its queue. resting: orders that the market has looked at. taken: what was taken of the
    sizes still shown, by symbol, side and price. month_volume: shares traded in the month, for fee tiers.
    """

    __slots__ = ("ahead", "entries", "month", "month_volume", "resting", "sizes", "taken", "volume_left")

    def __init__(self) -> None:
        self.volume_left: dict[Symbol, Decimal] = {}
        self.sizes: dict[Symbol, Decimal] = {}
        self.entries: dict[UUID, Price] = {}
        self.ahead: dict[UUID, Decimal] = {}
        self.resting: set[UUID] = set()
        self.taken: dict[tuple[Symbol, Side], dict[Price, Decimal]] = {}
        self.month = (0, 0)
        self.month_volume = ZERO

    def begin(self) -> None:
        """Forget what counts for one look only."""
        self.volume_left.clear()
        if self.sizes:
            self.sizes.clear()
        if self.entries:
            self.entries.clear()

    def volume_of_month(self, at: int) -> Decimal:
        """Shares traded so far in the month, UTC, of a time in microseconds."""
        day = datetime.fromtimestamp(at // _MICROS, UTC)
        if (day.year, day.month) != self.month:
            self.month, self.month_volume = (day.year, day.month), ZERO
        return self.month_volume

    def free(self, symbol: Symbol, side: Side, price: Price, allowed: Decimal) -> Decimal:
        """What may still be taken of a size that is shown. What vanished without us was ours first."""
        used = self.taken.get((symbol, side), {}).get(price)
        if used is None:
            return allowed
        if used > allowed:
            self.taken[symbol, side][price] = used = allowed
        return allowed - used

    def use(self, symbol: Symbol, side: Side, price: Price, qty: Decimal) -> None:
        """Remember what was taken of a size that is shown."""
        taken = self.taken.setdefault((symbol, side), {})
        taken[price] = taken.get(price, ZERO) + qty

    def keep_prices(self, symbol: Symbol, side: Side, shown: Callable[[Price], bool]) -> None:
        """Drop what was taken at prices that are no longer shown."""
        taken = self.taken.get((symbol, side))
        if taken:
            for price in [price for price in taken if not shown(price)]:
                del taken[price]

    def forget(self, order_id: UUID) -> None:
        """Drop an order that has ended."""
        self.ahead.pop(order_id, None)
        self.resting.discard(order_id)

    def keep_open(self, order_ids: set[UUID]) -> None:
        """Drop every order but the ones given, so that ended ones do not pile up."""
        self.resting &= order_ids
        for order_id in self.ahead.keys() - order_ids:
            del self.ahead[order_id]
