import math

import pytest

from traderbot.model.errors import InvalidValue
from traderbot.model.sentiment import Sentiment

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("score", "confidence", "source", "field"),
    [
        (1.01, 0.5, "a feed", "score"),
        (-1.01, 0.5, "a feed", "score"),
        (math.nan, 0.5, "a feed", "score"),
        (0, -0.01, "a feed", "confidence"),
        (0, 1.01, "a feed", "confidence"),
        (0, math.nan, "a feed", "confidence"),
        (0, 0.5, " ", "source"),
    ],
)
def test_a_sentiment_out_of_range_cannot_be_made(
    score: float, confidence: float, source: str, field: str
) -> None:
    with pytest.raises(InvalidValue) as refusal:
        Sentiment(score, confidence, source)
    assert refusal.value.field == field


def test_the_ends_of_the_range_are_in_it() -> None:
    assert Sentiment(-1, 0, "a feed").score == -1
    assert Sentiment(1, 1, "a feed").confidence == 1
