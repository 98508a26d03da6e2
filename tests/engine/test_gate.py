from decimal import Decimal

import msgspec
import pytest

from engine.stand import AAA, BBB, Stand
from engine.verdicts import limit, rule, verdict
from traderbot.engine.gate import Approval, preview
from traderbot.model.commands import PauseTrading
from traderbot.model.reasons import Reason
from traderbot.model.rules import NO_LIMITS, Limits, Rules
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.domain

D = Decimal


@pytest.fixture
def stand() -> Stand:
    return Stand("1000")


@pytest.fixture
def margin() -> Stand:
    return Stand("1000", "margin")


class TestHolds:
    def test_a_market_buy_holds_at_its_collar_with_fees(self, stand: Stand) -> None:
        mark = stand.market.marks[AAA]
        assert verdict(stand, "buy", "3") == Approval(mark, D(3), D("11"), D("33.003301"))

    def test_a_limit_buy_holds_at_its_limit(self, stand: Stand) -> None:
        mark = stand.market.marks[AAA]
        assert verdict(stand, "buy", "3", "9.99") == Approval(mark, D(3), D("9.99"), D("29.972998"))

    def test_a_sale_holds_no_cash(self, stand: Stand) -> None:
        stand.own("5")
        assert verdict(stand, "sell", "5").hold == 0

    def test_fees_a_share_and_a_least_fee_are_held_for(self, stand: Stand) -> None:
        rule(stand, fee_per_share=D("0.01"))
        assert verdict(stand, "buy", "3", "10").hold == D("30.033001")
        rule(stand, fee_minimum=D("1"))
        assert verdict(stand, "buy", "3", "10").hold == D("31.000001")

    def test_an_order_for_a_value_holds_that_and_its_fee(self, stand: Stand) -> None:
        found = verdict(stand, "buy", None, notional="100")
        assert (found.qty, found.price_max, found.hold) == (D(11), D(11), D("100.010001"))

    def test_a_stop_buy_holds_above_its_stop(self, stand: Stand) -> None:
        found = verdict(stand, "buy", "1", type="stop", stop_price="12")
        assert (found.price_max, found.stop.price) == (D("13.2"), D(12))
        assert verdict(stand, "buy", "1", "12.50", type="stop_limit", stop_price="12").price_max == D("12.5")

    def test_a_stop_that_is_reached_already_holds_at_the_market(self, stand: Stand) -> None:
        assert verdict(stand, "buy", "1", type="stop", stop_price="9").price_max == 11

    def test_a_trailing_stop_starts_at_the_mark(self, stand: Stand) -> None:
        stop = verdict(stand, "buy", "1", type="trailing_stop", trail_percent="5").stop
        assert (stop.hwm, stop.price, stop.trail_percent) == (10, D("10.5"), 5)
        stand.own("1")
        stop = verdict(stand, "sell", "1", type="trailing_stop", trail_price="0.333").stop
        assert (stop.hwm, stop.price, stop.trail_price) == (10, D("9.66"), D("0.333"))

    def test_a_margin_account_holds_the_initial_margin_of_what_it_opens(self, margin: Stand) -> None:
        assert verdict(margin, "buy", "3", "10").hold == D("15.003001")
        assert verdict(margin, "sell", "3").price_max == 11
        assert verdict(margin, "sell", "3").hold == D("16.503301")
        assert verdict(margin, "sell", "3", "8").price_max == 10
        assert verdict(margin, "sell", "3", type="stop", stop_price="9").price_max == 9
        assert verdict(margin, "sell", "3", type="trailing_stop", trail_price="1").price_max == D("9.9")

    def test_what_closes_on_margin_holds_nothing(self, margin: Stand) -> None:
        margin.own("5")
        assert verdict(margin, "sell", "5").hold == 0
        assert verdict(margin, "sell", "7", "10").hold == D("10.007001")


def test_rules_read_back_without_limits_cost_no_checks() -> None:
    assert msgspec.json.decode(msgspec.json.encode(Rules()), type=Rules).limits is NO_LIMITS
    assert Rules(limits=Limits()).limits is NO_LIMITS


class TestPreview:
    def test_every_check_is_made_and_nothing_changes(self, stand: Stand) -> None:
        stand.do(PauseTrading("lunch"))
        before = msgspec.json.encode(stand.account)
        limit(stand, order_qty=D(1))
        order = stand.order("buy", "200", "20")
        seen = preview(stand.account, order, stand.market, stand.rules)
        failed = {check.reason for check in seen.checks if not check.passed}
        assert failed == {
            Reason.ACCOUNT_HALTED,
            Reason.OUTSIDE_COLLAR,
            Reason.ORDER_QTY_LIMIT,
            Reason.INSUFFICIENT_BUYING_POWER,
        }
        assert not seen.approved
        assert len({check.name for check in seen.checks}) == len(seen.checks) == 32
        assert msgspec.json.encode(stand.account) == before

    def test_figures_of_a_buy(self, stand: Stand) -> None:
        stand.own("10")
        seen = preview(stand.account, stand.order("buy", "20"), stand.market, stand.rules)
        assert seen.approved
        assert (seen.mark, seen.price_max, seen.value) == (10, 11, 200)
        assert (seen.cost_max, seen.fees_max, seen.hold) == (D("220.022"), D("0.022"), D("220.022001"))
        assert (seen.available_before, seen.available_after) == (900, D("679.977999"))
        assert seen.buying_power_before == 900
        assert (seen.position_qty, seen.position_value) == (30, 300)
        assert (seen.gross, seen.net, seen.concentration, seen.leverage) == (300, 300, D("0.3"), D("0.3"))

    def test_figures_on_margin(self, margin: Stand) -> None:
        seen = preview(margin.account, margin.order("sell", "20", "10"), margin.market, margin.rules)
        assert (seen.hold, seen.cost_max) == (D("100.020001"), D("0.02"))
        assert (seen.buying_power_before, seen.buying_power_after) == (2000, D("1799.959998"))
        assert (seen.position_qty, seen.gross, seen.net, seen.leverage) == (-20, 200, -200, D("0.2"))

    def test_figures_of_an_order_for_a_value(self, stand: Stand) -> None:
        seen = preview(stand.account, stand.order("buy", None, notional="50"), stand.market, stand.rules)
        assert (seen.value, seen.position_qty, seen.qty) == (50, 5, D("5.5"))

    def test_lots_that_are_not_there_are_named(self, stand: Stand) -> None:
        stand.own("1")
        seen = preview(stand.account, stand.order("sell", "1", lots=(1, 2)), stand.market, stand.rules)
        (check,) = [check for check in seen.checks if not check.passed]
        assert (check.reason, check.detail[-7:]) == (Reason.UNKNOWN_LOT, "(lot 2)")
        assert preview(stand.account, stand.order("sell", "1", lots=(1,)), stand.market, stand.rules).approved

    def test_without_a_price_the_rest_is_unknown(self, stand: Stand) -> None:
        order = stand.order("buy", "1", symbol=Symbol("ZZZ"))
        seen = preview(stand.account, order, stand.market, stand.rules)
        passed = {check.name: check.passed for check in seen.checks}
        assert not seen.approved
        assert seen.mark is None
        assert (passed["known_symbol"], passed["session"], passed["buying_power"]) == (False, True, None)

    def test_a_missing_price_of_another_symbol(self, stand: Stand) -> None:
        stand.own("1")
        del stand.market.marks[AAA]
        seen = preview(stand.account, stand.order("buy", "1", symbol=BBB), stand.market, stand.rules)
        assert seen.approved
        assert seen.gross is None
        limit(stand, gross=D(1))
        seen = preview(stand.account, stand.order("buy", "1", symbol=BBB), stand.market, stand.rules)
        (check,) = [check for check in seen.checks if not check.passed]
        assert (check.name, check.reason) == ("gross_exposure", Reason.UNKNOWN_SYMBOL)
