"""NautilusTrader on the bars of a file: python nautilus_peer.py FILE [BARS]; a JSON line for each line it
is sent.

Moving averages 20/50 of its own indicators, 100 units, a fee of one basis point, its risk engine on. Its
matching engine knows a bar's close last, so a market order fills at the close of the bar it was sent on.
Making its objects from the file is not in the seconds.
"""

import sys
from decimal import Decimal

import nautilus_trader
import numpy as np
from answering import Timed, answer
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.indicators import SimpleMovingAverage
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, CurrencyType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TraderId, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Currency, Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

VENUE = Venue("SIM")


def instrument():
    symbol, base = Symbol("ONEUSDT"), Currency("ONE", 8, 0, "ONE", CurrencyType.CRYPTO)
    bounds = [f"{side}_{what}" for side in ("max", "min") for what in ("quantity", "notional", "price")]
    return CurrencyPair(
        instrument_id=InstrumentId(symbol, VENUE),
        raw_symbol=symbol,
        base_currency=base,
        quote_currency=USDT,
        price_precision=5,
        size_precision=0,
        price_increment=Price.from_str("0.00001"),
        size_increment=Quantity.from_int(1),
        margin_init=Decimal(0),
        margin_maint=Decimal(0),
        maker_fee=Decimal("0.0001"),
        taker_fee=Decimal("0.0001"),
        ts_event=0,
        ts_init=0,
        **dict.fromkeys(["lot_size", *bounds]),
    )


class Config(StrategyConfig, frozen=True):
    instrument_id: InstrumentId
    bar_type: BarType


class Crossover(Strategy):
    def __init__(self, config):
        super().__init__(config)
        self.fast, self.slow = SimpleMovingAverage(20), SimpleMovingAverage(50)

    def on_start(self):
        self.qty = self.cache.instrument(self.config.instrument_id).make_qty(100)
        self.register_indicator_for_bars(self.config.bar_type, self.fast)
        self.register_indicator_for_bars(self.config.bar_type, self.slow)
        self.subscribe_bars(self.config.bar_type)

    def on_bar(self, bar):
        if not self.slow.initialized:
            return
        fast, slow, name = self.fast.value, self.slow.value, self.config.instrument_id
        if fast > slow:
            if self.portfolio.is_flat(name):
                self.submit_order(self.order_factory.market(name, OrderSide.BUY, self.qty))
        elif fast < slow and self.portfolio.is_net_long(name):
            self.submit_order(self.order_factory.market(name, OrderSide.SELL, self.qty))


def bars_of(data, bar_type, count):
    qty = Quantity.from_int(1_000_000)
    columns = [
        [Price(value, 5) for value in data[name][:count].tolist()]
        for name in ("open", "high", "low", "close")
    ]
    times = (data["times"][:count] * 1000).tolist()
    return [Bar(bar_type, *prices, qty, at, at) for *prices, at in zip(*columns, times, strict=True)]


def play(data, count):
    traded = instrument()
    bar_type = BarType.from_str(f"{traded.id}-1-MINUTE-LAST-EXTERNAL")
    config = BacktestEngineConfig(
        trader_id=TraderId("T-001"), logging=LoggingConfig(bypass_logging=True), run_analysis=False
    )
    engine = BacktestEngine(config=config)
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        base_currency=None,
        starting_balances=[Money(1_000_000, USDT)],
    )
    engine.add_instrument(traded)
    engine.add_data(bars_of(data, bar_type, count))
    engine.add_strategy(Crossover(Config(instrument_id=traded.id, bar_type=bar_type)))
    with Timed() as timed:
        engine.run()
    equity = engine.cache.account_for_venue(VENUE).balance_total(USDT).as_double()
    for position in engine.cache.positions_open():
        equity += position.signed_qty * float(data["close"][count - 1])
    fills = sum(len(order.trade_ids) for order in engine.cache.orders_closed())
    engine.dispose()
    return timed, fills, equity


def main():
    data = dict(np.load(sys.argv[1]))
    count = int(sys.argv[2]) if len(sys.argv) > 2 else len(data["times"])
    answer(f"nautilus_trader {nautilus_trader.__version__}", lambda: play(data, count))


main()
