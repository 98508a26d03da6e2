"""Backtests: the live engine and the simulated broker over bars, without a database.

Entry point: runner.run.
May import: trading, brokers, market, infra, strategies, simulation, engine, analytics, model.
"""
