"""The reader of recorded books: a made-up recording, and the real one where the shared data is."""

import gzip
import os
from bisect import bisect_right
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from traderbot.market.level2 import Recording, read_level2
from traderbot.model import commands as c
from traderbot.model.errors import InvalidValue
from traderbot.model.observations import DepthUpdate, Quote, Trade
from traderbot.model.orders import Order, OrderType, Side, TimeInForce
from traderbot.model.symbols import Symbol
from traderbot.simulation.book import Book
from traderbot.simulation.broker import SimulatedBroker
from traderbot.simulation.costs import Costs
from traderbot.simulation.memory import Memory
from traderbot.simulation.sessions import Moment

pytestmark = pytest.mark.unit

D = Decimal
XYZ = Symbol("XYZ")
SHARED = Path(os.environ.get("TRADERBOT_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
BTCUSDT = SHARED / "binance_l2" / "usdm_btcusdt_20240808.gz"


def change(first: int, last: int, previous: int, at: int, bids: Any = (), asks: Any = ()) -> dict[str, Any]:
    data = {
        "e": "depthUpdate",
        "T": at,
        "s": XYZ,
        "U": first,
        "u": last,
        "pu": previous,
        "b": bids,
        "a": asks,
    }
    return {"stream": "xyz@depth", "data": data}


SNAPSHOT = {"lastUpdateId": 12, "T": 5, "bids": [["99.50", "2.000"]], "asks": [["100.50", "1.000"]]}
TICKER = {"data": {"e": "bookTicker", "u": 15, "s": XYZ, "b": "99", "B": "1", "a": "101", "A": "2", "T": 7}}
TRADE = {"data": {"e": "trade", "T": 8, "s": XYZ, "t": 7, "p": "100.50", "q": "0.5", "m": True}}


@pytest.fixture
def record(tmp_path: Path) -> Any:
    def write(*messages: Any) -> Recording:
        path = tmp_path / "recording.gz"
        lines = [
            b"17231612550 " + (one if isinstance(one, bytes) else msgspec.json.encode(one))
            for one in messages
        ]
        path.write_bytes(gzip.compress(b"\n".join(lines)))
        return read_level2(path)

    return write


def test_messages_become_observations_in_the_exchanges_order(record: Any) -> None:
    bids, asks = [["99.50", "0.000"]], [["100.40", "3"]]
    read = record(
        TRADE,
        change(9, 11, 8, 4),
        TICKER,
        change(14, 15, 13, 7, asks=asks),
        SNAPSHOT,
        change(12, 13, 11, 6, bids),
    )
    assert (read.symbol, read.dropped) == ("XYZ", 1)
    assert [(type(seen), seen.at, seen.number) for seen in read.observed] == [
        (DepthUpdate, 5000, 12),
        (DepthUpdate, 6000, 13),
        (DepthUpdate, 7000, 15),
        (Quote, 7000, 15),
        (Trade, 8000, 7),
    ]
    first, second, third, quote, trade = read.observed
    assert first.snapshot
    assert (first.bids, second.bids) == (((D("99.50"), D("2.000")),), ((D("99.50"), D(0)),))
    assert (third.first, third.previous, third.asks) == (14, 13, ((D("100.40"), D(3)),))
    assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == (99, 1, 101, 2)
    assert (trade.price, trade.qty, trade.aggressor) == (D("100.50"), D("0.5"), Side.SELL)


def test_an_aggregate_of_trades(record: Any) -> None:
    trade = {"data": {"e": "aggTrade", "T": 8, "s": XYZ, "a": 70, "p": "100.50", "q": "0.5", "m": False}}
    seen = record(SNAPSHOT, trade).observed[-1]
    assert (seen.number, seen.aggressor) == (70, Side.BUY)


def test_the_first_gap_is_named(record: Any) -> None:
    with pytest.raises(InvalidValue, match="follows 13, the first gap, got '17 follows 15'"):
        record(SNAPSHOT, change(12, 13, 11, 6), change(16, 17, 15, 7), change(19, 20, 18, 8))


def test_a_gap_after_the_snapshot_is_named(record: Any) -> None:
    with pytest.raises(InvalidValue, match="follows the snapshot 12, got '14'"):
        record(SNAPSHOT, change(14, 15, 13, 6))


def test_what_is_not_a_recording_is_refused(record: Any) -> None:
    with pytest.raises(InvalidValue, match="a snapshot"):
        record(TICKER)
    with pytest.raises(InvalidValue, match="one instrument"):
        record(SNAPSHOT)
    with pytest.raises(InvalidValue, match="line 2"):
        record(SNAPSHOT, b"{")


@pytest.fixture(scope="module")
def btcusdt() -> Recording:
    if not BTCUSDT.exists():
        pytest.skip(f"the shared data folder is absent: {SHARED}")
    return read_level2(BTCUSDT)


@pytest.mark.shared_data
def test_the_recorded_book_never_crosses_and_agrees_with_every_ticker(btcusdt: Recording) -> None:
    tickers = sorted((seen for seen in btcusdt.observed if isinstance(seen, Quote)), key=lambda q: q.number)
    numbers = [ticker.number for ticker in tickers]
    book = Book(btcusdt.symbol)
    compared = coincident = 0
    for seen in btcusdt.observed:
        if not isinstance(seen, DepthUpdate):
            continue
        book.move(seen)
        assert not book.crossed, seen.number
        ticker = tickers[bisect_right(numbers, seen.number) - 1]
        compared += 1
        coincident += ticker.number == seen.number
        assert (ticker.bid, ticker.bid_size) == book.bid, seen.number
        assert (ticker.ask, ticker.ask_size) == book.ask, seen.number
    assert (compared, coincident, btcusdt.dropped) == (6548, 629, 4)
    assert (len(tickers), len(btcusdt.observed)) == (66_089, 66_089 + 21_313 + 6548)


def an_order(qty: str, limit: str | None = None, number: int = 1) -> Order:
    return Order(
        id=UUID(int=number),
        symbol=Symbol("BTCUSDT"),
        side=Side.BUY,
        type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        qty=D(qty),
        limit_price=None if limit is None else D(limit),
        price_max=D(10**6),
        fee_rate=D(0),
        hold=D(10**9),
        placed_at=0,
        expires_at=None,
        client_order_id="",
    )


@pytest.mark.shared_data
def test_a_walk_through_the_recorded_book_takes_just_what_is_shown(btcusdt: Recording) -> None:
    book = Book(btcusdt.symbol)
    for seen in btcusdt.observed[:2000]:
        if not isinstance(seen, Quote):
            book.move(seen)
    shown = [level for level, _ in zip(book.against(Side.BUY), range(12), strict=False)]
    whole = sum((size for _, size in shown), D(0))
    broker = SimulatedBroker(Costs(D(0), D(0), D(1)))
    fills = broker.reports([an_order(str(whole))], {book.symbol: book}, book.at, Moment(), Memory())
    assert [(fill.price, fill.qty) for fill in fills] == shown
    assert len({fill.execution_id for fill in fills}) == 12


@pytest.mark.shared_data
def test_a_resting_order_waits_for_its_turn_in_the_recorded_queue(btcusdt: Recording) -> None:
    book, memory = Book(btcusdt.symbol), Memory()
    broker = SimulatedBroker(Costs(D(0), D(0), D(1)))
    order: Order | None = None
    ahead = printed = D(0)
    for seen in btcusdt.observed:
        if isinstance(seen, Quote):
            continue
        book.move(seen)
        if book.bid is None:
            continue
        if order is None:
            price, ahead = book.bid
            order = an_order("0.001", str(price))
        elif isinstance(seen, Trade) and seen.price == order.limit_price and seen.aggressor is Side.SELL:
            printed += seen.qty
        reports = broker.reports([order], {book.symbol: book}, book.at, Moment(), memory)
        if reports:
            (fill,) = reports
            assert isinstance(fill, c.RecordExecution)
            assert fill.price == order.limit_price
            through = isinstance(seen, DepthUpdate) or seen.price < order.limit_price
            assert through or printed > ahead
            return
    pytest.fail("the order was never reached")
