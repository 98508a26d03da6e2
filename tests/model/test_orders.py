from decimal import Decimal
from itertools import product
from uuid import UUID

import pytest

from traderbot.model.errors import IllegalTransition
from traderbot.model.orders import OPEN, TRANSITIONS, Order, OrderStatus, OrderType, Side, TimeInForce
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.domain

S = OrderStatus
ENDS = {S.FILLED, S.CANCELED, S.EXPIRED}
LEGAL = {
    *((S.PENDING_NEW, after) for after in {*ENDS, S.NEW, S.UNKNOWN, S.PARTIALLY_FILLED, S.REJECTED}),
    *((S.UNKNOWN, after) for after in {*ENDS, S.NEW, S.PARTIALLY_FILLED, S.REJECTED}),
    *((S.HELD, after) for after in {S.NEW, S.CANCELED, S.EXPIRED, S.REPLACED}),
    *((S.NEW, after) for after in {*ENDS, S.PARTIALLY_FILLED, S.REPLACED, S.REJECTED}),
    *((S.PARTIALLY_FILLED, after) for after in {*ENDS, S.PARTIALLY_FILLED, S.REPLACED}),
}


def an_order(status: OrderStatus = S.NEW) -> Order:
    return Order(
        id=UUID(int=1),
        symbol=Symbol("AAA"),
        side=Side.BUY,
        type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        qty=Decimal(10),
        limit_price=None,
        price_max=Decimal(11),
        fee_rate=Decimal(0),
        hold=Decimal(110),
        placed_at=0,
        expires_at=None,
        client_order_id="",
        status=status,
    )


@pytest.mark.parametrize(("before", "after"), list(product(S, S)))
def test_only_the_listed_changes_of_status_happen(before: OrderStatus, after: OrderStatus) -> None:
    order = an_order(before)
    if (before, after) in LEGAL:
        order.become(after)
        assert order.status is after
    else:
        with pytest.raises(IllegalTransition, match=f"{before} cannot become {after}"):
            order.become(after)
        assert order.status is before


def test_the_table_lists_every_status_and_those_that_end_absorb() -> None:
    assert set(TRANSITIONS) == set(S)
    assert {S.PENDING_NEW, S.UNKNOWN, S.HELD, S.NEW, S.PARTIALLY_FILLED} == OPEN
    assert {(before, after) for before, ends in TRANSITIONS.items() for after in ends} == LEGAL


def test_what_remains_is_what_was_not_filled() -> None:
    order = an_order()
    order.filled_qty = Decimal("3.5")
    assert order.remaining == Decimal("6.5")


def test_a_sale_reserves_what_it_may_still_sell_unless_it_waits_or_its_sibling_does() -> None:
    order = an_order()
    assert order.reserved == 0
    order.side, order.filled_qty = Side.SELL, Decimal(4)
    assert order.reserved == 6
    order.reserves = False
    assert order.reserved == 0
    held = an_order(S.HELD)
    held.side = Side.SELL
    assert held.reserved == 0


def test_words_are_found_by_their_text() -> None:
    assert {Side.BUY: 1}["buy"] == 1
    assert hash(S.FILLED) == hash("filled")
    assert f"{TimeInForce.GTC}" == "gtc"
