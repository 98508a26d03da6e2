"""The results of a run in the size that is kept and sent: figures, a curve, round trips."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.drawdowns import underwater
from traderbot.analytics.performance import Performance, measure
from traderbot.analytics.trade_figures import exposure, figures_of
from traderbot.backtests.reporting.results import (
    Curve,
    Trade,
    buy_and_hold,
    curve_of,
    first_conclusion,
    trades_of,
)
from traderbot.backtests.requests import Results
from traderbot.backtests.runner import Result
from traderbot.infra.events.texts import canonical
from traderbot.model.actions import CorporateAction
from traderbot.model.bars import Bar, Times
from traderbot.model.errors import InvalidValue
from traderbot.model.orders import Side

POINTS_MAX = 4_000
TRADES_MAX = 20_000
_NOTHING = Decimal(0)


def results_of(
    result: Result, bars: Sequence[Bar], actions: Sequence[CorporateAction], start: int, warm_up: int = 0
) -> Results:
    """What is kept of a run that traded from start on. warm_up: of its strategy, in bars. Errors:
    InvalidValue for a window without bars.
    """
    whole = curve_of(result, bars)
    curve = whole.since(start)
    if not len(curve.times):
        raise InvalidValue("start", "a window with bars in it")
    trades = trades_of(result)
    begin = first_conclusion(warm_up, len(whole.times), len(curve.times))
    performance = measure(curve.times, curve.equity, buy_and_hold(bars, actions, curve.times, begin))
    kept = [_row(trade) for trade in trades[-TRADES_MAX:]]
    return Results(_summary(result, curve, trades, performance), _columns(curve), kept)


def _summary(result: Result, curve: Curve, trades: list[Trade], performance: Performance) -> dict[str, Any]:
    """Figures by name; money as exact texts, ratios as numbers or null where there are none."""
    balances = result.account.balances
    finished = figures_of(np.array([float(one.net) for one in trades if one.exit_at is not None]))
    figures = {
        name: value for name, value in msgspec.structs.asdict(performance).items() if name not in _TIMES
    }
    busy = exposure(curve.equity, curve.long_value, curve.short_value)
    return {
        "equity": canonical(result.equity),
        "deposits": canonical(-balances.get("external", _NOTHING)),
        "fees": canonical(balances.get("fees", _NOTHING)),
        "dividends": canonical(-balances.get("dividends", _NOTHING)),
        **figures,
        "exposure": busy.gross,
        "in_market": busy.in_market,
        "executions": len(result.fills),
        "orders_refused": len(result.refusals),
        "trades": len(trades),
        "trades_kept": min(len(trades), TRADES_MAX),
        "hit_rate": finished.hit_rate,
        "profit_factor": finished.profit_factor,
        "expectancy": finished.expectancy,
        "payoff": finished.payoff,
        "steps": len(curve.times),
    }


_TIMES = frozenset({"first", "last", "year"})  # what the figures are of, none of them


def _columns(curve: Curve) -> dict[str, Any]:
    """At most POINTS_MAX points, with the drawdown of the whole curve at each."""
    kept = kept_points(curve.equity)
    return {
        "times": curve.times[kept].tolist(),
        "equity": np.round(curve.equity[kept], 2).tolist(),
        "drawdown": np.round(underwater(curve.equity)[kept], 6).tolist(),
    }


def kept_points(values: Floats) -> Times:
    """Places of the points that show the course of a long column: of each stretch its lowest and highest,
    the first and the last.
    """
    count = len(values)
    if count <= POINTS_MAX:
        return np.arange(count)
    found = {0, count - 1}
    for stretch in np.array_split(np.arange(count), POINTS_MAX // 2 - 1):
        part = values[stretch]
        found |= {int(stretch[part.argmin()]), int(stretch[part.argmax()])}
    return np.array(sorted(found))


def _row(trade: Trade) -> dict[str, Any]:
    """A round trip as it is kept; amounts as texts."""
    return {
        "symbol": trade.symbol,
        "side": "long" if trade.side is Side.BUY else "short",
        "qty": canonical(trade.qty),
        "largest": None if trade.largest is None else canonical(trade.largest),
        "entry_at": trade.entry_at,
        "entry_price": canonical(trade.entry_price),
        "exit_at": trade.exit_at,
        "exit_price": None if trade.exit_price is None else canonical(trade.exit_price),
        "gross": canonical(trade.gross),
        "fees": canonical(trade.fees),
        "net": canonical(trade.net),
    }
