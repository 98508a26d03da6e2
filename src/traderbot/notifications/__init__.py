"""What users are told: an inbox for each, filled by handlers of events.

Entry point: handlers.inbox_handlers; repository for what is read.
May import: trading, market, users, infra, simulation, engine, analytics, model.
"""
