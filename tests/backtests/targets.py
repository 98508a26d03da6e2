"""The rule that targets are traded by, written as a strategy for the engine, to compare the kernel with."""

from collections.abc import Sequence
from decimal import ROUND_FLOOR, Decimal

import numpy as np

from traderbot.model import rounding
from traderbot.model.amounts import Quantity
from traderbot.model.bars import Bar, Floats
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.strategies.base import Context, Strategy

_MILLIONTH = Decimal("0.000001")


class Targets(Strategy):
    """Follows a table of targets, one row for each time there is a bar of any instrument."""

    def __init__(
        self,
        targets: Floats,
        bars: Sequence[Bar],
        rules: Rules,
        units: Decimal | None = None,
        lot: Decimal = Decimal(1),
    ) -> None:
        times = np.unique(np.concatenate([np.asarray(bar.times) for bar in bars])).tolist()
        self._rows = {time: row for row, time in enumerate(times)}
        self._bars, self._targets, self._rules = bars, targets, rules
        self._units, self._lot = units, lot
        self._wanted: dict[Symbol, Decimal] = {}
        self._last = [0.0] * len(bars)
        self._fresh: set[int] = set()

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        moved = [
            (place, one) for place, one in enumerate(self._bars) if one.index >= 0 and one.time == ctx.time
        ]
        if bar is moved[-1][1]:  # the step is known
            self._step(ctx, moved)

    def _step(self, ctx: Context, moved: list[tuple[int, Bar]]) -> None:
        row = self._targets[self._rows[ctx.time]]
        for place, weight in enumerate(row.tolist()):
            if not np.isnan(weight) and weight != self._last[place]:
                self._last[place] = weight
                self._fresh.add(place)
        spare = ctx.available
        for place, bar in moved:
            if place in self._fresh:
                self._fresh.remove(place)
                self._wanted[bar.symbol] = self._shares(ctx, self._last[place], bar)
            for order in ctx.orders:
                if order.symbol == bar.symbol:
                    ctx.cancel(order.id)
                    spare += order.hold
        for _, bar in moved:
            missing = self._wanted.get(bar.symbol, Decimal(0)) - ctx.position(bar.symbol)
            if missing < 0:
                ctx.sell(bar.symbol, Quantity(-missing))
            elif missing > 0:
                highest = rounding.price_at(ctx.mark(bar.symbol), 1 + self._rules.collar)
                most = rounding.affordable(spare, highest, self._rules.fee_rate, self._lot)
                qty = min(missing, most)
                if qty > 0:
                    ctx.buy(bar.symbol, Quantity(qty))
                if qty > 0 and qty * ctx.mark(bar.symbol) <= self._rules.max_order_value:
                    spare -= rounding.hold(qty, highest, self._rules.fee_rate)

    def _shares(self, ctx: Context, weight: float, bar: Bar) -> Decimal:
        exact = Decimal(round(weight * 1e9)).scaleb(-9)
        if self._units is not None:
            return rounding.whole_steps(exact * self._units, self._lot)
        budget = (exact * ctx.equity).quantize(_MILLIONTH, ROUND_FLOOR, context=rounding._FLOOR)
        return rounding.whole_steps(rounding._DOWN.divide(budget, ctx.mark(bar.symbol)), self._lot)
