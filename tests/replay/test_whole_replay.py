"""Eight years at full speed, once, and everything that must hold of them."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from replay.floor import Books, closes_of, decoded, demo_account, floor, play, stored
from traderbot.backtests.runner import run
from traderbot.infra.events.journal import verify
from traderbot.intelligence.forecast import Forecast
from traderbot.portfolios.valuation import portfolio_of
from traderbot.strategies.ai_forecast import AiForecast
from traderbot.trading import tables as t
from traderbot.trading.audit import rebuild
from traderbot.trading.terms import costs_of, rules_of
from traderbot.trading.why import explain_order

pytestmark = pytest.mark.integration

D = Decimal
DAY = 86_400_000_000


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with floor(tmp_path_factory.mktemp("whole")) as platform:
        account_id = demo_account(platform)
        steps = play(platform)
        rows = stored(platform, account_id)
        yield SimpleNamespace(platform=platform, account_id=account_id, steps=steps, rows=rows)


def test_it_plays_to_the_end(whole: Any) -> None:
    assert whole.steps == 2054
    assert whole.platform.session.replay.ended
    kinds = {row.type for row in whole.rows}
    assert {"OrderFilled", "SignalRaised", "CorporateActionApplied", "PortfolioRevalued"} <= kinds
    assert "OrderRefused" not in kinds, "the strategy asks for no more than its cash can hold"
    assert "TradingPaused" not in kinds


def test_every_event_leaves_equity_explained(whole: Any) -> None:
    books = Books(closes_of(whole.platform.dataset))
    valued = 0
    for row in whole.rows:
        data = decoded(row)
        books.take(row.type, data)
        assert books.cash >= 0
        assert books.equity(row.effective_at) == books.explained(row.effective_at), row.position
        if row.type == "PortfolioRevalued":
            valued += 1
            assert D(data["cash"]) == books.cash
            assert D(data["market_value"]) == books.market_value(row.effective_at)
            assert (
                D(data["equity"])
                == books.equity(row.effective_at)
                == D(data["cash"]) + D(data["market_value"])
            )
    assert valued > 2000
    last = portfolio_now(whole)
    assert (last.cash, last.equity) == (books.cash, books.equity(whole.rows[-1].effective_at))
    assert (last.fees, last.dividends, last.realised_pnl) == (books.fees, books.dividends, books.realised)
    assert last.unrealised_pnl == last.market_value - books.cost
    assert books.fees > 0
    assert books.dividends > 0


def test_a_backtest_of_the_strategy_makes_the_same_trades(whole: Any) -> None:
    dataset, settings = whole.platform.dataset, whole.platform.settings
    start = dataset.sessions.close_of(dt.date(2005, 1, 3)) - DAY // 2
    result = run(
        AiForecast(),
        [bars.cursor() for bars in dataset.bars.values()],
        cash=settings.starting_cash,
        rules=rules_of(settings),
        costs=costs_of(settings),
        actions=dataset.actions,
        start=start,
    )
    paper = [decoded(row) for row in whole.rows if row.type == "OrderFilled"]
    assert [(fill.at, fill.symbol, fill.side.value, fill.qty, fill.price) for fill in result.fills] == [
        (fill["at"], fill["symbol"], fill["side"], D(fill["qty"]), D(fill["price"])) for fill in paper
    ]
    assert result.equity == portfolio_now(whole).equity


def portfolio_now(whole: Any) -> Any:
    with whole.platform.database.read() as connection:
        return portfolio_of(connection, whole.account_id, whole.platform.session.market)


def test_the_ledger_sums_to_zero_for_each_event_and_in_all(whole: Any) -> None:
    sums: dict[int, Decimal] = defaultdict(Decimal)
    with whole.platform.database.read() as connection:
        for row in connection.execute(sa.select(t.postings)):
            sums[row.version] += row.amount
    assert len(sums) > 200
    assert set(sums.values()) == {D(0)}


def test_the_journal_verifies_and_rebuilds_into_the_same_tables(whole: Any) -> None:
    with whole.platform.database.read() as connection:
        assert verify(connection).fault is None
    result = rebuild(whole.platform.database)
    assert result.differences == []
    assert result.events == stored(whole.platform)[-1].position


def test_the_split_of_apple_keeps_value_and_cost(whole: Any) -> None:
    books, close_at = Books(closes_of(whole.platform.dataset)), closes_of(whole.platform.dataset)
    for row in whole.rows:
        data = decoded(row)
        if row.type == "CorporateActionApplied" and data["kind"] == "split":
            assert (data["symbol"], data["ex_date"], data["new"]) == ("AAPL", "2005-02-28", 2)
            assert "old" not in data, "one is the default, which is left out"
            before = list(books.positions["AAPL"])
            old_value = before[0] * close_at("AAPL", row.effective_at - DAY)
            books.take(row.type, data)
            after = books.positions["AAPL"]
            assert after == [2 * before[0], before[1]]
            new_value = after[0] * close_at("AAPL", row.effective_at)
            assert abs(new_value - old_value) < old_value * D("0.03"), "the market moved it, not the split"
            return
        books.take(row.type, data)
    pytest.fail("the account held no AAPL at its split")


def test_dividends_of_what_was_held_are_booked(whole: Any) -> None:
    paid = [decoded(row) for row in whole.rows if row.type == "CorporateActionApplied"]
    dividends = [data for data in paid if data["kind"] == "dividend"]
    assert len(dividends) > 40
    assert {data["symbol"] for data in dividends} == {"AAPL", "IBM", "MSFT"}
    assert all(data["estimated"] for data in dividends)
    assert len({(data["symbol"], data["ex_date"]) for data in dividends}) == len(dividends)


def test_every_order_follows_from_a_signal_made_of_the_past(whole: Any) -> None:
    signals = {
        decoded(row)["signal_id"]: (row, decoded(row)) for row in whole.rows if row.type == "SignalRaised"
    }
    placed = [(row, decoded(row)) for row in whole.rows if row.type == "OrderPlaced"]
    assert len(placed) > 100
    for row, order in placed:
        raised, signal = signals[order["signal_id"]]
        assert raised.version < row.version
        assert raised.effective_at == row.effective_at
        assert (signal["order_id"], signal["symbol"]) == (order["order_id"], order["symbol"])
        rationale, day = signal["rationale"], iso_day(row.effective_at)
        assert order["symbol"] in rationale["summary"]
        assert rationale["contributions"]
        assert rationale["model"]["trained_from"] < rationale["model"]["trained_to"] < day
        assert rationale["model"]["trained_to"] < quarter_of(day), "the model saw none of the present quarter"


def iso_day(time: int) -> str:
    return dt.datetime.fromtimestamp(time // 1_000_000, dt.UTC).date().isoformat()


def quarter_of(day: str) -> str:
    year, month = day[:4], int(day[5:7])
    return f"{year}-{(month - 1) // 3 * 3 + 1:02d}-01"


def test_every_model_is_kept_as_a_file_that_reads_back(whole: Any) -> None:
    folder = whole.platform.settings.home / "models"
    used = {decoded(row)["rationale"]["model"]["version"] for row in whole.rows if row.type == "SignalRaised"}
    kept = {path.stem.removeprefix("forecast-"): path for path in folder.iterdir()}
    assert used <= kept.keys()
    model = Forecast.from_text(kept[min(used)].read_text())
    assert model.card.data.startswith("demo ")


def test_every_order_can_be_explained(whole: Any) -> None:
    orders = [decoded(row)["order_id"] for row in whole.rows if row.type == "OrderPlaced"]
    with whole.platform.database.read() as connection:
        for order_id in orders[:: max(len(orders) // 20, 1)]:
            found = explain_order(connection, whole.account_id, UUID(order_id))
            assert found.signal is not None
            assert [link.type for link in found.chain][:2] == ["SignalRaised", "OrderPlaced"]
            assert found.chain[0].detail == found.signal.rationale["summary"]
            assert len(found.chain) > 2 or found.order.status == "accepted"
