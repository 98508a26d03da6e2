"""An account as it was: at every position the fold until then, then the tables; money by market time."""

import pytest

from traderbot.engine.apply import fold
from traderbot.infra.events.journal import last_position, read
from traderbot.model import commands as c
from traderbot.model.account import Account
from traderbot.model.errors import InvalidValue, NotFound
from traderbot.model.orders import Side
from traderbot.model.rules import Limits
from traderbot.trading import as_of
from traderbot.trading.as_of import books_at, orders_at, position_at, state_at
from traderbot.trading.halts import halt_platform
from traderbot.trading.repository import OrderFilter, list_orders, orders_page
from trading.rig import AAA, NOW, D, Rig, same
from trading.test_reports import fill, report
from trading.test_repository import group

pytestmark = pytest.mark.integration


def test_at_every_position_it_is_the_fold_until_then(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(as_of, "PAGE", 3)
    account_id, other = rig.open(), rig.open()
    rig.own(account_id)
    rig.own(other)
    rig.do(account_id, c.SetLimits(Limits(orders_per_day=7)))
    rig.path.submit(halt_platform("stop"))
    entries = rig.read(lambda connection: read(connection, limit=1000))
    for entry in entries:
        mine = [e for e in entries if e.stream == f"account:{account_id}" and e.position <= entry.position]
        with rig.database.read() as connection:
            found = state_at(connection, account_id, position=entry.position)
        same(found.account, fold(Account(account_id), [e.event for e in mine]))
        assert found.version == mine[-1].version
        assert found.rules.halted == ("stop" if entry.position == entries[-1].position else None)
    assert found.limits == Limits(orders_per_day=7)
    same(found.account, rig.load(account_id))


def test_before_it_was_opened_there_is_no_account(rig: Rig) -> None:
    first = rig.open()
    second = rig.open()
    with rig.database.read() as connection:
        with pytest.raises(NotFound):
            state_at(connection, second, position=1)
        with pytest.raises(NotFound):
            books_at(connection, first, at=NOW - 1)
        with pytest.raises(InvalidValue):
            state_at(connection, first, position=10**9)
        with pytest.raises(InvalidValue):
            state_at(connection, first, position=1, recorded_at=1)


def test_positions_by_time_of_recording(rig: Rig) -> None:
    for _ in range(5):
        rig.open()
    with rig.database.read() as connection:
        entries = read(connection, limit=1000)
        assert position_at(connection, entries[0].recorded_at - 1) == 0
        assert position_at(connection, 2**60) == last_position(connection)
        for entry in entries:
            found = position_at(connection, entry.recorded_at)
            assert found == max(e.position for e in entries if e.recorded_at == entry.recorded_at)


def test_orders_of_now_are_those_of_the_table(rig: Rig) -> None:
    account_id = rig.open()
    for number in range(6):
        order_id = rig.place(account_id, "2")
        if number % 2:
            rig.fill(account_id, order_id, "2")
    with rig.database.read() as connection:
        assert orders_at(connection, account_id) == list_orders(connection, account_id)
        for wanted in (OrderFilter("open"), OrderFilter("filled"), OrderFilter(oldest_first=True)):
            assert (
                orders_at(connection, account_id, wanted=wanted)
                == orders_page(connection, [account_id], wanted).orders
            )
        assert orders_at(connection, account_id, limit=2) == list_orders(connection, account_id, limit=2)
        then = orders_at(connection, account_id, position=3)
        assert [order.status for order in then] == ["new"]


def test_a_late_fill_counts_from_when_it_happened_once_it_is_known(rig: Rig) -> None:
    account_id = rig.open()
    order_id = rig.place(account_id)
    rig.market.time = NOW + 100
    rig.do(account_id, c.CancelOrder(order_id))
    before = rig.read(last_position)
    fill(rig, account_id, order_id, time=NOW + 50)
    with rig.database.read() as connection:
        assert books_at(connection, account_id, at=NOW + 49).positions == []
        (position,) = books_at(connection, account_id, at=NOW + 50).positions
        assert (position.symbol, position.qty, position.cost) == (AAA, 10, 100)
        unknown = books_at(connection, account_id, at=NOW + 50, position=before)
        assert (unknown.positions, unknown.cash) == ([], 100_000)


def test_a_bust_undoes_from_the_time_of_the_execution_on(rig: Rig) -> None:
    account_id = rig.open()
    order_id = rig.place(account_id)
    rig.market.time = NOW + 10
    fill(rig, account_id, order_id, execution_id="x", time=NOW + 10)
    known = rig.read(last_position)
    rig.market.time = NOW + 500
    report(rig, account_id, kind="bust", execution_id="x")
    with rig.database.read() as connection:
        assert books_at(connection, account_id, at=NOW + 10).cash == 100_000
        then = books_at(connection, account_id, at=NOW + 10, position=known)
        assert then.cash == D("99899.99")
        assert then.positions[0].qty == 10


def test_books_of_now_are_those_of_the_tables(rig: Rig) -> None:
    account_id = rig.open()
    rig.own(account_id, "10", "9")
    rig.fill(account_id, rig.place(account_id, "4", Side.SELL), "4", "11")
    account = rig.load(account_id)
    books = rig.read(lambda connection: books_at(connection, account_id, at=2**60))
    assert books.cash == account.cash
    assert {k: v for k, v in books.balances.items() if v} == {k: v for k, v in account.balances.items() if v}
    (position,) = books.positions
    held = account.positions[AAA]
    assert (position.qty, position.cost, position.realised) == (held.qty, held.cost, held.realised)
    assert books.realised == held.realised == 8
    assert books.equity is None, "without a market there is no price"


def test_groups_of_now_are_those_of_the_table(rig: Rig) -> None:
    account_id = rig.open()
    bracket = group()
    rig.do(account_id, bracket)
    rig.place(account_id)
    rig.fill(account_id, bracket.order_id, "4")
    for status in ("open", "closed", "all"):
        wanted = OrderFilter(status, nested=True)
        with rig.database.read() as connection:
            found = orders_at(connection, account_id, wanted=wanted)
            assert found == orders_page(connection, [account_id], wanted).orders
