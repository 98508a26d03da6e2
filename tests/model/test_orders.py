from decimal import Decimal
from itertools import product
from uuid import UUID

import pytest

from traderbot.model.errors import IllegalTransition
from traderbot.model.orders import OPEN, TRANSITIONS, Order, OrderStatus, OrderType, Side, TimeInForce
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.domain

S = OrderStatus
LEGAL = {
    (S.ACCEPTED, S.PARTIALLY_FILLED),
    (S.ACCEPTED, S.FILLED),
    (S.ACCEPTED, S.CANCELED),
    (S.ACCEPTED, S.EXPIRED),
    (S.ACCEPTED, S.REPLACED),
    (S.PARTIALLY_FILLED, S.PARTIALLY_FILLED),
    (S.PARTIALLY_FILLED, S.FILLED),
    (S.PARTIALLY_FILLED, S.CANCELED),
    (S.PARTIALLY_FILLED, S.EXPIRED),
    (S.PARTIALLY_FILLED, S.REPLACED),
}


def an_order(status: OrderStatus = S.ACCEPTED) -> Order:
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
    assert {S.ACCEPTED, S.PARTIALLY_FILLED} == OPEN
    assert {(before, after) for before, ends in TRANSITIONS.items() for after in ends} == LEGAL


def test_what_remains_is_what_was_not_filled() -> None:
    order = an_order()
    order.filled_qty = Decimal("3.5")
    assert order.remaining == Decimal("6.5")


def test_words_are_found_by_their_text() -> None:
    assert {Side.BUY: 1}["buy"] == 1
    assert hash(S.FILLED) == hash("filled")
    assert f"{TimeInForce.GTC}" == "gtc"
