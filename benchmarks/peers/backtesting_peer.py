"""backtesting.py on the bars of a file: python backtesting_peer.py FILE;
a JSON line for each line it is sent.

Moving averages 20/50 on all bars; the signal of a bar trades at the next open, 100 shares, a fee of one basis
point.
"""

import sys
import warnings

warnings.filterwarnings("ignore")
import backtesting  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from answering import Timed, answer  # noqa: E402

backtesting.backtesting._tqdm = lambda values, **_: values


def average(values, window):
    return pd.Series(values).rolling(window).mean().to_numpy()


class Crossover(backtesting.Strategy):
    def init(self):
        self.fast = self.I(average, self.data.Close, 20)
        self.slow = self.I(average, self.data.Close, 50)

    def next(self):
        fast, slow = self.fast[-1], self.slow[-1]
        if fast > slow:
            if not self.position:
                self.buy(size=100)
        elif fast < slow and self.position:
            self.position.close()


def main():
    data = np.load(sys.argv[1])
    names = {"Open": "open", "High": "high", "Low": "low", "Close": "close", "Volume": "volume"}
    frame = pd.DataFrame({name: data[column] for name, column in names.items()})
    frame.index = pd.to_datetime(data["times"], unit="us")
    run = backtesting.Backtest(frame, Crossover, cash=1_000_000, commission=1e-4, finalize_trades=False)

    def go():
        with Timed() as timed:
            found = run.run()
        fills = 2 * len(found["_trades"]) + len(found["_strategy"].trades)
        return timed, fills, float(found["Equity Final [$]"])

    answer(f"backtesting {backtesting.__version__}", go)


main()
