"""Sector attribution: an account beside equal parts of the instruments of its session, after Brinson.

The benchmark holds every instrument of the data set that has prices over the whole span, in equal parts, set
right at each close, dividends reinvested. Sectors are those of the platform's table. A sector that the
benchmark does not hold, and cash, count as earning nothing there.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import msgspec
import numpy as np

from traderbot.analytics.arrays import Floats
from traderbot.analytics.attribution import brinson, linked_effects
from traderbot.market.datasets import Dataset
from traderbot.model import rounding
from traderbot.model.border import weight_from_float
from traderbot.model.symbols import Symbol
from traderbot.portfolios.benchmarks import benchmark_of
from traderbot.portfolios.contribution import gains_of
from traderbot.portfolios.dimensions import CASH, UNKNOWN, By, name_of
from traderbot.portfolios.spans import Span
from traderbot.portfolios.tracks import Book, Whole

_MILLIONTH = 1e-6


class SectorEffect(msgspec.Struct, frozen=True):
    """weight, benchmark_weight: means over the closes. allocation, selection (with interaction): of the whole
    span, linked.
    """

    name: str
    weight: float
    benchmark_weight: float
    allocation: Decimal
    selection: Decimal


class Attribution(msgspec.Struct, frozen=True):
    """The effects sum to `excess`: the account's time-weighted return less the benchmark's, to 6 places.
    instruments: in the benchmark; left_out: those without prices over the whole span.
    """

    account_id: UUID
    starts: int | None
    ends: int | None
    time_weighted: float | None
    benchmark: float | None
    excess: Decimal | None
    instruments: int
    left_out: list[str]
    sectors: list[SectorEffect]
    reason: str | None


class _Held(NamedTuple):
    """The benchmark: weight of each sector, float64 (sectors,), and its return, (closes, sectors)."""

    weights: Floats
    returns: Floats
    instruments: int
    left_out: list[str]


def attribution_of(
    book: Book,
    sectors: Mapping[Symbol, str],
    dataset: Dataset,
    *,
    begin: int | None = None,
    end: int | None = None,
) -> Attribution:
    """Why an account did better or worse than equal parts of what it could have held."""
    span = Span.between(book, begin, end)
    reason = span.undefined()
    if reason is None and (span.returns.capital <= 0).any():
        reason = "there was no capital at some time in the span"
    if reason is not None:
        return _without(book, reason, [])
    own_names = [name_of(slice_, By.SECTOR, sectors) for slice_ in book.slices]
    all_names = [*own_names, CASH, *(sectors.get(symbol, UNKNOWN) for symbol in dataset.bars)]
    groups = {name: place for place, name in enumerate(dict.fromkeys(all_names))}
    held = _benchmark(span, dataset, sectors, groups)
    if not held.instruments:
        return _without(book, "no instrument has prices over the whole span", held.left_out)
    return _attributed(span, [groups[name] for name in own_names], groups, held)


def _without(book: Book, reason: str, left_out: list[str]) -> Attribution:
    return Attribution(book.account_id, None, None, None, None, None, 0, left_out, [], reason)


def _benchmark(
    span: Span, dataset: Dataset, sectors: Mapping[Symbol, str], groups: Mapping[str, int]
) -> _Held:
    times = np.concatenate(([span.starts], span.times))
    sums, counts = np.zeros((len(span), len(groups))), np.zeros(len(groups))
    left_out = []
    for symbol in dataset.bars:
        worth = benchmark_of(dataset, symbol, times).worth
        if worth is None:
            left_out.append(str(symbol))
            continue
        place = groups[sectors.get(symbol, UNKNOWN)]
        sums[:, place] += worth[1:] / worth[:-1] - 1.0
        counts[place] += 1
    count = int(counts.sum())
    return _Held(counts / max(count, 1), sums / np.maximum(counts, 1.0), count, left_out)


def _attributed(span: Span, own_groups: list[int], groups: Mapping[str, int], held: _Held) -> Attribution:
    group_of = np.array(own_groups, dtype=np.int64)
    weights, contributions = _own(span, group_of, len(groups), groups[CASH])
    held_weights = np.broadcast_to(held.weights, weights.shape)
    effects = brinson(weights, contributions, held_weights, held.returns)
    mine, theirs = contributions.sum(axis=1), held.returns @ held.weights
    both = np.concatenate(
        [linked_effects(part, mine, theirs) for part in (effects.allocation, effects.selection)]
    )
    own, other = float(np.prod(1.0 + mine) - 1.0), float(np.prod(1.0 + theirs) - 1.0)
    excess = rounding.ratio(weight_from_float(own - other), Decimal(1))
    shares = rounding.apportioned([weight_from_float(one) for one in both.tolist()], excess)
    return Attribution(
        account_id=span.book.account_id,
        starts=span.starts,
        ends=int(span.times[-1]),
        time_weighted=own,
        benchmark=other,
        excess=excess,
        instruments=held.instruments,
        left_out=held.left_out,
        sectors=[
            SectorEffect(
                name=name,
                weight=float(weights[:, place].mean()),
                benchmark_weight=float(held.weights[place]),
                allocation=shares[place],
                selection=shares[place + len(groups)],
            )
            for name, place in groups.items()
        ],
        reason=None,
    )


def _own(span: Span, group_of: Whole, count: int, cash: int) -> tuple[Floats, Floats]:
    """Weights at the start of each span between closes, and contributions: (closes, sectors). What is not in
    a position is cash.
    """
    book, capital = span.book, span.returns.capital
    rows = slice(span.at(book.value_close, span.first - 1).start, span.at(book.value_close, span.last).start)
    weights, contributions = np.zeros((2, len(span), count))
    places = book.value_close[rows] + 1 - span.first, group_of[book.value_slice[rows]]
    np.add.at(weights, places, book.value[rows].astype(np.float64) * _MILLIONTH)
    closes, groups, gains = gains_of(span, group_of)
    np.add.at(contributions, (closes, groups), gains)
    weights /= capital[:, None]
    weights[:, cash] += 1.0 - weights.sum(axis=1)
    return weights, contributions / capital[:, None]
