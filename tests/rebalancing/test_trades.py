"""From weights to orders: exact, paid for, and with the lots and gains that a sale uses up."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.stand import AAA, BBB, DAY, Stand
from traderbot.model import rounding
from traderbot.model.amounts import Price
from traderbot.model.orders import Side
from traderbot.model.symbols import Symbol
from traderbot.rebalancing.trades import Orders, Prices, equity_of, orders_for, plain
from traderbot.rebalancing.wanted import LotChoice, Wanted
from traderbot.simulation.costs import Costs

pytestmark = pytest.mark.domain

D = Decimal
YEAR = 366 * DAY
COSTS = Costs(fee_rate=D("0.001"), slippage=D("0.002"))


def bought(*lots: tuple[str, str, int], cash: str = "10000") -> Stand:
    """An account that bought AAA: shares, price and how many days ago, for each lot."""
    stand = Stand(cash=cash)
    now = stand.market.time = 3 * YEAR
    for qty, price, ago in lots:
        stand.market.time = now - ago * DAY
        stand.market.day_end = stand.market.time + DAY
        stand.market.quote(AAA, price)
        stand.market.quote(BBB, "50")
        stand.own(qty, price)
    stand.market.time = now
    return stand


def orders(stand: Stand, price: str, wanted: Wanted, losses: frozenset[Symbol] = frozenset()) -> Orders:
    marks = {AAA: Price(D(price)), BBB: Price(D(50))}
    return orders_for(stand.account, wanted.weights, Prices(stand.market.time, marks, losses), wanted, COSTS)


def test_whole_shares_at_their_marks() -> None:
    stand = bought(("100", "10", 5), cash="2000")  # 1,000 in AAA, 1,000 in cash
    sale, buy = orders(stand, "10", Wanted(weights={AAA: D("0.25"), BBB: D("0.52")})).trades
    assert (sale.symbol, sale.side, sale.qty, sale.value) == (AAA, Side.SELL, D(50), D(500))
    assert (sale.fee, sale.slippage, sale.limit) == (D("0.5"), D(1), None)
    assert (buy.symbol, buy.side, buy.qty, buy.limit) == (BBB, Side.BUY, D(20), D("51"))


def test_parts_of_shares_where_they_are_wanted() -> None:
    stand = bought(cash="1000")
    (buy,) = orders(stand, "3", Wanted(weights={AAA: D("0.5")}, whole_shares=False)).trades
    assert buy.qty == D("166.666666666")


def test_a_target_of_nothing_sells_all_of_it_parts_included() -> None:
    stand = bought(("1.5", "10", 5))
    (sale,) = orders(stand, "10", Wanted(weights={AAA: D(0)})).trades
    assert sale.qty == D("1.5")


def test_what_is_within_the_band_or_too_small_is_left_alone() -> None:
    stand = bought(("100", "10", 5), cash="2000")
    found = orders(stand, "10", Wanted(weights={AAA: D("0.48"), BBB: D("0.02")}, band=D("0.03")))
    assert (found.trades, [one.code for one in found.left]) == ([], ["within_band", "within_band"])
    found = orders(stand, "10", Wanted(weights={AAA: D("0.48")}, min_trade=D("100")))
    assert (found.trades, [one.code for one in found.left]) == ([], ["below_min_trade"])


def test_what_open_orders_are_to_sell_is_not_sold_twice() -> None:
    stand = bought(("100", "10", 5))
    stand.market.quote(AAA, "10")
    stand.market.day_end = stand.market.time + DAY
    stand.place("sell", "70", "12")
    found = orders(stand, "10", Wanted(weights={AAA: D(0)}))
    assert (found.trades[0].qty, found.left[0].code) == (D(30), "set_aside")


@pytest.mark.parametrize(
    ("choice", "lots", "short", "long"),
    [
        ("fifo", (1,), "0", "200"),  # bought at 5 long ago
        ("lifo", (3,), "-200", "0"),  # bought at 15 lately
        ("highest_cost", (3,), "-200", "0"),
        ("least_tax", (3,), "-200", "0"),  # the loss saves most
        ("account", (), "0", "200"),
    ],
)
def test_lots_are_chosen_and_their_gains_told_by_term(
    choice: LotChoice, lots: tuple[int, ...], short: str, long: str
) -> None:
    stand = bought(("40", "5", 800), ("40", "8", 100), ("40", "15", 50))
    equity = equity_of(stand.account, {AAA: Price(D(10)), BBB: Price(D(50))})
    weight = rounding.ratio(D(800), equity)  # 80 of the 120 shares stay
    wanted = Wanted(weights={AAA: weight}, lots=choice, tax_short=D("0.3"), tax_long=D("0.1"))
    (sale,) = orders(stand, "10", wanted).trades
    assert sale.qty in (D(40), D(41))  # a weight of six places may lack a millionth
    gains = sale.gains
    assert (gains.short.quantize(D(1)), gains.long.quantize(D(1))) in (
        (D(short), D(long)), (D(short), D(long) + 5), (D(short) + 2, D(long)), (D(short) + 5, D(long)),
    )  # fmt: skip
    assert sale.lots[:1] == lots


def test_long_term_gains_go_before_short_term_ones_where_they_are_taxed_less() -> None:
    stand = bought(("10", "8", 800), ("10", "8", 100))
    wanted = Wanted(weights={AAA: D("0.01")}, lots="least_tax", tax_short=D("0.3"), tax_long=D("0.1"))
    (sale,) = orders(stand, "10", wanted).trades
    assert sale.lots == (1,)
    assert sale.gains.tax(D("0.3"), D("0.1")) == D("0.1") * sale.gains.long


def test_no_wash_sale_sells_no_loss_while_new_shares_stay_and_buys_nothing_back() -> None:
    stand = bought(("50", "15", 200), ("50", "8", 10))
    wanted = Wanted(weights={AAA: D("0.05")}, no_wash_sale=True)
    found = orders(stand, "10", wanted)
    (sale,) = found.trades
    assert (sale.lots, sale.gains.short) == ((2,), sale.qty * 2)
    whole = orders(stand, "10", Wanted(weights={AAA: D(0)}, no_wash_sale=True))
    assert whole.trades[0].qty == 100  # nothing of the last 30 days stays
    losing = bought(("50", "15", 200), ("50", "12", 10))
    kept_all = orders(losing, "10", wanted)
    assert (kept_all.trades, kept_all.left[0].code) == ([], "wash_sale")
    back = orders(stand, "10", Wanted(weights={BBB: D("0.2")}, no_wash_sale=True), frozenset({BBB}))
    assert (back.trades, back.left[0].code) == ([], "wash_sale")


def test_where_cash_is_short_all_buys_are_less_by_one_factor() -> None:
    stand = bought(("900", "10", 5), cash="10000")  # 1,000 left; AAA stays as it is
    found = orders(stand, "10", Wanted(weights={BBB: D("0.2")}, cash_buffer=D("0.05")))
    (buy,) = found.trades
    assert (buy.qty, found.left[0].detail) == (D(10), "there is cash for 10 of 40 shares")


parts = st.decimals("0", "0.5", places=3)


@given(
    st.lists(st.tuples(st.integers(1, 300), st.integers(1, 40), st.integers(1, 900)), max_size=4),
    parts,
    parts,
    st.decimals("1", "40", places=2),
    st.booleans(),
    st.sampled_from(("account", "fifo", "lifo", "highest_cost", "least_tax")),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_orders_are_paid_for_and_meet_their_targets(
    lots: list[tuple[int, int, int]],
    first: Decimal,
    second: Decimal,
    price: Decimal,
    whole: bool,
    choice: LotChoice,
    no_wash: bool,
) -> None:
    ordered = sorted(lots, key=lambda lot: -lot[2])
    spent = sum(qty * paid for qty, paid, _ in ordered)
    stand = bought(*[(str(qty), str(paid), ago) for qty, paid, ago in ordered], cash=str(spent * 2 + 1000))
    weights = {AAA: first, BBB: second * D("0.9")}
    wanted = Wanted(
        weights=weights, whole_shares=whole, lots=choice, no_wash_sale=no_wash, cash_buffer=D("0.05"),
        tax_short=D("0.3"), tax_long=D("0.2"),
    )  # fmt: skip
    marks = {AAA: Price(price), BBB: Price(D(50))}
    found = orders(stand, str(price), wanted)
    equity = equity_of(stand.account, marks)
    cash = stand.account.available
    owned = {name: stand.account.quantity(name) for name in marks}
    for one in found.trades:
        assert one.qty > 0
        if one.side is Side.SELL:
            cash += one.value - one.fee - one.slippage
            owned[one.symbol] -= one.qty
            sold = one.gains.short + one.gains.long
            assert sold <= one.value
        else:
            assert one.limit is not None
            cash -= rounding.hold(one.qty, one.limit, COSTS.fee_rate)
            owned[one.symbol] += one.qty
        if whole and one.side is Side.BUY:
            assert one.qty % 1 == 0
    assert cash >= 0
    excused = {one.symbol for one in found.left}
    for name, mark in marks.items():
        assert owned[name] >= 0
        off = equity * weights[name] - owned[name] * mark
        assert name in excused or abs(off) <= mark + D("0.01")


def test_plain_quantities() -> None:
    assert [plain(D(one)) for one in ("88.000000000", "100", "0.5", "1E+3")] == ["88", "100", "0.5", "1000"]
