import pytest

from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import symbol

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("text", ["A", "AAPL", "BRK.B", "BF-B", "X1", "ABCDEFGHIJ.WXYZ"])
def test_tickers(text: str) -> None:
    assert symbol(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "aapl", "1A", "AAPL ", "AAPL\n", "A" * 11, "A" * 10_000, "A\x00", "\u202eAAPL", "АAPL", "\ud800",
     "../A", "A.", "A.B.C", "A'; DROP TABLE orders", "A.TOOLONG", None, 5, [], b"AAPL"],
)  # fmt: skip
def test_anything_else_is_refused_by_the_name_of_its_field(text: object) -> None:
    with pytest.raises(InvalidValue, match=r"^ticker: expected") as refusal:
        symbol(text, "ticker")
    refusal.value.detail.encode()
