"""The matching rules, each with its worked example."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.books import AAA, one_bar
from traderbot.model.orders import Order, OrderType, Side, TimeInForce
from traderbot.simulation import bars
from traderbot.simulation.fills import slipped

pytestmark = pytest.mark.domain

D = Decimal


def filled_at(side: str, limit: str | None, bar: str, slippage: str = "0.001") -> Decimal | None:
    """bar: open high low close."""
    order = Order(
        id=None,
        symbol=AAA,
        side=Side(side),
        type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        qty=D(1),
        limit_price=None if limit is None else D(limit),
        price_max=D(1000),
        fee_rate=D(0),
        hold=D(0),
        placed_at=0,
        expires_at=None,
        client_order_id="",
    )
    offer = bars.offer(order, one_bar(AAA, tuple(bar.split()), 100, 1))
    if offer is None:
        return None
    base, taking = offer
    return slipped(order, base, D(slippage)) if taking else base


@pytest.mark.parametrize(
    ("side", "limit", "bar", "price"),
    [
        # a market order fills at the open, moved against it by the slippage
        ("buy", None, "50 52 48 51", "50.050"),
        ("sell", None, "50 52 48 51", "49.950"),
        # the open satisfies the limit: open with slippage, never beyond the limit
        ("buy", "50.00", "49.50 51 49 50", "49.5495"),
        ("buy", "50.00", "50 51 49 50", "50.00"),
        ("buy", "50.00", "49.99 51 49 50", "50.00"),
        ("sell", "50.00", "50.50 51 49 50", "50.4495"),
        ("sell", "50.00", "50 51 49 50", "50.00"),
        # otherwise at the limit, if the bar trades through it
        ("buy", "50.00", "51.00 52 49.90 51", "50.00"),
        ("sell", "50.00", "49.00 50.10 48 49", "50.00"),
        # a touch is not enough
        ("buy", "50.00", "51.00 52 50.00 51", None),
        ("sell", "50.00", "49.00 50.00 48 49", None),
        # out of reach
        ("buy", "50.00", "51 52 50.5 51", None),
        ("sell", "50.00", "49 49.5 48 49", None),
    ],
)
def test_worked_examples(side: str, limit: str | None, bar: str, price: str | None) -> None:
    assert filled_at(side, limit, bar) == (None if price is None else D(price))


def test_without_slippage_the_open_itself() -> None:
    assert filled_at("buy", None, "50.5 52 48 51", slippage="0") == D("50.5")


prices = st.decimals(D("1"), D("200"), places=2)


@given(st.tuples(prices, prices, prices, prices), prices, st.sampled_from(["buy", "sell"]))
def test_a_limit_is_never_passed_and_a_fill_lies_within_reach(
    drawn: tuple[Decimal, ...], limit: Decimal, side: str
) -> None:
    opening, close = drawn[:2]
    bar = f"{opening} {max(drawn)} {min(drawn)} {close}"
    price = filled_at(side, str(limit), bar)
    if price is None:
        assert min(drawn) >= limit if side == "buy" else max(drawn) <= limit
    elif side == "buy":
        assert min(opening, limit) <= price <= limit
        assert min(drawn) <= limit
    else:
        assert max(opening, limit) >= price >= limit
        assert max(drawn) >= limit
