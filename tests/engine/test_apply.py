from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from engine.stand import AAA, ME, Stand
from traderbot.engine.apply import apply, fold
from traderbot.engine.ledger import LEDGERS
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.account import Account
from traderbot.model.errors import IllegalTransition, InvariantBroken
from traderbot.model.orders import OrderStatus
from traderbot.model.reasons import Reason

pytestmark = pytest.mark.domain

D = Decimal


@pytest.fixture
def stand() -> Stand:
    return Stand("1000")


def changed(event: e.Event, **changes: Any) -> e.Event:
    return msgspec.structs.replace(event, **changes)


def test_an_opened_account_has_all_its_ledgers_at_zero() -> None:
    account = fold(Account(ME), [e.AccountOpened(1, ME, UUID(int=1), UUID(int=2), "USD")])
    assert account.balances == dict.fromkeys(LEDGERS, 0)
    assert (account.user_id, account.session_id, account.currency) == (UUID(int=1), UUID(int=2), "USD")


def test_an_account_is_opened_once_and_under_its_own_id(stand: Stand) -> None:
    with pytest.raises(InvariantBroken, match="opened before"):
        apply(stand.account, stand.events[0])
    with pytest.raises(InvariantBroken, match="is not"):
        apply(Account(UUID(int=5)), stand.events[0])


@pytest.mark.parametrize("event", [e.UserRegistered(ME), e.SessionAdvanced(1, ME, 2)])
def test_an_event_of_another_stream_is_not_swallowed(stand: Stand, event: e.Event) -> None:
    with pytest.raises(InvariantBroken, match="no event of an account"):
        apply(stand.account, event)


def test_events_that_only_record_change_nothing(stand: Stand) -> None:
    before = fold(Account(ME), stand.events)
    signal = e.SignalRaised(1, ME, ME, "a", AAA, "hold", None, None, None, None, {})
    stand.do(stand.order("sell", "5"))
    apply(stand.account, signal)
    assert [type(event) for event in stand.events[2:]] == [e.OrderRefused]
    assert stand.account == before


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"filled_qty": D(5)}, "are not"),
        ({"qty": D(11), "filled_qty": D(11)}, "are not"),
        ({"status": OrderStatus.NEW}, "cannot become"),
        ({"status": OrderStatus.FILLED}, "is filled, yet"),
        ({"hold": D(-1)}, "its orders hold"),
        ({"hold": D(2000)}, "its orders hold"),
        ({"notional": D(2000)}, "its orders hold"),
        ({"position_qty": D(5)}, "in the execution"),
        ({"order_id": UUID(int=777)}, "is not open"),
    ],
)
def test_a_buy_that_does_not_add_up_is_stopped(stand: Stand, changes: dict[str, Any], complaint: str) -> None:
    order_id = stand.place("buy", "10")
    (fill,) = stand.fill(order_id, "4", "10").events
    books = fold(Account(ME), stand.events[:-1])
    with pytest.raises(InvariantBroken, match=complaint):
        apply(books, changed(fill, **changes))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"realised": D(9)}, "the lots gain"),
        ({"relief": ()}, "the lots gain"),
        ({"relief": (e.Relief(2, D(4), D(40)),)}, "does not hold"),
        ({"relief": (e.Relief(1, D(40), D(40)),)}, "does not hold"),
        ({"relief": (e.Relief(1, D(10), D(90)),)}, "its cost"),
        ({"relief": (e.Relief(1, D(3), D(40)),)}, "in the execution"),
        ({"relief": (e.Relief(1, D(-4), D(-40)),)}, "does not hold"),
        ({"lot": 1}, "not a new one"),
    ],
)
def test_a_sale_that_does_not_add_up_is_stopped(
    stand: Stand, changes: dict[str, Any], complaint: str
) -> None:
    stand.own("10")
    (fill,) = stand.fill(stand.place("sell", "4"), "4", "12").events
    books = fold(Account(ME), stand.events[:-1])
    with pytest.raises(InvariantBroken, match=complaint):
        apply(books, changed(fill, **changes))


def test_nothing_happens_twice(stand: Stand) -> None:
    order_id = stand.place("buy", "10")
    stand.fill(order_id, "4", "10")
    placed, filled = stand.events[-2:]
    for event in (placed, filled):
        with pytest.raises(InvariantBroken):
            apply(fold(Account(ME), stand.events), event)
    stand.do(c.CancelOrder(order_id))
    for event in (
        filled,
        stand.events[-1],
        e.OrderExpired(1, order_id),
        e.OrderReplaced(1, order_id, order_id),
    ):
        with pytest.raises(InvariantBroken, match="not open"):
            apply(stand.account, event)


def counted(account: Account) -> Account:
    """The account but for how many orders it asked for."""
    return msgspec.structs.replace(account, second=0, orders_that_second=0, orders_that_day=0)


def test_an_order_that_ended_leaves_no_trace(stand: Stand) -> None:
    stand.own("10")
    before = counted(fold(Account(ME), stand.events))
    stand.do(c.CancelOrder(stand.place("buy", "10")))
    stand.do(c.ExpireOrder(stand.place("buy", "10")))
    stand.do(c.CancelOrder(stand.place("sell", "10")))
    stand.do(c.CancelOrder(stand.group("sell", "10", "12", cls="oco", loss="9")[0]))
    assert counted(stand.account) == before


def test_an_illegal_change_of_status_is_a_broken_invariant() -> None:
    assert issubclass(IllegalTransition, InvariantBroken)


class TestWhatMustHold:
    """Events that could not have been decided are stopped, whatever they say."""

    def test_only_cash_that_was_overdrawn_may_be_missing(self, stand: Stand) -> None:
        order = stand.open(stand.place("buy", "90", "10.00"))
        stand.do(c.CancelOrder(order.id))
        stand.own("50")
        (late,) = stand.do(c.RecordLateExecution(stand.report(order.id, "90", "10"), order, 1)).events[:1]
        books = fold(Account(ME), stand.events[:-2])
        with pytest.raises(InvariantBroken, match="its orders hold"):
            apply(books, changed(late, overdraft=D(399)))

    def test_a_late_execution_is_of_a_closed_order(self, stand: Stand) -> None:
        order = stand.open(stand.place("buy", "1"))
        stand.do(c.CancelOrder(order.id))
        (late,) = stand.do(c.RecordLateExecution(stand.report(order.id, "1", "10"), order, 1)).events
        books = fold(Account(ME), stand.events[:-2])
        with pytest.raises(InvariantBroken, match="cannot be late"):
            apply(books, late)

    @pytest.mark.parametrize(
        ("changes", "complaint"),
        [
            ({"cost": D(-41)}, "the lots change"),
            ({"realised": D(1)}, "the lots change"),
            ({"position_qty": D(1)}, "in the execution"),
            ({"relief": ()}, "the lots change"),
            ({"relief": (e.Relief(1, D(5), D(50)),)}, "does not hold"),
            ({"symbol": "BBB"}, "never traded"),
        ],
    )
    def test_a_bust_that_does_not_add_up_is_stopped(
        self, stand: Stand, changes: dict[str, Any], complaint: str
    ) -> None:
        fill = stand.own("4")
        (bust,) = stand.do(c.BustExecution(fill)).events
        books = fold(Account(ME), stand.events[:-1])
        with pytest.raises(InvariantBroken, match=complaint):
            apply(books, changed(bust, **changes))

    def test_a_bust_is_of_an_order_that_ended(self, stand: Stand) -> None:
        order_id = stand.place("buy", "4")
        (fill,) = stand.fill(order_id, "2", "10").events
        assert isinstance(fill, e.OrderFilled)
        bust = stand.do(c.BustExecution(fill)).events[1]
        with pytest.raises(InvariantBroken, match="is open"):
            apply(fold(Account(ME), stand.events[:-2]), bust)

    def test_legs_come_to_work_once_and_keep_something_to_do(self, stand: Stand) -> None:
        entry, gain, _ = stand.group("buy", "4", cls="bracket", gain="12", loss="9")
        stand.fill(entry, "4", "10")
        stand.fill(gain, "1", "12")
        for event in (e.LegActivated(1, gain, D(4)), e.LegResized(1, gain, D(1))):
            with pytest.raises(InvariantBroken):
                apply(fold(Account(ME), stand.events), event)
        alone = stand.place("buy", "1")
        with pytest.raises(InvariantBroken, match="cannot be made one"):
            apply(fold(Account(ME), stand.events), e.LegResized(1, alone, D(5)))

    def test_a_stop_is_reached_once_and_then_stays(self, stand: Stand) -> None:
        order_id = stand.place("buy", "1", type="trailing_stop", trail_price="1")
        stand.do(c.TriggerOrder(order_id, D(11)))
        limit = stand.place("buy", "1", "9.00")
        for event in (
            e.OrderTriggered(1, order_id, D(11)),
            e.TrailingMarkMoved(1, order_id, D(9), D(10)),
            e.OrderTriggered(1, limit, D(11)),
            e.TrailingMarkMoved(1, limit, D(9), D(10)),
        ):
            with pytest.raises(InvariantBroken, match="waits for no stop"):
                apply(fold(Account(ME), stand.events), event)

    def test_reserves_are_never_negative(self, stand: Stand) -> None:
        stand.own("5")
        stand.place("sell", "5", "12")
        stand.account.reserved.clear()
        with pytest.raises(InvariantBroken, match="are reserved"):
            apply(stand.account, e.OrderCancelled(1, next(iter(stand.account.orders)), Reason.DELISTED))
