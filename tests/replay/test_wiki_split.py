"""Apple's seven for one split and its dividends, from a vendor's file of raw prices, through the engine."""

import csv
import os
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from properties.audit import Books
from traderbot.backtests.runner import run
from traderbot.engine.apply import apply
from traderbot.model.account import Account
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.bars import Bar
from traderbot.model.events import CorporateActionApplied, OrderFilled
from traderbot.model.orders import TimeInForce
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.strategies.base import Context, Strategy

pytestmark = [pytest.mark.integration, pytest.mark.shared_data]

SHARED = Path(os.environ.get("TRADERBOT_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
FILE = SHARED / "wiki" / "zipline_wiki_AAPL_MSFT_BRKA_ZEN_2014.csv"
AAPL = Symbol("AAPL")
SPLIT = date(2014, 6, 9)
DIVIDENDS = {
    date(2014, 5, 8): Decimal("3.29"),
    date(2014, 8, 7): Decimal("0.47"),
    date(2014, 11, 6): Decimal("0.47"),
}
D = Decimal


def close_of(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, 21, tzinfo=UTC).timestamp()) * 1_000_000


class Keeper(Strategy):
    """Buys in three lots, sells a few again, and offers some at a price that never comes."""

    name = "keeper"

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        if bar.index in (60, 70, 80):
            ctx.buy(AAPL, 11 + bar.index)
        elif bar.index == 90:
            ctx.sell(AAPL, "20.5")
        elif bar.index == 95:
            ctx.sell(AAPL, 9, "850.00", time_in_force=TimeInForce.GTC)


@pytest.fixture(scope="module")
def apple() -> Any:
    if not FILE.exists():
        pytest.skip(f"the shared data folder is absent: {SHARED}")
    with FILE.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["ticker"] == "AAPL"]
    days = [date.fromisoformat(row["date"]) for row in rows]
    columns = [
        np.array([float(row[name]) for row in rows]) for name in ("open", "high", "low", "close", "volume")
    ]
    actions = []
    for day, row in zip(days, rows, strict=True):
        if float(row["ex-dividend"]):
            actions.append(CorporateAction(AAPL, day, ActionKind.DIVIDEND, D(row["ex-dividend"])))
        if float(row["split_ratio"]) != 1:
            actions.append(CorporateAction(AAPL, day, ActionKind.SPLIT, new=int(float(row["split_ratio"]))))
    bar = Bar(AAPL, np.array([close_of(day) for day in days]), *columns)
    rules = Rules(max_limit_distance=D("0.9"))
    result = run(Keeper(), [bar], cash=D(1_000_000), actions=actions, rules=rules)
    closes = {day: D(row["close"]) for day, row in zip(days, rows, strict=True)}
    return SimpleNamespace(result=result, closes=closes, days=days, actions=actions)


def test_the_file_holds_the_actions_that_are_known(apple: Any) -> None:
    assert [a.ex_date for a in apple.actions if a.kind is ActionKind.SPLIT] == [SPLIT]
    paid = {a.ex_date: a.amount for a in apple.actions if a.kind is ActionKind.DIVIDEND}
    assert paid == {date(2014, 2, 6): D("3.05"), **DIVIDENDS}


def test_the_books_agree_at_every_event(apple: Any) -> None:
    """The account as the engine folds it, and as the books know it, from the first event to the last."""
    account, books = Account(apple.result.account.id), Books()
    for event in apple.result.events:
        apply(account, event)
        books.take(event)
        books.compare(account)
    assert account == apple.result.account
    assert len([event for event in apple.result.events if isinstance(event, OrderFilled)]) == 4


def test_equity_is_the_same_in_new_shares(apple: Any) -> None:
    """What was held at the close before the split is worth as much in new shares at a seventh of it."""
    books = Books()
    for event in apple.result.events:
        split = isinstance(event, CorporateActionApplied) and event.kind is ActionKind.SPLIT
        if split:
            before, held = books.ledger.cash, books.ledger.holding(AAPL)
            old = [(lot.number, lot.qty, lot.cost, lot.opened_at) for lot in held.lots.values()]
            order_before = list(books.orders.open.values())
            offered = [(order.rest, order.limit) for order in order_before]
            worth = Fraction(before) + Fraction(held.qty) * Fraction(apple.closes[date(2014, 6, 6)])
        books.take(event)
        if split:
            new = [(lot.number, lot.qty / 7, lot.cost, lot.opened_at) for lot in held.lots.values()]
            assert new == old
            assert [qty for _, qty, _, _ in old] == [D("50.5"), D(81), D(91)]
            restated = Fraction(apple.closes[date(2014, 6, 6)]) / 7
            assert Fraction(books.ledger.cash) + Fraction(held.qty) * restated == worth
            assert held.qty == D("222.5") * 7
            assert offered == [(D(9), D("850.00"))]
            assert [(order.rest, order.limit) for order in order_before] == [(D(63), D("121.43"))]
            return
    pytest.fail("there was no split")


def test_every_dividend_of_what_was_held_is_paid(apple: Any) -> None:
    paid = {
        event.ex_date: (event.amount, event.position_qty, event.cash)
        for event in apple.result.events
        if isinstance(event, CorporateActionApplied) and event.kind is ActionKind.DIVIDEND
    }
    shares = {date(2014, 5, 8): D(243), date(2014, 8, 7): D("1557.5"), date(2014, 11, 6): D("1557.5")}
    assert paid == {day: (amount, shares[day], shares[day] * amount) for day, amount in DIVIDENDS.items()}
