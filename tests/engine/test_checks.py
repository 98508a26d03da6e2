import random
from decimal import Decimal
from typing import Any

import pytest

from engine.stand import AAA, BBB, DAY, Stand
from engine.verdicts import limit, passes, reason, rule, verdict
from traderbot.engine import checks, gate
from traderbot.engine.market import Phase
from traderbot.model import rounding
from traderbot.model.commands import PauseTrading, PlaceOrder, RevaluePortfolio, SetLimits, WithdrawCash
from traderbot.model.errors import InvalidValue
from traderbot.model.reasons import Reason
from traderbot.model.rules import Limits
from traderbot.model.symbols import Symbol

pytestmark = pytest.mark.domain

D = Decimal


@pytest.fixture
def stand() -> Stand:
    return Stand("1000")


@pytest.fixture
def margin() -> Stand:
    return Stand("1000", "margin")


class TestHalts:
    def test_they_come_first_and_name_their_cause(self, stand: Stand) -> None:
        stand.market.ended = True
        rule(stand, halted_symbols=frozenset({AAA}))
        assert reason(stand) is Reason.SYMBOL_HALTED
        rule(stand, halted="a drill")
        assert verdict(stand).detail.endswith("(a drill)")
        assert reason(stand) is Reason.PLATFORM_HALTED
        stand.do(PauseTrading("lunch"))
        assert reason(stand) is Reason.ACCOUNT_HALTED
        assert verdict(stand).detail.endswith("(lunch)")

    def test_a_symbol_of_the_account(self, stand: Stand) -> None:
        stand.do(PauseTrading("odd prices", AAA))
        assert reason(stand) is Reason.SYMBOL_HALTED
        assert verdict(stand).detail.endswith("(odd prices)")
        assert passes(stand, symbol=BBB)

    def test_a_pause_without_words_is_a_pause(self, stand: Stand) -> None:
        stand.do(PauseTrading(""))
        assert reason(stand) is Reason.ACCOUNT_HALTED

    def test_even_an_exit_waits(self, stand: Stand) -> None:
        stand.own("1")
        stand.do(PauseTrading("x"))
        assert reason(stand, "sell", "1") is Reason.ACCOUNT_HALTED


class TestMarket:
    def test_an_ended_session_takes_no_orders(self, stand: Stand) -> None:
        stand.market.ended = True
        assert reason(stand) is Reason.SESSION_ENDED

    @pytest.mark.parametrize("phase", [Phase.PRE, Phase.POST, Phase.CLOSED])
    def test_only_what_can_wait_is_taken_outside_hours(self, stand: Stand, phase: Phase) -> None:
        stand.market.phase = phase
        assert reason(stand, tif="ioc") is Reason.SESSION_CLOSED
        assert reason(stand, "buy", "1", "10", tif="fok") is Reason.SESSION_CLOSED
        for tif in ("day", "gtc", "opg", "cls"):
            assert passes(stand, "buy", "1", "10", tif=tif)
        stand.market.phase = Phase.OPEN
        assert passes(stand, tif="ioc")

    def test_a_symbol_without_a_price_is_unknown(self, stand: Stand) -> None:
        assert reason(stand, symbol=Symbol("ZZZ")) is Reason.UNKNOWN_SYMBOL

    def test_a_mark_is_good_for_seven_days_and_no_longer(self, stand: Stand) -> None:
        stand.market.time += 7 * DAY
        assert passes(stand)
        stand.market.time += 1
        assert reason(stand) is Reason.STALE_QUOTE


class TestPrices:
    @pytest.mark.parametrize(
        ("at", "mark", "good"),
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
    def test_limits_and_stops_stand_on_the_tick(self, stand: Stand, at: str, mark: str, good: bool) -> None:
        stand.market.quote(AAA, mark)
        for terms in ({"limit": at}, {"type": "stop", "stop_price": at}):
            assert passes(stand, "buy", "1", **terms) is good
            if not good:
                assert reason(stand, "buy", "1", **terms) is Reason.OFF_TICK

    def test_the_prices_of_exits_stand_on_the_tick(self, stand: Stand) -> None:
        terms = {"cls": "bracket", "gain": "12", "loss": "9", "loss_limit": "8.90"}
        assert passes(stand, "buy", "1", "10", **terms)
        for field in ("gain", "loss", "loss_limit"):
            off = {**terms, field: terms[field] + "01" if "." in terms[field] else terms[field] + ".001"}
            assert reason(stand, "buy", "1", "10", **off) is Reason.OFF_TICK

    @pytest.mark.parametrize(
        ("at", "good"), [("5", True), ("4.99", False), ("15", True), ("15.01", False), ("1000", False)]
    )
    def test_limits_and_stops_stay_near_the_market(self, stand: Stand, at: str, good: bool) -> None:
        assert passes(stand, "buy", "1", at) is good
        assert passes(stand, "buy", "1", type="stop", stop_price=at) is good
        if not good:
            refusal = verdict(stand, "buy", "1", at)
            assert refusal.reason is Reason.OUTSIDE_COLLAR
            assert f"limit_price {at}, market 10, allowed 50" in refusal.detail
            stop = verdict(stand, "buy", "1", type="stop", stop_price=at)
            assert f"stop_price {at}, market 10, allowed 50" in stop.detail

    def test_so_does_a_trailing_stop(self, stand: Stand) -> None:
        stand.own("1")
        assert passes(stand, "sell", "1", type="trailing_stop", trail_price="5")
        assert reason(stand, "sell", "1", type="trailing_stop", trail_price="5.01") is Reason.OUTSIDE_COLLAR
        assert reason(stand, "sell", "1", type="trailing_stop", trail_price="50") is Reason.OUTSIDE_COLLAR

    @pytest.mark.parametrize(
        ("side", "gain", "loss", "good"),
        [
            ("buy", "10.01", "9.99", True),
            ("buy", "10", "9", False),
            ("buy", "11", "10", False),
            ("sell", "9.99", "10.01", True),
            ("sell", "10", "11", False),
            ("sell", "9", "10", False),
        ],
    )
    def test_exits_lie_on_both_sides_of_the_entry(
        self, margin: Stand, side: str, gain: str, loss: str, good: bool
    ) -> None:
        for terms in ({"limit": "10"}, {}, {"type": "stop", "stop_price": "10"}):
            order = {"cls": "bracket", "gain": gain, "loss": loss, **terms}
            assert passes(margin, side, "1", **order) is good
            if not good:
                assert reason(margin, side, "1", **order) is Reason.GROUP_PRICES

    def test_an_oto_order_has_one_exit_to_place(self, stand: Stand) -> None:
        assert passes(stand, "buy", "1", cls="oto", gain="10.01")
        assert reason(stand, "buy", "1", cls="oto", gain="10") is Reason.GROUP_PRICES
        assert passes(stand, "buy", "1", cls="oto", loss="9.99")
        assert reason(stand, "buy", "1", cls="oto", loss="10") is Reason.GROUP_PRICES

    def test_a_pair_of_exits_lies_around_the_market(self, stand: Stand) -> None:
        stand.own("2")
        assert passes(stand, "sell", "2", "10.01", cls="oco", loss="9.99")
        assert reason(stand, "sell", "2", "10", cls="oco", loss="9") is Reason.GROUP_PRICES
        assert reason(stand, "sell", "2", "11", cls="oco", loss="10") is Reason.GROUP_PRICES
        assert reason(stand, "sell", "3", "11", cls="oco", loss="9") is Reason.INSUFFICIENT_QUANTITY
        assert reason(stand, "buy", "1", "9", cls="oco", loss="11") is Reason.INSUFFICIENT_QUANTITY

    def test_a_pair_of_exits_buys_back_what_was_sold_short(self, margin: Stand) -> None:
        margin.fill(margin.place("sell", "2"), "2", "10")
        assert passes(margin, "buy", "2", "9.99", cls="oco", loss="10.01")
        assert reason(margin, "buy", "2", "10", cls="oco", loss="11") is Reason.GROUP_PRICES
        assert reason(margin, "buy", "3", "9", cls="oco", loss="11") is Reason.INSUFFICIENT_QUANTITY


class TestSize:
    def test_the_largest_order(self, stand: Stand) -> None:
        rule(stand, max_order_value=D(500))
        assert passes(stand, "buy", "50")
        assert reason(stand, "buy", "50.000000001") is Reason.ORDER_VALUE_LIMIT
        assert reason(stand, "buy", "42", "12") is Reason.ORDER_VALUE_LIMIT
        assert passes(stand, "buy", None, notional="500")
        assert reason(stand, "buy", None, notional="500.01") is Reason.ORDER_VALUE_LIMIT
        assert reason(stand, "buy", "42", type="stop", stop_price="12") is Reason.ORDER_VALUE_LIMIT

    def test_the_tighter_of_two_limits_counts(self, stand: Stand) -> None:
        limit(stand, order_value=D(400), order_qty=D(30))
        stand.do(SetLimits(Limits(order_value=D(300), order_qty=D(35))))
        assert passes(stand, "buy", "30")
        assert reason(stand, "buy", "30.01") is Reason.ORDER_VALUE_LIMIT
        assert reason(stand, "buy", "31", "9") is Reason.ORDER_QTY_LIMIT
        assert passes(stand, "buy", "30", "9")

    def test_limits_of_the_account_alone(self, stand: Stand) -> None:
        stand.do(SetLimits(Limits(order_qty=D(3))))
        assert passes(stand, "buy", "3")
        assert reason(stand, "buy", "4") is Reason.ORDER_QTY_LIMIT
        stand.do(SetLimits(Limits()))
        assert stand.account.limits is None
        assert passes(stand, "buy", "4")

    def test_the_last_millionth_of_cash_counts(self, stand: Stand) -> None:
        need = rounding.hold(D(3), D(11), stand.rules.fee_rate)
        stand.account.balances["cash"] = need
        assert passes(stand, "buy", "3")
        stand.account.balances["cash"] = need - D("0.000001")
        refusal = verdict(stand, "buy", "3")
        assert refusal.reason is Reason.INSUFFICIENT_BUYING_POWER
        assert "needs 33.00, available 33.00" in refusal.detail

    def test_the_last_millionth_of_excess_counts(self, margin: Stand) -> None:
        rule(margin, fee_rate=D(0))
        margin.own("100", "10")
        margin.do(WithdrawCash(D("445.000001")))  # of an excess of 500
        assert passes(margin, "buy", "10", "10.99")
        assert reason(margin, "buy", "10", "11") is Reason.INSUFFICIENT_BUYING_POWER
        margin.account.balances["cash"] += D("0.000002")
        assert passes(margin, "buy", "10", "11")

    def test_what_other_orders_hold_is_not_available(self, stand: Stand) -> None:
        stand.place("buy", "60", "10")
        assert reason(stand, "buy", "50", "10") is Reason.INSUFFICIENT_BUYING_POWER

    def test_what_open_sells_reserve_is_not_free(self, stand: Stand) -> None:
        stand.own("10")
        stand.place("sell", "6", "12")
        assert passes(stand, "sell", "4")
        refusal = verdict(stand, "sell", "4.5")
        assert refusal.reason is Reason.INSUFFICIENT_QUANTITY
        assert refusal.detail.endswith("(asked 4.5, held 10, free 4)")

    def test_a_value_to_sell_takes_all_there_is_and_no_more(self, stand: Stand) -> None:
        stand.own("10")
        assert verdict(stand, "sell", None, notional="50").qty == D("5.5")
        assert verdict(stand, "sell", None, notional="100").qty == 10
        assert reason(stand, "sell", None, notional="100.01") is Reason.INSUFFICIENT_QUANTITY


class TestShorting:
    def test_nothing_can_be_sold_short_for_cash(self, stand: Stand) -> None:
        assert reason(stand, "sell", "1") is Reason.INSUFFICIENT_QUANTITY

    def test_on_margin_unless_it_is_forbidden(self, margin: Stand) -> None:
        assert passes(margin, "sell", "1")
        margin.do(SetLimits(Limits(no_shorting=True)))
        assert reason(margin, "sell", "1") is Reason.SHORTING_NOT_ALLOWED
        margin.own("2")
        assert passes(margin, "sell", "2")
        assert reason(margin, "sell", "2.1") is Reason.SHORTING_NOT_ALLOWED

    def test_never_for_a_value(self, margin: Stand) -> None:
        assert reason(margin, "sell", None, notional="10") is Reason.INSUFFICIENT_QUANTITY

    def test_a_restricted_symbol_may_only_be_reduced(self, margin: Stand) -> None:
        margin.own("2")
        limit(margin, restricted=frozenset({AAA}))
        margin.do(SetLimits(Limits(restricted=frozenset({BBB}))))
        assert reason(margin, "buy", "1") is Reason.RESTRICTED_SYMBOL
        assert reason(margin, "buy", "1", symbol=BBB) is Reason.RESTRICTED_SYMBOL
        assert passes(margin, "sell", "2")
        assert reason(margin, "sell", "3") is Reason.RESTRICTED_SYMBOL


def test_a_margin_call_leaves_exits_alone(margin: Stand) -> None:
    margin.own("150")
    margin.market.quote(AAA, "4")
    margin.do(RevaluePortfolio(1))
    assert margin.account.margin_call == 50
    assert reason(margin, "buy", "1") is Reason.MARGIN_CALL
    assert verdict(margin).detail.endswith("(50.00 missing)")
    assert passes(margin, "sell", "10")
    margin.market.quote(AAA, "10")
    margin.do(RevaluePortfolio(2))
    assert passes(margin, "buy", "1")


def any_order(random: random.Random, stand: Stand) -> PlaceOrder:
    """An order of any kind, near the market or far from it, for a little or too much."""

    def price() -> str:
        return random.choice(["4.99", "9", "9.50", "9.995", "10", "10.50", "11", "12", "15.01", "20"])

    kind = random.choice(["market", "market", "limit", "limit", "stop", "stop_limit", "trailing_stop"])
    terms: dict[str, Any] = {"type": kind, "symbol": random.choice([AAA, AAA, AAA, BBB, Symbol("CCC")])}
    if kind in ("stop", "stop_limit"):
        terms["stop_price"] = price()
    elif kind == "trailing_stop":
        terms[random.choice(["trail_price", "trail_percent"])] = random.choice(["0.5", "3", "9.99"])
    qty: str | None = random.choice(["1", "3", "5", "8", "40", "2.5", "200", "90000"])
    cls = random.choice(["simple", "simple", "bracket", "oto", "oco"])
    if cls == "oco":
        terms |= {"cls": cls, "loss": price()}
    elif cls != "simple":
        terms |= {"cls": cls, "loss": price()} | ({"gain": price()} if cls == "bracket" else {})
    elif kind in ("market", "limit"):
        terms["tif"] = random.choice(["day", "gtc", "ioc", "fok", "opg", "cls"])
        if kind == "market" and random.random() < 0.2:
            qty, terms["notional"], terms["tif"] = None, random.choice(["20", "300", "5000"]), "day"
    limit = price() if kind in ("limit", "stop_limit") else None
    return stand.order(random.choice(["buy", "sell"]), qty, limit, **terms)


def any_stand(random: random.Random, kind: str) -> Stand:
    """An account with some shares and open orders, under some rules, at some moment."""
    stand = Stand(random.choice(["300", "1000", "5000"]), kind)
    for _ in range(random.randrange(6)):
        try:
            command = any_order(random, stand)
        except InvalidValue:
            continue
        placed = stand.do(command)
        if placed.refusal is None and command.stop_price is None and random.random() < 0.6:
            mark = stand.market.marks[command.symbol].price
            stand.do(stand.report(command.order_id, "1", str(mark)))
    stand.market.phase = random.choice([Phase.OPEN, Phase.OPEN, Phase.CLOSED])
    stand.market.ended = random.random() < 0.05
    stand.market.quote(AAA, random.choice(["10", "10", "10", "9.40", "11", "2"]))
    stand.market.time += random.choice([0, 0, 0, 8 * DAY])
    if kind == "margin" and random.random() < 0.3:
        stand.account.margin_call = D(1)
    rule(stand, max_order_value=D(random.choice(["100", "1000000"])), fee_minimum=random.choice([None, D(1)]))
    if random.random() < 0.2:
        rule(stand, **random.choice([{"halted": "drill"}, {"halted_symbols": frozenset({AAA})}]))
    if random.random() < 0.3:
        limit(stand, order_qty=D(5), gross=D("1.5"))
    return stand


@pytest.mark.parametrize("kind", ["cash", "margin"])
def test_checks_that_an_order_is_not_meant_for_never_refuse_it(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the gate says after the few checks that a plain order needs is what it says after all of them."""
    seeded, verdicts = random.Random(kind), set()
    for _ in range(150):
        stand = any_stand(seeded, kind)
        for _ in range(12):
            try:
                order = any_order(seeded, stand)
            except InvalidValue:
                continue
            quick = gate.review(stand.account, order, stand.market, stand.rules)
            with monkeypatch.context() as patched:
                patched.setattr(gate, "meant_for", lambda *shape: (checks.FIRST, checks.LAST))
                assert gate.review(stand.account, order, stand.market, stand.rules) == quick
            seen = gate.preview(stand.account, order, stand.market, stand.rules)
            assert seen.approved is isinstance(quick, gate.Approval) or order.lots
            verdicts.add(quick.reason if isinstance(quick, gate.Refusal) else "approved")
    assert len(verdicts) >= 12


def test_a_plain_order_meets_few_checks() -> None:
    def names(order: PlaceOrder, stand: Stand) -> list[str]:
        shape = order.side, order.type, order.order_class, order.time_in_force, stand.account.kind
        return [check.name for made in checks.meant_for(*shape) for check in made]

    stand, always = Stand(), ["session", "known_symbol", "fresh_price", "order_value"]
    assert names(stand.order("buy", "1"), stand) == [*always, "self_trade", "buying_power"]
    assert names(stand.order("sell", "1"), stand) == [*always, "free_shares", "self_trade"]
