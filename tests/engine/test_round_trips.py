from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from traderbot.engine.round_trips import RoundTrip, follow
from traderbot.model.actions import ActionKind
from traderbot.model.events import CorporateActionApplied, ExecutionBusted, OrderFilled
from traderbot.model.orders import OrderStatus, Side
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.domain
D = Decimal
AAA, BBB = Symbol("AAA"), Symbol("BBB")
NOBODY = UUID(int=0)


def fill(at: int, side: Side, qty: str, after: str, realised: str = "0", fee: str = "1") -> OrderFilled:
    value = D(qty) * 10
    return OrderFilled(
        at,
        NOBODY,
        NOBODY,
        AAA,
        side,
        D(qty),
        D(10),
        value,
        D(fee),
        D(qty),
        value,
        OrderStatus.FILLED,
        D(0),
        D(after),
        at,
        D(realised),
    )


def act(kind: ActionKind, after: str, **terms: Any) -> CorporateActionApplied:
    return CorporateActionApplied(9, AAA, kind, date(2020, 1, 2), D(after), **terms)


def test_parts_add_up_until_the_position_is_flat() -> None:
    first = follow(None, fill(1, Side.BUY, "10", "10"))
    second = follow(first.now, fill(2, Side.SELL, "4", "6", "8"))
    third = follow(second.now, fill(3, Side.SELL, "6", "0", "-2"))
    assert (first.ended, second.ended) == (None, None)
    assert third.ended == RoundTrip(1, 3, D(6), D(3))
    assert follow(third.now, fill(4, Side.BUY, "1", "1")).now == RoundTrip(4, 1, D(0), D(1))


def test_an_execution_through_zero_ends_one_and_begins_the_next() -> None:
    step = follow(RoundTrip(1, 1, D(0), D(1)), fill(5, Side.SELL, "15", "-5", "7"))
    assert step.ended == RoundTrip(1, 2, D(7), D(2))
    assert step.now == RoundTrip(5, 1, D(0), D(0))


def test_a_bust_takes_back_what_the_execution_gave() -> None:
    busted = ExecutionBusted(
        4, NOBODY, NOBODY, AAA, Side.SELL, D(4), D(10), D(40), D(1), D(0), D(0), D(10), D(0), D(-8)
    )
    assert follow(RoundTrip(1, 2, D(8), D(2)), busted).now == RoundTrip(1, 1, D(0), D(1))


def test_a_delisting_ends_it_and_another_name_goes_on() -> None:
    open_trip = RoundTrip(1, 1, D(0), D(1))
    gone = follow(open_trip, act(ActionKind.DELISTING, "0", amount=D(0), realised=D(-100)))
    assert gone.ended == RoundTrip(1, 1, D(-100), D(1))
    renamed = follow(open_trip, act(ActionKind.SYMBOL_CHANGE, "10", new_symbol=BBB))
    assert (renamed.now, renamed.ended, renamed.symbol) == (open_trip, None, BBB)
    assert follow(open_trip, act(ActionKind.DIVIDEND, "10", amount=D(1), cash=D(10))).now == open_trip
