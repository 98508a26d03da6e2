"""Random sequences of commands: after every step the auditor finds nothing, whatever was asked."""

from decimal import Decimal
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.books import AAA, BBB, Desk, Step, audit, play
from traderbot.engine.apply import fold
from traderbot.engine.decide import decide
from traderbot.model import commands as c
from traderbot.model.account import Account, AccountKind, LotMethod
from traderbot.simulation.costs import Costs

pytestmark = pytest.mark.domain


def decimals(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(low), Decimal(high), places=places, allow_nan=False, allow_infinity=False)


symbols = st.sampled_from([AAA, BBB])
quantities = st.one_of(
    st.integers(1, 400).map(Decimal), decimals("0.000000001", "30", 9), st.just(Decimal("0.000000001"))
)
limits = st.one_of(st.none(), decimals("5", "70", 2))
prices = st.one_of(decimals("0.5", "120", 2), decimals("0.5", "120", 9))
which = st.integers(0, 9)
ratios = st.sampled_from([(2, 1), (3, 2), (7, 1), (10, 3), (1, 2), (1, 3), (2, 7), (1, 1000)])

steps: st.SearchStrategy[Step] = st.one_of(
    st.tuples(
        st.just("place"),
        st.sampled_from(["buy", "sell"]),
        symbols,
        quantities,
        limits,
        st.sampled_from(["day", "gtc"]),
    ),
    st.tuples(
        st.just("bar"), symbols, prices, decimals("0", "0.3", 2), st.sampled_from([0, 7, 55.5, 1000, 1000000])
    ),
    st.tuples(st.just("cancel"), which),
    st.tuples(st.just("expire"), which),
    st.tuples(st.just("replace"), which, st.one_of(st.none(), quantities), limits),
    st.tuples(st.just("fill"), which, quantities, prices, decimals("0", "3", 6)),
    st.tuples(st.just("fill_rest"), which, prices),
    st.tuples(st.just("split"), symbols, st.just(0), st.just(0)).flatmap(
        lambda step: ratios.map(lambda ratio: ("split", step[1], *ratio))
    ),
    st.tuples(st.just("dividend"), symbols, decimals("0.01", "2", 6)),
    st.tuples(st.just("deposit"), decimals("0.000001", "500", 6)),
    st.just(("revalue",)),
    st.sampled_from([("pause",), ("resume",), ("resume",)]),
)


@given(
    st.lists(steps, min_size=1, max_size=40),
    st.sampled_from(["100000", "2500", "1000.000001"]),
    st.sampled_from(AccountKind),
    st.sampled_from(LotMethod),
)
@settings(max_examples=250, deadline=None)
def test_books_hold_after_every_step(
    drawn: list[Step], cash: str, kind: AccountKind, method: LotMethod
) -> None:
    desk = Desk(cash, kind=kind)
    desk.do(c.ChooseLotMethod(method))
    for step in drawn:
        play(desk, step)
        desk.audit()


@given(st.lists(steps, min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_the_stored_text_of_the_events_folds_to_the_same_account(drawn: list[Step]) -> None:
    desk = Desk()
    for step in drawn:
        play(desk, step)
    stored = [msgspec.json.decode(msgspec.json.encode(event), type=type(event)) for event in desk.events]
    assert fold(Account(desk.account.id), stored) == desk.account
    audit(desk.account, stored)


@given(st.lists(steps, min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_deciding_changes_nothing(drawn: list[Step]) -> None:
    desk = Desk()
    for step in drawn:
        play(desk, step)
    before = fold(Account(desk.account.id), desk.events)
    for command in (
        c.DepositCash(Decimal(1)),
        c.PauseTrading("a test"),
        *(c.CancelOrder(order_id) for order_id in desk.account.orders),
        *(c.ReplaceOrder(order_id, desk.id(), Decimal(77)) for order_id in desk.account.orders),
        *(
            c.RecordExecution(order.id, desk.id(), order.remaining, Decimal(9), Decimal(0), 0)
            for order in desk.account.orders.values()
        ),
    ):
        first = decide(desk.account, command, desk.market, desk.rules)
        assert first == decide(desk.account, command, desk.market, desk.rules)
    assert desk.account == before


@given(st.lists(st.tuples(quantities, prices), min_size=2, max_size=6), st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_the_order_of_fills_changes_neither_quantity_nor_cash(
    fills: list[tuple[Decimal, Decimal]], random: Random
) -> None:
    shuffled = list(fills)
    random.shuffle(shuffled)
    ends = []
    for sequence in (fills, shuffled):
        desk = Desk("10000000")
        orders = {fill: desk.place("buy", str(fill[0])) for fill in fills}
        for qty, price in sequence:
            desk.fill(orders[qty, price], str(qty), str(price))
        desk.audit()
        position = desk.account.positions[AAA]
        ends.append((desk.account.cash, desk.account.available, position.qty, position.cost))
    assert ends[0] == ends[1]


@given(
    quantities, decimals("1", "60", 2), st.lists(st.sampled_from([3, 17, 101, 33.3]), min_size=1, max_size=12)
)
@settings(max_examples=100, deadline=None)
def test_an_order_never_costs_more_than_it_held_but_for_a_millionth_a_fill(
    qty: Decimal, opening: Decimal, volumes: list[float]
) -> None:
    desk = Desk("10000", costs=Costs(participation=Decimal(1)))
    order_id = desk.place("buy", str(qty), tif="gtc")
    if order_id not in desk.account.orders:
        return
    held, before = desk.order(order_id).hold, desk.account.cash
    for volume in volumes:
        price = str(opening)
        desk.bar(AAA, (price, price, price, price), volume)
        desk.audit()
    assert before - desk.account.cash <= held + len(volumes) * Decimal("0.000001")
