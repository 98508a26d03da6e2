"""The simulated broker: an account's open orders and the new bars in, execution reports out.

Backtest and paper share it.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from uuid import UUID

from traderbot.model import rounding
from traderbot.model.amounts import Price, Quantity
from traderbot.model.bars import Bar
from traderbot.model.border import quantity_from_float
from traderbot.model.commands import CancelOrder, Command, ExpireOrder, RecordExecution
from traderbot.model.orders import Order, Side
from traderbot.model.reasons import Reason
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs
from traderbot.simulation.matching import fill_price

_SHARE = Decimal(1)
_SLIVER = Decimal("0.000000001")
_WORD = (1 << 64) - 1  # a time before 1970 is negative


class SimulatedBroker:
    """Fills orders on bars.

    Stateless: the same orders and bars give the same reports, under the same execution ids.
    """

    def __init__(self, costs: Costs) -> None:
        self.costs = costs

    def reports(self, orders: Iterable[Order], bars: Mapping[Symbol, Bar], time: int) -> list[Command]:
        """Executions, cancellations and expiries of one account's open orders in one step, order by order.

        orders: placed before these bars, oldest first; the older takes its share of a bar's volume first.
        bars: the instruments with a bar in this step. time: the step's, microseconds. A day order is matched
        up to and with the close of its day.
        """
        reports: list[Command] = []
        volume_left: dict[Symbol, Decimal] = {}
        for order in orders:
            last = order.expires_at
            bar = bars.get(order.symbol)
            done = False
            if bar is not None and (last is None or time <= last):
                if order.symbol not in volume_left:
                    volume_left[order.symbol] = quantity_from_float(bar.volume) * self.costs.participation
                done = self._match(order, bar, volume_left, reports)
            if not done and last is not None and last <= time:
                reports.append(ExpireOrder(order.id))
        return reports

    def _match(
        self, order: Order, bar: Bar, volume_left: dict[Symbol, Decimal], reports: list[Command]
    ) -> bool:
        """Report what the bar does to the order; true if that ends it.

        An execution never costs more than the order holds; what the hold cannot pay is cancelled.
        """
        left = volume_left[order.symbol]
        if left <= 0:
            return False
        price = fill_price(order, bar, self.costs.slippage)
        if price is None:
            return False
        remaining = wanted = order.remaining
        step = _SLIVER if remaining % 1 else _SHARE
        fee_rate = self.costs.fee_rate
        if order.side is Side.BUY and rounding.hold(remaining, price, fee_rate) > order.hold:
            wanted = min(wanted, rounding.affordable(order.hold, price, fee_rate, step))
        qty = wanted if wanted <= left else rounding.whole_steps(left, step)
        if qty:
            volume_left[order.symbol] = left - qty
            reports.append(self._execution(order, qty, price, bar.time))
        if qty == wanted < remaining:
            reports.append(CancelOrder(order.id, Reason.GAP_BEYOND_COLLAR))
            return True
        return qty == remaining

    def _execution(self, order: Order, qty: Quantity, price: Price, time: int) -> RecordExecution:
        fee = rounding.fee(rounding.notional(qty, price), self.costs.fee_rate)
        return RecordExecution(order.id, execution_id(order.id, time), qty, price, fee, time)


def execution_id(order_id: UUID, time: int) -> UUID:
    """The execution of an order on the bar of that time: the same id however often it is reported."""
    return UUID(int=order_id.int ^ ((time & _WORD) << 64))
