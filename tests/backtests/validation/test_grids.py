from decimal import Decimal

import pytest

from traderbot.backtests.validation.grids import grid_around
from traderbot.strategies.base import Strategy
from traderbot.strategies.moving_average import MovingAverageCrossover
from traderbot.strategies.parameters import Choice, Exact, Flag, Real, Whole

pytestmark = pytest.mark.unit


class Mixed(Strategy):
    length = Whole(20, 5, 30)
    least = Whole(1, 1, 1)
    threshold = Real(0.2, 0.0, 1.0)
    price = Choice("close", "open")
    short = Flag(False)
    qty = Exact(100, 1, 1000)


def test_values_lie_around_the_chosen_ones_and_in_their_range() -> None:
    assert grid_around(Mixed()) == {
        "length": [10, 14, 20, 28],
        "threshold": pytest.approx([0.1, 0.14, 0.2, 0.28, 0.4]),
        "price": ["close", "open"],
        "short": [False, True],
    }


def test_what_is_traded_is_no_choice_from_the_past() -> None:
    assert set(grid_around(MovingAverageCrossover(qty=Decimal(7)))) == {"fast", "slow"}
