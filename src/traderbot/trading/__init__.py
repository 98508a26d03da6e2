"""Orders and accounts: the command path that decides and commits, the tables folded from the journal, their
queries.

Entry point: command_path.CommandPath.
May import: brokers, market, users, infra, strategies, simulation, engine, analytics, model.
"""
