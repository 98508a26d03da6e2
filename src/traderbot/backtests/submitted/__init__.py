"""Users' backtests: requests, processes of their own, rows, progress."""
