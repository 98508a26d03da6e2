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
from traderbot.model.events import OrderPlaced, SignalRaised
from traderbot.trading import repository as r
from traderbot.trading.streams import account_stream
from traderbot.trading.work import Work
from trading.rig import AAA, Rig

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
        placed = r.placed_view(msgspec.json.decode(data, type=OrderPlaced))
        assert found is not None
        assert {n: getattr(placed, n) for n in placed.__struct_fields__ if n != "version"} == {
            n: getattr(found, n) for n in found.__struct_fields__ if n != "version"
        }
    finally:
        rig.close()
