"""Sentiment: how good or bad a text is for an instrument, how sure the source is, and who says so."""

import msgspec

from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol


class Sentiment(msgspec.Struct, frozen=True):
    """A scored opinion.

    score: in [-1, 1]; confidence: in [0, 1]; source: the model or feed that scored it.
    """

    score: float
    confidence: float
    source: str

    def __post_init__(self) -> None:
        if not -1.0 <= self.score <= 1.0:
            raise InvalidValue("score", "a number from -1 to 1", self.score)
        if not 0.0 <= self.confidence <= 1.0:
            raise InvalidValue("confidence", "a number from 0 to 1", self.confidence)
        if not self.source.strip():
            raise InvalidValue("source", "the name of the model or feed")


class NewsItem(msgspec.Struct, frozen=True):
    """A scored text about an instrument. known_at: microseconds UTC from which it could be acted upon, which
    is when it was received, not when it was published.
    """

    known_at: int
    symbol: Symbol
    text: str
    sentiment: Sentiment
