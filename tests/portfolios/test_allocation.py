"""Where the money is: as the books have it at every market time, by any dimension, for several accounts."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from portfolios.accounts import book_of, order, wandered
from traderbot.model.account import AccountKind
from traderbot.model.errors import InvalidValue
from traderbot.portfolios.allocation import Allocation, allocation_of
from traderbot.portfolios.dimensions import By
from traderbot.portfolios.valuation import portfolio_of
from traderbot.trading.as_of import books_at
from trading.session_rig import AAA, BBB, SessionRig

pytestmark = pytest.mark.integration

D = Decimal
SECTORS = {AAA: "Energy"}
DIMENSIONS = (By.POSITION, By.SECTOR, By.STRATEGY)


def at(rig: SessionRig, books: list, time: int, by: By = By.POSITION) -> Allocation:  # type: ignore[type-arg]
    market = rig.loop.market.at_time(time)

    def mark_of(symbol):  # type: ignore[no-untyped-def]
        mark = market.mark(symbol)
        return None if mark is None else mark.price

    return allocation_of(books, by, SECTORS, mark_of, time)


def adds_up(found: Allocation) -> None:
    shares = {share.name: share for share in found.shares}
    assert found.equity == sum((share.market_value or D(0) for share in found.shares), D(0))
    assert found.market_value == found.equity - found.cash  # type: ignore[operator]  # it has prices
    assert shares["cash"].market_value == found.cash
    weights = [share.weight for share in found.shares]
    if found.equity > 0:  # type: ignore[operator]
        assert abs(sum(weights, D(0)) - 1) < D("0.00001")  # type: ignore[arg-type]
    else:
        assert set(weights) == {None}
    for share in found.shares:
        if share.name != "cash":
            assert share.market_value == share.long_value + share.short_value  # type: ignore[operator]
            assert share.unrealised == share.market_value - share.cost  # type: ignore[operator]


@pytest.mark.parametrize("seed", range(4))
def test_at_any_time_it_is_what_the_books_have(tmp_path: Path, seed: int) -> None:
    with wandered(tmp_path, seed) as (rig, account_id):
        book = book_of(rig, account_id)
        for time in [*book.times.tolist(), int(book.times[3]) + 5, int(book.times[7]) - 5]:
            then = rig.read(
                lambda x, time=time: books_at(x, account_id, at=time, market=rig.loop.market)  # type: ignore[misc]
            )
            for by in DIMENSIONS:
                found = at(rig, [book], time, by)
                adds_up(found)
                assert (found.cash, found.equity) == (then.cash, then.equity)
            by_position = {share.name: share for share in at(rig, [book], time).shares}
            for one in then.positions:
                share = by_position.get(one.symbol)
                value = share.market_value if share else D(0)
                assert (one.market_value or D(0)) == value
                assert one.realised == (share.realised if share else D(0))
        now = rig.read(lambda x: portfolio_of(x, account_id, rig.loop.market))
        assert at(rig, [book], now.as_of).equity == now.equity
        assert sum((share.borrow for share in at(rig, [book], now.as_of).shares), D(0)) == now.borrow


def test_by_strategy_and_sector_and_two_accounts_together(tmp_path: Path) -> None:
    rig = SessionRig(tmp_path)
    first, second = rig.join(), rig.join("5000", AccountKind.MARGIN)
    order(rig, first, AAA, "30", "trend")
    order(rig, first, AAA, "10")
    order(rig, second, AAA, "-20")
    order(rig, second, BBB, "8", "trend")
    rig.play()
    books = [book_of(rig, first), book_of(rig, second)]
    now = rig.loop.market.time
    shares = {share.name: share for share in at(rig, books, now, By.STRATEGY).shares}
    price = rig.loop.market.mark(AAA).price  # type: ignore[union-attr]
    assert shares["trend"].market_value == 30 * price + 8 * 50
    assert shares["manual"].market_value == -10 * price
    assert (shares["manual"].long_value, shares["manual"].short_value) == (10 * price, -20 * price)
    assert (shares["trend"].positions, shares["manual"].positions) == (2, 1)
    together = at(rig, books, now, By.SECTOR)
    adds_up(together)
    assert together.accounts == [first, second]
    assert [share.name for share in together.shares] == ["cash", "Energy", "unknown"]
    assert together.equity == sum(at(rig, [book], now).equity or D(0) for book in books)
    rig.close()


def test_accounts_of_two_currencies_have_no_sum(tmp_path: Path) -> None:
    rig = SessionRig(tmp_path)
    first, second = book_of(rig, rig.join()), book_of(rig, rig.join())
    second = msgspec.structs.replace(second, currency="EUR")
    with pytest.raises(InvalidValue, match="accounts of one currency"):
        allocation_of([first, second], By.POSITION, {}, first.marks.get, first.opened_at)


def test_what_has_no_price_is_told_and_an_account_without_money_has_no_weights(tmp_path: Path) -> None:
    rig = SessionRig(tmp_path)
    account_id = rig.join()
    order(rig, account_id, AAA, "30")
    rig.play()
    book = book_of(rig, account_id)
    blind = allocation_of([book], By.POSITION, {}, lambda _: None, int(book.times[-1]))
    assert (blind.equity, blind.market_value) == (None, None)
    assert blind.reason == "no price of AAA was known then"
    assert [(share.name, share.weight) for share in blind.shares] == [("cash", None), ("AAA", None)]
    before = at(rig, [book], book.opened_at - 1)
    assert (before.cash, before.equity, [share.weight for share in before.shares]) == (D(0), D(0), [None])
    nobody = allocation_of([], By.POSITION, {}, lambda _: None, 0)
    assert (nobody.equity, nobody.shares) == (D(0), [])
    rig.close()
