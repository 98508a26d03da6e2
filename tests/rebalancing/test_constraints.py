"""Constraints on weights: what cannot be kept together is named, and the nearest keeps to all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traderbot.rebalancing.constraints import Constraints, SectorBound, faults, kept, nearest

pytestmark = pytest.mark.unit


def made(count: int, **changed: object) -> Constraints:
    names = tuple("ABCDEFGH"[:count])
    free = Constraints(names, np.zeros(count), np.ones(count), 0.98, (), np.zeros(count), None)
    return free._replace(**changed)


def sector(name: str, members: list[int], low: float, high: float) -> SectorBound:
    return SectorBound(name, np.array(members, dtype=np.bool_), low, high)


def told(constraints: Constraints) -> dict[str, tuple[float, float]]:
    return {one.constraint: (one.asked, round(one.needed, 6)) for one in faults(constraints)}


def test_what_can_be_kept_has_no_faults() -> None:
    assert faults(made(3)) == []


def test_weights_too_small_for_what_is_to_be_invested() -> None:
    ((name, (asked, needed)),) = told(made(4, upper=np.full(4, 0.2))).items()
    assert name.endswith("at most")
    assert (asked, needed) == (0.2, 0.38)


def test_a_sector_and_the_bounds_of_its_members() -> None:
    low = made(3, lower=np.array([0.4, 0.4, 0.0]), sectors=(sector("Tech", [1, 1, 0], 0.0, 0.5),))
    given_way = [abs(needed - asked) for asked, needed in told(low).values()]
    assert sum(given_way) == pytest.approx(0.3)
    high = made(2, upper=np.array([0.3, 1.0]), sectors=(sector("Tech", [1, 0], 0.6, 1.0),))
    (name,) = told(high)
    assert name in ("weight of A at most", "sector Tech at least")


def test_a_turnover_that_does_not_reach() -> None:
    far = made(2, before=np.array([0.98, 0.0]), upper=np.array([0.2, 1.0]), turnover=0.1)
    ((name, (asked, needed)),) = told(far).items()
    assert (name, asked, needed) in (("turnover at most", 0.1, 0.78), ("weight of A at most", 0.2, 0.88))


def test_the_nearest_moves_as_little_as_can_be() -> None:
    close = made(3, upper=np.array([0.4, 1.0, 1.0]), invested=1.0)
    found = nearest(np.array([0.6, 0.3, 0.1]), close)
    assert found[0] == pytest.approx(0.4)
    assert np.abs(found - [0.6, 0.3, 0.1]).sum() == pytest.approx(0.4)
    assert nearest(np.array([0.3, 0.3, 0.4]), close).tolist() == pytest.approx([0.3, 0.3, 0.4])


def test_equally_near_weights_are_the_evenest_ones_without_dust() -> None:
    capped = made(4, upper=np.array([0.1, 1.0, 1.0, 1.0]), invested=1.0)
    assert nearest(np.full(4, 0.25), capped).tolist() == pytest.approx([0.1, 0.3, 0.3, 0.3])
    assert nearest(np.array([1 - 1e-10, 1e-10]), made(2, invested=1.0)).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("weights", "holds"),
    [
        ([0.5, 0.4, 0.1], True),
        ([0.5, 0.4, 0.0], False),
        ([0.6, 0.3, 0.1], False),
        ([0.5, 0.0, 0.5], False),
        ([0.7, 0.4, -0.1], False),
    ],
)
def test_sum_bounds_sectors_turnover_and_sign_are_all_looked_at(weights: list[float], holds: bool) -> None:
    bound = made(
        3,
        upper=np.array([0.7, 1.0, 1.0]),
        invested=1.0,
        before=np.array([0.4, 0.4, 0.2]),
        turnover=0.11,
        sectors=(sector("Tech", [0, 1, 0], 0.1, 0.9),),
    )
    assert kept(np.array(weights), bound) is holds


@pytest.mark.parametrize(
    "changed",
    [
        {"lower": np.array([np.nan, 0.0])},
        {"invested": float("nan")},
        {"turnover": float("inf")},
        {"before": np.zeros(3)},
    ],
)
def test_what_is_no_number_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        faults(made(2, **changed))
    with pytest.raises(ValueError):
        nearest(np.array([0.5, np.nan]), made(2))


def test_nothing_is_near_to_what_nobody_can_keep() -> None:
    with pytest.raises(ValueError, match="no weights"):
        nearest(np.full(2, 0.5), made(2, upper=np.full(2, 0.1)))


shares = st.floats(0.0, 1.0)


@st.composite
def any_constraints(draw: st.DrawFn) -> Constraints:
    count = draw(st.integers(1, 6))
    pairs = draw(st.lists(st.tuples(shares, shares), min_size=count, max_size=count))
    members = st.lists(st.booleans(), min_size=count, max_size=count)
    sectors = [
        SectorBound(f"S{at}", np.array(draw(members)), *sorted(draw(st.tuples(shares, shares))))
        for at in range(draw(st.integers(0, 2)))
    ]
    return made(
        count,
        lower=np.array([min(pair) for pair in pairs]),
        upper=np.array([max(pair) for pair in pairs]),
        invested=draw(shares),
        sectors=tuple(sectors),
        before=np.array(draw(st.lists(shares, min_size=count, max_size=count))) / count,
        turnover=draw(st.one_of(st.none(), shares)),
    )


def relaxed(constraints: Constraints) -> Constraints:
    """As the faults say that it would have to be."""
    lower, upper, sectors = constraints.lower.copy(), constraints.upper.copy(), list(constraints.sectors)
    turnover = constraints.turnover
    for one in faults(constraints):
        words = one.constraint.split()
        if words[0] == "turnover":
            turnover = one.needed + 1e-6
        elif words[0] == "weight":
            at = constraints.names.index(words[2])
            side, off = (upper, 1e-6) if words[-1] == "most" else (lower, -1e-6)
            side[at] = max(0.0, one.needed + off)
        else:
            at = [each.name for each in sectors].index(words[1])
            high = words[-1] == "most"
            sectors[at] = sectors[at]._replace(
                **{"high" if high else "low": one.needed + (1e-6 if high else -1e-6)}
            )
    return constraints._replace(lower=lower, upper=upper, sectors=tuple(sectors), turnover=turnover)


@given(any_constraints(), st.integers(0, 10_000))
@settings(max_examples=150, deadline=None)
def test_given_way_as_told_there_are_weights_that_keep_to_all(constraints: Constraints, seed: int) -> None:
    possible = relaxed(constraints)
    assert faults(possible) == []
    wish = np.random.default_rng(seed).random(len(constraints.names))
    assert kept(nearest(wish, possible), possible)
