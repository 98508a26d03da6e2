from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulation.floor import Floor
from traderbot.model.errors import InvalidValue
from traderbot.simulation.costs import Costs
from traderbot.simulation.slippage import Impact, SquareRootImpact, VolumeShareImpact

pytestmark = pytest.mark.domain

D = Decimal


@pytest.mark.parametrize(
    ("impact", "qty", "slippage"),
    [
        (VolumeShareImpact(D("0.1"), D("0.2")), "100", "0.001"),  # 0.1 x 0.1 x 0.1
        (VolumeShareImpact(D("0.1"), D("0.2")), "900", "0.004"),  # not beyond the limit
        (SquareRootImpact(D("0.02")), "40", "0.004"),  # 0.02 x 0.2
        (SquareRootImpact(D("0.02"), D("0.5")), "1000", "0.01"),
        (SquareRootImpact(D("0.02")), "20", "0.002828428"),  # rounded up
    ],
)
def test_worked_examples(impact: Impact, qty: str, slippage: str) -> None:
    assert impact.of(D(qty), D(1000)) == D(slippage)


def test_a_bar_fills_up_to_the_limit_of_the_impact_at_its_price() -> None:
    floor = Floor(Costs(D(0), D("0.001"), D("0.5"), impact=VolumeShareImpact(D("0.1"), D("0.1"))))
    floor.ask("buy", "200")
    floor.see("100 101 99 100", volume=1000)
    assert floor.fills() == [("buy", "100", "100.2")]


def test_a_limit_is_never_passed() -> None:
    floor = Floor(Costs(D(0), D(0), D(1), impact=SquareRootImpact(D("0.5"))))
    floor.ask("buy", "200", "101")
    floor.see("100 103 99 100", volume=1000)
    assert floor.fills() == [("buy", "200", "101")]


def test_a_notional_buys_less_at_the_price_it_makes() -> None:
    floor = Floor(Costs(D(0), D(0), D(1), impact=SquareRootImpact(D("0.5"))))
    floor.ask("buy", None, notional="1000")
    floor.see("100 103 99 100", volume=1000)
    ((_, qty, price),) = floor.fills()
    assert (price, qty) == ("105", "9.523809523")


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("price_impact", lambda: VolumeShareImpact(D(2))),
        ("limit", lambda: VolumeShareImpact(limit=D(0))),
        ("volatility", lambda: SquareRootImpact(D(-1))),
        ("coefficient", lambda: SquareRootImpact(D(1), D(11))),
        ("impact", lambda: Costs(impact=SquareRootImpact(D(1)))),
        ("latency", lambda: Costs(latency=-1)),
    ],
)
def test_what_makes_no_sense_is_refused(field: str, make: object) -> None:
    with pytest.raises(InvalidValue) as refusal:
        make()
    assert refusal.value.field == field


@given(
    st.sampled_from([VolumeShareImpact(D("0.3"), D("0.4")), SquareRootImpact(D("0.03"))]),
    st.integers(1, 10**6),
    st.integers(1, 10**6),
    st.integers(1, 10**6),
)
def test_more_never_costs_less_and_never_more_than_the_worst(
    impact: Impact, one: int, other: int, volume: int
) -> None:
    less, more = sorted((one, other))
    assert 0 <= impact.of(D(less), D(volume)) <= impact.of(D(more), D(volume)) <= impact.worst
