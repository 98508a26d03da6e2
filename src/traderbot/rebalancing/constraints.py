"""What target weights have to keep to, whether any can, and the nearest that do.

Both questions are linear programmes (scipy's HiGHS): which bounds have to give way, by the least total
amount; and which weights that keep to all are the least total distance from given ones.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from traderbot.analytics.arrays import Floats

_DUST = 1e-9
_EVEN = 1e-4  # the price of the largest rise and fall: too small to be worth more distance
_GIVEN_WAY = 1e-7


class SectorBound(NamedTuple):
    """The total weight of a sector's assets. members: bool (n,)."""

    name: str
    members: NDArray[np.bool_]
    low: float
    high: float


class Constraints(NamedTuple):
    """lower, upper: of each weight, float64 (n,), 0 or more. invested: what all weights sum to, 0 to 1.
    before: the weights now, float64 (n,). turnover: the most that half the sum of all absolute changes may
    be, None without limit.
    """

    names: tuple[str, ...]
    lower: Floats
    upper: Floats
    invested: float
    sectors: tuple[SectorBound, ...]
    before: Floats
    turnover: float | None


class Conflict(NamedTuple):
    """A constraint that has to give way. needed: what it would have to be, in one nearest way of several."""

    constraint: str
    asked: float
    needed: float


class _Row(NamedTuple):
    """factors of the weights, (n,), times the weights are at most `most`; factor of the sum of changes."""

    name: str
    factors: Floats
    changes: float
    most: float
    asked: float
    sign: float


def _rows(constraints: Constraints) -> list[_Row]:
    """Every constraint but the sum, as an upper bound; a lower bound has its signs turned."""
    count = len(constraints.names)
    each = np.eye(count)
    found = []
    for at, name in enumerate(constraints.names):
        high, low = float(constraints.upper[at]), float(constraints.lower[at])
        found.append(_Row(f"weight of {name} at most", each[at], 0.0, high, high, 1.0))
        if low > 0:
            found.append(_Row(f"weight of {name} at least", -each[at], 0.0, -low, low, -1.0))
    for sector in constraints.sectors:
        members = sector.members.astype(np.float64)
        found.append(_Row(f"sector {sector.name} at most", members, 0.0, sector.high, sector.high, 1.0))
        if sector.low > 0:
            found.append(_Row(f"sector {sector.name} at least", -members, 0.0, -sector.low, sector.low, -1.0))
    if constraints.turnover is not None:
        asked = constraints.turnover
        found.append(_Row("turnover at most", np.zeros(count), 0.5, asked, asked, 1.0))
    return found


def _solve(
    constraints: Constraints, rows: list[_Row], centre: Floats, distance: float, slack: float
) -> tuple[Floats, Floats] | None:
    """Weights and each row's slack of the programme with the least distance x |weights - centre| + slack x
    sum of slacks; None where nothing keeps to it. Without a price slacks are 0. Of equally near weights those
    with the smallest single rise and fall.

    Columns: weights, |weights - before|, |weights - centre|, slacks, the largest rise and fall.
    """
    from scipy.optimize import linprog  # here, as it takes a while to import
    from scipy.sparse import block_array, csr_array, eye_array

    count = len(constraints.names)
    unit, one = eye_array(count), csr_array(np.ones((count, 1)))
    factors = csr_array(np.array([row.factors for row in rows]))
    changes = csr_array(np.array([np.full(count, row.changes) for row in rows]))
    table = block_array(
        [
            [factors, changes, None, -eye_array(len(rows)), None, None],
            [unit, -unit, None, None, None, None],
            [-unit, -unit, None, None, None, None],
            [unit, None, -unit, None, None, None],
            [-unit, None, -unit, None, None, None],
            [unit, None, None, None, -one, None],
            [-unit, None, None, None, None, -one],
        ]
    )
    before = constraints.before
    most = np.concatenate([[row.most for row in rows], before, -before, centre, -centre, centre, -centre])
    prices = [0.0, 0.0, distance, slack, distance * _EVEN, distance * _EVEN]
    counts = [count, count, count, len(rows), 1, 1]
    whole = np.concatenate([np.ones(count), np.zeros(2 * count + len(rows) + 2)])
    limits = [(0, None)] * (3 * count) + [(0, None if slack else 0)] * len(rows) + [(0, None)] * 2
    found = linprog(
        np.repeat(prices, counts),
        A_ub=table,
        b_ub=most,
        A_eq=whole[None, :],
        b_eq=[constraints.invested],
        bounds=limits,
    )
    if found.status != 0:
        return None
    return found.x[:count], found.x[3 * count : -2]


def faults(constraints: Constraints) -> list[Conflict]:
    """The constraints that have to give way, by the least total amount, for any weights to keep to the rest;
    empty where some keep to all. The sum of the weights never gives way. Errors: ValueError for what is no
    number.
    """
    _check(constraints)
    rows = _rows(constraints)
    found = _solve(constraints, rows, np.zeros(len(constraints.names)), 0.0, 1.0)
    assert found is not None  # with slack there are always some
    return [
        Conflict(row.name, row.asked, row.asked + row.sign * float(slack))
        for row, slack in zip(rows, found[1], strict=True)
        if slack > _GIVEN_WAY
    ]


def nearest(weights: Floats, constraints: Constraints) -> Floats:
    """The weights that keep to all at the least total absolute distance, float64 (n,). Errors: ValueError
    where none do, or for what is no number.
    """
    _check(constraints)
    if not np.isfinite(weights).all():
        raise ValueError("a weight is no number")
    found = _solve(constraints, _rows(constraints), weights, 1.0, 0.0)
    if found is None:
        raise ValueError("no weights keep to all constraints")
    return settled(found[0], constraints)


def kept(weights: Floats, constraints: Constraints, tolerance: float = 1e-6) -> bool:
    """Whether weights keep to all, their sum included."""
    over = [
        abs(float(weights.sum()) - constraints.invested),
        -float(weights.min()),
        float((weights - constraints.upper).max()),
        float((constraints.lower - weights).max()),
    ]
    for sector in constraints.sectors:
        share = float(weights[sector.members].sum())
        over += [share - sector.high, sector.low - share]
    if constraints.turnover is not None:
        over.append(float(np.abs(weights - constraints.before).sum()) / 2 - constraints.turnover)
    return max(over) <= tolerance


def settled(weights: Floats, constraints: Constraints) -> Floats:
    """Without dust, and with just the sum that was asked for where the bounds leave room for that."""
    clean: Floats = np.where(np.abs(weights) < _DUST, 0.0, weights)
    clean = np.clip(clean, constraints.lower, constraints.upper)
    off = constraints.invested - float(clean.sum())
    room = constraints.upper - clean if off > 0 else clean - constraints.lower
    room = np.where(clean > 0, room, 0.0)
    if off and float(room.sum()) > 0:
        clean = clean + off * room / float(room.sum())
    return clean


def _check(constraints: Constraints) -> None:
    count = len(constraints.names)
    numbers = [constraints.lower, constraints.upper, constraints.before]
    if any(one.shape != (count,) for one in numbers) or not count:
        raise ValueError("bounds and weights have to be of each name")
    others = [constraints.invested, constraints.turnover or 0.0]
    others += [side for one in constraints.sectors for side in (one.low, one.high)]
    if not all(np.isfinite(one).all() for one in [*numbers, np.array(others)]):
        raise ValueError("a bound or a weight is no number")
