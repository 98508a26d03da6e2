from decimal import Decimal

import pytest

from engine.stand import AAA, BBB, DAY, Stand
from engine.verdicts import limit, passes, reason, rule, verdict
from traderbot.model.commands import RevaluePortfolio, WithdrawCash
from traderbot.model.reasons import Reason

pytestmark = pytest.mark.domain

D = Decimal


@pytest.fixture
def stand() -> Stand:
    return Stand("1000")


@pytest.fixture
def margin() -> Stand:
    return Stand("1000", "margin")


class TestRates:
    def test_orders_of_one_second(self, stand: Stand) -> None:
        limit(stand, orders_per_second=2)
        stand.place("buy", "1", "9")
        assert passes(stand)
        stand.place("buy", "1", "9")
        assert reason(stand) is Reason.ORDER_RATE_LIMIT
        stand.market.time += 1_000_000
        assert passes(stand)

    def test_orders_of_one_day_exits_included(self, stand: Stand) -> None:
        limit(stand, orders_per_day=2)
        stand.own("1")
        stand.market.time += DAY - 1
        assert passes(stand, "sell", "1")
        stand.place("buy", "1", "8")
        assert reason(stand, "sell", "1") is Reason.DAILY_ORDER_LIMIT
        stand.market.time += 1
        assert passes(stand, "sell", "1")


class TestLosses:
    @pytest.mark.parametrize(
        ("field", "why"),
        [
            ("daily_loss", Reason.DAILY_LOSS_LIMIT),
            ("weekly_loss", Reason.WEEKLY_LOSS_LIMIT),
            ("monthly_loss", Reason.MONTHLY_LOSS_LIMIT),
            ("drawdown", Reason.DRAWDOWN_LIMIT),
        ],
    )
    def test_exits_alone_pass_once_the_loss_is_reached(self, stand: Stand, field: str, why: Reason) -> None:
        stand.own("50")
        limit(stand, **{field: D("0.1")})
        stand.market.quote(AAA, "8.01")
        assert passes(stand, "buy", "1")
        stand.market.quote(AAA, "8")
        assert reason(stand, "buy", "1") is why
        assert passes(stand, "sell", "50")

    def test_each_period_begins_with_the_last_close_before_it(self, stand: Stand) -> None:
        """Day 100 is a Saturday: the week and the month go on to Sunday and to day 119."""
        stand.own("50")
        stand.market.quote(AAA, "8")
        stand.do(RevaluePortfolio(1))
        for field, days in (("daily_loss", 1), ("weekly_loss", 2), ("monthly_loss", 20)):
            limit(stand, **{field: D("0.1")})
            stand.market.time = (100 + days) * DAY - 1
            stand.market.quote(AAA, "8")
            assert not passes(stand, "buy", "1")
            stand.market.time += 1
            assert passes(stand, "buy", "1")
        limit(stand, drawdown=D("0.1"))
        assert not passes(stand, "buy", "1")

    def test_the_peak_is_the_highest_close(self, stand: Stand) -> None:
        stand.own("50")
        stand.market.quote(AAA, "12")
        stand.do(RevaluePortfolio(1))
        limit(stand, drawdown=D("0.1"))
        stand.market.quote(AAA, "9.81")
        assert passes(stand, "buy", "1")
        stand.market.quote(AAA, "9.80")
        assert reason(stand, "buy", "1") is Reason.DRAWDOWN_LIMIT

    def test_money_taken_out_is_no_loss(self, stand: Stand) -> None:
        limit(stand, daily_loss=D("0.1"))
        stand.do(WithdrawCash(D(500)))
        assert passes(stand, "buy", "1")
        stand.do(RevaluePortfolio(1))
        stand.do(WithdrawCash(D(300)))
        assert passes(stand, "buy", "1")

    def test_a_limit_of_nothing_takes_any_loss_for_one(self, stand: Stand) -> None:
        limit(stand, daily_loss=D(0))
        assert passes(stand, "buy", "1")
        stand.own("1")
        stand.market.quote(AAA, "9.99")
        assert reason(stand, "buy", "1") is Reason.DAILY_LOSS_LIMIT

    def test_without_a_price_nothing_more_is_risked(self, stand: Stand) -> None:
        stand.own("1")
        del stand.market.marks[AAA]
        assert passes(stand, symbol=BBB)
        limit(stand, daily_loss=D("0.5"))
        assert reason(stand, symbol=BBB) is Reason.UNKNOWN_SYMBOL


class TestExposure:
    def test_the_position_with_all_open_orders(self, stand: Stand) -> None:
        stand.own("3")
        stand.place("buy", "2", "8")
        for limited in ({"position_qty": D(10)}, {"position_value": D(100)}):
            limit(stand, **limited)
            assert passes(stand, "buy", "5")
            assert reason(stand, "buy", "5.01") is Reason.POSITION_LIMIT
            assert passes(stand, "sell", "3")

    def test_an_order_above_the_market_counts_at_its_price(self, stand: Stand) -> None:
        limit(stand, position_value=D(100))
        assert passes(stand, "buy", "8", "12.50")
        assert reason(stand, "buy", "8", "12.51") is Reason.POSITION_LIMIT
        stand.place("buy", "4", type="stop", stop_price="12.50")
        assert passes(stand, "buy", "5")
        assert reason(stand, "buy", "5.01") is Reason.POSITION_LIMIT

    def test_short_positions_count_as_long_ones(self, margin: Stand) -> None:
        limit(margin, position_qty=D(10))
        margin.own("3")
        margin.place("sell", "5", "10")
        assert passes(margin, "sell", "8", "10")
        assert reason(margin, "sell", "8.01", "10") is Reason.POSITION_LIMIT

    def test_two_exits_of_the_same_shares_count_once(self, margin: Stand) -> None:
        margin.own("4")
        margin.group("sell", "4", "12", cls="oco", loss="9")
        limit(margin, position_qty=D(4))
        assert passes(margin, "sell", "4")
        assert reason(margin, "sell", "4.01") is Reason.POSITION_LIMIT

    def test_a_share_of_equity(self, stand: Stand) -> None:
        stand.own("20")
        limit(stand, concentration=D("0.5"))
        assert passes(stand, "buy", "30")
        assert reason(stand, "buy", "30.01") is Reason.CONCENTRATION_LIMIT

    def test_a_sector_is_all_its_symbols(self, stand: Stand) -> None:
        stand.own("20")
        limit(stand, sector=D("0.5"))
        rule(stand, sectors={AAA: "tech", BBB: "tech"})
        assert passes(stand, "buy", "6", symbol=BBB)
        refusal = verdict(stand, "buy", "6.01", symbol=BBB)
        assert refusal.reason is Reason.SECTOR_LIMIT
        assert "tech" in refusal.detail
        rule(stand, sectors={AAA: "tech", BBB: "oil"})
        assert passes(stand, "buy", "10", symbol=BBB)
        rule(stand, sectors={AAA: "tech"})
        assert passes(stand, "buy", "10", symbol=BBB)
        assert reason(stand, "buy", "10.01", symbol=BBB) is Reason.SECTOR_LIMIT

    def test_long_and_short_together(self, margin: Stand) -> None:
        margin.own("50")
        limit(margin, gross=D("0.8"))
        assert passes(margin, "sell", "6", "50", symbol=BBB)
        assert reason(margin, "sell", "6.01", "50", symbol=BBB) is Reason.GROSS_EXPOSURE_LIMIT

    def test_long_less_short(self, margin: Stand) -> None:
        margin.own("50")
        limit(margin, net=D("0.5"))
        assert reason(margin, "buy", "1") is Reason.NET_EXPOSURE_LIMIT
        assert passes(margin, "sell", "10", "50", symbol=BBB)  # it makes the sum smaller
        margin.fill(margin.place("sell", "4", symbol=BBB), "4", "50")
        assert passes(margin, "buy", "20")
        assert reason(margin, "buy", "20.01") is Reason.NET_EXPOSURE_LIMIT
        assert passes(margin, "sell", "12", "50", symbol=BBB)
        assert reason(margin, "sell", "16.01", "50", symbol=BBB) is Reason.NET_EXPOSURE_LIMIT

    def test_nothing_is_a_share_of_no_equity(self, margin: Stand) -> None:
        margin.own("10")
        margin.market.quote(AAA, "0.01")
        margin.account.balances["cash"] = D(-1)
        limit(margin, gross=D(100))
        assert reason(margin, "buy", "1") is Reason.GROSS_EXPOSURE_LIMIT
