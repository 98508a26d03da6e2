"""What else could have happened: another order of returns, other prices, higher costs, missed fills.

Each stress runs the strategy again on data or costs that were changed; the seed decides how.
"""

from decimal import Decimal

import msgspec
import numpy as np

from traderbot.analytics.bootstrap import batches, block_length, stationary_indices
from traderbot.backtests.runner import Result
from traderbot.backtests.validation.crew import ALONE, Crew
from traderbot.backtests.validation.subject import Progress, Subject, sharpe, silent
from traderbot.backtests.validation.tracks import rows_a_year
from traderbot.market.bars import Bars
from traderbot.model.bars import Floats
from traderbot.simulation.costs import Costs

_LEVELS = (0.05, 0.5, 0.95)


class Spread(msgspec.Struct, frozen=True):
    """Quantiles at 5%, 50% and 95%."""

    low: float
    middle: float
    high: float


class Resampled(msgspec.Struct, frozen=True):
    """growth: of the whole time; drawdown: the worst, a positive fraction; loss: share that ends below."""

    growth: Spread
    sharpe: Spread
    drawdown: Spread
    loss: float


class Stress(msgspec.Struct, frozen=True):
    """What a change did. sharpe: a year; filled: share of the shares asked for that was executed. trades:
    round trips that ended.
    """

    name: str
    sharpe: float
    growth: float
    filled: float
    trades: int
    fills: int = 0


def resample(returns: Floats, a_year: float, *, draws: int = 1000, seed: int = 0) -> Resampled:
    """Histories made of blocks of the returns there were (Politis and Romano's stationary bootstrap)."""
    count = len(returns)
    growth, ratio, drawdown = np.empty(draws), np.empty(draws), np.empty(draws)
    done = 0
    for number, size in batches(count, draws):
        sample = returns[stationary_indices(count, block_length(count), seed + number, size)]
        levels = np.cumprod(1 + sample, axis=1)
        tops = np.maximum(np.maximum.accumulate(levels, axis=1), 1.0)
        spread = sample.std(axis=1, ddof=1)
        part = slice(done, done + size)
        growth[part] = levels[:, -1] - 1
        drawdown[part] = (1 - levels / tops).max(axis=1)
        ratio[part] = np.where(spread > 1e-15, sample.mean(axis=1) / np.maximum(spread, 1e-15), 0.0)
        done += size
    return Resampled(
        spread_of(growth), spread_of(ratio * a_year**0.5), spread_of(drawdown), float((growth < 0).mean())
    )


def reshuffle(gains: Floats, *, draws: int = 1000, seed: int = 0) -> Spread:
    """The worst drawdowns when the same trades come in another order.

    gains: of each trade as a fraction of the money there was to begin with, float64 (n,).
    Returns: quantiles of the worst drawdown, positive fractions; zeros without trades.
    """
    from numpy.random import PCG64, Generator

    if not len(gains):
        return Spread(0.0, 0.0, 0.0)
    random = Generator(PCG64(seed))
    worst = np.empty(draws)
    for number in range(draws):
        levels = np.concatenate([[1.0], 1 + np.cumsum(random.permutation(gains))])
        worst[number] = min(1.0, float((1 - levels / np.maximum.accumulate(levels)).max()))
    return spread_of(worst)


def spread_of(values: Floats) -> Spread:
    """Quantiles of what came out."""
    low, middle, high = np.quantile(values, _LEVELS)
    return Spread(float(low), float(middle), float(high))


def stress(subject: Subject, name: str) -> Stress:
    """Run the subject as it is and say what came of it."""
    found = subject.outcome()
    return Stress(
        name,
        sharpe(subject.returns_of(found.track)) * rows_a_year(subject.rows) ** 0.5,
        float(found.track.equity[-1]) / found.track.start - 1,
        found.filled,
        found.round_trips,
        found.fills,
    )


def noisy(subject: Subject, scale: float, seed: int) -> Subject:
    """Each bar's prices moved together, by `scale` of the deviation of its instrument's returns."""
    from numpy.random import PCG64, Generator

    random = Generator(PCG64(seed))
    bars = []
    for one in subject.bars:
        returns = np.diff(np.log(one.close))
        typical = float(np.median(np.abs(returns))) * 1.4826 if len(returns) else 0.0  # a split is no noise
        moved = np.exp(random.standard_normal(len(one)) * typical * scale)
        bars.append(
            msgspec.structs.replace(
                one,
                open=one.open * moved,
                high=one.high * moved,
                low=one.low * moved,
                close=one.close * moved,
            )
        )
    return msgspec.structs.replace(subject, bars=bars)


def missing_fills(subject: Subject, share: float, seed: int) -> Subject:
    """In this share of the bars nothing can be traded: their volume is 0."""
    from numpy.random import PCG64, Generator

    random = Generator(PCG64(seed))
    bars = [
        msgspec.structs.replace(one, volume=np.where(random.random(len(one)) < share, 0.0, one.volume))
        for one in subject.bars
    ]
    return msgspec.structs.replace(subject, bars=bars)


def costlier(subject: Subject, times: int) -> Subject:
    """Fees and slippage so many times as high, and rules that let orders hold for them."""
    costs = subject.costs
    dearer = Costs(
        fee_rate=min(costs.fee_rate * times, Decimal(1)),
        slippage=min(costs.slippage * times, Decimal("0.5")),
        participation=costs.participation,
        fees=costs.fees,
        impact=costs.impact,
        latency=costs.latency,
    )
    rules = subject.rules
    if rules is not None and rules.fee_rate < dearer.fee_rate:
        rules = msgspec.structs.replace(rules, fee_rate=dearer.fee_rate)
    return msgspec.structs.replace(subject, costs=dearer, rules=rules)


def larger(subject: Subject, times: int) -> Subject:
    """What an account so many times as large meets: against it, every volume is so much smaller.

    The orders stay as they are, so that a strategy which trades a fixed number of shares is tried as well.
    """
    bars = [_thinner(one, times) for one in subject.bars]
    return msgspec.structs.replace(subject, bars=bars)


def stresses(
    subject: Subject, runs: int, seed: int, progress: Progress = silent, crew: Crew = ALONE
) -> dict[str, list[Stress]]:
    """Every stress, by kind; those with chance in them `runs` times."""
    planned = [
        *(("noise", f"prices moved by a fifth of a bar's move, {i + 1}", seed + i) for i in range(runs)),
        *(("missed", f"a tenth of the bars without trading, {i + 1}", seed + i) for i in range(runs)),
        *(("costs", f"costs times {times}", times) for times in (2, 4)),
        *(("capacity", f"{times} times the money", times) for times in (1, 10, 100, 1000)),
    ]
    found: dict[str, list[Stress]] = {}
    done = crew.each(subject, _stressed, planned)
    for number, ((kind, _, _), one) in enumerate(zip(planned, done, strict=True)):
        found.setdefault(kind, []).append(one)
        progress("stress", number + 1, len(planned))
    return found


def _stressed(subject: Subject, kind: str, name: str, much: int) -> Stress:
    """much: the seed where there is chance in it, else how many times."""
    if kind == "noise":
        changed = noisy(subject, 0.2, much)
    elif kind == "missed":
        changed = missing_fills(subject, 0.1, much)
    elif kind == "costs":
        changed = costlier(subject, much)
    else:
        changed = larger(subject, much)
    return stress(changed, name)


def gains(result: Result, start: Decimal) -> Floats:
    """Gain of each closing execution after its fee, as a fraction of the money there was to begin with."""
    closed = [fill.realised - fill.fee for fill in result.fills if fill.relief]
    return np.asarray(np.asarray(closed, dtype=np.float64) / np.float64(start))


def _thinner(one: Bars, times: int) -> Bars:
    return msgspec.structs.replace(one, volume=np.floor(one.volume / times))
