"""Small data sets for the tests of market data."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from traderbot.market.bars import Bars, TimeFrame, make_bars
from traderbot.market.calendars import Sessions, sessions_between
from traderbot.market.datasets import Dataset, Instrument, make_dataset
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.symbols import Symbol

AAA, BBB = Symbol("AAA"), Symbol("BBB")


@pytest.fixture(scope="session")
def january() -> Sessions:
    """The 20 sessions of January 2005 on XNYS."""
    return sessions_between("XNYS", date(2005, 1, 1), date(2005, 1, 31))


@pytest.fixture(scope="session")
def rising() -> Callable[[Symbol, Sessions], Bars]:
    """Bars that rise by 1 a session from 100, with 1,000 shares each."""

    def build(symbol: Symbol, sessions: Sessions) -> Bars:
        close = 100.0 + np.arange(len(sessions))
        volume = np.full(len(sessions), 1000.0)
        return make_bars(symbol, sessions.closes, close - 0.5, close + 1, close - 1, close, volume)

    return build


@pytest.fixture(scope="session")
def dataset(january: Sessions, rising: Callable[[Symbol, Sessions], Bars]) -> Dataset:
    """AAA with all 20 sessions of January 2005, BBB from 2005-01-10 on; a split and a dividend of AAA."""
    late = january.between(date(2005, 1, 10), date(2005, 1, 31))
    actions = [
        CorporateAction(AAA, date(2005, 1, 12), ActionKind.SPLIT, new=1, old=3),
        CorporateAction(AAA, date(2005, 1, 20), ActionKind.DIVIDEND, Decimal("0.18"), estimated=True),
    ]
    return make_dataset(
        "small",
        "XNYS",
        TimeFrame.DAY,
        [Instrument(BBB, "Bee", "XNYS"), Instrument(AAA, "Ay", "XNYS")],
        {BBB: rising(BBB, late), AAA: rising(AAA, january)},
        actions,
        january,
        source="made up",
        licence="none",
        notes=["for tests"],
    )
