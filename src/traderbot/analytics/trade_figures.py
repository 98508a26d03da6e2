"""What finished trades and the positions held say of a strategy: how often it was right, and how busy."""

import msgspec
import numpy as np

from traderbot.analytics.arrays import Floats, floats


class TradeFigures(msgspec.Struct, frozen=True):
    """Figures of finished trades, after costs; amounts in money.

    hit_rate: share with a gain. profit_factor: gains over losses; None without a loss. expectancy: mean gain
    of a trade. payoff: mean gain of a winner over mean loss of a loser.
    """

    count: int
    hit_rate: float | None
    profit_factor: float | None
    expectancy: float | None
    payoff: float | None
    mean_gain: float | None
    mean_loss: float | None
    best: float | None
    worst: float | None


def figures_of(nets: Floats) -> TradeFigures:
    """Figures of trades by what each gained.

    nets:   float64 (trades,), money, after costs.
    Source: Tharp 2006, Trade Your Way to Financial Freedom, chapter 7 (expectancy); Schwager 1996, Schwager
            on Futures: Technical Analysis, chapter 21 (profit factor).
    """
    nets = floats(nets, "nets")
    gains, losses = nets[nets > 0], -nets[nets < 0]
    mean_gain = float(gains.mean()) if len(gains) else None
    mean_loss = float(losses.mean()) if len(losses) else None
    return TradeFigures(
        count=len(nets),
        hit_rate=len(gains) / len(nets) if len(nets) else None,
        profit_factor=float(gains.sum() / losses.sum()) if len(losses) else None,
        expectancy=float(nets.mean()) if len(nets) else None,
        payoff=mean_gain / mean_loss if mean_gain and mean_loss else None,
        mean_gain=mean_gain,
        mean_loss=-mean_loss if mean_loss else None,
        best=float(nets.max()) if len(nets) else None,
        worst=float(nets.min()) if len(nets) else None,
    )


class Exposure(msgspec.Struct, frozen=True):
    """How much of the equity was at work, on average over the bars.

    gross: long and short together, over equity. net: long less short. in_market: share of bars with a
    position.
    """

    gross: float | None
    net: float | None
    in_market: float | None


def exposure(equity: Floats, long_value: Floats, short_value: Floats) -> Exposure:
    """Exposure of a curve. long_value: 0 or more; short_value: 0 or less; all float64 (n,)."""
    solvent = equity > 0
    if not solvent.any():
        return Exposure(None, None, None)
    whole, held, owed = equity[solvent], long_value[solvent], short_value[solvent]
    return Exposure(
        gross=float(np.mean((held - owed) / whole)),
        net=float(np.mean((held + owed) / whole)),
        in_market=float(np.mean((long_value != 0) | (short_value != 0))),
    )


def turnover(traded: float, equity: Floats, years: float) -> float | None:
    """Value bought and sold a year, over twice the mean equity: 1 is the whole account exchanged in a year.

    Source: SEC Form N-1A, item 13, instruction 4(d), with both sides in place of the lesser.
    """
    mean = float(equity.mean())
    return traded / 2.0 / mean / years if mean > 0 and years > 0 else None
