"""One order on a recorded book: the fills are the levels it met, at a price no better than they were."""

from decimal import Decimal
from uuid import UUID

import pytest

from traderbot.backtests.submitted.recording import play_order
from traderbot.market.level2 import Recording
from traderbot.model.commands import PlaceOrder
from traderbot.model.errors import InvalidValue
from traderbot.model.observations import DepthUpdate, Trade
from traderbot.model.orders import OrderType, Side, TimeInForce
from traderbot.model.symbols import Symbol
from traderbot.simulation.costs import Costs

pytestmark = pytest.mark.domain

D = Decimal
AAA = Symbol("AAA")
FREE = Costs(fee_rate=D(0), slippage=D(0), participation=D(1))


def levels(*pairs: tuple[str, str]) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((D(price), D(size)) for price, size in pairs)


RECORDING = Recording(
    AAA,
    [
        DepthUpdate(AAA, 1_000, 1, levels(("99", "5")), levels(("101", "5"), ("102", "7")), snapshot=True),
        DepthUpdate(AAA, 2_000, 2, levels(("98", "1")), ()),
        Trade(AAA, 3_000, 1, D("101"), D(2), Side.BUY),
        DepthUpdate(AAA, 4_000, 3, (), levels(("101", "0"), ("103", "4"))),
    ],
    0,
)


def order(side: Side, qty: str, limit: str | None = None) -> PlaceOrder:
    kind = OrderType.MARKET if limit is None else OrderType.LIMIT
    return PlaceOrder(
        UUID(int=1), AAA, side, D(qty), kind, TimeInForce.GTC, None if limit is None else D(limit)
    )


def test_a_market_order_takes_the_levels_it_meets_one_after_the_other() -> None:
    played = play_order(RECORDING, order(Side.BUY, "9"), costs=FREE)
    assert [(fill.qty, fill.price) for fill in played.fills] == [(5, 101), (4, 102)]
    assert (played.middle, played.placed_at, played.average) == (100, 1_000, D("101.444444444"))
    assert played.refusal is None


def test_what_the_book_does_not_show_is_not_filled() -> None:
    played = play_order(RECORDING, order(Side.BUY, "50"), costs=FREE)
    assert sum(fill.qty for fill in played.fills) == 16
    assert [fill.at for fill in played.fills] == [2_000, 2_000, 4_000]


def test_a_limit_is_never_passed() -> None:
    played = play_order(RECORDING, order(Side.BUY, "9", "101.00"), costs=FREE)
    assert [(fill.qty, fill.price) for fill in played.fills] == [(5, 101)]


def test_it_begins_where_it_is_told_and_not_after_the_end() -> None:
    played = play_order(RECORDING, order(Side.SELL, "1"), after=2_000, costs=FREE)
    assert (played.placed_at, [fill.at for fill in played.fills]) == (3_000, [4_000])
    with pytest.raises(InvalidValue, match="after"):
        play_order(RECORDING, order(Side.SELL, "1"), after=9_000, costs=FREE)


def test_what_the_gate_refuses_is_told() -> None:
    played = play_order(RECORDING, order(Side.BUY, "1", "500.00"), costs=FREE)
    assert played.refusal is not None
    assert (played.fills, played.average) == ([], None)
