from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulation.floor import Floor
from traderbot.model import events as e
from traderbot.model import rounding
from traderbot.model.errors import InvalidValue
from traderbot.model.rules import Rules
from traderbot.simulation.broker import SimulatedBroker
from traderbot.simulation.costs import Costs
from traderbot.simulation.fees import FeeSchedule, Tier

pytestmark = pytest.mark.domain

D = Decimal
PER_SHARE = FeeSchedule(per_share=D("0.005"), minimum=D(1), maximum_rate=D("0.01"))


@pytest.mark.parametrize(
    ("qty", "price", "fee"),
    [
        ("1000", "50", "5"),  # a half cent a share
        ("10", "50", "1"),  # the minimum
        ("10", "5", "0.5"),  # one percent of the value, below the minimum
        ("1", "0.000001", "0"),
    ],
)
def test_per_share_with_minimum_and_maximum(qty: str, price: str, fee: str) -> None:
    assert PER_SHARE.order_fee(D(qty), D(qty) * D(price)) == D(fee)


def test_a_maximum() -> None:
    assert FeeSchedule(rate=D("0.01"), maximum=D(20)).order_fee(D(1), D(5000)) == 20


def test_tiers_go_by_the_volume_of_the_month_before_the_order() -> None:
    tiered = FeeSchedule(per_share=D("0.01"), tiers=(Tier(D(1000), per_share=D("0.005")),))
    assert tiered.order_fee(D(100), D(1), D(999)) == 1
    assert tiered.order_fee(D(100), D(1), D(1000)) == D("0.5")


def test_the_broker_counts_the_volume_of_the_month() -> None:
    tiered = FeeSchedule(per_share=D("0.01"), tiers=(Tier(D(100), per_share=D("0.005")),))
    costs = Costs(D(0), D(0), D(1), fees=tiered)
    floor = Floor(costs, rules=Rules(fee_rate=D(0), fee_per_share=D("0.01"), stale_after=10**15))
    for _ in range(2):
        floor.own("100")
    floor.time += 40 * 86_400_000_000
    floor.own("100")
    fees = [event.fee for event in floor.events if isinstance(event, e.OrderFilled)]
    assert fees == [1, D("0.5"), 1]


@pytest.mark.parametrize(
    ("field", "terms"),
    [
        ("rate", {"rate": D("1.1")}),
        ("per_share", {"per_share": D(-1)}),
        ("minimum", {"minimum": D(-1)}),
        ("maximum", {"minimum": D(2), "maximum": D(1)}),
        ("maximum_rate", {"maximum_rate": D(2)}),
        ("tiers", {"tiers": (Tier(D(2)), Tier(D(1)))}),
    ],
)
def test_what_makes_no_sense_is_refused(field: str, terms: dict[str, object]) -> None:
    with pytest.raises(InvalidValue) as refusal:
        FeeSchedule(**terms)
    assert refusal.value.field == field


def test_a_tier_begins_above_nothing() -> None:
    with pytest.raises(InvalidValue, match=r"^volume"):
        Tier(D(0))


amounts = st.decimals(D("0.01"), D(1000), places=2)


@given(
    st.lists(st.tuples(amounts, amounts), min_size=1, max_size=6),
    st.builds(
        FeeSchedule,
        rate=st.decimals(D(0), D("0.01"), places=4),
        per_share=st.decimals(D(0), D("0.02"), places=4),
        minimum=st.none() | st.decimals(D(0), D(3), places=2),
        maximum=st.none() | st.decimals(D(3), D(30), places=2),
        maximum_rate=st.none() | st.decimals(D(0), D("0.05"), places=3),
    ),
)
def test_the_parts_of_a_fee_sum_to_the_whole(
    parts: list[tuple[Decimal, Decimal]], schedule: FeeSchedule
) -> None:
    costs = Costs(fees=schedule)
    qty = value = charged = D(0)
    for amount, price in parts:
        qty, value = qty + amount, value + rounding.notional(amount, price)
        fee = costs.fee(qty, value, charged)
        assert fee >= 0
        charged += fee
        covered = max(value * schedule.worst_rate + qty * schedule.worst_per_share, schedule.minimum or D(0))
        assert charged <= covered
    assert charged == schedule.order_fee(qty, value)


@pytest.mark.parametrize(
    ("field", "fees", "rules"),
    [
        ("fee_rate", FeeSchedule(rate=D("0.001")), Rules()),
        ("fee_per_share", PER_SHARE, Rules(fee_minimum=D(1))),
        ("fee_minimum", PER_SHARE, Rules(fee_per_share=D("0.005"), fee_minimum=D("0.9"))),
        ("fee_per_share", FeeSchedule(tiers=(Tier(D(1), per_share=D(1)),)), Rules(fee_rate=D(0))),
    ],
)
def test_costs_beyond_what_the_rules_hold_for_are_refused(
    field: str, fees: FeeSchedule, rules: Rules
) -> None:
    with pytest.raises(InvalidValue) as refusal:
        SimulatedBroker(Costs(fees=fees), rules)
    assert refusal.value.field == field


def test_the_rules_of_the_costs_hold_for_them() -> None:
    costs = Costs(fees=PER_SHARE)
    SimulatedBroker(costs, costs.rules)
    assert (costs.rules.fee_per_share, costs.rules.fee_minimum) == (D("0.005"), 1)


@pytest.mark.parametrize("volume", [1e6, 400, 150])
def test_a_gap_leaves_the_account_without_debts_whatever_the_schedule(volume: float) -> None:
    costs = Costs(D(0), D(0), D("0.1"), fees=PER_SHARE)
    rules = Rules(fee_rate=D(0), fee_per_share=D("0.005"), fee_minimum=D(1), stale_after=10**15)
    floor = Floor(costs, cash="11002", rules=rules)
    floor.ask("buy", "100", tif="gtc")
    floor.see("150 151 149 150", volume)
    floor.see("170 171 149 150", volume)
    assert floor.account.available >= 0
    assert floor.fills()
