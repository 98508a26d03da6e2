import pytest

from traderbot.model.meant import meant

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("word", "known", "told"),
    [
        ("moving-avarage", ["buy-and-hold", "moving-average"], "; did you mean moving-average"),
        ("aapl", ["AAPL", "IBM"], "; did you mean AAPL"),
        ("IBN", ["AAPL", "IBM"], "; did you mean IBM"),
        ("quick", ["fast", "slow"], ""),
        ("XYZ", ["AAPL", "IBM"], ""),
        ("", ["AAPL"], ""),
        ("demo", [], ""),
    ],
)
def test_the_nearest_name_is_offered_and_none_where_nothing_is_near(
    word: str, known: list[str], told: str
) -> None:
    assert meant(word, known) == told
