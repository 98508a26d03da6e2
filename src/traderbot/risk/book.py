"""What an account holds, as an analysis takes it: an unchanging value, so that the same question is answered
once.
"""

from decimal import Decimal

import msgspec

from traderbot.market.datasets import Dataset
from traderbot.model.amounts import Money, Quantity
from traderbot.model.symbols import Symbol
from traderbot.portfolios.valuation import Portfolio


class Held(msgspec.Struct, frozen=True):
    """A position at its mark; negative where sold short."""

    symbol: Symbol
    qty: Quantity
    value: Money


class Book(msgspec.Struct, frozen=True):
    """An account's holdings at a market time, and the data set its session plays. peak: its highest close."""

    dataset: Dataset
    time: int
    currency: str
    equity: Decimal
    held: tuple[Held, ...]
    peak: Decimal | None = None


def book_of(portfolio: Portfolio, dataset: Dataset) -> Book:
    """The book of an account that was valued. dataset: of its session."""
    held = tuple(Held(Symbol(one.symbol), Quantity(one.qty), one.market_value) for one in portfolio.holdings)
    peak = None if portfolio.valued is None else portfolio.valued.peak
    return Book(dataset, portfolio.as_of, portfolio.currency, portfolio.equity, held, peak)
