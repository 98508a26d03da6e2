"""What an account may lose: analysis of its holdings, scenarios, and how much of each limit is used.

Entry points: analysis.analyse, scenarios.historical, status.status_of.
May import: portfolios, trading, market, users, infra, engine, analytics, model.
"""
