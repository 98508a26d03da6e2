"""vectorbt on the bars of a file: python vectorbt_peer.py FILE single|sweep;
a JSON line for each line it is sent.

Moving averages 20/50, or 400 pairs in four chunks of 100 columns, as its memory allows; the signal of a bar
trades at the next open, 100 shares, a fee of one basis point.
"""

import sys

import numpy as np
import pandas as pd
import vectorbt as vbt
from answering import Timed, answer

CASH, SHARES, FEE = 1_000_000.0, 100.0, 1e-4


def trade(close, opens, fast, slow):
    quick, lazy = vbt.MA.run(close, fast, short_name="f").ma, vbt.MA.run(close, slow, short_name="s").ma
    enters = np.roll(quick.values > lazy.values, 1, axis=0)
    leaves = np.roll(quick.values < lazy.values, 1, axis=0)
    enters[0] = leaves[0] = False
    return vbt.Portfolio.from_signals(
        close, enters, leaves, price=opens, size=SHARES, fees=FEE, init_cash=CASH, freq="1min"
    )


def single(data):
    close, opens = pd.Series(data["close"]), pd.Series(data["open"])
    portfolio = trade(close, opens, 20, 50)
    return int(portfolio.orders.count()), float(portfolio.final_value())


def sweep(data):
    close, opens = pd.Series(data["close"]), data["open"][:, None]
    fasts, slows = np.repeat(np.arange(5, 25), 20).tolist(), np.tile(np.arange(30, 130, 5), 20).tolist()
    fills, equity = 0, 0.0
    for first in range(0, 400, 100):
        portfolio = trade(close, opens, fasts[first : first + 100], slows[first : first + 100])
        portfolio.sharpe_ratio(), portfolio.max_drawdown(), portfolio.orders.records
        fills += int(portfolio.orders.count().sum())
        equity += float(portfolio.final_value().sum())
    return fills, equity


def main():
    data, work = dict(np.load(sys.argv[1])), {"single": single, "sweep": sweep}[sys.argv[2]]

    def go():
        with Timed() as timed:
            fills, equity = work(data)
        return timed, fills, equity

    answer(f"vectorbt {vbt.__version__}", go)


main()
