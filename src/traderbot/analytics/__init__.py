"""Arrays in, numbers out: returns, windows, volatility and indicators over float64 bars.
Entry points: returns.total_returns, rolling.fold_windows, volatility.rolling_volatility, indicators.rsi.
May import numpy and traderbot.model only; no files, no clock, no objects of other rooms."""
