"""What an account is worth: the arithmetic of every field, and the marks of the step that was committed."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traderbot.infra.ids import new_id
from traderbot.model import commands as c
from traderbot.model.account import AccountKind
from traderbot.model.errors import NotFound
from traderbot.model.orders import OrderType, Side, TimeInForce
from traderbot.portfolios.valuation import (
    Portfolio,
    closed_positions,
    equity_history,
    holdings_of,
    portfolio_of,
    portfolios_of,
)
from trading.session_rig import AAA, BBB, SPLIT_STEP, SessionRig
from trading.test_session_loop import buy

pytestmark = pytest.mark.integration

D = Decimal


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SessionRig]:
    rig = SessionRig(tmp_path)
    yield rig
    rig.close()


@settings(max_examples=12, deadline=None)
@given(
    trades=st.lists(
        st.tuples(st.booleans(), st.sampled_from([AAA, BBB]), st.integers(1, 40)), min_size=1, max_size=14
    )
)
def test_the_figures_of_a_portfolio_add_up_exactly(
    tmp_path_factory: pytest.TempPathFactory, trades: list[tuple[bool, str, int]]
) -> None:
    rig = SessionRig(tmp_path_factory.mktemp("random"))
    try:
        account_id = rig.join()
        for buying, symbol, qty in trades:
            side = Side.BUY if buying else Side.SELL
            rig.do(account_id, c.PlaceOrder(new_id(), symbol, side, D(qty)))  # type: ignore[arg-type]
            rig.play()
        found = rig.read(lambda connection: portfolio_of(connection, account_id, rig.loop.market))
        adds_up(found)
    finally:
        rig.close()


def adds_up(found: Portfolio) -> None:
    holdings = found.holdings
    assert found.market_value == sum((held.market_value for held in holdings), D(0))
    assert found.equity == found.cash + found.market_value
    assert found.available == found.cash - found.held >= 0
    assert found.unrealised_pnl == sum((held.unrealised_pnl for held in holdings), D(0))
    assert found.day_change == sum((held.day_change or D(0) for held in holdings), D(0))
    gains = found.realised_pnl + found.unrealised_pnl - found.fees + found.dividends
    assert found.equity == found.starting_cash + gains
    for held in holdings:
        assert held.qty > 0
        assert held.market_value == held.qty * held.mark
        assert held.unrealised_pnl == held.market_value - held.cost_basis
        assert abs(held.avg_entry_price * held.qty - held.cost_basis) < D("0.000001") * held.qty


def test_day_change_across_a_split_is_what_the_market_did(small: SessionRig) -> None:
    account_id = small.join()
    small.ask(account_id, buy(qty="10"))
    small.play(SPLIT_STEP)
    found = small.read(lambda connection: portfolio_of(connection, account_id, small.loop.market))
    (held,) = found.holdings
    assert (held.qty, held.mark) == (20, D("53.5"))
    assert held.day_change == found.day_change == 10, "half a dollar on twice the shares"
    assert held.unrealised_pnl == 20 * D("53.5") - D("1005")


def test_marks_are_those_of_the_step_that_the_tables_show(small: SessionRig) -> None:
    """A market taken just before a split commits would value twice the shares at the old price."""
    account_id = small.join()
    small.ask(account_id, buy(qty="10"))
    small.play(SPLIT_STEP - 1)
    stale = small.loop.market
    small.play()
    found = small.read(lambda connection: portfolio_of(connection, account_id, stale))
    assert found.as_of == small.loop.market.time
    assert found.market_value == 20 * D("53.5")
    (held,) = small.read(lambda connection: holdings_of(connection, account_id, stale))
    assert held.market_value == found.market_value


def test_flat_positions_and_foreign_accounts(small: SessionRig) -> None:
    account_id, other = small.join(), small.join()
    small.ask(account_id, buy(BBB))
    small.play()
    assert [held.symbol for held in small.read(lambda x: holdings_of(x, account_id, small.loop.market))] == [
        "BBB"
    ]
    assert small.read(lambda x: holdings_of(x, account_id, small.loop.market, AAA)) == []
    assert small.read(lambda x: holdings_of(x, other, small.loop.market)) == []
    small.ask(account_id, c.PlaceOrder(new_id(), BBB, Side.SELL, D(10)))
    small.play()
    assert small.read(lambda x: holdings_of(x, account_id, small.loop.market)) == []
    assert small.read(lambda x: holdings_of(x, new_id(), small.loop.market)) == []
    with pytest.raises(NotFound):
        small.read(lambda x: portfolio_of(x, new_id(), small.loop.market))


def test_history_is_oldest_first_and_the_last_of_it(small: SessionRig) -> None:
    account_id = small.join()
    small.ask(account_id, buy())
    small.play(6)
    whole = small.read(lambda connection: equity_history(connection, account_id))
    assert [point.time for point in whole] == sorted(point.time for point in whole)
    assert len(whole) == 6
    assert small.read(lambda connection: equity_history(connection, account_id, 2)) == whole[-2:]


def test_shares_sold_short_on_margin(small: SessionRig) -> None:
    account_id = small.join("10000", AccountKind.MARGIN)
    small.ask(account_id, c.PlaceOrder(new_id(), BBB, Side.SELL, D(20)))
    small.ask(account_id, buy(qty="30"))
    small.play()
    found = small.read(lambda x: portfolio_of(x, account_id, small.loop.market))
    bbb = next(held for held in found.holdings if held.symbol == BBB)
    assert (bbb.side, bbb.qty, bbb.avg_entry_price, bbb.market_value) == ("short", -20, 50, -1000)
    assert bbb.unrealised_pnl == bbb.market_value - bbb.cost_basis == 0
    assert found.short_value == -1000
    assert found.long_value + found.short_value == found.market_value
    assert found.equity == found.cash + found.market_value
    assert found.margin is not None
    gross = found.long_value - found.short_value
    assert found.margin.requirement == gross / 2
    assert found.margin.maintenance == found.long_value * D("0.25") - found.short_value * D("0.30")
    assert found.margin.excess == found.equity - gross / 2 - found.held
    assert found.buying_power == found.margin.excess * 2
    assert found.margin.call is None


def test_what_an_open_sale_sets_aside_is_not_available(small: SessionRig) -> None:
    account_id = small.join()
    small.ask(account_id, buy(qty="30"))
    small.play()
    sale = c.PlaceOrder(
        new_id(), AAA, Side.SELL, D(12), OrderType.LIMIT, TimeInForce.GTC, D(140),
    )  # fmt: skip
    small.ask(account_id, sale)
    (held,) = small.read(lambda x: holdings_of(x, account_id, small.loop.market))
    assert (held.qty, held.available) == (30, 18)


def test_all_accounts_of_a_user(small: SessionRig) -> None:
    user_id = new_id()
    mine = [small.join(cash, user_id=user_id) for cash in ("100", "200")]
    small.join("300")
    found = small.read(lambda x: portfolios_of(x, user_id, {small.session_id: small.loop.market}.get))
    assert [portfolio.account_id for portfolio in found] == mine
    assert [portfolio.equity for portfolio in found] == [100, 200]
    assert small.read(lambda x: portfolios_of(x, user_id, {}.get)) == []
    assert small.read(lambda x: portfolios_of(x, new_id(), {}.get)) == []


def test_symbols_that_were_sold_out_of(small: SessionRig) -> None:
    account_id = small.join()
    small.ask(account_id, buy(qty="5"))
    small.ask(account_id, buy(BBB, "5"))
    small.play()
    assert small.read(lambda x: closed_positions(x, account_id)) == []
    small.ask(account_id, c.PlaceOrder(new_id(), BBB, Side.SELL, D(5)))
    small.play()
    (closed,) = small.read(lambda x: closed_positions(x, account_id))
    assert (closed.symbol, closed.closed_at) == (BBB, small.loop.market.time)
    assert small.read(lambda x: closed_positions(x, account_id, after=BBB)) == []
