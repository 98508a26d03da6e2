"""Parameters: typed, within their range, refused by name."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from traderbot.model.errors import InvalidValue
from traderbot.strategies.base import Strategy
from traderbot.strategies.parameters import Choice, Exact, Flag, Real, Whole

pytestmark = pytest.mark.unit


class Tuned(Strategy):
    name = "tuned"
    bars = Whole(20, 2, 200)
    decay = Real(0.5, 0.01, 1.0, log=True)
    qty = Exact("0.5", 0, 10)
    side = Choice("long", "short", "both")
    eager = Flag(False)

    def check(self) -> None:
        if self.eager and self.bars > 100:
            raise InvalidValue("bars", "100 at most where it is eager", self.bars)


class Finer(Tuned):
    bars = Whole(10, 1, 50)
    more = Whole(1, 0, 3)


def test_values_are_plain_attributes_of_the_right_type() -> None:
    made = Tuned(bars=7, qty=Decimal(2))
    assert made.values() == {"bars": 7, "decay": 0.5, "qty": Decimal(2), "side": "long", "eager": False}
    assert vars(made) == made.values()
    assert list(Finer.declared()) == ["bars", "decay", "qty", "side", "eager", "more"]
    assert (Finer().bars, Finer.bars.most, Tuned.bars.most) == (10, 50, 200)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"bars": 1}, "bars"),
        ({"bars": 20.0}, "bars"),
        ({"bars": True}, "bars"),
        ({"bars": "20"}, "bars"),
        ({"decay": float("nan")}, "decay"),
        ({"decay": 1.5}, "decay"),
        ({"qty": 0.5}, "qty"),
        ({"qty": Decimal("0.0000000001")}, "qty"),
        ({"qty": 11}, "qty"),
        ({"side": "up"}, "side"),
        ({"eager": 1}, "eager"),
        ({"eager": True, "bars": 150}, "bars"),
        ({"window": 3}, "window"),
    ],
)
def test_what_cannot_be_is_refused_by_name(values: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        Tuned(**values)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("bars", "50", 50),
        ("decay", "0.25", 0.25),
        ("qty", "1.5", Decimal("1.5")),
        ("side", "both", "both"),
        ("eager", "true", True),
    ],
)
def test_texts_are_read_as_what_they_mean(name: str, text: str, value: object) -> None:
    assert Tuned.declared()[name].parse(text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [("bars", "5.0"), ("bars", "²"), ("bars", "9" * 30), ("decay", "x"), ("qty", "1e-30"), ("qty", "NaN"),
     ("side", ""), ("eager", "yes")],
)  # fmt: skip
def test_texts_that_mean_nothing_are_refused(name: str, text: str) -> None:
    with pytest.raises(InvalidValue):
        Tuned.declared()[name].parse(text)


def test_a_grid_spans_the_range() -> None:
    grids = {name: parameter.grid(3) for name, parameter in Tuned.declared().items()}
    assert grids == {
        "bars": [2, 101, 200],
        "decay": pytest.approx([0.01, 0.1, 1.0]),
        "qty": [0, 5, 10],
        "side": ["long", "short", "both"],
        "eager": [False, True],
    }


def test_a_grid_of_decimals_is_exact() -> None:
    quarter, third = Exact(1, 0, 1).grid(5)[1], Exact(1, 0, 1).grid(4)[1]
    assert (quarter, third) == (Decimal("0.25"), Decimal("0.333333333"))
    assert Exact(1, Decimal("0.000000001"), 1_000_000).grid(7)[0] == Decimal("0.000000001")


def test_a_number_of_an_array_is_taken_as_the_plain_one() -> None:
    made = Tuned(bars=np.int64(7), decay=np.float64(0.25))
    assert [type(made.bars), type(made.decay)] == [int, float]


def test_a_default_outside_its_range_is_no_class() -> None:
    with pytest.raises(InvalidValue):
        type("Wrong", (Strategy,), {"bars": Whole(0, 1, 2)})
