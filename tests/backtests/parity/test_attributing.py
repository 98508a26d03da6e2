"""The attribution is additive and exact: every cause by itself, splits and parts, on orders made by hand."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest

from traderbot.backtests.parity.attributing import Attribution, Worth, cents
from traderbot.backtests.parity.traces import Cash, Fill, Refused, Trace, Traces
from traderbot.market.sessions import Timeline
from traderbot.model.account import Account
from traderbot.model.orders import Side
from trading.session_rig import AAA, SPLIT_STEP, small_dataset

pytestmark = pytest.mark.domain

D = Decimal
DATASET = small_dataset()
TIMELINE = Timeline(DATASET)
LAST = 15
OWN = "strategy:it"


def order(number: int, step: int, qty: int, *fills: tuple[int, str, str, str], **more: Any) -> Trace:
    """fills: (step, quantity, price, fee)."""
    made = [
        Fill(UUID(int=number), TIMELINE.time_of(at), D(q), D(p), D(q) * D(p), D(f)) for at, q, p, f in fills
    ]
    side = more.pop("side", Side.BUY)
    actor = more.pop("actor", OWN)
    return Trace(UUID(int=number), AAA, side, D(qty), TIMELINE.time_of(step), actor, made, **more)


def sides(session: list[Trace], rerun: list[Trace]) -> tuple[Traces, Traces]:
    found = []
    for orders in (session, rerun):
        traces = Traces(Account(UUID(int=0)), [])
        traces.orders = {one.id: one for one in orders}
        found.append(traces)
    return found[0], found[1]


def attributed(session: Traces, rerun: Traces) -> dict[str, Fraction]:
    worth = Worth(DATASET, TIMELINE, LAST)
    pieces = Attribution(session, rerun, OWN, worth, TIMELINE.times.tolist()).pieces([])
    found: dict[str, Fraction] = {}
    for piece in pieces:
        found[piece.cause] = found.get(piece.cause, Fraction(0)) + piece.amount
    return found


MARK = (100 + LAST) / 2  # of AAA, which split 2 for 1


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (order(1, 1, 10, (2, "10", "102", "1")), order(1, 1, 10, (2, "10", "102", "1")), {}),
        (order(1, 1, 10, (2, "10", "102.5", "1")), order(1, 1, 10, (2, "10", "102", "1")), {"price": -5}),
        (order(1, 1, 10, (2, "10", "102", "3")), order(1, 1, 10, (2, "10", "102", "1")), {"fee": -2}),
        (order(1, 1, 10, (4, "10", "104", "1")), order(1, 1, 10, (2, "10", "102", "1")), {"timing": -20}),
        (
            order(1, 1, 10, (9, "20", "54", "1")),  # after the split
            order(1, 1, 10, (2, "10", "102", "1")),
            {"timing": -60},
        ),
        (
            order(1, 1, 10, (2, "4", "102", "1")),
            order(1, 1, 10, (2, "10", "102", "2.5")),
            {"missed": -6 * (2 * MARK - 102) + 1.5},
        ),
        (
            order(1, 1, 12, (2, "12", "102", "0")),
            order(1, 1, 10, (2, "10", "102", "0")),
            {"signal": 2 * (2 * MARK - 102)},
        ),
        (
            order(1, 1, 12, (2, "12", "102", "0")),
            order(1, 1, 10, (2, "7", "102", "0")),
            {"signal": 2 * (2 * MARK - 102), "missed": 3 * (2 * MARK - 102)},
        ),
        (
            order(1, 1, 10, (2, "6", "102", "0"), (3, "4", "103", "0")),
            order(1, 1, 10, (2, "10", "102", "0")),
            {"timing": -4},
        ),
        (
            order(1, 1, 10, (2, "10", "103", "0"), side=Side.SELL),
            order(1, 1, 10, (2, "10", "102", "0"), side=Side.SELL),
            {"price": 10},
        ),
    ],
)
def test_each_cause_by_itself(ours: Trace, theirs: Trace, expected: dict[str, float]) -> None:
    found = attributed(*sides([ours], [theirs]))
    assert {cause: float(amount) for cause, amount in found.items()} == pytest.approx(expected)
    other = attributed(*sides([theirs], [ours]))
    assert other == {cause: -amount for cause, amount in found.items()}, "the other way round"


def test_an_order_on_one_side_is_signal_and_the_same_some_steps_later_is_timing() -> None:
    alone = order(1, 1, 10, (2, "10", "102", "1"))
    assert attributed(*sides([alone], [])) == {"signal": Fraction(10 * (2 * MARK - 102) - 1)}
    later = order(2, 3, 10, (4, "10", "104", "1"))
    assert attributed(*sides([later], [alone])) == {"timing": -20}
    far = order(2, 8, 10, (9, "10", "54", "1"))
    assert set(attributed(*sides([far], [alone]))) == {"signal"}


def test_others_orders_and_cash_have_names_of_their_own() -> None:
    mine = order(1, 1, 10, (2, "10", "102", "1"))
    hers = order(2, 1, 5, (2, "5", "102", "1"), actor="user:ada")
    its = order(3, 1, 5, (2, "5", "102", "1"), actor="strategy:other")
    session, rerun = sides([mine, hers, its], [mine])
    session.cash = [Cash(5, "dividend", AAA, D("2.5")), Cash(6, "deposit", None, D(100))]
    rerun.cash = [Cash(5, "dividend", AAA, D("1.5")), Cash(7, "deposit", None, D(100))]
    found = attributed(session, rerun)
    each = Fraction(5 * (2 * MARK - 102) - 1)
    assert found == {"manual orders": each, "other strategies": each, "dividends": 1}


def test_a_refusal_is_the_reason_of_what_is_lacking() -> None:
    session, rerun = sides([], [order(1, 1, 10)])
    words = "order_value_limit: too much"
    session.refused = [Refused(TIMELINE.time_of(1), UUID(int=7), AAA, Side.BUY, OWN, words)]
    worth = Worth(DATASET, TIMELINE, LAST)
    (piece,) = Attribution(session, rerun, OWN, worth, TIMELINE.times.tolist()).pieces([])
    assert (piece.cause, piece.amount) == ("signal", 0)
    assert words in piece.words
    assert str(UUID(int=7)) in piece.words


def test_a_share_follows_its_split_from_the_step_on_which_it_takes_effect() -> None:
    worth = Worth(DATASET, TIMELINE, LAST)
    assert worth.shares(AAA, TIMELINE.time_of(SPLIT_STEP - 1)) == 2
    assert worth.shares(AAA, TIMELINE.time_of(SPLIT_STEP)) == 1
    assert worth.value(AAA, TIMELINE.time_of(0)) == 100 + LAST
    assert TIMELINE.date_of(SPLIT_STEP) == date(2005, 1, 12)
    before = Worth(DATASET, TIMELINE, SPLIT_STEP - 1)
    assert before.shares(AAA, 0) == 1


def test_cents_add_up_to_the_rounded_whole() -> None:
    thirds = [Fraction(1, 3)] * 7 + [Fraction(-1, 700)] * 5
    assert sum(cents(thirds)) == round(sum(thirds) * 100)
    assert cents([Fraction(0), Fraction(5, 1000), Fraction(0)])[2] == 0
