"""Many backtests at once: the compiled engine, its tape of bars, grids and searches."""
