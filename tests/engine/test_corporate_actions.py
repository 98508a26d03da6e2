from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.stand import AAA, BBB, ME, Stand
from traderbot.engine.apply import apply
from traderbot.engine.decide import decide
from traderbot.engine.decision import Decision
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.account import Account, Lot, Position
from traderbot.model.actions import ActionKind, CorporateAction
from traderbot.model.errors import InvariantBroken
from traderbot.model.orders import OrderStatus
from traderbot.model.reasons import Reason
from traderbot.model.rules import Limits
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.domain

D = Decimal
CCC = Symbol("CCC")
STEP = Fraction(1, 10**9)


@pytest.fixture
def stand() -> Stand:
    return Stand("1000")


@pytest.fixture
def margin() -> Stand:
    return Stand("1000", "margin")


def act(stand: Stand, kind: ActionKind, symbol: Symbol = AAA, **fields: Any) -> Decision:
    action = CorporateAction(symbol, date(1970, 4, 11), kind, **fields)
    return stand.do(c.ApplyCorporateAction(action))


def split(stand: Stand, new: int, old: int) -> Decision:
    return act(stand, ActionKind.SPLIT, new=new, old=old)


def short(stand: Stand, qty: str, price: str = "10", symbol: Symbol = AAA) -> None:
    stand.fill(stand.place("sell", qty, symbol=symbol), qty, price)


def cancelled(decision: Decision) -> list[tuple[UUID, Reason]]:
    return [
        (found.order_id, found.reason) for found in decision.events if isinstance(found, e.OrderCancelled)
    ]


class TestDividends:
    def test_shares_held_are_paid(self, stand: Stand) -> None:
        stand.own("10")
        act(stand, ActionKind.DIVIDEND, amount=D("0.1234567"))
        assert stand.account.cash == D("901.234567")

    def test_shares_sold_short_owe_it(self, margin: Stand) -> None:
        short(margin, "10")
        act(margin, ActionKind.DIVIDEND, amount=D("0.5"))
        assert margin.account.cash == 1095
        assert margin.account.balances["dividends"] == 5

    @pytest.mark.parametrize(
        ("kind", "amount", "cash"),
        [(ActionKind.DIVIDEND, D(3), -30 + 1100), (ActionKind.DELISTING, D(120), -1200 + 1100)],
    )
    def test_a_cash_account_owes_what_shares_cost_it_that_a_bust_left_owed(
        self, stand: Stand, kind: ActionKind, amount: Decimal, cash: int
    ) -> None:
        stand.own("10")
        bought = next(found for found in stand.events if isinstance(found, e.OrderFilled))
        stand.fill(stand.place("sell", "10"), "10", "10")
        stand.do(c.BustExecution(bought))
        assert (stand.account.quantity(AAA), stand.account.cash) == (-10, 1100)
        act(stand, kind, amount=amount)
        assert stand.account.cash == cash
        assert stand.account.overdraft == max(0, -cash)

    def test_nobody_else(self, stand: Stand) -> None:
        stand.place("buy", "1")
        assert act(stand, ActionKind.DIVIDEND, amount=D(1)) == Decision()


class TestSplits:
    def test_lots_and_orders_are_scaled(self, stand: Stand) -> None:
        stand.own("9", "10")
        order = stand.place("sell", "3", "12.50")
        split(stand, 3, 2)
        assert stand.lots() == [(1, D("13.5"), 90)]
        found = stand.open(order)
        assert (found.qty, found.limit_price) == (D("4.5"), D("8.34"))
        assert stand.account.reserved == {AAA: D("4.5")}

    def test_a_buy_is_still_covered_by_what_it_holds(self, stand: Stand) -> None:
        order = stand.place("buy", "10", "10.01")
        hold = stand.open(order).hold
        split(stand, 3, 1)
        found = stand.open(order)
        assert (found.qty, found.limit_price, found.price_max, found.hold) == (30, D("3.33"), D("3.33"), hold)

    def test_a_short_position_is_scaled_as_a_long_one(self, margin: Stand) -> None:
        short(margin, "7", "10")
        split(margin, 1, 3)
        assert margin.lots() == [(1, D("-2.333333333"), -70)]

    def test_stops_are_scaled_away_from_the_market(self, margin: Stand) -> None:
        margin.own("5")
        sale = margin.place("sell", "1", type="stop", stop_price="9.01")
        buy = margin.place("buy", "1", type="stop_limit", limit="12.02", stop_price="11.01")
        split(margin, 2, 1)
        stop = margin.open(sale).stop
        assert stop is not None
        assert stop.price == D("4.50")
        found = margin.open(buy)
        assert found.stop is not None
        assert (found.stop.price, found.limit_price) == (D("5.51"), D("6.01"))

    def test_a_trailing_stop_keeps_trailing_what_it_has_seen(self, stand: Stand) -> None:
        stand.own("5")
        by_price = stand.place("sell", "1", type="trailing_stop", trail_price="1")
        by_percent = stand.place("sell", "1", type="trailing_stop", trail_percent="5")
        split(stand, 4, 1)
        stop = stand.open(by_price).stop
        assert stop is not None
        assert (stop.hwm, stop.trail_price, stop.price) == (D("2.5"), D("0.25"), D("2.25"))
        stop = stand.open(by_percent).stop
        assert stop is not None
        assert (stop.hwm, stop.trail_percent, stop.price) == (D("2.5"), 5, D("2.37"))

    def test_an_order_for_a_value_keeps_it(self, stand: Stand) -> None:
        order = stand.place("buy", None, notional="100")
        split(stand, 2, 1)
        found = stand.open(order)
        assert (found.notional, found.qty, found.hold) == (100, 22, D("100.010001"))

    def test_exits_that_wait_are_scaled_too(self, stand: Stand) -> None:
        entry, gain, loss = stand.group("buy", "4", "10", cls="bracket", gain="12", loss="9")
        split(stand, 2, 1)
        assert [stand.open(found).qty for found in (entry, gain, loss)] == [8, 8, 8]
        stand.market.quote(AAA, "5")
        stand.fill(entry, "8", "5")
        assert stand.account.reserved == {AAA: 8}

    def test_a_reverse_split_cancels_orders_and_whole_groups(self, stand: Stand) -> None:
        stand.own("10")
        alone = stand.place("sell", "3", "14")
        group = stand.group("buy", "4", "10", cls="bracket", gain="12", loss="9")
        decision = split(stand, 1, 10)
        assert cancelled(decision) == [(order, Reason.CORPORATE_ACTION) for order in (alone, *group)]
        assert (stand.account.orders, stand.account.held, stand.account.reserved) == ({}, 0, {})
        assert stand.account.quantity(AAA) == 1

    def test_an_order_whose_outcome_is_unknown_is_not_cancelled_by_one(self) -> None:
        stand = Stand("1000", broker="elsewhere")
        order = stand.place("buy", "10", "10")
        stand.do(c.LoseSightOfOrder(order))
        assert cancelled(split(stand, 1, 10)) == []
        found = stand.open(order)
        assert (found.status, found.qty, found.limit_price) == (OrderStatus.UNKNOWN, 1, 100)

    def test_other_lots_than_are_held_stop_the_work(self, stand: Stand) -> None:
        stand.own("1")
        lots = (e.AdjustedLot(5, D(2)),)
        event = e.CorporateActionApplied(1, AAA, ActionKind.SPLIT, date(2020, 1, 1), D(2), lots=lots)
        with pytest.raises(InvariantBroken, match="other lots"):
            apply(stand.account, event)

    @given(
        lots=st.lists(st.decimals("0.000000001", 1000, places=9), min_size=1, max_size=6),
        new=st.integers(1, 30),
        old=st.integers(1, 30),
        sign=st.sampled_from([1, -1]),
    )
    @settings(max_examples=60, deadline=None)
    def test_lots_of_either_sign_sum_to_the_position(
        self, lots: list[Decimal], new: int, old: int, sign: int
    ) -> None:
        stand = Stand("1000", "margin")
        held = {n: Lot(n, sign * qty, sign * D(n), 1) for n, qty in enumerate(lots, 1)}
        total = sum((lot.qty for lot in held.values()), D(0))
        account = Account(ME, positions={AAA: Position(AAA, total, lots=held)})
        action = CorporateAction(AAA, date(2020, 1, 1), ActionKind.SPLIT, new=new, old=old)
        decision = decide(account, c.ApplyCorporateAction(action), stand.market, stand.rules)
        (split,) = decision.events
        assert isinstance(split, e.CorporateActionApplied)
        assert sum(lot.qty for lot in split.lots) == split.position_qty
        assert abs(Fraction(split.position_qty) - Fraction(total) * new / old) < STEP
        assert all(lot.qty * sign >= 0 for lot in split.lots)


class TestChangesOfSymbol:
    def test_everything_known_of_it_moves(self, stand: Stand) -> None:
        stand.own("10", "10")
        stand.fill(stand.place("sell", "2"), "2", "12")
        sale = stand.place("sell", "3", "12")
        buy = stand.place("buy", "1", "9")
        stand.do(c.PauseTrading("odd", AAA))
        stand.do(c.RequestResume("7", AAA))
        stand.do(c.SetLimits(Limits(restricted=frozenset({AAA}))))
        act(stand, ActionKind.SYMBOL_CHANGE, new_symbol=CCC)
        account = stand.account
        assert list(account.positions) == [CCC]
        assert (account.positions[CCC].realised, stand.lots(CCC)) == (4, [(1, 8, 80)])
        assert {account.orders[order].symbol for order in (sale, buy)} == {CCC}
        assert account.reserved == {CCC: 3}
        assert (account.halted_symbols, account.lifting) == ({CCC: "odd"}, {CCC: "7"})
        assert account.limits is not None
        assert account.limits.restricted == {CCC}

    def test_lots_of_both_symbols_stay_in_their_order(self, stand: Stand) -> None:
        for symbol, price in ((AAA, "10"), (BBB, "50"), (AAA, "11")):
            stand.fill(stand.place("buy", "1", symbol=symbol), "1", price)
        act(stand, ActionKind.SYMBOL_CHANGE, new_symbol=BBB)
        assert stand.lots(BBB) == [(1, 1, 10), (2, 1, 50), (3, 1, 11)]
        assert AAA not in stand.account.positions

    def test_long_and_short_close_each_other(self, margin: Stand) -> None:
        margin.own("3", "10")
        margin.own("3", "11")
        short(margin, "4", "50", BBB)
        act(margin, ActionKind.SYMBOL_CHANGE, new_symbol=BBB)
        assert margin.lots(BBB) == [(2, 2, 22)]
        assert margin.account.positions[BBB].realised == 200 - 41
        assert margin.account.cash == 1000 - 63 + 200

    def test_a_halt_of_the_new_symbol_stays(self, stand: Stand) -> None:
        stand.do(c.PauseTrading("old", AAA))
        stand.do(c.PauseTrading("new", CCC))
        act(stand, ActionKind.SYMBOL_CHANGE, new_symbol=CCC)
        assert stand.account.halted_symbols == {CCC: "new"}

    def test_an_account_that_knows_nothing_of_it(self, stand: Stand) -> None:
        stand.own("1")
        assert act(stand, ActionKind.SYMBOL_CHANGE, symbol=BBB, new_symbol=CCC) == Decision()

    def test_an_event_that_does_not_add_up_stops_the_work(self, stand: Stand) -> None:
        stand.own("1")
        changed = (1, AAA, ActionKind.SYMBOL_CHANGE, date(2020, 1, 1), D(2))
        with pytest.raises(InvariantBroken, match="not 2 shares"):
            apply(stand.account, e.CorporateActionApplied(*changed, new_symbol=CCC))
        with pytest.raises(InvariantBroken, match="without the new one"):
            apply(stand.account, e.CorporateActionApplied(*changed))


class TestDelistings:
    def test_orders_end_and_lots_are_paid_out(self, stand: Stand) -> None:
        stand.own("10", "10")
        group = stand.group("sell", "10", "12", cls="oco", loss="9")
        decision = act(stand, ActionKind.DELISTING, amount=D("2.5"))
        assert cancelled(decision) == [(order, Reason.DELISTED) for order in group]
        position = stand.account.positions[AAA]
        assert (position.qty, position.cost, position.realised, position.lots) == (0, 0, -75, {})
        assert (stand.account.cash, stand.account.reserved) == (925, {})
        assert stand.account.balances["realised"] == 75

    def test_worthless_shares(self, stand: Stand) -> None:
        stand.own("10", "10")
        act(stand, ActionKind.DELISTING, amount=D(0))
        assert (stand.account.cash, stand.account.balances["realised"]) == (900, 100)

    def test_shares_sold_short_are_bought_back_at_it(self, margin: Stand) -> None:
        short(margin, "10", "10")
        act(margin, ActionKind.DELISTING, amount=D(1))
        assert (margin.account.cash, margin.account.positions[AAA].realised) == (1090, 90)

    def test_orders_alone(self, stand: Stand) -> None:
        entry, *exits = stand.group("buy", "1", "10", cls="bracket", gain="12", loss="9")
        decision = act(stand, ActionKind.DELISTING, amount=D(1))
        assert cancelled(decision) == [(order, Reason.DELISTED) for order in (entry, *exits)]
        assert len(decision.events) == 3
        assert stand.account.held == 0

    def test_an_event_that_does_not_add_up_stops_the_work(self, stand: Stand) -> None:
        stand.own("1")
        event = e.CorporateActionApplied(
            1, AAA, ActionKind.DELISTING, date(2020, 1, 1), D(0), cash=D(1), realised=D(1)
        )
        with pytest.raises(InvariantBroken, match="gains something else"):
            apply(stand.account, event)
