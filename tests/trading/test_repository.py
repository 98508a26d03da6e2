"""Pages of orders, fills and signals: complete, without repeats, and of one account only."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from traderbot.infra.ids import new_id
from traderbot.model import commands as c
from traderbot.model.errors import InvalidValue
from traderbot.model.events import OrderPlaced, SignalRaised
from traderbot.model.orders import OrderClass, OrderType, Side, TimeInForce
from traderbot.model.reasons import Reason
from traderbot.model.symbols import Symbol
from traderbot.trading import repository as r
from traderbot.trading.streams import account_stream
from traderbot.trading.views import placed_view
from traderbot.trading.work import Work
from trading.rig import AAA, D, Rig, order

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rig, UUID, UUID]]:
    """Two accounts whose events lie between each other's: orders open, filled, cancelled; signals."""
    rig = Rig(tmp_path_factory.mktemp("desk"))
    mine, theirs = rig.open(), rig.open()
    for number in range(23):
        for account_id in (mine, theirs):
            order_id = rig.place(account_id, "1", name=f"order-{number}")
            if number % 3 == 0:
                rig.fill(account_id, order_id, "1")
            elif number % 3 == 1:
                rig.do(account_id, c.CancelOrder(order_id))
            raised = SignalRaised(
                1, new_id(), account_id, "t", AAA, "hold", None, None, None, None, {"n": number}
            )
            rig.path.submit(Work(facts=[(account_stream(account_id), raised)]))
    yield rig, mine, theirs
    rig.close()


def pages(read: Callable[[int | None], list[Any]]) -> list[Any]:
    """Everything, page after page, as a client would read it."""
    found: list[Any] = []
    while page := read(found[-1].version if found else None):
        found += page
    return found


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1, 30), status=st.sampled_from(["all", "open", "closed"]))
def test_pages_of_orders_hold_each_once_newest_first(
    desk: tuple[Rig, UUID, UUID], limit: int, status: str
) -> None:
    rig, mine, _ = desk
    with rig.database.read() as connection:
        found = pages(
            lambda before: r.list_orders(connection, mine, status=status, before=before, limit=limit)
        )
    versions = [order.version for order in found]
    assert versions == sorted(set(versions), reverse=True)
    assert len(found) == {"all": 23, "open": 7, "closed": 16}[status]
    names = {order.client_order_id for order in found}
    assert len(names) == len(found)


@settings(max_examples=10, deadline=None)
@given(limit=st.integers(1, 30))
def test_pages_of_fills_and_signals_hold_each_once(desk: tuple[Rig, UUID, UUID], limit: int) -> None:
    rig, mine, _ = desk
    with rig.database.read() as connection:
        fills = pages(lambda before: r.fills_of(connection, mine, before=before, limit=limit))
        signals = pages(lambda before: r.list_signals(connection, mine, before=before, limit=limit))
    assert len({fill.execution_id for fill in fills}) == len(fills) == 8
    assert [signal.rationale["n"] for signal in signals] == list(range(22, -1, -1))


def test_nothing_of_another_account_is_ever_shown(desk: tuple[Rig, UUID, UUID]) -> None:
    rig, mine, theirs = desk
    with rig.database.read() as connection:
        orders, signals = r.list_orders(connection, theirs), r.list_signals(connection, theirs)
        ids = [order.id for order in orders]
        assert r.orders_by_id(connection, mine, ids) == {}
        assert {r.find_order(connection, mine, order_id) for order_id in ids} == {None}
        assert {r.find_signal(connection, mine, signal.id) for signal in signals} == {None}
        assert r.fills_of(connection, mine, order_id=ids[-1]) == []
        own = r.find_order_by_client_id(connection, mine, "order-3")
        assert own is not None
        assert own.id not in ids
        assert r.find_order_by_client_id(connection, mine, "nobody's") is None


def test_filters(desk: tuple[Rig, UUID, UUID]) -> None:
    rig, mine, _ = desk
    with rig.database.read() as connection:
        assert len(r.list_orders(connection, mine, symbol="AAA", side="buy")) == 23
        assert r.list_orders(connection, mine, symbol="BBB") == []
        assert r.list_orders(connection, mine, side="sell") == []
        assert r.list_signals(connection, mine, symbol="BBB") == []


def test_an_order_as_it_was_placed_equals_its_row(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    try:
        account_id = rig.open()
        order_id = rig.place(account_id)
        with rig.database.read() as connection:
            found = r.find_order(connection, account_id, order_id)
            data = connection.execute(sa.text("SELECT data FROM events WHERE type = 'OrderPlaced'")).scalar()
        placed = placed_view(msgspec.json.decode(data, type=OrderPlaced), account_id)
        assert found is not None
        assert {n: getattr(placed, n) for n in placed.__struct_fields__ if n != "version"} == {
            n: getattr(found, n) for n in found.__struct_fields__ if n != "version"
        }
    finally:
        rig.close()


def group(symbol: Symbol = AAA) -> c.PlaceOrder:
    return c.PlaceOrder(
        new_id(), symbol, Side.BUY, D(4), OrderType.LIMIT, TimeInForce.GTC, D(10),
        order_class=OrderClass.BRACKET, take_profit=c.TakeProfit(new_id(), D(12)),
        stop_loss=c.StopLoss(new_id(), D(8)),
    )  # fmt: skip


def test_a_group_is_one_order_with_its_legs(rig: Rig) -> None:
    account_id = rig.open()
    bracket, plain = group(), rig.place(account_id)
    assert not rig.do(account_id, bracket).refusals
    everything, nested = r.OrderFilter(), r.OrderFilter(nested=True)
    with rig.database.read() as connection:
        assert len(r.orders_page(connection, [account_id], everything).orders) == 4
        first, second = r.orders_page(connection, [account_id], nested).orders
        assert (first.id, second.id) == (bracket.order_id, plain)
        assert [leg.leg for leg in first.legs] == ["take_profit", "stop_loss"]
        assert {leg.status for leg in first.legs} == {"held"}
        assert second.legs == ()
        assert r.find_order(connection, account_id, bracket.order_id, nested=True) == first
    rig.fill(account_id, bracket.order_id, "4")
    with rig.database.read() as connection:
        (found,) = r.orders_page(connection, [account_id], r.OrderFilter("open", nested=True)).orders[:1]
        assert (found.id, found.status) == (bracket.order_id, "filled"), "open while its exits are"
        assert r.orders_page(connection, [account_id], r.OrderFilter("closed", nested=True)).orders == []
        assert len(r.active_orders(connection, account_id)) == 3
    rig.do(account_id, c.CancelOrder(found.legs[0].id))
    with rig.database.read() as connection:
        (closed,) = r.orders_page(connection, [account_id], r.OrderFilter("closed", nested=True)).orders
        assert {leg.status for leg in closed.legs} == {"canceled"}


@pytest.mark.parametrize("limit", [1, 2, 5, 50])
@pytest.mark.parametrize("oldest_first", [False, True])
def test_pages_of_several_accounts_hold_each_order_once(rig: Rig, limit: int, oldest_first: bool) -> None:
    mine, second, other = (rig.open() for _ in range(3))
    placed = []
    for number in range(9):
        rig.market.time += 1
        placed.append(rig.place((mine, second)[number % 2], "1"))
        rig.place(other, "1")
    wanted = r.OrderFilter(oldest_first=oldest_first)
    found, cursor = list[UUID](), None
    with rig.database.read() as connection:
        while True:
            page = r.orders_page(connection, [mine, second], wanted, cursor, limit)
            found += [order.id for order in page.orders]
            cursor = page.cursor
            if cursor is None:
                break
        assert found == (placed if oldest_first else placed[::-1])
        start = rig.market.time - 9
        window = r.OrderFilter(after=start + 2, until=start + 6)
        within = r.orders_page(connection, [mine, second], window).orders
        assert [order.id for order in within] == placed[4:1:-1]


@pytest.mark.parametrize(
    "cursor", ["", "x", "00-1", "." * 99, f"{UUID(int=5).hex}-1", f"{UUID(int=1).hex}--1"]
)
def test_a_cursor_of_somebody_else_is_refused(rig: Rig, cursor: str) -> None:
    with rig.database.read() as connection, pytest.raises(InvalidValue):
        r.orders_page(connection, [UUID(int=1)], cursor=cursor)


def test_an_order_without_a_name_goes_by_its_id_and_nobody_else_can(rig: Rig) -> None:
    account_id, other = rig.open(), rig.open()
    order_id = rig.place(account_id)
    with rig.database.read() as connection:
        found = r.find_order_by_client_id(connection, account_id, str(order_id))
        assert found is not None
        assert found.id == order_id
        assert r.find_order_by_client_id(connection, account_id, str(order_id).upper()) is None
        assert r.find_order_by_client_id(connection, other, str(order_id)) is None
    (refusal,) = rig.do(account_id, order(name=str(order_id))).refusals
    assert refusal.reason is Reason.DUPLICATE_CLIENT_ORDER_ID
    assert not rig.do(other, order(name=str(order_id))).refusals


def test_lots_held_and_used_up(rig: Rig) -> None:
    account_id = rig.open()
    rig.own(account_id, "10", "9")
    rig.own(account_id, "10", "10")
    rig.fill(account_id, rig.place(account_id, "12", Side.SELL), "12", "11")
    with rig.database.read() as connection:
        (held,) = r.lots_of_account(connection, account_id)
        (used,) = r.lots_of_account(connection, account_id, closed=True)
    assert (held.number, held.qty, held.cost) == (2, 8, 80)
    assert (used.number, used.qty, used.opened_qty) == (1, 0, 10)
