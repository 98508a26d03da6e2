from datetime import date
from decimal import Decimal

import msgspec
import pytest

from engine.stand import AAA, BBB, DAY, Stand, reason
from traderbot.engine.decision import Decision
from traderbot.engine.money import DEPOSITED_MAX
from traderbot.model import commands as c
from traderbot.model import events as e
from traderbot.model.account import AccountKind, LotMethod, Valued
from traderbot.model.errors import InvariantBroken
from traderbot.model.reasons import Reason
from traderbot.model.rules import Limits, Margin, Rules

pytestmark = pytest.mark.domain

D = Decimal


@pytest.fixture
def stand() -> Stand:
    return Stand("1000")


@pytest.fixture
def margin() -> Stand:
    return Stand("1000", "margin")


def moved(decision: Decision) -> list[tuple[str, Decimal]]:
    return [(event.kind, event.amount) for event in decision.events if isinstance(event, e.CashMoved)]


def test_an_account_knows_what_it_was_opened_as() -> None:
    account = Stand(kind="margin", broker="elsewhere").account
    assert (account.kind, account.broker) == (AccountKind.MARGIN, "elsewhere")
    assert account.balances["interest"] == account.balances["borrow"] == 0


def test_an_account_is_opened_once(stand: Stand) -> None:
    opened = stand.events[0]
    assert isinstance(opened, e.AccountOpened)
    with pytest.raises(InvariantBroken, match="opened before"):
        stand.do(c.OpenAccount(opened.account_id, opened.user_id, opened.session_id, "USD"))


class TestWithdrawals:
    def test_what_is_available_goes_and_no_more(self, stand: Stand) -> None:
        stand.place("buy", "10", "10")
        most = stand.account.available
        assert reason(stand.do(c.WithdrawCash(most + D("0.000001")))) is Reason.INSUFFICIENT_FUNDS
        assert moved(stand.do(c.WithdrawCash(most))) == [("withdrawal", -most)]
        assert stand.account.available == 0
        assert stand.account.balances["external"] == most - 1000

    def test_of_a_margin_account_what_its_positions_do_not_need(self, margin: Stand) -> None:
        margin.own("100")
        assert reason(margin.do(c.WithdrawCash(D("500.01")))) is Reason.INSUFFICIENT_FUNDS
        assert margin.do(c.WithdrawCash(D(500))).refusal is None
        assert margin.account.cash == -500

    def test_not_below_nothing_when_positions_need_more(self, margin: Stand) -> None:
        margin.own("150")
        margin.market.quote(AAA, "5")
        decision = margin.do(c.WithdrawCash(D("0.01")))
        assert decision.refusal is not None
        assert decision.refusal.detail.endswith("(asked 0.01, available 0.00)")

    def test_not_without_a_price(self, margin: Stand) -> None:
        margin.own("1")
        del margin.market.marks[AAA]
        assert reason(margin.do(c.WithdrawCash(D(1)))) is Reason.UNKNOWN_SYMBOL


class TestInterest:
    def test_borrowed_cash_and_borrowed_shares_cost_by_the_day(self, margin: Stand) -> None:
        margin.own("110")
        margin.fill(margin.place("sell", "2", symbol=BBB), "2", "50")
        margin.do(c.WithdrawCash(D(100)))
        assert margin.account.cash == -100
        decision = margin.do(c.AccrueInterest(3))
        assert moved(decision) == [("margin_interest", D("-0.066667")), ("borrow_fee", D("-0.025"))]
        assert decision.events[1].symbol == BBB  # type: ignore[union-attr]
        assert margin.account.balances["interest"] == D("0.066667")
        assert margin.account.balances["borrow"] == D("0.025")

    def test_a_cash_account_and_one_without_debts_pay_none(self, stand: Stand, margin: Stand) -> None:
        for one in (stand, margin):
            one.own("10")
            assert one.do(c.AccrueInterest(30)) == Decision()

    def test_rates_of_nothing_move_nothing(self, margin: Stand) -> None:
        margin.rules = Rules(margin=Margin(loan_rate=D(0), borrow_rate=D(0)))
        margin.own("110")
        margin.fill(margin.place("sell", "2", symbol=BBB), "2", "50")
        assert margin.do(c.AccrueInterest(30)) == Decision()

    def test_not_without_a_price(self, margin: Stand) -> None:
        margin.fill(margin.place("sell", "2"), "2", "10")
        del margin.market.marks[AAA]
        assert reason(margin.do(c.AccrueInterest(1))) is Reason.UNKNOWN_SYMBOL


class TestSettings:
    def test_a_lot_method_is_chosen_once(self, stand: Stand) -> None:
        assert len(stand.do(c.ChooseLotMethod(LotMethod.LIFO)).events) == 1
        assert stand.account.lot_method is LotMethod.LIFO
        assert stand.do(c.ChooseLotMethod(LotMethod.LIFO)) == Decision()

    def test_limits_replace_those_before(self, stand: Stand) -> None:
        assert stand.do(c.SetLimits(Limits())) == Decision()
        stand.do(c.SetLimits(Limits(order_qty=D(5), gross=D(1))))
        stand.do(c.SetLimits(Limits(order_qty=D(6))))
        assert stand.account.limits == Limits(order_qty=D(6))
        assert stand.do(c.SetLimits(Limits(order_qty=D(6)))) == Decision()


class TestRevaluation:
    def test_cash_and_positions_at_their_marks(self, margin: Stand) -> None:
        margin.own("10")
        margin.fill(margin.place("sell", "2", symbol=BBB), "2", "50")
        margin.market.quote(AAA, "11")
        (valued,) = margin.do(c.RevaluePortfolio(4)).events
        assert isinstance(valued, e.PortfolioRevalued)
        assert (valued.cash, valued.market_value, valued.equity) == (1000, 10, 1010)
        assert valued.marks == {AAA: 11, BBB: 50}

    def test_not_without_a_price(self, stand: Stand) -> None:
        stand.own("1")
        del stand.market.marks[AAA]
        assert reason(stand.do(c.RevaluePortfolio(1))) is Reason.UNKNOWN_SYMBOL

    def test_a_margin_call_is_made_once_and_met(self, margin: Stand) -> None:
        margin.own("150")
        margin.market.quote(AAA, "4")
        _, called = margin.do(c.RevaluePortfolio(1)).events
        assert isinstance(called, e.MarginCalled)
        assert (called.equity, called.required, called.deficit) == (100, 150, 50)
        assert len(margin.do(c.RevaluePortfolio(2)).events) == 1
        margin.market.quote(AAA, "4.10")
        _, again = margin.do(c.RevaluePortfolio(3)).events
        assert isinstance(again, e.MarginCalled)
        assert again.deficit == D("38.75")
        margin.do(c.DepositCash(D("38.75")))
        assert margin.account.margin_call == D("38.75")
        _, met = margin.do(c.RevaluePortfolio(4)).events
        assert isinstance(met, e.MarginCallMet)
        assert margin.account.margin_call is None

    def test_short_positions_need_more(self, margin: Stand) -> None:
        margin.fill(margin.place("sell", "150"), "150", "10")
        margin.market.quote(AAA, "13")
        _, called = margin.do(c.RevaluePortfolio(1)).events
        assert isinstance(called, e.MarginCalled)
        assert (called.equity, called.required) == (550, 585)


class TestBaselines:
    def test_the_first_close_begins_with_what_was_paid_in(self, stand: Stand) -> None:
        stand.own("10")
        stand.market.quote(AAA, "12")
        stand.do(c.RevaluePortfolio(1))
        assert date.fromordinal(date(1970, 1, 1).toordinal() + 100) == date(1970, 4, 11)  # a Saturday
        paid = D(1000)
        assert stand.account.valued == Valued(100, 14, 1970 * 12 + 4, paid, paid, paid, D(1020), D(1020))

    def test_a_period_begins_with_the_close_before_it(self, stand: Stand) -> None:
        stand.own("10")
        for days, price in ((1, "9"), (2, "8"), (20, "7")):
            stand.market.time = (100 + days) * DAY
            stand.market.quote(AAA, price)
            stand.do(c.RevaluePortfolio(days))
        valued = stand.account.valued
        assert valued is not None
        starts = (valued.day_start, valued.week_start, valued.month_start, valued.close, valued.peak)
        assert starts == (980, 980, 980, 970, 1000)
        stand.market.time += DAY
        stand.market.quote(AAA, "6")
        stand.do(c.RevaluePortfolio(21))
        valued = stand.account.valued
        assert (valued.day_start, valued.week_start, valued.month_start) == (970, 980, 980)

    def test_two_closes_of_one_day_keep_its_beginning(self, stand: Stand) -> None:
        stand.own("10")
        for price in ("12", "13"):
            stand.market.quote(AAA, price)
            stand.do(c.RevaluePortfolio(1))
        valued = stand.account.valued
        assert valued is not None
        assert (valued.day_start, valued.close) == (1000, 1030)

    def test_flows_shift_it_all_and_costs_do_not(self, margin: Stand) -> None:
        margin.own("150")
        margin.do(c.RevaluePortfolio(1))
        before = margin.account.valued
        assert before is not None
        starts = msgspec.structs.astuple(before)[3:]
        margin.do(c.DepositCash(D(100)))
        margin.do(c.WithdrawCash(D(30)))
        margin.do(c.AccrueInterest(1))
        after = margin.account.valued
        assert after is not None
        assert [value - 70 for value in msgspec.structs.astuple(after)[3:]] == list(starts)


def test_deposits_end_where_gains_still_have_room(stand: Stand) -> None:
    most = DEPOSITED_MAX - stand.account.cash
    assert reason(stand.do(c.DepositCash(most + D("0.000001")))) is Reason.BALANCE_LIMIT
    assert stand.do(c.DepositCash(most)).refusal is None
    assert reason(stand.do(c.DepositCash(D("0.000001")))) is Reason.BALANCE_LIMIT


def test_what_cannot_be_kept_exactly_is_this_accounts_trouble_alone() -> None:
    """A step of a session decides for many accounts: what breaks one must be known to be its own."""
    stand = Stand("1000", "margin")
    stand.own("10")
    stand.account.positions[AAA].lots[1].qty = stand.account.positions[AAA].qty = D(2_000_000_000)
    stand.market.quote(AAA, "9000")
    with pytest.raises(InvariantBroken, match=r"kept exactly"):
        stand.do(c.RevaluePortfolio(1))
