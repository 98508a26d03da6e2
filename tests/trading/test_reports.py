"""The intake of a broker's reports: news counts once, what cannot be is put aside, nothing is lost."""

from typing import Any
from uuid import UUID

import pytest

from traderbot.infra.events.journal import read
from traderbot.infra.ids import new_id
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.account import AccountKind
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.orders import Side
from traderbot.trading import audit
from traderbot.trading.reports import TEXT_MAX, report_work
from traderbot.trading.repository import fills_of, find_order
from traderbot.trading.work import Outcome
from trading.rig import AAA, BBB, NOW, SESSION, D, Rig, order
from trading.test_accounts import EX_DATE

pytestmark = pytest.mark.integration


def report(rig: Rig, account_id: UUID, **raw: Any) -> Outcome:
    work = report_work(account_id, {name: str(value) for name, value in raw.items()})
    work.markets = {SESSION: rig.market}
    return rig.path.submit(work)


def fill(rig: Rig, account_id: UUID, order_id: UUID, /, **changes: Any) -> Outcome:
    raw = {"kind": "fill", "order_id": order_id, "execution_id": new_id(), "qty": 10, "price": 10}
    return report(rig, account_id, **raw | {"fee": "0.01", "time": NOW} | changes)


def kinds(outcome: Outcome) -> list[str]:
    return [type(event).__name__ for event in outcome.events]


def test_a_fill_of_an_open_order_counts_once(rig: Rig) -> None:
    account_id = rig.open()
    order_id = rig.place(account_id)
    assert kinds(fill(rig, account_id, order_id, qty=4, execution_id="broker-1")) == ["OrderFilled"]
    assert kinds(fill(rig, account_id, order_id, qty=4, execution_id="broker-1")) == []
    assert kinds(fill(rig, account_id, order_id, qty=6, execution_id="broker-2")) == ["OrderFilled"]
    assert kinds(fill(rig, account_id, order_id, qty=6, execution_id="broker-2")) == []
    assert rig.load(account_id).positions[AAA].qty == 10
    rig.check()


def test_reports_at_once_about_a_closed_order_see_each_other(rig: Rig) -> None:
    """Two late fills and one of them twice, waiting together: each is decided on what the last one left."""
    account_id = rig.open()
    order_id = rig.place(account_id)
    rig.do(account_id, c.CancelOrder(order_id))
    raw = {"kind": "fill", "order_id": str(order_id), "qty": "3", "price": "10", "time": str(NOW - 1)}
    works = [report_work(account_id, raw | {"execution_id": name}) for name in ("a", "b", "a", "c", "d")]
    rig.together(*works)
    account = rig.load(account_id)
    assert account.positions[AAA].qty == 9, "the fourth would be more than was ordered"
    assert account.halted_symbols.keys() == {AAA}
    found = rig.read(lambda connection: find_order(connection, account_id, order_id))
    assert (found.status, found.filled_qty) == ("canceled", 9)
    fills = rig.read(lambda connection: fills_of(connection, account_id, order_id=order_id))
    assert [fill.late for fill in fills] == [True] * 3
    rig.check()
    assert audit.rebuild(rig.database).differences == []


def test_a_late_fill_that_overdraws_halts_the_account(rig: Rig) -> None:
    account_id = rig.open("150")
    first = rig.place(account_id, "10")
    rig.do(account_id, c.CancelOrder(first))
    rig.own(account_id, "10")
    assert kinds(fill(rig, account_id, first)) == ["OrderFilledLate", "TradingPaused"]
    account = rig.load(account_id)
    assert account.cash < 0
    assert account.overdraft == -account.cash
    rig.check()


def test_a_bust_takes_an_execution_back_once(rig: Rig) -> None:
    account_id = rig.open()
    order_id = rig.place(account_id)
    fill(rig, account_id, order_id, execution_id="x")
    assert kinds(report(rig, account_id, kind="bust", execution_id="x")) == ["ExecutionBusted"]
    assert kinds(report(rig, account_id, kind="bust", execution_id="x")) == []
    account = rig.load(account_id)
    assert (account.cash, account.positions[AAA].qty) == (100_000, 0)
    (found,) = rig.read(lambda connection: fills_of(connection, account_id))
    assert found.busted is not None
    view = rig.read(lambda connection: find_order(connection, account_id, order_id))
    assert (view.status, view.filled_qty, view.fees) == ("filled", 0, 0)
    assert audit.rebuild(rig.database).differences == []


def test_the_same_bust_twice_in_one_transaction_counts_once(rig: Rig) -> None:
    account_id = rig.open()
    order_id = rig.place(account_id)
    fill(rig, account_id, order_id, execution_id="x")
    (entry,) = rig.read(
        lambda connection: read(connection, stream=f"account:{account_id}", types=["OrderFilled"], limit=1)
    )
    bust = c.BustExecution(entry.event)
    outcome = rig.do(account_id, bust, bust)
    assert [type(event) for event in outcome.events].count(e.ExecutionBusted) == 1
    assert len(outcome.refusals) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"qty": 11},
        {"qty": -1},
        {"qty": 0},
        {"qty": "NaN"},
        {"qty": "1e5"},
        {"price": -1},
        {"price": 0},
        {"price": "cheap"},
        {"fee": -1},
        {"time": "yesterday"},
        {"time": "9" * 30},
        {"execution_id": ""},
        {"execution_id": "x" * 1000},
        {"order_id": UUID(int=1)},
        {"order_id": "not mine"},
        {"kind": "surprise"},
    ],
    ids=lambda changes: "-".join(f"{name}={str(value)[:12]}" for name, value in changes.items()),
)
def test_what_cannot_be_is_put_aside_and_halts(rig: Rig, changes: dict[str, Any]) -> None:
    account_id = rig.open()
    order_id = rig.place(account_id)
    outcome = fill(rig, account_id, order_id, symbol="AAA", **changes)
    assert kinds(outcome) == ["ReportQuarantined"]
    account = rig.load(account_id)
    assert account.halted_symbols.keys() == {AAA}
    assert account.positions == {}
    event: Any = outcome.events[0]
    assert all(len(text) <= TEXT_MAX for text in event.report.values() if isinstance(text, str))
    rig.check()


def test_without_order_or_symbol_the_whole_account_is_halted(rig: Rig) -> None:
    account_id = rig.open()
    outcome = report(rig, account_id, kind="fill", execution_id="x", qty=1, price=1, time=NOW)
    assert kinds(outcome) == ["ReportQuarantined", "TradingPaused"]
    assert kinds(report(rig, account_id, kind="bust", execution_id="never seen"))[0] == "ReportQuarantined"


def test_answers_about_an_order(rig: Rig) -> None:
    account_id = rig.open(broker="elsewhere")
    first, second, third = (rig.place(account_id) for _ in range(3))
    assert kinds(report(rig, account_id, kind="accepted", order_id=first)) == ["OrderAccepted"]
    assert kinds(report(rig, account_id, kind="accepted", order_id=first)) == []
    assert kinds(report(rig, account_id, kind="rejected", order_id=second, detail="no")) == ["OrderRejected"]
    assert kinds(report(rig, account_id, kind="rejected", order_id=second)) == []
    rig.do(account_id, c.LoseSightOfOrder(third))
    found = report(rig, account_id, kind="canceled", order_id=third)
    assert kinds(found) == ["OrderAccepted", "OrderCancelled"]
    assert kinds(report(rig, account_id, kind="expired", order_id=first)) == ["OrderExpired"]
    rig.check()


def test_what_happened_before_a_split_is_left_to_people(rig: Rig) -> None:
    account_id = rig.open()
    order_id = rig.place(account_id)
    fill(rig, account_id, order_id, execution_id="x", time=NOW)
    rig.market.time += 10
    split = CorporateAction(AAA, EX_DATE, ActionKind.SPLIT, new=2, old=1)
    rig.do(account_id, c.ApplyCorporateAction(split))
    assert kinds(report(rig, account_id, kind="bust", execution_id="x")) == ["ReportQuarantined"]
    assert rig.load(account_id).positions[AAA].qty == 20


def test_a_report_finds_its_shares_under_their_new_symbol(rig: Rig) -> None:
    account_id = rig.open()
    done, closed = rig.place(account_id), rig.place(account_id)
    fill(rig, account_id, done, execution_id="x", time=NOW)
    rig.do(account_id, c.CancelOrder(closed))
    rig.market.time += 10
    renamed = CorporateAction(AAA, EX_DATE, ActionKind.SYMBOL_CHANGE, new_symbol=BBB)
    rig.do(account_id, c.ApplyCorporateAction(renamed))
    fill(rig, account_id, closed, qty=5, time=NOW)
    assert rig.load(account_id).positions[BBB].qty == 15
    assert kinds(report(rig, account_id, kind="bust", execution_id="x")) == ["ExecutionBusted"]
    assert rig.load(account_id).positions[BBB].qty == 5
    assert audit.rebuild(rig.database).differences == []


def test_a_late_cover_of_a_short_account(rig: Rig) -> None:
    account_id = rig.open(kind=AccountKind.MARGIN)
    rig.fill(account_id, rig.place(account_id, "10", Side.SELL))
    cover = order("4")
    rig.do(account_id, cover, c.CancelOrder(cover.order_id))
    assert kinds(fill(rig, account_id, cover.order_id, qty=4, price=9)) == ["OrderFilledLate"]
    position = rig.load(account_id).positions[AAA]
    assert (position.qty, position.realised) == (-6, D(4))
    rig.check()
