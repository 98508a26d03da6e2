"""What may be grouped by, and what nobody guesses."""

import pytest

from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol
from traderbot.portfolios.dimensions import By, dimension, name_of
from traderbot.portfolios.track import Slice

pytestmark = pytest.mark.unit


def test_names() -> None:
    sectors = {Symbol("MSFT"): "Information Technology"}
    microsoft, other = Slice("MSFT", "trend"), Slice("XYZ", "manual")
    assert [name_of(microsoft, by, sectors) for by in (By.POSITION, By.SECTOR, By.STRATEGY)] == [
        "MSFT", "Information Technology", "trend",
    ]  # fmt: skip
    assert name_of(other, By.SECTOR, sectors) == "unknown"
    assert {name_of(Slice("", ""), by, sectors) for by in By} == {"cash"}


def test_what_is_not_offered_is_refused_in_words() -> None:
    assert dimension("sector") is By.SECTOR
    with pytest.raises(InvalidValue, match="one currency, USD"):
        dimension("currency")
    with pytest.raises(InvalidValue, match="one of position, sector"):
        dimension("trade", (By.POSITION, By.SECTOR))
