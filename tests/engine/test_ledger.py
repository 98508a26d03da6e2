from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from engine.stand import AAA, BBB
from traderbot.engine.ledger import LEDGERS, Posting, postings
from traderbot.model import events as e
from traderbot.model.actions import ActionKind
from traderbot.model.amounts import Money
from traderbot.model.errors import InvariantBroken
from traderbot.model.orders import OrderStatus, Side

pytestmark = pytest.mark.domain

D = Decimal


def a_fill(**changes: Any) -> e.OrderFilled:
    fields: dict[str, Any] = {
        "at": 1,
        "order_id": UUID(int=1),
        "execution_id": UUID(int=2),
        "symbol": AAA,
        "side": Side.BUY,
        "qty": D(2),
        "price": D(50),
        "notional": D(100),
        "fee": D(1),
        "filled_qty": D(2),
        "filled_value": D(100),
        "status": OrderStatus.FILLED,
        "hold": D(0),
        "position_qty": D(2),
        "priced_at": 1,
        "realised": D(0),
    }
    return e.OrderFilled(**{**fields, **changes})


def test_a_buy_turns_cash_into_securities_and_fees() -> None:
    assert postings(a_fill()) == [
        Posting("cash", None, -100),
        Posting("securities", AAA, 100),
        Posting("cash", None, -1),
        Posting("fees", AAA, 1),
    ]


def test_a_sale_takes_securities_off_at_cost_and_posts_the_gain() -> None:
    assert postings(a_fill(side=Side.SELL, realised=D(30), fee=D(0))) == [
        Posting("cash", None, 100),
        Posting("securities", AAA, -70),
        Posting("realised", AAA, -30),
    ]


def test_a_loss_is_a_debit() -> None:
    entries = postings(a_fill(side=Side.SELL, realised=D(-30)))
    assert [entry.amount for entry in entries if entry.ledger == "realised"] == [30]


def test_a_short_sale_is_securities_owed() -> None:
    assert postings(a_fill(side=Side.SELL, fee=D(0))) == [
        Posting("cash", None, 100),
        Posting("securities", AAA, -100),
    ]
    assert postings(a_fill(realised=D(20), fee=D(0))) == [
        Posting("cash", None, -100),
        Posting("securities", AAA, 120),
        Posting("realised", AAA, -20),
    ]


def test_a_flip_closes_and_opens_in_one() -> None:
    """Ten held at a cost of 80; twenty sold for 200: a gain of 20, and ten owed for 100."""
    entries = postings(a_fill(side=Side.SELL, qty=D(20), notional=D(200), realised=D(20), fee=D(0)))
    assert [entry.amount for entry in entries] == [200, -180, -20]


def test_a_late_execution_posts_as_any_other() -> None:
    fields = msgspec.structs.asdict(a_fill())
    assert postings(e.OrderFilledLate(**fields, overdraft=D(3))) == postings(a_fill())


def a_bust(**changes: Any) -> e.ExecutionBusted:
    names = ("at", "order_id", "execution_id", "symbol", "side", "qty", "price", "notional", "fee")
    fill = msgspec.structs.asdict(a_fill())
    fields: dict[str, Any] = {
        **{name: fill[name] for name in names},
        "filled_qty": D(0),
        "filled_value": D(0),
        "position_qty": D(0),
        "cost": D(-100),
        "realised": D(0),
    }
    return e.ExecutionBusted(**{**fields, **changes})


def test_a_bust_reverses_what_its_execution_posted() -> None:
    assert postings(a_bust()) == [Posting(x.ledger, x.symbol, Money(-x.amount)) for x in postings(a_fill())]
    sale = a_fill(side=Side.SELL, realised=D(30))
    busted = a_bust(side=Side.SELL, cost=D(70), realised=D(-30))
    assert postings(busted) == [Posting(x.ledger, x.symbol, Money(-x.amount)) for x in postings(sale)]


def test_a_bust_of_other_lots_than_it_opened_posts_the_difference_as_gain() -> None:
    entries = postings(a_bust(cost=D(-90), realised=D(10), fee=D(0)))
    assert [(entry.ledger, entry.amount) for entry in entries] == [
        ("cash", 100),
        ("securities", -90),
        ("realised", -10),
    ]


def test_a_bust_that_does_not_add_up_is_found() -> None:
    with pytest.raises(InvariantBroken, match="ExecutionBusted do not sum to zero"):
        postings(a_bust(cost=D(-90)))


@pytest.mark.parametrize(
    ("kind", "ledger"),
    [
        ("deposit", "external"),
        ("withdrawal", "external"),
        ("correction", "external"),
        ("margin_interest", "interest"),
        ("borrow_fee", "borrow"),
    ],
)
def test_each_movement_of_cash_stands_against_its_ledger(kind: str, ledger: str) -> None:
    assert postings(e.CashMoved(1, D(-5), kind, AAA)) == [
        Posting("cash", None, -5),
        Posting(ledger, AAA, 5),
    ]


def test_cash_moves_for_nothing_else() -> None:
    with pytest.raises(InvariantBroken, match="cash cannot move for 'luck'"):
        postings(e.CashMoved(1, D(5), "luck"))


def test_dividends_come_from_outside() -> None:
    dividend = e.CorporateActionApplied(1, AAA, ActionKind.DIVIDEND, date(2005, 1, 3), D(3), cash=D("0.6"))
    assert postings(dividend) == [Posting("cash", None, D("0.6")), Posting("dividends", AAA, D("-0.6"))]


def a_delisting(cash: str, realised: str) -> e.CorporateActionApplied:
    on = date(2005, 1, 3)
    return e.CorporateActionApplied(
        1, AAA, ActionKind.DELISTING, on, D(0), cash=D(cash), realised=D(realised)
    )


def test_a_delisting_turns_securities_into_cash_and_gain() -> None:
    assert [(x.ledger, x.amount) for x in postings(a_delisting("30", "-70"))] == [
        ("cash", 30),
        ("securities", -100),
        ("realised", 70),
    ]
    assert [(x.ledger, x.amount) for x in postings(a_delisting("0", "-100"))] == [
        ("securities", -100),
        ("realised", 100),
    ]
    assert [(x.ledger, x.amount) for x in postings(a_delisting("-30", "70"))] == [
        ("cash", -30),
        ("securities", 100),
        ("realised", -70),
    ]


def test_a_change_of_symbol_moves_no_money_but_what_it_realised() -> None:
    changed = (1, AAA, ActionKind.SYMBOL_CHANGE, date(2005, 1, 3), D(3))
    assert not postings(e.CorporateActionApplied(*changed, new_symbol=BBB))
    assert [
        (x.ledger, x.amount)
        for x in postings(e.CorporateActionApplied(*changed, new_symbol=BBB, realised=D(5)))
    ] == [("securities", 5), ("realised", -5)]


def test_a_split_and_a_dividend_of_nothing_move_no_money() -> None:
    assert not postings(e.CorporateActionApplied(1, AAA, ActionKind.SPLIT, date(2005, 1, 3), D(3), new=2))
    assert not postings(
        e.CorporateActionApplied(1, AAA, ActionKind.DIVIDEND, date(2005, 1, 3), D(3), cash=D(0))
    )
    assert not postings(e.TradingResumed(1))


def test_every_ledger_is_listed() -> None:
    named = {
        entry.ledger
        for event in (
            a_fill(),
            a_fill(side=Side.SELL, realised=D(1)),
            e.CashMoved(1, D(5), "deposit"),
            e.CashMoved(1, D(-5), "margin_interest"),
            e.CashMoved(1, D(-5), "borrow_fee", AAA),
            e.CorporateActionApplied(1, AAA, ActionKind.DIVIDEND, date(2005, 1, 3), D(3), cash=D(1)),
        )
        for entry in postings(event)
    }
    assert named == set(LEDGERS)


def test_entries_that_do_not_balance_stop_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("traderbot.engine.ledger._execution", lambda event: [Posting("cash", None, D(1))])
    with pytest.raises(InvariantBroken, match="OrderFilled do not sum to zero"):
        postings(a_fill())
