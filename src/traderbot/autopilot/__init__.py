"""Strategies that trade by themselves: run after every step, their signals and orders journaled with their
reasons.

Entry point: runner.Autopilot.
May import: backtests, portfolios, risk, trading, market, infra, strategies, intelligence, simulation,
engine, analytics, model.
"""
