"""What an account is worth: cash, positions at their marks, equity and its history, how it did and why.

Entry point: valuation.portfolio_of.
May import: risk, trading, market, users, infra, simulation, engine, analytics, model.
"""
