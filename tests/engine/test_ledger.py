from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from engine.books import AAA
from traderbot.engine.ledger import LEDGERS, Posting, postings
from traderbot.model import events as e
from traderbot.model.actions import ActionKind
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


def test_deposits_and_dividends_come_from_outside() -> None:
    assert postings(e.CashMoved(1, D(5), "deposit")) == [
        Posting("cash", None, 5),
        Posting("external", None, -5),
    ]
    dividend = e.CorporateActionApplied(1, AAA, ActionKind.DIVIDEND, date(2005, 1, 3), D(3), cash=D("0.6"))
    assert postings(dividend) == [Posting("cash", None, D("0.6")), Posting("dividends", AAA, D("-0.6"))]


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
            e.CorporateActionApplied(1, AAA, ActionKind.DIVIDEND, date(2005, 1, 3), D(3), cash=D(1)),
        )
        for entry in postings(event)
    }
    assert named == set(LEDGERS)


def test_entries_that_do_not_balance_stop_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("traderbot.engine.ledger._execution", lambda event: [Posting("cash", None, D(1))])
    with pytest.raises(InvariantBroken, match="OrderFilled do not sum to zero"):
        postings(a_fill())
