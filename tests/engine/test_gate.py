from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from engine.books import AAA, DAY, Desk
from traderbot.engine.gate import Approval, review
from traderbot.model import rounding
from traderbot.model.commands import PauseTrading, PlaceOrder
from traderbot.model.orders import OrderType, Side
from traderbot.model.reasons import Reason, Refusal
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.domain

D = Decimal


@pytest.fixture
def desk() -> Desk:
    return Desk("1000")


def verdict(
    desk: Desk, side: str = "buy", qty: str = "1", limit: str | None = None, symbol: Symbol = AAA
) -> Any:
    kind = OrderType.MARKET if limit is None else OrderType.LIMIT
    price = None if limit is None else D(limit)
    order = PlaceOrder(UUID(int=99), symbol, Side(side), D(qty), kind, limit_price=price)
    return review(desk.account, order, desk.market, desk.rules)


def reason(desk: Desk, **order: Any) -> Reason:
    refusal = verdict(desk, **order)
    assert isinstance(refusal, Refusal)
    return refusal.reason


def test_a_market_buy_holds_at_its_collar_with_fees(desk: Desk) -> None:
    assert verdict(desk, qty="3") == Approval(desk.market.marks[AAA], D("11"), D("33.003301"))


def test_a_limit_buy_holds_at_its_limit(desk: Desk) -> None:
    assert verdict(desk, qty="3", limit="9.99") == Approval(desk.market.marks[AAA], D("9.99"), D("29.972998"))


def test_a_sale_holds_no_cash(desk: Desk) -> None:
    desk.own("5")
    assert verdict(desk, side="sell", qty="5").hold == 0


def test_halts_come_first_and_name_their_cause(desk: Desk) -> None:
    desk.market.ended = True
    desk.rules = msgspec.structs.replace(desk.rules, halted_symbols=frozenset({AAA}))
    assert reason(desk) is Reason.SYMBOL_HALTED
    desk.rules = msgspec.structs.replace(desk.rules, halted="a drill")
    assert verdict(desk).detail.endswith("(a drill)")
    assert reason(desk) is Reason.PLATFORM_HALTED
    desk.do(PauseTrading("lunch"))
    assert reason(desk) is Reason.ACCOUNT_HALTED
    assert verdict(desk).detail.endswith("(lunch)")


def test_a_pause_without_words_is_a_pause(desk: Desk) -> None:
    desk.do(PauseTrading(""))
    assert reason(desk) is Reason.ACCOUNT_HALTED


def test_an_ended_session_takes_no_orders(desk: Desk) -> None:
    desk.market.ended = True
    assert reason(desk) is Reason.SESSION_ENDED


def test_a_symbol_without_a_price_is_unknown(desk: Desk) -> None:
    assert reason(desk, symbol=Symbol("ZZZ")) is Reason.UNKNOWN_SYMBOL


def test_a_mark_is_good_for_seven_days_and_no_longer(desk: Desk) -> None:
    desk.market.time += 7 * DAY
    assert isinstance(verdict(desk), Approval)
    desk.market.time += 1
    assert reason(desk) is Reason.STALE_QUOTE


@pytest.mark.parametrize(
    ("limit", "mark", "good"),
    [
        ("10.01", "10", True),
        ("10.001", "10", False),
        ("1.00", "1", True),
        ("1.0001", "1", False),
        ("0.9999", "1", True),
        ("0.99999", "1", False),
        ("0.0001", "0.0001", True),
    ],
)
def test_limits_stand_on_the_tick(desk: Desk, limit: str, mark: str, good: bool) -> None:
    desk.market.quote(AAA, mark)
    if good:
        assert isinstance(verdict(desk, limit=limit), Approval)
    else:
        assert reason(desk, limit=limit) is Reason.OFF_TICK


@pytest.mark.parametrize(
    ("limit", "good"), [("5", True), ("4.99", False), ("15", True), ("15.01", False), ("1000", False)]
)
def test_limits_stay_near_the_market(desk: Desk, limit: str, good: bool) -> None:
    if good:
        assert isinstance(verdict(desk, limit=limit), Approval)
    else:
        refusal = verdict(desk, limit=limit)
        assert refusal.reason is Reason.OUTSIDE_COLLAR
        assert f"limit_price {limit}, market 10, allowed 50" in refusal.detail


def test_the_largest_order(desk: Desk) -> None:
    desk.rules = msgspec.structs.replace(desk.rules, max_order_value=D(500))
    assert isinstance(verdict(desk, qty="50"), Approval)
    assert reason(desk, qty="50.000000001") is Reason.ORDER_VALUE_LIMIT
    assert reason(desk, qty="42", limit="12") is Reason.ORDER_VALUE_LIMIT


def test_the_last_millionth_of_cash_counts(desk: Desk) -> None:
    need = rounding.hold(D(3), D(11), desk.rules.fee_rate)
    desk.account.balances["cash"] = need
    assert isinstance(verdict(desk, qty="3"), Approval)
    desk.account.balances["cash"] = need - D("0.000001")
    refusal = verdict(desk, qty="3")
    assert refusal.reason is Reason.INSUFFICIENT_BUYING_POWER
    assert "needs 33.00, available 33.00" in refusal.detail


def test_what_other_orders_hold_is_not_available(desk: Desk) -> None:
    desk.place("buy", "60", "10")
    assert reason(desk, qty="50", limit="10") is Reason.INSUFFICIENT_BUYING_POWER


def test_what_open_sells_reserve_is_not_free(desk: Desk) -> None:
    desk.own("10")
    desk.place("sell", "6", "12")
    assert isinstance(verdict(desk, side="sell", qty="4"), Approval)
    refusal = verdict(desk, side="sell", qty="4.5")
    assert refusal.reason is Reason.INSUFFICIENT_QUANTITY
    assert refusal.detail.endswith("(asked 4.5, held 10, free 4)")


def test_nothing_can_be_sold_short(desk: Desk) -> None:
    assert reason(desk, side="sell") is Reason.INSUFFICIENT_QUANTITY
