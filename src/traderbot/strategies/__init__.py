"""Strategies, one file each; a strategy sees its Context and nothing else.

Entry point: base.Strategy.
May import: intelligence, simulation, engine, analytics, model; no web framework, no database.
"""
