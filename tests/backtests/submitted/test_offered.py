"""What is on offer says what it takes, and takes what it says."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from traderbot.backtests.submitted.offered import offers, strategy_of
from traderbot.model.errors import InvalidValue
from traderbot.strategies.base import Strategy
from traderbot.strategies.catalogue import CATALOGUE
from traderbot.strategies.parameters import Choice, Exact, Flag, Real, Whole

pytestmark = pytest.mark.unit


class Every(Strategy):
    """One of each kind.

    More about it.
    """

    name = "every"
    bars = Whole(20, 2, 200)
    decay = Real(0.5, 0.0, 1.0)
    qty = Exact("1.5", Decimal("0.5"), 10)
    side = Choice("long", "both")
    hedged = Flag(False)


@pytest.fixture(autouse=True)
def every(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOGUE, "every", Every)


def test_each_parameter_is_described_as_json() -> None:
    (found,) = (one for one in offers() if one.name == "every")
    described = [tuple(one.values()) for one in msgspec.to_builtins(found)["parameters"]]
    assert found.about == "One of each kind."
    assert described == [
        ("bars", "whole", 20, 2, 200, ()),
        ("decay", "real", 0.5, 0.0, 1.0, ()),
        ("qty", "exact", "1.5", "0.5", "10", ()),
        ("side", "choice", "long", None, None, ("long", "both")),
        ("hedged", "flag", False, None, None, ()),
    ]


def test_all_that_is_on_offer_can_be_made_with_its_usual_values() -> None:
    for offer in offers():
        usual = {one.name: one.preset for one in offer.parameters}
        assert strategy_of(offer.name, usual).values() == strategy_of(offer.name, {}).values()


def test_texts_are_read_by_their_parameter() -> None:
    given = {"bars": "30", "decay": "0.25", "qty": "2.5", "side": "both", "hedged": True}
    assert strategy_of("every", given).values() == {
        "bars": 30, "decay": 0.25, "qty": Decimal("2.5"), "side": "both", "hedged": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"bars": 1}, "bars"),
        ({"bars": True}, "bars"),
        ({"decay": "nan"}, "decay"),
        ({"qty": "11"}, "qty"),
        ({"side": "short"}, "side"),
        ({"hedged": 1}, "hedged"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_out_of_range_is_named(given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        strategy_of("every", given)
    assert caught.value.field == f"parameters.{field}"


def test_a_file_is_no_name() -> None:
    with pytest.raises(InvalidValue, match="a strategy of your own is a file"):
        strategy_of("/home/me/mine.py", {})
