"""The results of a run in the size that is kept and sent: figures, a curve, round trips."""

from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from traderbot.backtests.requests import Results
from traderbot.backtests.runner import Result
from traderbot.model.bars import Bar, Floats, Times
from traderbot.model.events import CashMoved, CorporateActionApplied, OrderFilled
from traderbot.model.orders import Side

POINTS_MAX = 4_000
TRADES_MAX = 20_000
_YEAR = 365.25 * 86_400_000_000


def results_of(result: Result, bars: Sequence[Bar], start: int) -> Results:
    """What is kept of a run that traded from start on."""
    times = np.unique(np.concatenate([np.asarray(bar.times) for bar in bars]))
    equity = _equity(result, bars, times)
    first = int(times.searchsorted(start))
    times, equity = times[first:], equity[first:]
    trades = _trades(result)
    return Results(_summary(result, times, equity, trades), _curve(times, equity), trades[-TRADES_MAX:])


def _equity(result: Result, bars: Sequence[Bar], times: Times) -> Floats:
    """Cash and positions at the last closes, at every step."""
    cash = np.zeros(len(times))
    held = {bar.symbol: np.zeros(len(times)) for bar in bars}
    for event in result.events:
        if isinstance(event, CashMoved):
            cash[_step(times, event.at)] += float(event.amount + 0)
        elif isinstance(event, OrderFilled):
            step, sign = _step(times, event.at), 1 if event.side is Side.BUY else -1
            cash[step] -= float(sign * event.notional + event.fee)
            held[event.symbol][step] += float(sign * event.qty)
        elif isinstance(event, CorporateActionApplied):
            step = _step(times, event.at)
            cash[step] += float(event.cash or 0)
            if event.kind.value == "split":
                before = event.position_qty * event.old / event.new
                held[event.symbol][step] += float(event.position_qty - before)
    value = cash.cumsum()
    for bar in bars:
        closes = _closes(bar, times)
        value += held[bar.symbol].cumsum() * closes
    return value


def _closes(bar: Bar, times: Times) -> Floats:
    """The last known close at every step; 0 before there is one."""
    bar.move(len(bar) - 1)
    own, _, _, _, closes, _ = bar.known()
    places = own.searchsorted(times, "right") - 1
    return np.where(places < 0, 0.0, closes[np.maximum(places, 0)])


def _step(times: Times, at: int) -> int:
    return min(bisect_left(times, at), len(times) - 1)


def _summary(result: Result, times: Times, equity: Floats, trades: list[dict[str, Any]]) -> dict[str, Any]:
    """Figures by name; money as exact texts, ratios as numbers or null where there are none."""
    account = result.account
    deposits = -account.balances["external"]
    steps = np.diff(equity) / equity[:-1] if len(equity) > 1 else np.zeros(0)
    years = max(float(times[-1] - times[0]) / _YEAR, 1e-9)
    a_year = len(steps) / years
    spread = float(steps.std(ddof=1)) if len(steps) > 1 else 0.0
    growth = float(equity[-1] / equity[0])
    below = equity / np.maximum.accumulate(equity) - 1
    return {
        "equity": str(result.equity),
        "deposits": str(deposits),
        "fees": str(account.balances.get("fees", Decimal(0))),
        "total_return": growth - 1,
        "cagr": growth ** (1 / years) - 1 if growth > 0 else None,
        "volatility": spread * a_year**0.5,
        "sharpe": float(steps.mean()) / spread * a_year**0.5 if spread else None,
        "max_drawdown": float(below.min()),
        "executions": len(result.fills),
        "orders_refused": len(result.refusals),
        "trades": len(trades),
        "trades_kept": min(len(trades), TRADES_MAX),
        "steps": len(times),
    }


def _curve(times: Times, equity: Floats) -> dict[str, Any]:
    """At most POINTS_MAX points: of each stretch its lowest and highest equity, the first and the last."""
    below = equity / np.maximum.accumulate(equity) - 1
    kept = kept_points(equity)
    return {
        "times": times[kept].tolist(),
        "equity": np.round(equity[kept], 2).tolist(),
        "drawdown": np.round(below[kept], 6).tolist(),
    }


def kept_points(values: Floats) -> Times:
    """Places of the points that show the course of long columns: highs and lows stay."""
    count = len(values)
    if count <= POINTS_MAX:
        return np.arange(count)
    stretches = np.array_split(np.arange(count), POINTS_MAX // 2 - 1)
    found = {0, count - 1}
    for stretch in stretches:
        part = values[stretch]
        found |= {int(stretch[part.argmin()]), int(stretch[part.argmax()])}
    return np.array(sorted(found))


def _trades(result: Result) -> list[dict[str, Any]]:
    """Round trips, flat to flat for each instrument, by the time of their first execution."""
    fills: dict[str, list[OrderFilled]] = {}
    found = []
    for fill in result.fills:
        mine = fills.setdefault(fill.symbol, [])
        mine.append(fill)
        if not fill.position_qty:
            found.append(_round_trip(mine))
            mine.clear()
    found += [_round_trip(mine) for mine in fills.values() if mine]
    return sorted(found, key=lambda trade: (trade["entry_at"], trade["symbol"]))


def _round_trip(fills: list[OrderFilled]) -> dict[str, Any]:
    first, last = fills[0], fills[-1]
    closed = not last.position_qty
    realised = sum((fill.realised for fill in fills), Decimal(0))
    fees = sum((fill.fee for fill in fills), Decimal(0))
    return {
        "symbol": first.symbol,
        "side": "long" if first.side is Side.BUY else "short",
        "qty": str(sum((fill.qty for fill in fills if fill.side is first.side), Decimal(0))),
        "entry_at": first.at,
        "entry_price": str(first.price),
        "exit_at": last.at if closed else None,
        "exit_price": str(last.price) if closed else None,
        "gross": str(realised),
        "fees": str(fees),
        "net": str(realised - fees),
    }
