from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from risk.samples import demo
from traderbot.portfolios.valuation import portfolio_of
from traderbot.risk.book import book_of
from trading.session_rig import SessionRig
from trading.test_session_loop import buy

pytestmark = pytest.mark.integration


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SessionRig]:
    rig = SessionRig(tmp_path)
    yield rig
    rig.close()


def test_a_book_is_what_the_account_holds_at_its_marks(small: SessionRig) -> None:
    account_id = small.join()
    small.ask(account_id, buy(qty="10"))
    small.play(2)
    portfolio = small.read(lambda connection: portfolio_of(connection, account_id, small.loop.market))
    found = book_of(portfolio, demo())
    assert found.equity == portfolio.equity
    assert found.time == small.loop.market.time
    assert [(one.symbol, one.qty, one.value) for one in found.held] == [
        (one.symbol, Decimal(10), one.market_value) for one in portfolio.holdings
    ]
    assert portfolio.valued is not None
    assert found.peak == portfolio.valued.peak
    assert hash(found) == hash(book_of(portfolio, demo()))
