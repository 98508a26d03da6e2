from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from engine.books import AAA, NOBODY, Desk
from traderbot.engine.apply import apply, fold
from traderbot.engine.ledger import LEDGERS
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.account import Account
from traderbot.model.errors import IllegalTransition, InvariantBroken
from traderbot.model.orders import OrderStatus

pytestmark = pytest.mark.domain

D = Decimal


@pytest.fixture
def desk() -> Desk:
    return Desk("1000")


def changed(event: e.Event, **changes: Any) -> e.Event:
    return msgspec.structs.replace(event, **changes)


def test_an_opened_account_has_all_its_ledgers_at_zero() -> None:
    account = fold(Account(NOBODY), [e.AccountOpened(1, NOBODY, UUID(int=1), UUID(int=2), "USD")])
    assert account.balances == dict.fromkeys(LEDGERS, 0)
    assert (account.user_id, account.session_id, account.currency) == (UUID(int=1), UUID(int=2), "USD")


def test_an_account_is_opened_once_and_under_its_own_id(desk: Desk) -> None:
    with pytest.raises(InvariantBroken, match="opened before"):
        apply(desk.account, desk.events[0])
    with pytest.raises(InvariantBroken, match="is not"):
        apply(Account(UUID(int=5)), desk.events[0])


@pytest.mark.parametrize("event", [e.UserRegistered(NOBODY), e.SessionAdvanced(1, NOBODY, 2)])
def test_an_event_of_another_stream_is_not_swallowed(desk: Desk, event: e.Event) -> None:
    with pytest.raises(InvariantBroken, match="no event of an account"):
        apply(desk.account, event)


def test_events_that_only_record_change_nothing(desk: Desk) -> None:
    before = fold(Account(NOBODY), desk.events)
    signal = e.SignalRaised(1, NOBODY, NOBODY, "a", AAA, "hold", None, None, None, None, {})
    desk.place("sell", "5")
    desk.do(c.RevaluePortfolio(1))
    apply(desk.account, signal)
    assert {type(event) for event in desk.events[2:]} == {e.OrderRefused, e.PortfolioRevalued}
    assert desk.account == before


def test_pause_and_resume(desk: Desk) -> None:
    desk.do(c.PauseTrading("lunch"))
    assert desk.account.halted == "lunch"
    desk.do(c.ResumeTrading())
    assert desk.account.halted is None


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"filled_qty": D(5)}, "are not"),
        ({"qty": D(11), "filled_qty": D(11)}, "are not"),
        ({"status": OrderStatus.ACCEPTED}, "cannot become"),
        ({"status": OrderStatus.FILLED}, "is filled, yet"),
        ({"hold": D(-1)}, "its orders hold"),
        ({"hold": D(2000)}, "its orders hold"),
        ({"notional": D(2000)}, "its orders hold"),
        ({"position_qty": D(5)}, "in the execution"),
        ({"order_id": UUID(int=777)}, "is not open"),
    ],
)
def test_a_buy_that_does_not_add_up_is_stopped(desk: Desk, changes: dict[str, Any], complaint: str) -> None:
    order_id = desk.place("buy", "10")
    (fill,) = desk.fill(order_id, "4", "10").events
    books = fold(Account(NOBODY), desk.events[:-1])
    with pytest.raises(InvariantBroken, match=complaint):
        apply(books, changed(fill, **changes))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"realised": D(9)}, "the lots gain"),
        ({"relief": ()}, "the lots gain"),
        ({"relief": (e.Relief(2, D(4), D(40)),)}, "is not the oldest"),
        ({"relief": (e.Relief(1, D(40), D(40)),)}, "does not hold"),
        ({"relief": (e.Relief(1, D(10), D(90)),)}, "its cost"),
        ({"relief": (e.Relief(1, D(3), D(40)),)}, "in the execution"),
    ],
)
def test_a_sale_that_does_not_add_up_is_stopped(desk: Desk, changes: dict[str, Any], complaint: str) -> None:
    desk.own("10")
    (fill,) = desk.fill(desk.place("sell", "4"), "4", "12").events
    books = fold(Account(NOBODY), desk.events[:-1])
    with pytest.raises(InvariantBroken, match=complaint):
        apply(books, changed(fill, **changes))


def test_nothing_happens_twice(desk: Desk) -> None:
    order_id = desk.place("buy", "10")
    desk.fill(order_id, "4", "10")
    placed, filled = desk.events[-2:]
    for event in (placed, filled):
        with pytest.raises(InvariantBroken):
            apply(fold(Account(NOBODY), desk.events), event)
    desk.do(c.CancelOrder(order_id))
    for event in (
        filled,
        desk.events[-1],
        e.OrderExpired(1, order_id),
        e.OrderReplaced(1, order_id, order_id),
    ):
        with pytest.raises(InvariantBroken, match="not open"):
            apply(desk.account, event)


def test_an_order_that_ended_leaves_no_trace(desk: Desk) -> None:
    before = fold(Account(NOBODY), desk.events)
    desk.do(c.CancelOrder(desk.place("buy", "10")))
    desk.do(c.ExpireOrder(desk.place("buy", "10")))
    assert desk.account == before
    desk.own("10")
    before = fold(Account(NOBODY), desk.events)
    desk.do(c.CancelOrder(desk.place("sell", "10")))
    assert desk.account == before


def test_a_split_must_name_the_lots_that_are_held(desk: Desk) -> None:
    desk.own("10")
    (split,) = desk.split(2, 1).events
    books = fold(Account(NOBODY), desk.events[:-1])
    for changes in ({"lots": ()}, {"lots": (e.AdjustedLot(9, D(20)),)}, {"position_qty": D(19)}):
        with pytest.raises(InvariantBroken):
            apply(books, changed(split, **changes))


def test_an_illegal_change_of_status_is_a_broken_invariant() -> None:
    assert issubclass(IllegalTransition, InvariantBroken)
