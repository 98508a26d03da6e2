"""From target weights to orders, exactly: what to sell and buy, what it costs, and what is left alone and
why.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

import msgspec

from traderbot.model import rounding
from traderbot.model.account import Account
from traderbot.model.amounts import ONE, ZERO, Money, Price, Quantity
from traderbot.model.orders import Side
from traderbot.model.symbols import Symbol
from traderbot.rebalancing.lots import Gains, sale_of
from traderbot.rebalancing.wanted import Wanted
from traderbot.simulation.costs import Costs

_SHARE = Decimal(1)
_PART = Decimal("0.000000001")


class Trade(msgspec.Struct, frozen=True):
    """value: at the mark. fee, slippage: expected. gains: of the lots that a sale uses up. limit: the most
    that a share may be bought at, None for a sale at the market.
    """

    symbol: Symbol
    side: Side
    qty: Quantity
    mark: Price
    value: Money
    limit: Price | None
    fee: Money
    slippage: Money
    lots: tuple[int, ...] = ()
    gains: Gains = Gains()


class LeftAlone(msgspec.Struct, frozen=True):
    """Why a symbol is not traded, or less than its target asks for. code: stable, for programs."""

    symbol: Symbol
    code: str
    detail: str


class Orders(NamedTuple):
    """Sales first."""

    trades: list[Trade]
    left: list[LeftAlone]


class Prices(NamedTuple):
    """Of one market time. time: microseconds. sold_at_a_loss: symbols of which that is so within 30 days."""

    time: int
    marks: Mapping[Symbol, Price]
    sold_at_a_loss: frozenset[Symbol] = frozenset()


def equity_of(account: Account, marks: Mapping[Symbol, Price]) -> Decimal:
    """Cash and positions at their marks."""
    return account.cash + sum(
        (rounding.market_value(one.qty, marks[one.symbol]) for one in account.positions.values() if one.qty),
        ZERO,
    )


def orders_for(
    account: Account, targets: Mapping[Symbol, Decimal], prices: Prices, wanted: Wanted, costs: Costs
) -> Orders:
    """What brings each symbol to its share of equity. targets: from 0, of symbols that have a mark. What is
    bought is paid for by what is there and by what is sold, the cash buffer apart; where that is not enough,
    all buys are less by one factor.
    """
    equity = equity_of(account, prices.marks)
    sales, wishes, left = list[Trade](), dict[Symbol, Decimal](), list[LeftAlone]()
    step = _SHARE if wanted.whole_shares else _PART
    for symbol, target in sorted(targets.items()):
        mark = prices.marks[symbol]
        held = account.quantity(symbol)
        off = rounding.ratio(rounding.market_value(held, mark), equity) - target
        if abs(off) <= wanted.band:
            if off:
                left.append(
                    LeftAlone(symbol, "within_band", f"off by {plain(off)}, the band is {plain(wanted.band)}")
                )
            continue
        change = (rounding.shares_for(rounding.budget(equity, target), mark, step) if target else ZERO) - held
        if change and rounding.market_value(abs(change), mark) < wanted.min_trade:
            left.append(
                LeftAlone(symbol, "below_min_trade", f"{plain(abs(change))} shares are worth too little")
            )
        elif change < 0:
            _sell(account, symbol, -change, prices, wanted, costs, sales, left)
        elif change > 0 and wanted.no_wash_sale and symbol in prices.sold_at_a_loss:
            left.append(LeftAlone(symbol, "wash_sale", "it was sold at a loss within 30 days"))
        elif change > 0:
            wishes[symbol] = change
    spare = account.available + sum((one.value - one.fee - one.slippage for one in sales), ZERO)
    kept_back = rounding.budget(equity, wanted.cash_buffer)
    return Orders(sales + bought(wishes, prices, spare, kept_back, wanted, costs, left), left)


def _sell(
    account: Account,
    symbol: Symbol,
    qty: Decimal,
    prices: Prices,
    wanted: Wanted,
    costs: Costs,
    sales: list[Trade],
    left: list[LeftAlone],
) -> None:
    position, mark = account.positions[symbol], prices.marks[symbol]
    free = position.qty - account.reserved.get(symbol, ZERO)
    if free < qty:
        left.append(
            LeftAlone(symbol, "set_aside", f"open orders are to sell {plain(position.qty - free)} of it")
        )
        qty = free
    if qty <= 0:
        return
    rates = wanted.tax_short, wanted.tax_long
    sale = sale_of(
        position, qty, mark, prices.time, wanted.lots, account.lot_method, rates,
        no_wash_sale=wanted.no_wash_sale,
    )  # fmt: skip
    if sale.qty < qty:
        left.append(
            LeftAlone(symbol, "wash_sale", f"{plain(qty - sale.qty)} shares have a loss and new ones beside")
        )
    if sale.qty:
        made = _trade(symbol, Side.SELL, sale.qty, mark, None, costs)
        sales.append(msgspec.structs.replace(made, lots=sale.lots, gains=sale.gains))


def bought(
    wishes: Mapping[Symbol, Decimal],
    prices: Prices,
    spare: Decimal,
    kept_back: Decimal,
    wanted: Wanted,
    costs: Costs,
    left: list[LeftAlone],
) -> list[Trade]:
    """Buys of the wished shares; all less by one factor where their values at the marks are more than `spare`
    without what is kept back, or their worst, at their limits with fees, more than `spare`.
    """
    step, rate = _SHARE if wanted.whole_shares else _PART, costs.rules.fee_rate
    limits = {name: limit_of(prices.marks[name], wanted.slack) for name in wishes}
    values = {name: rounding.notional(qty, prices.marks[name]) for name, qty in wishes.items()}
    worst = {name: rounding.hold(qty, limits[name], rate) for name, qty in wishes.items()}
    bounds = ((values, max(spare - kept_back, ZERO)), (worst, max(spare, ZERO)))
    trades = []
    for name, qty in wishes.items():
        fit = qty
        for parts, most in bounds:
            total = sum(parts.values(), ZERO)
            if total > most:
                share = rounding.pro_rata(most, parts[name], total)
                price = prices.marks[name] if parts is values else rounding.hold(ONE, limits[name], rate)
                fit = min(fit, rounding.shares_for(share, price, step))
        if fit < qty:
            left.append(LeftAlone(name, "cash", f"there is cash for {plain(fit)} of {plain(qty)} shares"))
        if fit:
            trades.append(_trade(name, Side.BUY, fit, prices.marks[name], limits[name], costs))
    return trades


def plain(qty: Decimal) -> str:
    """Without zeros at the end and without an exponent."""
    return f"{qty.normalize():f}"


def limit_of(mark: Decimal, slack: Decimal) -> Price:
    """The most that a share may be bought at, on its tick, rounded up."""
    return rounding.split_limit(rounding.price_at(mark, ONE + slack), 1, 1, buying=False)


def _trade(symbol: Symbol, side: Side, qty: Decimal, mark: Price, limit: Price | None, costs: Costs) -> Trade:
    value = rounding.notional(qty, mark)
    return Trade(
        symbol=symbol,
        side=side,
        qty=Quantity(qty),
        mark=mark,
        value=value,
        limit=limit,
        fee=costs.fee(qty, value, ZERO),
        slippage=rounding.fee(value, costs.slippage),
    )
